"""What is asked for: one order, or one change of an order, as checks see it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from nautilus_trader.execution.messages import ModifyOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate._book import Book, Instrument

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
    instrument : Instrument
        The book's record of what is traded.
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
        "_price",
        "added",
        "ask",
        "buy",
        "client_order_id",
        "command",
        "increases",
        "instrument",
        "leaves",
        "limit_price",
        "nautilus",
        "now_ns",
        "opening",
        "order",
        "parent",
        "quantity",
        "quote",
        "reduces",
        "reserved",
        "strategy",
        "trigger_price",
    )

    def __init__(self, order: Order, command: Any, book: Book, cache: Any, now_ns: int) -> None:
        self.order = order
        self.command = command
        self.now_ns = now_ns
        self.client_order_id: str = order.client_order_id.value
        self.strategy: str = order.strategy_id.value
        self.nautilus = cache.instrument(order.instrument_id)
        self.instrument: Instrument = book.of(order.instrument_id, self.nautilus)
        self.quote = cache.quote_tick(order.instrument_id)
        if self.quote is not None:
            book.on_quote(self.quote)
        parent_id = order.parent_order_id
        self.parent: Order | None = cache.order(parent_id) if parent_id is not None else None
        self.buy: bool = order.side == _BUY
        self._price: float | None = None
        self.reserved = False  # whether the book counts it
        limit = order.price if order.has_price else None
        trigger = order.trigger_price if order.has_trigger_price else None
        self.quantity: int = order.quantity.raw
        was = None if limit is None else float(limit)
        same = True
        self.ask: Ask = "submit"
        if isinstance(command, ModifyOrder):
            self.ask = "modify"
            if command.quantity is not None:
                self.quantity = command.quantity.raw
            same = command.price is None and command.trigger_price is None
            limit = command.price if command.price is not None else limit
            trigger = command.trigger_price if command.trigger_price is not None else trigger
        self.limit_price = None if limit is None else float(limit)
        self.trigger_price = None if trigger is None else float(trigger)
        self.leaves: int = max(0, self.quantity - order.filled_qty.raw)
        self.added = book.would_add(order, self.leaves, self.parent)
        self._measure(book, same, was)

    def __repr__(self) -> str:
        side = "buy" if self.buy else "sell"
        return f"Proposal({self.ask} {self.client_order_id}, {side} {self.units:g})"

    def _measure(self, book: Book, same_prices: bool, was: float | None) -> None:
        line = self.instrument.line
        working = line.buys if self.buy else line.sells
        held = max(0, -line.filled if self.buy else line.filled)
        # What still may be reduced: the position less what works to reduce it already.
        self.opening = max(0, self.added - max(0, held - working))
        counted = book.counted(self.client_order_id)
        alone = max(0, counted + self.added - max(0, held - max(0, working - counted)))
        dearer = self.buy and was is not None and not _at_most(self.limit_price, was)
        self.increases = self.opening > 0 or (alone > 0 and dearer)
        smaller = (
            self.ask == "modify"
            and same_prices
            and self.leaves <= book.leaves(self.client_order_id)
        )
        self.reduces = alone == 0 or smaller

    @property
    def units(self) -> float:
        """The whole size in units of the instrument."""
        return self.quantity / Book.UNIT

    @property
    def price(self) -> float:
        """What one unit is valued at, for what the order may cost or bring at most.

        A purchase with a limit at its limit; any other at the market, its limit or its trigger,
        whichever is most. A sale far below the market trades at the market: its limit must not
        make it look small.

        Raises
        ------
        ValueError
            When there is no quote to value it by.
        """
        if self._price is None:
            self._price = self._valued()
        return self._price

    def _valued(self) -> float:
        if self.buy and self.limit_price is not None:
            return self.limit_price
        if self.quote is None:
            raise ValueError(f"no quote values {self.instrument.name}")
        market = float(self.quote.ask_price if self.buy else self.quote.bid_price)
        return max(market, self.limit_price or 0.0, self.trigger_price or 0.0)

    @property
    def notional(self) -> float:
        """The whole size at `price`, account currency; raises as `price` does."""
        return abs(self.quantity * self.instrument.per_unit * self.price)

    @property
    def likeness(self) -> tuple[object, ...]:
        """What two orders have in common when one may be the other sent twice."""
        return (
            self.strategy,
            self.instrument.name,
            self.buy,
            self.quantity,
            self.order.order_type,
            self.limit_price,
            self.trigger_price,
        )

    @property
    def position_after(self) -> int:
        """The furthest that fills of its side could take the position with it, raw units."""
        line = self.instrument.line
        if self.buy:
            return line.filled + line.buys + self.added
        return line.filled - line.sells - self.added


def _at_most(price: float | None, other: float) -> bool:
    return price is not None and price <= other
