"""An order that was asked for, and all that works for it."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from typing import Protocol

from nautilus_lab.client._live import Fill, LogEntry, Order, OrderStatus, Side
from nautilus_lab.client._numbers import Number
from nautilus_lab.exceptions import LabError, NodeError
from nautilus_lab.platform.commands import Cancelled

_TO_BPS = 10_000
_REFUSED = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED})
_PENDING = frozenset({OrderStatus.PENDING_UPDATE, OrderStatus.PENDING_CANCEL})
# Neither on its way nor refused: what an algorithm works, or what was not answered.
_NOT_OUT = frozenset({OrderStatus.INITIALIZED, OrderStatus.UNKNOWN})


class Verbs(Protocol):
    """What a trade asks its desk to do."""

    async def cancel(self, order: str, *, timeout_s: float = ...) -> Cancelled:
        """Cancel an order."""
        ...

    async def modify(
        self,
        order: str,
        *,
        quantity: Number | None = ...,
        limit_price: Number | None = ...,
        trigger_price: Number | None = ...,
        timeout_s: float = ...,
    ) -> None:
        """Change an order."""
        ...

    def until(
        self, condition: Callable[[], bool], *, timeout_s: float | None = ...
    ) -> Awaitable[None]:
        """Wait until `condition` holds."""
        ...


class Trade:
    """An order that stays true by itself, whatever becomes of gateway, node and connection.

    What is said of it counts the orders that work for it, too: the slices of an algorithm, the
    legs of a routed order, as the node counts them. The exits of a bracket are trades of their own.

    Attributes
    ----------
    order : Order
        The order itself, a live object.
    command_id : str
        The command that asked for it; empty where that is not known here.
    error : LabError or None
        Why it was not placed, when that came late.

    Examples
    --------
    >>> order = Order("M-1", instrument="AAPL.PAPER", side="BUY", quantity=Decimal(100))
    >>> order.arrival_price = Decimal("100.00")
    >>> order.fills.append(
    ...     Fill(
    ...         trade_id="T-1",
    ...         client_order_id="M-1",
    ...         strategy="Manual-000",
    ...         instrument="AAPL.PAPER",
    ...         side="BUY",
    ...         quantity=Decimal(40),
    ...         price=Decimal("100.05"),
    ...         commission=Decimal("0.40"),
    ...         currency="USD",
    ...         ts=0,
    ...         simulated=True,
    ...     )
    ... )
    >>> trade = Trade(order, desk=None)
    >>> trade.filled, trade.remaining, trade.slippage, trade.slippage_bps
    (Decimal('40'), Decimal('60'), Decimal('2.00'), 5.0)
    """

    def __init__(
        self,
        order: Order,
        *,
        desk: Verbs | None,
        command_id: str = "",
        quantity: Decimal | None = None,
    ) -> None:
        self.order = order
        self.command_id = command_id
        self.error: LabError | None = None
        self._desk = desk
        self._asked = quantity

    # --- what it is --------------------------------------------------------------------------

    @property
    def client_order_id(self) -> str:
        """The node's name for it."""
        return self.order.client_order_id

    @property
    def instrument(self) -> str:
        """What is traded: ``"AAPL.PAPER"``."""
        return self.order.instrument

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        return self.order.side

    @property
    def quantity(self) -> Decimal:
        """Units asked for, as last changed."""
        # Before the node has told of it, what was asked for holds.
        return self.order.quantity or self._asked or Decimal(0)

    @property
    def parts(self) -> tuple[Order, ...]:
        """The orders that work for it: slices of an algorithm, legs of a route."""
        # What hangs on it instead, the exits of a bracket, is of the other side.
        return tuple(o for o in self.order.children.values() if o.side == self.order.side)

    # --- what became of it -------------------------------------------------------------------

    @property
    def status(self) -> OrderStatus:
        """Where it is, all parts together.

        UNKNOWN while nobody could say whether it was placed: it is looked up, and never sent
        again.
        """
        own, parts = self.order.status, self.parts
        if self._is_whole:
            return OrderStatus.FILLED
        if own is OrderStatus.UNKNOWN:
            return own
        if self.is_done:
            # What is filled was placed, however the rest of it was refused.
            return OrderStatus.CANCELED if self.filled and own in _REFUSED else own
        if own in _PENDING:
            return own
        if self.filled:
            return OrderStatus.PARTIALLY_FILLED
        if parts and own is OrderStatus.INITIALIZED and not parts[-1].is_done:
            return parts[-1].status
        return own

    @property
    def is_done(self) -> bool:
        """Whether nothing more can happen to it, or to what works for it."""
        own = self.order.is_done and all(part.is_done for part in self.parts)
        return own or self._is_whole

    @property
    def reason(self) -> str:
        """Why it is where it is, in the node's or the venue's words."""
        return self.order.reason

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The executions, of all parts, oldest first; each once."""
        found = [*self.order.fills, *(fill for part in self.parts for fill in part.fills)]
        return tuple(sorted(found, key=lambda fill: fill.ts))

    @property
    def filled(self) -> Decimal:
        """Units filled."""
        # A fill is told before the order that it makes true, and that of a part before the whole.
        heard = sum((fill.quantity for fill in self.order.fills), Decimal(0))
        return max(self.order.filled, heard + sum(map(_filled, self.parts), Decimal(0)))

    @property
    def remaining(self) -> Decimal:
        """Units still to be filled; zero once done."""
        return Decimal(0) if self.is_done else self.quantity - self.filled

    @property
    def average_price(self) -> Decimal | None:
        """The mean price paid, weighted by quantity; None before the first fill."""
        filled, value = self.filled, self._value
        return None if not filled or value is None else value / filled

    @property
    def arrival_price(self) -> Decimal | None:
        """The middle of the quote when it was asked for; None where there was none."""
        return self.order.arrival_price

    @property
    def slippage(self) -> Decimal | None:
        """What the fills cost against the arrival price, in quote currency; a gain is negative.

        Without commissions. None without an arrival price, or where no fill is known.
        """
        worse = self._worse
        if worse is None or not (fills := self.fills):
            return None  # only a fill says what a point is worth
        return worse * fills[0].multiplier

    @property
    def slippage_bps(self) -> float | None:
        """`slippage` in basis points of what was filled at the arrival price."""
        worse, arrival = self._worse, self.arrival_price
        if worse is None or not arrival:
            return None
        return float(_TO_BPS * worse / (arrival * self.filled))

    @property
    def commissions(self) -> dict[str, Decimal]:
        """Currency -> what was paid to venues."""
        paid: dict[str, Decimal] = {}
        for fill in self.fills:
            paid[fill.currency] = paid.get(fill.currency, Decimal(0)) + fill.commission
        return paid

    @property
    def log(self) -> tuple[LogEntry, ...]:
        """The statuses the order came to, and when, oldest first."""
        return tuple(self.order.log)

    # --- waiting -----------------------------------------------------------------------------

    async def done(self, *, timeout_s: float | None = None) -> Trade:
        """Wait until nothing more can happen to it; return it.

        Raises
        ------
        DeadlineExceeded
            When `timeout_s` seconds pass before.
        NotReachable
            When the desk is closed, or its last attempt to reconnect failed.
        """
        await self._required().until(lambda: self.is_done, timeout_s=timeout_s)
        return self

    async def until_filled(self, *, timeout_s: float | None = None) -> Trade:
        """Wait until all of it is filled; return it.

        Raises
        ------
        NodeError
            When it ended before that; says how.
        DeadlineExceeded, NotReachable
            As `done`.
        """
        await self.done(timeout_s=timeout_s)
        if self.status is not OrderStatus.FILLED:
            raise NodeError(
                f"{self.client_order_id} must be filled: {self.reason or 'it ended otherwise'}",
                value=f"{self.status.value}, {self.filled} of {self.quantity}",
                remedy="look at trade.log",
            )
        return self

    async def until_accepted(self, *, timeout_s: float | None = None) -> Trade:
        """Wait until a venue has it, or it has ended; return it. Raises as `done`."""
        waiting = _NOT_OUT | {OrderStatus.SUBMITTED, OrderStatus.RELEASED}
        await self._required().until(lambda: self.status not in waiting, timeout_s=timeout_s)
        return self

    # --- asking ------------------------------------------------------------------------------

    async def cancel(self, *, timeout_s: float = 10.0) -> Cancelled:
        """Cancel it, and what works for it; see `Desk.cancel`."""
        return await self._required().cancel(self.client_order_id, timeout_s=timeout_s)

    async def modify(
        self,
        *,
        quantity: Number | None = None,
        limit_price: Number | None = None,
        trigger_price: Number | None = None,
        timeout_s: float = 10.0,
    ) -> Trade:
        """Change its quantity or prices and return it; see `Desk.modify`."""
        await self._required().modify(
            self.client_order_id,
            quantity=quantity,
            limit_price=limit_price,
            trigger_price=trigger_price,
            timeout_s=timeout_s,
        )
        return self

    def _required(self) -> Verbs:
        assert self._desk is not None
        return self._desk

    # --- how it looks ------------------------------------------------------------------------

    def __repr__(self) -> str:
        average = f" @ {_shown(self.average_price)}" if self.filled else ""
        bps = self.slippage_bps
        slippage = "" if bps is None else f", slippage {bps:+.1f} bps"
        return (
            f"<Trade {self.client_order_id}: {self._asked_for()}: {self.status.value}, "
            f"{_shown(self.filled)} of {_shown(self.quantity)}{average}{slippage}>"
        )

    def _repr_html_(self) -> str:
        bps, money = self.slippage_bps, self.slippage
        rows = [
            ("status", self.status.value + (f": {self.reason}" if self.reason else "")),
            ("filled", f"{_shown(self.filled)} of {_shown(self.quantity)}"),
            ("average price", _shown(self.average_price)),
            ("arrival price", _shown(self.arrival_price)),
            ("slippage", "-" if bps is None else f"{bps:+.2f} bps, {_shown(money)}"),
            ("commissions", ", ".join(f"{_shown(v)} {k}" for k, v in self.commissions.items())),
            ("parts", str(len(self.parts))),
            ("simulated", "SIMULATED" if self.order.simulated else "no"),
        ]
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td>{html.escape(value or '-')}</td></tr>"
            for name, value in rows
        )
        title = html.escape(f"{self._asked_for()} ({self.client_order_id})")
        return f"<table><caption>{title}</caption>{body}</table>"

    def _asked_for(self) -> str:
        order = self.order
        at = "".join(
            f" {word} {_shown(price)}"
            for word, price in (("at", order.limit_price), ("trigger", order.trigger_price))
            if price is not None
        )
        by = f" by {order.algorithm}" if order.algorithm else ""
        quantity = _shown(self.quantity)
        return f"{order.side} {quantity} {order.instrument} {order.order_type}{at}{by}"

    # --- parts -------------------------------------------------------------------------------

    @property
    def _is_whole(self) -> bool:
        quantity = self.quantity
        return bool(quantity) and self.filled >= quantity

    @property
    def _worse(self) -> Decimal | None:
        """How many points the units together traded worse than at arrival."""
        filled, value, arrival = self.filled, self._value, self.arrival_price
        if not filled or value is None or arrival is None:
            return None
        return value - arrival * filled if self.side == "BUY" else arrival * filled - value

    @property
    def _value(self) -> Decimal | None:
        """The units times their prices as quoted; None where some of it is not known."""
        fills, filled = self.fills, self.filled
        if sum((fill.quantity for fill in fills), Decimal(0)) >= filled:
            return sum((fill.quantity * fill.price for fill in fills), Decimal(0))
        # Some of the fills are from before this desk looked.
        average = self.order.average_price
        return None if average is None else filled * average


class TradeList(Sequence[Trade]):
    """Trades that were asked for together.

    Attributes
    ----------
    list_id : str
        What the node calls them; empty until it has said.
    """

    def __init__(self, trades: Sequence[Trade]) -> None:
        self._trades = tuple(trades)

    @property
    def list_id(self) -> str:
        """The list's name in the node."""
        return next((t.order.list_id for t in self._trades if t.order.list_id), "")

    @property
    def is_done(self) -> bool:
        """Whether nothing more can happen to any."""
        return all(trade.is_done for trade in self._trades)

    async def done(self, *, timeout_s: float | None = None) -> TradeList:
        """Wait until nothing more can happen to any; raises as `Trade.done`."""
        await self._trades[0]._required().until(lambda: self.is_done, timeout_s=timeout_s)
        return self

    def __getitem__(self, index: int) -> Trade:  # type: ignore[override]
        return self._trades[index]

    def __len__(self) -> int:
        return len(self._trades)

    def __iter__(self) -> Iterator[Trade]:
        return iter(self._trades)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(map(repr, self._trades))}>"


class BracketTrade(TradeList):
    """An entry and the two exits that wait for it."""

    @property
    def entry(self) -> Trade:
        """What opens the position."""
        return self[0]

    @property
    def take_profit(self) -> Trade:
        """The exit with a profit."""
        return self[1]

    @property
    def stop_loss(self) -> Trade:
        """The exit with a loss."""
        return self[2]


def _filled(order: Order) -> Decimal:
    # A fill is told before the order that it makes true.
    return max(order.filled, sum((fill.quantity for fill in order.fills), Decimal(0)))


def _shown(value: Decimal | None) -> str:
    if value is None:
        return "-"
    text = f"{round(value, 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
