"""One connection of a viewer: who it is, what it sees, and whether it keeps up."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import jwt
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from nautilus_lab.client.protocol import (
    MAX_GATEWAY_FRAME,
    PROTOCOL_VERSION,
    AskHistory,
    CloseCode,
    Delta,
    Encoding,
    Heartbeat,
    Hello,
    History,
    NodeFrame,
    Refusal,
    Subscribe,
    Welcome,
    decode_client_frame,
    encode_frame,
)
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import AccessDenied, InputError, LabError, MessageError
from nautilus_lab.platform.access import Permission, Principal
from nautilus_lab.platform.bus import check_pattern
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.streaming._feed import Feed
from nautilus_lab.streaming._parts import in_parts

_log = logging.getLogger(__name__)

HELLO_WITHIN_S = 5.0
MOST_PATTERNS = 64
MOST_HELD = 5_000  # events kept for a viewer that does not read
BLOCKED_FOR_S = 10.0  # a viewer that takes nothing for so long is let go
_SOCKET_BUFFER = 256 * 1024
_LONGEST_REASON = 123  # bytes: what a close frame has room for


class Host(Protocol):
    """What a connection asks of its gateway."""

    @property
    def settings(self) -> StreamingSettings:
        """Heartbeat, conflation and the like."""
        ...

    def joined(self, viewer: ViewerConnection) -> None:
        """Count a connection in."""
        ...

    def left(self, viewer: ViewerConnection) -> None:
        """Count a connection out."""
        ...

    def verify(self, token: str) -> Principal:
        """Return whom the token speaks for, or raise `AccessDenied`."""
        ...

    @property
    def traders(self) -> tuple[str, ...]:
        """Every trader of this home."""
        ...

    def feed(self, trader: str) -> Feed:
        """Return the feed of a trader, begun if need be; raises `InputError` for none."""
        ...


class ViewerConnection(WSListener):
    """The gateway's end of one WebSocket; made by picows when a viewer comes."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.patterns: tuple[str, ...] = ()
        self.encoding: Encoding = "json"
        self._host = host
        self._transport: WSTransport | None = None
        self._principal: Principal | None = None
        self._expires = 0.0
        self._feed: Feed | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._closing = False
        self._blocked_at: float | None = None
        self._position: tuple[int, int] | None = None  # the last event that was sent
        self._held_events: list[Envelope] = []
        self._held_states: dict[str, Envelope] = {}  # topic -> latest, while blocked
        self._held_node: bytes | None = None
        self._needs_snapshot = False

    # --- what picows calls -------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Wait for the hello, not for ever."""
        self._transport = transport
        self._host.joined(self)
        # What the kernel may hold for a viewer that does not read; beyond it we conflate.
        channel = transport.underlying_transport.get_extra_info("socket")
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        self._deadline = asyncio.get_running_loop().call_later(
            HELLO_WITHIN_S,
            self.refuse,
            CloseCode.NO_HELLO,
            f"a hello must come within {HELLO_WITHIN_S:g} s",
        )

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Read one message of the viewer."""
        if frame.msg_type is WSMsgType.CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if self._closing or frame.msg_type in (WSMsgType.PING, WSMsgType.PONG):
            return
        if not frame.fin or frame.msg_type is WSMsgType.CONTINUATION:
            self.refuse(CloseCode.BAD_FRAME, "a frame must come in one piece")
            return
        try:
            self._read(frame.get_payload_as_bytes())
        except AccessDenied as error:
            self.refuse(CloseCode.UNAUTHENTICATED, error.rule, remedy=error.remedy)
        except MessageError as error:
            self.refuse(CloseCode.BAD_FRAME, error.rule, remedy=error.remedy)
        except LabError as error:
            self.refuse(CloseCode.BAD_FRAME, error.rule, str(error.value), error.remedy)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Let go of everything."""
        self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._feed is not None:
            self._feed.remove(self)
        self._held_events.clear()
        self._held_states.clear()
        self._host.left(self)

    def pause_writing(self) -> None:
        """Hold back: the viewer does not take what was sent."""
        self._blocked_at = time.monotonic()

    def resume_writing(self) -> None:
        """Send what was held back, as one delta."""
        self._blocked_at = None
        if self._closing or self._feed is None:
            return
        if self._held_node is not None:
            held, self._held_node = self._held_node, None
            self._send(held)
        if self._needs_snapshot:
            self._send_snapshot()
        elif (self._held_events or self._held_states) and self._position is not None:
            self._feed.flush(everything=True)
            epoch, upto = self._feed.picture.position
            delta = Delta(
                trader=self._feed.trader,
                epoch=epoch,
                after=self._position[1],
                upto=upto,
                ts=time.time_ns(),
                events=tuple(self._held_events),
                states=tuple(self._held_states.values()),
            )
            self._forget_held()
            self._position = (epoch, upto)
            self._send_all(in_parts(delta, self.encoding))

    # --- what its feed calls -----------------------------------------------------------------

    def offer(self, delta: Delta, encoded: Sequence[bytes]) -> None:
        """Send a delta, or hold it back while the viewer is blocked."""
        if self._closing:
            return
        if self._blocked_at is None and not self._held_events and not self._held_states:
            self._position = (delta.epoch, delta.upto)
            self._send_all(encoded)
            return
        self._held_events.extend(delta.events)
        self._held_states.update((state.topic, state) for state in delta.states)
        if len(self._held_events) > MOST_HELD:
            self.refuse(CloseCode.TOO_SLOW, "a viewer must read what it is sent", "events wait")

    def offer_node(self, frame: NodeFrame, encoded: bytes) -> None:
        """Send news of the node; of several that wait the last is kept."""
        if self._blocked_at is None:
            self._send(encoded)
        else:
            self._held_node = encoded

    def start_over(self) -> None:
        """Send a fresh snapshot, from where the viewer stands."""
        self._forget_held()
        if self._blocked_at is not None:
            self._needs_snapshot = True
        else:
            self._send_snapshot()

    # --- what the gateway calls --------------------------------------------------------------

    def beat(self, heartbeats: Mapping[tuple[str, Encoding], bytes]) -> None:
        """Send a heartbeat; let go of a viewer whose token ran out or who does not read."""
        if self._closing or self._principal is None:
            return
        if time.time() >= self._expires:
            self.refuse(CloseCode.TOKEN_EXPIRED, "a session ends with its token")
        elif self._blocked_at is not None:
            if time.monotonic() - self._blocked_at > BLOCKED_FOR_S:
                self.refuse(
                    CloseCode.TOO_SLOW, "a viewer must read what it is sent", "nothing was taken"
                )
        else:
            trader = self._feed.trader if self._feed is not None else ""
            heartbeat = heartbeats.get((trader, self.encoding))
            self._send(heartbeat or encode_frame(Heartbeat(ts=time.time_ns()), self.encoding))

    def refuse(self, code: CloseCode, rule: str, value: str = "", remedy: str = "") -> None:
        """Say why, and close."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        _log.info("a viewer was let go: %d %s", code, rule)
        if self._feed is not None:
            self._feed.remove(self)
        transport = self._transport
        if self._blocked_at is None:
            refusal = Refusal(code=code, rule=rule, value=value, remedy=remedy)
            self._send(encode_frame(refusal, self.encoding), closing=True)
        transport.send_close(int(code), rule.encode()[:_LONGEST_REASON])  # type: ignore[arg-type]
        # One who does not read does not answer the close either.
        asyncio.get_running_loop().call_later(1.0, transport.disconnect, False)

    def cut(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.disconnect(False)

    # --- frames ------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        if self._principal is None:
            self._hello(data)
            return
        match decode_client_frame(data, self.encoding):
            case Subscribe() as frame:
                self._subscribe(frame)
            case AskHistory() as frame:
                self._answer_history(frame)
            case Hello():
                self.refuse(CloseCode.BAD_FRAME, "a hello must come once")

    def _hello(self, data: bytes) -> None:
        try:
            frame = decode_client_frame(data, "json")
        except MessageError:
            # What was sent may hold a token: it is not repeated.
            self.refuse(CloseCode.BAD_FRAME, "the first frame must be a hello, in JSON")
            return
        if not isinstance(frame, Hello):
            self.refuse(CloseCode.BAD_FRAME, "the first frame must be a hello, in JSON")
            return
        if frame.protocol != PROTOCOL_VERSION:
            self.refuse(
                CloseCode.WRONG_VERSION,
                f"the protocol must be version {PROTOCOL_VERSION}",
                str(frame.protocol),
                "install the same nautilus_lab on both sides",
            )
            return
        principal = self._host.verify(frame.token)
        if not principal.may(Permission.NODE_READ):
            self.refuse(
                CloseCode.FORBIDDEN,
                f"reading a node needs {Permission.NODE_READ.value}",
                str(principal),
                "ask for a role that has it",
            )
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._principal, self.encoding = principal, frame.encoding
        self._expires = float(jwt.decode(frame.token, options={"verify_signature": False})["exp"])
        welcome = Welcome(
            protocol=PROTOCOL_VERSION,
            gateway="nautilus_lab.streaming",
            principal=principal.name,
            role=", ".join(sorted(role.value for role in principal.roles)),
            expires=self._expires,
            heartbeat_s=self._host.settings.heartbeat_s,
            conflate_ms=self._host.settings.conflate_ms,
            traders=self._host.traders,
        )
        self._send(encode_frame(welcome, self.encoding))

    def _subscribe(self, frame: Subscribe) -> None:
        if not 0 < len(frame.patterns) <= MOST_PATTERNS:
            raise InputError(f"1 to {MOST_PATTERNS} patterns", value=len(frame.patterns))
        for pattern in frame.patterns:
            check_pattern(pattern)
        trader = frame.trader
        traders = self._host.traders
        if not trader and len(traders) == 1:
            trader = traders[0]
        if trader not in traders:
            self.refuse(
                CloseCode.UNKNOWN_TRADER,
                "a trader must have a run directory in this home",
                trader,
                f"one of {', '.join(traders)}" if traders else "start one: nautilus-lab node start",
            )
            return
        if self._feed is not None:
            self._feed.remove(self)
        self._forget_held()
        self._feed = self._host.feed(trader)
        self.patterns = frame.patterns
        named = frame.epoch is not None and frame.seq is not None
        self._position = (frame.epoch or 0, frame.seq or 0) if named else None
        self._feed.add(self)
        self._send(encode_frame(self._feed.node_frame(), self.encoding))
        if self._feed.picture.begun:
            self._send_snapshot()

    def _answer_history(self, frame: AskHistory) -> None:
        if self._feed is None:
            raise InputError("subscribe before asking for history", value=frame.id)
        if not 0 < frame.seconds <= 86_400 or not 0 < len(frame.patterns) <= MOST_PATTERNS:
            raise InputError(
                f"history needs 1 to {MOST_PATTERNS} patterns and (0, 86400] seconds",
                value=frame.seconds,
            )
        series = self._feed.history.series(
            frame.patterns,
            allowed=self.patterns,
            since_ns=time.time_ns() - int(frame.seconds * 1e9),
        )
        self._send(encode_frame(History(id=frame.id, series=series), self.encoding))

    def _send_snapshot(self) -> None:
        assert self._feed is not None
        self._needs_snapshot = False
        frame = self._feed.picture.snapshot(self.patterns, after=self._position)
        self._position = (frame.epoch, frame.seq)
        self._send_all(in_parts(frame, self.encoding))

    def _send_all(self, encoded: Sequence[bytes]) -> None:
        for part in encoded:
            self._send(part)

    def _send(self, encoded: bytes, *, closing: bool = False) -> None:
        if self._transport is None or (self._closing and not closing):
            return
        if len(encoded) > MAX_GATEWAY_FRAME:
            self.refuse(
                CloseCode.TOO_BIG,
                f"a frame must have at most {MAX_GATEWAY_FRAME} bytes",
                str(len(encoded)),
                "subscribe to fewer topics",
            )
            return
        text = self.encoding == "json"
        self._transport.send(WSMsgType.TEXT if text else WSMsgType.BINARY, encoded)

    def _forget_held(self) -> None:
        self._held_events, self._held_states = [], {}
