"""The gateway: one WebSocket port in front of every trader's node."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, ws_create_server
from picows import WSUpgradeResponseWithListener as Upgrade

from nautilus_lab.client.protocol import (
    MAX_CLIENT_FRAME,
    PATH,
    CloseCode,
    Encoding,
    Heartbeat,
    encode_frame,
)
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import InputError, LifecycleError, NotReachable, PortBusy
from nautilus_lab.platform.access import (
    Principal,
    Role,
    TokenIssuer,
    TokenVerifier,
    signing_key,
)
from nautilus_lab.platform.rundir import Home, Lock, ProcessRecord, write_whole
from nautilus_lab.streaming._feed import Feed
from nautilus_lab.streaming._history import StateHistory
from nautilus_lab.streaming._viewer import ViewerConnection

_log = logging.getLogger(__name__)

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOCAL_VIEWER = "local-viewer"
_MOST_VIEWERS = 2_000
_PING_S = 20.0
_ENCODINGS: tuple[Encoding, ...] = ("json", "msgpack")


@dataclass(kw_only=True)
class Gateway:
    """Streams what the nodes of a home publish to viewers with a token.

    Parameters
    ----------
    home : Home
        Whose traders; the gateway's record and a token for local viewers are written there.
    settings : StreamingSettings, optional
        Host, port, conflation, life of tokens, heartbeat.
    """

    home: Home
    settings: StreamingSettings = field(default_factory=StreamingSettings)
    url: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._viewers: set[ViewerConnection] = set()
        self._server: asyncio.Server | None = None
        self._beating: asyncio.Task[None] | None = None
        self._lock: Lock | None = None
        self._token_due = 0.0

    # --- what a connection asks of its host --------------------------------------------------

    def joined(self, viewer: ViewerConnection) -> None:
        """Count a connection in."""
        self._viewers.add(viewer)

    def left(self, viewer: ViewerConnection) -> None:
        """Count a connection out."""
        self._viewers.discard(viewer)

    @property
    def traders(self) -> tuple[str, ...]:
        """Every trader of this home."""
        return self.home.trader_ids

    @property
    def viewers(self) -> int:
        """How many are connected."""
        return len(self._viewers)

    def verify(self, token: str) -> Principal:
        """Return whom the token speaks for, or raise `AccessDenied`."""
        return self._verifier.verify(token)

    def feed(self, trader: str) -> Feed:
        """Return the feed of a trader, begun if need be."""
        if trader not in self.traders:
            raise InputError("a trader must have a run directory in this home", value=trader)
        if trader not in self._feeds:
            self._feeds[trader] = Feed(
                self.home.trader(trader),
                conflate_ms=self.settings.conflate_ms,
                history=StateHistory(),
            )
            self._feeds[trader].start()
        return self._feeds[trader]

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> str:
        """Listen, write the record and the token, and return the url.

        Raises
        ------
        PortBusy
            When another process holds the port; nothing was written then.
        NodeAlreadyRunning
            When another gateway serves this home.
        """
        if self._server is not None:
            raise LifecycleError("a gateway starts once", value=self.url, remedy="stop it first")
        self.home.make()
        key = signing_key(self.home.signing_key)
        self._issuer = TokenIssuer(key, ttl_s=self.settings.token_minutes * 60)
        self._verifier = TokenVerifier(key)
        self._lock = self.home.gateway_lock
        self._lock.acquire()
        try:
            self._server = await self._listen()
            port = self._server.sockets[0].getsockname()[1]
            host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
            self.url = f"ws://{host}:{port}{PATH}"
            self._renew_token()
            ProcessRecord.of_this_process("gateway", address=self.url).write(self.home.gateway)
        except BaseException:
            await self.stop()
            self._lock.release()
            raise
        for trader in self.traders:
            self.feed(trader)
        self._beating = asyncio.create_task(self._beat(), name="gateway heartbeat")
        _log.info("gateway listens on %s", self.url)
        return self.url

    async def stop(self) -> None:
        """Close every connection and take record and token away; harmless when stopped."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        # First of all, so that nobody finds a gateway that is about to end.
        self.home.gateway.unlink(missing_ok=True)
        self.home.gateway_token.unlink(missing_ok=True)
        for viewer in tuple(self._viewers):
            viewer.refuse(CloseCode.GOING_AWAY, "the gateway stops")
        for feed in self._feeds.values():
            await feed.stop()
        self._feeds.clear()
        for _ in range(10):
            if not self._viewers:
                break
            await asyncio.sleep(0.1)
        for viewer in tuple(self._viewers):
            viewer.cut()
        if self._lock is not None:
            self._lock.release()
        _log.info("gateway stopped")

    async def _listen(self) -> asyncio.Server:
        try:
            return await ws_create_server(
                self._admit,
                self.settings.host,
                self.settings.port,
                websocket_handshake_timeout=5,
                enable_auto_ping=True,
                auto_ping_idle_timeout=_PING_S,
                auto_ping_reply_timeout=_PING_S,
                auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
                max_frame_size=MAX_CLIENT_FRAME,
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortBusy(
                    "the gateway's port must be free",
                    value=f"{self.settings.host}:{self.settings.port}",
                    remedy="set streaming.port to another, or to 0 for any free one",
                ) from None
            raise NotReachable(
                f"the gateway must be able to listen: {error.strerror or error}",
                value=f"{self.settings.host}:{self.settings.port}",
                remedy="set streaming.host to 127.0.0.1",
            ) from None

    def _admit(self, request: WSUpgradeRequest) -> ViewerConnection | Upgrade:
        """Let a connection in: right path, addressed to this host, from no foreign page."""
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        origin = request.headers.get("Origin")
        if request.path.split(b"?")[0] != PATH.encode():
            return _denied(404, b"the stream is at " + PATH.encode())
        if host not in _LOOPBACK | {self.settings.host}:
            return _denied(403, b"the Host header must name this machine")
        if origin is not None and urlsplit(origin).hostname not in _LOOPBACK:
            return _denied(403, b"pages of other hosts may not connect")
        if len(self._viewers) >= _MOST_VIEWERS:
            return _denied(503, b"too many viewers")
        return ViewerConnection(self)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.settings.heartbeat_s)
            if time.monotonic() >= self._token_due:
                self._renew_token()
            for trader in self.traders:
                self.feed(trader)
            now = time.time_ns()
            heartbeats = {
                (trader, encoding): encode_frame(
                    Heartbeat(ts=now, data_ts=feed.picture.data_ts), encoding
                )
                for trader, feed in self._feeds.items()
                for encoding in _ENCODINGS
            }
            for viewer in tuple(self._viewers):
                viewer.beat(heartbeats)

    def _renew_token(self) -> None:
        viewer = Principal(_LOCAL_VIEWER, frozenset({Role.VIEWER}))
        write_whole(self.home.gateway_token, self._issuer.issue(viewer).encode())
        # A client that reads the file just before it is renewed still has half a life.
        self._token_due = time.monotonic() + self.settings.token_minutes * 60 / 2


def _denied(status: int, why: bytes) -> Upgrade:
    return Upgrade(WSUpgradeResponse.create_error_response(status, why), None)
