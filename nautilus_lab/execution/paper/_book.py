"""The paper venue's order book: what a broker would do with an order, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper._archive import Archive, BookState
from nautilus_lab.execution.paper._depth import Depth
from nautilus_lab.execution.paper._form import (
    MARGIN_CALL,
    digest_of,
    require_list,
    require_price,
    require_quantity,
)
from nautilus_lab.execution.paper._money import Balances, Money
from nautilus_lab.execution.paper._terms import VenueTerms
from nautilus_lab.execution.paper._triggers import is_triggered, trailed, waits
from nautilus_lab.execution.paper._wire import (
    WORKING,
    EventKind,
    ModifyOrder,
    NewOrder,
    OrderTerms,
    Side,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
    venue_order_id,
)

_NOTHING = Decimal(0)
_MILLIONTH = Decimal("0.000001")
_NUMBER = attrgetter("number")
_ON_BOOK = WORKING - {"PENDING"}
# A fill brings children to life, and theirs them: so deep, and no deeper.
_MOST_GENERATIONS = 5


class PaperBook:
    """Orders, fills, positions and cash of one account, matched against quotes.

    An order takes what the quote has at the prices it accepts, the best first, and waits for the
    next quote with the rest. A limit order that rests is filled at its own limit when the far
    side reaches it. Orders of one symbol are looked at by price, then by age. Nothing is random.

    Linked orders are held here: the children of an OTO order go live as far as it is filled, a
    fill of an OCO order cancels those linked to it, and one of an OUO order reduces them. What
    the account cannot bear is rejected, or ended when the market moved meanwhile. A margin
    account whose equity falls below its maintenance margin is closed out: every order is
    cancelled and every position closed at the market, by orders of the venue's own.

    The book only computes: each call returns the events that the caller must make durable before
    telling anybody. `restore` brings a new book to the same place. With an archive it holds what
    may still fill, and looks up the rest: `resume` begins such a book, and `forget` is to be
    called when events were made durable.

    Parameters
    ----------
    starting_cash : Decimal
        USD at the beginning of time.
    terms : VenueTerms, optional
        Fees, depth, leverage and latency.
    account_id : str, default="PAPER-1"
        What the account is called.
    archive : Archive, optional
        Where its events are kept; all of them stay in memory when not given.
    """

    def __init__(
        self,
        *,
        starting_cash: Decimal,
        terms: VenueTerms | None = None,
        account_id: str = "PAPER-1",
        archive: Archive | None = None,
    ) -> None:
        self.terms = terms or VenueTerms()
        self.account_id = account_id
        self.seq = 0
        self._money = Money(deposited=starting_cash, terms=self.terms, market=self._price_now)
        self._depth: dict[str, Depth] = {}  # symbol -> its quote
        self._session = ""  # the replayed day
        self._archive = archive
        self._n_orders = self._n_fills = 0
        self._orders: dict[str, VenueOrder] = {}  # client order id -> order in memory
        self._names: dict[str, str] = {}  # venue order id -> client order id
        self._done: dict[str, None] = {}  # client order id of what is done, the oldest first
        self._working: dict[str, dict[str, VenueOrder]] = {}  # symbol -> client order id -> order
        self._pending: dict[str, VenueOrder] = {}  # client order id -> order on its way
        self._expiring: dict[str, VenueOrder] = {}  # client order id -> GTD order
        # parent -> client order id -> working child
        self._children: dict[str, dict[str, VenueOrder]] = {}
        self._fills: list[VenueFill] = []  # of a book without an archive

    # --- questions ------------------------------------------------------------------------

    def orders(self, *, working_only: bool = False, since_ns: int = 0) -> list[VenueOrder]:
        """Return the orders in the order they came, or those that changed since a time."""
        if working_only:
            return sorted(self._all_working(), key=_NUMBER)
        if self._archive is not None:
            return self._archive.orders(since_ns)
        return [o for o in self._orders.values() if o.ts_last >= since_ns]

    def order(self, *, client_order_id: str = "", venue_order_id: str = "") -> VenueOrder | None:
        """Return one order by either of its ids; None when the book never saw it."""
        order = self._orders.get(client_order_id or self._names.get(venue_order_id, ""))
        if order is None and self._archive is not None:
            return self._archive.order(
                client_order_id=client_order_id, venue_order_id=venue_order_id
            )
        return order

    def fills_of(self, client_order_id: str) -> Sequence[VenueFill]:
        """Return the fills of one order, oldest first."""
        if self._archive is None:
            return tuple(f for f in self._fills if f.client_order_id == client_order_id)
        order = self._find(client_order_id)
        return () if order is None else tuple(self._archive.fills_of(order.venue_order_id))

    @property
    def fills(self) -> Sequence[VenueFill]:
        """Every fill, oldest first."""
        return tuple(self.fills_since(0))

    def fills_since(self, ts: int) -> list[VenueFill]:
        """Return the fills at `ts` or later, oldest first."""
        if self._archive is not None:
            return self._archive.fills(ts)
        return [fill for fill in self._fills if fill.ts >= ts]

    @property
    def cash(self) -> Decimal:
        """USD in the account; below zero is borrowed."""
        return self._money.cash

    @property
    def balances(self) -> Balances:
        """What is to be kept with the events for `resume`."""
        return self._money.balances

    @property
    def positions(self) -> list[VenuePosition]:
        """The positions that are not flat."""
        return self._money.positions

    @property
    def account(self) -> VenueAccount:
        """The account's statement."""
        return self._money.account(self.account_id)

    @property
    def next_due_ns(self) -> int | None:
        """When time alone will change something; None when it will not."""
        dues = [o.due_ns for o in self._pending.values()]
        dues += [o.expire_ns for o in self._expiring.values()]
        return min(dues, default=None)

    def size(self, symbol: str, side: Side) -> Decimal:
        """Return the units that the best price still has for who trades at `side`."""
        return self._depth[symbol].size(side)

    def live(self, client_order_id: str) -> Decimal:
        """Return how much of an order may fill now: a child no more than its parent brought."""
        return self._live(self._known(client_order_id, "looked at"))

    # --- what happens ---------------------------------------------------------------------

    def restore(self, events: Iterable[VenueEvent]) -> None:
        """Bring an empty book to where `events`, oldest first, left it."""
        for event in events:
            self._apply(event)

    def resume(self, state: BookState) -> None:
        """Bring an empty book with an archive to where the archive is."""
        self.seq, self._n_orders, self._n_fills = state.seq, state.orders, state.fills
        self._money.resume(state.balances)
        for order in state.working:
            self._names[order.venue_order_id] = order.client_order_id
            self._place(order)
        for order in state.working:
            for name in filter(None, (order.parent, *order.linked)):
                if name not in self._orders and (found := self._find(name)) is not None:
                    self._names[found.venue_order_id] = name
                    self._place(found)

    def forget(self, keep: int = 10_000) -> None:
        """Drop from memory what is done and in the archive: all but the last `keep` orders.

        What a working order depends on stays.
        """
        if self._archive is None:
            return
        for name in list(itertools.islice(self._done, max(0, len(self._done) - keep))):
            del self._done[name]
            if self._children.get(name) or self._siblings(self._orders[name]):
                self._done[name] = None
            else:
                del self._names[self._orders.pop(name).venue_order_id]

    def submit(self, new: NewOrder, ts: int, *, refusal: str = "") -> list[VenueEvent]:
        """Take an order; one the book has changes nothing and returns no event.

        With a `refusal` the order is rejected for that reason.

        Raises
        ------
        InputError
            When the order is not an order, or its id is that of another one.
        """
        return self.submit_list([new], ts, refusal=refusal)

    def submit_list(
        self, new: Sequence[NewOrder], ts: int, *, refusal: str = ""
    ) -> list[VenueEvent]:
        """Take orders that belong together, all or none; see `submit`."""
        known = [found for o in new if (found := self._find(o.client_order_id)) is not None]
        if known:
            _require_same(new, known)
            return []
        require_list(new)
        orders = [self._begun(order, ts, n) for n, order in enumerate(new, 1)]
        if refusal:
            return self._reject(orders, refusal, ts)
        if self.terms.latency_ns:
            due = ts + self.terms.latency_ns
            return [self._happen("PENDING", o, ts, status="PENDING", due_ns=due) for o in orders]
        return self._enter(orders, ts)

    def modify(self, change: ModifyOrder, ts: int) -> list[VenueEvent]:
        """Change a working order; a change to what it is already returns no event.

        Quantities of linked orders follow: those of children that were as large, and those of
        OUO siblings with as much left.

        Raises
        ------
        InputError
            When the order is unknown or done, the change is not one it can take, or the account
            cannot bear it.
        """
        order = self._known(change.client_order_id, "changed")
        if order.status not in WORKING:
            raise InputError(
                "only a working order can be changed",
                value=f"{order.client_order_id} is {order.status}",
            )
        changes = _changes(order, change)
        if not changes:
            return []
        changed = msgspec.structs.replace(order, **changes)
        if refusal := self._change_refusal(order, changed):
            raise InputError("a change must be one the venue can take", value=refusal)
        events = [self._happen("UPDATED", changed, ts)]
        if "quantity" in changes:
            events += self._follow(order, changed, ts)
        if order.status != "PENDING":
            moved = "limit_price" in changes or "trigger_price" in changes
            events += self._act(order.client_order_id, ts, arriving=moved)
        return events

    def cancel(self, client_order_id: str, ts: int, *, reason: str = "") -> list[VenueEvent]:
        """Cancel a working order; one that is done already changes nothing.

        Raises
        ------
        InputError
            When the book never saw the order.
        """
        order = self._known(client_order_id, "cancelled")
        return self._end(order, "CANCELED", reason, ts) if order.status in WORKING else []

    def cancel_all(
        self, ts: int, *, symbol: str = "", side: Side | None = None
    ) -> list[VenueEvent]:
        """Cancel every working order, or those of a symbol or a side."""
        events: list[VenueEvent] = []
        for order in sorted(self._all_working(), key=_NUMBER):
            if order.symbol == (symbol or order.symbol) and order.side == (side or order.side):
                events += self.cancel(order.client_order_id, ts)
        return events

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, ts: int) -> list[VenueEvent]:
        """Move the market of `symbol` and fill its depth up; returns what that brought about."""
        self._depth[symbol] = Depth(bid, ask, self.terms)
        working = self._working.get(symbol)
        if not working:
            return []
        events: list[VenueEvent] = []
        for order in sorted(working.values(), key=_priority):
            events += self._act(order.client_order_id, ts, arriving=False)
        return events

    def pass_time(self, ts: int) -> list[VenueEvent]:
        """Take in what has arrived by `ts`, and end what has expired."""
        events: list[VenueEvent] = []
        arrived: dict[str, list[str]] = {}  # list, or the order itself -> client order ids
        for name, order in self._pending.items():
            if order.due_ns <= ts:
                arrived.setdefault(order.list_id or name, []).append(name)
        for names in arrived.values():
            # One that entered before them may have ended some of them.
            if orders := [self._pending[name] for name in names if name in self._pending]:
                events += self._enter(orders, ts)
        expired = [name for name, order in self._expiring.items() if order.expire_ns <= ts]
        return events + self._expire(expired, ts)

    def open_session(self, date: str, ts: int) -> list[VenueEvent]:
        """Begin the replayed day `date`; day orders of another one end."""
        self._session = date
        over = [
            order.client_order_id
            for order in self._all_working()
            if order.time_in_force == "DAY" and order.session != date
        ]
        return self._expire(over, ts)

    def close_out(self, ts: int) -> list[VenueEvent]:
        """Close what a margin account can no longer keep; nothing while it can."""
        if not self._money.called:
            return []
        events: list[VenueEvent] = []
        for order in sorted(self._all_working(), key=_NUMBER):
            if not order.client_order_id.startswith(MARGIN_CALL):
                events += self.cancel(order.client_order_id, ts, reason="margin call")
        for position in self.positions:
            if self._working.get(position.symbol) or position.symbol not in self._depth:
                continue  # it is being closed, or there is no market to close it at
            new = NewOrder(
                client_order_id=f"{MARGIN_CALL}{self.account_id}-{self._n_orders + 1}",
                symbol=position.symbol,
                side="SELL" if position.quantity > 0 else "BUY",
                order_type="MARKET",
                quantity=abs(position.quantity),
                reduce_only=True,
            )
            events += self._enter([self._begun(new, ts, 1)], ts)
        return events

    def _expire(self, names: Iterable[str], ts: int) -> list[VenueEvent]:
        events: list[VenueEvent] = []
        for name in names:
            events += self._end(self._orders[name], "EXPIRED", "", ts)
        return events

    # --- coming in ------------------------------------------------------------------------

    def _begun(self, new: NewOrder, ts: int, place: int) -> VenueOrder:
        return VenueOrder(
            **{name: getattr(new, name) for name in OrderTerms.__struct_fields__},
            venue_order_id=venue_order_id(self._n_orders + place),
            ts_accepted=ts,
            ts_last=ts,
            session=self._session,
            digest=digest_of(new),
        )

    def _enter(self, orders: Sequence[VenueOrder], ts: int) -> list[VenueEvent]:
        if refusal := self._refusal(orders, ts):
            return self._reject(orders, refusal, ts)
        events = [
            self._happen(
                "ACCEPTED", o, ts, status="ACCEPTED", ts_accepted=ts, session=self._session
            )
            for o in orders
        ]
        for order in orders:
            events += self._act(order.client_order_id, ts, arriving=not order.post_only)
        return events

    def _reject(self, orders: Sequence[VenueOrder], why: str, ts: int) -> list[VenueEvent]:
        return [self._happen("REJECTED", o, ts, status="REJECTED", reason=why) for o in orders]

    def _refusal(self, orders: Sequence[VenueOrder], ts: int) -> str:
        ids = {o.client_order_id: o for o in orders}
        for order in orders:
            if why := self._refusal_of(order, ts) or self._orphan(order, ids):
                return why
        entering = [o for o in orders if o.parent not in ids and self._live(o)]
        return self._money.refusal(entering, self._exposed(without=ids.keys()), self._value)

    def _refusal_of(self, order: VenueOrder, ts: int) -> str:
        depth = self._depth.get(order.symbol)
        if depth is None:
            return f"no quote for {order.symbol} yet"
        if order.time_in_force in ("AT_THE_OPEN", "AT_THE_CLOSE"):
            return "this venue has no auctions: neither at the open nor at the close"
        if order.time_in_force == "GTD" and order.expire_ns <= ts:
            return "its time of expiry is over"
        if self._would_take(order, depth):
            return "post-only, but it would take"
        if order.contingency in ("OCO", "OUO"):
            for name in order.linked:
                linked = self._find(name)
                if linked is not None and linked.status not in WORKING:
                    return f"the order it is linked to, {name}, is {linked.status}"
        if order.reduce_only and not order.parent and not self._closable(order):
            return "reduce-only, but there is nothing to reduce"
        return ""

    def _orphan(self, order: VenueOrder, together: Mapping[str, VenueOrder]) -> str:
        """Return why `order` has no parent that could bring it to life, or ""."""
        generations, name = 0, order.parent
        while name:
            parent = together.get(name) or self._find(name)
            if parent is None:
                return f"its parent {name} never came here"
            if not generations and parent.status not in WORKING and not parent.filled:
                return f"its parent {name} is {parent.status}"
            generations, name = generations + 1, parent.parent
            if generations > _MOST_GENERATIONS:
                return f"it has more than {_MOST_GENERATIONS} generations above it"
        return ""

    def _would_take(self, order: VenueOrder, depth: Depth) -> bool:
        if not order.post_only or order.limit_price is None or waits(order):
            return False
        return depth.reaches(order.side, order.limit_price)

    def _change_refusal(self, order: VenueOrder, changed: VenueOrder) -> str:
        depth = self._depth.get(order.symbol)
        if depth is None or order.status == "PENDING":
            return ""
        if changed.limit_price != order.limit_price and self._would_take(changed, depth):
            return "post-only, but it would take"
        # What asks for less is never refused, whatever the account has become.
        if not self._live(order) or self._value(changed) <= self._value(order):
            return ""
        others = self._exposed(without={order.client_order_id})
        return self._money.refusal([changed], others, self._value)

    # --- matching -------------------------------------------------------------------------

    def _act(self, client_order_id: str, ts: int, *, arriving: bool) -> list[VenueEvent]:
        """Do what the market has an order do; `arriving` takes, and does not rest yet."""
        order = self._orders[client_order_id]
        depth = self._depth.get(order.symbol)
        if depth is None or order.status not in _ON_BOOK or not self._live(order):
            return []
        events: list[VenueEvent] = []
        if waits(order):
            moved = trailed(order, depth.bid, depth.ask)
            if moved is not order:
                order = moved
                events.append(self._happen("UPDATED", order, ts))
                order = self._orders[client_order_id]
            if not is_triggered(order, depth.bid, depth.ask):
                return events
            status = "TRIGGERED" if order.status == "ACCEPTED" else order.status
            events.append(self._happen("TRIGGERED", order, ts, status=status, ts_triggered=ts))
            order, arriving = self._orders[client_order_id], True
            if self._would_take(order, depth):
                return events + self._end(order, "CANCELED", "post-only, but it would take", ts)
        return events + self._fill(order, depth, ts, arriving=arriving)

    def _fill(
        self, order: VenueOrder, depth: Depth, ts: int, *, arriving: bool
    ) -> list[VenueEvent]:
        name, side, limit = order.client_order_id, order.side, order.limit_price
        turns = order.order_type == "MARKET_TO_LIMIT" and limit is None
        worst = depth.best(side) if turns else limit
        maker = limit is not None and not arriving
        offers = depth.offers(side, worst)
        if maker and limit is not None:
            # Whoever comes to a resting order pays its price, and no better one.
            offers = [(limit, depth.available(side, worst))] if offers else []
        wanted = self._live(order)
        if order.reduce_only:
            wanted = min(wanted, self._closable(order))
            if offers and not wanted:
                return self._end(order, "CANCELED", "reduce-only: nothing left to reduce", ts)
        whole = wanted == order.leaves and self._fills_whole(order, offers)
        if order.time_in_force == "FOK" and not whole:
            return self._end(order, "CANCELED", "fill or kill: not all of it is there", ts)
        events: list[VenueEvent] = []
        for price, there in offers:
            bearable = self._money.most(order, price, maker=maker)
            quantity = min(wanted, there, bearable)
            if quantity > 0:
                depth.take(side, None if maker else price, quantity)
                events += self._execute(order, quantity, price, ts, maker=maker)
                wanted -= quantity
                order = self._orders[name]
            if order.status not in WORKING or not wanted:
                break
            if bearable < there and bearable <= quantity:
                why = "the account cannot bear the rest of it"
                return events + self._end(order, "CANCELED", why, ts)
        if order.status not in WORKING:
            return events
        if turns and order.filled and worst is not None:
            events.append(self._happen("UPDATED", order, ts, limit_price=worst))
            order = self._orders[name]
        if order.time_in_force in ("IOC", "FOK"):
            events += self._end(order, "CANCELED", "immediate or cancel: the rest", ts)
        return events

    def _fills_whole(self, order: VenueOrder, offers: list[tuple[Decimal, Decimal]]) -> bool:
        there = sum((units for _, units in offers), _NOTHING)
        if there < order.leaves:
            return False
        dearest = max((price for price, _ in offers), default=_NOTHING)
        return self._money.most(order, dearest, maker=False) >= order.leaves

    def _execute(
        self, order: VenueOrder, quantity: Decimal, price: Decimal, ts: int, *, maker: bool
    ) -> list[VenueEvent]:
        fill = VenueFill(
            trade_id=f"T-{self._n_fills + 1}",
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            quantity=quantity,
            price=price,
            commission=self.terms.commission(
                quantity, price * self.terms.multiplier(order.symbol), maker=maker
            ),
            liquidity="MAKER" if maker else "TAKER",
            ts=ts,
        )
        filled = order.filled + quantity
        paid = (order.average_price or _NOTHING) * order.filled + price * quantity
        average = (paid / filled).quantize(_MILLIONTH)
        events = [
            self._happen(
                "FILLED",
                order,
                ts,
                fill=fill,
                filled=filled,
                average_price=price if average == price else average,
                status="FILLED" if filled == order.quantity else "PARTIALLY_FILLED",
            )
        ]
        return events + self._after_fill(self._orders[order.client_order_id], ts)

    # --- linked orders --------------------------------------------------------------------

    def _after_fill(self, order: VenueOrder, ts: int) -> list[VenueEvent]:
        events: list[VenueEvent] = []
        for sibling in self._siblings(order):
            why = f"linked to {order.client_order_id}, which was filled"
            if order.contingency == "OCO" or not order.leaves:
                events += self._end(sibling, "CANCELED", why, ts, alone=True)
            elif sibling.leaves > order.leaves:
                reduced = sibling.filled + order.leaves
                events.append(self._happen("UPDATED", sibling, ts, quantity=reduced))
        for child in self._children_of(order):
            events += self._act(child.client_order_id, ts, arriving=not child.post_only)
        return events

    def _end(
        self, order: VenueOrder, how: EventKind, why: str, ts: int, *, alone: bool = False
    ) -> list[VenueEvent]:
        """End an order, and what depends on it; `alone` leaves its siblings to the caller."""
        order = self._orders[order.client_order_id]
        if order.status not in WORKING:
            return []  # the end of another was its own
        events = [self._happen(how, order, ts, status=how, reason=why)]
        if not alone:
            for sibling in self._siblings(order):
                linked = f"linked to {order.client_order_id}, which is {how}"
                events += self._end(sibling, "CANCELED", linked, ts, alone=True)
        for child in self._children_of(order):
            live = self._live(child)
            if not live:
                orphaned = f"its parent {order.client_order_id} is {how}"
                events += self._end(child, "CANCELED", orphaned, ts, alone=True)
            elif live < child.leaves:
                events.append(self._happen("UPDATED", child, ts, quantity=child.filled + live))
        return events

    def _follow(self, before: VenueOrder, after: VenueOrder, ts: int) -> list[VenueEvent]:
        events: list[VenueEvent] = []
        for child in self._children_of(after):
            if child.quantity == before.quantity and after.quantity > child.filled:
                events.append(self._happen("UPDATED", child, ts, quantity=after.quantity))
        if after.contingency == "OUO":
            for sibling in self._siblings(after):
                if sibling.leaves == before.leaves:
                    quantity = sibling.filled + after.leaves
                    events.append(self._happen("UPDATED", sibling, ts, quantity=quantity))
        return events

    def _siblings(self, order: VenueOrder) -> list[VenueOrder]:
        if order.contingency not in ("OCO", "OUO"):
            return []
        linked = (self._orders.get(name) for name in order.linked)  # what works is in memory
        return [o for o in linked if o is not None and o.status in WORKING]

    def _children_of(self, order: VenueOrder) -> list[VenueOrder]:
        return list(self._children.get(order.client_order_id, {}).values())

    def _live(self, order: VenueOrder) -> Decimal:
        leaves = order.leaves
        parent = self._find(order.parent) if order.parent else None
        if parent is None:
            return leaves
        if parent.symbol != order.symbol or order.quantity > parent.quantity:
            # No exit of what the parent brings: it waits for the whole of it.
            return leaves if parent.status == "FILLED" else _NOTHING
        used = order.filled
        if order.contingency in ("OCO", "OUO"):
            linked = (self._find(name) for name in order.linked)
            used += sum((o.filled for o in linked if o is not None), _NOTHING)
        return max(min(leaves, parent.filled - used), _NOTHING)

    # --- how ------------------------------------------------------------------------------

    def _known(self, client_order_id: str, what: str) -> VenueOrder:
        order = self._find(client_order_id)
        if order is None:
            raise InputError(f"only an order the venue has can be {what}", value=client_order_id)
        return order

    def _find(self, client_order_id: str) -> VenueOrder | None:
        return self.order(client_order_id=client_order_id)

    def _all_working(self) -> Iterator[VenueOrder]:
        yield from self._pending.values()
        for orders in self._working.values():
            yield from orders.values()

    def _exposed(self, *, without: Set[str]) -> list[VenueOrder]:
        """Return the working orders as far as they may fill now."""
        exposed = []
        for order in self._all_working():
            if order.client_order_id in without:
                continue
            live = self._live(order)
            if live < order.leaves:
                order = msgspec.structs.replace(order, quantity=order.filled + live)
            if live:
                exposed.append(order)
        return exposed

    def _value(self, order: VenueOrder) -> Decimal:
        price = order.limit_price if order.limit_price is not None else order.trigger_price
        multiplier = self.terms.multiplier(order.symbol)
        if price is not None:
            return order.leaves * price * multiplier
        depth = self._depth.get(order.symbol)
        return _NOTHING if depth is None else depth.cost(order.side, order.leaves) * multiplier

    def _closable(self, order: VenueOrder) -> Decimal:
        held = self._money.held(order.symbol)
        return max(held if order.side == "SELL" else -held, _NOTHING)

    def _price_now(self, symbol: str, side: Side) -> Decimal | None:
        depth = self._depth.get(symbol)
        return None if depth is None else depth.best(side)

    def _happen(
        self,
        kind: EventKind,
        order: VenueOrder,
        ts: int,
        *,
        fill: VenueFill | None = None,
        **changes: Any,
    ) -> VenueEvent:
        order = msgspec.structs.replace(order, ts_last=ts, **changes)
        event = VenueEvent(seq=self.seq + 1, kind=kind, order=order, fill=fill)
        self._apply(event)
        return event

    def _apply(self, event: VenueEvent) -> None:
        order, fill = event.order, event.fill
        self.seq = event.seq
        if self._names.get(order.venue_order_id) is None:
            self._names[order.venue_order_id] = order.client_order_id
            self._n_orders += 1
        self._place(order)
        if fill is not None:
            self._n_fills += 1
            self._money.settle(fill)
            if self._archive is None:
                self._fills.append(fill)

    def _place(self, order: VenueOrder) -> None:
        works = order.status in WORKING
        self._orders[order.client_order_id] = order
        _keep(self._working.setdefault(order.symbol, {}), order, order.status in _ON_BOOK)
        _keep(self._pending, order, order.status == "PENDING")
        _keep(self._expiring, order, order.time_in_force == "GTD" and works)
        if order.parent:
            _keep(self._children.setdefault(order.parent, {}), order, works)
            if not self._children[order.parent]:
                del self._children[order.parent]
        if not works:
            self._done[order.client_order_id] = None


def _keep(orders: dict[str, VenueOrder], order: VenueOrder, there: bool) -> None:
    if there:
        orders[order.client_order_id] = order
    else:
        orders.pop(order.client_order_id, None)


def _priority(order: VenueOrder) -> tuple[Decimal, int]:
    """Return what sorts the orders of a symbol: whoever pays most comes first, then by age."""
    price = order.limit_price
    if price is None or waits(order):
        return Decimal("-Infinity"), order.number
    return (-price if order.side == "BUY" else price), order.number


def _changes(order: VenueOrder, change: ModifyOrder) -> dict[str, Decimal]:
    changes: dict[str, Decimal] = {}
    if change.quantity is not None:
        require_quantity(change.quantity)
        if change.quantity <= order.filled:
            raise InputError(
                "a new quantity must be above what is filled",
                value=f"{change.quantity}, {order.filled} filled",
            )
        changes["quantity"] = change.quantity
    if change.limit_price is not None:
        require_price(change.limit_price, "limit price")
        if order.limit_price is None:
            raise InputError("only an order with a limit can have another", value=order.order_type)
        changes["limit_price"] = change.limit_price
    if change.trigger_price is not None:
        require_price(change.trigger_price, "trigger price")
        if order.trigger_price is None:
            raise InputError("only an order that waits has a trigger", value=order.order_type)
        if not waits(order) and change.trigger_price != order.trigger_price:
            raise InputError("a trigger must be changed before it is reached", value=order.status)
        changes["trigger_price"] = change.trigger_price
    return {name: value for name, value in changes.items() if value != getattr(order, name)}


def _require_same(new: Sequence[NewOrder], known: Sequence[VenueOrder]) -> None:
    theirs = {order.client_order_id: order for order in known}
    for order in new:
        mine = theirs.get(order.client_order_id)
        if mine is None or mine.digest != digest_of(order):
            raise InputError(
                "a client order id names one order for ever",
                value=order.client_order_id,
                remedy="give the new order an id of its own",
            )
