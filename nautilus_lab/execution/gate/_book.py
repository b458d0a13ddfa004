"""What is held, what is working and what is on its way, per instrument, strategy and venue."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
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
    OrderRejected,
    OrderReleased,
    OrderSubmitted,
    OrderTriggered,
    OrderUpdated,
)
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate._entry import Entry, Group, is_exit, prices_of
from nautilus_lab.execution.gate._instrument import (
    NOTHING_KNOWN,
    UNIT,
    Holding,
    Instrument,
    Line,
    Sum,
)
from nautilus_lab.execution.gate._recent import Recent
from nautilus_lab.risk.limits import Counts, Holdings, Measures, Position

_BUY = OrderSide.BUY
# events that move no units of an order that is in the book already
_STILL = frozenset(
    {OrderAccepted, OrderEmulated, OrderInitialized, OrderPendingCancel, OrderPendingUpdate}
    | {OrderReleased, OrderSubmitted}
)
_REJECTIONS = (OrderRejected, OrderModifyRejected)
# events before which no order can be working
_EARLY = frozenset({OrderEmulated, OrderInitialized, OrderReleased})
_SUMMED_ANEW_AFTER = 4_096
_MOST_NAMED = 3


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
    purses : dict of str to Sum
        Venue -> its account.
    total : Sum
        The sums over all venues, but for cash.
    equity : float
        Cash of all venues and what is held; NaN while either is not known.
    instruments : dict of str to Instrument
        By id.
    recent : Recent
        What passed the gate lately.
    day_start_equity : float
        What the loss of the day is counted from; NaN when nobody keeps it.
    high_water : float
        The highest equity, which drawdowns are counted from; NaN when nobody keeps it.
    measures : Measures
        What limits need and cannot be added up; whoever measures puts it here.
    elsewhere : dict of str to (int or None, int or None)
        Instrument -> the best bid and offer that other nodes rest, raw; whoever hears of them puts
        it here.
    """

    UNIT = UNIT

    def __init__(self, *, currency: str = "USD") -> None:
        self.currency = currency
        self.purses: dict[str, Sum] = {}
        self._cash = math.nan  # of all venues
        self.day_start_equity = math.nan
        self.high_water = math.nan
        self.measures = Measures()
        self.elsewhere: Mapping[str, tuple[int | None, int | None]] = {}
        self.recent = Recent()
        self.denying = False  # whether a rejection that comes now is the gate's own
        # what limits asked for: label -> symbol -> its group, or its weight
        self._groupings: dict[str, dict[str, str]] = {}
        self._weights: dict[str, dict[str, float]] = {}
        self._window_ns = 0
        self._adds_up_strategies = False
        self._begin()

    def _begin(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._wholes: dict[str, Line] = {}  # symbol -> its units at all venues
        self._own: dict[tuple[str, str], Holding] = {}  # strategy, instrument -> its units
        self._strategies: dict[str, Sum] = {}  # strategy -> its sums, and what it paid for them
        self._grouped: dict[tuple[str, str], Sum] = {}  # label, group -> its sums
        self._weighed: dict[str, Sum] = {}  # label -> its sums
        self._entries: dict[str, Entry] = {}  # client order id -> the order that may still trade
        self._exits: dict[str, list[Entry]] = {}  # entry of a bracket -> the exits that wait for it
        self.total = Sum()
        self.equity = self._cash
        self._changes = 0
        for purse in self.purses.values():
            purse.clear()

    def __repr__(self) -> str:
        return f"Book({len(self.instruments)} instruments, {len(self._entries)} orders)"

    # --- what checks read -----------------------------------------------------------------

    @property
    def gross(self) -> float:
        """The largest absolute value of all that fills could lead to; NaN while one has no mark."""
        return self.total.gross

    @property
    def net(self) -> float:
        """The value of all that is held, signed; NaN while something held has no mark."""
        return self.total.net

    @property
    def unknown(self) -> str:
        """Why nobody knows what the account is worth; nothing when it is known."""
        if self.equity == self.equity:
            return ""
        names = sorted(found.name for found in self.instruments.values() if found.line.unmarked)
        if names:
            more = ", ..." if names[_MOST_NAMED:] else ""
            return f"no quote values {', '.join(names[:_MOST_NAMED])}{more}, held or worked"
        venues = sorted(venue for venue, purse in self.purses.items() if purse.cash != purse.cash)
        return f"the cash at {', '.join(venues) or 'every venue'} is not known yet"

    def equity_at(self, venue: str) -> float:
        """Cash and positions at one venue; NaN while either is not known."""
        purse = self.purses.get(venue)
        return math.nan if purse is None else purse.cash + purse.net

    def gross_at(self, venue: str) -> float:
        """Return the most that fills at one venue could lead to be worth; NaN as `gross` is."""
        purse = self.purses.get(venue)
        return 0.0 if purse is None else purse.gross

    def sums_of(self, strategy: str) -> Sum:
        """Return what a strategy's positions add up to, once `add_up_strategies` was asked for."""
        found = self._strategies.get(strategy)
        if found is None:
            found = self._strategies[strategy] = Sum(0.0)
        return found

    def grouped(self, label: str, instrument: str) -> Sum:
        """Return what the group of an instrument adds up to; what is in none is not known."""
        found = self.instruments.get(instrument)
        return NOTHING_KNOWN if found is None else found.groups.get(label, NOTHING_KNOWN)

    def against(self, instrument: str, buy: bool) -> tuple[Collection[Entry], int | None]:
        """Return what works on the other side, and the best price that rests there elsewhere."""
        found, apart = self.instruments.get(instrument), None
        if self.elsewhere and instrument in self.elsewhere:
            apart = self.elsewhere[instrument][buy]
        if found is None:
            return (), apart
        return (found.offers if buy else found.bids).values(), apart

    def best_resting(self) -> dict[str, tuple[int | None, int | None]]:
        """Return instrument -> the best bid and offer of ours that rest or may soon, raw.

        Stops that wait do not rest; of an order that is being changed each price counts.
        """
        best = {}
        for name, found in self.instruments.items():
            if found.bids or found.offers:
                bid = max(_limits_of(found.bids), default=None)
                offer = min(_limits_of(found.offers), default=None)
                if bid is not None or offer is not None:
                    best[name] = bid, offer
        return best

    @property
    def venues_used(self) -> frozenset[str]:
        """The venues where something is held or works."""
        return frozenset([name for name, purse in self.purses.items() if purse.count])

    @property
    def strategies_that_hold(self) -> frozenset[str]:
        """The strategies that hold something."""
        return frozenset([name for (name, _), line in self._own.items() if line.filled])

    def line(self, instrument: str, strategy: str | None = None) -> Line:
        """Return the units of an instrument, of one strategy or all; an empty line for none."""
        if strategy is not None:
            return self._own.get((strategy, instrument)) or Line()
        found = self.instruments.get(instrument)
        return found.line if found is not None else Line()

    @property
    def held(self) -> dict[str, float]:
        """Instrument -> signed units that are held; 0 where nothing is."""
        return {name: one.line.filled / UNIT for name, one in self.instruments.items()}

    def symbol(self, symbol: str) -> Line:
        """Return the units of a symbol at all venues together."""
        return self._wholes.get(symbol) or Line()

    def holdings(
        self,
        now_ns: int,
        *,
        windows_s: tuple[float, ...] = (),
        strategy_day_loss: Mapping[str, float] = MappingProxyType({}),
        highs: Mapping[int, float] = MappingProxyType({}),
    ) -> Holdings:
        """Return what is held, working and on its way now; see `Holdings`.

        Parameters
        ----------
        now_ns : int
            The kernel's clock.
        windows_s : tuple of float
            For which windows to count what strategies did.
        strategy_day_loss : mapping of str to float
            What strategies lost since the day began, as whoever keeps it has it.
        highs : mapping of int to float
            Days -> the highest equity within so many, as whoever keeps it has it.
        """
        found, positions, shares = self.instruments, [], []
        for one in found.values():
            if one.line.filled or one.line.buys or one.line.sells:
                positions.append(_position(one, one.line, ""))
        for (strategy, name), line in self._own.items():
            if line.filled or line.buys or line.sells:
                shares.append(_position(found[name], line, strategy))
        return Holdings(
            positions=tuple(positions),
            shares=tuple(shares),
            equity={"account": self.equity},
            venue_equity={venue: self.equity_at(venue) for venue in self.purses},
            day_start_equity=self.day_start_equity,
            high_water=self.high_water,
            highs=highs,
            strategy_day_loss=strategy_day_loss,
            now_ns=now_ns,
            measures=self.measures,
            counts=self._counts(windows_s, now_ns),
            currency=self.currency,
        )

    def _counts(
        self, windows_s: tuple[float, ...], now_ns: int
    ) -> Mapping[tuple[str, float], Counts]:
        recent = self.recent
        return {
            (strategy, window_s): recent.counts(strategy, window_s, now_ns)
            for strategy in tuple(recent.strategies)
            for window_s in windows_s
        }

    def profits(self) -> dict[str, float]:
        """Return what each strategy earned since its first trade; NaN while it is not known.

        Of an earlier life it knows what `set_strategy_cash` told. Without that it counts since the
        book was begun, and what was held then from what had been paid for it.
        """
        earned = {strategy: sum_.cash for strategy, sum_ in self._strategies.items()}
        for (strategy, instrument), line in self._own.items():
            if line.filled:
                found = self.instruments[instrument]
                earned[strategy] += line.filled / UNIT * found.mark * found.multiplier
        return earned

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

    # --- what limits ask for before the first order ---------------------------------------

    def group_by(self, label: str, groups: Mapping[str, str]) -> None:
        """Add up by group: symbol -> group; what is in none is not known."""
        self._groupings[label] = dict(groups)
        self._sum_otherwise()

    def weigh_by(self, label: str, weights: Mapping[str, float]) -> None:
        """Add up with weights: symbol -> weight; what has none is not known."""
        self._weights[label] = dict(weights)
        self._sum_otherwise()

    def add_up_strategies(self) -> None:
        """Add up each strategy's positions too."""
        self._adds_up_strategies = True
        self._sum_otherwise()

    def keep_opening(self, window_ns: int) -> None:
        """Keep the middle that each window of so many nanoseconds began with.

        Raises
        ------
        InputError
            When windows of another length are kept.
        """
        if self._window_ns not in (0, window_ns):
            raise InputError(
                "collars over a window share its length",
                value=f"{self._window_ns / 1e9:g} s and {window_ns / 1e9:g} s",
            )
        self._window_ns = window_ns
        for found in self.instruments.values():
            found.window_ns = window_ns

    def _sum_otherwise(self) -> None:
        """Put every instrument into the sums it is part of now."""
        for sum_ in (self.total, *self.purses.values(), *self._strategies.values()):
            sum_.clear()
        self._grouped.clear()
        self._weighed.clear()
        for found in self.instruments.values():
            found.line.sums, found.line.weighed = self._sums_for(found)
            for line in (found.line, *found.owns):
                line.forget_worth()
            self._value(found)

    def _sums_for(self, found: Instrument) -> tuple[tuple[Sum, ...], tuple[tuple[Sum, float], ...]]:
        sums, weighed = [found.purse, self.total], []
        for label, groups in self._groupings.items():
            if found.symbol in groups:
                key = (label, groups[found.symbol])
                sums.append(self._grouped.setdefault(key, Sum()))
                found.groups[label] = sums[-1]
        for label, weights in self._weights.items():
            sum_ = self._weighed.setdefault(label, Sum())
            weighed.append((sum_, weights.get(found.symbol, math.nan)))
            found.groups[label] = sum_
        return tuple(sums), tuple(weighed)

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
            whole = self._wholes.setdefault(instrument_id.symbol.value, Line())
            found = Instrument(instrument_id, self._purse(instrument_id.venue.value), whole)
            found.line.sums, found.line.weighed = self._sums_for(found)
            found.window_ns = self._window_ns
            self.instruments[name] = found
        if instrument is not None and found.nautilus is None:
            found.learn(instrument, self.currency)
            self._value(found)
        return found

    def enter(self, order: Order, of: Instrument, parent: Order | None) -> Entry:
        """Return how an order would stand in the book, with nothing of it counted yet."""
        entry = Entry(order, of, self._line(order.strategy_id.value, of))
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
        return self._longer(entry, entry.tradable(leaves))

    def _longer(self, entry: Entry, counted: int) -> int:
        """Return by how many raw units `counted` of an order would lengthen its side's queue."""
        if entry.group is None:
            return counted - entry.counted
        others = max([n for id_, n in entry.group.items() if id_ != entry.id], default=0)
        return max(counted, others) - max(entry.counted, others)

    def reserve(self, entry: Entry, now_ns: int | None = None) -> None:
        """Count an order from now on; with a time also as one that its strategy sent then."""
        self._entries[entry.id] = entry
        (entry.of.bids if entry.buy else entry.of.offers)[entry.id] = entry
        if now_ns is not None:
            entry.sent_ns = now_ns
            self.recent.apply(entry.likeness, now_ns)
        if entry.entry is not None:
            self._exits.setdefault(entry.entry, []).append(entry)
        self._set(entry, entry.most)

    def reserve_change(
        self,
        client_order_id: str,
        size: int,
        prices: tuple[int | None, int | None] | None = None,
    ) -> None:
        """Count what an order would have left if it were of `size`, if more, until answered.

        Its limit and trigger may be `prices` until then, too.
        """
        entry = self._entries.get(client_order_id)
        if entry is not None:
            entry.asked.append(size)
            if prices is not None:
                entry.terms.append(prices)
            self._set(entry, entry.most)

    def release(self, client_order_id: str) -> None:
        """Forget an order that did not leave."""
        entry = self._entries.get(client_order_id)
        if entry is not None:
            self._unapply(entry)
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
        self._add_up_cash()

    def set_strategy_cash(self, strategy: str, cash: float) -> None:
        """Take what all fills of a strategy moved, fees included: below zero after buying.

        From then on the book moves it with each fill.
        """
        self.sums_of(strategy).cash = float(cash)

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
        elif kind in _REJECTIONS and entry is not None and not self.denying:
            self.recent.reject(event.strategy_id.value, event.ts_init)
        if order is None:
            return
        if entry is None:
            # Of another hand or an earlier life, or filled after it was thought to be over.
            if not (order.is_open or order.is_inflight):
                return
            entry = self._restore(order, cache)
        elif kind is OrderUpdated:
            entry.answered(event.quantity.raw)
            entry.terms[0] = prices_of(order)
        elif kind is OrderTriggered:
            entry.terms[0] = prices_of(order)
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
            found = self._found(position.instrument_id, cache)
            self._move(found, position.strategy_id, raw)
            paid = raw / UNIT * found.multiplier * position.avg_px_open
            self.sums_of(position.strategy_id.value).cash -= paid
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
                entry.terms += held[entry.id].terms[1:]
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

    def _purse(self, venue: str) -> Sum:
        purse = self.purses.get(venue)
        if purse is None:
            purse = self.purses[venue] = Sum()
            self._add_up_cash()
        return purse

    def _add_up_cash(self) -> None:
        self._cash = sum(purse.cash for purse in self.purses.values())
        self.equity = self._cash + self.total.net

    def _line(self, strategy: str, found: Instrument) -> Holding:
        line = self._own.get((strategy, found.name))
        if line is None:
            line = self._own[strategy, found.name] = Holding((self.sums_of(strategy),))
            found.owns.append(line)
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
            if not order.filled_qty.raw:
                self._unapply(entry)
            self._remove(entry)
            return
        entry.size, entry.filled = order.quantity.raw, order.filled_qty.raw
        self._set(entry, entry.most)

    def _remove(self, entry: Entry) -> None:
        self._set(entry, 0)
        self._stop_waiting(entry)
        del self._entries[entry.id]
        del (entry.of.bids if entry.buy else entry.of.offers)[entry.id]

    def _set(self, entry: Entry, leaves: int) -> None:
        """Count `leaves` of an order; 0 takes it out of its group as well."""
        counted = leaves if entry.entry is None else entry.tradable(leaves)
        change = self._longer(entry, counted)
        entry.leaves, entry.counted = leaves, counted
        if entry.group is not None:
            if leaves:
                entry.group[entry.id] = entry.counted
            else:
                entry.group.pop(entry.id, None)
        if change:
            if entry.buy:
                entry.of.line.buys += change
                entry.of.whole.buys += change
                entry.own.buys += change
            else:
                entry.of.line.sells += change
                entry.of.whole.sells += change
                entry.own.sells += change
            self._value(entry.of)

    def _fill(self, fill: Any, cache: Any) -> None:
        found = self._found(fill.instrument_id, cache)
        raw = fill.last_qty.raw if fill.order_side == _BUY else -fill.last_qty.raw
        price, fee = float(fill.last_px), float(fill.commission)
        if fee and fill.commission.currency.code != self.currency:
            fee = math.nan  # until the venue states its cash again
        paid = raw / UNIT * found.multiplier * price + fee
        found.purse.cash -= paid
        strategy = fill.strategy_id.value
        self._add_up_cash()
        self.sums_of(strategy).cash -= paid
        self.recent.fill(strategy, fill.ts_init)
        if found.mark != found.mark:
            found.mark = price  # the best there is until the next quote
        self._move(found, fill.strategy_id, raw)

    def _move(self, found: Instrument, strategy_id: Any, raw: int) -> None:
        found.line.filled += raw
        found.whole.filled += raw
        self._line(strategy_id.value, found).filled += raw
        self._value(found)

    def _value(self, found: Instrument) -> None:
        """Bring an instrument's part of the sums up to date."""
        unit = found.mark * found.multiplier
        found.line.value(unit)
        self.equity = self._cash + self.total.net
        if self._adds_up_strategies:
            for line in found.owns:
                line.value(unit)
        self._changes += 1
        if self._changes >= _SUMMED_ANEW_AFTER:
            self._sum_anew()

    def _unapply(self, entry: Entry) -> None:
        """Take an order that ended without a fill for one that was not sent."""
        if entry.sent_ns is not None:
            self.recent.unapply(entry.likeness, entry.sent_ns)
            entry.sent_ns = None

    def _sum_anew(self) -> None:
        """Add all up again: floating point forgets a little with each change."""
        self._changes = 0
        sums = (
            self.total,
            *self.purses.values(),
            *self._strategies.values(),
            *self._grouped.values(),
            *self._weighed.values(),
        )
        for sum_ in sums:
            sum_.begin_again()
        for found in self.instruments.values():
            found.line.add_again()
            if self._adds_up_strategies:
                for line in found.owns:
                    line.add_again()
        self.equity = self._cash + self.total.net


def _limits_of(working: Mapping[str, Entry]) -> Iterator[int]:
    for entry in working.values():
        for limit, trigger in entry.terms:
            if limit is not None and trigger is None:
                yield limit


def _position(found: Instrument, line: Line, strategy: str) -> Position:
    quote = found.quote
    return Position(
        instrument=found.name,
        symbol=found.symbol,
        venue=found.venue,
        units=line.filled / UNIT,
        buys=line.buys / UNIT,
        sells=line.sells / UNIT,
        price=found.mark * found.multiplier,
        quoted=found.mark,
        quote_ns=None if quote is None else quote.ts_event,
        strategy=strategy,
    )
