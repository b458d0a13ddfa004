"""The gateway: one WebSocket port in front of every trader's node."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, ws_create_server
from picows import WSUpgradeResponseWithListener as Upgrade

from nautilus_lab.client import Attendance, GatewayStatus
from nautilus_lab.client.protocol import (
    MAX_CLIENT_FRAME,
    PATH,
    CloseCode,
    Encoding,
    Heartbeat,
    encode_frame,
)
from nautilus_lab.config import AuditSettings, StreamingSettings
from nautilus_lab.exceptions import (
    AccessDenied,
    InputError,
    LabError,
    LifecycleError,
    NotReachable,
    PortBusy,
    StoreError,
)
from nautilus_lab.platform.access import (
    LocalOwner,
    Principal,
    TokenIssuer,
    TokenVerifier,
    key_mark,
    signing_key,
)
from nautilus_lab.platform.commands import CommandServer, Request
from nautilus_lab.platform.messages import Command, Result
from nautilus_lab.platform.rundir import GatewayFiles, Home, Lock, ProcessRecord
from nautilus_lab.platform.telemetry import LimitedLog, LoopLag, resource_use
from nautilus_lab.streaming._alert_desk import AlertDesk
from nautilus_lab.streaming._audit import GatewayAudit
from nautilus_lab.streaming._feed import Feed
from nautilus_lab.streaming._history import StateHistory
from nautilus_lab.streaming._status import GATEWAY_COMMANDS
from nautilus_lab.streaming._tokens import LocalTokens
from nautilus_lab.streaming._viewer import ViewerConnection

_log = logging.getLogger(__name__)

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_VIEWERS = 2_000
_MOST_STRANGERS = 500  # connections that have not said who they are
_READ_BUFFER = 2_048  # bytes for each connection; it grows with what comes
_BACKLOG = 1_024  # all viewers of a gateway that died come at once
_HANDSHAKE_S = 5.0
_PING_S = 20.0
_ENCODINGS: tuple[Encoding, ...] = ("json", "msgpack")


class _WireLog(logging.LoggerAdapter[logging.Logger]):
    """What picows tells: connections and bad frames are counted here, its failures are logged."""

    def log(self, level: int, msg: object, *args: object, **options: Any) -> None:
        if "exc_info" in options:
            super().log(level, msg, *args, **options)


@dataclass(kw_only=True)
class Gateway:
    """Streams what the nodes of a home publish to viewers with a token.

    Parameters
    ----------
    home : Home
        Whose traders; the gateway's record and a token for local viewers are written there.
    settings : StreamingSettings, optional
        Host, port, conflation, life of tokens, heartbeat.
    number : int, default=1
        Which of the home's gateways this is. With a port of its own in the settings, number N
        listens N - 1 ports further.
    audit : AuditSettings, optional
        Where the checkpoints of its audit trail go, and their key; paths that are not absolute are
        of the working directory.
    """

    home: Home
    settings: StreamingSettings = field(default_factory=StreamingSettings)
    number: int = 1
    audit: AuditSettings = field(default_factory=AuditSettings)
    url: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._files = self.home.gateway_files(self.number)
        self._trail = GatewayAudit(self.home, self.audit, number=self.number)
        self._alerts = AlertDesk(self.home, self.audit)
        self._feeds: dict[str, Feed] = {}
        self._viewers: set[ViewerConnection] = set()
        self._strangers: set[ViewerConnection] = set()
        self._refused: Counter[int] = Counter()  # close code -> how many
        self._server: asyncio.Server | None = None
        self._commands: CommandServer | None = None
        self._beating: asyncio.Task[None] | None = None
        self._lock: Lock | None = None
        self._lag = LoopLag()
        self._let_go = LimitedLog(_log)
        self._trouble = LimitedLog(_log)
        self._key = b""  # empty: it cannot be read
        self._seen_key: tuple[int, ...] | None = None

    # --- what a connection asks of its host --------------------------------------------------

    def joined(self, viewer: ViewerConnection) -> None:
        """Count a connection in."""
        self._viewers.add(viewer)
        self._strangers.add(viewer)

    def known(self, viewer: ViewerConnection) -> None:
        """Learn that a connection has said who it is."""
        self._strangers.discard(viewer)
        if viewer.principal is not None:
            self._trail.opened(viewer.principal, viewer.peer)

    def left(self, viewer: ViewerConnection) -> None:
        """Count a connection out."""
        self._viewers.discard(viewer)
        self._strangers.discard(viewer)

    def refused(self, viewer: ViewerConnection, code: int, why: str) -> None:
        """Count a connection that was ended for cause."""
        self._refused[code] += 1
        self._let_go.warning("a viewer was let go: %d %s", code, why)
        if code != CloseCode.GOING_AWAY:  # that is our own end
            self._trail.refused(code, why, viewer.peer, viewer.principal)

    def denied(
        self, principal: Principal | None, command: str, trader: str, error: AccessDenied
    ) -> None:
        """Learn that a viewer asked for what it may not."""
        self._trail.denied(principal, command, trader, error)

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
        if not self._key:
            raise AccessDenied(
                "the gateway must be able to read its signing key", remedy="see the gateway's log"
            )
        return TokenVerifier(self._key).verify(token)

    async def answer(self, command: Command) -> Result:
        """Return the result of a command that the gateway itself answers, by its token's rights."""
        assert self._commands is not None  # viewers come after it and go before it
        if not command.principal_token:
            # On the socket that is its owner, here it is nobody.
            raise AccessDenied("a viewer must bring a token", value=command.name)
        return await self._commands.result(command)

    def _refused_command(
        self, command: Command, principal: Principal | None, error: AccessDenied
    ) -> None:
        known = {spec.name for spec in GATEWAY_COMMANDS}
        # A name that is none may be anything, also a secret.
        name = command.name if command.name in known else "no such command"
        self.denied(principal, name, "", error)

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
        self._take_key()
        self._lock = self._files.lock
        self._lock.acquire()
        try:
            self._server = await self._listen()
            port = self._server.sockets[0].getsockname()[1]
            host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
            self.url = f"ws://{host}:{port}{PATH}"
            self._commands = CommandServer(
                self._files.commands,
                GATEWAY_COMMANDS,
                # Its owner needs no token; viewers speak by theirs.
                LocalOwner(self).verify,
                {"gateway.status": self._status, **self._alerts.handlers},
                on_refused=self._refused_command,
            )
            await self._commands.start()
            self._trail.start(self.url, self.settings)
            self._trail.key_read(self.home.signing_key.name)
            self._tokens.renew()
            ProcessRecord.of_this_process(self._files.name, address=self.url).write(
                self._files.record
            )
        except BaseException:
            await self.stop()
            self._lock.release()
            raise
        for trader in self.traders:
            self.feed(trader)
        self._lag.start()
        self._beating = asyncio.create_task(self._beat(), name="gateway heartbeat")
        _log.info("gateway %d listens on %s", self.number, self.url)
        return self.url

    async def stop(self) -> None:
        """Close every connection and take the record away; harmless when stopped.

        The last gateway of a home takes the tokens away, too.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        # First of all, so that nobody finds a gateway that is about to end.
        self._files.record.unlink(missing_ok=True)
        if not any(_alive(files) for files in self.home.gateways):
            self._tokens.remove()
        self._lag.stop()
        if self._commands is not None:
            await self._commands.stop(grace_s=0.1)
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
        self._alerts.close()
        self._trail.stop()
        if self._lock is not None:
            self._lock.release()
        _log.info("gateway %d stopped", self.number)

    async def _listen(self) -> asyncio.Server:
        port = self.settings.port + self.number - 1 if self.settings.port else 0
        try:
            return await ws_create_server(
                self._admit,
                self.settings.host,
                port,
                backlog=_BACKLOG,
                enable_auto_pong=False,  # the viewer answers itself, within its allowance
                websocket_handshake_timeout=_HANDSHAKE_S,
                enable_auto_ping=True,
                auto_ping_idle_timeout=_PING_S,
                auto_ping_reply_timeout=_PING_S,
                auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
                max_frame_size=MAX_CLIENT_FRAME,
                read_buffer_init_size=_READ_BUFFER,
                logger_name=_WireLog(_log),
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortBusy(
                    "the gateway's port must be free",
                    value=f"{self.settings.host}:{port}",
                    remedy="set streaming.port to another, or to 0 for any free one",
                ) from None
            raise NotReachable(
                f"the gateway must be able to listen: {error.strerror or error}",
                value=f"{self.settings.host}:{port}",
                remedy="set streaming.host to 127.0.0.1",
            ) from None

    def _admit(self, request: WSUpgradeRequest) -> ViewerConnection | Upgrade:
        """Let a connection in: right path, addressed to this host, from no foreign page."""
        host = _host_of(f"//{request.headers.get('Host', '')}")
        origin = request.headers.get("Origin")
        if request.path.split(b"?")[0] != PATH.encode():
            return self._denied(404, f"the stream is at {PATH}")
        if host not in _LOOPBACK | {self.settings.host}:
            return self._denied(403, "the Host header must name this machine")
        if origin is not None and _host_of(origin) not in _LOOPBACK:
            return self._denied(403, "pages of other hosts may not connect")
        if len(self._viewers) >= _MOST_VIEWERS or len(self._strangers) >= _MOST_STRANGERS:
            return self._denied(503, "too many viewers")
        return ViewerConnection(self)

    def _denied(self, status: int, why: str) -> Upgrade:
        self._trail.turned_away(status, why)
        return Upgrade(WSUpgradeResponse.create_error_response(status, why.encode()), None)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.settings.heartbeat_s)
            try:
                self._keep_house()
            except (LabError, OSError) as error:
                # Out of files or of disk, say: those who are here are served all the same.
                self._trouble.warning("the gateway cannot keep house: %s", error)
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

    def _keep_house(self) -> None:
        self._trail.tick()
        self._look_at_key()
        if self._key:
            self._tokens.renew()
        for trader in self.traders:
            self.feed(trader)

    def _take_key(self) -> None:
        self._seen_key = key_mark(self.home.signing_key)
        self._key = signing_key(self.home.signing_key)
        self._tokens = LocalTokens(
            home=self.home, issuer=TokenIssuer(self._key, ttl_s=self.settings.token_minutes * 60)
        )

    def _look_at_key(self) -> None:
        """Take tokens back whose key was taken away: a new one ends every session of the old."""
        if self._key and key_mark(self.home.signing_key) == self._seen_key:
            return
        try:
            self._take_key()
            self._trail.key_read(self.home.signing_key.name)
        except StoreError as error:
            # Without a key nobody can be told from anybody else.
            self._key = b""
            self._trail.key_read(self.home.signing_key.name, error.rule)
            self._trouble.warning("every session ends: %s", error)
        for viewer in tuple(self._viewers):
            viewer.look_again()

    async def _status(self, request: Request) -> object:
        use = resource_use()
        return GatewayStatus(
            number=self.number,
            pid=os.getpid(),
            url=self.url,
            viewers=len(self._viewers),
            traders=tuple(
                Attendance(
                    trader=trader,
                    viewers=feed.audience.viewers,
                    operators=feed.audience.operators,
                    attended_ns=(
                        time.time_ns() if feed.audience.operators else feed.audience.attended_ns
                    ),
                    frames=feed.audience.frames,
                    commands=feed.relay.forwarded,
                )
                for trader, feed in self._feeds.items()
            ),
            refused={str(code): count for code, count in self._refused.items()},
            loop_lag_ms=self._lag.lag_ms,
            rss_mib=use.rss_mib,
            cpu_s=use.cpu_s,
        )


def _alive(files: GatewayFiles) -> bool:
    try:
        record = ProcessRecord.read(files.record)
    except StoreError:
        return False
    return record is not None and record.alive


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
