"""Who takes requests to the paper book, and says what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper._book import PaperBook
from nautilus_lab.execution.paper._terms import PRICE_INCREMENT
from nautilus_lab.execution.paper._wire import (
    WORKING,
    Account,
    Ask,
    CancelAll,
    CancelOrder,
    CancelOrders,
    Fills,
    GetAccount,
    Instruments,
    ListFills,
    ListInstruments,
    ListOrders,
    ListPositions,
    ListSymbols,
    ModifyOrder,
    NewOrder,
    NewOrderList,
    Orders,
    Positions,
    Say,
    Symbols,
    VenueEvent,
    VenueFill,
    VenueInstrument,
    VenueOrder,
)

Answer = tuple[Say, list[VenueEvent]]

_MOST_IN_A_LIST = 100
_MOST_CANCELS = 10_000


class Clerk:
    """Does with the book what is asked; the events it returns are nobody's news yet.

    Parameters
    ----------
    book : PaperBook
        The book.
    symbols : sequence of str
        What can be traded.
    rejects : callable, optional
        How many orders come together -> why they are rejected on command; "" lets them through.
    """

    def __init__(
        self,
        book: PaperBook,
        symbols: Sequence[str],
        *,
        rejects: Callable[[int], str] = lambda orders: "",
    ) -> None:
        self._book = book
        self._symbols = tuple(symbols)
        self._rejects = rejects

    def do(self, ask: Ask, ts: int) -> Answer:
        """Do what `ask` says at the time `ts`; returns the answer and what happened.

        Raises
        ------
        InputError
            When it cannot be done; the book is as it was.
        """
        match ask:
            case NewOrder():
                return self._submit([ask], ts)
            case NewOrderList():
                return self._submit(ask.orders, ts)
            case ModifyOrder():
                events = self._book.modify(ask, ts)
                return self._now([ask.client_order_id]), events
            case CancelOrder():
                events = self._book.cancel(ask.client_order_id, ts)
                return self._now([ask.client_order_id]), events
            case CancelOrders():
                return self._cancel_each(ask.client_order_ids, ts)
            case CancelAll():
                if ask.symbol:
                    self._require_symbol(ask.symbol)
                events = self._book.cancel_all(ts, symbol=ask.symbol, side=ask.side)
                changed = dict.fromkeys(e.order.client_order_id for e in events)
                return self._now(changed), events
            case _:
                return self._tell(ask), []

    def _tell(self, ask: Ask) -> Say:
        book = self._book
        match ask:
            case ListOrders():
                return Orders(orders=self._orders(ask))
            case ListFills():
                return Fills(fills=self._fills(ask))
            case ListPositions():
                return Positions(positions=book.positions)
            case GetAccount():
                return Account(account=book.account)
            case ListSymbols():
                return Symbols(symbols=list(self._symbols))
            case ListInstruments():
                return Instruments(instruments=[self._instrument(s) for s in self._symbols])
            case _:
                raise InputError("a request must be one that the book answers", value=ask)

    # --- changes --------------------------------------------------------------------------

    def _submit(self, orders: Sequence[NewOrder], ts: int) -> Answer:
        if len(orders) > _MOST_IN_A_LIST:
            raise InputError(
                f"an order list may have {_MOST_IN_A_LIST} orders at most", value=len(orders)
            )
        for order in orders:
            self._require_symbol(order.symbol)
        known = any(self._book.order(client_order_id=o.client_order_id) for o in orders)
        refusal = "" if known else self._rejects(len(orders))
        events = self._book.submit_list(orders, ts, refusal=refusal)
        return self._now([order.client_order_id for order in orders]), events

    def _cancel_each(self, names: Sequence[str], ts: int) -> Answer:
        if len(names) > _MOST_CANCELS:
            raise InputError(
                f"{_MOST_CANCELS} orders at most can be cancelled at once", value=len(names)
            )
        events: list[VenueEvent] = []
        refused: dict[str, str] = {}
        for name in dict.fromkeys(names):
            order = self._book.order(client_order_id=name)
            if order is None:
                refused[name] = "the venue never saw it"
            elif order.status not in WORKING and not _changed(name, events):
                refused[name] = f"it is {order.status}"
            else:
                events += self._book.cancel(name, ts)
        cancelled = [name for name in dict.fromkeys(names) if name not in refused]
        return Orders(orders=self._now(cancelled).orders, refused=refused), events

    # --- questions ------------------------------------------------------------------------

    def _orders(self, ask: ListOrders) -> list[VenueOrder]:
        if ask.client_order_id or ask.venue_order_id:
            found = [self._one(ask.client_order_id, ask.venue_order_id)]
        else:
            found = list(self._book.orders(working_only=ask.working_only))
        return [
            order
            for order in found
            if order is not None
            and order.ts_last >= ask.since_ns
            and (order.status in WORKING or not ask.working_only)
        ]

    def _fills(self, ask: ListFills) -> list[VenueFill]:
        if not (ask.client_order_id or ask.venue_order_id):
            return self._book.fills_since(ask.since_ns)
        order = self._one(ask.client_order_id, ask.venue_order_id)
        fills = () if order is None else self._book.fills_of(order.client_order_id)
        return [fill for fill in fills if fill.ts >= ask.since_ns]

    def _one(self, client_order_id: str, venue_order_id: str) -> VenueOrder | None:
        """Return the order of the ids that are given; both must be its."""
        order = self._book.order(client_order_id=client_order_id, venue_order_id=venue_order_id)
        if order is None or venue_order_id not in ("", order.venue_order_id):
            return None
        return order

    def _now(self, names: Iterable[str]) -> Orders:
        orders = (self._book.order(client_order_id=name) for name in names)
        return Orders(orders=[order for order in orders if order is not None])

    def _instrument(self, symbol: str) -> VenueInstrument:
        terms = self._book.terms
        return VenueInstrument(
            symbol=symbol,
            price_increment=PRICE_INCREMENT,
            lot_size=1,
            maker_fee=terms.maker_fee,
            taker_fee=terms.taker_fee,
            initial_margin=terms.initial_margin,
            maintenance_margin=terms.maintenance_margin,
            multiplier=terms.multiplier(symbol),
        )

    def _require_symbol(self, symbol: str) -> None:
        if symbol not in self._symbols:
            raise InputError(
                "a symbol must trade at this venue",
                value=symbol[:60],
                remedy=f"choose among {', '.join(self._symbols[:5])}, ...",
            )


def _changed(name: str, events: Sequence[VenueEvent]) -> bool:
    """Whether an order was ended by this very request, as its sibling was."""
    return any(event.order.client_order_id == name for event in events)
