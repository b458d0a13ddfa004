"""Lines that trail the price, bar by bar: SAR, SuperTrend, and Kaufman's average."""

from __future__ import annotations

import math
from collections import deque


class ParabolicStop:
    """Wilder's stop and reverse; `SAREXT` with all its settings.

    A short trade is a long one in a mirror: it is followed by negated prices.

    Parameters
    ----------
    signed : bool
        Whether the stop of a short trade is told as a negative number.
    """

    def __init__(
        self,
        *,
        startvalue: float = 0.0,
        offsetonreverse: float = 0.0,
        accelerationinitlong: float,
        accelerationlong: float,
        accelerationmaxlong: float,
        accelerationinitshort: float,
        accelerationshort: float,
        accelerationmaxshort: float,
        signed: bool = True,
    ) -> None:
        self._begin, self._offset, self._signed = startvalue, offsetonreverse, signed
        # side -> first acceleration, step and largest
        self._pace = {
            1: (accelerationinitlong, accelerationlong, accelerationmaxlong),
            -1: (accelerationinitshort, accelerationshort, accelerationmaxshort),
        }
        self._bar: tuple[float, float] | None = None  # the last one's high and low
        self._side = 0  # 1 long, -1 short, 0 before the second bar
        self._stop = self._extreme = self._factor = 0.0

    def update(self, high: float, low: float) -> tuple[float, ...]:
        """Take a bar; return where the stop is, NaN on the first."""
        if self._bar is None:
            self._bar = high, low
            return (math.nan,)
        if not self._side:
            self._start(high, low)
            self._bar = high, low
        told = self._follow(high, low)
        self._bar = high, low
        return (told,)

    def _start(self, high: float, low: float) -> None:
        assert self._bar is not None
        if self._begin:
            self._side = 1 if self._begin > 0 else -1
        else:
            up, down = high - self._bar[0], self._bar[1] - low
            self._side = -1 if down > 0 and down > up else 1
        behind = self._mirrored(*self._bar)[1]
        self._stop = self._side * abs(self._begin) if self._begin else behind
        self._extreme = self._mirrored(high, low)[0]
        self._factor = self._first()

    def _follow(self, high: float, low: float) -> float:
        assert self._bar is not None
        top, bottom = self._mirrored(high, low)
        _, before = self._mirrored(*self._bar)
        if bottom <= self._stop:
            return self._reverse(high, low)
        told = self._stop
        _, step, most = self._pace[self._side]
        if top > self._extreme:
            self._extreme = top
            self._factor = min(self._factor + min(step, most), most)
        moved = told + self._factor * (self._extreme - told)
        self._stop = min(moved, before, bottom)
        return self._told(told)

    def _reverse(self, high: float, low: float) -> float:
        assert self._bar is not None
        extreme, self._side = -self._extreme, -self._side
        top, bottom = self._mirrored(high, low)
        _, before = self._mirrored(*self._bar)
        stop = min(extreme, before, bottom)
        stop -= abs(stop) * self._offset
        self._extreme, self._factor = top, self._first()
        self._stop = min(stop + self._factor * (top - stop), before, bottom)
        return self._told(stop)

    def _first(self) -> float:
        first, _, most = self._pace[self._side]
        return min(first, most)

    def _mirrored(self, high: float, low: float) -> tuple[float, float]:
        return (high, low) if self._side > 0 else (-low, -high)

    def _told(self, stop: float) -> float:
        return stop if self._signed else abs(stop)


def parabolic_sar(acceleration: float, maximum: float) -> ParabolicStop:
    """Return the stop with one pace for both sides: ``sar``."""
    pace = min(acceleration, maximum)
    return ParabolicStop(
        accelerationinitlong=pace,
        accelerationlong=pace,
        accelerationmaxlong=maximum,
        accelerationinitshort=pace,
        accelerationshort=pace,
        accelerationmaxshort=maximum,
        signed=False,
    )


class SuperTrend:
    """A band around the middle of the bar, by true range, that only moves towards the price."""

    def __init__(self, *, timeperiod: int, multiplier: float) -> None:
        self._period, self._multiplier = timeperiod, multiplier
        self._count = 0
        self._close = self._range = self._upper = self._lower = 0.0
        self._up = True

    def update(self, high: float, low: float, close: float) -> tuple[float, ...]:
        """Take a bar; return the line, and 1 above it or -1 below."""
        before, self._close = self._close, close
        self._count += 1
        if self._count == 1:
            return math.nan, math.nan
        wide, seen = max(high - low, abs(before - high), abs(before - low)), self._count - 1
        if seen <= self._period:
            self._range += wide
            if seen < self._period:
                return math.nan, math.nan
            self._range /= self._period
        else:
            self._range = (self._range * (self._period - 1) + wide) / self._period
        middle, band = (high + low) / 2, self._multiplier * self._range
        upper, lower = middle + band, middle - band
        if seen == self._period:
            self._upper, self._lower = upper, lower
            return lower, 1.0
        if upper < self._upper or before > self._upper:
            self._upper = upper
        if lower > self._lower or before < self._lower:
            self._lower = lower
        self._up = close >= self._lower if self._up else close > self._upper
        return (self._lower, 1.0) if self._up else (self._upper, -1.0)


class KaufmanAverage:
    """An average that follows fast when the price goes straight, and slowly when it does not."""

    _SLOW, _FAST = 2.0 / 31, 2.0 / 3

    def __init__(self, *, timeperiod: int) -> None:
        self._closes: deque[float] = deque(maxlen=timeperiod + 1)
        self._way = self._average = 0.0
        self._began = False

    def update(self, close: float) -> tuple[float, ...]:
        """Take a close."""
        closes, period = self._closes, (self._closes.maxlen or 1) - 1
        if period == 1:
            return (close,)
        if len(closes) > period:
            self._way -= abs(closes[1] - closes[0])
        if closes:
            self._way += abs(close - closes[-1])
        before = closes[-1] if closes else close
        closes.append(close)
        if len(closes) <= period:
            return (math.nan,)
        gone = close - closes[0]
        straight = self._way <= gone or abs(self._way) < 1e-14
        ratio = 1.0 if straight else abs(gone / self._way)
        pace = (ratio * (self._FAST - self._SLOW) + self._SLOW) ** 2
        last = self._average if self._began else before
        self._began, self._average = True, last + pace * (close - last)
        return (self._average,)
