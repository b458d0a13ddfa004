"""A live view of one trader."""

from __future__ import annotations

import asyncio
import contextlib
import html
import itertools
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from nautilus_lab.client._book import Book
from nautilus_lab.client._gateway import (
    Address,
    GatewayFinder,
    given_address,
    node_not_running,
    workspace_of,
)
from nautilus_lab.client._live import (
    Account,
    Breach,
    Change,
    Fill,
    Limit,
    Node,
    NodeState,
    Order,
    Pnl,
    Position,
    Quote,
)
from nautilus_lab.client.protocol import (
    MAX_GATEWAY_FRAME,
    PROTOCOL_VERSION,
    AskHistory,
    CloseCode,
    Delta,
    GatewayFrame,
    Heartbeat,
    Hello,
    History,
    NodeFrame,
    Refusal,
    Series,
    SnapshotFrame,
    Subscribe,
    Welcome,
    decode_gateway_frame,
    encode_frame,
)
from nautilus_lab.exceptions import (
    AccessDenied,
    DeadlineExceeded,
    InputError,
    LabError,
    LifecycleError,
    NodeNotRunning,
    NotReachable,
)
from nautilus_lab.platform.connection import Backoff, ConnectionState
from nautilus_lab.platform.messages import HealthUpdated

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_log = logging.getLogger(__name__)

# refusals after which the same attempt would only be refused again
_FINAL = frozenset(
    {
        CloseCode.BAD_FRAME,
        CloseCode.TOO_BIG,
        CloseCode.FORBIDDEN,
        CloseCode.UNKNOWN_TRADER,
        CloseCode.WRONG_VERSION,
    }
)
_ABOUT_TOKENS = frozenset({CloseCode.UNAUTHENTICATED, CloseCode.TOKEN_EXPIRED})
_SILENT_HEARTBEATS = 3  # a gateway that misses so many is taken for dead


class Desk:
    """Quotes, positions, orders, fills and money of one trader, kept true by a stream gateway.

    The one thing to know: these are live objects. ``quote = desk.quotes["AAPL.PAPER"]`` keeps
    changing while the kernel's loop runs; copy what must stand still. Made by `connect`; ends with
    `close`, or as an ``async with``.

    A lost connection is sought again (a `Backoff` of ten attempts, `connection` says how it
    goes) and continues where it stopped: no event is missed, no fill comes twice. After the last
    attempt `connection` is ERROR and stays so until `reconnect`.

    Attributes
    ----------
    trader : str
        Whose desk it is.
    connection : ConnectionState
        How the connection to the gateway is; the node behind it is `node.state`.

    Examples
    --------
    >>> desk = Desk(trader="PAPER-001", locate=lambda: Address(url="ws://127.0.0.1:1", token=""))
    >>> desk
    <Desk PAPER-001: disconnected, node unknown, no data yet>
    """

    def __init__(
        self,
        *,
        trader: str,
        locate: Callable[[], Address],
        patterns: Sequence[str] = (">",),
        backoff: Backoff | None = None,
    ) -> None:
        self.trader = trader
        self.connection = ConnectionState.DISCONNECTED
        self._locate = locate
        self._patterns = tuple(patterns)
        self._backoff = backoff or Backoff(base_s=0.5, cap_s=20.0)
        self._book = Book()
        self._keeper: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None
        self._settled: asyncio.Future[None] | None = (
            None  # the first snapshot, or why there is none
        )
        self._failure: LabError = _lost(trader)  # why there is no connection
        self._data_at = -math.inf  # time.monotonic() of the newest message
        self._quote_at = -math.inf
        self._handlers: list[Callable[[Change], None]] = []
        self._watchers: list[_Watcher] = []
        self._asked: dict[int, asyncio.Future[History]] = {}
        self._ids = itertools.count(1)
        self._synced = False  # whether this session has sent its snapshot

    @classmethod
    def find(
        cls,
        trader: str | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        root: Path | str | None = None,
        patterns: Sequence[str] = (">",),
    ) -> Desk:
        """Return a desk that is not connected yet; `reconnect` connects it.

        For pages that are to open before the node does. Parameters as for `connect`.
        """
        if url is not None:
            return cls(
                trader=trader or "", locate=partial(given_address, url, token), patterns=patterns
            )
        home, own = workspace_of(root)
        return cls(trader=trader or own, locate=GatewayFinder(home=home), patterns=patterns)

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
        if self._socket is None:
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
                await self._socket.send(encode_frame(ask, "msgpack"))
                return (await answer).series
        except TimeoutError:
            raise _too_late("the gateway must answer a history request", timeout_s) from None
        except _connection_closed() as error:
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
                raise _too_late("something must change on the desk", timeout_s) from None

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
        await self.close()
        self._failure = _lost(self.trader)
        self._settled = asyncio.get_running_loop().create_future()
        self._become(ConnectionState.CONNECTING)
        self._keeper = asyncio.create_task(self._keep(), name=f"desk {self.trader}")
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._settled)
        except TimeoutError:
            await self.close()
            raise _too_late(
                f"the gateway must send a snapshot (last failure: {self._failure})",
                timeout_s,
            ) from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the connection; what was seen last stays readable. Harmless when closed."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        if self._settled is not None and not self._settled.done():
            self._settled.cancel()
        if self.connection is not ConnectionState.DISCONNECTED:
            self._become(ConnectionState.DISCONNECTED)

    async def __aenter__(self) -> Desk:
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

    # --- the connection ----------------------------------------------------------------------

    async def _keep(self) -> None:
        """Hold a session; when it ends, wait and open the next, a bounded number of times."""
        waits = iter(self._backoff)
        while True:
            try:
                await self._session()
            except _Refused as refused:
                self._failure = refused.error
                if refused.final:
                    self._give_up(refused.error)
                    return
            except (LabError, OSError, _websocket_error()) as error:
                self._failure = failure = _as_lab_error(error)
                waiting = self._settled is not None and not self._settled.done()
                hopeless = isinstance(failure, InputError)
                if hopeless or (waiting and isinstance(failure, NodeNotRunning)):
                    self._give_up(failure)
                    return
            except Exception:
                # A desk may be looked at for days: what it cannot read must not end it unseen.
                _log.exception("the desk of %s failed, and connects again", self.trader)
            finally:
                self._socket = None
                for answer in self._asked.values():
                    answer.cancel()
            if self._synced:
                waits = iter(self._backoff)
            wait = next(waits, None)
            if wait is None:
                self._give_up(self._failure)
                return
            self._become(ConnectionState.RECONNECTING)
            await asyncio.sleep(wait)

    async def _session(self) -> None:
        """Connect, say hello, subscribe, and take in what comes until the connection ends."""
        from websockets.asyncio.client import connect as open_socket
        from websockets.exceptions import ConnectionClosed

        self._synced = False
        address = self._locate()
        async with open_socket(
            address.url,
            max_size=MAX_GATEWAY_FRAME,
            compression=None,
            ping_interval=None,  # the gateway pings, and its heartbeats are watched
            close_timeout=1,
            open_timeout=5,
            proxy=None if _is_loopback(address.url) else True,
        ) as socket:
            hello = Hello(protocol=PROTOCOL_VERSION, token=address.token, client="nautilus_lab")
            await socket.send(encode_frame(hello, "json").decode())
            silence_s = 10.0
            try:
                while True:
                    async with asyncio.timeout(silence_s):
                        data = await socket.recv()
                    frame = decode_gateway_frame(data)
                    if isinstance(frame, Refusal):
                        raise _Refused(frame, fixed_token=address.fixed)
                    if isinstance(frame, Welcome):
                        silence_s = _SILENT_HEARTBEATS * frame.heartbeat_s
                        self._socket = socket
                        self._choose_trader(frame)
                        await self._subscribe(socket)
                    elif isinstance(frame, Delta) and not self._synced:
                        continue  # the snapshot that was asked for covers it
                    elif isinstance(frame, Delta) and not self._book.follows(frame):
                        _log.warning("%s missed a frame, asks for a snapshot", self.trader)
                        self._synced = False
                        await self._subscribe(socket)
                    else:
                        self._receive(frame)
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code >= 4000:
                    refusal = Refusal(code=closed.rcvd.code, rule=closed.rcvd.reason)
                    raise _Refused(refusal, fixed_token=address.fixed) from None
                raise

    def _choose_trader(self, welcome: Welcome) -> None:
        if self.trader:
            return
        if len(welcome.traders) != 1:
            raise InputError(
                "trader must be named where a gateway serves none or several",
                value=list(welcome.traders),
                remedy="pass trader=...",
            )
        self.trader = welcome.traders[0]

    async def _subscribe(self, socket: ClientConnection) -> None:
        frame = Subscribe(
            trader=self.trader,
            patterns=self._patterns,
            epoch=self._book.epoch,
            seq=None if self._book.epoch is None else self._book.seq,
        )
        await socket.send(encode_frame(frame, "msgpack"))

    def _receive(self, frame: GatewayFrame) -> None:
        match frame:
            case SnapshotFrame():
                self._book.begin(frame)
                self._synced = True
                self._note_age(frame.ts)
                self._become(ConnectionState.CONNECTED)
                self._tell(Change("snapshot", self.trader))
                self._settle(None)
            case Delta():
                changes = self._book.follow(frame)
                self._note_age(frame.ts)
                for change in changes:
                    self._tell(change)
            case NodeFrame():
                self._node(frame)
            case History():
                answer = self._asked.get(frame.id)
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            case Heartbeat() | Welcome() | Refusal():
                pass

    def _node(self, frame: NodeFrame) -> None:
        node = self._book.node
        node.trader, node.state = frame.trader, NodeState(frame.state)
        node.detail = frame.detail
        if frame.epoch:
            node.epoch, node.simulated = frame.epoch, frame.simulated
        self._become(ConnectionState.CONNECTED)
        self._tell(Change("node", frame.trader))
        if node.state is NodeState.UNREACHABLE:
            self._settle(
                node_not_running(
                    f"a trading node of trader {frame.trader} must run",
                    frame.detail or "the gateway cannot reach it",
                )
            )

    def _note_age(self, gateway_ts: int) -> None:
        # Both times are of the node's own machine; only the span since receipt is ours, so that a
        # viewer's wrong clock cannot make old data look young.
        now = time.monotonic()
        if self._book.data_ts:
            self._data_at = now - max(0.0, (gateway_ts - self._book.data_ts) / 1e9)
        if self._book.quote_ts:
            self._quote_at = now - max(0.0, (gateway_ts - self._book.quote_ts) / 1e9)

    def _become(self, state: ConnectionState) -> None:
        if state is not self.connection:
            self.connection = state
            self._tell(Change("connection", state.value))

    def _give_up(self, error: LabError) -> None:
        self._become(ConnectionState.ERROR)
        self._settle(error)
        for watcher in self._watchers:
            watcher.end()

    def _settle(self, error: LabError | None) -> None:
        if self._settled is None or self._settled.done():
            return
        if error is None:
            self._settled.set_result(None)
        else:
            self._settled.set_exception(error)

    def _tell(self, change: Change) -> None:
        for watcher in self._watchers:
            watcher.put(change)
        for handler in tuple(self._handlers):
            try:
                handler(change)
            except Exception:
                _log.exception("a handler of %s failed on %s", self.trader, change)

    @contextlib.contextmanager
    def _watch(self) -> Iterator[_Watcher]:
        watcher = _Watcher(self)
        self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)


class _Watcher:
    """The changes that one waiter has not taken yet; repeated ones are kept once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pending: dict[Change, None] = {}
        self._event = asyncio.Event()

    def put(self, change: Change) -> None:
        self._pending[change] = None
        self._event.set()

    def end(self) -> None:
        self._event.set()

    async def next(self) -> Change:
        while not self._pending:
            if self._desk.connection in (ConnectionState.ERROR, ConnectionState.DISCONNECTED):
                raise self._desk._failure
            self._event.clear()
            await self._event.wait()
        change = next(iter(self._pending))
        del self._pending[change]
        return change


class _Refused(Exception):
    """The gateway closed the connection and said why."""

    def __init__(self, refusal: Refusal, *, fixed_token: bool) -> None:
        about_token = refusal.code in _ABOUT_TOKENS
        self.final = refusal.code in _FINAL or (about_token and fixed_token)
        kind: type[LabError] = NotReachable
        if about_token or refusal.code == CloseCode.FORBIDDEN:
            kind = AccessDenied
        elif refusal.code == CloseCode.UNKNOWN_TRADER:
            kind = NodeNotRunning
        elif self.final:
            kind = InputError
        self.error = kind(
            refusal.rule or f"the gateway closed the connection with code {refusal.code}",
            value=refusal.value or None,
            remedy=refusal.remedy or "see docs/protocol.md for the code",
        )
        super().__init__(str(self.error))


def _is_loopback(url: str) -> bool:
    return url.startswith(("ws://127.0.0.1", "ws://localhost", "ws://[::1]"))


def _websocket_error() -> type[Exception]:
    from websockets.exceptions import WebSocketException

    return WebSocketException


def _connection_closed() -> type[Exception]:
    from websockets.exceptions import ConnectionClosed

    return ConnectionClosed


def _as_lab_error(error: Exception) -> LabError:
    from websockets.exceptions import InvalidURI

    if isinstance(error, LabError):
        return error
    if isinstance(error, InvalidURI):
        return InputError(
            "url must be a ws:// or wss:// address", value=error.uri, remedy="pass url='ws://...'"
        )
    return NotReachable(
        f"the stream gateway must answer: {type(error).__name__}",
        value=str(error) or "silence",
        remedy="see nautilus-lab node status",
    )


def _lost(trader: str) -> NotReachable:
    return NotReachable(
        "the desk must be connected",
        value=trader,
        remedy="await desk.reconnect(), or connect again",
    )


def _too_late(rule: str, timeout_s: float | None) -> DeadlineExceeded:
    return DeadlineExceeded(rule, value=f"{timeout_s} s passed", remedy="allow more timeout_s")
