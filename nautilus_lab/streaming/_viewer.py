"""One connection of a viewer: who it is, what it sees, and whether it keeps up."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import jwt
from msgspec.structs import replace
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from nautilus_lab.client.protocol import (
    MAX_GATEWAY_FRAME,
    PROTOCOL_VERSION,
    AskHistory,
    CloseCode,
    CommandFrame,
    Encoding,
    Frame,
    Heartbeat,
    Hello,
    History,
    NodeFrame,
    Refusal,
    ResultFrame,
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
from nautilus_lab.streaming import _asking
from nautilus_lab.streaming._allowance import Allowance
from nautilus_lab.streaming._asking import Asking
from nautilus_lab.streaming._feed import Feed
from nautilus_lab.streaming._group import Send
from nautilus_lab.streaming._keys import refuse_repeated_keys

_log = logging.getLogger(__name__)

HELLO_WITHIN_S = 5.0
MOST_PATTERNS = 64
MOST_HELD = 8 * 1024 * 1024  # bytes of events that a viewer may be behind
MOST_ANSWERS = 1024 * 1024  # bytes of answers that wait for a viewer that does not read
BLOCKED_FOR_S = 10.0  # a viewer that takes nothing for so long is let go
FRAMES_PER_S = 200.0  # what a viewer may send
FRAMES_AT_ONCE = 500.0
_FRAME_BYTES = 512.0  # so many bytes count for a frame
_DEAR = 20.0  # frames that a snapshot or a history counts for
_TIMES_OLDER = 3  # how often older events are asked for while newer ones push them out
_SOCKET_BUFFER = 256 * 1024
_LONGEST_REASON = 123  # bytes: what a close frame has room for


class Host(_asking.Host, Protocol):
    """What a connection asks of its gateway."""

    @property
    def settings(self) -> StreamingSettings:
        """Heartbeat, conflation and the like."""
        ...

    def joined(self, viewer: ViewerConnection) -> None:
        """Count a connection in."""
        ...

    def known(self, viewer: ViewerConnection) -> None:
        """Learn that a connection has said who it is."""
        ...

    def left(self, viewer: ViewerConnection) -> None:
        """Count a connection out."""
        ...

    def refused(self, viewer: ViewerConnection, code: int, why: str) -> None:
        """Count a connection that was ended for cause."""
        ...


class ViewerConnection(WSListener):
    """The gateway's end of one WebSocket; made by picows when a viewer comes."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.patterns: tuple[str, ...] = ()
        self.encoding: Encoding = "json"
        self.send: Send = _nowhere
        self.operates = False
        self.principal: Principal | None = None  # once it has said who it is
        self.peer = ""  # where it comes from
        self._host = host
        self._transport: WSTransport | None = None
        self._token = ""  # of a hello that was accepted
        self._expires = 0.0
        self._feed: Feed | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._closing = False
        self._allowance = Allowance(per_s=FRAMES_PER_S, at_once=FRAMES_AT_ONCE)
        self._asking = Asking(host, self._answer)
        self._blocked_at: float | None = None  # since when it takes nothing
        # While its feed sends it nothing: where it stood, what has changed since
        self._held = False
        self._stand: tuple[tuple[int, int], int] = ((0, 0), 0)
        self._behind = 0  # bytes of events
        self._changed: set[str] = set()  # topics of states
        # What goes out before anything else once it reads again
        self._rest: deque[bytes] = deque()  # of a snapshot or a delta in parts
        self._answers: list[bytes] = []
        self._node_news: bytes | None = None
        self._shown = False  # whether this subscription had a snapshot
        self._needs_snapshot = False
        self._resume_after: tuple[int, int] | None = None
        self._fetching: asyncio.Task[None] | None = None  # of events from before the picture

    # --- what picows calls -------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Wait for the hello, not for ever."""
        self._transport, self.send = transport, transport.send
        self._host.joined(self)
        address = transport.underlying_transport.get_extra_info("peername")
        self.peer = str(address[0]) if isinstance(address, tuple) and address else ""
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
            self._leave_feed()
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if self._closing:
            return
        if not self._allowance.take(max(1.0, frame.payload_size / _FRAME_BYTES)):
            self._too_many()
            return
        if frame.msg_type is WSMsgType.PING:
            if self._blocked_at is None:
                transport.send_pong(frame.get_payload_as_bytes())
            return
        if frame.msg_type is WSMsgType.PONG:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.refuse(CloseCode.BAD_FRAME, "a frame must use no extension, such as compression")
            return
        if not frame.fin or frame.msg_type is WSMsgType.CONTINUATION:
            self.refuse(CloseCode.BAD_FRAME, "a frame must come in one piece")
            return
        kind = WSMsgType.TEXT if self.encoding == "json" else WSMsgType.BINARY
        if frame.msg_type is not kind:
            self.refuse(
                CloseCode.BAD_FRAME,
                "a hello and JSON come as text messages, msgpack as binary ones",
            )
            return
        try:
            self._read(frame.get_payload_as_bytes())
        except AccessDenied as error:
            self.refuse(CloseCode.UNAUTHENTICATED, error.rule, remedy=error.remedy)
        except MessageError as error:
            self.refuse(CloseCode.BAD_FRAME, error.rule, remedy=error.remedy)
        except LabError as error:
            self.refuse(CloseCode.BAD_FRAME, error.rule, str(error.value), error.remedy)
        except Exception:
            _log.exception("a frame of a viewer could not be handled")
            self.refuse(CloseCode.INTERNAL_ERROR, "the gateway failed", remedy="see its log")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Let go of everything."""
        if not self._closing:
            self._count_what_picows_closed(transport.close_handshake)
        self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._leave_feed()
        self._asking.leave()
        self._answers.clear()
        self._host.left(self)

    def pause_writing(self) -> None:
        """Hold back: the viewer does not take what was sent."""
        if self._blocked_at is None:
            self._blocked_at = time.monotonic()
            self._hold()

    def resume_writing(self) -> None:
        """Send what was held back: the rest of what was begun, then one delta."""
        self._blocked_at = None
        waiting, self._rest = self._rest, deque()
        waiting.extend(self._answers)
        self._answers.clear()
        if self._node_news is not None:
            waiting.append(self._node_news)
            self._node_news = None
        self._send_all(waiting)
        if not self._is_blocked and self._fetching is None:
            self._follow_again()

    def _count_what_picows_closed(self, ended: Any) -> None:
        # What were no frames of a WebSocket never came here.
        if ended is not None and ended.sent is not None and not ended.recv_then_sent:
            self._host.refused(self, int(ended.sent.code), ended.sent.reason or "")

    @property
    def _is_blocked(self) -> bool:
        return self._blocked_at is not None

    # --- what its feed calls -----------------------------------------------------------------

    def missed(self, states: Iterable[Envelope], event_bytes: int) -> None:
        """Note what was sent to the others while this viewer does not read."""
        self._changed.update(state.topic for state in states)
        self._behind += event_bytes
        if self._needs_snapshot or self._feed is None:
            return
        kept = self._feed.audience.reaches_back_to(self._stand)
        if self._behind > MOST_HELD or not kept:
            self.refuse(CloseCode.TOO_SLOW, "a viewer must read what it is sent", "events wait")

    def offer_node(self, frame: NodeFrame, encoded: bytes) -> None:
        """Send news of the node; of several that wait the last is kept."""
        if self._blocked_at is None:
            self._send(encoded)
        else:
            self._node_news = encoded

    def start_over(self) -> None:
        """Send a fresh snapshot, from where the viewer stands."""
        assert self._feed is not None
        if self._shown and self._resume_after is None and not self._needs_snapshot:
            self._resume_after = self._stand[0] if self._held else self._feed.audience.left_at
        self._send_snapshot()

    def too_large(self, size: int) -> None:
        """End the connection: what it asked for does not fit into a frame."""
        self.refuse(
            CloseCode.TOO_BIG,
            f"a frame must have at most {MAX_GATEWAY_FRAME} bytes",
            str(size),
            "subscribe to fewer topics",
        )

    # --- what the gateway calls --------------------------------------------------------------

    def beat(self, heartbeats: Mapping[tuple[str, Encoding], bytes]) -> None:
        """Send a heartbeat; let go of a viewer whose token ran out or who does not read."""
        if self._closing or not self._token:
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

    def look_again(self) -> None:
        """Let go of a viewer whose token is not accepted any more."""
        if not self._token:
            return
        try:
            self._host.verify(self._token)
        except AccessDenied as error:
            self.refuse(CloseCode.UNAUTHENTICATED, error.rule, remedy=error.remedy)

    def refuse(self, code: CloseCode, rule: str, value: str = "", remedy: str = "") -> None:
        """Say why, and close."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        self._host.refused(self, int(code), rule)
        self._leave_feed()
        transport = self._transport
        if self._blocked_at is None:
            refusal = Refusal(code=code, rule=rule, value=value, remedy=remedy)
            self._send(encode_frame(refusal, self.encoding), closing=True)
        # Cut between two characters: the text comes from what was sent.
        reason = rule.encode()[:_LONGEST_REASON].decode(errors="ignore").encode()
        transport.send_close(int(code), reason)  # type: ignore[arg-type]
        # One who does not read does not answer the close either.
        asyncio.get_running_loop().call_later(1.0, transport.disconnect, False)

    def cut(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.disconnect(False)

    # --- frames ------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        if not self._token:
            self._hello(data)
            return
        read = decode_client_frame(data, self.encoding)
        refuse_repeated_keys(data, self.encoding)
        match read:
            case Subscribe() as frame:
                if self._allowance.take(_DEAR):
                    self._subscribe(frame)
                else:
                    self._too_many()
            case AskHistory() as frame:
                if self._allowance.take(_DEAR):
                    self._answer_history(frame)
                else:
                    self._too_many()
            case CommandFrame() as frame:
                trader = self._feed.trader if self._feed is not None else ""
                self._asking.ask(frame, self._token, trader)
            case Hello():
                self.refuse(CloseCode.BAD_FRAME, "a hello must come once")

    def _hello(self, data: bytes) -> None:
        try:
            frame = decode_client_frame(data, "json")
            refuse_repeated_keys(data, "json")
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
        self._token, self.encoding = frame.token, frame.encoding
        self.operates = principal.may(Permission.RISK_HALT)
        self.principal = principal
        self._expires = float(jwt.decode(frame.token, options={"verify_signature": False})["exp"])
        self._host.known(self)
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
        self._answer(welcome)

    def _subscribe(self, frame: Subscribe) -> None:
        if not 0 < len(frame.patterns) <= MOST_PATTERNS:
            raise InputError(f"1 to {MOST_PATTERNS} patterns", value=len(frame.patterns))
        for pattern in frame.patterns:
            check_pattern(pattern)
        if (frame.epoch is None) is not (frame.seq is None):
            raise InputError("epoch and seq belong together", value=(frame.epoch, frame.seq))
        trader = self._trader(frame.trader)
        if trader is None:
            return
        self._leave_feed()
        self._feed = self._host.feed(trader)
        self.patterns = frame.patterns
        named = frame.epoch is not None and frame.seq is not None
        self._resume_after = (frame.epoch or 0, frame.seq or 0) if named else None
        self._feed.audience.add(self)
        if self._blocked_at is not None:
            self._hold()
        self._feed.look()
        node = self._feed.node_frame()
        self.offer_node(node, encode_frame(node, self.encoding))
        if self._feed.picture.begun:
            self._send_snapshot()

    def _trader(self, name: str) -> str | None:
        traders = self._host.traders
        if not name and len(traders) == 1:
            return traders[0]
        if name in traders:
            return name
        self.refuse(
            CloseCode.UNKNOWN_TRADER,
            "a trader must have a run directory in this home",
            name,
            f"one of {', '.join(traders)}" if traders else "start one: nautilus-lab node start",
        )
        return None

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
        self._answer(History(id=frame.id, series=series))

    def _leave_feed(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None
        if self._feed is not None:
            self._feed.audience.remove(self)
            self._feed = None
        self._rest.clear()
        self._changed, self._node_news = set(), None
        self._held, self._behind, self._needs_snapshot, self._shown = False, 0, False, False

    def _too_many(self) -> None:
        self.refuse(
            CloseCode.TOO_MANY,
            f"a viewer may send {FRAMES_PER_S:g} frames a second; a subscribe or a history counts "
            f"as {_DEAR:g}",
        )

    # --- sending -----------------------------------------------------------------------------

    def _hold(self) -> None:
        """Have the feed send nothing, and remember where that was."""
        if self._feed is not None and not self._held:
            self._stand, self._behind, self._held = self._feed.audience.hold(self), 0, True

    def _follow_again(self) -> None:
        """Have the feed send again, after what was missed."""
        feed = self._feed
        if self._closing or feed is None or not self._held:
            return
        feed.audience.let_go(self)
        if self._closing:
            return  # what was pending was too much
        self._held = False
        stand, changed, self._changed = self._stand, self._changed, set()
        if self._needs_snapshot:
            self._send_snapshot()
        elif changed or self._behind or feed.audience.position != stand[0]:
            self._send_all(feed.audience.catch_up(self, stand, changed))

    def _send_snapshot(self) -> None:
        """Send the present, and all since the point the viewer resumes from."""
        if self._feed is None:
            return
        if self._held:
            self._needs_snapshot = True
            return
        after = self._resume_after
        if after is not None and self._feed.older.lacks(after):
            self._needs_snapshot = True
            self._hold()
            self._fetching = asyncio.create_task(
                self._fetch_older(self._feed, after), name="older events"
            )
            return
        self._needs_snapshot, self._resume_after, self._shown = False, None, True
        self._send_all(self._feed.snapshot(self, after))

    async def _fetch_older(self, feed: Feed, after: tuple[int, int]) -> None:
        """Fetch the events the picture has not, or do without; then send the snapshot."""
        try:
            for _ in range(_TIMES_OLDER):
                if feed.older.lacks(after):
                    await feed.older.fetch(after)
        except LabError as error:
            _log.warning("a viewer could not resume from %s: %s", after, error)
        if feed.older.lacks(after):
            self._resume_after = None
        self._fetching = None
        if self._blocked_at is None:
            self._follow_again()

    def _answer(self, frame: Frame) -> None:
        """Send what this viewer alone is told; it waits while the viewer does not read."""
        if self._closing:
            return
        encoded = _encoded(frame, self.encoding)
        if self._blocked_at is None:
            self._send(encoded)
            return
        self._answers.append(encoded)
        if sum(map(len, self._answers)) > MOST_ANSWERS:
            self.refuse(CloseCode.TOO_SLOW, "a viewer must read what it is sent", "answers wait")

    def _send_all(self, encoded: Iterable[bytes]) -> None:
        """Send one after the other, what the viewer does not take yet when it reads again."""
        for part in encoded:
            if self._is_blocked:
                self._rest.append(part)
            else:
                self._send(part)

    def _send(self, encoded: bytes, *, closing: bool = False) -> None:
        if self._closing and not closing:
            return
        if len(encoded) > MAX_GATEWAY_FRAME:
            self.too_large(len(encoded))
            return
        self.send(WSMsgType.TEXT if self.encoding == "json" else WSMsgType.BINARY, encoded)


def _nowhere(kind: WSMsgType, frame: bytes) -> None:
    """Stand for the `send` of a connection that is not made yet."""


def _encoded(frame: Frame, encoding: Encoding) -> bytes:
    encoded = encode_frame(frame, encoding)
    if len(encoded) > MAX_GATEWAY_FRAME and isinstance(frame, ResultFrame):
        # It was done; only its answer does not fit.
        told = replace(frame, body=None, value=f"its result has {len(encoded)} bytes, too many")
        return encode_frame(told, encoding)
    return encoded
