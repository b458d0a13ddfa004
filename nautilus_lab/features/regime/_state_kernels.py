"""Scores of the last bars that states are made of, and the states, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# a variance so small beside the squares it comes from is what rounding left of none
_STILL = 1e-20


@numba.njit(cache=True, nogil=True)
def next_state(state: float, score: float, enter: float, leave: float) -> float:
    """Return 1 or -1 once a score is that far out, until it has come back to `leave`; else 0."""
    if math.isnan(score):
        return math.nan
    if score >= enter or (state == 1.0 and score >= leave):
        return 1.0
    if score <= -enter or (state == -1.0 and score <= -leave):
        return -1.0
    return 0.0


@numba.njit(cache=True, nogil=True)
def states(scores: FloatArray, enter: float, leave: float) -> FloatArray:
    """Return the state at each bar; NaN where a score is not known, after which it begins anew."""
    out = np.empty(scores.size)
    state = math.nan
    for at in range(scores.size):
        state = next_state(state, scores[at], enter, leave)
        out[at] = state
    return out


@numba.njit(cache=True, nogil=True)
def deviations(values: FloatArray, window: int) -> FloatArray:
    """Return the deviation, divisor n - 1, of each window; NaN before the first."""
    out = np.full(values.size, math.nan)
    for at in range(window - 1, values.size):
        total = squares = 0.0
        for k in range(at - window + 1, at + 1):
            total += values[k]
        mean = total / window
        for k in range(at - window + 1, at + 1):
            squares += (values[k] - mean) ** 2
        out[at] = math.sqrt(squares / (window - 1))
    return out


@numba.njit(cache=True, nogil=True)
def places(values: FloatArray, window: int) -> FloatArray:
    """Return where each value is in its window, from 0, the lowest, to 1; equals share theirs."""
    out = np.full(values.size, math.nan)
    for at in range(window - 1, values.size):
        below = equal = 0
        known = True
        for k in range(at - window + 1, at + 1):
            known = known and not math.isnan(values[k])
            below += values[k] < values[at]
            equal += values[k] == values[at]
        if known:
            out[at] = (below + 0.5 * (equal - 1)) / (window - 1)
    return out


@numba.njit(cache=True, nogil=True)
def t_statistics(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of each window in standard errors; NaN where nothing varies."""
    out = np.full(values.size, math.nan)
    for at in range(window - 1, values.size):
        total = raw = squares = 0.0
        for k in range(at - window + 1, at + 1):
            total += values[k]
            raw += values[k] ** 2
        mean = total / window
        for k in range(at - window + 1, at + 1):
            squares += (values[k] - mean) ** 2
        if squares > _STILL * raw:
            out[at] = mean / math.sqrt(squares / (window - 1) / window)
    return out


@numba.njit(cache=True, nogil=True)
def variance_ratio_scores(values: FloatArray, window: int, lag: int) -> FloatArray:
    """Return how far the variance ratio of each window is from 1, in standard errors."""
    out = np.full(values.size, math.nan)
    scale = lag * (window - lag + 1) * (1 - lag / window)
    apart = np.empty(window)
    for at in range(window - 1, values.size):
        total = raw = 0.0
        for k in range(window):
            value = values[at - window + 1 + k]
            total += value
            raw += value * value
        drift = total / window
        single = 0.0
        for k in range(window):
            apart[k] = values[at - window + 1 + k] - drift
            single += apart[k] ** 2
        if not single > _STILL * raw:
            continue
        several = 0.0
        for k in range(lag - 1, window):
            step = 0.0
            for back in range(lag):
                step += apart[k - back]
            several += step * step
        ratio = (several / scale) / (single / (window - 1))
        error = 0.0
        for back in range(1, lag):
            product = 0.0
            for k in range(back, window):
                product += (apart[k] * apart[k - back]) ** 2
            error += 4 * (1 - back / lag) ** 2 * window * product / single**2
        if error > 0:
            out[at] = math.sqrt(window) * (ratio - 1) / math.sqrt(error)
    return out
