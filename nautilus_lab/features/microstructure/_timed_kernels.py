"""What became of a trade some seconds later, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@numba.njit(cache=True, nogil=True)
def realised(
    time: FloatArray, price: FloatArray, side: FloatArray, middle: FloatArray, seconds: float
) -> FloatArray:
    """Return 2 side (price - mid) of the last trade whose seconds are over, shape (2, ticks)."""
    size = time.size
    out = np.full((2, size), math.nan)
    judged, then = -1, 0  # the trade, and the last tick within its seconds
    spread = relative = math.nan
    for at in range(size):
        moved = False
        while judged + 1 < at and time[judged + 1] + seconds < time[at]:
            judged += 1
            moved = True
        if moved:
            until = time[judged] + seconds
            then = max(then, judged)
            while then + 1 < at and time[then + 1] <= until:
                then += 1
            spread = 2.0 * side[judged] * (price[judged] - middle[then])
            spread = spread if side[judged] != 0.0 else math.nan
            relative = spread / middle[judged]
        out[0, at], out[1, at] = spread, relative
    return out
