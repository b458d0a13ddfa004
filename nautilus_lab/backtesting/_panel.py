"""Data of a backtest as arrays: every symbol at every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.frames import BAR_COLUMNS, require_prices
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.strategies import closes_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import Bars, FloatArray, Prices


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Prices, time x symbol, and what is known of them.

    Attributes
    ----------
    times : DatetimeIndex
        Labels of the bars, UTC.
    symbols : tuple of str
        Columns of the arrays.
    opens, highs, lows, closes, volumes : arrays, shape (time, symbol)
        Of data that have closes only, all four prices are the close and volumes are 0.
    has_opens : bool
        Whether the data are bars, so that orders fill at opens; else they fill at closes.
    frame : DataFrame
        The closes as a wide frame, checked.
    made_by : Provenance
        The marks of the data.
    """

    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    opens: FloatArray
    highs: FloatArray
    lows: FloatArray
    closes: FloatArray
    volumes: FloatArray
    has_opens: bool
    frame: Prices
    made_by: Provenance

    @property
    def fill_prices(self) -> FloatArray:
        """What orders of the time before fill at: opens, or closes when there are only those."""
        return self.opens

    def places(self, fills: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return row and column of each fill: of the last label not later than it, its symbol."""
        import numpy as np
        import pandas as pd

        # Labels may be coarser than the nanoseconds of a fill; rounding down keeps the row.
        times = pd.DatetimeIndex(fills["time"]).as_unit(self.times.unit)
        rows = self.times.searchsorted(times, side="right") - 1
        place = {symbol: column for column, symbol in enumerate(self.symbols)}
        columns = fills["symbol"].map(place)
        return np.asarray(rows, dtype=np.intp), np.asarray(columns, dtype=np.intp)


def panel_of(data: Prices | Bars) -> Panel:
    """Check `data` and lay them out.

    Raises
    ------
    LabError
        When the data are unusable, shorter than two rows, or bars do not have every symbol at
        every time.
    """
    import numpy as np
    import pandas as pd

    closes = require_prices(closes_of(data), at_least=2)
    has_opens = data.index.nlevels > 1
    if has_opens:
        shape = closes.shape
        # closes_of has seen to it that the rows are the full product, sorted by time and symbol.
        columns = [data[name].to_numpy(dtype=float).reshape(shape) for name in BAR_COLUMNS]
    else:
        prices = closes.to_numpy(dtype=float)
        columns = [prices, prices, prices, prices, np.zeros_like(prices)]
    opens, highs, lows, last, volumes = columns
    return Panel(
        times=pd.DatetimeIndex(closes.index),
        symbols=tuple(map(str, closes.columns)),
        opens=opens,
        highs=highs,
        lows=lows,
        closes=last,
        volumes=volumes,
        has_opens=has_opens,
        frame=closes,
        made_by=provenance(data),
    )
