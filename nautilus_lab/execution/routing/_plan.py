"""The split of an order among venues that costs least, fees included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple, TypeAlias, get_args

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.execution.routing._offer import Offer
from nautilus_lab.platform.messages import OrderRouted, RouteLeg

Side: TypeAlias = Literal["BUY", "SELL"]
Policy: TypeAlias = Literal["best price after fees", "best price"]

_ZERO = Decimal(0)
_ONE = Decimal(1)
_WHOLE = Decimal(10_000)  # basis points


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """What one venue is to be sent.

    Attributes
    ----------
    venue : str
        Where.
    quantity : Decimal
        Units, a multiple of the venue's lot.
    price : Decimal
        The worst price that it takes, which is the limit to send.
    available : Decimal
        Units that the venue offers at `price` or better.
    fee_bps : float
        What a taker pays there, basis points of the traded value.
    expected_cost : Decimal
        What it costs at the prices seen, fees included, or for a sale brings; quote currency,
        of a contract with a multiplier of 1.
    reason : str
        Why it is sent there.
    """

    venue: str
    quantity: Decimal
    price: Decimal
    available: Decimal
    fee_bps: float
    expected_cost: Decimal
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """How an order is split, and why.

    Attributes
    ----------
    side : {"BUY", "SELL"}
        What is done.
    quantity : Decimal
        Units that were asked for.
    limit_price : Decimal or None
        The worst price it may trade at, fees apart.
    legs : tuple of Leg
        One for each venue that gets some, the best price first.
    unplaced : Decimal
        Units that no venue offers within the limit.
    rest_at : str or None
        Where what is unplaced would trade first; None when nothing is, or no venue takes it.
    passed_over : mapping of str to str
        venue -> why it gets nothing.
    policy : str
        By what venues were compared.
    """

    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    legs: tuple[Leg, ...]
    unplaced: Decimal
    rest_at: str | None
    passed_over: Mapping[str, str]
    policy: Policy

    @property
    def expected_cost(self) -> Decimal:
        """What all legs cost at the prices seen, fees included, or for a sale bring."""
        return sum((leg.expected_cost for leg in self.legs), _ZERO)

    def message(
        self,
        client_order_id: str,
        instrument: str,
        names: Mapping[str, str],
        *,
        multiplier: Decimal = _ONE,
    ) -> OrderRouted:
        """Return the record of the decision.

        Parameters
        ----------
        client_order_id, instrument : str
            The order's.
        names : mapping of str to str
            venue -> the client order id of its leg.
        multiplier : Decimal, default=1
            The instrument's: what it is expected to cost is in money.
        """
        return OrderRouted(
            client_order_id=client_order_id,
            instrument=instrument,
            side=self.side,
            quantity=self.quantity,
            legs=tuple(
                [
                    RouteLeg(
                        venue=leg.venue,
                        client_order_id=names[leg.venue],
                        quantity=leg.quantity,
                        price=leg.price,
                        available=leg.available,
                        fee_bps=leg.fee_bps,
                        reason=leg.reason,
                    )
                    for leg in self.legs
                ]
            ),
            expected_cost=self.expected_cost * multiplier,
            policy=self.policy,
            unplaced=self.unplaced,
            passed_over=tuple([f"{venue}: {why}" for venue, why in self.passed_over.items()]),
        )


class _Piece(NamedTuple):
    """Whole lots at one price; `rank` is what they are compared by, the lowest first."""

    rank: Decimal
    place: int  # of the offer: ties go to the one given first
    units: Decimal
    worst: Decimal
    cost: Decimal  # of one unit, fees included


def plan_route(
    side: Side,
    quantity: Decimal,
    offers: Sequence[Offer],
    limit_price: Decimal | None = None,
    *,
    policy: Policy = "best price after fees",
    max_age_s: float | None = None,
) -> Route:
    """Split an order among venues so that what is placed costs least.

    As many units as the venues offer within the limit are placed. The cost is linear in the units
    of each price, and prices of a venue only get worse: taking the cheapest lot first is the
    minimum [1]_, exactly when all venues have the same lot. Where lots differ, less than the
    largest lot may stay unplaced.

    Parameters
    ----------
    side : {"BUY", "SELL"}
        What is done.
    quantity : Decimal
        Units.
    offers : sequence of Offer
        One for each venue; of equal prices the offer that stands first is taken first.
    limit_price : Decimal, optional
        The worst price it may trade at. Fees come on top of it, as they do at an exchange.
    policy : str, default="best price after fees"
        ``"best price"`` compares prices alone; the costs told have the fees all the same.
    max_age_s : float, optional
        Older quotes are passed over; any age is taken when not given.

    Returns
    -------
    Route

    Raises
    ------
    InputError
        When the quantity or the limit is no positive number, or a venue stands there twice.
    BadData
        When no offer can be believed; its value says of each why.

    References
    ----------
    .. [1] Dantzig, G. B. (1957). Discrete-variable extremum problems. Operations Research 5 (2).

    Examples
    --------
    >>> near = Offer.of_quote("NEAR", bid=9.98, ask=10.00, bid_size=900, ask_size=100, fee_bps=3)
    >>> far = Offer.of_quote("FAR", bid=9.97, ask=10.01, bid_size=900, ask_size=900)
    >>> route = plan_route("BUY", Decimal(300), [far, near])
    >>> [(leg.venue, str(leg.quantity)) for leg in route.legs]
    [('NEAR', '100'), ('FAR', '200')]
    >>> route.legs[0].reason
    '10.003 a unit after fees, the best of 2'
    """
    _require(side, quantity, limit_price, policy, offers)
    passed_over: dict[str, str] = {}
    sound: list[Offer] = []
    for offer in offers:
        if why := offer.fault(max_age_s):
            passed_over[offer.venue] = why
        else:
            sound.append(offer)
    if not sound:
        raise BadData(
            "an order needs one venue at least with a quote that can be believed",
            value="; ".join(f"{venue}: {why}" for venue, why in passed_over.items()) or "no venue",
            remedy="wait for quotes, or name the venue",
        )
    buy = side == "BUY"
    pieces = sorted(
        piece
        for place, offer in enumerate(sound)
        for piece in _pieces(place, offer, buy, limit_price, policy)
    )
    taken: dict[int, list[_Piece]] = {}
    rooms = [_floor(o.most if o.most is not None else quantity, o.lot) for o in sound]
    left = quantity
    for piece in pieces:
        place = piece.place
        units = _floor(min(piece.units, left, rooms[place]), sound[place].lot)
        if units > 0:
            taken.setdefault(place, []).append(piece._replace(units=units))
            rooms[place] -= units
            left -= units
    best_first = sorted(range(len(sound)), key=lambda place: _top(sound[place], buy, policy))
    legs = tuple(
        [
            _leg(sound[place], taken[place], buy, number, len(sound))
            for number, place in enumerate(taken, start=1)
        ]
    )
    for place, offer in enumerate(sound):
        if place not in taken:
            passed_over[offer.venue] = _why_not(offer, rooms[place], buy, limit_price, left)
    return Route(
        side=side,
        quantity=quantity,
        limit_price=limit_price,
        legs=legs,
        unplaced=left,
        rest_at=next((sound[p].venue for p in best_first if rooms[p] > 0), None) if left else None,
        passed_over=passed_over,
        policy=policy,
    )


def _require(
    side: str,
    quantity: Decimal,
    limit_price: Decimal | None,
    policy: str,
    offers: Sequence[Offer],
) -> None:
    if side not in get_args(Side):
        raise InputError("a side is BUY or SELL", value=side)
    if policy not in get_args(Policy):
        raise InputError(f"a policy is one of {', '.join(get_args(Policy))}", value=policy)
    for name, value in (("quantity", quantity), ("limit_price", limit_price)):
        if value is None and name == "limit_price":
            continue
        if not (isinstance(value, Decimal) and value.is_finite() and value > 0):
            raise InputError(f"{name} must be a positive Decimal", value=value)
    names = [offer.venue for offer in offers]
    if len(set(names)) < len(names):
        raise InputError("each venue must stand there once", value=", ".join(sorted(names)))


def _pieces(
    place: int, offer: Offer, buy: bool, limit_price: Decimal | None, policy: Policy
) -> Iterator[_Piece]:
    """Yield what an offer has within the limit as whole lots, in the order of its prices."""
    fees = _fees(offer, buy)
    factor = fees if policy == "best price after fees" else Decimal(1)
    sign = 1 if buy else -1

    def piece(units: Decimal, paid: Decimal, worst: Decimal) -> _Piece:
        return _Piece(sign * paid * factor, place, units, worst, paid * fees)

    begun = paid = _ZERO  # units of a lot that better prices do not fill, and what they cost
    for price, size in offer.asks if buy else offer.bids:
        if limit_price is not None and (price > limit_price if buy else price < limit_price):
            return
        if begun:
            missing = offer.lot - begun
            if size < missing:
                begun, paid = begun + size, paid + size * price
                continue
            yield piece(offer.lot, (paid + missing * price) / offer.lot, price)
            size -= missing
        whole = _floor(size, offer.lot)
        if whole:
            yield piece(whole, price, price)
        begun = size - whole
        paid = begun * price


def _leg(offer: Offer, pieces: Sequence[_Piece], buy: bool, number: int, count: int) -> Leg:
    quantity = sum((p.units for p in pieces), _ZERO)
    cost = sum((p.units * p.cost for p in pieces), _ZERO)
    worst = pieces[-1].worst
    levels = offer.asks if buy else offer.bids
    there = sum((s for p, s in levels if (p <= worst if buy else p >= worst)), _ZERO)
    rank = "the best" if number == 1 else f"number {number}"
    each = (cost / quantity).quantize(Decimal("1e-6")).normalize()
    return Leg(
        venue=offer.venue,
        quantity=quantity,
        price=worst,
        available=there,
        fee_bps=offer.fee_bps,
        expected_cost=cost,
        reason=f"{each:f} a unit after fees, {rank} of {count}",
    )


def _why_not(
    offer: Offer, room: Decimal, buy: bool, limit_price: Decimal | None, left: Decimal
) -> str:
    price, size = (offer.asks if buy else offer.bids)[0]
    if room <= 0:
        return f"the account may {'buy' if buy else 'sell'} none there"
    if limit_price is not None and (price > limit_price if buy else price < limit_price):
        return f"{price} is beyond the limit"
    if not left:
        return f"{(price * _fees(offer, buy)).normalize():f} a unit after fees is worse"
    return f"{size} there is less than a lot of {min(offer.lot, left)}"


def _top(offer: Offer, buy: bool, policy: Policy) -> Decimal:
    factor = _fees(offer, buy) if policy == "best price after fees" else Decimal(1)
    price = (offer.asks if buy else offer.bids)[0][0] * factor
    return price if buy else -price


def _fees(offer: Offer, buy: bool) -> Decimal:
    fee = Decimal(str(offer.fee_bps)) / _WHOLE
    return 1 + fee if buy else 1 - fee


def _floor(units: Decimal, lot: Decimal) -> Decimal:
    return (units / lot).to_integral_value(ROUND_FLOOR) * lot
