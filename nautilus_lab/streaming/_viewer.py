"""One connection of a viewer: who it is, what it sees, and whether it keeps up."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import jwt
from msgspec.structs import replace
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from nautilus_lab.client.protocol import (
    MAX_GATEWAY_FRAME,
    PROTOCOL_VERSION,
    AckFrame,
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
from nautilus_lab.exceptions import (
    AccessDenied,
    InputError,
    LabError,
    MessageError,
    OutcomeUnknown,
)
from nautilus_lab.platform.access import Permission, Principal
from nautilus_lab.platform.bus import check_pattern
from nautilus_lab.platform.messages import Command, Envelope, Result
from nautilus_lab.streaming._allowance import Allowance
from nautilus_lab.streaming._feed import Feed
from nautilus_lab.streaming._group import Send
from nautilus_lab.streaming._relay import as_result

_log = logging.getLogger(__name__)

HELLO_WITHIN_S = 5.0
MOST_PATTERNS = 64
MOST_HELD = 8 * 1024 * 1024  # bytes of events that a viewer may be behind
MOST_ANSWERS = 1024 * 1024  # bytes of answers that wait for a viewer that does not read
MOST_COMMANDS = 32  # of one viewer at once
BLOCKED_FOR_S = 10.0  # a viewer that takes nothing for so long is let go
FRAMES_PER_S = 200.0  # what a viewer may send
FRAMES_AT_ONCE = 500.0
_DEAR = 20.0  # frames that a snapshot or a history counts for
_LONGEST_WAIT_S = 300.0  # for the result of a command
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

    def known(self, viewer: ViewerConnection) -> None:
        """Learn that a connection has said who it is."""
        ...

    def left(self, viewer: ViewerConnection) -> None:
        """Count a connection out."""
        ...

    def refused(self, code: int) -> None:
        """Count a connection that was ended for cause."""
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
        self.send: Send = _nowhere
        self.operates = False
        self._host = host
        self._transport: WSTransport | None = None
        self._principal: Principal | None = None
        self._token = ""
        self._expires = 0.0
        self._feed: Feed | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._closing = False
        self._allowance = Allowance(per_s=FRAMES_PER_S, at_once=FRAMES_AT_ONCE)
        self._commands: set[asyncio.Task[None]] = set()
        # While it does not read: since when, where it stood, what has changed since
        self._blocked_at: float | None = None
        self._stand: tuple[tuple[int, int], int] = ((0, 0), 0)
        self._behind = 0  # bytes of events
        self._changed: set[str] = set()  # topics of states
        self._answers: list[bytes] = []
        self._held_node: bytes | None = None
        self._needs_snapshot = False
        self._resume_after: tuple[int, int] | None = None

    # --- what picows calls -------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Wait for the hello, not for ever."""
        self._transport, self.send = transport, transport.send
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
            self._leave_feed()
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if self._closing:
            return
        if not self._allowance.take():
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

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Let go of everything."""
        self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._leave_feed()
        for task in self._commands:
            task.cancel()
        self._answers.clear()
        self._changed.clear()
        self._host.left(self)

    def pause_writing(self) -> None:
        """Hold back: the viewer does not take what was sent."""
        if self._blocked_at is not None:
            return
        self._blocked_at = time.monotonic()
        self._behind = 0
        if self._feed is not None:
            self._stand = self._feed.block(self)

    def resume_writing(self) -> None:
        """Send what was held back, as one delta."""
        if self._blocked_at is None:
            return
        feed = self._feed
        if self._closing or feed is None:
            self._blocked_at = None
            self._send_answers()
            return
        feed.unblock(self)
        if self._closing:
            return  # what was pending was too much
        self._blocked_at = None
        stand, changed, self._changed = self._stand, self._changed, set()
        behind = self._behind or feed.position != stand[0]
        self._send_answers()
        if self._held_node is not None:
            held, self._held_node = self._held_node, None
            self._send(held)
        if self._needs_snapshot:
            self._send_snapshot()
        elif changed or behind:
            self._send_all(feed.catch_up(self, stand, changed))

    # --- what its feed calls -----------------------------------------------------------------

    def missed(self, states: Iterable[Envelope], event_bytes: int) -> None:
        """Note what was sent to the others while this viewer does not read."""
        self._changed.update(state.topic for state in states)
        self._behind += event_bytes
        if self._needs_snapshot or self._feed is None:
            return
        if self._behind > MOST_HELD or not self._feed.reaches_back_to(self._stand):
            self.refuse(CloseCode.TOO_SLOW, "a viewer must read what it is sent", "events wait")

    def offer_node(self, frame: NodeFrame, encoded: bytes) -> None:
        """Send news of the node; of several that wait the last is kept."""
        if self._blocked_at is None:
            self._send(encoded)
        else:
            self._held_node = encoded

    def start_over(self) -> None:
        """Send a fresh snapshot, from where the viewer stands."""
        assert self._feed is not None
        if self._resume_after is None and not self._needs_snapshot:
            blocked = self._blocked_at is not None
            self._resume_after = self._stand[0] if blocked else self._feed.left_at
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
        self._host.refused(int(code))
        _log.info("a viewer was let go: %d %s", code, rule)
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
        if self._principal is None:
            self._hello(data)
            return
        match decode_client_frame(data, self.encoding):
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
                self._command(frame)
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
        self._principal, self._token, self.encoding = principal, frame.token, frame.encoding
        self.operates = principal.may(Permission.RISK_HALT)
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
        trader = self._trader(frame.trader)
        if trader is None:
            return
        self._leave_feed()
        self._feed = self._host.feed(trader)
        self.patterns = frame.patterns
        named = frame.epoch is not None and frame.seq is not None
        self._resume_after = (frame.epoch or 0, frame.seq or 0) if named else None
        self._feed.add(self)
        if self._blocked_at is not None:
            self._stand = self._feed.block(self)
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

    def _command(self, frame: CommandFrame) -> None:
        if not 0 < len(frame.id) <= 64:
            raise InputError("a command's id must have 1 to 64 characters", value=len(frame.id))
        if len(self._commands) >= MOST_COMMANDS:
            error = InputError(
                f"a viewer may have {MOST_COMMANDS} commands at once",
                remedy="it was not done; wait for the others",
            )
            self._answer(_result(as_result(frame.id, error)))
            return
        task = asyncio.create_task(self._forward(frame), name=f"command {frame.name}")
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _forward(self, frame: CommandFrame) -> None:
        try:
            result = await self._ask(frame)
        except LabError as error:
            result = as_result(frame.id, error)
        except Exception:
            _log.exception("command %s could not be forwarded", frame.name)
            unknown = OutcomeUnknown(
                "a command must not fail in the gateway", value=frame.id, remedy="see its log"
            )
            result = as_result(frame.id, unknown)
        if not self._closing:
            self._answer(_result(result))

    async def _ask(self, frame: CommandFrame) -> Result:
        if not 0 < frame.timeout_s <= _LONGEST_WAIT_S:
            raise InputError(
                f"timeout_s must lie in (0, {_LONGEST_WAIT_S:g}]", value=frame.timeout_s
            )
        trader = frame.trader or (self._feed.trader if self._feed is not None else "")
        if not trader and len(self._host.traders) == 1:
            trader = self._host.traders[0]
        relay = self._host.feed(trader).relay
        # Again: a token may have been taken back since the hello.
        relay.require(self._host.verify(self._token), frame.name)
        command = Command(
            id=frame.id,
            name=frame.name,
            version=frame.version,
            principal_token=self._token,
            deadline_ns=frame.deadline_ns,
            body=frame.body,
        )
        return await relay.ask(
            command,
            timeout_s=frame.timeout_s,
            on_ack=lambda: self._answer(AckFrame(id=frame.id)),
        )

    def _leave_feed(self) -> None:
        if self._feed is not None:
            self._feed.remove(self)
            self._feed = None
        self._changed, self._held_node, self._needs_snapshot = set(), None, False

    def _too_many(self) -> None:
        self.refuse(
            CloseCode.TOO_MANY,
            f"a viewer may send {FRAMES_PER_S:g} frames a second; a subscribe or a history counts "
            f"as {_DEAR:g}",
        )

    # --- sending -----------------------------------------------------------------------------

    def _send_snapshot(self) -> None:
        """Send the present, and all since the point the viewer resumes from."""
        if self._feed is None:
            return
        if self._blocked_at is not None:
            self._needs_snapshot = True
            return
        self._needs_snapshot = False
        after, self._resume_after = self._resume_after, None
        self._send_all(self._feed.snapshot(self, after))

    def _answer(self, frame: Frame) -> None:
        """Send what this viewer alone is told; it waits while the viewer does not read."""
        encoded = _encoded(frame, self.encoding)
        if self._blocked_at is None:
            self._send(encoded)
            return
        self._answers.append(encoded)
        if sum(map(len, self._answers)) > MOST_ANSWERS:
            self.refuse(CloseCode.TOO_SLOW, "a viewer must read what it is sent", "answers wait")

    def _send_answers(self) -> None:
        answers, self._answers = self._answers, []
        self._send_all(answers)

    def _send_all(self, encoded: Sequence[bytes]) -> None:
        for part in encoded:
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


def _result(result: Result) -> ResultFrame:
    return ResultFrame(
        id=result.id,
        ok=result.ok,
        body=result.body,
        error=result.error,
        error_type=result.error_type,
        value=result.value,
        remedy=result.remedy,
    )


def _encoded(frame: Frame, encoding: Encoding) -> bytes:
    encoded = encode_frame(frame, encoding)
    if len(encoded) > MAX_GATEWAY_FRAME and isinstance(frame, ResultFrame):
        # It was done; only its answer does not fit.
        told = replace(frame, body=None, value=f"its result has {len(encoded)} bytes, too many")
        return encode_frame(told, encoding)
    return encoded
