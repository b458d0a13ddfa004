"""Moments of the returns of a window."""

from __future__ import annotations

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

MOMENTS = FeatureRegistry()


def _settings(default: int, least: int) -> dict[str, Parameter]:
    return {"window": Parameter(default=default, least=least)}


def _returns(closes: FloatArray) -> FloatArray:
    returns: FloatArray = closes[:, 1:] / closes[:, :-1] - 1
    return returns


@MOMENTS.define(
    title="Return of a window",
    group="rolling",
    inputs=("close",),
    parameters=_settings(20, 1),
    warm_up=window_of,
    history=window_and_one,
    reference="close over the close `window` bars ago, less 1",
)
def window_return(close: FloatArray, window: int = 20) -> FloatArray:
    """Return the simple return over the last bars."""
    return over_windows(lambda closes: closes[:, -1] / closes[:, 0] - 1, window + 1, close)


@MOMENTS.define(
    title="Distance from the mean",
    group="rolling",
    inputs=("close",),
    parameters=_settings(20, 2),
    warm_up=before_window,
    history=window_of,
    reference="(close - mean) / deviation, divisor n - 1; NaN where nothing moved",
)
def zscore(close: FloatArray, window: int = 20) -> FloatArray:
    """Return how many deviations a close is from the mean of its window."""

    def reduce(closes: FloatArray) -> FloatArray:
        moved = closes.max(axis=1) > closes.min(axis=1)
        distance = closes[:, -1] - closes.mean(axis=1)
        found: FloatArray = distance / closes.std(axis=1, ddof=1)
        found[~moved] = float("nan")
        return found

    return over_windows(reduce, window, close)


@MOMENTS.define(
    title="Skewness of returns",
    group="rolling",
    inputs=("close",),
    parameters=_settings(60, 3),
    warm_up=window_of,
    history=window_and_one,
    reference="Fisher-Pearson, adjusted for bias: G1 of Joanes and Gill (1998)",
)
def skewness(close: FloatArray, window: int = 60) -> FloatArray:
    """Return how lopsided the returns of a window are."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        apart = _centred(_returns(closes))
        second, third = (apart**2).mean(axis=1), (apart**3).mean(axis=1)
        biased = third / second**1.5
        return np.asarray(np.sqrt(window * (window - 1)) / (window - 2) * biased)

    return over_windows(reduce, window + 1, close)


@MOMENTS.define(
    title="Excess kurtosis of returns",
    group="rolling",
    inputs=("close",),
    parameters=_settings(60, 4),
    warm_up=window_of,
    history=window_and_one,
    reference="adjusted for bias: G2 of Joanes and Gill (1998)",
)
def kurtosis(close: FloatArray, window: int = 60) -> FloatArray:
    """Return how heavy the tails of the returns of a window are; 0 for a normal law."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        apart = _centred(_returns(closes))
        excess = (apart**4).mean(axis=1) / (apart**2).mean(axis=1) ** 2 - 3
        scale = (window - 1) / ((window - 2) * (window - 3))
        return np.asarray(scale * ((window + 1) * excess + 6))

    return over_windows(reduce, window + 1, close)


@MOMENTS.define(
    title="Autocorrelation of returns",
    group="rolling",
    inputs=("close",),
    parameters=_settings(60, 4),
    warm_up=window_of,
    history=window_and_one,
    reference="of returns and the ones before them, Pearson",
)
def autocorrelation(close: FloatArray, window: int = 60) -> FloatArray:
    """Return the correlation of each return with the one before it."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        returns = _returns(closes)
        now, before = _centred(returns[:, 1:]), _centred(returns[:, :-1])
        spread = np.sqrt((now**2).sum(axis=1) * (before**2).sum(axis=1))
        return np.asarray((now * before).sum(axis=1) / spread)

    return over_windows(reduce, window + 1, close)


@MOMENTS.define(
    title="Drawdown of a window",
    group="rolling",
    inputs=("close",),
    parameters=_settings(252, 1),
    warm_up=before_window,
    history=window_of,
    reference="1 - close / highest close of the window",
)
def drawdown(close: FloatArray, window: int = 252) -> FloatArray:
    """Return how far a close is below the highest one of its window, a fraction."""
    return over_windows(lambda closes: 1 - closes[:, -1] / closes.max(axis=1), window, close)


def _centred(values: FloatArray) -> FloatArray:
    centred: FloatArray = values - values.mean(axis=1, keepdims=True)
    return centred
