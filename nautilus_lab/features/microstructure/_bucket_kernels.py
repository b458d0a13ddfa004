"""Buckets of equal volume, filled trade by trade: one step, for a batch and a stream both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# of a bucket: a rest that is smaller is what floating point left of nothing
_REST = 1e-9


@numba.njit(cache=True, nogil=True)
def empty(window: int) -> FloatArray:
    """Return the state before the first trade: value, filled, bought less sold, buckets, ring."""
    state = np.zeros(4 + window)
    state[0] = math.nan
    return state


@numba.njit(cache=True, nogil=True)
def step(state: FloatArray, bucket: float, side: float, size: float) -> float:
    """Take a trade; return the imbalance of the last full buckets, NaN before there are enough."""
    window = state.size - 4
    if state[1] + size < bucket * (1.0 - _REST):
        state[1] += size
        state[2] += side * size
        found: float = state[0]
        return found
    rest = size
    # of a trade that fills all buckets that count, only the last ones need to be filled
    if rest > (window + 2) * bucket:
        rest = (window + 1) * bucket + rest % bucket
        state[3] += window
    closed = False
    while rest > 0.0:
        room = bucket - state[1]
        taken = min(room, rest)
        state[1] += taken
        state[2] += side * taken
        rest -= taken
        if bucket - state[1] <= _REST * bucket:
            state[4 + int(state[3]) % window] = abs(state[2])
            state[1] = state[2] = 0.0
            state[3] += 1.0
            closed = True
        if rest <= _REST * bucket:
            break
    if closed and state[3] >= window:
        total = 0.0
        for at in range(4, state.size):
            total += state[at]
        state[0] = total / (window * bucket)
    found = state[0]
    return found


@numba.njit(cache=True, nogil=True)
def run(side: FloatArray, size: FloatArray, bucket: float, window: int) -> FloatArray:
    """Return what each trade leaves."""
    state, out = empty(window), np.empty(size.size)
    for at in range(size.size):
        out[at] = step(state, bucket, side[at], size[at])
    return out
