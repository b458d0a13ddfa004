"""What is asked for: one order, or one change of an order, as checks see it."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

from nautilus_trader.execution.messages import ModifyOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._entry import Entry
from nautilus_lab.execution.gate._instrument import Instrument, Line

Ask: TypeAlias = Literal["submit", "modify"]

_BUY = OrderSide.BUY


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
    nautilus : Instrument or None
        What Nautilus knows of the instrument.
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
    reduces : bool
        Whether the order, as it would be, does nothing but reduce.
    increases : bool
        Whether exposure limits have a say: some of it opens a position, or is to open it at a
        higher price.
    limit_price, trigger_price : float or None
        Its prices, the new ones for a change.
    quote : QuoteTick or None
        The last quote of the instrument.
    now_ns : int
        The kernel's clock.
    """

    __slots__ = (
        "_dearer",
        "_lengthened",
        "_price",
        "added",
        "ask",
        "before",
        "buy",
        "client_order_id",
        "command",
        "counted",
        "entry",
        "increases",
        "instrument",
        "leaves",
        "likeness",
        "limit_price",
        "nautilus",
        "now_ns",
        "opening",
        "order",
        "quantity",
        "quote",
        "raised",
        "reduces",
        "reserved",
        "strategy",
        "terms",
        "trigger_price",
    )

    def __init__(self, order: Order, command: Any, book: Book, cache: Any, now_ns: int) -> None:
        self.order = order
        self.command = command
        self.now_ns = now_ns
        self.client_order_id: str = order.client_order_id.value
        self.strategy: str = order.strategy_id.value
        instrument_id = order.instrument_id
        self.nautilus = cache.instrument(instrument_id)
        self.instrument: Instrument = book.of(instrument_id, self.nautilus)
        self.quote = cache.quote_tick(instrument_id)
        if self.quote is not self.instrument.quote and self.quote is not None:
            book.mark(self.instrument, self.quote)
        self.buy: bool = order.side == _BUY
        self.terms = terms_of(order)
        self._price: float | None = None
        self._lengthened: float | None = None
        self._dearer: float | None = None
        self.reserved = False  # whether the book counts it
        self.before: int | None = None  # when one alike passed
        quantity, limit, trigger = self.terms
        was = None if limit is None else float(limit)
        self.ask: Ask = "submit"
        same = True
        if isinstance(command, ModifyOrder):
            self.ask = "modify"
            same = command.price is None and command.trigger_price is None
            quantity = command.quantity if command.quantity is not None else quantity
            limit = command.price if command.price is not None else limit
            trigger = command.trigger_price if command.trigger_price is not None else trigger
        self.quantity: int = quantity.raw
        self.limit_price = None if limit is None else float(limit)
        self.trigger_price = None if trigger is None else float(trigger)
        # what two orders have in common when one may be the other sent twice
        self.likeness = (
            (
                self.strategy,
                self.instrument.name,
                self.buy,
                self.quantity,
                order.order_type,
                self.limit_price,
                self.trigger_price,
            )
            if self.ask == "submit"
            else None
        )
        self.leaves: int = max(0, self.quantity - order.filled_qty.raw)
        known = book.entry(self.client_order_id)
        if known is None:
            parent = cache.order(order.parent_order_id) if order.parent_order_id else None
            known = book.enter(order, self.instrument, parent)
        self.entry: Entry = known
        self.added = book.added(known, self.leaves)
        self._measure(book, same, was)

    def __repr__(self) -> str:
        side = "buy" if self.buy else "sell"
        return f"Proposal({self.ask} {self.client_order_id}, {side} {self.units:g})"

    def _measure(self, book: Book, same_prices: bool, was: float | None) -> None:
        entry, line = self.entry, self.instrument.line
        self.raised = self.buy and was is not None and not _at_most(self.limit_price, was)
        self.counted = book.counted(self.client_order_id)
        self.opening = self._opening(line)
        self.increases = self.increases_in(line)
        # What waits for an entry to fill will close what that opens, or else open again what that
        # closes: it is nothing that only reduces.
        waiting = self.leaves - entry.tradable(self.leaves) > entry.leaves - entry.counted
        smaller = self.ask == "modify" and same_prices and self.leaves <= entry.leaves
        self.reduces = (self._alone(line) == 0 and not waiting) or smaller

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
        if self.buy:
            return max(0, -line.filled), line.buys
        return max(0, line.filled), line.sells

    def increases_in(self, line: Line) -> bool:
        """Whether some of it opens a position of `line`, or is to open it at a higher price."""
        return self._opening(line) > 0 or (self.raised and self._alone(line) > 0)

    @property
    def units(self) -> float:
        """The whole size in units of the instrument."""
        return self.quantity / Book.UNIT

    @property
    def price(self) -> float:
        """What one unit is valued at, for what the order may cost or bring at most.

        A purchase with a limit at its limit; any other at the market, its limit or its trigger,
        whichever is most. A sale far below the market trades at the market: its limit must not
        make it look small. NaN when there is no quote to value it by.
        """
        if self._price is None:
            self._price = self._valued()
        return self._price

    def _valued(self) -> float:
        found, limit = self.instrument, self.limit_price
        if self.buy and limit is not None and not found.any_price:
            return limit
        prices = [found.ask if self.buy else found.bid]
        prices += [p for p in (limit, self.trigger_price) if p is not None]
        # By size: what has a price below zero costs whoever sells it.
        return max(map(abs, prices)) if prices[0] == prices[0] else math.nan

    @property
    def notional(self) -> float:
        """The whole size at `price`, account currency; NaN when nothing values it."""
        return abs(self.quantity * self.instrument.per_unit * self.price)

    @property
    def position_after(self) -> int:
        """The furthest that fills of its side could take the position with it, raw units."""
        return self.furthest(self.instrument.line)

    def furthest(self, line: Line) -> int:
        """Return the furthest that fills of its side could take `line` with it, raw units."""
        if self.buy:
            return line.filled + line.buys + self.added
        return line.filled - line.sells - self.added

    @property
    def lengthened(self) -> float:
        """What it adds to what its instrument could be worth at most, at the mark."""
        if self._lengthened is None:
            found = self.instrument
            worst = found.line.worst
            grown = max(worst, abs(self.position_after)) - worst
            self._lengthened = abs(grown * found.per_unit * found.mark) if grown else 0.0
        return self._lengthened

    @property
    def dearer(self) -> float:
        """By how much it is dearer at its own price than at the mark, account currency."""
        if self._dearer is None:
            found = self.instrument
            units = max(self.added, 0) or self.leaves
            gap = self.price - abs(found.mark)
            # Not max(), which would take a NaN for nothing.
            self._dearer = 0.0 if gap <= 0 else gap * units * found.per_unit
        return self._dearer

    @property
    def unmeasured(self) -> str:
        """Why the proposal has no value; nothing when it has one."""
        found = self.instrument
        if found.per_unit != found.per_unit:
            return f"{found.name} is not known, or is not paid for in the account's currency"
        if found.mark != found.mark:
            return f"no quote values {found.name}"
        return ""


def terms_of(order: Order) -> tuple[Any, Any, Any]:
    """Return what of an order must not change once it was checked: size, limit and trigger."""
    return (
        order.quantity,
        order.price if order.has_price else None,
        order.trigger_price if order.has_trigger_price else None,
    )


def _at_most(price: float | None, other: float) -> bool:
    return price is not None and price <= other
