"""What one venue offers, and whether that can be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

Level: TypeAlias = tuple[Decimal, Decimal]  # price, units

_WHOLE = 10_000  # basis points


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """The two sides of one venue's book, best price first, and the terms of trading there.

    An offer may be nonsense: quotes are what they are. `fault` says so, and a route leaves it out.

    Attributes
    ----------
    venue : str
        Its name.
    bids, asks : sequence of (Decimal, Decimal)
        Prices in quote currency, and the units there are at each.
    fee_bps : float, default=0.0
        What a taker pays, basis points of the traded value; negative when the venue pays.
    lot : Decimal, default=1
        What an order there must be a multiple of.
    most : Decimal, optional
        The units that the account may trade there; None is no bound.
    age_s : float, default=0.0
        Seconds since the quote was made.

    Examples
    --------
    >>> Offer.of_quote("XNAS", bid=99.98, ask=100.01, bid_size=300, ask_size=200).asks
    ((Decimal('100.01'), Decimal('200')),)
    >>> Offer.of_quote("XNAS", bid=100.02, ask=100.01, bid_size=300, ask_size=200).fault()
    'crossed: bid 100.02 over ask 100.01'
    """

    venue: str
    bids: Sequence[Level]
    asks: Sequence[Level]
    fee_bps: float = 0.0
    lot: Decimal = Decimal(1)
    most: Decimal | None = None
    age_s: float = 0.0

    @classmethod
    def of_quote(
        cls,
        venue: str,
        *,
        bid: Decimal | float,
        ask: Decimal | float,
        bid_size: Decimal | float,
        ask_size: Decimal | float,
        fee_bps: float = 0.0,
        lot: Decimal = Decimal(1),
        most: Decimal | None = None,
        age_s: float = 0.0,
    ) -> Offer:
        """Return the offer of a quote: one price at each side."""
        return cls(
            venue=venue,
            bids=((_decimal(bid), _decimal(bid_size)),),
            asks=((_decimal(ask), _decimal(ask_size)),),
            fee_bps=fee_bps,
            lot=lot,
            most=most,
            age_s=age_s,
        )

    def fault(self, max_age_s: float | None = None) -> str:
        """Return why the offer cannot be believed; nothing when it can."""
        if not -_WHOLE < self.fee_bps < _WHOLE:
            return f"a fee of {self.fee_bps:g} bp is none"
        if not (self.lot.is_finite() and self.lot > 0):
            return f"a lot of {self.lot} is none"
        if self.most is not None and not (self.most.is_finite() and self.most >= 0):
            return f"nobody knows what may be traded: {self.most}"
        if max_age_s is not None and not self.age_s <= max_age_s:
            return f"stale: {self.age_s:.3g} s old"
        if not self.bids or not self.asks:
            return "one-sided: no bid" if not self.bids else "one-sided: no ask"
        for name, levels, rising in (("bid", self.bids, False), ("ask", self.asks, True)):
            if wrong := _fault_of(name, levels, rising):
                return wrong
        if not self.bids[0][0] <= self.asks[0][0]:
            return f"crossed: bid {self.bids[0][0]} over ask {self.asks[0][0]}"
        return ""


def _fault_of(name: str, levels: Sequence[Level], rising: bool) -> str:
    before: Decimal | None = None
    for price, size in levels:
        # First of all: a Decimal that is no number raises when it is compared.
        if not (price.is_finite() and size.is_finite()):
            return f"{name} {price} for {size} is no number"
        if not (price > 0 and size >= 0):
            return f"{name} {price} for {size} is not positive"
        if before is not None and (price < before if rising else price > before):
            return f"{name}s out of order: {price} after {before}"
        before = price
    return ""


def _decimal(value: Decimal | float) -> Decimal:
    if isinstance(value, Decimal):
        return value
    return Decimal(repr(value)) if math.isfinite(value) else Decimal("NaN")
