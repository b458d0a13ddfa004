"""Rank correlations and quantile returns of one date after another, compiled.

Ranks are written to their names' places first; all that follows goes along the names, sixteen at a
time, and nothing is looked up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

from nautilus_lab.factors.scale._rank_kernels import known, ranked, tied

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import ByteArray, CountArray, KeyArray, SingleArray

_PLACE = np.uint64(0xFFFFFFFF)
_WIDE = {"reassoc", "contract", "nsz", "arcp"}


@numba.njit(cache=True, nogil=True)
def _place_ranks(keys: KeyArray, ranks: SingleArray) -> None:
    for j in range(keys.size):
        ranks[np.uint64(keys[j]) & _PLACE] = np.float32(j + 1)


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _once_through(
    ranks: SingleArray,
    middle: np.float32,
    ahead: SingleArray,
    returns: SingleArray,
    edges: SingleArray,
    first: int,
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Return the product with the ranks ahead, and the sums of returns below five edges.

    Six sums side by side, and each rank read once: what a sum waits for itself to be added to, the
    others fill.
    """
    e, f, g = edges[first], edges[first + 1], edges[first + 2]
    h, i = edges[first + 3], edges[first + 4]
    none = np.float32(0)
    dot = a = b = c = d = whole = none
    for p in range(ranks.size):
        rank, x = ranks[p], returns[p]
        dot += (rank - middle) * ahead[p]
        a += x if rank < e else none
        b += x if rank < f else none
        c += x if rank < g else none
        d += x if rank < h else none
        whole += x if rank < i else none
    return dot, a, b, c, d, whole


@numba.njit(cache=True, nogil=True)
def _count(ranks: SingleArray, low: np.float32, high: np.float32) -> int:
    count = 0
    for p in range(ranks.size):
        count += (ranks[p] >= low) & (ranks[p] < high)
    return count


@numba.njit(cache=True, nogil=True)
def _both_ranked(
    mine: SingleArray, middle: float, keys: KeyArray, among: ByteArray, theirs: SingleArray
) -> tuple[float, float]:
    """Rank returns ahead among some names only; return the covariance and their variance."""
    n, ties = ranked(keys, keys.size, among, theirs)
    dot = 0.0
    for p in range(mine.size):
        if among[p]:
            dot += (mine[p] - middle) * (theirs[p] - middle)
    return dot, (float(n) * (float(n) * n - 1.0) - ties) / 12.0


@numba.njit(cache=True, nogil=True)
def study_dates(
    keys: KeyArray,
    begin: int,
    ranks_ahead: SingleArray,
    returns_ahead: SingleArray,
    keys_ahead: KeyArray,
    usable: ByteArray,
    whole: ByteArray,
    quantiles: int,
    ic: SingleArray,
    means: SingleArray,
    counts: CountArray,
) -> None:
    """Study one factor on the dates whose sorted keys these are; the first of them is `begin`.

    Shapes: ranks_ahead, returns_ahead, keys_ahead (horizon, date, name), usable (horizon, date),
    whole (name,) of ones, ic (date, horizon), means (date, horizon, quantile). `counts` gathers
    scores by what became of them, its first number untouched: too few names, all equal, in reach
    of a horizon; then of the horizons, those used.
    """
    size = keys.shape[1]
    mine, theirs = np.empty(size, np.float32), np.empty(size, np.float32)
    among = np.empty(size, np.uint8)
    # The last edge again fills the last five: nothing lies between.
    groups = (quantiles + 4) // 5
    edges, under = np.empty(5 * groups + 1, np.float32), np.zeros(5 * groups + 1, np.float32)
    members = np.empty(quantiles, np.int64)
    for i in range(keys.shape[0]):
        date, row = begin + i, keys[i]
        ic[date, :] = math.nan
        means[date, :, :] = math.nan
        n = known(row)
        if n < quantiles:
            counts[1] += n
            continue
        if row[0] >> 32 == row[n - 1] >> 32:
            counts[2] += n
            continue
        counts[3] += n
        for h in range(usable.shape[0]):
            counts[4 + h] += n * usable[h, date]
        ties = 0.0
        if n == size and not tied(row, n):
            _place_ranks(row, mine)
        else:
            mine[:] = math.nan
            _, ties = ranked(row, n, whole, mine)
        cubed = float(n) * (float(n) * n - 1.0)
        norm = math.sqrt((cubed - ties) / 12.0)
        middle = 0.5 * (n + 1)
        # floor((rank - 1/2) Q / n) is q from this rank on; all of it halves, so that no rounding
        # moves a name over an edge.
        for q in range(edges.size):
            edges[q] = 0.5 * ((2 * n * min(q, quantiles) + quantiles - 1) // quantiles + 1)
        for q in range(quantiles):
            if ties == 0.0:  # ranks are whole numbers, each there once
                members[q] = math.ceil(edges[q + 1]) - math.ceil(edges[q])
            else:
                members[q] = _count(mine, edges[q], edges[q + 1])
        if n < size:
            for p in range(size):
                among[p] = mine[p] == mine[p]
        for h in range(usable.shape[0]):
            if not usable[h, date]:
                continue
            dot = np.float32(0)
            for group in range(groups):
                first = 5 * group + 1
                dot, a, b, c, d, whole_sum = _once_through(
                    mine,
                    np.float32(middle),
                    ranks_ahead[h, date],
                    returns_ahead[h, date],
                    edges,
                    first,
                )
                under[first], under[first + 1], under[first + 2] = a, b, c
                under[first + 3], under[first + 4] = d, whole_sum
            for q in range(quantiles):
                if members[q]:
                    means[date, h, q] = (under[q + 1] - under[q]) / members[q]
            if n == size:
                # Products of ranks come in quarters: less than half of one is rounding.
                small = abs(dot) * math.sqrt(cubed / 12.0) < 0.125
                ic[date, h] = 0.0 if small else dot / norm
            else:
                total, variance = _both_ranked(mine, middle, keys_ahead[h, date], among, theirs)
                ic[date, h] = total / norm / math.sqrt(variance) if variance > 0 else math.nan
