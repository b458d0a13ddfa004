"""What a run leaves behind: its orders and fills, and the book that follows from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray
    from nautilus_lab.backtesting._panel import Panel

ORDER_COLUMNS = ("time", "symbol", "side", "quantity", "filled", "price", "status", "reason")
FILL_COLUMNS = ("time", "symbol", "side", "quantity", "price", "commission", "order_id")


@dataclass(frozen=True, kw_only=True, eq=False)
class Ledger:
    """The trades of one run.

    Attributes
    ----------
    orders : DataFrame
        Indexed by order_id, in the order of sending; the columns of `ORDER_COLUMNS`.
    fills : DataFrame
        In the order of filling; the columns of `FILL_COLUMNS`.
    n_times : int
        Rows of the panel that were played; fewer than it has when the run was stopped.
    """

    orders: pd.DataFrame
    fills: pd.DataFrame
    n_times: int

    @property
    def digest(self) -> str:
        """SHA-256 over every fill: equal for runs that traded alike."""
        import numpy as np
        import pandas as pd

        fills = self.fills
        digest = hashlib.sha256("\n".join(fills["symbol"]).encode())
        digest.update(pd.DatetimeIndex(fills["time"]).as_unit("ns").asi8.tobytes())
        digest.update((fills["side"] == "BUY").to_numpy().tobytes())
        for name in ("quantity", "price", "commission"):
            digest.update(fills[name].to_numpy(dtype=np.float64).tobytes())
        return digest.hexdigest()

    def book(self, panel: Panel, cash: float) -> tuple[FloatArray, FloatArray]:
        """Return units held, time x symbol, and equity, by time, at the closes of the panel."""
        import numpy as np

        shape = (self.n_times, len(panel.symbols))
        traded, paid = np.zeros(shape), np.zeros(self.n_times)
        if len(self.fills):
            rows, columns = panel.places(self.fills)
            signs = np.where(self.fills["side"] == "BUY", 1.0, -1.0)
            units = signs * self.fills["quantity"].to_numpy()
            np.add.at(traded, (rows, columns), units)
            costs = self.fills["commission"].to_numpy()
            np.add.at(paid, rows, units * self.fills["price"].to_numpy() + costs)
        held = traded.cumsum(axis=0)
        return held, cash - paid.cumsum() + (held * panel.closes[: self.n_times]).sum(axis=1)
