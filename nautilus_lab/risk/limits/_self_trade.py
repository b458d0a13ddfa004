"""No order trades with another one of the same account."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from nautilus_lab.risk.limits._asked import Asked, Held, Works
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._limit import bounded, chosen
from nautilus_lab.risk.limits._order import OfOrder

_BPS = 10_000

# Which of the two goes, as venues name it: CN the newer, which is denied; CO the older ones.
SelfTradePolicy: TypeAlias = Literal["cancel_newest", "cancel_oldest"]
_POLICIES = ("cancel_newest", "cancel_oldest")


class SelfTrade(Finding, frozen=True, gc=False):
    """What an order would trade with; `reason` says which, or whose."""

    def __str__(self) -> str:
        return f"{self.limit.upper()}: {self.reason}"


@dataclass(frozen=True, kw_only=True, repr=False)
class NoSelfTrade(OfOrder):
    """An order does not trade with one of the same account, of whatever strategy or node.

    It crosses an order of the other side that works or is on its way when its price is at or beyond
    that one's; a market order's price is `reach_bps` beyond the quote. A stop that waits crosses
    what rests between its trigger and where it could trade from there: what rests at a better price
    has traded by then. Two orders neither of which can rest do not meet, nor do two stops, nor
    an entry and its own exits, which wait for it. A change is held against it with its new prices;
    while it is on its way the old ones count too.

    Parameters
    ----------
    policy : {"cancel_newest", "cancel_oldest"}
        Which goes: the new order, which is denied, or the ones it crosses, which are cancelled
        before it is sent.
    reducing : {"cancel_newest", "cancel_oldest"}, default="cancel_oldest"
        The same for orders that only reduce: by default nothing keeps a position from being closed.
    reach_bps : float, default=10
        How far beyond the quote a market order, or a stop beyond its trigger, is taken to trade,
        basis points.

    Notes
    -----
    Stops that wait are never cancelled, nor is what is linked with others, whose stop would end
    with it: what crosses one of them is denied under either policy. Orders of another node cannot
    be cancelled: of what crosses one, what only reduces passes under ``"cancel_oldest"``.
    """

    name: ClassVar[str] = "self_trade"
    number: ClassVar[int] = 24
    scopes: ClassVar[str] = "instrument, over all strategies and nodes"
    formula: ClassVar[str] = "own orders of the other side that it crosses = 0"

    policy: SelfTradePolicy = "cancel_newest"
    reducing: SelfTradePolicy = "cancel_oldest"
    reach_bps: float = 10.0

    def _check(self) -> None:
        chosen("policy", self.policy, _POLICIES)
        chosen("reducing", self.reducing, _POLICIES)
        bounded("reach_bps", self.reach_bps, most=_BPS)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Look for what it would trade with; under `cancel_oldest` ask for that to be cancelled."""
        traded = asked.instrument
        against, elsewhere = held.against(traded.name, asked.buy)
        if not against and elsewhere is None:
            return Finding(self.name, traded.name, 0.0, 0.0, True, "orders")
        price, waits = self._terms(asked)
        crossed = [
            one
            for one in against
            if (waits or not _rests_away(asked.buy, price, one.terms))
            and self._crosses(asked, price, waits, one)
        ]
        trigger = asked.trigger if waits else None
        # Of another node the best price that rests is known.
        apart = elsewhere is not None and _meets(
            asked.buy, asked.limit, trigger, price, elsewhere, None, elsewhere
        )
        if not crossed and not apart:
            return Finding(self.name, traded.name, 0.0, 0.0, True, "orders")
        return self._found_some(asked, crossed, apart)

    def _found_some(self, asked: Asked, crossed: list[Works], apart: bool) -> Finding:
        policy = self.reducing if asked.reduces else self.policy
        value = float(len(crossed) + apart)
        kept = [one for one in crossed if one.terms[0][1] is not None or one.linked]
        scope = asked.instrument.name
        if policy == "cancel_oldest" and not kept and (asked.reduces or not apart):
            asked.cancel_first([one.id for one in crossed])
            return SelfTrade(self.name, scope, value, 0.0, True, "orders", "")
        if crossed:
            one = (kept or crossed)[0]
            why = f"it would trade with {one.id} of {one.strategy}"
        else:
            why = "it would trade with an order of another node of this home"
        return SelfTrade(self.name, scope, value, 0.0, False, "orders", why)

    def _terms(self, asked: Asked) -> tuple[float, bool]:
        """Return the worst price an order could trade at, and whether it waits for a trigger."""
        buy, traded = asked.buy, asked.instrument
        touch = traded.ask if buy else traded.bid
        market = math.nan if touch is None else touch
        if asked.trigger is None:
            return self._beyond(buy, market) if asked.limit is None else asked.limit, False
        # One that is beyond its trigger already trades at once.
        waits = not (asked.trigger <= market if buy else asked.trigger >= market)
        if asked.limit is not None:
            return asked.limit, waits
        return self._beyond(buy, asked.trigger if waits else market), waits

    def _beyond(self, buy: bool, price: float) -> float:
        share = self.reach_bps / _BPS
        return price + abs(price) * share if buy else price - abs(price) * share

    def _crosses(self, asked: Asked, price: float, waits: bool, one: Works) -> bool:
        if asked.id in (one.id, one.parent) or one.id == asked.parent:
            return False
        trigger = asked.trigger if waits else None
        for limit, stop in one.terms:
            if stop is not None:
                worst = limit if limit is not None else self._beyond(not asked.buy, stop)
            elif limit is not None:
                worst = limit
            else:
                worst = math.nan  # a market order that has not traded yet
            if _meets(asked.buy, asked.limit, trigger, price, limit, stop, worst):
                return True
        return False


def _meets(
    buy: bool,
    limit: float | None,
    trigger: float | None,
    price: float,
    their_limit: float | None,
    their_trigger: float | None,
    their_price: float,
) -> bool:
    """Whether two orders of opposite sides could trade with each other.

    `price` and `their_price` are the worst they could trade at; a trigger is of one that waits.
    """
    if trigger is not None and their_trigger is not None:
        return False
    if trigger is not None:
        return their_limit is not None and _between(buy, trigger, their_limit, price)
    if their_trigger is not None:
        return limit is not None and _between(not buy, their_trigger, limit, their_price)
    if limit is None and their_limit is None:
        return False
    if their_limit is None:
        return True  # it may meet whatever comes to rest
    # NaN, a market order without a quote, crosses everything.
    return not (price < their_limit) if buy else not (price > their_limit)


def _rests_away(
    buy: bool, price: float, terms: Sequence[tuple[float | None, float | None]]
) -> bool:
    """Whether an order is a limit that `price` does not reach: what most are, told at once."""
    if len(terms) > 1:
        return False
    limit, trigger = terms[0]
    if limit is None or trigger is not None:
        return False
    return price < limit if buy else price > limit


def _between(buy: bool, trigger: float, rests: float, worst: float) -> bool:
    """Whether a stop that is triggered could trade with what rests at a price."""
    return trigger <= rests <= worst if buy else worst <= rests <= trigger
