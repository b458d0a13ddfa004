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
    """Return 1, 0 or -1, or NaN where the rule cannot tell; `state` is the last price and move.

    Comparisons are counted, not branched on: which way a trade goes no processor can foresee.
    """
    move = 1.0 * (price > state[0]) - 1.0 * (price < state[0])
    move += state[1] * (1.0 - abs(move))
    state[0], state[1] = price, move
    sign = 0.0
    if rule in (QUOTE, LEE_READY):
        apart, edge = 2.0 * price - (bid + ask), _ALIKE * (bid + ask)
        sign = 1.0 * (apart > edge) - 1.0 * (apart < -edge)
        if rule == QUOTE:
            return sign
    elif rule == ELLIS_MICHAELY_OHARA:
        sign = 1.0 * (price == ask) - 1.0 * (price == bid)
    elif rule == CHAKRABARTY:
        near = _NEAR * (ask - bid)
        sign = 1.0 * (ask - near <= price <= ask) - 1.0 * (bid <= price <= bid + near)
    sign += move * (1.0 - abs(sign))
    return sign if sign != 0.0 else math.nan


@numba.njit(cache=True, nogil=True)
def unknown() -> FloatArray:
    """Return the state before the first trade: no price, no move."""
    return np.array([math.nan, 0.0])


@numba.njit(cache=True, nogil=True)
def run(rule: int, price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return the sign of each trade."""
    state, out = unknown(), np.empty(price.size)
    for at in range(price.size):
        out[at] = step(state, rule, price[at], bid[at], ask[at])
    return out
