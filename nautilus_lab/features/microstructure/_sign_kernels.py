"""Who began a trade, told from its price: one step, that a batch and a stream both take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

TICK, QUOTE, LEE_READY, ELLIS_MICHAELY_OHARA, CHAKRABARTY = range(5)
# share of the spread, from either quote, within which a price belongs to it
_NEAR = 0.3
# a mid is a sum of two prices: it may miss the one it stands for by some last digits
_ALIKE = 1e-15


@numba.njit(cache=True, nogil=True)
def step(state: FloatArray, rule: int, price: float, bid: float, ask: float) -> float:
    """Return 1, 0 or -1, or NaN where the rule cannot tell; `state` is the last price and move."""
    if price > state[0]:
        state[1] = 1.0
    elif price < state[0]:
        state[1] = -1.0
    state[0] = price
    moved: float = state[1]
    if rule == TICK:
        return moved
    apart = 2.0 * price - (bid + ask)
    at_mid = abs(apart) <= _ALIKE * (bid + ask)
    if rule == QUOTE:
        return 0.0 if at_mid else math.copysign(1.0, apart)
    if rule == LEE_READY:
        return moved if at_mid else math.copysign(1.0, apart)
    if bid == ask:
        return moved
    if rule == ELLIS_MICHAELY_OHARA:
        return 1.0 if price == ask else -1.0 if price == bid else moved
    near = _NEAR * (ask - bid)
    if ask - near <= price <= ask:
        return 1.0
    return -1.0 if bid <= price <= bid + near else moved


@numba.njit(cache=True, nogil=True)
def unknown() -> FloatArray:
    """Return the state before the first trade."""
    return np.array([math.nan, math.nan])


@numba.njit(cache=True, nogil=True)
def run(rule: int, price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return the sign of each trade."""
    state, out = unknown(), np.empty(price.size)
    for at in range(price.size):
        out[at] = step(state, rule, price[at], bid[at], ask[at])
    return out
