"""Volatility from the range of bars, a year's, as a fraction."""

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

RANGE_VOLATILITY = FeatureRegistry()

_SETTINGS = {
    "window": Parameter(default=20, least=2),
    "periods_per_year": Parameter(default=252.0, least=1, most=1e7),
}
_FOUR_LOG_2 = 4 * math.log(2)
_TWO_LOG_2_LESS_1 = 2 * math.log(2) - 1


def _root(variance: FloatArray, periods_per_year: float) -> FloatArray:
    import numpy as np

    # maximum() leaves what is not known as it is.
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) * periods_per_year))


@RANGE_VOLATILITY.define(
    title="Close-to-close volatility",
    group="volatility",
    inputs=("close",),
    parameters=_SETTINGS,
    warm_up=window_of,
    history=window_and_one,
    reference="the deviation of log returns, divisor n - 1",
)
def close_volatility(
    close: FloatArray, window: int = 20, periods_per_year: float = 252.0
) -> FloatArray:
    """Return the deviation of the last log returns, annual."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        return np.asarray(np.diff(np.log(closes), axis=1).var(axis=1, ddof=1))

    return _root(over_windows(reduce, window + 1, close), periods_per_year)


@RANGE_VOLATILITY.define(
    title="Parkinson volatility",
    group="volatility",
    inputs=("high", "low"),
    parameters=_SETTINGS,
    warm_up=before_window,
    history=window_of,
    reference="Parkinson (1980), J. of Business 53, 61-65",
)
def parkinson(
    high: FloatArray, low: FloatArray, window: int = 20, periods_per_year: float = 252.0
) -> FloatArray:
    """Return the volatility that the bars' ranges tell of a price without drift."""
    import numpy as np

    def reduce(ranges: FloatArray) -> FloatArray:
        return np.asarray((ranges**2).mean(axis=1) / _FOUR_LOG_2)

    return _root(over_windows(reduce, window, np.log(high / low)), periods_per_year)


@RANGE_VOLATILITY.define(
    title="Garman-Klass volatility",
    group="volatility",
    inputs=("open", "high", "low", "close"),
    parameters=_SETTINGS,
    warm_up=before_window,
    history=window_of,
    reference="Garman and Klass (1980), J. of Business 53, 67-78",
)
def garman_klass(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    window: int = 20,
    periods_per_year: float = 252.0,
) -> FloatArray:
    """Return the volatility that range, open and close tell of a price without drift or gaps."""
    import numpy as np

    terms = 0.5 * np.log(high / low) ** 2 - _TWO_LOG_2_LESS_1 * np.log(close / open_) ** 2
    return _root(over_windows(_mean, window, terms), periods_per_year)


@RANGE_VOLATILITY.define(
    title="Rogers-Satchell volatility",
    group="volatility",
    inputs=("open", "high", "low", "close"),
    parameters=_SETTINGS,
    warm_up=before_window,
    history=window_of,
    reference="Rogers and Satchell (1991), Annals of Applied Probability 1, 504-512",
)
def rogers_satchell(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    window: int = 20,
    periods_per_year: float = 252.0,
) -> FloatArray:
    """Return the volatility that the bars tell of a price that may drift."""
    return _root(
        over_windows(_mean, window, _rogers_satchell(open_, high, low, close)), periods_per_year
    )


@RANGE_VOLATILITY.define(
    title="Yang-Zhang volatility",
    group="volatility",
    inputs=("open", "high", "low", "close"),
    parameters=_SETTINGS,
    warm_up=window_of,
    history=window_and_one,
    reference="Yang and Zhang (2000), J. of Business 73, 477-491",
)
def yang_zhang(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    window: int = 20,
    periods_per_year: float = 252.0,
) -> FloatArray:
    """Return the volatility of a price that may drift and gap between bars."""
    import numpy as np

    weight = 0.34 / (1.34 + (window + 1) / (window - 1))
    gaps = np.full(len(close), np.nan)
    gaps[1:] = np.log(open_[1:] / close[:-1])
    days = np.log(close / open_)
    ranges = _rogers_satchell(open_, high, low, close)

    def reduce(gap: FloatArray, day: FloatArray, spread: FloatArray) -> FloatArray:
        overnight, within = gap.var(axis=1, ddof=1), day.var(axis=1, ddof=1)
        return np.asarray(overnight + weight * within + (1 - weight) * spread.mean(axis=1))

    return _root(over_windows(reduce, window, gaps, days, ranges), periods_per_year)


def _rogers_satchell(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> FloatArray:
    import numpy as np

    return np.asarray(
        np.log(high / close) * np.log(high / open_) + np.log(low / close) * np.log(low / open_)
    )


def _mean(terms: FloatArray) -> FloatArray:
    import numpy as np

    return np.asarray(terms.mean(axis=1))
