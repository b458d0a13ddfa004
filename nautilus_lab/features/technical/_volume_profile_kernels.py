"""Volume by price over the last bars, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@numba.njit(cache=True, nogil=True)
def profile(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    window: int,
    bins: int,
    share: float,
    out: FloatArray,
) -> None:
    """Write the point of control, both ends of the value area, and the share traded above.

    Each bar's volume lies evenly between its low and its high.
    """
    rows = np.empty(bins)
    for at in range(high.size):
        if at < window - 1:
            out[:, at] = math.nan
            continue
        first = at - window + 1
        bottom, top, total = math.inf, -math.inf, 0.0
        for one in range(first, at + 1):
            bottom, top = min(bottom, low[one]), max(top, high[one])
            total += volume[one]
        if not total > 0:
            out[:, at] = math.nan
            continue
        if top == bottom:
            out[0, at] = out[1, at] = out[2, at] = bottom
            out[3, at] = 0.0
            continue
        wide, above = (top - bottom) / bins, 0.0
        rows[:] = 0.0
        for one in range(first, at + 1):
            if not volume[one] > 0:
                continue
            span = high[one] - low[one]
            begin = min(int((low[one] - bottom) / wide), bins - 1)
            end = min(int((high[one] - bottom) / wide), bins - 1)
            if begin == end:
                rows[begin] += volume[one]
            else:
                for row in range(begin, end + 1):
                    under = max(low[one], bottom + row * wide)
                    over = high[one] if row == end else min(high[one], bottom + (row + 1) * wide)
                    rows[row] += volume[one] * max(0.0, over - under) / span
            if low[one] >= close[at]:
                above += volume[one] if low[one] > close[at] or span > 0 else 0.0
            elif high[one] > close[at]:
                above += volume[one] * (high[one] - close[at]) / span
        control = 0
        for row in range(1, bins):
            if rows[row] > rows[control]:
                control = row
        under, over, held = control, control, rows[control]
        # outwards, each time to the fuller neighbour, until the area holds its share
        while held < share * total and (under > 0 or over < bins - 1):
            lower = rows[under - 1] if under > 0 else -1.0
            upper = rows[over + 1] if over < bins - 1 else -1.0
            if upper >= lower:
                over += 1
                held += upper
            else:
                under -= 1
                held += lower
        out[0, at] = bottom + (control + 0.5) * wide
        out[1, at] = bottom + (over + 1) * wide
        out[2, at] = bottom + under * wide
        out[3, at] = above / total
