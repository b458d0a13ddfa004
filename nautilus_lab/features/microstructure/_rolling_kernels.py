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
    """Return the least-squares slope of `y` on `x` and a constant, NaN where `x` stands still."""
    size = x.size
    out = np.full(size, math.nan)
    sums = (
        rolling_sum(x, window),
        rolling_sum(y, window),
        rolling_sum(x * x, window),
        rolling_sum(x * y, window),
        rolling_sum(y * y, window),
    )
    for at in range(window - 1, size):
        mean_x, mean_y = sums[0][at] / window, sums[1][at] / window
        square = sums[2][at] / window
        variance = square - mean_x * mean_x
        both = sums[3][at] / window - mean_x * mean_y
        if variance < _CANCELLED * square or both * both < (
            _CANCELLED * _CANCELLED * square * sums[4][at] / window
        ):
            variance, both, square = _two_pass(x, y, at + 1, window)
        if variance > _STILL * square:
            out[at] = both / variance
    return out


@numba.njit(cache=True, nogil=True)
def rolling_covariance(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Return the covariance of each window, divisor n - 1, NaN before the first."""
    size = x.size
    out = np.full(size, math.nan)
    for at in range(window - 1, size):
        out[at] = _two_pass(x, y, at + 1, window)[1] * window / (window - 1)
    return out
