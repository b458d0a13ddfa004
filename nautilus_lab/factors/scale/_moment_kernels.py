"""Means, deviations and Pearson correlations of many rows, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import ByteArray, CountArray, SingleArray

# Sums may be taken in any order, which is what lets them run sixteen wide; NaN keeps its meaning.
_WIDE = {"reassoc", "contract", "nsz", "arcp"}
# Of a sum of squares so small beside what was subtracted from it, no digit is left.
_CANCELLED = 1e-4
_NEAR = np.float32(0.02)
# Squares outside these bounds have left, or come near to leaving, what single precision holds.
_TINY, _HUGE = np.float32(1e-30), np.float32(1e30)
_NAN = np.float32(math.nan)


@numba.njit(cache=True, nogil=True)
def look(
    values: SingleArray, known: CountArray, low: SingleArray, high: SingleArray
) -> tuple[int, int]:
    """Count what is known in each row and find its extremes; return the first infinite place."""
    bad_row, bad_column = -1, -1
    for i in range(values.shape[0]):
        n = 0
        least, most = np.float32(math.inf), np.float32(-math.inf)
        for j in range(values.shape[1]):
            x = values[i, j]
            n += x == x
            least = x if x < least else least
            most = x if x > most else most
        known[i], low[i], high[i] = n, least, most
        if bad_row < 0 and n and (math.isinf(least) or math.isinf(most)):
            bad_row = i
            for j in range(values.shape[1]):
                if math.isinf(values[i, j]):
                    bad_column = j
                    break
    return bad_row, bad_column


@numba.njit(cache=True, nogil=True)
def _slow_moments(row: SingleArray) -> tuple[int, float, float]:
    """Return the number of known values, their mean and their sum of squared deviations."""
    n, total = 0, 0.0
    low, high = math.inf, -math.inf
    for j in range(row.size):
        x = row[j]
        if x == x:
            n += 1
            total += x
            low, high = min(low, x), max(high, x)
    if n == 0 or not high > low:
        return n, math.nan, 0.0
    mean = total / n
    squares = 0.0
    for j in range(row.size):
        x = row[j]
        if x == x:
            squares += (x - mean) * (x - mean)
    return n, mean, squares


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _sum(row: SingleArray) -> np.float32:
    total = np.float32(0)
    for j in range(row.size):
        total += row[j]
    return total


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _off(row: SingleArray, mean: np.float32) -> tuple[np.float32, np.float32]:
    """Return the sum of the deviations from `mean`, and that of their squares."""
    off = squares = np.float32(0)
    for j in range(row.size):
        d = row[j] - mean
        off += d
        squares += d * d
    return off, squares


@numba.njit(cache=True, nogil=True)
def _scaled(
    row: SingleArray, mean: np.float32, shift: np.float32, scale: np.float32, out: SingleArray
) -> None:
    # In this order: together the two would be rounded to what a high level leaves of them.
    for j in range(row.size):
        out[j] = ((row[j] - mean) - shift) * scale


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _scaled_dot(row: SingleArray, mean: np.float32, other: SingleArray) -> np.float32:
    total = np.float32(0)
    for j in range(row.size):
        total += (row[j] - mean) * other[j]
    return total


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _in_one_pass(
    row: SingleArray, start: np.float32, other: SingleArray
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the sums of what is off `start`, of its squares, and of its products with `other`."""
    off = squares = dot = np.float32(0)
    for j in range(row.size):
        d = row[j] - start
        off += d
        squares += d * d
        dot += d * other[j]
    return off, squares, dot


@numba.njit(cache=True, nogil=True)
def _moments(row: SingleArray) -> tuple[bool, np.float32, np.float32, np.float32]:
    """Return whether single precision is enough, the mean, what it lacks, and squares about it."""
    n = np.float32(row.size)
    mean = _sum(row) / n
    off, squares = _off(row, mean)
    # The sum's own rounding moves the mean a little: measured here, and taken back.
    left = squares - off * off / n
    enough = bool(_TINY < left < _HUGE and left > _CANCELLED * squares)
    return enough, mean, off / n, left


@numba.njit(cache=True, nogil=True)
def standardise(values: SingleArray, out: SingleArray, ddof: int, unit: bool) -> None:
    """Write each row less its mean, over its deviation, or scaled to length one when `unit`.

    Where a value is not known `out` has NaN, or 0 when `unit`; a row that does not vary becomes
    NaN, or 0 when `unit`, throughout.
    """
    for i in range(values.shape[0]):
        row = values[i]
        enough, mean, shift, squares = _moments(row)
        if enough:
            divisor = 1.0 if unit else row.size - ddof
            _scaled(row, mean, shift, np.float32(1.0 / math.sqrt(squares / divisor)), out[i])
            continue
        n, centre, total = _slow_moments(row)
        divisor = 1 if unit else n - ddof
        scale = 1.0 / math.sqrt(total / divisor) if total > 0 and divisor > 0 else math.nan
        for j in range(row.size):
            z = np.float32((row[j] - centre) * scale)
            out[i, j] = np.float32(0) if unit and z != z else z


@numba.njit(cache=True, nogil=True)
def pearson_of(left: SingleArray, right: SingleArray) -> tuple[float, int]:
    """Return Pearson's correlation over the places where both are known, and their number."""
    n, a, b = 0, 0.0, 0.0
    low_a, high_a, low_b, high_b = math.inf, -math.inf, math.inf, -math.inf
    for j in range(left.size):
        x, y = left[j], right[j]
        if x == x and y == y:
            n += 1
            a += x
            b += y
            low_a, high_a = min(low_a, x), max(high_a, x)
            low_b, high_b = min(low_b, y), max(high_b, y)
    # By the extremes: rounding leaves a constant row with deviations.
    if n < 2 or not high_a > low_a or not high_b > low_b:
        return math.nan, n
    a /= n
    b /= n
    aa = ab = bb = 0.0
    for j in range(left.size):
        x, y = left[j], right[j]
        if x == x and y == y:
            aa += (x - a) * (x - a)
            ab += (x - a) * (y - b)
            bb += (y - b) * (y - b)
    rho = ab / math.sqrt(aa) / math.sqrt(bb)
    return max(-1.0, min(1.0, rho)), n


@numba.njit(cache=True, nogil=True)
def pearson_ic(
    values: SingleArray,
    ahead: SingleArray,
    unit: SingleArray,
    begins: CountArray,
    ends: CountArray,
    solid: ByteArray,
    ic: SingleArray,
    count: CountArray,
) -> None:
    """Correlate each row with each line of `ahead`.

    `unit` has the lines standardised to length one over what they know; where a line knows all of
    ``begins[h]:ends[h]`` and nothing else, `solid` is 1 and a row without gaps takes three passes
    over what lies in the first-level cache.
    """
    for i in range(values.shape[0]):
        done_begin, done_end = -1, -1
        enough, mean, squares = False, np.float32(0), np.float32(0)
        for h in range(ahead.shape[0]):
            begin, end = begins[h], ends[h]
            if solid[h] and end - begin > 1:
                part = values[i, begin:end]
                # A line of `unit` sums to 0: what its products are taken about does not matter.
                if begin != done_begin or end != done_end:
                    done_begin, done_end = begin, end
                    # About its first value, a row is read once; that is kept unless the value
                    # lies so far off that it would drown the others.
                    mean = part[0]
                    off, raw, dot = _in_one_pass(part, mean, unit[h, begin:end])
                    squares = raw - off * off / np.float32(part.size)
                    enough = bool(_TINY < squares < _HUGE and squares > _NEAR * raw)
                    if not enough:
                        enough, mean, _, squares = _moments(part)
                        dot = _scaled_dot(part, mean, unit[h, begin:end])
                else:
                    dot = _scaled_dot(part, mean, unit[h, begin:end])
                if enough:
                    ic[i, h] = dot / np.float32(math.sqrt(squares))
                    count[i, h] = end - begin
                    continue
            rho, n = pearson_of(values[i], ahead[h])
            ic[i, h], count[i, h] = rho, n
