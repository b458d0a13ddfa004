"""Sums that begin anew with each period of the calendar, compiled; for a batch and for a stream."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

_DAY = 86_400.0
# anchors: 0 session, 1 week, 2 month, 3 quarter, 4 year, 5 a given time


@numba.njit(cache=True, nogil=True)
def _period(time: float, anchor: int, begins: float) -> int:
    """Return the number of the period that a time is in, -1 for none yet; seconds since 1970."""
    if anchor == 5:
        return 0 if time >= begins else -1
    days = math.floor((time - begins) / _DAY)
    if anchor == 0:
        return days
    if anchor == 1:
        return (days + 3) // 7  # 1 January 1970 was a Thursday; weeks begin on Mondays
    # the civil calendar, of 400 years that begin in March: Hinnant (2013), chrono-compatible
    # low-level date algorithms
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march = (5 * of_year + 2) // 153
    month = march + 2 if march < 10 else march - 10  # January is 0
    year += era * 400 + (1 if month < 2 else 0)
    if anchor == 2:
        return year * 12 + month
    if anchor == 3:
        return year * 4 + month // 3
    return year


@numba.njit(cache=True, nogil=True)
def average(
    time: FloatArray,
    price: FloatArray,
    volume: FloatArray,
    anchor: int,
    begins: float,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write average and deviation of prices by volume; `state` goes from one call to the next.

    `state` is the period, the volume, and the mean and the sum of squares about it, updated as
    West (1979) does: nothing is taken from a large sum.
    """
    for at in range(time.size):
        period = float(_period(time[at], anchor, begins))
        if period != state[0]:
            state[0] = period
            state[1] = state[2] = state[3] = 0.0
        if period == -1.0 and anchor == 5:
            out[0, at] = out[1, at] = math.nan
            continue
        if volume[at] > 0:
            if state[1] == 0.0:
                state[2] = price[at]
            state[1] += volume[at]
            apart = price[at] - state[2]
            step = apart * volume[at] / state[1]
            state[2] += step
            state[3] += volume[at] * apart * (apart - step)
        known = state[1] > 0
        out[0, at] = state[2] if known else math.nan
        out[1, at] = math.sqrt(state[3] / state[1]) if known else math.nan
