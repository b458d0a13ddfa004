"""Moments of the returns of two series over the last bars, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# a variance so small beside the squares it comes from is what rounding left of none
_STILL = 1e-20
# of one so small too few digits are left in a difference of sums: it is added up anew
_CANCELLED = 1e-3


@numba.njit(cache=True, nogil=True)
def _about_means(x: FloatArray, y: FloatArray, at: int, window: int) -> tuple[float, float, float]:
    total_x = total_y = 0.0
    for k in range(at, at + window):
        total_x += x[k]
        total_y += y[k]
    mean_x, mean_y = total_x / window, total_y / window
    xx = yy = xy = 0.0
    for k in range(at, at + window):
        dx, dy = x[k] - mean_x, y[k] - mean_y
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
    return xx, yy, xy


@numba.njit(cache=True, nogil=True)
def moments(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return sums of squares and of products about the means, xx, yy, xy, of each window.

    NaN for a series that does not move. A window is the end of one block of so many bars and the
    beginning of the next: sums from the middle outwards take a step a bar and never add up errors
    over more than two blocks.
    """
    out = np.full((3, max(0, x.size - window + 1)), math.nan)
    ends = np.zeros((5, window + 1))
    for start in range(0, out.shape[1], window):
        for j in range(window - 1, -1, -1):
            one, other = x[start + j], y[start + j]
            ends[0, j] = ends[0, j + 1] + one
            ends[1, j] = ends[1, j + 1] + other
            ends[2, j] = ends[2, j + 1] + one * one
            ends[3, j] = ends[3, j + 1] + other * other
            ends[4, j] = ends[4, j + 1] + one * other
        sum_x = sum_y = sum_xx = sum_yy = sum_xy = 0.0
        for j in range(min(window, out.shape[1] - start)):
            if j:
                one, other = x[start + window + j - 1], y[start + window + j - 1]
                sum_x += one
                sum_y += other
                sum_xx += one * one
                sum_yy += other * other
                sum_xy += one * other
            total_x, total_y = sum_x + ends[0, j], sum_y + ends[1, j]
            raw_x, raw_y = sum_xx + ends[2, j], sum_yy + ends[3, j]
            xx = raw_x - total_x * total_x / window
            yy = raw_y - total_y * total_y / window
            xy = sum_xy + ends[4, j] - total_x * total_y / window
            if xx < _CANCELLED * raw_x or yy < _CANCELLED * raw_y:
                xx, yy, xy = _about_means(x, y, start + j, window)
            moves_x, moves_y = xx > _STILL * raw_x, yy > _STILL * raw_y
            if moves_x:
                out[0, start + j] = xx
            if moves_y:
                out[1, start + j] = yy
            if moves_x and moves_y:
                out[2, start + j] = xy
    return out


@numba.njit(cache=True, nogil=True)
def third_moments(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return the sum of x and squared y about their means, xyy, of each window."""
    out = np.empty(max(0, x.size - window + 1))
    for at in range(out.size):
        total_x = total_y = 0.0
        for k in range(at, at + window):
            total_x += x[k]
            total_y += y[k]
        mean_x, mean_y = total_x / window, total_y / window
        xyy = 0.0
        for k in range(at, at + window):
            xyy += (x[k] - mean_x) * (y[k] - mean_y) ** 2
        out[at] = xyy
    return out


@numba.njit(cache=True, nogil=True)
def half_betas(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return the slopes of x on y over the bars with y below its mean, and over the others."""
    out = np.full((2, max(0, x.size - window + 1)), math.nan)
    for at in range(out.shape[1]):
        mean = 0.0
        for k in range(at, at + window):
            mean += y[k]
        mean /= window
        for half in range(2):
            count, total_x, total_y, raw = 0, 0.0, 0.0, 0.0
            for k in range(at, at + window):
                if (y[k] < mean) == (half == 0):
                    count += 1
                    total_x += x[k]
                    total_y += y[k]
                    raw += y[k] * y[k]
            if count < 3:
                continue
            mean_x, mean_y = total_x / count, total_y / count
            yy = xy = 0.0
            for k in range(at, at + window):
                if (y[k] < mean) == (half == 0):
                    xy += (x[k] - mean_x) * (y[k] - mean_y)
                    yy += (y[k] - mean_y) ** 2
            if yy > _STILL * raw:
                out[half, at] = xy / yy
    return out


@numba.njit(cache=True, nogil=True)
def fade(state: FloatArray, x: float, y: float, keep: float) -> None:
    """Take one value of each into weighted moments, each bar back weighing `keep` as much.

    `state` holds how many there were, their weight, means of x and y, xx, yy and xy about these.
    What is not known begins it anew.
    """
    if not (math.isfinite(x) and math.isfinite(y)):
        state[:] = 0.0
        return
    state[0] += 1.0
    state[1] = keep * state[1] + 1.0
    dx, dy = x - state[2], y - state[3]
    state[2] += dx / state[1]
    state[3] += dy / state[1]
    state[4] = keep * state[4] + dx * (x - state[2])
    state[5] = keep * state[5] + dy * (y - state[3])
    state[6] = keep * state[6] + dx * (y - state[3])


@numba.njit(cache=True, nogil=True)
def faded_moments(x: FloatArray, y: FloatArray, keep: float, first: int) -> FloatArray:
    """Return xx, yy and xy of `fade` at each bar, NaN before the `first` one."""
    out = np.full((3, x.size), math.nan)
    state = np.zeros(7)
    for at in range(x.size):
        fade(state, x[at], y[at], keep)
        if state[0] >= first:
            out[0, at], out[1, at], out[2, at] = state[4], state[5], state[6]
    return out


@numba.njit(cache=True, nogil=True)
def best_lag(x: FloatArray, y: FloatArray, window: int, most: int) -> FloatArray:
    """Return the lag, of those up to `most` either way, at which x is most like y, and how much.

    At a positive lag x is compared with y so many bars before.
    """
    out = np.full((2, max(0, x.size - window + 1)), math.nan)
    for at in range(out.shape[1]):
        best, found = 0, math.nan
        for step in range(2 * most + 1):
            # 0, 1, -1, 2, -2, ...: of equals the nearest, then the one that follows
            lag = (step + 1) // 2 if step % 2 else -(step // 2)
            begin_x, begin_y = at + max(lag, 0), at + max(-lag, 0)
            count = window - abs(lag)
            total_x = total_y = raw_x = raw_y = 0.0
            for k in range(count):
                total_x += x[begin_x + k]
                total_y += y[begin_y + k]
                raw_x += x[begin_x + k] ** 2
                raw_y += y[begin_y + k] ** 2
            mean_x, mean_y = total_x / count, total_y / count
            xx = yy = xy = 0.0
            for k in range(count):
                dx, dy = x[begin_x + k] - mean_x, y[begin_y + k] - mean_y
                xx += dx * dx
                yy += dy * dy
                xy += dx * dy
            if xx > _STILL * raw_x and yy > _STILL * raw_y:
                value = xy / math.sqrt(xx * yy)
                if math.isnan(found) or abs(value) > abs(found) + 1e-12:
                    best, found = lag, value
        if not math.isnan(found):
            out[0, at], out[1, at] = best, found
    return out
