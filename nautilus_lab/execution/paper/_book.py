"""The paper venue's order book: what a cash broker would do with an order, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper._wire import (
    WORKING,
    NewOrder,
    Side,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
)

_CENT = Decimal("0.01")
_TEN_THOUSANDTH = Decimal("0.0001")


@dataclass
class _Holding:
    quantity: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)


class PaperBook:
    """Orders, fills, positions and cash of one account, matched against quotes.

    A market order fills at once and whole at the far side of the quote; a limit order fills when
    the far side reaches it, at its own limit, and rests until then. It is a cash account: what
    cannot be paid for and what is not held is rejected, counting what working orders hold back.
    Nothing is random. The book only computes: each call returns the events that the caller must
    make durable before telling anybody.

    Parameters
    ----------
    starting_cash : Decimal
        USD at the beginning of time.
    commission_bps : float, default=0.0
        Commission in basis points of each fill's value, rounded to cents, half up.
    """

    def __init__(
        self, *, starting_cash: Decimal, commission_bps: float = 0.0, account_id: str = "PAPER-1"
    ) -> None:
        self.cash = self._deposited = starting_cash
        self.account_id = account_id
        self._commission = Decimal(str(commission_bps)) / 10_000
        self._quotes: dict[str, tuple[Decimal, Decimal]] = {}  # symbol -> bid, ask
        self._orders: dict[str, VenueOrder] = {}  # client order id -> order
        self._working: dict[str, dict[str, VenueOrder]] = {}  # symbol -> client order id -> order
        self._fills: list[VenueFill] = []
        self._holdings: dict[str, _Holding] = {}
        self.seq = 0

    # --- questions ------------------------------------------------------------------------

    def orders(self, *, working_only: bool = False) -> list[VenueOrder]:
        """Return the orders in the order they came."""
        return [o for o in self._orders.values() if not working_only or o.status in WORKING]

    @property
    def fills(self) -> Sequence[VenueFill]:
        """Every fill, oldest first."""
        return tuple(self._fills)

    @property
    def positions(self) -> list[VenuePosition]:
        """The positions that are not flat."""
        return [
            VenuePosition(symbol=s, quantity=h.quantity, average_price=h.average_price)
            for s, h in self._holdings.items()
            if h.quantity
        ]

    @property
    def account(self) -> VenueAccount:
        """The account's cash, and what was paid in."""
        return VenueAccount(
            account_id=self.account_id,
            currency="USD",
            cash=self.cash,
            deposited=self._deposited,
        )

    # --- what happens ---------------------------------------------------------------------

    def restore(self, events: Iterable[VenueEvent]) -> None:
        """Bring an empty book to where `events`, oldest first, left it."""
        for event in events:
            self._apply(event)

    def submit(self, new: NewOrder, ts: int) -> list[VenueEvent]:
        """Take an order; an id the book has changes nothing and returns no event.

        Raises
        ------
        InputError
            When the order is not an order: no positive whole quantity, no limit price where one
            is needed, no symbol that trades here.
        """
        if new.client_order_id in self._orders:
            return []
        _require_well_formed(new)
        order = VenueOrder(
            client_order_id=new.client_order_id,
            venue_order_id=f"V-{len(self._orders) + 1}",
            symbol=new.symbol,
            side=new.side,
            order_type=new.order_type,
            quantity=new.quantity,
            limit_price=new.limit_price,
            ts_accepted=ts,
            ts_last=ts,
        )
        if refusal := self._refusal(order):
            rejected = msgspec.structs.replace(order, status="REJECTED", reason=refusal)
            return [self._happen(rejected)]
        return [self._happen(order), *self._match(order, ts)]

    def cancel(self, client_order_id: str, ts: int) -> list[VenueEvent]:
        """Cancel a working order; one that is done already changes nothing.

        Raises
        ------
        InputError
            When the book never saw the order.
        """
        order = self._orders.get(client_order_id)
        if order is None:
            raise InputError("only an order the venue has can be cancelled", value=client_order_id)
        if order.status not in WORKING:
            return []
        return [self._happen(msgspec.structs.replace(order, status="CANCELED", ts_last=ts))]

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, ts: int) -> list[VenueEvent]:
        """Move the market of `symbol`; returns what that filled."""
        self._quotes[symbol] = (bid, ask)
        working = self._working.get(symbol)
        if not working:
            return []
        return [event for order in list(working.values()) for event in self._match(order, ts)]

    # --- how ------------------------------------------------------------------------------

    def _refusal(self, order: VenueOrder) -> str:
        quote = self._quotes.get(order.symbol)
        if quote is None:
            return f"no quote for {order.symbol} yet"
        if order.side == "SELL":
            held = self._holdings.get(order.symbol, _Holding()).quantity
            free = held - self._promised(order.symbol)
            if order.quantity > free:
                return f"a cash account cannot sell short: {order.quantity} asked, {free} free"
            return ""
        price = order.limit_price if order.limit_price is not None else quote[1]
        cost = self._cost(order.quantity, price)
        free_cash = self.cash - self._reserved()
        if cost > free_cash:
            return f"not enough cash: {cost} needed, {free_cash} free"
        return ""

    def _promised(self, symbol: str) -> Decimal:
        working = self._working.get(symbol, {}).values()
        return sum((o.quantity - o.filled for o in working if o.side == "SELL"), Decimal(0))

    def _reserved(self) -> Decimal:
        return sum(
            (
                self._cost(o.quantity - o.filled, o.limit_price or Decimal(0))
                for orders in self._working.values()
                for o in orders.values()
                if o.side == "BUY"
            ),
            Decimal(0),
        )

    def _cost(self, quantity: Decimal, price: Decimal) -> Decimal:
        return quantity * price + self._commission_on(quantity, price)

    def _commission_on(self, quantity: Decimal, price: Decimal) -> Decimal:
        return (quantity * price * self._commission).quantize(_CENT, ROUND_HALF_UP)

    def _match(self, order: VenueOrder, ts: int) -> list[VenueEvent]:
        bid, ask = self._quotes[order.symbol]
        far = ask if order.side == "BUY" else bid
        limit = order.limit_price
        if limit is not None and (far > limit if order.side == "BUY" else far < limit):
            return []
        # A resting order is filled at its own limit; one that crosses on arrival at the market.
        resting = limit is not None and ts > order.ts_accepted
        price = limit if resting and limit is not None else far
        quantity = order.quantity - order.filled
        fill = VenueFill(
            trade_id=f"T-{len(self._fills) + 1}",
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            quantity=quantity,
            price=price,
            commission=self._commission_on(quantity, price),
            liquidity="MAKER" if resting else "TAKER",
            ts=ts,
        )
        done = msgspec.structs.replace(
            order, filled=order.quantity, average_price=price, status="FILLED", ts_last=ts
        )
        return [self._happen(done, fill)]

    def _happen(self, order: VenueOrder, fill: VenueFill | None = None) -> VenueEvent:
        event = VenueEvent(seq=self.seq + 1, order=order, fill=fill)
        self._apply(event)
        return event

    def _apply(self, event: VenueEvent) -> None:
        order, fill = event.order, event.fill
        self.seq = event.seq
        self._orders[order.client_order_id] = order
        working = self._working.setdefault(order.symbol, {})
        if order.status in WORKING:
            working[order.client_order_id] = order
        else:
            working.pop(order.client_order_id, None)
        if fill is not None:
            self._fills.append(fill)
            self._settle(fill.symbol, fill.side, fill.quantity, fill.price, fill.commission)

    def _settle(
        self, symbol: str, side: Side, quantity: Decimal, price: Decimal, commission: Decimal
    ) -> None:
        holding = self._holdings.setdefault(symbol, _Holding())
        if side == "BUY":
            cost = holding.quantity * holding.average_price + quantity * price
            holding.quantity += quantity
            holding.average_price = (cost / holding.quantity).quantize(_TEN_THOUSANDTH)
            self.cash -= quantity * price + commission
        else:
            holding.quantity -= quantity
            self.cash += quantity * price - commission


def _require_well_formed(new: NewOrder) -> None:
    if not (new.quantity.is_finite() and new.quantity > 0 and new.quantity % 1 == 0):
        raise InputError("an order's quantity must be a positive whole number", value=new.quantity)
    if (new.order_type == "LIMIT") != (new.limit_price is not None):
        raise InputError("a limit order, and only that, has a limit price", value=new)
    price = new.limit_price
    if price is not None and not (price.is_finite() and price > 0 and price % _CENT == 0):
        raise InputError("a limit price must be positive whole cents", value=price)
