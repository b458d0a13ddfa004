"""What the best bid and ask say by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

QUOTES = FeatureRegistry()

_BEST = ("bid", "ask", "bid_size", "ask_size")


@QUOTES.define(
    title="Mid",
    group="microstructure",
    data="quotes",
    inputs=("bid", "ask"),
    warm_up=0,
    history=1,
    reference="(bid + ask) / 2",
)
def mid(bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return the middle of bid and ask."""
    return (bid + ask) / 2


@QUOTES.define(
    title="Quoted spread",
    group="microstructure",
    data="quotes",
    inputs=("bid", "ask"),
    outputs=("spread", "relative"),
    warm_up=0,
    history=1,
    reference="ask - bid, and as a fraction of the mid: Demsetz (1968), QJE 82, 33-53",
)
def quoted_spread(bid: FloatArray, ask: FloatArray) -> tuple[FloatArray, ...]:
    """Return the spread in price, and as a fraction of the mid."""
    return ask - bid, (ask - bid) / mid(bid, ask)


@QUOTES.define(
    title="Microprice",
    group="microstructure",
    data="quotes",
    inputs=_BEST,
    warm_up=0,
    history=1,
    reference="bid and ask, each by the size of the other: the weighted mid, or microprice, of "
    "Gatheral and Oomen (2010), Finance and Stochastics 14, 249-283",
)
def microprice(
    bid: FloatArray, ask: FloatArray, bid_size: FloatArray, ask_size: FloatArray
) -> FloatArray:
    """Return the mid, moved towards the side with less size: where the price goes next."""
    # from the bid on, so that large prices lose nothing
    return bid + (ask - bid) * (bid_size / (bid_size + ask_size))


@QUOTES.define(
    title="Queue imbalance",
    group="microstructure",
    data="quotes",
    inputs=("bid_size", "ask_size"),
    warm_up=0,
    history=1,
    reference="(bid_size - ask_size) / (bid_size + ask_size): Gould and Bonart (2016), Market "
    "Microstructure and Liquidity 2",
)
def queue_imbalance(bid_size: FloatArray, ask_size: FloatArray) -> FloatArray:
    """Return how much longer the best bid's queue is, from -1 to 1."""
    return (bid_size - ask_size) / (bid_size + ask_size)
