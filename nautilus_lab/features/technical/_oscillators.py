"""Oscillators that TA-Lib lacks, most of them composed of its functions."""

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

OSCILLATORS = FeatureRegistry()

_FADED = 45  # an average of n bars has forgotten what is 45 n bars ago, to 1e-13


@OSCILLATORS.define(
    title="Know Sure Thing",
    group="momentum",
    inputs=("close",),
    outputs=("kst", "signal"),
    parameters={"signal": Parameter(default=9)},
    warm_up=lambda settings: 43 + int(settings["signal"]),
    history=lambda settings: 44 + int(settings["signal"]),
    reference="Pring (1992), Stocks and Commodities 10: rates of change of 10, 15, 20 and 30 bars, "
    "smoothed over 10, 10, 10 and 15, weighted 1 to 4",
)
def kst(close: FloatArray, signal: int = 9) -> tuple[FloatArray, ...]:
    """Return Pring's sum of four smoothed rates of change, and its average."""
    import numpy as np
    import talib

    spans = ((10, 10), (15, 10), (20, 10), (30, 15))
    line = np.zeros(len(close))
    for weight, (roc, mean) in enumerate(spans, 1):
        line += weight * talib.SMA(talib.ROC(close, roc), mean)
    return line, talib.SMA(line, signal)


@OSCILLATORS.define(
    title="Connors RSI",
    group="momentum",
    inputs=("close",),
    parameters={
        "timeperiod": Parameter(default=3, least=2),
        "streak": Parameter(default=2, least=2),
        "rank": Parameter(default=100, least=2),
    },
    warm_up=lambda settings: int(
        max(settings["rank"] + 1, settings["timeperiod"], settings["streak"])
    ),
    history=lambda settings: int(
        max(settings["rank"], _FADED * settings["timeperiod"], _FADED * settings["streak"]) + 150
    ),
    reference="Connors and Alvarez (2012), An Introduction to ConnorsRSI: the mean of RSI of the "
    "close, RSI of the streak of rises or falls, and the rank of the last return among `rank`",
)
def connors_rsi(
    close: FloatArray, timeperiod: int = 3, streak: int = 2, rank: int = 100
) -> FloatArray:
    """Return the mean of three measures of how far a move went, in [0, 100]."""
    import numpy as np
    import talib

    if len(close) <= 1:
        return np.full(len(close), np.nan)
    returns = np.full(len(close), np.nan)
    returns[1:] = close[1:] / close[:-1] - 1

    def below(values: FloatArray) -> FloatArray:
        return np.asarray(100 * (values[:, :-1] < values[:, -1:]).mean(axis=1))

    ranked = over_windows(below, rank + 1, returns[1:])
    out: FloatArray = np.full(len(close), np.nan)
    of_close = talib.RSI(close, timeperiod)
    of_streak = talib.RSI(_streaks(close), streak)
    out[1:] = (of_close[1:] + of_streak[1:] + ranked) / 3
    return out


def _streaks(close: FloatArray) -> FloatArray:
    """Return how many rises in a row there were, or falls, as a negative number."""
    import numpy as np

    side = np.zeros(len(close))
    side[1:] = np.sign(np.diff(close))
    turned = np.flatnonzero(np.diff(side, prepend=np.nan) != 0)
    begun = np.zeros(len(close), dtype=np.intp)
    begun[turned] = turned
    return np.asarray(side * (np.arange(len(close)) - np.maximum.accumulate(begun) + 1))


@OSCILLATORS.define(
    title="Fisher transform",
    group="momentum",
    inputs=("high", "low"),
    outputs=("fisher", "trigger"),
    parameters={"timeperiod": Parameter(default=10, least=2)},
    warm_up=lambda settings: int(settings["timeperiod"]),
    history=lambda settings: int(settings["timeperiod"]) + 150,
    reference="Ehlers (2002), Stocks and Commodities 20:11, Using the Fisher Transform",
)
def fisher_transform(
    high: FloatArray, low: FloatArray, timeperiod: int = 10
) -> tuple[FloatArray, ...]:
    """Return where in its range the middle is, made nearly Gaussian, and the value before."""
    import numpy as np

    from nautilus_lab.features.technical._recursions_kernels import fisher

    middle = (high + low) / 2

    def place(values: FloatArray) -> FloatArray:
        least, most = values.min(axis=1), values.max(axis=1)
        moved = most > least
        found = np.zeros(len(values))
        np.divide(values[:, -1] - least, most - least, out=found, where=moved)
        return np.where(moved, found - 0.5, 0.0)

    line = fisher(over_windows(place, timeperiod, middle))
    before = np.full(len(line), np.nan)
    before[1:] = line[:-1]
    return line, before


@OSCILLATORS.define(
    title="Relative vigor index",
    group="momentum",
    inputs=("open", "high", "low", "close"),
    outputs=("vigor", "signal"),
    parameters={"timeperiod": Parameter(default=10, least=2)},
    warm_up=lambda settings: int(settings["timeperiod"]) + 5,
    history=lambda settings: int(settings["timeperiod"]) + 6,
    reference="Ehlers (2002), Stocks and Commodities 20:1, Relative Vigor Index; NaN where no bar "
    "has a range",
)
def relative_vigor(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    timeperiod: int = 10,
) -> tuple[FloatArray, ...]:
    """Return how far bars close from their open, as a share of their range; and its average."""
    import numpy as np
    import talib

    body, wide = (
        talib.SUM(_swma(close - open_), timeperiod),
        talib.SUM(_swma(high - low), timeperiod),
    )
    line = np.full(len(close), np.nan)
    np.divide(body, wide, out=line, where=wide > 1e-12 * close)
    return line, _swma(line)


def _swma(values: FloatArray) -> FloatArray:
    """Return the average of four values with weights 1, 2, 2, 1."""
    import numpy as np

    out = np.full(len(values), np.nan)
    if len(values) > 3:
        a, b, c, d = values[3:], values[2:-1], values[1:-2], values[:-3]
        out[3:] = (a + 2 * b + 2 * c + d) / 6
    return out


@OSCILLATORS.define(
    title="Schaff trend cycle",
    group="momentum",
    inputs=("close",),
    parameters={
        "fastperiod": Parameter(default=23),
        "slowperiod": Parameter(default=50),
        "cycle": Parameter(default=10, least=2),
        "smooth": Parameter(default=3),
    },
    warm_up=lambda settings: int(
        max(settings["fastperiod"], settings["slowperiod"])
        + 2 * (settings["cycle"] + settings["smooth"])
        - 5
    ),
    history=lambda settings: int(
        _FADED * max(settings["fastperiod"], settings["slowperiod"])
        + 2 * (settings["cycle"] + settings["smooth"])
    ),
    reference="Schaff (1999): the stochastic of the stochastic of MACD, each smoothed, here by a "
    "simple average; 100 where it did not move",
)
def schaff_trend(
    close: FloatArray,
    fastperiod: int = 23,
    slowperiod: int = 50,
    cycle: int = 10,
    smooth: int = 3,
) -> FloatArray:
    """Return how far a trend's cycle has gone, in [0, 100]."""
    import numpy as np
    import talib

    line = talib.EMA(close, fastperiod) - talib.EMA(close, slowperiod)
    for _ in range(2):
        line = talib.SMA(_stochastic(line, cycle), smooth)
    return np.asarray(np.clip(line, 0.0, 100.0))


def _stochastic(values: FloatArray, window: int) -> FloatArray:
    import numpy as np

    def reduce(part: FloatArray) -> FloatArray:
        least, most = part.min(axis=1), part.max(axis=1)
        # of averages that stand still the last digits move, and mean nothing
        moved = most - least > 1e-11 * np.maximum(1.0, np.abs(part).max(axis=1))
        found = np.full(len(part), 100.0)
        np.divide(100 * (part[:, -1] - least), most - least, out=found, where=moved)
        return np.where(np.isnan(part).any(axis=1), np.nan, found)

    return over_windows(reduce, window, values)


@OSCILLATORS.define(
    title="DeMarker",
    group="momentum",
    inputs=("high", "low"),
    parameters={"timeperiod": Parameter(default=14)},
    warm_up=lambda settings: int(settings["timeperiod"]),
    history=lambda settings: int(settings["timeperiod"]) + 1,
    reference="DeMark (1994), The New Science of Technical Analysis; NaN where neither moved",
)
def demarker(high: FloatArray, low: FloatArray, timeperiod: int = 14) -> FloatArray:
    """Return the share of higher highs in higher highs and lower lows, in [0, 1]."""
    import numpy as np

    def reduce(highs: FloatArray, lows: FloatArray) -> FloatArray:
        up = np.maximum(np.diff(highs, axis=1), 0).sum(axis=1)
        down = np.maximum(-np.diff(lows, axis=1), 0).sum(axis=1)
        return np.asarray(up / (up + down))

    return over_windows(reduce, timeperiod + 1, high, low)


@OSCILLATORS.define(
    title="Wave trend",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=("wave", "signal"),
    parameters={"channel": Parameter(default=10, least=2), "average": Parameter(default=21)},
    warm_up=lambda settings: int(2 * settings["channel"] + settings["average"]),
    history=lambda settings: int(
        _FADED * (2 * settings["channel"] + settings["average"]) + settings["average"]
    ),
    reference="LazyBear (2014): an average of the distance of the typical price from its average, "
    "in mean distances; 0 where it does not move",
)
def wave_trend(
    high: FloatArray, low: FloatArray, close: FloatArray, channel: int = 10, average: int = 21
) -> tuple[FloatArray, ...]:
    """Return how stretched the typical price is, smoothed, and the average of four of it."""
    import numpy as np
    import talib

    typical = (high + low + close) / 3
    apart = typical - talib.EMA(typical, channel)
    usual = talib.EMA(np.abs(apart), channel)
    stretched = np.where(np.isnan(usual), np.nan, 0.0)
    np.divide(apart, 0.015 * usual, out=stretched, where=usual > 1e-12 * typical)
    wave = talib.EMA(stretched, average)
    return wave, talib.SMA(wave, 4)


@OSCILLATORS.define(
    title="Psychological line",
    group="momentum",
    inputs=("close",),
    parameters={"window": Parameter(default=12)},
    warm_up=window_of,
    history=window_and_one,
    reference="the share of bars that closed above the one before, in percent",
)
def psychological_line(close: FloatArray, window: int = 12) -> FloatArray:
    """Return how many of the last bars rose, in percent."""
    import numpy as np

    def reduce(closes: FloatArray) -> FloatArray:
        return np.asarray(100 * (np.diff(closes, axis=1) > 0).mean(axis=1))

    return over_windows(reduce, window + 1, close)


@OSCILLATORS.define(
    title="Internal bar strength",
    group="momentum",
    inputs=("high", "low", "close"),
    parameters={"window": Parameter(default=1)},
    warm_up=before_window,
    history=window_of,
    reference="Pagonidis (2013), The IBS Effect: (close - low) / (high - low), the mean of a "
    "window; NaN where a bar has no range",
)
def internal_bar_strength(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 1
) -> FloatArray:
    """Return where in its range a bar closed, in [0, 1]."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        place = (close - low) / (high - low)
    return over_windows(lambda values: values.mean(axis=1), window, place)


@OSCILLATORS.define(
    title="Polarized fractal efficiency",
    group="momentum",
    inputs=("close",),
    parameters={"window": Parameter(default=10, least=2), "smooth": Parameter(default=5)},
    warm_up=lambda settings: int(settings["window"] + settings["smooth"]) - 1,
    history=lambda settings: int(settings["window"] + _FADED * settings["smooth"]) + 60,
    reference="Hannula (1994), Stocks and Commodities 12:1: the straight way over the one gone, "
    "signed, in percent",
)
def polarized_efficiency(close: FloatArray, window: int = 10, smooth: int = 5) -> FloatArray:
    """Return how straight the price went up, or down, smoothed, in [-100, 100]."""
    import numpy as np
    import talib

    def reduce(closes: FloatArray) -> FloatArray:
        gone = np.sqrt(np.diff(closes, axis=1) ** 2 + 1).sum(axis=1)
        whole = closes[:, -1] - closes[:, 0]
        return np.asarray(np.sign(whole) * 100 * np.sqrt(whole**2 + window**2) / gone)

    return np.asarray(talib.EMA(over_windows(reduce, window + 1, close), smooth))


@OSCILLATORS.define(
    title="Correlation trend",
    group="momentum",
    inputs=("close",),
    parameters={"window": Parameter(default=20, least=3)},
    warm_up=before_window,
    history=window_of,
    reference="Ehlers (2020), Stocks and Commodities 38:5, Correlation as a Trend Indicator: of "
    "closes and their number; NaN where they stand still",
)
def correlation_trend(close: FloatArray, window: int = 20) -> FloatArray:
    """Return how nearly the closes lie on a rising line, in [-1, 1]."""
    import numpy as np

    number = np.arange(window) - (window - 1) / 2

    def reduce(closes: FloatArray) -> FloatArray:
        moved = closes.max(axis=1) > closes.min(axis=1)
        apart = closes - closes.mean(axis=1, keepdims=True)
        spread = np.sqrt((apart**2).sum(axis=1) * (number**2).sum())
        return np.where(moved, apart @ number / spread, math.nan)

    return over_windows(reduce, window, close)
