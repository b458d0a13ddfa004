"""A connection to a stream gateway that is sought again when it is lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from nautilus_lab.client._gateway import Address, node_not_running
from nautilus_lab.client.protocol import (
    MAX_CLIENT_FRAME,
    MAX_GATEWAY_FRAME,
    PROTOCOL_VERSION,
    CloseCode,
    Delta,
    Frame,
    GatewayFrame,
    Heartbeat,
    Hello,
    NodeFrame,
    Refusal,
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
    NodeNotRunning,
    NotReachable,
)
from nautilus_lab.platform.connection import Backoff, ConnectionState

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


class Reader(Protocol):
    """What a link tells of."""

    def position(self) -> tuple[int, int] | None:
        """Return the (epoch, seq) of the last event that was taken in; None before the first."""
        ...

    def take(self, frame: GatewayFrame) -> None:
        """Take in a frame; of snapshots and deltas only those that follow."""
        ...

    def state_changed(self, state: ConnectionState) -> None:
        """Learn that the link is in another state."""
        ...

    def lost(self) -> None:
        """Learn that the connection has ended: what was asked over it is not answered any more."""
        ...


class Link:
    """Holds a session with a gateway; when it ends, waits and opens the next.

    A session begins with hello and subscribe and names the last event seen, so that the gateway
    continues there. The waits are those of a `Backoff`; a session that brought a snapshot earns
    fresh ones.

    Parameters
    ----------
    trader : str
        Whose messages; may be empty where the gateway serves one.
    locate : callable
        Returns the `Address` to connect to; asked before every attempt.
    patterns : sequence of str
        Which topics.
    backoff : Backoff
        The waits between attempts.
    reader : Reader
        Who is told.
    """

    def __init__(
        self,
        *,
        trader: str,
        locate: Callable[[], Address],
        patterns: Sequence[str],
        backoff: Backoff,
        reader: Reader,
    ) -> None:
        self.trader = trader
        self.locate = locate
        self.backoff = backoff
        self.state = ConnectionState.DISCONNECTED
        self.failure: LabError = lost(trader)  # why there is no connection
        self.welcome: Welcome | None = None  # of the present session, or the last
        self._patterns = tuple(patterns)
        self._reader = reader
        self._keeper: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None
        # the first snapshot, or why there is none
        self._settled: asyncio.Future[None] | None = None
        self._synced = False  # whether this session has sent its snapshot
        self._whole_at = (0, 0)  # the position at which that has come in all its parts
        self._gateway_ahead_ns = 0
        self._clock_unknown = True  # of this session's gateway

    @property
    def is_open(self) -> bool:
        """Whether a frame can be sent now."""
        return self._socket is not None

    @property
    def gateway_ns(self) -> int:
        """What the gateway's clock says now, UNIX ns, or a little less."""
        return time.time_ns() + self._gateway_ahead_ns

    async def start(self, *, timeout_s: float) -> None:
        """Connect anew, with fresh attempts, and wait for the first snapshot.

        Raises
        ------
        LabError
            The refusal, or why no node runs.
        DeadlineExceeded
            When neither an answer nor a refusal came within `timeout_s`.
        """
        await self.close()
        self.failure = lost(self.trader)
        self._settled = asyncio.get_running_loop().create_future()
        self._become(ConnectionState.CONNECTING)
        self._keeper = asyncio.create_task(self._keep(), name=f"desk {self.trader}")
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._settled)
        except TimeoutError:
            await self.close()
            raise too_late(
                f"the gateway must send a snapshot (last failure: {self.failure})", timeout_s
            ) from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the connection; harmless when closed."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        if self._settled is not None and not self._settled.done():
            self._settled.cancel()
        self._become(ConnectionState.DISCONNECTED)

    async def send(self, frame: Frame) -> None:
        """Send a frame.

        Raises
        ------
        InputError
            When it is too large to be read.
        NotReachable
            When there is no connection: nothing was sent.
        ConnectionError
            When it ended over the sending: perhaps it was sent.
        """
        data = encode_frame(frame, "msgpack")
        if len(data) > MAX_CLIENT_FRAME:
            raise InputError(
                f"a frame must have at most {MAX_CLIENT_FRAME} bytes",
                value=len(data),
                remedy="ask for less at once",
            )
        if self._socket is None:
            raise NotReachable(
                "the desk must be connected; nothing was sent",
                value=self.state.value,
                remedy="wait until desk.connection is CONNECTED, or await desk.reconnect()",
            )
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(data)
        except ConnectionClosed as error:
            raise ConnectionError(str(error)) from None

    # --- sessions ----------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Hold a session; when it ends, wait and open the next, a bounded number of times."""
        from websockets.exceptions import WebSocketException

        waits = iter(self.backoff)
        while True:
            try:
                await self._session()
            except Refused as refused:
                self.failure = refused.error
                if refused.final:
                    self._give_up(refused.error)
                    return
            except (LabError, OSError, WebSocketException) as error:
                self.failure = failure = _as_lab_error(error)
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
                self._reader.lost()
            if self._synced:
                waits = iter(self.backoff)
            wait = next(waits, None)
            if wait is None:
                self._give_up(self.failure)
                return
            self._become(ConnectionState.RECONNECTING)
            await asyncio.sleep(wait)

    async def _session(self) -> None:
        """Connect, say hello, subscribe, and take in what comes until the connection ends."""
        from websockets.exceptions import ConnectionClosed

        self._synced, self._clock_unknown = False, True
        address = self.locate()
        async with open_session(address) as socket:
            silence_s = 10.0
            try:
                while True:
                    async with asyncio.timeout(silence_s):
                        data = await socket.recv()
                    frame = decode_gateway_frame(data)
                    if isinstance(frame, Refusal):
                        raise Refused(frame, fixed_token=address.fixed)
                    if isinstance(frame, Welcome):
                        silence_s = _SILENT_HEARTBEATS * frame.heartbeat_s
                        self.welcome = frame
                        self._choose_trader(frame)
                        self._socket = socket
                        await self._subscribe()
                    else:
                        await self._receive(frame)
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code >= 4000:
                    refusal = Refusal(code=closed.rcvd.code, rule=closed.rcvd.reason)
                    raise Refused(refusal, fixed_token=address.fixed) from None
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

    async def _subscribe(self) -> None:
        epoch, seq = self._reader.position() or (None, None)
        await self.send(
            Subscribe(trader=self.trader, patterns=self._patterns, epoch=epoch, seq=seq)
        )

    async def _receive(self, frame: GatewayFrame) -> None:
        if isinstance(frame, Delta | NodeFrame | Heartbeat):
            self._note_clock(frame.ts)
        if isinstance(frame, Delta):
            if not self._synced:
                return  # the snapshot that was asked for covers it
            if (frame.epoch, frame.after) != self._reader.position():
                _log.warning("%s missed a frame, asks for a snapshot", self.trader)
                self._synced = False
                await self._subscribe()
                return
        self._reader.take(frame)
        if isinstance(frame, SnapshotFrame):
            self._synced, self._whole_at = True, (frame.epoch, max(frame.seq, frame.upto))
            self._become(ConnectionState.CONNECTED)
        if isinstance(frame, SnapshotFrame | Delta):
            if (self._reader.position() or (0, 0)) >= self._whole_at:
                self._settle(None)
        elif isinstance(frame, NodeFrame):
            self._become(ConnectionState.CONNECTED)
            if frame.state == "unreachable":
                self._settle(
                    node_not_running(
                        f"a trading node of trader {frame.trader} must run",
                        frame.detail or "the gateway cannot reach it",
                    )
                )

    def _note_clock(self, gateway_ts: int) -> None:
        """Learn how far the gateway's clock is ahead; the frame that travelled least knows best."""
        ahead = gateway_ts - time.time_ns()
        behind = self._gateway_ahead_ns - ahead
        if self._clock_unknown or behind < 0:
            self._gateway_ahead_ns, self._clock_unknown = ahead, False
        else:
            self._gateway_ahead_ns -= behind // 8

    def _become(self, state: ConnectionState) -> None:
        if state is not self.state:
            self.state = state
            self._reader.state_changed(state)

    def _give_up(self, error: LabError) -> None:
        self._become(ConnectionState.ERROR)
        self._settle(error)

    def _settle(self, error: LabError | None) -> None:
        if self._settled is None or self._settled.done():
            return
        if error is None:
            self._settled.set_result(None)
        else:
            self._settled.set_exception(error)


@asynccontextmanager
async def open_session(address: Address) -> AsyncIterator[ClientConnection]:
    """Connect and say hello; the gateway answers with a welcome or a refusal."""
    from websockets.asyncio.client import connect as open_socket

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
        yield socket


class Refused(Exception):
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


def lost(trader: str) -> NotReachable:
    """Return the error of a desk that is not connected."""
    return NotReachable(
        "the desk must be connected",
        value=trader,
        remedy="await desk.reconnect(), or connect again",
    )


def too_late(rule: str, timeout_s: float | None) -> DeadlineExceeded:
    """Return the error of what did not come in time."""
    return DeadlineExceeded(rule, value=f"{timeout_s} s passed", remedy="allow more timeout_s")
