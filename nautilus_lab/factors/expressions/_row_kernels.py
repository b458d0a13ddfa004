"""What the names of one date have in common: sums over the columns of each row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray


@numba.njit(cache=True, nogil=True, error_model="numpy")
def ranks(x: FloatArray, order: IntArray, out: FloatArray, shares: bool) -> None:
    """Write the rank of each value in its row from 1, ties at their mean, or as a share.

    ``order`` is how each row is sorted, NaN last.
    """
    rows, columns = x.shape
    for row in range(rows):
        known = columns
        while known and math.isnan(x[row, order[row, known - 1]]):
            known -= 1
            out[row, order[row, known]] = math.nan
        first = 0
        while first < known:
            value = x[row, order[row, first]]
            after = first + 1
            while after < known and x[row, order[row, after]] == value:
                after += 1
            rank = (first + after + 1) / 2.0
            for place in range(first, after):
                out[row, order[row, place]] = rank / known if shares else rank
            first = after


@numba.njit(cache=True, nogil=True, error_model="numpy")
def standardise(x: FloatArray, out: FloatArray, scores: bool) -> None:
    """Write each row less its mean, or that in sample deviations, over what is known."""
    rows, columns = x.shape
    for row in range(rows):
        total, known = 0.0, 0
        low, high = math.inf, -math.inf
        for c in range(columns):
            if not math.isnan(x[row, c]):
                total += x[row, c]
                known += 1
                low, high = min(low, x[row, c]), max(high, x[row, c])
        mean = total / known if known else math.nan
        unit = 1.0
        if scores:
            squares = 0.0
            for c in range(columns):
                if not math.isnan(x[row, c]):
                    squares += (x[row, c] - mean) ** 2
            # by the extremes: rounding leaves a row of equal values with deviations of 1e-17
            varies = known > 1 and high > low
            unit = math.sqrt(squares / (known - 1)) if varies else math.nan
        for c in range(columns):
            out[row, c] = (x[row, c] - mean) / unit


@numba.njit(cache=True, nogil=True, error_model="numpy")
def neutralise(x: FloatArray, groups: FloatArray, count: int, out: FloatArray) -> None:
    """Write each row less the mean of its group, a number from 0 or NaN where not known."""
    rows, columns = x.shape
    totals, known = np.empty(count), np.empty(count)
    for row in range(rows):
        totals[:] = 0.0
        known[:] = 0.0
        for c in range(columns):
            if not math.isnan(x[row, c]) and not math.isnan(groups[row, c]):
                totals[int(groups[row, c])] += x[row, c]
                known[int(groups[row, c])] += 1.0
        for c in range(columns):
            if math.isnan(x[row, c]) or math.isnan(groups[row, c]):
                out[row, c] = math.nan
            else:
                group = int(groups[row, c])
                out[row, c] = x[row, c] - totals[group] / known[group]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def rescale(x: FloatArray, size: float, out: FloatArray) -> None:
    """Write each row so that its absolute values sum to `size`."""
    rows, columns = x.shape
    for row in range(rows):
        total = 0.0
        for c in range(columns):
            if not math.isnan(x[row, c]):
                total += abs(x[row, c])
        unit = size / total if total > 0.0 else math.nan
        for c in range(columns):
            out[row, c] = x[row, c] * unit
