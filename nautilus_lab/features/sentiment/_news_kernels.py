"""What the documents known at a time tell, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray


@numba.njit(cache=True, nogil=True)
def weigh(
    known: IntArray,
    scores: FloatArray,
    first: int,
    times: IntArray,
    half_life: int,
    window: int,
    baseline: int,
    least: int,
    out: FloatArray,
) -> None:
    """Write six numbers for each time; all times are nanoseconds, and sorted.

    `first` is when the first document of all was known, which may no longer be among `known`.
    """
    end = begin = usual = 0
    for at in range(times.size):
        now = times[at]
        while end < known.size and known[end] <= now:
            end += 1
        while begin < end and known[begin] <= now - window:
            begin += 1
        while usual < begin and known[usual] <= now - baseline:
            usual += 1
        count = end - begin
        weights = impact = mean = 0.0
        for one in range(begin, end):
            weight = 2.0 ** (-(now - known[one]) / half_life)
            weights += weight
            impact += weight * scores[one]
            mean += scores[one] / count
        spread = 0.0
        for one in range(begin, end):
            spread += (scores[one] - mean) ** 2
        tone = impact / weights if weights > 0 else math.nan
        out[0, at] = tone
        out[1, at] = impact
        out[2, at] = count
        out[3, at] = math.sqrt(spread / (count - 1)) if count > 1 else math.nan
        before = begin - usual
        mean = spread = 0.0
        for one in range(usual, begin):
            mean += scores[one] / before
        for one in range(usual, begin):
            spread += (scores[one] - mean) ** 2
        told = before >= least and count > 0 and spread > 1e-18 * before
        out[4, at] = (tone - mean) / math.sqrt(spread / (before - 1)) if told else math.nan
        # of a span that was watched in full
        seen = before > 0 and first <= now - baseline
        out[5, at] = count * (baseline - window) / (before * window) if seen else math.nan
