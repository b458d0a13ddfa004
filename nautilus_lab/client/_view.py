"""What can be seen of one trader."""

from __future__ import annotations

import asyncio
import contextlib
import html
import itertools
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from types import TracebackType
from typing import Self

from nautilus_lab.client._book import Book
from nautilus_lab.client._commands import Commands
from nautilus_lab.client._gateway import Address
from nautilus_lab.client._link import Link, too_late
from nautilus_lab.client._live import (
    Account,
    Alert,
    Bar,
    Breach,
    Change,
    Fill,
    Kind,
    Limit,
    Node,
    NodeState,
    Order,
    Pnl,
    Position,
    Quote,
    Route,
    TradingStatus,
)
from nautilus_lab.client.protocol import (
    AskHistory,
    Delta,
    GatewayFrame,
    History,
    NodeFrame,
    ResultFrame,
    Series,
    SnapshotFrame,
)
from nautilus_lab.exceptions import InputError, LifecycleError, NotReachable
from nautilus_lab.platform.connection import Backoff, ConnectionState
from nautilus_lab.platform.messages import HealthUpdated

_log = logging.getLogger(__name__)

_OFTEN: frozenset[Kind] = frozenset({"quote", "bar", "health", "pnl", "account"})


class View:
    """Quotes, positions, orders, fills and money of one trader, kept true by a stream gateway.

    The part of a `Desk` that looks; it asks for nothing.

    Attributes
    ----------
    connection : ConnectionState
        How the connection to the gateway is; the node behind it is `node.state`.
    """

    def __init__(
        self,
        *,
        trader: str,
        locate: Callable[[], Address],
        patterns: Sequence[str] = (">",),
        backoff: Backoff | None = None,
    ) -> None:
        self._book = Book()
        self._link = Link(
            trader=trader,
            locate=locate,
            patterns=patterns,
            backoff=backoff or Backoff(base_s=0.5, cap_s=20.0),
            reader=_Reader(self),
        )
        self._commands = Commands(self._link)
        self._data_at = -math.inf  # time.monotonic() of the newest message
        self._quote_at = -math.inf
        self._handlers: list[Callable[[Change], None]] = []
        self._watchers: list[_Watcher] = []
        self._asked: dict[int, asyncio.Future[History]] = {}
        self._ids = itertools.count(1)

    @property
    def trader(self) -> str:
        """Whose desk it is; empty until the gateway has said, where none was named."""
        return self._link.trader

    @property
    def connection(self) -> ConnectionState:
        """How the connection to the gateway is."""
        return self._link.state

    # --- what is on the desk -----------------------------------------------------------------

    @property
    def quotes(self) -> dict[str, Quote]:
        """Instrument -> best bid and ask."""
        return self._book.quotes

    @property
    def positions(self) -> dict[str, Position]:
        """Instrument -> net position."""
        return self._book.positions

    @property
    def orders(self) -> dict[str, Order]:
        """Client order id -> order: the working ones and the recent closed ones."""
        return self._book.orders

    @property
    def fills(self) -> Sequence[Fill]:
        """The executions, oldest first; each once."""
        return self._book.fills

    @property
    def breaches(self) -> Sequence[Breach]:
        """What the limits refused, oldest first."""
        return self._book.breaches

    @property
    def accounts(self) -> dict[str, Account]:
        """Venue -> account."""
        return self._book.accounts

    @property
    def account(self) -> Account:
        """The account, where there is one venue; else the first by name."""
        accounts = self._book.accounts
        return accounts[min(accounts)] if accounts else Account()

    @property
    def pnls(self) -> dict[str, Pnl]:
        """Scope -> profit and loss."""
        return self._book.pnls

    @property
    def pnl(self) -> Pnl:
        """The profit and loss of the whole trader: scope ``account``, else the first by name."""
        pnls = self._book.pnls
        return pnls.get("account") or (pnls[min(pnls)] if pnls else Pnl())

    @property
    def bars(self) -> dict[str, Bar]:
        """Instrument and specification -> last closed bar: ``"AAPL.PAPER-1-MINUTE-MID"``."""
        return self._book.bars

    @property
    def routes(self) -> dict[str, Route]:
        """Client order id -> how a router split it among venues, last; `decisions` has them all."""
        return self._book.routes

    @property
    def decisions(self) -> Sequence[Route]:
        """Every decision of a router, oldest first: an order may be split again and again."""
        return self._book.decisions

    @property
    def alerts(self) -> Sequence[Alert]:
        """What somebody should look at, oldest first."""
        return self._book.alerts

    @property
    def trading_state(self) -> TradingStatus:
        """What the trader may do now, since when, why, and who said so."""
        return self._book.trading

    @property
    def limits(self) -> dict[str, Limit]:
        """Limit -> utilisation."""
        return self._book.limits

    @property
    def health(self) -> dict[str, HealthUpdated]:
        """Component -> its last heartbeat."""
        return self._book.health

    @property
    def node(self) -> Node:
        """The trading node: state, epoch, whether it is simulated."""
        return self._book.node

    @property
    def simulated(self) -> bool:
        """Whether what is seen here comes from a simulator or a replay."""
        return self._book.node.simulated

    @property
    def age_s(self) -> float:
        """Seconds since the newest message of the node was made; infinite before the first."""
        return max(0.0, time.monotonic() - self._data_at)

    @property
    def quote_age_s(self) -> float:
        """Seconds since the newest quote was made; infinite before the first."""
        return max(0.0, time.monotonic() - self._quote_at)

    async def history(
        self, *patterns: str, seconds: float = 1800.0, timeout_s: float = 10.0
    ) -> tuple[Series, ...]:
        """Ask what the gateway remembers of state topics: equity and middle prices.

        Parameters
        ----------
        *patterns : str
            Topics, ``*`` and ``>`` allowed: ``"analytics.pnl.>"``, ``"market.quote.PAPER.AAPL"``.
        seconds : float, default=1800
            How far back.
        timeout_s : float, default=10
            How long to wait for the answer.

        Raises
        ------
        LifecycleError
            When the desk is not connected.
        DeadlineExceeded
            When no answer comes in time.
        """
        if not seconds > 0:
            raise InputError("seconds must be positive", value=seconds, remedy="pass seconds=1800")
        if not self._link.is_open:
            raise LifecycleError(
                "history needs a connected desk",
                value=self.connection.value,
                remedy="connect again: desk = await nl.connect()",
            )
        ask = AskHistory(id=next(self._ids), patterns=patterns, seconds=seconds)
        answer: asyncio.Future[History] = asyncio.get_running_loop().create_future()
        self._asked[ask.id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._link.send(ask)
                return (await answer).series
        except TimeoutError:
            raise too_late("the gateway must answer a history request", timeout_s) from None
        except ConnectionError as error:
            raise NotReachable(
                "the gateway must stay connected while it answers",
                value=str(error),
                remedy="ask again once desk.connection is CONNECTED",
            ) from None
        finally:
            self._asked.pop(ask.id, None)

    # --- hearing of changes ------------------------------------------------------------------

    async def changed(self, *, timeout_s: float | None = None) -> Change:
        """Wait for the next change and return it.

        Raises
        ------
        DeadlineExceeded
            When `timeout_s` seconds pass without one.
        NotReachable
            When the desk is closed, or its last attempt to reconnect failed.
        """
        with self._watch() as watcher:
            try:
                async with asyncio.timeout(timeout_s):
                    return await watcher.next()
            except TimeoutError:
                raise too_late("something must change on the desk", timeout_s) from None

    async def changes(self) -> AsyncIterator[Change]:
        """Yield changes as they come, until the desk is closed.

        Several changes of one entry may come as one; every fill comes.

        Raises
        ------
        NotReachable
            When the last attempt to reconnect failed.
        """
        with self._watch() as watcher:
            while True:
                try:
                    change = await watcher.next()
                except NotReachable:
                    if self.connection is ConnectionState.DISCONNECTED:
                        return
                    raise
                yield change

    async def until(self, condition: Callable[[], bool], *, timeout_s: float | None = None) -> None:
        """Wait until `condition` holds; it is asked after each change of an order or a state.

        Quotes and bars do not count as changes here: a condition on a price is waited for with
        `changes`.

        Raises
        ------
        DeadlineExceeded
            When `timeout_s` seconds pass before.
        NotReachable
            When the desk is closed, or its last attempt to reconnect failed.
        """
        with self._watch(besides=_OFTEN) as watcher:
            try:
                async with asyncio.timeout(timeout_s):
                    while not condition():
                        await watcher.next()
            except TimeoutError:
                raise too_late("what is waited for must come true", timeout_s) from None

    def on_change(self, handler: Callable[[Change], None]) -> Callable[[], None]:
        """Call `handler` with every change; return the function that ends it.

        A handler that fails is logged and does not starve the next.
        """
        self._handlers.append(handler)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._handlers.remove(handler)

        return stop

    # --- life --------------------------------------------------------------------------------

    async def reconnect(self, *, timeout_s: float = 10.0) -> None:
        """Seek the gateway again, now, with fresh attempts.

        Raises
        ------
        NodeNotRunning
            When no gateway or no node runs.
        DeadlineExceeded
            When neither an answer nor a refusal came within `timeout_s`.
        """
        await self._link.start(timeout_s=timeout_s)

    async def close(self) -> None:
        """End the connection; what was seen last stays readable. Harmless when closed."""
        await self._link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        age = "no data yet" if math.isinf(self.age_s) else f"data {self.age_s:.1f} s old"
        simulated = ", SIMULATED" if self.simulated else ""
        return (
            f"<Desk {self.trader}: {self.connection.value}, "
            f"node {self.node.state.value}{simulated}, {age}>"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("connection", self.connection.value),
            ("node", f"{self.node.state.value}, epoch {self.node.epoch}"),
            ("simulated", "SIMULATED" if self.simulated else "no"),
            ("data age", "-" if math.isinf(self.age_s) else f"{self.age_s:.1f} s"),
            ("equity", f"{self.pnl.equity:,.2f} {self.pnl.currency}"),
            ("profit and loss", f"{self.pnl.total:+,.2f} {self.pnl.currency}"),
            ("positions", str(sum(not p.is_flat for p in self.positions.values()))),
            ("working orders", str(sum(not o.is_done for o in self.orders.values()))),
            ("fills", str(len(self.fills))),
        ]
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td>{html.escape(value)}</td></tr>"
            for name, value in rows
        )
        return f"<table><caption>Desk {html.escape(self.trader)}</caption>{body}</table>"

    # --- what the link tells -----------------------------------------------------------------

    def _take(self, frame: GatewayFrame) -> None:
        match frame:
            case SnapshotFrame():
                self._book.begin(frame)
                self._note_age(frame.ts)
                self._tell(Change("snapshot", self.trader))
            case Delta():
                changes = self._book.follow(frame)
                self._note_age(frame.ts)
                for change in changes:
                    self._tell(change)
            case NodeFrame():
                self._take_node(frame)
            case History():
                answer = self._asked.get(frame.id)
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            case ResultFrame():
                self._commands.take(frame)
            case _:
                pass

    def _take_node(self, frame: NodeFrame) -> None:
        node = self._book.node
        node.trader, node.state = frame.trader, NodeState(frame.state)
        node.detail = frame.detail
        if frame.epoch:
            node.epoch, node.simulated = frame.epoch, frame.simulated
        self._tell(Change("node", frame.trader))

    def _state_changed(self, state: ConnectionState) -> None:
        self._tell(Change("connection", state.value))
        if state is ConnectionState.ERROR:
            for watcher in self._watchers:
                watcher.end()

    def _lost(self) -> None:
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the connection ended"))
        self._commands.lost()

    def _note_age(self, gateway_ts: int) -> None:
        # Both times are of the node's own machine; only the span since receipt is ours, so that a
        # viewer's wrong clock cannot make old data look young.
        now = time.monotonic()
        if self._book.data_ts:
            self._data_at = now - max(0.0, (gateway_ts - self._book.data_ts) / 1e9)
        if self._book.quote_ts:
            self._quote_at = now - max(0.0, (gateway_ts - self._book.quote_ts) / 1e9)

    def _tell(self, change: Change) -> None:
        for watcher in self._watchers:
            watcher.put(change)
        for handler in tuple(self._handlers):
            try:
                handler(change)
            except Exception:
                _log.exception("a handler of %s failed on %s", self.trader, change)

    @contextlib.contextmanager
    def _watch(self, *, besides: Collection[Kind] = ()) -> Iterator[_Watcher]:
        watcher = _Watcher(self._link, besides)
        self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)


class _Reader:
    """Hands what the link tells to its view."""

    def __init__(self, view: View) -> None:
        self._view = view

    def position(self) -> tuple[int, int] | None:
        book = self._view._book
        return None if book.epoch is None else (book.epoch, book.seq)

    def take(self, frame: GatewayFrame) -> None:
        self._view._take(frame)

    def state_changed(self, state: ConnectionState) -> None:
        self._view._state_changed(state)

    def lost(self) -> None:
        self._view._lost()


class _Watcher:
    """The changes that one waiter has not taken yet; repeated ones are kept once."""

    def __init__(self, link: Link, besides: Collection[Kind]) -> None:
        self._link = link
        self._besides = besides
        self._pending: dict[Change, None] = {}
        self._event = asyncio.Event()

    def put(self, change: Change) -> None:
        if change.kind not in self._besides:
            self._pending[change] = None
            self._event.set()

    def end(self) -> None:
        self._event.set()

    async def next(self) -> Change:
        while not self._pending:
            if self._link.state in (ConnectionState.ERROR, ConnectionState.DISCONNECTED):
                raise self._link.failure
            self._event.clear()
            await self._event.wait()
        change = next(iter(self._pending))
        del self._pending[change]
        return change
