"""The averages that a stream updates at every tick, compiled, many settings in one call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray

# After so many ticks the running sums are added up anew, about the price of then: what floating
# point forgets must not add up over a day, nor grow as the price wanders off.
_AFRESH = 4_096
# of a variance that is so small beside the squares it comes from, too few digits are left
_CANCELLED = 1e-7


@numba.njit(cache=True, nogil=True)
def _sums(ring: FloatArray, count: int, period: int, begin: float) -> tuple[float, float]:
    """Return the sum of the last values about `begin`, and that of their squares."""
    total = squares = 0.0
    for back in range(period):
        value = ring[(count - back) & (ring.size - 1)] - begin
        total += value
        squares += value * value
    return total, squares


@numba.njit(cache=True, nogil=True)
def update(x: float, whole: IntArray, real: FloatArray, ring: FloatArray, out: FloatArray) -> None:
    """Take one value into every average; see `MovingSet` for the arrays."""
    count, smas, emas, rsis, bands = whole[0], whole[1], whole[2], whole[3], whole[4]
    mask = ring.size - 1
    afresh = count % _AFRESH == 0
    if afresh:
        real[0] = x
    begin = real[0]
    last = ring[(count - 1) & mask] if count else x
    ring[count & mask] = x
    n = count + 1
    whole[0] = n
    shifted = x - begin
    w, r = 5, 1
    for _ in range(smas):
        period, total = whole[w], real[r] + shifted
        if n > period:
            total -= ring[(count - period) & mask] - begin
        if afresh:
            total = _sums(ring, count, min(n, period), begin)[0]
        real[r] = total
        out[whole[w + 1]] = total / period + begin if n >= period else math.nan
        w += 2
        r += 1
    for _ in range(emas):
        period = whole[w]
        if n < period:
            real[r] += x
            out[whole[w + 1]] = math.nan
        else:
            if n == period:
                real[r] = (real[r] + x) / period
            else:
                real[r] += real[r + 1] * (x - real[r])
            out[whole[w + 1]] = real[r]
        w += 2
        r += 2
    change = x - last
    gain = change if change > 0 else 0.0
    loss = -change if change < 0 else 0.0
    for _ in range(rsis):
        period = whole[w]
        if n <= period:
            real[r] += gain
            real[r + 1] += loss
            out[whole[w + 1]] = math.nan
        else:
            if n == period + 1:
                real[r] = (real[r] + gain) / period
                real[r + 1] = (real[r + 1] + loss) / period
            else:
                real[r] = (real[r] * (period - 1) + gain) / period
                real[r + 1] = (real[r + 1] * (period - 1) + loss) / period
            both = real[r] + real[r + 1]
            out[whole[w + 1]] = 100.0 * real[r] / both if both > 0 else 0.0
        w += 2
        r += 2
    for _ in range(bands):
        period = whole[w]
        total, squares = real[r] + shifted, real[r + 1] + shifted * shifted
        if n > period:
            old = ring[(count - period) & mask] - begin
            total -= old
            squares -= old * old
        if afresh:
            total, squares = _sums(ring, count, min(n, period), begin)
        real[r], real[r + 1] = total, squares
        at = whole[w + 1]
        if n < period:
            out[at] = out[at + 1] = out[at + 2] = math.nan
        else:
            middle = total / period
            spread = squares / period - middle * middle
            if spread < _CANCELLED * squares / period:
                spread = _sums(ring, count, period, begin + middle)[1] / period
            width = math.sqrt(spread) if spread > 0 else 0.0
            middle += begin
            out[at] = middle + real[r + 2] * width
            out[at + 1] = middle
            out[at + 2] = middle - real[r + 3] * width
        w += 2
        r += 4
