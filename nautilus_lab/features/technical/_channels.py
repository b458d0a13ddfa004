"""Bands, stops and levels that TA-Lib lacks, composed of its functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import before_window, over_windows, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

CHANNELS = FeatureRegistry()

_FADED = 45  # as of TA-Lib's


@CHANNELS.define(
    title="Place in the Bollinger bands",
    group="volatility",
    inputs=("close",),
    outputs=("percent_b", "bandwidth"),
    parameters={
        "window": Parameter(default=20, least=2),
        "deviations": Parameter(default=2.0, least=0.1, most=100),
    },
    warm_up=before_window,
    history=window_of,
    reference="Bollinger (2001), Bollinger on Bollinger Bands: 0 at the lower band, 1 at the "
    "upper; and their distance over the middle. NaN where nothing moved",
)
def bollinger_position(
    close: FloatArray, window: int = 20, deviations: float = 2.0
) -> tuple[FloatArray, ...]:
    """Return where a close is between its bands, and how wide they are."""

    def spread(closes: FloatArray) -> FloatArray:
        import numpy as np

        moved = closes.max(axis=1) > closes.min(axis=1)
        return np.where(moved, closes.std(axis=1), np.nan)

    middle = over_windows(lambda closes: closes.mean(axis=1), window, close)
    band = deviations * over_windows(spread, window, close)
    return (close - middle + band) / (2 * band), 2 * band / middle


@CHANNELS.define(
    title="TTM squeeze",
    group="volatility",
    inputs=("high", "low", "close"),
    outputs=("squeeze", "momentum"),
    parameters={
        "window": Parameter(default=20, least=2),
        "deviations": Parameter(default=2.0, least=0.1, most=100),
        "ranges": Parameter(default=1.5, least=0.1, most=100),
    },
    warm_up=lambda settings: 2 * int(settings["window"]) - 2,
    history=lambda settings: (2 + _FADED) * int(settings["window"]) + 60,
    reference="Carter (2012), Mastering the Trade: 1 while Bollinger's bands lie within Keltner's, "
    "else 0; and the end of a line through closes less the mean of average and Donchian's middle",
)
def ttm_squeeze(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    window: int = 20,
    deviations: float = 2.0,
    ranges: float = 1.5,
) -> tuple[FloatArray, ...]:
    """Return whether volatility is squeezed, and which way the price leans."""
    import numpy as np
    import talib

    upper, _, lower = talib.BBANDS(close, window, deviations, deviations)
    middle, wide = talib.EMA(close, window), ranges * _average_range(high, low, close, window)
    inside = (upper < middle + wide) & (lower > middle - wide)
    donchian = (talib.MAX(high, window) + talib.MIN(low, window)) / 2
    leaning = talib.LINEARREG(close - (donchian + talib.SMA(close, window)) / 2, window)
    return np.where(np.isnan(upper + wide), np.nan, inside), leaning


@CHANNELS.define(
    title="Chandelier exit",
    group="trend",
    inputs=("high", "low", "close"),
    outputs=("long", "short"),
    parameters={
        "timeperiod": Parameter(default=22),
        "multiplier": Parameter(default=3.0, least=0, most=100),
    },
    warm_up=lambda settings: int(settings["timeperiod"]),
    history=lambda settings: (1 + _FADED) * int(settings["timeperiod"]) + 60,
    reference="Le Beau (1999), in Elder, Come into My Trading Room (2002): the highest high less, "
    "and the lowest low plus, so many average true ranges",
)
def chandelier_exit(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    timeperiod: int = 22,
    multiplier: float = 3.0,
) -> tuple[FloatArray, ...]:
    """Return where a long and a short position would be left."""
    import talib

    wide = multiplier * talib.ATR(high, low, close, timeperiod)
    top = over_windows(lambda highs: highs.max(axis=1), timeperiod, high)
    bottom = over_windows(lambda lows: lows.min(axis=1), timeperiod, low)
    return top - wide, bottom + wide


@CHANNELS.define(
    title="Chande-Kroll stop",
    group="trend",
    inputs=("high", "low", "close"),
    outputs=("short", "long"),
    parameters={
        "timeperiod": Parameter(default=10, least=2),
        "multiplier": Parameter(default=1.0, least=0, most=100),
        "window": Parameter(default=9),
    },
    warm_up=lambda settings: int(settings["timeperiod"] + settings["window"]) - 2,
    history=lambda settings: (
        (1 + _FADED) * int(settings["timeperiod"]) + int(settings["window"]) + 60
    ),
    reference="Chande and Kroll (1994), The New Technical Trader; true ranges averaged as "
    "Wilder does",
)
def chande_kroll_stop(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    timeperiod: int = 10,
    multiplier: float = 1.0,
    window: int = 9,
) -> tuple[FloatArray, ...]:
    """Return the highest of the stops under the highs, and the lowest of those over the lows."""
    wide = multiplier * _average_range(high, low, close, timeperiod)
    top = over_windows(lambda highs: highs.max(axis=1), timeperiod, high) - wide
    bottom = over_windows(lambda lows: lows.min(axis=1), timeperiod, low) + wide
    return (
        over_windows(lambda tops: tops.max(axis=1), window, top),
        over_windows(lambda bottoms: bottoms.min(axis=1), window, bottom),
    )


def _average_range(high: FloatArray, low: FloatArray, close: FloatArray, period: int) -> FloatArray:
    """Return Wilder's average of true ranges, the first bar's range among them."""
    import numpy as np
    import talib

    wide = np.asarray(high - low)
    if len(wide) > 1:
        wide[1:] = talib.TRANGE(high, low, close)[1:]
    return np.asarray(talib.RMA(wide, period))


@CHANNELS.define(
    title="Pivot points",
    group="price",
    inputs=("high", "low", "close"),
    outputs=("pivot", "r1", "s1", "r2", "s2", "r3", "s3"),
    warm_up=1,
    history=2,
    reference="the floor traders' levels of this bar, from the bar before: Person (2004), A "
    "Complete Guide to Technical Trading Tactics",
)
def pivot_points(high: FloatArray, low: FloatArray, close: FloatArray) -> tuple[FloatArray, ...]:
    """Return the pivot, and three levels of resistance and support."""
    top, bottom, last = _before(high), _before(low), _before(close)
    pivot, wide = (top + bottom + last) / 3, top - bottom
    first = (2 * pivot - bottom, 2 * pivot - top)
    second = (pivot + wide, pivot - wide)
    third = (top + 2 * (pivot - bottom), bottom - 2 * (top - pivot))
    return pivot, *first, *second, *third


@CHANNELS.define(
    title="Fibonacci pivots",
    group="price",
    inputs=("high", "low", "close"),
    outputs=("pivot", "r1", "s1", "r2", "s2", "r3", "s3"),
    warm_up=1,
    history=2,
    reference="the pivot of the bar before, and 0.382, 0.618 and 1 of its range to both sides",
)
def fibonacci_pivots(
    high: FloatArray, low: FloatArray, close: FloatArray
) -> tuple[FloatArray, ...]:
    """Return the pivot, and three levels of resistance and support."""
    top, bottom = _before(high), _before(low)
    pivot, wide = (top + bottom + _before(close)) / 3, top - bottom
    levels = [pivot]
    for part in (0.382, 0.618, 1.0):
        levels += [pivot + part * wide, pivot - part * wide]
    return tuple(levels)


@CHANNELS.define(
    title="Camarilla levels",
    group="price",
    inputs=("high", "low", "close"),
    outputs=("r3", "s3", "r4", "s4"),
    warm_up=1,
    history=2,
    reference="Scott (1989): the close of the bar before, and 1.1 / 4 and 1.1 / 2 of its range to "
    "both sides",
)
def camarilla(high: FloatArray, low: FloatArray, close: FloatArray) -> tuple[FloatArray, ...]:
    """Return the levels at which a day turns, and those beyond which it runs."""
    wide, last = 1.1 * (_before(high) - _before(low)), _before(close)
    return last + wide / 4, last - wide / 4, last + wide / 2, last - wide / 2


def _before(values: FloatArray) -> FloatArray:
    import numpy as np

    out = np.full(len(values), np.nan)
    out[1:] = values[:-1]
    return out
