"""What finds and checks correlated pairs of rows, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from nautilus_lab.factors.scale._moment_kernels import pearson_of

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import (
        ByteArray,
        CodeArray,
        CountArray,
        SingleArray,
        SketchArray,
    )

_WIDE = {"reassoc", "contract", "nsz", "arcp"}
# Candidates whose sketches are compared before any of them is looked at closer.
_GROUP = 64
# A float32 dot of 252 products is off by less: what it lets through is looked at in float64.
_ROUNDING = np.float32(1e-4)
SKETCH_BITS = 256


def _generate_ones(_context: Any, word: Any) -> Any:
    """Return the number of bits set in a word: one instruction, and eight words at a time."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


_ones: Any = intrinsic(_generate_ones)


@numba.njit(cache=True, nogil=True)
def take(
    rho: SingleArray,
    first: int,
    own: CountArray,
    signed: bool,
    best: SingleArray,
    told: SingleArray,
    rows: CountArray,
) -> None:
    """Take a block of correlations, shape (query, row), into the best so far of each query.

    `best` has what is compared, their sizes unless `signed`; `told` the correlations themselves.
    """
    k = best.shape[1]
    for a in range(rho.shape[0]):
        least = best[a, k - 1]
        for group in range(0, rho.shape[1], _GROUP):
            end = min(group + _GROUP, rho.shape[1])
            hits = 0
            for b in range(group, end):
                x = rho[a, b] if signed else abs(rho[a, b])
                hits += x > least
            if hits == 0:
                continue
            for b in range(group, end):
                x = rho[a, b] if signed else abs(rho[a, b])
                if not x > least or first + b == own[a]:
                    continue
                p = k - 1
                while p > 0 and best[a, p - 1] < x:
                    best[a, p], told[a, p] = best[a, p - 1], told[a, p - 1]
                    rows[a, p] = rows[a, p - 1]
                    p -= 1
                best[a, p], told[a, p], rows[a, p] = x, rho[a, b], first + b
                least = best[a, k - 1]


@numba.njit(cache=True, nogil=True)
def encode(
    dots: SingleArray,
    bits: int,
    second_at: int,
    codes: CodeArray,
    sketch: SketchArray,
    second: SketchArray,
) -> None:
    """Write each row's code in every table, and two sketches: the signs of its dots with planes.

    The first sketch has the first planes, the second those from `second_at` on.

    A row and its negative differ in every sign; a code is turned over when its first bit is set,
    so that both have the same. Shapes: codes (row, table), sketch (word, row), second (row, word).
    """
    for i in range(dots.shape[0]):
        for t in range(codes.shape[1]):
            code = np.uint32(0)
            for b in range(t * bits, (t + 1) * bits):
                code = (code << np.uint32(1)) | np.uint32(dots[i, b] < 0)
            if code >> np.uint32(bits - 1):
                code = ~code
            codes[i, t] = code & np.uint32((1 << (bits - 1)) - 1)
        for w in range(sketch.shape[0]):
            word = np.uint64(0)
            for b in range(64 * w, 64 * (w + 1)):
                word = (word << np.uint64(1)) | np.uint64(dots[i, b] < 0)
            sketch[w, i] = word
            word = np.uint64(0)
            for b in range(second_at + 64 * w, second_at + 64 * (w + 1)):
                word = (word << np.uint64(1)) | np.uint64(dots[i, b] < 0)
            second[i, w] = word


@numba.njit(cache=True, nogil=True)
def sort_by_code(codes: CodeArray, rows: CountArray, starts: CountArray, order: CountArray) -> None:
    """Write rows in the order of their codes in one table, and where each code's rows start."""
    starts[:] = 0
    for p in range(rows.size):
        starts[codes[rows[p]] + 1] += 1
    for code in range(1, starts.size):
        starts[code] += starts[code - 1]
    for p in range(rows.size):
        code = codes[rows[p]]
        order[starts[code]] = rows[p]
        starts[code] += 1
    for code in range(starts.size - 1, 0, -1):
        starts[code] = starts[code - 1]
    starts[0] = 0


@numba.njit(cache=True, nogil=True)
def gather_sketches(
    sketch: SketchArray, order: CountArray, out: SketchArray, begin: int, end: int
) -> None:
    for p in range(begin, end):
        for w in range(4):
            out[w, p] = sketch[w, order[p]]


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _dot(a: SingleArray, b: SingleArray) -> np.float32:
    total = np.float32(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@numba.njit(cache=True, nogil=True)
def _correlated(
    i: int,
    j: int,
    values: SingleArray,
    unit: SingleArray,
    gaps: ByteArray,
    threshold: float,
    least_common: int,
) -> float:
    """Return the correlation of two rows when its size is above the threshold, else 0."""
    whole = not gaps[i] and not gaps[j]
    if whole and abs(_dot(unit[i], unit[j])) <= np.float32(threshold) - _ROUNDING:
        return 0.0
    rho, n = pearson_of(values[i], values[j])
    return rho if n >= least_common and abs(rho) > threshold else 0.0


@numba.njit(cache=True, nogil=True)
def _near(
    sketch: SketchArray,
    a: int,
    others: SketchArray,
    begin: int,
    end: int,
    cut: int,
    apart: SketchArray,
) -> int:
    """Write by how many bits sketches differ from sketch `a` or its negative, whichever is less.

    Returns how many of them are near.
    """
    x0, x1, x2, x3 = sketch[0, a], sketch[1, a], sketch[2, a], sketch[3, a]
    hits = 0
    for p in range(begin, end):
        bits = (
            _ones(others[0, p] ^ x0)
            + _ones(others[1, p] ^ x1)
            + _ones(others[2, p] ^ x2)
            + _ones(others[3, p] ^ x3)
        )
        bits = min(bits, np.uint64(SKETCH_BITS) - bits)
        apart[p - begin] = bits
        hits += bits <= np.uint64(cut)
    return hits


@numba.njit(cache=True, nogil=True)
def _apart(a: SketchArray, b: SketchArray, cut: int) -> bool:
    """Return whether two sketches differ in more bits than the cut, turned over or not."""
    bits = _ones(a[0] ^ b[0]) + _ones(a[1] ^ b[1]) + _ones(a[2] ^ b[2]) + _ones(a[3] ^ b[3])
    return bool((bits > np.uint64(cut)) & (bits < np.uint64(SKETCH_BITS - cut)))


@numba.njit(cache=True, nogil=True)
def _met_before(a: CodeArray, b: CodeArray, table: int) -> bool:
    """Return whether an earlier table has two rows, whose codes these are, in one bucket."""
    met = 0
    for t in range(table):
        met += a[t] == b[t]
    return met > 0


@numba.njit(cache=True, nogil=True)
def pairs_within(
    begin: int,
    end: int,
    table: int,
    order: CountArray,
    stop: CountArray,
    sketch: SketchArray,
    second: SketchArray,
    codes: CodeArray,
    values: SingleArray,
    unit: SingleArray,
    gaps: ByteArray,
    threshold: float,
    cut: int,
    second_cut: int,
    least_common: int,
    left: CountArray,
    right: CountArray,
    rho: SingleArray,
) -> tuple[int, int, int]:
    """Write the pairs of rows in one bucket; ``stop[a]`` is where the bucket of place `a` ends.

    A pair that an earlier table has in one bucket is that table's. Returns where to go on, when the
    room might not be enough for the next row, how many pairs were written and how many compared.
    """
    found, compared = 0, 0
    apart = np.empty(_GROUP, np.uint64)
    for a in range(begin, end):
        if found + stop[a] - a > left.size:
            return a, found, compared
        compared += stop[a] - a - 1
        for group in range(a + 1, stop[a], _GROUP):
            last = min(group + _GROUP, stop[a])
            if _near(sketch, a, sketch, group, last, cut, apart) == 0:
                continue
            for p in range(group, last):
                if apart[p - group] > np.uint64(cut):
                    continue
                i, j = order[a], order[p]
                if _apart(second[i], second[j], second_cut) or _met_before(
                    codes[i], codes[j], table
                ):
                    continue
                r = _correlated(i, j, values, unit, gaps, threshold, least_common)
                if r != 0.0:
                    left[found], right[found], rho[found] = min(i, j), max(i, j), r
                    found += 1
    return end, found, compared


@numba.njit(cache=True, nogil=True)
def forest_within(
    starts: CountArray,
    begin: int,
    end: int,
    order: CountArray,
    sketch: SketchArray,
    second: SketchArray,
    values: SingleArray,
    unit: SingleArray,
    gaps: ByteArray,
    threshold: float,
    cut: int,
    second_cut: int,
    least_common: int,
    left: CountArray,
    right: CountArray,
    rho: SingleArray,
) -> int:
    """Write pairs that join what is joined in the buckets ``begin:end``, one fewer than rows.

    Each row is compared with those only that nothing has reached yet: a bucket of a thousand copies
    takes a thousand looks and not half a million.
    """
    found = 0
    apart = np.empty(_GROUP, np.uint64)
    for bucket in range(begin, end):
        first, size = starts[bucket], starts[bucket + 1] - starts[bucket]
        if size < 2:
            continue
        rest = np.empty(size, np.int32)
        words = np.empty((4, size), np.uint64)
        for p in range(size):
            rest[p] = first + p
            for w in range(4):
                words[w, p] = sketch[w, first + p]
        reached = np.empty(size, np.int32)
        while size > 0:
            size -= 1
            reached[0], waiting = rest[size], 1
            while waiting > 0 and size > 0:
                waiting -= 1
                a = reached[waiting]
                group_end = size
                while group_end > 0:
                    group = max(0, group_end - _GROUP)
                    if _near(sketch, a, words, group, group_end, cut, apart) > 0:
                        for p in range(group_end - 1, group - 1, -1):
                            if apart[p - group] > np.uint64(cut):
                                continue
                            i, j = order[a], order[rest[p]]
                            if _apart(second[i], second[j], second_cut):
                                continue
                            r = _correlated(i, j, values, unit, gaps, threshold, least_common)
                            if r == 0.0:
                                continue
                            left[found], right[found], rho[found] = min(i, j), max(i, j), r
                            found += 1
                            reached[waiting] = rest[p]
                            waiting += 1
                            size -= 1
                            # The last takes its place: it was looked at before this one.
                            rest[p] = rest[size]
                            for w in range(4):
                                words[w, p] = words[w, size]
                    group_end = group
    return found


@numba.njit(cache=True, nogil=True)
def verify(
    left: CountArray,
    right: CountArray,
    values: SingleArray,
    threshold: float,
    least_common: int,
    rho: SingleArray,
) -> None:
    """Write the correlation of each pair, 0 where its size is not above the threshold."""
    for p in range(left.size):
        r, n = pearson_of(values[left[p]], values[right[p]])
        rho[p] = r if n >= least_common and abs(r) > threshold else 0.0


@numba.njit(cache=True, nogil=True)
def earliest(
    left: CountArray, right: CountArray, table: int, codes: CodeArray, first: ByteArray
) -> None:
    """Write whether no earlier table has the pair in one bucket."""
    for p in range(left.size):
        first[p] = not _met_before(codes[left[p]], codes[right[p]], table)


@numba.njit(cache=True, nogil=True)
def lead(
    begins: CountArray,
    first: int,
    last: int,
    members: CountArray,
    values: SingleArray,
    unit: SingleArray,
    gaps: ByteArray,
    threshold: float,
    least_common: int,
    leaders: CountArray,
) -> None:
    """Write the leader of each member: the first before it that it is correlated with, or itself.

    Members stand in the order of their merit within ``begins[c]:begins[c + 1]``; a leader is never
    correlated with another.
    """
    for component in range(first, last):
        begin, end = begins[component], begins[component + 1]
        chosen = np.empty(end - begin, np.int32)
        count = 0
        for p in range(begin, end):
            leader = members[p]
            for q in range(count):
                r = _correlated(chosen[q], members[p], values, unit, gaps, threshold, least_common)
                if r != 0.0:
                    leader = chosen[q]
                    break
            if leader == members[p]:
                chosen[count] = leader
                count += 1
            leaders[members[p]] = leader


@numba.njit(cache=True, nogil=True)
def finish(
    n: SingleArray,
    x: SingleArray,
    y: SingleArray,
    xx: SingleArray,
    yy: SingleArray,
    xy: SingleArray,
    least_common: int,
) -> None:
    """Turn sums over common observations into correlations, written over `xy`."""
    for a in range(n.shape[0]):
        for b in range(n.shape[1]):
            count = n[a, b]
            if count < least_common or count < 2:
                xy[a, b] = math.nan
                continue
            vx = xx[a, b] - x[a, b] * x[a, b] / count
            vy = yy[a, b] - y[a, b] * y[a, b] / count
            if vx <= 1e-5 * xx[a, b] or vy <= 1e-5 * yy[a, b]:
                xy[a, b] = math.nan
            else:
                rho = (xy[a, b] - x[a, b] * y[a, b] / count) / math.sqrt(vx * vy)
                xy[a, b] = max(-1.0, min(1.0, rho))
