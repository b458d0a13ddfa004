"""Sums and slopes of moving windows, compiled: what the features of ticks are made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# Of a variance that is smaller beside the squares it comes from, running sums leave too few digits.
_CANCELLED = 1e-3
# A variance smaller than this beside its squares is what floating point makes of equal ones.
_STILL = 1e-20


@numba.njit(cache=True, nogil=True)
def rolling_sum(x: FloatArray, window: int) -> FloatArray:
    """Return the sum of each window, NaN before the first.

    A window is the end of one block and the beginning of the next: nothing is ever taken off, so
    that no error builds up and what is left after a large number is right.
    """
    size = x.size
    out = np.full(size, math.nan)
    tail = np.zeros(window)  # of the block before: sums from each place to its end
    for begin in range(0, size, window):
        end = min(begin + window, size)
        head = 0.0
        for at in range(begin, end):
            head += x[at]
            # the window that ends here begins in the block before, behind as many as are here
            after = at - begin + 1
            if after == window:
                out[at] = head
            elif begin:
                out[at] = head + tail[after]
        if end - begin == window:
            total = 0.0
            for back in range(window - 1, -1, -1):
                total += x[begin + back]
                tail[back] = total
    return out


@numba.njit(cache=True, nogil=True)
def _two_pass(x: FloatArray, y: FloatArray, end: int, window: int) -> tuple[float, float, float]:
    """Return variance of `x`, covariance, and the mean square of `x`, about the window's means."""
    mean_x = mean_y = square = 0.0
    for at in range(end - window, end):
        mean_x += x[at]
        mean_y += y[at]
        square += x[at] * x[at]
    mean_x /= window
    mean_y /= window
    variance = both = 0.0
    for at in range(end - window, end):
        apart = x[at] - mean_x
        variance += apart * apart
        both += apart * (y[at] - mean_y)
    return variance / window, both / window, square / window


@numba.njit(cache=True, nogil=True)
def rolling_slope(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return the least-squares slope of `y` on `x` and a constant, NaN where `x` stands still.

    The sums are kept as those of `rolling_sum` are, five at a time.
    """
    size = x.size
    out = np.full(size, math.nan)
    tail = np.zeros((window + 1, 5))
    for begin in range(0, size, window):
        end = min(begin + window, size)
        sx = sy = sxx = sxy = syy = 0.0
        for at in range(begin, end):
            a, b = x[at], y[at]
            sx += a
            sy += b
            sxx += a * a
            sxy += a * b
            syy += b * b
            after = at - begin + 1
            if begin == 0 and after < window:
                continue
            old = tail[after]  # of a whole block nothing is left over: zeros
            mean_x, mean_y = (sx + old[0]) / window, (sy + old[1]) / window
            square = (sxx + old[2]) / window
            variance = square - mean_x * mean_x
            both = (sxy + old[3]) / window - mean_x * mean_y
            least = _CANCELLED * _CANCELLED * square * ((syy + old[4]) / window)
            if variance < _CANCELLED * square or both * both < least:
                variance, both, square = _two_pass(x, y, at + 1, window)
            if variance > _STILL * square:
                out[at] = both / variance
        if end - begin == window:
            sx = sy = sxx = sxy = syy = 0.0
            for back in range(window - 1, -1, -1):
                a, b = x[begin + back], y[begin + back]
                sx += a
                sy += b
                sxx += a * a
                sxy += a * b
                syy += b * b
                old = tail[back]
                old[0], old[1], old[2], old[3], old[4] = sx, sy, sxx, sxy, syy
    return out


@numba.njit(cache=True, nogil=True)
def quote_events(
    bid: FloatArray, bid_size: FloatArray, ask: FloatArray, ask_size: FloatArray
) -> FloatArray:
    """Return what each quote but the first brought to the bid, less what it brought to the ask."""
    out = np.empty(max(bid.size - 1, 0))
    for at in range(1, bid.size):
        event = 0.0
        event += bid_size[at] if bid[at] >= bid[at - 1] else 0.0
        event -= bid_size[at - 1] if bid[at] <= bid[at - 1] else 0.0
        event -= ask_size[at] if ask[at] <= ask[at - 1] else 0.0
        event += ask_size[at - 1] if ask[at] >= ask[at - 1] else 0.0
        out[at - 1] = event
    return out


@numba.njit(cache=True, nogil=True)
def rolling_covariance(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return the covariance of each window, divisor n - 1, NaN before the first."""
    size = x.size
    out = np.full(size, math.nan)
    for at in range(window - 1, size):
        out[at] = _two_pass(x, y, at + 1, window)[1] * window / (window - 1)
    return out
