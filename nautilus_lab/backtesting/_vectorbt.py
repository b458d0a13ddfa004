"""Moving-average crosses by the thousand, on vectorbt; the only file that imports it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nautilus_lab.backtesting._stop_button import out_of_reach
from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.backtesting._panel import Panel
    from nautilus_lab.strategies import Costs, SignalStrategy

# Combinations simulated at once: some tenths of a second, some tens of megabytes.
_CHUNK = 256


def play_crosses(
    strategy: SignalStrategy,
    combinations: Sequence[Mapping[str, Any]],
    panel: Panel,
    costs: Costs,
    cash: float,
) -> Iterator[dict[str, Any]]:
    """Yield the figures of each combination of `moving_average_cross` on one symbol.

    Raises
    ------
    InputError
        When a combination has a fast window that is not below its slow one.
    """
    import numpy as np
    import pandas as pd

    from nautilus_lab.backtesting._sweep import figures_of

    settings = [{**strategy.parameters, **combination} for combination in combinations]
    for one in settings:
        if not 1 <= one["fast"] < one["slow"] <= len(panel.times):
            raise InputError(
                "moving averages must have 1 <= fast < slow <= rows of the data",
                value=f"fast={one['fast']}, slow={one['slow']}, {len(panel.times)} rows",
                remedy="leave it out of the grid: where=lambda p: p['fast'] < p['slow']",
            )
    closes = pd.Series(panel.closes[:, 0], index=panel.times)
    windows = {one[key] for one in settings for key in ("fast", "slow")}
    # The averages are those of the strategy itself: another sum would break ties another way.
    means = {window: closes.rolling(window).mean().to_numpy() for window in windows}
    for begin in range(0, len(settings), _CHUNK):
        chunk = settings[begin : begin + _CHUNK]
        fast = np.column_stack([means[one["fast"]] for one in chunk])
        slow = np.column_stack([means[one["slow"]] for one in chunk])
        worth, values = out_of_reach(partial(_simulate, panel, fast, slow, costs, cash))
        for column, combination in enumerate(combinations[begin : begin + _CHUNK]):
            yield {**combination, **figures_of(worth[:, column], float(values[column]))}


def _simulate(
    panel: Panel, fast: FloatArray, slow: FloatArray, costs: Costs, cash: float
) -> tuple[FloatArray, FloatArray]:
    """Return equity, time x combination, and traded value by combination."""
    import numpy as np
    import pandas as pd
    import vectorbt as vbt

    fills = panel.fill_prices[:, 0]
    portfolio = vbt.Portfolio.from_signals(
        pd.Series(panel.closes[:, 0], index=panel.times),
        # Neither is true while an average is unknown.
        entries=_after(fast > slow),
        exits=_after(fast <= slow),
        price=fills[:, None],
        fees=costs.commission,
        slippage=costs.half_spread,
        init_cash=cash,
        freq="1D",
    )
    orders = portfolio.orders.records_arr
    traded = orders["size"] * fills[orders["idx"]]
    return portfolio.value().to_numpy(), np.bincount(orders["col"], traded, minlength=fast.shape[1])


def _after(signals: Any) -> Any:
    """Move signals to the row at which they fill."""
    import numpy as np

    moved = np.zeros_like(signals)
    moved[1:] = signals[:-1]
    return moved
