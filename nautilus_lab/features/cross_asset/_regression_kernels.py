"""Regressions over the last bars, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# a pivot so small beside its diagonal: the regressors are one another's sum
_SINGULAR = 1e-12


@numba.njit(cache=True, nogil=True)
def factored(matrix: FloatArray) -> bool:
    """Write Cholesky's lower factor over a symmetric matrix; False for a singular one."""
    for i in range(matrix.shape[0]):
        for j in range(i + 1):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            if i != j:
                matrix[i, j] = value / matrix[j, j]
            elif value > _SINGULAR * matrix[i, i]:
                matrix[i, i] = math.sqrt(value)
            else:
                return False
    return True


@numba.njit(cache=True, nogil=True)
def solve(factor: FloatArray, right: FloatArray) -> None:
    """Write the solution over the right side."""
    size = right.size
    for i in range(size):
        for k in range(i):
            right[i] -= factor[i, k] * right[k]
        right[i] /= factor[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= factor[k, i] * right[k]
        right[i] /= factor[i, i]


@numba.njit(cache=True, nogil=True)
def rolling_regression(y: FloatArray, x: FloatArray, window: int) -> FloatArray:
    """Return slopes, shares of variance, constant, R squared and squared rest of each window.

    `x` has shape (series, bars). Rows of the answer: slopes, then the share of the variance of y
    that comes by each series, the constant, R squared, the sum of squares that is left. NaN where
    y does not move, or a series is made of the others.
    """
    count = x.shape[0]
    out = np.full((2 * count + 3, max(0, y.size - window + 1)), math.nan)
    matrix, right, slopes = np.empty((count, count)), np.empty(count), np.empty(count)
    means = np.empty(count)
    for at in range(out.shape[1]):
        mean = raw = 0.0
        for k in range(at, at + window):
            mean += y[k]
            raw += y[k] * y[k]
        mean /= window
        whole = 0.0
        for k in range(at, at + window):
            whole += (y[k] - mean) ** 2
        if not whole > 1e-20 * raw:
            continue
        moves = True
        for i in range(count):
            total = raw = 0.0
            for k in range(at, at + window):
                total += x[i, k]
                raw += x[i, k] * x[i, k]
            means[i] = total / window
            for j in range(i + 1):
                product = 0.0
                for k in range(at, at + window):
                    product += (x[i, k] - means[i]) * (x[j, k] - means[j])
                matrix[i, j] = product
            product = 0.0
            for k in range(at, at + window):
                product += (x[i, k] - means[i]) * (y[k] - mean)
            right[i] = slopes[i] = product
            moves = moves and matrix[i, i] > 1e-20 * raw
        if not moves or not factored(matrix):
            continue
        solve(matrix, slopes)
        constant, rest = mean, 0.0
        for i in range(count):
            constant -= slopes[i] * means[i]
        for k in range(at, at + window):
            left = y[k] - constant
            for i in range(count):
                left -= slopes[i] * x[i, k]
            rest += left * left
        for i in range(count):
            out[i, at] = slopes[i]
            out[count + i, at] = slopes[i] * right[i] / whole
        out[2 * count, at] = constant
        out[2 * count + 1, at] = 1 - rest / whole
        out[2 * count + 2, at] = rest
    return out


@numba.njit(cache=True, nogil=True)
def engle_granger(y: FloatArray, x: FloatArray, window: int, lags: int) -> FloatArray:
    """Return statistic, hedge ratio, score of the spread and half-life of each window."""
    out = np.full((4, max(0, y.size - window + 1)), math.nan)
    size = lags + 1
    spread, change = np.empty(window), np.empty(window)
    matrix, right, first = np.empty((size, size)), np.empty(size), np.empty(size)
    for at in range(out.shape[1]):
        mean_x = mean_y = 0.0
        for k in range(at, at + window):
            mean_x += x[k]
            mean_y += y[k]
        mean_x /= window
        mean_y /= window
        xx = yy = xy = 0.0
        for k in range(at, at + window):
            dx, dy = x[k] - mean_x, y[k] - mean_y
            xx += dx * dx
            yy += dy * dy
            xy += dx * dy
        # logs of prices: what moves by less than rounding does not
        if xx <= 1e-24 or yy <= 1e-24:
            continue
        slope = xy / xx
        squares = 0.0
        for k in range(window):
            spread[k] = y[at + k] - mean_y - slope * (x[at + k] - mean_x)
            squares += spread[k] ** 2
        # one is a multiple of the other: statsmodels refuses it at this share, too
        if squares <= 100 * 1.4901161193847656e-08 * yy:
            continue
        out[1, at] = slope
        out[2, at] = spread[window - 1] / math.sqrt(squares / (window - 2))
        top = bottom = 0.0
        for k in range(1, window):
            change[k] = spread[k] - spread[k - 1]
            top += change[k] * spread[k - 1]
            bottom += spread[k - 1] ** 2
        if top < 0:
            out[3, at] = -math.log(2.0) * bottom / top
        matrix[:] = 0.0
        right[:] = 0.0
        for k in range(lags + 1, window):
            for i in range(size):
                one = spread[k - 1] if i == 0 else change[k - i]
                right[i] += one * change[k]
                for j in range(i + 1):
                    other = spread[k - 1] if j == 0 else change[k - j]
                    matrix[i, j] += one * other
        if not factored(matrix):
            continue
        solve(matrix, right)
        rest = 0.0
        for k in range(lags + 1, window):
            left = change[k] - right[0] * spread[k - 1]
            for i in range(1, size):
                left -= right[i] * change[k - i]
            rest += left * left
        first[:] = 0.0
        first[0] = 1.0
        solve(matrix, first)
        degrees = window - 1 - lags - size
        if rest > 0:
            out[0, at] = right[0] / math.sqrt(rest / degrees * first[0])
    return out
