"""What is asked for: one order, or one change of an order, as checks see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from nautilus_trader.execution.messages import ModifyOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._entry import Entry
from nautilus_lab.execution.gate._instrument import UNIT, Instrument, Line
from nautilus_lab.risk.limits import Per

Ask: TypeAlias = Literal["submit", "modify"]

_BUY = OrderSide.BUY
_SQUARE = UNIT * UNIT


class Proposal:
    """One order that wants to leave, or one change to it.

    Attributes
    ----------
    ask : {"submit", "modify"}
        What is to be done.
    order : Order
        Nautilus' order; for a change, as it stands before.
    client_order_id, strategy : str
        Whose order it is.
    instrument : Instrument
        The book's record of it.
    buy : bool
        Its side.
    quantity : int
        The order's whole size, raw units; for a change, the new one.
    leaves : int
        What of it may still trade, raw units.
    added : int
        By how much that lengthens the queue of its side; negative when it gets shorter.
    opening : int
        What of `added` does not reduce the position, net of all that works to reduce it already.
    whole : Reach
        The furthest that fills could lead the account's position in the instrument.
    reduces : bool
        Whether the order, as it would be, does nothing but reduce.
    increases : bool
        Whether exposure limits have a say: some of it opens a position, or is to open it at a
        higher price.
    price : int or None
        What one unit is valued at, for what the order may cost or bring at most, raw; None when
        there is no quote to value it by.
    unit : float
        What one unit is worth at the mark, account currency, without a sign; NaN without a mark.
    gap : float
        By how much `price` is above the mark; NaN when either is not known.
    limit, trigger : int or None
        Its prices, raw; the new ones for a change.
    quote : QuoteTick or None
        The last quote of the instrument.
    now_ns : int
        The kernel's clock.
    cancels : tuple of str
        The orders that are cancelled before it is sent.
    """

    __slots__ = (
        "_notional",
        "_of_strategy",
        "_of_symbol",
        "added",
        "ask",
        "before",
        "buy",
        "cancels",
        "client_order_id",
        "command",
        "counted",
        "entry",
        "gap",
        "increases",
        "instrument",
        "leaves",
        "likeness",
        "limit",
        "now_ns",
        "opening",
        "order",
        "price",
        "quantity",
        "quote",
        "raised",
        "reduces",
        "reserved",
        "strategy",
        "terms",
        "trigger",
        "unit",
        "whole",
    )

    def __init__(self, order: Order, command: Any, book: Book, cache: Any, now_ns: int) -> None:
        self.order = order
        self.command = command
        self.now_ns = now_ns
        instrument_id = order.instrument_id
        found = book.instruments.get(instrument_id.value)
        if found is None or found.nautilus is None:
            found = book.of(instrument_id, cache.instrument(instrument_id))
        self.instrument: Instrument = found
        quote = self.quote = cache.quote_tick(instrument_id)
        if quote is not found.quote and quote is not None:
            book.mark(found, quote)
        id_ = order.client_order_id.value
        known = book.entry(id_)
        self.counted = 0 if known is None else book.counted(id_)
        if known is None:
            parent = cache.order(order.parent_order_id) if order.parent_order_id else None
            known = book.enter(order, self.instrument, parent)
        self.client_order_id: str = id_
        self.entry: Entry = known
        self.strategy: str = known.strategy
        self.buy: bool = known.buy
        self.terms = terms_of(order)
        self._notional: float | None = None
        self._of_symbol: Reach | None = None
        self._of_strategy: Reach | None = None
        self.reserved = False  # whether the book counts it
        self.before: int | None = None  # when one alike passed
        self.cancels: tuple[str, ...] = ()
        quantity, limit, trigger = self.terms
        was: int | None = None if limit is None else limit.raw
        self.ask: Ask = "submit"
        same = True
        if isinstance(command, ModifyOrder):
            self.ask = "modify"
            same = command.price is None and command.trigger_price is None
            quantity = command.quantity if command.quantity is not None else quantity
            limit = command.price if command.price is not None else limit
            trigger = command.trigger_price if command.trigger_price is not None else trigger
        self.quantity: int = quantity.raw
        self.limit: int | None = None if limit is None else limit.raw
        self.trigger: int | None = None if trigger is None else trigger.raw
        # what two orders have in common when one may be the other sent twice
        self.likeness = (
            (
                self.strategy,
                self.instrument.name,
                self.buy,
                self.quantity,
                order.order_type,
                self.limit,
                self.trigger,
            )
            if self.ask == "submit"
            else None
        )
        leaves = self.quantity - order.filled_qty.raw
        self.leaves: int = leaves if leaves > 0 else 0
        self.added = book.added(known, self.leaves)
        self._measure(same, was)

    def __repr__(self) -> str:
        side = "buy" if self.buy else "sell"
        return f"Proposal({self.ask} {self.client_order_id}, {side} {self.units:g})"

    def _measure(self, same_prices: bool, was: int | None) -> None:
        found, entry = self.instrument, self.entry
        line = found.line
        self.raised = self.buy and was is not None and (self.limit is None or self.limit > was)
        # As `_opening` and `_alone` have it, which are asked about the lines of others.
        added, counted = self.added, self.counted
        held, working = self._held(line)
        left = held - working
        opening = added - left if left > 0 else added
        self.opening = opening if opening > 0 else 0
        others = working - counted
        left = held - others if others > 0 else held
        alone = counted + added - left if left > 0 else counted + added
        price = self.price = self._price()
        mark = abs(found.mark)
        self.unit = mark * found.multiplier
        self.gap = math.nan if price is None else price / UNIT - mark
        self.increases = self.opening > 0 or (self.raised and alone > 0)
        self.whole = Reach(self, line)
        # What waits for an entry to fill will close what that opens, or else open again what that
        # closes: it is nothing that only reduces.
        leaves = self.leaves
        waits = entry.entry is not None and (
            leaves - entry.tradable(leaves) > entry.leaves - entry.counted
        )
        smaller = self.ask == "modify" and same_prices and leaves <= entry.leaves
        self.reduces = (alone <= 0 and not waits) or smaller

    def _opening(self, line: Line) -> int:
        """Return what of `added` is not met by what still may be reduced of `line`."""
        held, working = self._held(line)
        return max(0, self.added - max(0, held - working))

    def _alone(self, line: Line) -> int:
        """Return what of the order, as it would be, does not reduce; others' orders come first."""
        held, working = self._held(line)
        others = max(0, working - self.counted)
        return max(0, self.counted + self.added - max(0, held - others))

    def _held(self, line: Line) -> tuple[int, int]:
        """Return what the order could reduce, and what works to reduce it already."""
        filled = line.filled
        if self.buy:
            return (-filled if filled < 0 else 0), line.buys
        return (filled if filled > 0 else 0), line.sells

    def increases_in(self, line: Line) -> bool:
        """Whether some of it opens a position of `line`, or is to open it at a higher price."""
        return self._opening(line) > 0 or (self.raised and self._alone(line) > 0)

    @property
    def id(self) -> str:
        """The client order id."""
        return self.client_order_id

    @property
    def parent(self) -> str | None:
        """The entry that it is an exit of."""
        return self.entry.parent

    def cancel_first(self, ids: Sequence[str]) -> None:
        """Have these orders cancelled before it is sent, if it is."""
        self.cancels = (*self.cancels, *ids)

    @property
    def units(self) -> float:
        """The whole size in units of the instrument."""
        return self.quantity / UNIT

    def _price(self) -> int | None:
        """Return what one unit is valued at, for what the order may cost or bring at most, raw.

        A purchase with a limit at its limit; any other at the market, its limit or its trigger,
        whichever is most. A sale far below the market trades at the market: its limit must not
        make it look small. None when there is no quote to value it by.
        """
        found, limit = self.instrument, self.limit
        if self.buy and limit is not None and not found.any_price:
            return limit
        market = found.ask if self.buy else found.bid
        if market is None:
            return None
        # By size: what has a price below zero costs whoever sells it.
        most = abs(market)
        if limit is not None:
            most = max(most, abs(limit))
        return most if self.trigger is None else max(most, abs(self.trigger))

    @property
    def notional(self) -> float:
        """The whole size at `price`, account currency; NaN when nothing values it."""
        if self._notional is None:
            price = self.price
            # One rounding, of whole numbers: what is on a limit must not fall beside it.
            self._notional = (
                math.nan
                if price is None
                else abs(self.quantity * price) / _SQUARE * self.instrument.multiplier
            )
        return self._notional

    @property
    def quote_ns(self) -> int | None:
        """When the last quote was made at its source; None without one."""
        quote = self.quote
        return None if quote is None else quote.ts_event

    def reach(self, per: Per) -> Reach:
        """Return the furthest that fills could lead the position it is part of, with it."""
        if per == "instrument":
            return self.whole
        if per == "strategy":
            if self._of_strategy is None:
                self._of_strategy = Reach(self, self.entry.own)
            return self._of_strategy
        if self._of_symbol is None:
            self._of_symbol = Reach(self, self.instrument.whole)
        return self._of_symbol

    def dearer(self, line: Line) -> float:
        """Return by how much what it opens of `line` is dearer at its own price than at the mark.

        Account currency; never less than 0.
        """
        if self.gap <= 0:
            return 0.0
        found = self.instrument
        if self.raised:
            units = self._alone(line)
        else:
            units = self.opening if line is found.line else self._opening(line)
        return self.gap * (units / UNIT) * found.multiplier

    @property
    def unmeasured(self) -> str:
        """Why the proposal has no value; nothing when it has one."""
        found = self.instrument
        if found.multiplier != found.multiplier:
            return f"{found.name} is not known, or is not paid for in the account's currency"
        if found.mark != found.mark:
            return f"no quote values {found.name}"
        return ""


class Reach:
    """The furthest that fills could lead one position, an order's own included.

    It is of the moment it was made: the book moves on when the order is reserved.

    Attributes
    ----------
    units : float
        Units of the instrument, without a sign.
    value : float
        What they are worth, account currency, what the order opens at its own price.
    lengthened : float
        By how much more that is with the order, at least 0.
    added : float
        What the order itself adds in its own direction.
    """

    __slots__ = ("_line", "_proposal", "_worst", "added", "lengthened", "units", "value")

    def __init__(self, proposal: Proposal, line: Line) -> None:
        filled, more = line.filled, proposal.added
        longest, shortest = filled + line.buys, filled - line.sells
        units = abs(longest + more if proposal.buy else shortest - more)
        worst, short = abs(longest), abs(shortest)
        if short > worst:
            worst = short
        self._proposal, self._line, self._worst = proposal, line, worst
        unit = proposal.unit
        dearer = 0.0 if proposal.gap <= 0 else proposal.dearer(line)
        self.units = reach = units / UNIT
        self.value = reach * unit + dearer
        self.added = lengthened = more / UNIT * unit + dearer
        if units - worst != more:
            lengthened = (units - worst) / UNIT * unit + dearer
        # Not max(), which would take a NaN for nothing.
        self.lengthened = 0.0 if lengthened <= 0 else lengthened

    @property
    def before(self) -> float:
        """What fills could lead it to be worth without the order."""
        return self._worst / UNIT * self._proposal.unit

    @property
    def new(self) -> bool:
        """Whether nothing was held or working."""
        return self._worst == 0

    @property
    def increases(self) -> bool:
        """Whether the order opens some of the position, or is to at a higher price."""
        return self._proposal.increases_in(self._line)


def terms_of(order: Order) -> tuple[Any, Any, Any]:
    """Return what of an order must not change once it was checked: size, limit and trigger."""
    return (
        order.quantity,
        order.price if order.has_price else None,
        order.trigger_price if order.has_trigger_price else None,
    )
