"""Whether prices run or chop, and what it costs to sit through it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import before_window, over_windows, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

STRAIGHTNESS = FeatureRegistry()


@STRAIGHTNESS.define(
    title="Choppiness index",
    group="volatility",
    inputs=("high", "low", "close"),
    parameters={"window": Parameter(default=14, least=2)},
    warm_up=window_of,
    history=lambda settings: int(settings["window"]) + 1,
    reference="Dreiss (1993): the log of the sum of true ranges over the whole range, of the base "
    "`window`, in percent; 100 chops, 0 runs; NaN where there is no range",
)
def choppiness(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14
) -> FloatArray:
    """Return how much of the way of the last bars led nowhere."""
    import numpy as np
    import talib

    wide = talib.TRANGE(high, low, close)

    def reduce(ranges: FloatArray, highs: FloatArray, lows: FloatArray) -> FloatArray:
        whole = highs.max(axis=1) - lows.min(axis=1)
        return np.asarray(100 * np.log(ranges.sum(axis=1) / whole) / math.log(window))

    return over_windows(reduce, window, wide, high, low)


@STRAIGHTNESS.define(
    title="Ulcer index",
    group="volatility",
    inputs=("close",),
    parameters={"window": Parameter(default=14)},
    warm_up=lambda settings: 2 * int(settings["window"]) - 2,
    history=lambda settings: 2 * int(settings["window"]) - 1,
    reference="Martin and McCann (1989), The Investor's Guide to Fidelity Funds: the root of the "
    "mean square of the drops from the highest close of a window, in percent",
)
def ulcer_index(close: FloatArray, window: int = 14) -> FloatArray:
    """Return how deep and how long the closes were under their highest, in percent."""
    import numpy as np

    highest = over_windows(lambda closes: closes.max(axis=1), window, close)
    drops = 100 * (close / highest - 1)
    return over_windows(lambda part: np.sqrt((part**2).mean(axis=1)), window, drops)


@STRAIGHTNESS.define(
    title="Random walk index",
    group="trend",
    inputs=("high", "low", "close"),
    outputs=("up", "down"),
    parameters={"window": Parameter(default=14, least=2)},
    warm_up=window_of,
    history=lambda settings: int(settings["window"]) + 1,
    reference="Poulos (1991), Stocks and Commodities 9: the move since up to `window` bars ago "
    "over what a walk of their true range makes; above 1 is no walk; NaN where nothing moved",
)
def random_walk_index(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14
) -> tuple[FloatArray, ...]:
    """Return the largest move up, and down, in the ranges that a random walk would make."""
    import numpy as np
    import talib

    wide = talib.TRANGE(high, low, close)
    up = np.full((window, len(close)), -np.inf)
    down = up.copy()
    for bars in range(1, window + 1):
        mean = over_windows(lambda ranges: ranges.mean(axis=1), bars, wide)
        with np.errstate(divide="ignore", invalid="ignore"):
            walk = mean[bars:] * math.sqrt(bars)
            up[bars - 1, bars:] = (high[bars:] - low[:-bars]) / walk
            down[bars - 1, bars:] = (high[:-bars] - low[bars:]) / walk
    return tuple(_known(one.max(axis=0), window) for one in (up, down))


def _known(values: FloatArray, first: int) -> FloatArray:
    import numpy as np

    values[:first] = np.nan
    return np.where(np.isfinite(values), values, np.nan)


@STRAIGHTNESS.define(
    title="Fit of a line",
    group="statistic",
    inputs=("close",),
    outputs=("r_squared", "standard_error"),
    parameters={"window": Parameter(default=14, least=3)},
    warm_up=before_window,
    history=window_of,
    reference="of the least-squares line through the closes: the share of their variance that it "
    "explains, NaN where they stand still, and the error of the estimate, divisor n - 2",
)
def line_fit(close: FloatArray, window: int = 14) -> tuple[FloatArray, ...]:
    """Return how well a line fits the closes of a window, and by how much it misses them."""
    import numpy as np

    number = np.arange(window) - (window - 1) / 2
    squares = float((number**2).sum())

    def explained(closes: FloatArray) -> tuple[FloatArray, FloatArray]:
        apart = closes - closes.mean(axis=1, keepdims=True)
        slope = apart @ number / squares
        missed = ((apart - slope[:, None] * number) ** 2).sum(axis=1)
        return missed, (apart**2).sum(axis=1)

    def share(closes: FloatArray) -> FloatArray:
        missed, whole = explained(closes)
        return np.where(closes.max(axis=1) > closes.min(axis=1), 1 - missed / whole, np.nan)

    def error(closes: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(explained(closes)[0] / (window - 2)))

    return over_windows(share, window, close), over_windows(error, window, close)
