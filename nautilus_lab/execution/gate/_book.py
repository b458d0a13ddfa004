"""What is held, what is working and what is on its way, per instrument, strategy and venue."""

from __future__ import annotations

import math
from typing import Any

from nautilus_trader.model.enums import OrderSide
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
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate._entry import Entry, Group, is_exit
from nautilus_lab.execution.gate._instrument import UNIT, Instrument, Line, Purse
from nautilus_lab.execution.gate._recent import Recent

_BUY = OrderSide.BUY
# events that move no units of an order that is in the book already
_STILL = frozenset(
    {OrderAccepted, OrderEmulated, OrderInitialized, OrderPendingCancel, OrderPendingUpdate}
    | {OrderReleased, OrderSubmitted}
)
# events before which no order can be working
_EARLY = frozenset({OrderEmulated, OrderInitialized, OrderReleased})
_SUMMED_ANEW_AFTER = 4_096


class Book:
    """The exposures that checks judge by; kept by the gate, O(1) an order event.

    Positions are summed from fills, working orders from what the gate reserved and the events
    that followed, so an order counts from the moment it passed and not from its acceptance.
    Orders of which one ends the other (OCO, OUO) count once, the larger, if each names all the
    others; the exits of a bracket count as far as its entry has filled.

    Parameters
    ----------
    currency : str, default="USD"
        The account's; what settles in another one cannot be valued.

    Attributes
    ----------
    purses : dict of str to Purse
        Venue -> its account.
    instruments : dict of str to Instrument
        By id.
    recent : Recent
        What passed the gate lately.
    day_start_equity : float
        What the loss of the day is counted from; NaN when nobody keeps it.
    """

    UNIT = UNIT

    def __init__(self, *, currency: str = "USD") -> None:
        self.currency = currency
        self.purses: dict[str, Purse] = {}
        self.day_start_equity = math.nan
        self.recent = Recent()
        self._begin()

    def _begin(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._own: dict[tuple[str, str], Line] = {}  # strategy, instrument -> its units
        self._entries: dict[str, Entry] = {}  # client order id -> the order that may still trade
        self._exits: dict[str, list[Entry]] = {}  # entry of a bracket -> the exits that wait for it
        self._all = Purse()  # the sums over all venues, but for cash
        self._changes = 0
        for purse in self.purses.values():
            purse.net = purse.gross = 0.0
            purse.unmarked = 0

    def __repr__(self) -> str:
        return f"Book({len(self.instruments)} instruments, {len(self._entries)} orders)"

    # --- what checks read -----------------------------------------------------------------

    @property
    def gross(self) -> float:
        """The largest absolute value of all that fills could lead to; NaN while one has no mark."""
        return math.nan if self._all.unmarked else self._all.gross

    @property
    def net(self) -> float:
        """The value of all that is held, signed; NaN while something held has no mark."""
        return math.nan if self._all.unmarked else self._all.net

    @property
    def equity(self) -> float:
        """Cash of all venues and what is held; NaN while either is not known."""
        if self._all.unmarked or not self.purses:
            return math.nan
        cash = 0.0
        for purse in self.purses.values():
            cash += purse.cash
        return cash + self._all.net

    def equity_at(self, venue: str) -> float:
        """Cash and positions at one venue; NaN while either is not known."""
        purse = self.purses.get(venue)
        if purse is None or purse.unmarked:
            return math.nan
        return purse.cash + purse.net

    def gross_at(self, venue: str) -> float:
        """Return the most that fills at one venue could lead to be worth; NaN as `gross` is."""
        purse = self.purses.get(venue)
        if purse is None:
            return 0.0
        return math.nan if purse.unmarked else purse.gross

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
        """Return what the book takes an order to have left, raw units; 0 for one it has not."""
        entry = self._entries.get(client_order_id)
        return entry.leaves if entry is not None else 0

    def counted(self, client_order_id: str) -> int:
        """Return how many of an order's raw units count in its line now."""
        entry = self._entries.get(client_order_id)
        if entry is None:
            return 0
        if entry.group is None:
            return entry.counted
        others = [n for id_, n in entry.group.items() if id_ != entry.id]
        return max(0, entry.counted - max(others, default=0))

    # --- what the gate does ---------------------------------------------------------------

    def of(self, instrument_id: Any, instrument: Any) -> Instrument:
        """Return the record of an instrument; made when it is new.

        Parameters
        ----------
        instrument_id, instrument : InstrumentId, Instrument or None
            Nautilus'; None while it has none: nothing values it then.
        """
        name = instrument_id.value
        found = self.instruments.get(name)
        if found is None:
            found = Instrument(instrument_id, self._purse(instrument_id.venue.value))
            self.instruments[name] = found
            self._by_symbol.setdefault(found.symbol, []).append(found)
        if instrument is not None and found.multiplier != found.multiplier:
            found.learn(instrument, self.currency)
            self._value(found)
        return found

    def enter(self, order: Order, of: Instrument, parent: Order | None) -> Entry:
        """Return how an order would stand in the book, with nothing of it counted yet."""
        entry = Entry(order, of, self._line(order.strategy_id.value, of.name))
        if entry.links:
            entry.group = self._group(entry)
        if parent is not None and is_exit(order, parent) and self._may_wait(entry, parent):
            entry.wait_for(parent)
        return entry

    def entry(self, client_order_id: str) -> Entry | None:
        """Return an order that is in the book; None for one that is not."""
        return self._entries.get(client_order_id)

    def added(self, entry: Entry, leaves: int) -> int:
        """Return by how many raw units `leaves` of an order would lengthen its side's queue.

        Negative when it would get shorter than it is.
        """
        counted = entry.tradable(leaves)
        if entry.group is None:
            return counted - entry.counted
        others = max([n for id_, n in entry.group.items() if id_ != entry.id], default=0)
        return max(counted, others) - max(entry.counted, others)

    def reserve(self, entry: Entry) -> None:
        """Count an order from now on."""
        self._entries[entry.id] = entry
        if entry.entry is not None:
            self._exits.setdefault(entry.entry, []).append(entry)
        self._set(entry, entry.most)

    def reserve_change(self, client_order_id: str, size: int) -> None:
        """Count what an order would have left if it were of `size`, if more, until answered."""
        entry = self._entries.get(client_order_id)
        if entry is not None:
            entry.asked.append(size)
            self._set(entry, entry.most)

    def release(self, client_order_id: str) -> None:
        """Forget an order that did not leave."""
        entry = self._entries.get(client_order_id)
        if entry is not None:
            self._remove(entry)

    def release_change(self, client_order_id: str, size: int) -> None:
        """Forget a change that did not leave."""
        entry = self._entries.get(client_order_id)
        if entry is not None:
            entry.answered(size)
            self._set(entry, entry.most)

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
            entry = self._restore(order, cache)
        elif kind is OrderUpdated:
            entry.answered(event.quantity.raw)
        elif kind is OrderModifyRejected:
            entry.refused()
        self._follow(entry, order)
        if id_ in self._exits:
            self._start_exits(id_, order)

    def on_quote(self, quote: Any) -> None:
        """Value what the quote is of."""
        found = self.instruments.get(quote.instrument_id.value)
        if found is not None:
            self.mark(found, quote)

    def mark(self, found: Instrument, quote: Any) -> None:
        """Value an instrument by a quote of it."""
        before = found.mark
        found.see(quote)
        if found.mark != before:
            self._value(found)

    def rebuild(self, cache: Any) -> None:
        """Begin anew from what Nautilus' cache holds; cash stays as it was told.

        What passed the gate and is not known to a venue yet is kept.
        """
        held = self._entries
        self._begin()
        for position in cache.positions_open():
            raw = position.quantity.raw if position.is_long else -position.quantity.raw
            self._move(self._found(position.instrument_id, cache), position.strategy_id, raw)
        working = {
            order.client_order_id.value: order
            for order in (*cache.orders_open(), *cache.orders_inflight())
        }
        for id_ in held:
            order = cache.order(ClientOrderId(id_))
            if order is not None and not order.is_closed:
                working[id_] = order
        # Entries first: an exit waits for one that is in the book.
        for order in sorted(working.values(), key=lambda o: o.parent_order_id is not None):
            entry = self._restore(order, cache)
            if entry.id in held:
                entry.asked = held[entry.id].asked
                self._set(entry, entry.most)

    # --- the sums -------------------------------------------------------------------------

    def _restore(self, order: Order, cache: Any) -> Entry:
        parent = cache.order(order.parent_order_id) if order.parent_order_id else None
        entry = self.enter(order, self._found(order.instrument_id, cache), parent)
        self.reserve(entry)
        return entry

    def _found(self, instrument_id: Any, cache: Any) -> Instrument:
        """Return the record of an instrument, valued by its last quote when it is new."""
        found = self.of(instrument_id, cache.instrument(instrument_id))
        if found.quote is None and (quote := cache.quote_tick(instrument_id)) is not None:
            self.mark(found, quote)
        return found

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

    def _group(self, entry: Entry) -> Group:
        """Return the group that an order belongs to: all in it must name each other.

        One that names orders which do not name it is not ended by them, whatever it says.
        """
        for link in entry.links:
            other = self._entries.get(link)
            if (
                other is not None
                and other.group is not None
                and (other.own, other.buy) == (entry.own, entry.buy)
                and all(
                    member in entry.links and entry.id in self._entries[member].links
                    for member in other.group
                )
            ):
                return other.group
        return {}

    def _may_wait(self, entry: Entry, parent: Order) -> bool:
        """Whether an exit may count with its entry: only so much as that opens can be closed.

        Its entry must be known, and other exits of it must be of the same group: two that stand
        alone would close twice what was opened.
        """
        id_ = parent.client_order_id.value
        return id_ in self._entries and all(
            other.group is not None and other.group is entry.group
            for other in self._exits.get(id_, ())
        )

    def _start_exits(self, id_: str, parent: Order) -> None:
        """Count the exits of a bracket as far as its entry has filled; in full once it is over."""
        for exit_ in list(self._exits[id_]):
            exit_.wait_for(parent)
            if parent.is_closed:
                self._stop_waiting(exit_)
            self._set(exit_, exit_.most)

    def _stop_waiting(self, exit_: Entry) -> None:
        if exit_.entry is not None:
            siblings = self._exits[exit_.entry]
            siblings.remove(exit_)
            if not siblings:
                del self._exits[exit_.entry]
            exit_.entry = None

    def _follow(self, entry: Entry, order: Order) -> None:
        """Count an order as it stands now."""
        if order.is_closed:
            self._remove(entry)
            return
        entry.size, entry.filled = order.quantity.raw, order.filled_qty.raw
        self._set(entry, entry.most)

    def _remove(self, entry: Entry) -> None:
        self._set(entry, 0)
        self._stop_waiting(entry)
        del self._entries[entry.id]

    def _set(self, entry: Entry, leaves: int) -> None:
        """Count `leaves` of an order; 0 takes it out of its group as well."""
        change = self.added(entry, leaves)
        entry.leaves, entry.counted = leaves, entry.tradable(leaves)
        if entry.group is not None:
            if leaves:
                entry.group[entry.id] = entry.counted
            else:
                entry.group.pop(entry.id, None)
        if change:
            if entry.buy:
                entry.of.line.buys += change
                entry.own.buys += change
            else:
                entry.of.line.sells += change
                entry.own.sells += change
            self._value(entry.of)

    def _fill(self, fill: Any, cache: Any) -> None:
        found = self._found(fill.instrument_id, cache)
        raw = fill.last_qty.raw if fill.order_side == _BUY else -fill.last_qty.raw
        price, fee = float(fill.last_px), float(fill.commission)
        if fee and fill.commission.currency.code != self.currency:
            fee = math.nan  # until the venue states its cash again
        found.purse.cash -= raw / UNIT * found.multiplier * price + fee
        if found.mark != found.mark:
            found.mark = price  # the best there is until the next quote
        self._move(found, fill.strategy_id, raw)

    def _move(self, found: Instrument, strategy_id: Any, raw: int) -> None:
        found.line.filled += raw
        self._line(strategy_id.value, found.name).filled += raw
        self._value(found)

    def _value(self, found: Instrument) -> None:
        """Bring an instrument's part of the sums up to date."""
        line, purse, total = found.line, found.purse, self._all
        worst = line.worst
        unit = found.mark * found.multiplier
        unmarked = unit != unit and worst != 0
        if unmarked is not found.unmarked:
            found.unmarked = unmarked
            step = 1 if unmarked else -1
            purse.unmarked += step
            total.unmarked += step
        if unit != unit:
            unit = 0.0
        net, gross = line.filled / UNIT * unit, worst / UNIT * abs(unit)
        purse.net += net - found.net
        purse.gross += gross - found.gross
        total.net += net - found.net
        total.gross += gross - found.gross
        found.net, found.gross = net, gross
        self._changes += 1
        if self._changes >= _SUMMED_ANEW_AFTER:
            self._sum_anew()

    def _sum_anew(self) -> None:
        """Add all up again: floating point forgets a little with each change."""
        self._changes = 0
        for purse in (*self.purses.values(), self._all):
            purse.net = purse.gross = 0.0
        for found in self.instruments.values():
            for purse in (found.purse, self._all):
                purse.net += found.net
                purse.gross += found.gross
