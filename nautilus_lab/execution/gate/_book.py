"""What is held, what is working and what is on its way, per instrument, strategy and venue."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from nautilus_trader.model.enums import ContingencyType, OrderSide
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderEmulated,
    OrderFilled,
    OrderInitialized,
    OrderModifyRejected,
    OrderPendingCancel,
    OrderPendingUpdate,
    OrderReleased,
    OrderSubmitted,
    OrderUpdated,
)
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId
from nautilus_trader.model.objects import FIXED_SCALAR
from nautilus_trader.model.orders import Order

_BUY = OrderSide.BUY
_EITHER_ENDS_THE_OTHER = (ContingencyType.OCO, ContingencyType.OUO)
_ONE_STARTS_THE_OTHER = ContingencyType.OTO
# events that move no units of an order that is in the book already
_STILL = frozenset(
    {OrderAccepted, OrderEmulated, OrderInitialized, OrderPendingCancel, OrderPendingUpdate}
    | {OrderReleased, OrderSubmitted}
)
# events before which no order can be working
_EARLY = frozenset({OrderEmulated, OrderInitialized, OrderReleased})
_REMEMBERED_TIMES = 10_000
_SUMMED_ANEW_AFTER = 4_096


class Line:
    """Units of one instrument, of the whole account or of one strategy.

    Attributes
    ----------
    filled : int
        What is held, signed: negative for a short position.
    buys, sells : int
        What is working or on its way and may still be bought or sold, at least 0.

    Units are Nautilus' raw ones, whole numbers of which `UNIT` make one: sums of them are exact.
    """

    __slots__ = ("buys", "filled", "sells")

    def __init__(self) -> None:
        self.filled = 0
        self.buys = 0
        self.sells = 0

    @property
    def worst(self) -> int:
        """The largest position, long or short, that fills could lead to; without its sign."""
        return max(abs(self.filled + self.buys), abs(self.filled - self.sells))


class Purse:
    """One venue's account: its cash, and what its positions are worth at the marks.

    Attributes
    ----------
    cash : float
        Account currency; NaN until `Book.set_cash` was told.
    net, gross : float
        The value of what is held, signed; the largest absolute value that fills could lead to.
    """

    __slots__ = ("cash", "gross", "net")

    def __init__(self) -> None:
        self.cash = math.nan
        self.net = 0.0
        self.gross = 0.0


class Instrument:
    """One instrument of the book: its account line, and what a raw unit of it is worth.

    Attributes
    ----------
    line : Line
        The account's units.
    mark : float
        The middle of its last quote; NaN before the first.
    per_unit : float
        Account currency for one raw unit at a price of 1.
    """

    __slots__ = ("gross", "line", "mark", "name", "net", "per_unit", "purse", "symbol", "venue")

    def __init__(self, name: str, symbol: str, venue: str, multiplier: float, purse: Purse) -> None:
        self.name = name
        self.symbol = symbol
        self.venue = venue
        self.line = Line()
        self.mark = math.nan
        self.per_unit: float = multiplier / FIXED_SCALAR
        self.purse = purse
        self.net = 0.0
        self.gross = 0.0


class _Entry:
    """One order that may still trade."""

    __slots__ = (
        "answers",
        "asked",
        "beyond",
        "buy",
        "child_of",
        "counted",
        "group",
        "id",
        "leaves",
        "of",
        "own",
        "started",
    )

    def __init__(self, id_: str, of: Instrument, own: Line, buy: bool) -> None:
        self.id = id_
        self.of = of
        self.own = own
        self.buy = buy
        self.leaves = 0
        self.counted = 0  # of `leaves`, what can trade now
        self.asked = 0  # leaves that a change on its way would give it
        self.answers = 0  # changes on their way
        self.group: tuple[str, ...] | None = None
        self.child_of: str | None = None  # the entry of the bracket that it is an exit of
        self.started = 0  # how far that has filled
        self.beyond = 0  # by how much it is larger than that

    def tradable(self, leaves: int) -> int:
        """Return how much of `leaves` can trade now."""
        return leaves if self.child_of is None else min(leaves, self.started + self.beyond)


class Book:
    """The exposures that checks judge by; kept by the gate, O(1) an order event.

    Positions are summed from fills, working orders from what the gate reserved and the events
    that followed, so an order counts from the moment it passed and not from its acceptance.
    Orders of which one ends the other (OCO, OUO) count once, the larger; the exits of a bracket
    count as far as its entry has filled.

    Attributes
    ----------
    day_start_equity : float
        What the loss of the day is counted from; NaN when nobody keeps it.
    sent : deque of int
        When orders and changes passed the gate, ns of the kernel's clock, the last 10 000.
    """

    UNIT = int(FIXED_SCALAR)

    def __init__(self) -> None:
        self.purses: dict[str, Purse] = {}  # venue -> its account
        self.day_start_equity = math.nan
        self._begin()

    def _begin(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.sent: deque[int] = deque(maxlen=_REMEMBERED_TIMES)
        # what was asked for -> when it last passed the gate, ns
        self.alike: dict[tuple[object, ...], int] = {}
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._own: dict[tuple[str, str], Line] = {}  # strategy, instrument -> its units
        self._entries: dict[str, _Entry] = {}  # client order id -> the order that may still trade
        # orders of which one ends the others -> what each could trade
        self._groups: dict[tuple[str, ...], dict[str, int]] = {}
        self._children: dict[str, list[str]] = {}  # entry of a bracket -> its exits
        self._unmarked: set[str] = set()  # instruments with units and without a mark
        self._sums = 0
        for purse in self.purses.values():
            purse.net = purse.gross = 0.0

    def __repr__(self) -> str:
        return f"Book({len(self.instruments)} instruments, {len(self._entries)} orders)"

    # --- what checks read -----------------------------------------------------------------

    @property
    def gross(self) -> float:
        """The largest absolute value of all that fills could lead to; NaN while one has no mark."""
        return math.nan if self._unmarked else sum(p.gross for p in self.purses.values())

    @property
    def net(self) -> float:
        """The value of all that is held, signed; NaN while something held has no mark."""
        return math.nan if self._unmarked else sum(p.net for p in self.purses.values())

    @property
    def equity(self) -> float:
        """Cash of all venues and what is held; NaN while either is not known."""
        if self._unmarked or not self.purses:
            return math.nan
        return sum(p.cash + p.net for p in self.purses.values())

    def equity_at(self, venue: str) -> float:
        """Cash and positions at one venue; NaN while either is not known."""
        purse = self.purses.get(venue)
        if purse is None or any(self.instruments[i].venue == venue for i in self._unmarked):
            return math.nan
        return purse.cash + purse.net

    def line(self, instrument: str, strategy: str | None = None) -> Line:
        """Return the units of an instrument, of one strategy or all; an empty line for none."""
        if strategy is not None:
            return self._own.get((strategy, instrument)) or Line()
        found = self.instruments.get(instrument)
        return found.line if found is not None else Line()

    def symbol(self, symbol: str) -> Line:
        """Return the units of a symbol at all venues together."""
        total = Line()
        for found in self._by_symbol.get(symbol, ()):
            total.filled += found.line.filled
            total.buys += found.line.buys
            total.sells += found.line.sells
        return total

    def has(self, client_order_id: str) -> bool:
        """Whether the order is on its way or working."""
        return client_order_id in self._entries

    def leaves(self, client_order_id: str) -> int:
        """Return the raw units the book counts for an order; 0 for one it does not have."""
        entry = self._entries.get(client_order_id)
        return entry.leaves if entry is not None else 0

    def counted(self, client_order_id: str) -> int:
        """Return how many of an order's raw units count in its line now."""
        entry = self._entries.get(client_order_id)
        if entry is None:
            return 0
        if entry.group is None:
            return entry.counted
        others = (n for i, n in self._groups[entry.group].items() if i != entry.id)
        return max(0, entry.counted - max(others, default=0))

    # --- what the gate does ---------------------------------------------------------------

    def of(self, instrument_id: Any, instrument: Any) -> Instrument:
        """Return the record of an instrument; made when it is new.

        Parameters
        ----------
        instrument_id, instrument : InstrumentId, Instrument or None
            Nautilus'; without the instrument its multiplier is taken to be 1.
        """
        name = instrument_id.value
        found = self.instruments.get(name)
        if found is None:
            venue, symbol = instrument_id.venue.value, instrument_id.symbol.value
            multiplier = float(instrument.multiplier) if instrument is not None else 1.0
            found = Instrument(name, symbol, venue, multiplier, self._purse(venue))
            self.instruments[name] = found
            self._by_symbol.setdefault(symbol, []).append(found)
        return found

    def would_add(self, order: Order, leaves: int, parent: Order | None) -> int:
        """Return by how many raw units an order of `leaves` would lengthen its side's queue.

        Negative for a change that makes an order smaller.
        """
        id_ = order.client_order_id.value
        entry = self._entries.get(id_)
        if entry is not None:
            return self._effect(entry, leaves) - self._effect(entry, entry.leaves)
        group = _group_of(order)
        counted = _conditional(order, leaves, parent)
        if group is None:
            return counted
        members = self._groups.get(group)
        return counted if not members else max(0, counted - max(members.values()))

    def reserve(self, order: Order, instrument: Any, leaves: int, parent: Order | None) -> None:
        """Count an order from now on."""
        self._set(self._enter(order, instrument, parent), leaves)

    def reserve_change(self, client_order_id: str, leaves: int) -> None:
        """Count what an order would have left after a change, if that is more, until answered."""
        entry = self._entries.get(client_order_id)
        if entry is not None:
            entry.answers += 1
            entry.asked = max(entry.asked, leaves)
            self._set(entry, max(entry.leaves, entry.asked))

    def release(self, client_order_id: str) -> None:
        """Forget an order that did not leave."""
        entry = self._entries.get(client_order_id)
        if entry is not None:
            self._remove(entry)

    def forget_likenesses(self) -> None:
        """Drop the older half of what passed the gate and may be asked for again."""
        for likeness in list(self.alike)[: len(self.alike) // 2]:
            del self.alike[likeness]

    def mark(self, found: Instrument, price: float) -> None:
        """Value an instrument at `price`."""
        if price != found.mark:
            found.mark = price
            self._value(found)

    def set_cash(self, venue: str, cash: float) -> None:
        """Take a venue's statement: what cash it has now, with no fill of it still on the way.

        From then on the book moves it with each fill and its commission.
        """
        self._purse(venue).cash = float(cash)

    # --- what happens ---------------------------------------------------------------------

    def on_order_event(self, event: Any, cache: Any) -> None:
        """Follow an order event of Nautilus, after its cache applied it."""
        kind = type(event)
        if kind in _EARLY:
            return
        id_ = event.client_order_id.value
        entry = self._entries.get(id_)
        if entry is not None and kind in _STILL:
            return
        order = cache.order(event.client_order_id)
        if kind is OrderFilled:
            self._fill(event, cache)
        if order is None:
            return
        if entry is None:
            # Of another hand or an earlier life, or filled after it was thought to be over.
            if not (order.is_open or order.is_inflight):
                return
            parent = cache.order(order.parent_order_id) if order.parent_order_id else None
            entry = self._enter(order, cache.instrument(order.instrument_id), parent)
        if kind is OrderUpdated or kind is OrderModifyRejected:
            entry.answers = max(0, entry.answers - 1)
        self._follow(entry, order)
        if id_ in self._children:
            self._start_exits(id_, order)

    def on_quote(self, quote: Any) -> None:
        """Value what the quote is of."""
        found = self.instruments.get(quote.instrument_id.value)
        if found is not None:
            self.mark(found, (float(quote.bid_price) + float(quote.ask_price)) / 2)

    def rebuild(self, cache: Any) -> None:
        """Begin anew from what Nautilus' cache holds; cash stays as it was told.

        What passed the gate and is not known to a venue yet is kept.
        """
        on_their_way = [
            (order, entry.leaves)
            for entry in self._entries.values()
            if (order := cache.order(ClientOrderId(entry.id))) is not None and not order.is_closed
        ]
        sent, alike = self.sent, self.alike
        self._begin()
        self.sent, self.alike = sent, alike
        for position in cache.positions_open():
            instrument = cache.instrument(position.instrument_id)
            raw = position.quantity.raw if position.is_long else -position.quantity.raw
            self._move(self.of(position.instrument_id, instrument), position.strategy_id, raw)
        for order in (*cache.orders_open(), *cache.orders_inflight()):
            if not self.has(order.client_order_id.value):
                self._reserve_from(cache, order, order.leaves_qty.raw)
        for order, leaves in on_their_way:
            if not self.has(order.client_order_id.value):
                self._reserve_from(cache, order, leaves)
        for found in self.instruments.values():
            quote = cache.quote_tick(InstrumentId.from_str(found.name))
            if quote is not None:
                self.on_quote(quote)

    # --- the sums -------------------------------------------------------------------------

    def _reserve_from(self, cache: Any, order: Order, leaves: int) -> None:
        parent = cache.order(order.parent_order_id) if order.parent_order_id else None
        self.reserve(order, cache.instrument(order.instrument_id), leaves, parent)

    def _purse(self, venue: str) -> Purse:
        purse = self.purses.get(venue)
        if purse is None:
            purse = self.purses[venue] = Purse()
        return purse

    def _line(self, strategy: str, instrument: str) -> Line:
        line = self._own.get((strategy, instrument))
        if line is None:
            line = self._own[strategy, instrument] = Line()
        return line

    def _enter(self, order: Order, instrument: Any, parent: Order | None) -> _Entry:
        id_ = order.client_order_id.value
        found = self.of(order.instrument_id, instrument)
        own = self._line(order.strategy_id.value, found.name)
        entry = _Entry(id_, found, own, order.side == _BUY)
        entry.group = _group_of(order)
        if _is_exit(order, parent):
            assert parent is not None
            entry.child_of = parent.client_order_id.value
            entry.started = parent.filled_qty.raw
            entry.beyond = max(0, order.quantity.raw - parent.quantity.raw)
            self._children.setdefault(entry.child_of, []).append(id_)
        self._entries[id_] = entry
        return entry

    def _start_exits(self, id_: str, entry_order: Order) -> None:
        """Count the exits of a bracket as far as its entry has filled; in full once it is over."""
        for child in list(self._children[id_]):
            exit_ = self._entries[child]
            exit_.started = entry_order.filled_qty.raw
            if entry_order.is_closed:
                self._orphan(exit_)
            self._set(exit_, exit_.leaves)

    def _orphan(self, entry: _Entry) -> None:
        if entry.child_of is not None:
            siblings = self._children[entry.child_of]
            siblings.remove(entry.id)
            if not siblings:
                del self._children[entry.child_of]
            entry.child_of = None

    def _follow(self, entry: _Entry, order: Order) -> None:
        """Count an order as it stands now."""
        if order.is_closed:
            self._remove(entry)
            return
        if not entry.answers:
            entry.asked = 0
        self._set(entry, max(order.leaves_qty.raw, entry.asked))

    def _remove(self, entry: _Entry) -> None:
        self._set(entry, 0)
        self._orphan(entry)
        del self._entries[entry.id]

    def _effect(self, entry: _Entry, leaves: int) -> int:
        """Return what the order's group counts for if it had `leaves`."""
        counted = entry.tradable(leaves)
        if entry.group is None:
            return counted
        others = (n for id_, n in self._groups.get(entry.group, {}).items() if id_ != entry.id)
        return max(counted, *others, 0)

    def _set(self, entry: _Entry, leaves: int) -> None:
        counted = entry.tradable(leaves)
        change = counted - entry.counted
        if entry.group is not None:
            members = self._groups.setdefault(entry.group, {})
            before = max(members.values(), default=0)
            if leaves:
                members[entry.id] = counted
            else:
                members.pop(entry.id, None)
            change = max(members.values(), default=0) - before
            if not members:
                del self._groups[entry.group]
        entry.leaves, entry.counted = leaves, counted
        if change:
            if entry.buy:
                entry.of.line.buys += change
                entry.own.buys += change
            else:
                entry.of.line.sells += change
                entry.own.sells += change
            self._value(entry.of)

    def _fill(self, fill: Any, cache: Any) -> None:
        instrument = cache.instrument(fill.instrument_id)
        found = self.of(fill.instrument_id, instrument)
        raw = fill.last_qty.raw if fill.order_side == _BUY else -fill.last_qty.raw
        found.purse.cash -= raw * found.per_unit * float(fill.last_px) + float(fill.commission)
        if found.mark != found.mark:
            found.mark = float(fill.last_px)  # the best there is until the next quote
        self._move(found, fill.strategy_id, raw)

    def _move(self, found: Instrument, strategy_id: Any, raw: int) -> None:
        found.line.filled += raw
        self._line(strategy_id.value, found.name).filled += raw
        self._value(found)

    def _value(self, found: Instrument) -> None:
        """Bring an instrument's part of the sums up to date."""
        line, purse = found.line, found.purse
        worst = line.worst
        unit = found.mark * found.per_unit
        if unit != unit:
            if worst:
                self._unmarked.add(found.name)
            else:
                self._unmarked.discard(found.name)
            return
        if self._unmarked:
            self._unmarked.discard(found.name)
        net, gross = line.filled * unit, worst * abs(unit)
        purse.net += net - found.net
        purse.gross += gross - found.gross
        found.net, found.gross = net, gross
        self._sums += 1
        if self._sums >= _SUMMED_ANEW_AFTER:
            self._sum_anew()

    def _sum_anew(self) -> None:
        """Add all up again: floating point forgets a little with each change."""
        self._sums = 0
        for purse in self.purses.values():
            purse.net = purse.gross = 0.0
        for found in self.instruments.values():
            found.purse.net += found.net
            found.purse.gross += found.gross


def _is_exit(order: Order, parent: Order | None) -> bool:
    """Whether an order waits for its parent, and is to close what that opens."""
    return (
        parent is not None
        and not parent.is_closed
        and parent.contingency_type == _ONE_STARTS_THE_OTHER
        and parent.instrument_id == order.instrument_id
        and parent.side != order.side
    )


def _conditional(order: Order, leaves: int, parent: Order | None) -> int:
    """Return how much of an order can trade now: of an exit, what its entry has filled."""
    if not _is_exit(order, parent):
        return leaves
    assert parent is not None
    size: int = parent.quantity.raw
    filled: int = parent.filled_qty.raw
    return min(leaves, filled + max(0, leaves - size))


def _group_of(order: Order) -> tuple[str, ...] | None:
    if order.contingency_type not in _EITHER_ENDS_THE_OTHER or not order.linked_order_ids:
        return None
    first = min(order.client_order_id.value, *(id_.value for id_ in order.linked_order_ids))
    return first, order.instrument_id.value, order.strategy_id.value, str(order.side)
