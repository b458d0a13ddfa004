"""Finding out what became of orders whose answer was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nautilus_lab.client._book import Book
from nautilus_lab.client._commands import Commands
from nautilus_lab.client._link import Link
from nautilus_lab.client._live import Change, OrderStatus
from nautilus_lab.client._trade import Trade
from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import FindOrder, Found
from nautilus_lab.platform.connection import ConnectionState

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_ASK_S = 5.0
_OVER = (ConnectionState.DISCONNECTED, ConnectionState.ERROR)
# Added to a command's deadline: what was read at the last moment is under way by then.
_GRACE_NS = 500_000_000


@dataclass(eq=False)
class _Inquiry:
    """What is to be asked, for whom, and not before when (UNIX ns, the gateway's clock)."""

    body: FindOrder
    trades: list[Trade] = field(default_factory=list)
    not_before_ns: int = 0


class Reconciler:
    """Asks the node what became of orders, until it answers; places none again.

    A command is asked after only once its deadline is over: from then on the node does not begin
    it any more, and that it has no such order means that there will be none.

    Parameters
    ----------
    book : Book
        Where what was found is noted.
    commands : Commands
        Over which the node is asked.
    link : Link
        Says whether it can be, and what time it is.
    tell : callable
        Told of each `Change`.
    """

    def __init__(
        self, *, book: Book, commands: Commands, link: Link, tell: Callable[[Change], None]
    ) -> None:
        self._book = book
        self._commands = commands
        self._link = link
        self._tell = tell
        self._open: dict[str, _Inquiry] = {}  # command id or client order id -> inquiry
        self._work: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def ask_after(self, trades: Iterable[Trade], *, deadline_ns: int = 0) -> None:
        """Find out what became of `trades`.

        Parameters
        ----------
        trades : iterable of Trade
            Those of one command, or any.
        deadline_ns : int, default=0
            The command's; 0 when it is long over.
        """
        for trade in trades:
            if trade.command_id:
                key, body = trade.command_id, FindOrder(command_id=trade.command_id)
            else:
                key = trade.client_order_id
                body = FindOrder(client_order_id=key)
            inquiry = self._open.setdefault(key, _Inquiry(body))
            if trade not in inquiry.trades:
                inquiry.trades.append(trade)
            if deadline_ns:
                inquiry.not_before_ns = max(inquiry.not_before_ns, deadline_ns + _GRACE_NS)
        self._begin()

    def leave(self, trades: Iterable[Trade]) -> None:
        """Ask after `trades` no more: what became of them is known."""
        for trade in trades:
            self._open.pop(trade.command_id or trade.client_order_id, None)

    def wake(self) -> None:
        """Ask at once again: the connection or the node is another."""
        self._wake.set()
        self._begin()

    async def close(self) -> None:
        """Stop asking; what is open stays open."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def _begin(self) -> None:
        idle = self._work is None or self._work.done()
        if self._open and idle and self._link.state not in _OVER:
            self._work = asyncio.create_task(self._run(), name=f"reconcile {self._link.trader}")

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while self._open and self._link.state not in _OVER:
            if self._link.state is ConnectionState.CONNECTED:
                due = self._link.gateway_ns
                for inquiry in tuple(self._open.values()):
                    if inquiry.not_before_ns <= due:
                        await self._ask(inquiry)
            if not self._open:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
                    pause_s = _FIRST_PAUSE_S
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _ask(self, inquiry: _Inquiry) -> None:
        try:
            found = await self._commands.ask(
                "orders.find", inquiry.body, timeout_s=_ASK_S, answer=Found, urgent=True
            )
        except LabError as error:
            _log.info("what became of %s could not be asked: %s", _name(inquiry), error)
            return
        self.leave(inquiry.trades)
        for envelope in found.orders:
            if (change := self._book.take_found(envelope)) is not None:
                self._tell(change)
        for trade in inquiry.trades:
            if self._book.is_expected(trade.order):
                # Expected all the same: should the node ever tell of it, the trade goes on.
                trade.order.become(
                    OrderStatus.DENIED,
                    "it was not placed: the node has no such order",
                    self._link.gateway_ns,
                )
                self._tell(Change("order", trade.client_order_id))


def _name(inquiry: _Inquiry) -> str:
    return inquiry.body.command_id or inquiry.body.client_order_id or ""
