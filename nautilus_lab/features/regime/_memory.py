"""Whether prices trend, revert or wander: from the closes of a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import (
    before_window,
    over_windows,
    window_and_one,
    window_of,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

MEMORY = FeatureRegistry()


@MEMORY.define(
    title="Variance ratio",
    group="regime",
    inputs=("close",),
    parameters={"window": Parameter(default=120, least=8), "lag": Parameter(default=5, least=2)},
    warm_up=window_of,
    history=window_and_one,
    reference="Lo and MacKinlay (1988), Review of Financial Studies 1, 41-66, eq. 12, overlapping "
    "and corrected for bias; 1 for a random walk, above for a trend, below for reversion",
)
def variance_ratio(close: FloatArray, window: int = 120, lag: int = 5) -> FloatArray:
    """Return the variance of returns over `lag` bars over `lag` times that of one bar."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        logs = np.log(closes)
        drift = (logs[:, -1:] - logs[:, :1]) / window
        single = ((np.diff(logs, axis=1) - drift) ** 2).sum(axis=1) / (window - 1)
        scale = lag * (window - lag + 1) * (1 - lag / window)
        several = ((logs[:, lag:] - logs[:, :-lag] - lag * drift) ** 2).sum(axis=1) / scale
        return np.asarray(several / single)

    return over_windows(reduce, window + 1, close)


@MEMORY.define(
    title="Half-life of reversion",
    group="regime",
    inputs=("close",),
    parameters={"window": Parameter(default=120, least=5)},
    warm_up=before_window,
    history=window_of,
    reference="-ln 2 / b of the regression of price changes on the price before, as of an "
    "Ornstein-Uhlenbeck process; NaN where prices do not revert",
)
def half_life(close: FloatArray, window: int = 120) -> FloatArray:
    """Return how many bars it takes a deviation from the mean to halve."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        before, change = closes[:, :-1], np.diff(closes, axis=1)
        apart = before - before.mean(axis=1, keepdims=True)
        slope = (apart * change).sum(axis=1) / (apart**2).sum(axis=1)
        return np.where(slope < 0, -math.log(2) / slope, np.nan)

    return over_windows(reduce, window, close)


@MEMORY.define(
    title="Hurst exponent",
    group="regime",
    inputs=("close",),
    parameters={"window": Parameter(default=120, least=32)},
    warm_up=window_of,
    history=window_and_one,
    reference="the slope of the log deviation of price differences over the log lag, lags 2 to 16; "
    "0.5 for a random walk, above for a trend, below for reversion",
)
def hurst(close: FloatArray, window: int = 120) -> FloatArray:
    """Return how the spread of price differences grows with the lag."""
    import numpy as np

    lags = np.arange(2, 17)
    logs = np.log(lags) - np.log(lags).mean()

    def reduce(closes: FloatArray) -> FloatArray:
        prices = np.log(closes)
        spread = np.stack(
            [np.std(prices[:, lag:] - prices[:, :-lag], axis=1) for lag in lags.tolist()], axis=1
        )
        return np.asarray(np.log(spread) @ logs / (logs @ logs))

    return over_windows(reduce, window + 1, close)


@MEMORY.define(
    title="Fractal dimension",
    group="regime",
    inputs=("high", "low"),
    parameters={"window": Parameter(default=30, least=4)},
    warm_up=lambda settings: 2 * (int(settings["window"]) // 2) - 1,
    history=lambda settings: 2 * (int(settings["window"]) // 2),
    reference="Ehlers (2010), Fractal Adaptive Moving Average: the ranges of a window and of its "
    "halves; 1 for a line, 2 for what fills the plane",
)
def fractal_dimension(high: FloatArray, low: FloatArray, window: int = 30) -> FloatArray:
    """Return how jagged the last bars are."""
    import numpy as np

    half = window // 2

    def reduce(highs: FloatArray, lows: FloatArray) -> FloatArray:
        def span(part: slice) -> FloatArray:
            return np.asarray(highs[:, part].max(axis=1) - lows[:, part].min(axis=1))

        first, second = span(slice(0, half)) / half, span(slice(half, None)) / half
        whole = span(slice(None)) / (2 * half)
        return np.asarray((np.log(first + second) - np.log(whole)) / math.log(2))

    return over_windows(reduce, 2 * half, high, low)


@MEMORY.define(
    title="Permutation entropy",
    group="regime",
    inputs=("close",),
    parameters={"window": Parameter(default=120, least=12)},
    warm_up=before_window,
    history=window_of,
    reference="Bandt and Pompe (2002), Physical Review Letters 88, 174102: orders of three closes, "
    "as a fraction of ln 6; 1 for noise",
)
def permutation_entropy(close: FloatArray, window: int = 120) -> FloatArray:
    """Return how evenly the orders of three closes occur in a window."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        first, second, third = closes[:, :-2], closes[:, 1:-1], closes[:, 2:]
        # ties as if the later one were the higher
        kind = 4 * (first <= second) + 2 * (second <= third) + (first <= third)
        found = np.zeros(len(closes))
        for order in range(8):
            share = (kind == order).mean(axis=1)
            found -= np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0)
        return np.asarray(found / math.log(6))

    return over_windows(reduce, window, close)
