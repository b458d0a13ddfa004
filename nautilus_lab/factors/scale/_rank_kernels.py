"""Ranks and rank correlations of many rows, compiled: from keys that carry value and place.

A key holds the value's bits, made to sort as the values do, above the value's place in its row. One
sort of whole numbers then gives order and places together, which numpy does some fifteen times as
fast as an ``argsort`` of floats.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import ByteArray, CountArray, KeyArray, SingleArray

_MISSING = 0x7FFFFFFF  # above every number's bits, so that what is not known sorts last
_PLACE = 0xFFFFFFFF


@numba.njit(cache=True, nogil=True)
def pack(bits: CountArray, keys: KeyArray) -> None:
    """Write the key of each value; `bits` are the values, seen as int32."""
    for i in range(bits.shape[0]):
        for j in range(bits.shape[1]):
            b = int(bits[i, j])
            size = b & 0x7FFFFFFF
            b = 0 if size == 0 else b  # -0.0 equals 0.0
            b = _MISSING if size > 0x7F800000 else b ^ ((b >> 31) & 0x7FFFFFFF)
            keys[i, j] = (b << 32) | j


@numba.njit(cache=True, nogil=True)
def _merge_two(row: KeyArray, to: KeyArray, other: KeyArray, to_other: KeyArray, run: int) -> None:
    """Merge each two sorted runs of two rows, from both ends at once: neither can run out.

    Where the next key comes from hangs on the last comparison. Four that do not hang on each other
    go on while one waits; places are unsigned, which saves looking for negative ones.
    """
    one = np.uint64(1)
    for begin in range(0, row.size, 2 * run):
        a = c = np.uint64(begin)
        b = d = np.uint64(begin + run)
        x = v = np.uint64(begin + run - 1)
        y = w = np.uint64(begin + 2 * run - 1)
        low, high = a, y
        for _ in range(run):
            p, q = row[a], row[b]
            from_first = np.uint64(p < q)
            to[low] = min(p, q)
            a += from_first
            b += one - from_first
            p, q = other[c], other[d]
            from_first = np.uint64(p < q)
            to_other[low] = min(p, q)
            c += from_first
            d += one - from_first
            p, q = row[x], row[y]
            from_first = np.uint64(p > q)
            to[high] = max(p, q)
            x -= from_first
            y -= one - from_first
            p, q = other[v], other[w]
            from_first = np.uint64(p > q)
            to_other[high] = max(p, q)
            v -= from_first
            w -= one - from_first
            low += one
            high -= one


@numba.njit(cache=True, nogil=True)
def merge(keys: KeyArray, run: int, out: KeyArray) -> None:
    """Merge each two sorted runs of each row, two rows at a time."""
    n = keys.shape[0]
    for i in range(0, n, 2):
        j = min(i + 1, n - 1)  # the last of an odd number is merged twice
        _merge_two(keys[i], out[i], keys[j], out[j], run)


@numba.njit(cache=True, nogil=True)
def known(keys: KeyArray) -> int:
    """Return how many values of a sorted row are known."""
    n = keys.size
    while n and keys[n - 1] >> 32 == _MISSING:
        n -= 1
    return n


@numba.njit(cache=True, nogil=True)
def tied(keys: KeyArray, n: int) -> bool:
    """Return whether two of the first `n` values of a sorted row are equal."""
    ties = 0
    for j in range(1, n):
        ties += (keys[j] ^ keys[j - 1]) >> 32 == 0
    return ties > 0


@numba.njit(cache=True, nogil=True)
def ranked(keys: KeyArray, n: int, among: ByteArray, ranks: SingleArray) -> tuple[int, float]:
    """Write the mean ranks of a sorted row's values at places where `among` is not 0.

    Returns how many were ranked and the sum of ``t ** 3 - t`` over groups of `t` equal values.
    """
    count, ties = 0, 0.0
    j = 0
    while j < n:
        high = keys[j] >> 32
        end, inside = j, 0
        while end < n and keys[end] >> 32 == high:
            inside += among[keys[end] & _PLACE] != 0
            end += 1
        if inside:
            rank = np.float32(count + 0.5 * (inside + 1))
            for p in range(j, end):
                ranks[keys[p] & _PLACE] = rank
            count += inside
            ties += float(inside) * (float(inside) * inside - 1.0)
        j = end
    return count, ties


@numba.njit(cache=True, nogil=True)
def row_ranks(keys: KeyArray, whole: ByteArray, out: SingleArray) -> None:
    """Write the mean ranks of each sorted row, from 1 up; NaN where not known."""
    for i in range(keys.shape[0]):
        n = known(keys[i])
        for p in range(n, keys.shape[1]):
            out[i, keys[i, p] & _PLACE] = math.nan
        ranked(keys[i], n, whole, out[i])


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})
def _straight(keys: KeyArray, other: SingleArray) -> np.float32:
    total = np.float32(0)
    middle = np.float32(0.5 * (keys.size - 1))
    for j in range(keys.size):
        total += (np.float32(j) - middle) * other[keys[j] & _PLACE]
    return total


@numba.njit(cache=True, nogil=True)
def spearman_ic(
    keys: KeyArray,
    ahead_keys: KeyArray,
    unit_ranks: SingleArray,
    ahead_known: ByteArray,
    ahead_count: CountArray,
    ic: SingleArray,
    count: CountArray,
) -> None:
    """Correlate the ranks of each sorted row with those of each line of what came after.

    Both sides are ranked among the places that both know. `unit_ranks` has the lines' ranks, less
    their mean and scaled to length one: of use wherever a row knows all that the line knows.
    """
    size = keys.shape[1]
    mine = np.empty(size, np.float32)
    theirs = np.empty(size, np.float32)
    both = np.empty(size, np.uint8)
    for i in range(keys.shape[0]):
        n = known(keys[i])
        simple = n == size and not tied(keys[i], n)
        for h in range(ahead_count.size):
            if simple and ahead_count[h] == size:
                norm = math.sqrt(size * (float(size) * size - 1.0) / 12.0)
                ic[i, h] = _straight(keys[i], unit_ranks[h]) / norm if norm > 0 else math.nan
                count[i, h] = size
                continue
            if n == size:
                m, ties = ranked(keys[i], n, ahead_known[h], mine)
            else:
                both[:] = 0
                for p in range(n):
                    place = keys[i, p] & _PLACE
                    both[place] = ahead_known[h, place]
                m, ties = ranked(keys[i], n, both, mine)
            count[i, h] = m
            spread = (float(m) * (float(m) * m - 1.0) - ties) / 12.0
            if m < 2 or spread <= 0:
                ic[i, h] = math.nan
                continue
            middle = 0.5 * (m + 1)
            total = 0.0
            if m == ahead_count[h]:
                for place in range(size):
                    if ahead_known[h, place]:
                        total += (mine[place] - middle) * unit_ranks[h, place]
                ic[i, h] = total / math.sqrt(spread)
                continue
            _, ties = ranked(ahead_keys[h], ahead_count[h], both, theirs)
            other = (float(m) * (float(m) * m - 1.0) - ties) / 12.0
            if other <= 0:
                ic[i, h] = math.nan
                continue
            for place in range(size):
                if both[place]:
                    total += (mine[place] - middle) * (theirs[place] - middle)
            ic[i, h] = total / math.sqrt(spread) / math.sqrt(other)
