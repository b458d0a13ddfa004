"""The account behind a paper book: positions, cash, margin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import msgspec

from nautilus_lab.execution.paper._terms import VenueTerms
from nautilus_lab.execution.paper._wire import (
    Side,
    VenueAccount,
    VenueFill,
    VenueMargin,
    VenueOrder,
    VenuePosition,
)

_CENT = Decimal("0.01")
_TEN_THOUSANDTH = Decimal("0.0001")
_NOTHING = Decimal(0)


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """What is in an account.

    Attributes
    ----------
    cash, balance : Decimal
        As in `VenueAccount`.
    holdings : dict
        Symbol -> signed units, and what the open ones cost, both below zero when short.
    """

    cash: Decimal
    balance: Decimal
    holdings: dict[str, tuple[Decimal, Decimal]]


# symbol, side -> the price at which something would be bought or sold now; None without a quote
Market = Callable[[str, Side], Decimal | None]


@dataclass
class _Holding:
    quantity: Decimal = _NOTHING  # below zero is short
    paid: Decimal = _NOTHING  # what the open units cost, below zero for a short position

    @property
    def average_price(self) -> Decimal:
        return (self.paid / self.quantity).quantize(_TEN_THOUSANDTH) if self.quantity else _NOTHING


class Money:
    """Cash and positions of one account, and what they allow.

    Inside, a price is what one unit is worth: as it is quoted, times the contract's multiplier.

    Parameters
    ----------
    deposited : Decimal
        USD at the beginning of time.
    terms : VenueTerms
        Fees and leverage.
    market : callable
        The price at which a symbol would be bought or sold now; a position is valued at the
        price that would close it.
    """

    def __init__(self, *, deposited: Decimal, terms: VenueTerms, market: Market) -> None:
        self.cash = self.deposited = self.balance = deposited
        self._terms = terms
        self._market = market
        self._holdings: dict[str, _Holding] = {}

    # --- what it is -----------------------------------------------------------------------

    def held(self, symbol: str) -> Decimal:
        """Return the signed position in `symbol`."""
        holding = self._holdings.get(symbol)
        return holding.quantity if holding is not None else _NOTHING

    @property
    def positions(self) -> list[VenuePosition]:
        """The positions that are not flat."""
        return [
            VenuePosition(symbol=s, quantity=h.quantity, average_price=self._quoted(s, h))
            for s, h in self._holdings.items()
            if h.quantity
        ]

    @property
    def equity(self) -> Decimal:
        """Cash, and positions at the prices that would close them."""
        held = (h.quantity * self._mark(s) for s, h in self._holdings.items() if h.quantity)
        return self.cash + sum(held, _NOTHING)

    @property
    def initial_margin(self) -> Decimal:
        """What the open positions tie up."""
        return self._value * self._terms.initial_margin

    @property
    def called(self) -> bool:
        """Whether the equity is below the maintenance margin of the open positions."""
        if not self._terms.has_margin:
            return False
        return self.equity < self._value * self._terms.maintenance_margin

    def account(self, account_id: str) -> VenueAccount:
        """Return the account's statement."""
        terms = self._terms
        margins = [
            VenueMargin(
                symbol=symbol,
                initial=_cents(value * terms.initial_margin),
                maintenance=_cents(value * terms.maintenance_margin),
            )
            for symbol, value in self._values()
            if terms.has_margin
        ]
        return VenueAccount(
            account_id=account_id,
            currency="USD",
            cash=self.cash,
            deposited=self.deposited,
            balance=_cents(self.balance),
            equity=_cents(self.equity),
            leverage=Decimal(str(terms.leverage)),
            margins=margins,
        )

    @property
    def balances(self) -> Balances:
        """What `resume` goes on with."""
        held = {s: (h.quantity, h.paid) for s, h in self._holdings.items() if h.quantity}
        return Balances(cash=self.cash, balance=self.balance, holdings=held)

    # --- what happens ---------------------------------------------------------------------

    def resume(self, balances: Balances) -> None:
        """Go on with what was in the account."""
        self.cash, self.balance = balances.cash, balances.balance
        self._holdings = {s: _Holding(*held) for s, held in balances.holdings.items()}

    def settle(self, fill: VenueFill) -> None:
        """Book an execution."""
        holding = self._holdings.setdefault(fill.symbol, _Holding())
        signed = fill.quantity if fill.side == "BUY" else -fill.quantity
        price = fill.price * self._terms.multiplier(fill.symbol)
        self.cash -= signed * price + fill.commission
        self.balance -= fill.commission
        closing = _closing(holding.quantity, signed)
        if closing:
            share = holding.paid * abs(closing) / abs(holding.quantity)
            self.balance += -closing * price - share
            holding.paid -= share
            holding.quantity += closing
        opening = signed - closing
        holding.quantity += opening
        holding.paid += opening * price
        if not holding.quantity:
            holding.paid = _NOTHING

    # --- what it allows -------------------------------------------------------------------

    def refusal(
        self, orders: Iterable[VenueOrder], others: Iterable[VenueOrder], price: Pricing
    ) -> str:
        """Return why `orders` cannot be afforded beside the working `others`; "" when they can."""
        new, old = list(orders), list(others)
        if not self._terms.has_margin:
            return self._cash_refusal(new, old, price)
        before, after = self._need(old, price), self._need([*old, *new], price)
        if after > before and after > (equity := self.equity):
            return f"not enough margin: {_cents(after)} needed, equity is {_cents(equity)}"
        return ""

    def most(self, order: VenueOrder, price: Decimal, *, maker: bool) -> Decimal:
        """Return how many units of `order` the account can bear at `price`, as quoted, now."""
        terms, held = self._terms, self.held(order.symbol)
        price *= terms.multiplier(order.symbol)
        buys = order.side == "BUY"
        closable = max(-held if buys else held, _NOTHING)
        if order.reduce_only:
            return closable
        fee = terms.maker_fee if maker else terms.taker_fee
        if not terms.has_margin:
            if not buys:
                return closable
            units = (self.cash / (price * (1 + fee))).to_integral_value(ROUND_FLOOR)
            # The commission is rounded to cents: what fits without may not fit with it.
            while units > 0 and self._with_fee(units, price, maker=maker) > self.cash:
                units -= 1
            return max(units, _NOTHING)
        freed = closable * price * (terms.initial_margin - fee)
        free = self.equity - self.initial_margin + freed
        per_unit = price * (terms.initial_margin + fee)
        return closable + max((free / per_unit).to_integral_value(ROUND_FLOOR), _NOTHING)

    # --- how ------------------------------------------------------------------------------

    def _cash_refusal(self, new: list[VenueOrder], old: list[VenueOrder], price: Pricing) -> str:
        selling = {o.symbol for o in new if o.side == "SELL"}
        for symbol in selling:
            asked = _largest(o for o in new if o.symbol == symbol and o.side == "SELL")
            promised = _largest(o for o in old if o.symbol == symbol and o.side == "SELL")
            free = self.held(symbol) - promised
            if asked > free:
                return f"a cash account cannot sell short: {asked} asked, {free} free"
        buys = [o for o in new if o.side == "BUY"]
        if not buys:
            return ""
        cost = self._cost(buys, price)
        free_cash = self.cash - self._cost((o for o in old if o.side == "BUY"), price)
        if cost > free_cash:
            return f"not enough cash: {_cents(cost)} needed, {_cents(free_cash)} free"
        return ""

    def _cost(self, orders: Iterable[VenueOrder], price: Pricing) -> Decimal:
        largest: dict[object, Decimal] = {}
        for order in orders:
            value = price(order)
            cost = value + (value * self._terms.taker_fee).quantize(_CENT, ROUND_HALF_UP)
            key = _group(order)
            largest[key] = max(largest.get(key, _NOTHING), cost)
        return sum(largest.values(), _NOTHING)

    def _need(self, orders: Iterable[VenueOrder], price: Pricing) -> Decimal:
        """Return the initial margin when all buys, or all sells, of each symbol are filled."""
        by_symbol: dict[str, list[VenueOrder]] = {s: [] for s in self._holdings}
        for order in orders:
            if not order.reduce_only:
                by_symbol.setdefault(order.symbol, []).append(order)
        need = _NOTHING
        for symbol, working in by_symbol.items():
            held, mark, worst = self.held(symbol), self._mark(symbol), _NOTHING
            for side, sign in (("BUY", 1), ("SELL", -1)):
                mine = [o for o in working if o.side == side]
                units = held + sign * _largest(mine)
                highest = max((price(o) / o.leaves for o in mine if o.leaves), default=_NOTHING)
                # What only closes leaves less of the same: its own price opens nothing.
                opens = units * held < 0 or abs(units) > abs(held)
                worst = max(worst, abs(units) * (max(highest, mark) if opens else mark))
            need += worst * self._terms.initial_margin
        return need

    @property
    def _value(self) -> Decimal:
        return sum((value for _, value in self._values()), _NOTHING)

    def _values(self) -> list[tuple[str, Decimal]]:
        return [
            (s, abs(h.quantity) * self._mark(s)) for s, h in self._holdings.items() if h.quantity
        ]

    def _mark(self, symbol: str) -> Decimal:
        holding = self._holdings.get(symbol, _Holding())
        price = self._market(symbol, "BUY" if holding.quantity < 0 else "SELL")
        if price is None:
            return holding.average_price
        return price * self._terms.multiplier(symbol)

    def _quoted(self, symbol: str, holding: _Holding) -> Decimal:
        """Return the average price of a holding as prices are quoted."""
        multiplier = self._terms.multiplier(symbol)
        return (holding.average_price / multiplier).quantize(_TEN_THOUSANDTH)

    def _with_fee(self, quantity: Decimal, price: Decimal, *, maker: bool) -> Decimal:
        return quantity * price + self._terms.commission(quantity, price, maker=maker)


# an order -> what it trades for, in USD, at the price it names or else the market's
Pricing = Callable[[VenueOrder], Decimal]


def _closing(held: Decimal, signed: Decimal) -> Decimal:
    """Return the part of a signed trade that closes what is held."""
    if held * signed >= 0:
        return _NOTHING
    return signed if abs(signed) <= abs(held) else -held


def _largest(orders: Iterable[VenueOrder]) -> Decimal:
    """Return the units that `orders` can fill together: of those linked, one does."""
    largest: dict[object, Decimal] = {}
    for order in orders:
        key = _group(order)
        largest[key] = max(largest.get(key, _NOTHING), order.leaves)
    return sum(largest.values(), _NOTHING)


def _group(order: VenueOrder) -> object:
    if order.contingency in ("OCO", "OUO"):
        return frozenset((order.client_order_id, *order.linked))
    return order.client_order_id


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
