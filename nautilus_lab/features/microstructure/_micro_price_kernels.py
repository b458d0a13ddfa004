"""Stoikov's micro-price: what imbalance and spread have meant for the mid so far, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# moves of the mid that are followed on, as in the paper's code
_MOVES = 6
# half ticks: a larger move is a jump, and says nothing of the queue
_LARGEST = 2.0
# A state that never led to a move makes the equations singular; so little is lost on the way.
_KEPT = 1.0 - 1e-9


@numba.njit(cache=True, nogil=True)
def nothing(states: int) -> tuple[FloatArray, FloatArray]:
    """Return the last quote (state, mid in half ticks, quotes so far), and what was counted.

    The rows of the latter: for each state where it went with the mid unmoved, where it went with
    the mid moved, then the sum of moves, how often it was left, and the adjustment in half ticks.
    """
    return np.array([-1.0, 0.0, 0.0]), np.zeros((2 * states + 3, states))


@numba.njit(cache=True, nogil=True)
def _fit(counts: FloatArray) -> None:
    """Work the adjustments out: solve (1 - still) step = moves, then follow the mid's moves on.

    No row of `still` adds up to 1, so elimination needs no pivots; nor a library's threads.
    """
    states = counts.shape[1]
    seen = np.maximum(counts[2 * states + 1], 1.0)
    left = np.empty((states, states))
    for at in range(states):
        for to in range(states):
            left[at, to] = (1.0 if at == to else 0.0) - _KEPT * counts[at, to] / seen[at]
    for pivot in range(states):
        for at in range(pivot + 1, states):
            part = left[at, pivot] / left[pivot, pivot]
            left[at, pivot] = part
            if part != 0.0:
                for to in range(pivot + 1, states):
                    left[at, to] -= part * left[pivot, to]
    step, total = np.empty(states), np.zeros(states)
    for at in range(states):
        step[at] = counts[2 * states, at] / seen[at]
    for move in range(_MOVES):
        if move:
            before = step.copy()
            for at in range(states):
                step[at] = 0.0
                for to in range(states):
                    step[at] += counts[states + at, to] / seen[at] * before[to]
        for at in range(states):
            for to in range(at):
                step[at] -= left[at, to] * step[to]
        for at in range(states - 1, -1, -1):
            for to in range(at + 1, states):
                step[at] -= left[at, to] * step[to]
            step[at] /= left[at, at]
        total += step
    counts[2 * states + 2] = total


@numba.njit(cache=True, nogil=True)
def _count(counts: FloatArray, begin: int, end: int, move: float) -> None:
    states = counts.shape[1]
    counts[begin if move == 0.0 else states + begin, end] += 1.0
    counts[2 * states, begin] += move
    counts[2 * states + 1, begin] += 1.0


@numba.njit(cache=True, nogil=True)
def step(
    last: FloatArray,
    counts: FloatArray,
    settings: tuple[float, int, int, int],
    bid: float,
    ask: float,
    bid_size: float,
    ask_size: float,
) -> float:
    """Take a quote; return the mid and its adjustment, NaN where that is not known."""
    tick, bins, widest, every = settings
    wide, middle = round((ask - bid) / tick), float(round((ask + bid) / tick))
    share = min(int(bins * (bid_size / (bid_size + ask_size))), bins - 1)
    state = -1
    if 1 <= wide <= widest:
        state = (int(wide) - 1) * bins + share
    begin, move = int(last[0]), middle - last[1]
    if begin >= 0 and state >= 0 and abs(move) <= _LARGEST:
        _count(counts, begin, state, move)
        # what holds of bids holds of asks in the mirror
        row = begin // bins * bins
        mirrored = state // bins * bins
        _count(
            counts,
            row + bins - 1 - (begin - row),
            mirrored + bins - 1 - (state - mirrored),
            -move,
        )
    last[0], last[1] = state, middle
    if last[2] > 0 and last[2] % every == 0:
        _fit(counts)
    last[2] += 1.0
    states = counts.shape[1]
    if last[2] <= every or state < 0 or counts[2 * states + 1, state] == 0.0:
        return math.nan
    found: float = (bid + ask) / 2 + counts[2 * states + 2, state] * tick / 2
    return found


@numba.njit(cache=True, nogil=True)
def run(
    settings: tuple[float, int, int, int],
    bid: FloatArray,
    ask: FloatArray,
    bid_size: FloatArray,
    ask_size: FloatArray,
) -> FloatArray:
    """Return what each quote leaves."""
    last, counts = nothing(settings[1] * settings[2])
    out = np.empty(bid.size)
    for at in range(bid.size):
        out[at] = step(last, counts, settings, bid[at], ask[at], bid_size[at], ask_size[at])
    return out
