"""Moments of the returns of two series over the last bars, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# Sums may be added up in any order; each window is added up by itself, so that what it says does
# not hang on where it stands in a longer series.
_FAST = {"reassoc", "contract"}
# a variance so small beside the squares it comes from is what rounding left of none
_STILL = 1e-20


@numba.njit(cache=True, nogil=True, fastmath=_FAST)
def moments(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return means, sums of squares and of products about them, of each window.

    Rows: mean of x, mean of y, xx, yy, xy, xyy. NaN for a series that does not move.
    """
    out = np.full((6, max(0, x.size - window + 1)), math.nan)
    for at in range(out.shape[1]):
        total_x = total_y = raw_x = raw_y = 0.0
        for k in range(at, at + window):
            total_x += x[k]
            total_y += y[k]
            raw_x += x[k] * x[k]
            raw_y += y[k] * y[k]
        mean_x, mean_y = total_x / window, total_y / window
        xx = yy = xy = xyy = 0.0
        for k in range(at, at + window):
            dx, dy = x[k] - mean_x, y[k] - mean_y
            xx += dx * dx
            yy += dy * dy
            xy += dx * dy
            xyy += dx * dy * dy
        moves_x, moves_y = xx > _STILL * raw_x, yy > _STILL * raw_y
        out[0, at], out[1, at] = mean_x, mean_y
        if moves_x:
            out[2, at] = xx
        if moves_y:
            out[3, at] = yy
        if moves_x and moves_y:
            out[4, at], out[5, at] = xy, xyy
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
def faded_moments(x: FloatArray, y: FloatArray, keep: float) -> FloatArray:
    """Return sums of squares and products, xx, yy, xy, each bar back weighing `keep` as much."""
    out = np.empty((3, x.size))
    weight = mean_x = mean_y = xx = yy = xy = 0.0
    for at in range(x.size):
        weight = keep * weight + 1.0
        dx, dy = x[at] - mean_x, y[at] - mean_y
        mean_x += dx / weight
        mean_y += dy / weight
        xx = keep * xx + dx * (x[at] - mean_x)
        yy = keep * yy + dy * (y[at] - mean_y)
        xy = keep * xy + dx * (y[at] - mean_y)
        out[0, at], out[1, at], out[2, at] = xx, yy, xy
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
