"""What one quote has to give: a few prices at each side, and so many units at each."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from nautilus_lab.execution.paper._terms import VenueTerms
from nautilus_lab.execution.paper._wire import Side

_CENT = Decimal("0.01")


@dataclass
class _Level:
    price: Decimal
    left: Decimal


@dataclass
class Depth:
    """The two sides of one quote; what is taken is gone until the next.

    Parameters
    ----------
    bid, ask : Decimal
        The best prices.
    terms : VenueTerms
        Units at each price, and how many prices.
    """

    bid: Decimal
    ask: Decimal
    terms: VenueTerms
    _sides: dict[Side, list[_Level]] = field(default_factory=dict)  # who takes -> what is there

    def best(self, side: Side) -> Decimal:
        """Return the best price for who wants to trade at `side`: the ask for BUY."""
        return self.ask if side == "BUY" else self.bid

    def size(self, side: Side) -> Decimal:
        """Return the units left at the best price for who wants to trade at `side`."""
        levels = self._sides.get(side)
        return Decimal(self.terms.depth) if levels is None else levels[0].left

    def reaches(self, side: Side, limit: Decimal) -> bool:
        """Whether `limit` is as good as the best price, or better."""
        return self.ask <= limit if side == "BUY" else self.bid >= limit

    def available(self, side: Side, worst: Decimal | None) -> Decimal:
        """Return how many units there are at `worst` or better; None takes any price."""
        return sum((level.left for level in self._within(side, worst)), Decimal(0))

    def offers(self, side: Side, worst: Decimal | None) -> list[tuple[Decimal, Decimal]]:
        """Return (price, units) at `worst` or better, the best first."""
        return [(level.price, level.left) for level in self._within(side, worst) if level.left]

    def take(self, side: Side, price: Decimal | None, quantity: Decimal) -> None:
        """Take units at `price`, or at the best prices that have some."""
        for level in self._levels(side):
            if price is None or level.price == price:
                taken = min(level.left, quantity)
                level.left -= taken
                quantity -= taken

    def cost(self, side: Side, quantity: Decimal) -> Decimal:
        """Return what `quantity` is worth now; past the last level, at the price of that."""
        total, price = Decimal(0), self.best(side)
        for price, left in self.offers(side, None):
            taken = min(left, quantity)
            total += taken * price
            quantity -= taken
        return total + quantity * price

    def _within(self, side: Side, worst: Decimal | None) -> list[_Level]:
        levels = self._levels(side)
        if worst is None:
            return levels
        if side == "BUY":
            return [level for level in levels if level.price <= worst]
        return [level for level in levels if level.price >= worst]

    def _levels(self, side: Side) -> list[_Level]:
        levels = self._sides.get(side)
        if levels is None:  # most quotes are never traded at
            half = ((self.ask - self.bid) / 2).quantize(_CENT, ROUND_HALF_UP)
            step = max(half, _CENT) if side == "BUY" else -max(half, _CENT)
            prices = (self.best(side) + step * number for number in range(self.terms.levels))
            levels = self._sides[side] = [
                _Level(price, Decimal(self.terms.depth)) for price in prices if price > 0
            ]
        return levels
