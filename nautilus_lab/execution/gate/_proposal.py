"""What is asked for: one order, or one change of an order, as checks see it."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

from nautilus_trader.execution.messages import ModifyOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._entry import Entry
from nautilus_lab.execution.gate._instrument import UNIT, Instrument, Line

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
    limit, trigger : int or None
        Its prices, raw; the new ones for a change.
    quote : QuoteTick or None
        The last quote of the instrument.
    now_ns : int
        The kernel's clock.
    """

    __slots__ = (
        "_lengthened",
        "_notional",
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
        "limit",
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
        "trigger",
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
        self._notional: float | None = None
        self._lengthened: float | None = None
        self.reserved = False  # whether the book counts it
        self.before: int | None = None  # when one alike passed
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

    def _measure(self, book: Book, same_prices: bool, was: int | None) -> None:
        entry, line = self.entry, self.instrument.line
        self.raised = self.buy and was is not None and (self.limit is None or self.limit > was)
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
        return self.quantity / UNIT

    @property
    def price(self) -> int | None:
        """What one unit is valued at, for what the order may cost or bring at most, raw.

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
    def position_after(self) -> int:
        """The furthest that fills of its side could take the position with it, raw units."""
        return self.furthest(self.instrument.line)

    def furthest(self, line: Line) -> int:
        """Return the furthest that fills of its side could take `line` with it, raw units."""
        if self.buy:
            return line.filled + line.buys + self.added
        return line.filled - line.sells - self.added

    def dearer(self, line: Line) -> float:
        """Return by how much what it opens of `line` is dearer at its own price than at the mark.

        Account currency; never less than 0.
        """
        found, price = self.instrument, self.price
        gap = math.nan if price is None else price / UNIT - abs(found.mark)
        if gap <= 0:
            return 0.0
        units = self._alone(line) if self.raised else self._opening(line)
        return gap * (units / UNIT) * found.multiplier

    @property
    def lengthened(self) -> float:
        """What it adds to what its instrument could be worth at most, account currency."""
        if self._lengthened is None:
            found, line = self.instrument, self.instrument.line
            grown = (abs(self.position_after) - line.worst) / UNIT
            added = grown * abs(found.mark) * found.multiplier + self.dearer(line)
            # Not max(), which would take a NaN for nothing.
            self._lengthened = 0.0 if added <= 0 else added
        return self._lengthened

    @property
    def unmeasured(self) -> str:
        """Why the proposal has no value; nothing when it has one."""
        found = self.instrument
        if found.multiplier != found.multiplier:
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
