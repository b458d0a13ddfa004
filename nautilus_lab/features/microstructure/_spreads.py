"""What trades paid, and what became of the price after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

SPREADS = FeatureRegistry()

_AHEAD = {"horizon": Parameter(default=20)}
_SIDED = ("price", "side", "bid", "ask")
_HUANG_STOLL = "Huang and Stoll (1996), J. of Financial Economics 41, 313-357"


def _horizon(settings: Values) -> int:
    return int(settings["horizon"])


def _horizon_and_one(settings: Values) -> int:
    return int(settings["horizon"]) + 1


@SPREADS.define(
    title="Effective spread",
    group="microstructure",
    data="ticks",
    inputs=("price", "bid", "ask"),
    outputs=("spread", "relative"),
    warm_up=0,
    history=1,
    reference="2 |price - mid|, the quote before the trade, and as a fraction of the mid: "
    + _HUANG_STOLL,
)
def effective_spread(price: FloatArray, bid: FloatArray, ask: FloatArray) -> tuple[FloatArray, ...]:
    """Return twice what a trade was away from the mid, in price and as a fraction."""
    import numpy as np

    middle = (bid + ask) / 2
    spread = 2 * np.abs(price - middle)
    return spread, spread / middle


@SPREADS.define(
    title="Realised spread",
    group="microstructure",
    data="ticks",
    inputs=_SIDED,
    outputs=("spread", "relative"),
    parameters=_AHEAD,
    warm_up=_horizon,
    history=_horizon_and_one,
    reference="2 side (price - mid `horizon` trades later), told when that mid is known, of the "
    "trade `horizon` trades ago: " + _HUANG_STOLL,
)
def realised_spread(
    price: FloatArray, side: FloatArray, bid: FloatArray, ask: FloatArray, horizon: int = 20
) -> tuple[FloatArray, ...]:
    """Return what was left to the maker of the trade `horizon` trades ago; NaN of one unsigned."""
    middle = (bid + ask) / 2
    return _told_later(side, price[:-horizon] - middle[horizon:], middle, horizon)


@SPREADS.define(
    title="Price impact",
    group="microstructure",
    data="ticks",
    inputs=("side", "bid", "ask"),
    outputs=("impact", "relative"),
    parameters=_AHEAD,
    warm_up=_horizon,
    history=_horizon_and_one,
    reference="2 side (mid `horizon` trades later - mid), told when the later mid is known, of the "
    "trade `horizon` trades ago: effective less realised spread: " + _HUANG_STOLL,
)
def price_impact(
    side: FloatArray, bid: FloatArray, ask: FloatArray, horizon: int = 20
) -> tuple[FloatArray, ...]:
    """Return twice how far the mid went the way of the trade `horizon` trades ago."""
    middle = (bid + ask) / 2
    return _told_later(side, middle[horizon:] - middle[:-horizon], middle, horizon)


def _told_later(
    side: FloatArray, apart: FloatArray, middle: FloatArray, horizon: int
) -> tuple[FloatArray, ...]:
    """Return twice the signed difference, and relative to the mid then, where it is known."""
    import numpy as np

    out = np.full((2, len(side)), np.nan)
    if len(side) > horizon:
        began = side[:-horizon]
        out[0, horizon:] = np.where(began == 0, np.nan, 2 * began * apart)
        out[1, horizon:] = out[0, horizon:] / middle[:-horizon]
    return out[0], out[1]
