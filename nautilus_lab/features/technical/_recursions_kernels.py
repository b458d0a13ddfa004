"""Recursions over all bars, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@numba.njit(cache=True, nogil=True)
def fisher(place: FloatArray) -> FloatArray:
    """Return Ehlers' transform of places in a range, in [-0.5, 0.5]; NaN in the warm-up."""
    out = np.full(place.size, math.nan)
    value = told = 0.0
    for at in range(place.size):
        if math.isnan(place[at]):
            continue
        value = 0.66 * place[at] + 0.67 * value
        value = min(0.999, max(-0.999, value))
        told = 0.5 * math.log((1 + value) / (1 - value)) + 0.5 * told
        out[at] = told
    return out


@numba.njit(cache=True, nogil=True)
def bars_since_highest(values: FloatArray, window: int) -> FloatArray:
    """Return how many bars ago the highest of a window was, the last of several."""
    out = np.full(values.size, math.nan)
    kept = np.empty(values.size, dtype=np.int64)  # places of what nothing later reaches
    first = last = 0
    for at in range(values.size):
        while last > first and values[kept[last - 1]] <= values[at]:
            last -= 1
        kept[last] = at
        last += 1
        if kept[first] <= at - window:
            first += 1
        if at >= window - 1:
            out[at] = at - kept[first]
    return out


@numba.njit(cache=True, nogil=True)
def mcginley(close: FloatArray, period: int, state: FloatArray, out: FloatArray) -> None:
    """Write McGinley's average; `state` is how many bars there were, and the average."""
    for at in range(close.size):
        state[0] += 1
        if state[0] < period:
            state[1] += close[at]
            out[at] = math.nan
            continue
        if state[0] == period:
            state[1] = (state[1] + close[at]) / period
        else:
            ratio = close[at] / state[1] if state[1] != 0 else 0.0
            slower = period * ratio**4
            if slower == 0:  # of a price of nothing there is no step
                out[at] = math.nan
                continue
            state[1] += (close[at] - state[1]) / slower
        out[at] = state[1]


@numba.njit(cache=True, nogil=True)
def klinger(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    fast: int,
    slow: int,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write Klinger's oscillator.

    `state`: bars, high + low + close and high - low of the last, its trend, the range summed since
    the trend turned, and both averages.
    """
    for at in range(high.size):
        total, wide = high[at] + low[at] + close[at], high[at] - low[at]
        before, wide_before, trend_before = state[1], state[2], state[3]
        seen = state[0]
        state[0] += 1
        state[1], state[2] = total, wide
        out[at] = math.nan
        if seen == 0:
            continue
        # the first change counts for nothing, as in talipp
        trend = 0.0 if seen == 1 else (1.0 if total > before else -1.0)
        state[3] = trend
        if seen == 1:
            continue
        if seen == 2:
            state[4] = wide
        state[4] = state[4] + wide if trend == trend_before else wide_before + wide
        force = 0.0
        if state[4] != 0:
            force = volume[at] * abs(2 * (wide / state[4] - 1)) * trend * 100
        count = seen - 1  # forces so far
        for place, period in ((5, fast), (6, slow)):
            if count < period:
                state[place] += force
            elif count == period:
                state[place] = (state[place] + force) / period
            else:
                state[place] += (force - state[place]) * 2.0 / (period + 1)
        if count >= max(fast, slow):
            out[at] = state[5] - state[6]


@numba.njit(cache=True, nogil=True)
def vidya(
    close: FloatArray, momentum: FloatArray, pace: float, state: FloatArray, out: FloatArray
) -> None:
    """Write Chande's average; `state` is the last value, NaN before the first."""
    for at in range(close.size):
        if math.isnan(momentum[at]):
            out[at] = math.nan
            continue
        weight = pace * abs(momentum[at])
        state[0] = close[at] if math.isnan(state[0]) else state[0] + weight * (close[at] - state[0])
        out[at] = state[0]


@numba.njit(cache=True, nogil=True)
def atr_stop(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    period: int,
    multiplier: float,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write the stop, and 1 under the price or -1 over it.

    `state`: bars, the last close, Wilder's average of true ranges, and the last stop.
    """
    for at in range(close.size):
        before, stop, seen = state[1], state[3], state[0]
        state[0] += 1
        state[1] = close[at]
        out[0, at] = out[1, at] = math.nan
        if seen == 0:
            continue
        wide = max(high[at] - low[at], abs(high[at] - before), abs(low[at] - before))
        if seen <= period:
            state[2] += wide / period
        else:
            state[2] += (wide - state[2]) / period
        if seen < period:
            continue
        under, over = close[at] - multiplier * state[2], close[at] + multiplier * state[2]
        if seen == period:
            state[3] = under
        elif close[at] > stop:
            state[3] = max(stop, under) if before > stop else under
        elif close[at] < stop:
            state[3] = min(stop, over) if before < stop else over
        out[0, at] = state[3]
        out[1, at] = 1.0 if close[at] >= state[3] else -1.0


@numba.njit(cache=True, nogil=True)
def adaptive(price: FloatArray, pace: FloatArray, state: FloatArray, out: FloatArray) -> None:
    """Write an average whose pace is told for each bar; `state` is its last value and pace.

    Before the first pace there is no value; where a later one is not known the last one stays.
    """
    for at in range(price.size):
        if math.isnan(pace[at]) and math.isnan(state[0]):
            out[at] = math.nan
            continue
        if not math.isnan(pace[at]):
            state[1] = pace[at]
        if math.isnan(state[0]):
            state[0] = price[at]
        else:
            state[0] += state[1] * (price[at] - state[0])
        out[at] = state[0]
