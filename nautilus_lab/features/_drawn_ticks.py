"""A drawn market: what features of ticks are checked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

_TICK = 0.01  # the least step of the drawn price


def drawn_ticks(ticks: int, *, seed: int = 7, levels: int = 10) -> dict[str, FloatArray]:
    """Return the columns of so many drawn trades, with the quote and the book before each.

    Buyers follow buyers, trades move the price their way, a tenth are struck within the spread,
    and some share a time. Nothing of it is of a real market.

    Parameters
    ----------
    ticks : int
        How many.
    seed : int, default=7
        Of the draw.
    levels : int, default=10
        Of the book.

    Returns
    -------
    dict of str to array, shape (ticks,)
        ``time`` (seconds), ``bid``, ``ask``, ``bid_size``, ``ask_size``, ``price``, ``size``,
        ``side``, and ``bid_price_0``, ``bid_size_0``, ... of the book.
    """
    import numpy as np

    draw = np.random.default_rng(seed)
    turns = np.where(draw.random(ticks) < 0.4, -1.0, 1.0)
    turns[0] = 1.0
    side = np.cumprod(turns)
    size = draw.integers(1, 500, ticks).astype(float)
    pushed = np.concatenate([[0.0], (side * size)[:-1]]) * 2e-7
    fair = 100 * np.exp(np.cumsum(pushed + draw.standard_normal(ticks) * 5e-5))
    steps = draw.integers(1, 4, ticks)
    # whole steps, so that a price that should be the ask is the ask
    below = np.floor(fair / _TICK - steps / 2)
    bid, ask = np.round(below * _TICK, 2), np.round((below + steps) * _TICK, 2)
    price = np.where(side > 0, ask, bid)
    within = draw.random(ticks) < 0.1
    within[0] = False
    price[within] = ((bid + ask) / 2)[within]
    found = {
        "time": 1.7e9 + np.round(np.cumsum(draw.exponential(0.3, ticks)), 1),
        "bid": bid,
        "ask": ask,
        "price": price,
        "size": size,
        "side": side,
    }
    for name, best, way in (("bid", below, -1), ("ask", below + steps, 1)):
        behind = np.cumsum(draw.integers(1, 3, (levels, ticks)), axis=0)
        behind -= behind[0]
        for level in range(levels):
            found[f"{name}_price_{level}"] = np.round((best + way * behind[level]) * _TICK, 2)
            found[f"{name}_size_{level}"] = draw.integers(1, 1_000, ticks).astype(float)
        found[f"{name}_size"] = found[f"{name}_size_0"].copy()
    return found
