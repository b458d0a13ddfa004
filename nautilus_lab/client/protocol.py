"""The frames between a stream gateway and its clients, version 1; see docs/protocol.md.

A client opens ``ws://HOST:PORT/stream``, sends `Hello` (always JSON) and then `Subscribe`; from
then on both sides speak the encoding that the hello chose. The gateway answers `Welcome`, and to
a subscription a `SnapshotFrame` followed by `Delta` frames without gaps, a `NodeFrame` whenever
the node comes or goes, and a `Heartbeat` every few seconds. A `CommandFrame` is forwarded to the
node with the client's own token, or done by the gateway where it is about the lab's alerts, and
answered by an `AckFrame` and a `ResultFrame`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec

from nautilus_lab.exceptions import MessageError
from nautilus_lab.platform.messages import EVENTS, STATES, Envelope

__all__ = [
    "MAX_CLIENT_FRAME",
    "MAX_GATEWAY_FRAME",
    "PATH",
    "PROTOCOL_VERSION",
    "AckFrame",
    "AskHistory",
    "ClientFrame",
    "CloseCode",
    "CommandFrame",
    "Delta",
    "Encoding",
    "GatewayFrame",
    "Heartbeat",
    "Hello",
    "History",
    "NodeFrame",
    "OtherFrame",
    "Refusal",
    "ResultFrame",
    "Series",
    "SnapshotFrame",
    "Subscribe",
    "Welcome",
    "decode_client_frame",
    "decode_gateway_frame",
    "encode_frame",
]

PROTOCOL_VERSION = 1
PATH = "/stream"
MAX_CLIENT_FRAME = 64 * 1024  # bytes a client may send at once
MAX_GATEWAY_FRAME = 16 * 1024 * 1024  # bytes a gateway may send at once

Encoding: TypeAlias = Literal["json", "msgpack"]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CloseCode(IntEnum):
    """Why a gateway closed a connection; the close frame's text says it in words.

    ====================  =========================================================  =========
    code                  meaning                                                    try again
    ====================  =========================================================  =========
    GOING_AWAY            the gateway stops                                          yes
    PROTOCOL_ERROR        what came were no WebSocket frames                         no
    BAD_TEXT              the text of a close was no UTF-8                           no
    TOO_BIG               a frame was larger than MAX_CLIENT_FRAME                   no
    INTERNAL_ERROR        the gateway failed; its log says how                       later
    BAD_FRAME             a frame was unreadable or out of turn                      no
    UNAUTHENTICATED       the token is missing, forged, expired or taken back        new token
    FORBIDDEN             the token's role may not read nodes                        no
    UNKNOWN_TRADER        this home has no such trader                               no
    WRONG_VERSION         the gateway does not speak that protocol version           no
    TOO_SLOW              the client did not read what was sent to it                yes
    TOO_MANY              the client sent more frames than it may                    later
    NO_HELLO              no hello came within the deadline                          yes
    TOKEN_EXPIRED         the token ran out during the session                       new token
    ====================  =========================================================  =========
    """

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    BAD_TEXT = 1007
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    BAD_FRAME = 4000
    UNAUTHENTICATED = 4001
    FORBIDDEN = 4003
    UNKNOWN_TRADER = 4004
    WRONG_VERSION = 4006
    TOO_SLOW = 4008
    TOO_MANY = 4009
    NO_HELLO = 4010
    TOKEN_EXPIRED = 4011


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """One WebSocket message; `kind` names it on the wire."""


# --- client to gateway ----------------------------------------------------------------------


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """The first frame: who speaks, which version, and in which encoding to go on."""

    protocol: int
    token: str
    encoding: Encoding = "msgpack"
    client: str = ""

    def __repr__(self) -> str:
        return f"Hello(protocol={self.protocol}, token='…', encoding={self.encoding!r})"


class Subscribe(Frame, frozen=True, kw_only=True, tag="subscribe"):
    """What to see: topics of `trader` that match one of `patterns` (see `topic_matches`).

    `trader` may stay empty where the home has one trader. A client that comes back names the
    last event it has seen as (`epoch`, `seq`); the snapshot then carries all later ones.
    A second subscribe replaces the first.
    """

    trader: str = ""
    patterns: tuple[str, ...] = (">",)
    epoch: Count | None = None
    seq: Count | None = None


class AskHistory(Frame, frozen=True, kw_only=True, tag="history?"):
    """Ask for what the gateway remembers of the states that match `patterns`."""

    id: int
    patterns: tuple[str, ...]
    seconds: float = 1800.0


class CommandFrame(Frame, frozen=True, kw_only=True, tag="command"):
    """Ask a node to do something; see docs/commands.md.

    `id` (1 to 64 characters, made by the client) makes it idempotent: sent again with the same
    content it is not done again, its result is repeated. The node refuses it unread once its own
    clock has passed `deadline_ns` (UNIX ns). `timeout_s` is how long after that the gateway waits
    for the result. `trader` may stay empty: then it is the one subscribed to.
    """

    id: str
    name: str
    version: int = 1
    deadline_ns: int
    body: dict[str, object] = {}
    trader: str = ""
    timeout_s: float = 30.0


ClientFrame: TypeAlias = Hello | Subscribe | AskHistory | CommandFrame

# --- gateway to client ----------------------------------------------------------------------


class Welcome(Frame, frozen=True, kw_only=True, tag="welcome"):
    """The hello was accepted. Times in seconds, `conflate_ms` in milliseconds.

    `expires` is when the token runs out, UNIX seconds; the connection ends with it.
    """

    protocol: int
    gateway: str
    principal: str
    role: str
    expires: float
    heartbeat_s: float
    conflate_ms: int
    traders: tuple[str, ...] = ()


class NodeFrame(Frame, frozen=True, kw_only=True, tag="node"):
    """How the node is, as the gateway sees it.

    `state` is the node's own word (``running``, ``degraded``, ...), or ``attaching`` while the
    gateway asks for the first time, or ``unreachable``. `data_ts` is when the last message of the
    node was made, UNIX ns; 0 for never. `ts` is the gateway's clock.
    """

    trader: str
    state: str
    detail: str = ""
    epoch: int = 0
    simulated: bool = False
    data_ts: int = 0
    ts: int = 0


class SnapshotFrame(Frame, frozen=True, kw_only=True, tag="snapshot"):
    """The present, to begin from; replaces all that the client knew of states and orders.

    `events` are the recent ones (fills, breaches, node states), oldest first. With `resumed` they
    hold every event after the point named in the subscribe; without it (first subscribe, or the
    gap could not be filled) older ones may be missing.

    A present that is too large for one frame goes on in the deltas that follow at once, up to
    `upto`; it is 0 where this frame is all.
    """

    trader: str
    epoch: int
    seq: int
    ts: int
    simulated: bool
    resumed: bool = False
    upto: int = 0
    orders: tuple[Envelope, ...] = ()
    states: tuple[Envelope, ...] = ()
    events: tuple[Envelope, ...] = ()


class Delta(Frame, frozen=True, kw_only=True, tag="delta"):
    """What is new: `events` in order and none missing, and the latest of each changed state.

    The frame covers the writer's events (`after`, `upto`] of `epoch`; the patterns may have left
    some of them out. A client whose own position is not `after` has missed a frame.
    """

    trader: str
    epoch: int
    after: int
    upto: int
    ts: int
    events: tuple[Envelope, ...] = ()
    states: tuple[Envelope, ...] = ()


class Heartbeat(Frame, frozen=True, kw_only=True, tag="heartbeat"):
    """The gateway lives; `data_ts` as in `NodeFrame`."""

    ts: int
    data_ts: int = 0


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The remembered values of one state topic, at most one a second.

    `points` are (UNIX ns, value): equity for ``analytics.pnl``, the middle of bid and ask for
    ``market.quote``.
    """

    topic: str
    simulated: bool
    points: tuple[tuple[int, float], ...]


class History(Frame, frozen=True, kw_only=True, tag="history"):
    """The answer to `AskHistory` with the same `id`."""

    id: int
    series: tuple[Series, ...] = ()


class AckFrame(Frame, frozen=True, kw_only=True, tag="ack"):
    """The node has read the command with this `id` and will answer it."""

    id: str


class ResultFrame(Frame, frozen=True, kw_only=True, tag="result"):
    """How a command ended; the fields are those of `nautilus_lab.platform.messages.Result`.

    When not `ok`, the last four are a `LabError`. With `error_type` ``OutcomeUnknown`` the node
    has read the command, or may have, and nobody can say from here whether it was done: look
    what became of it, or ask again under the same `id`. With any other it was not done.
    """

    id: str
    ok: bool
    body: Any = None
    error: str = ""
    error_type: str = ""
    value: str = ""
    remedy: str = ""


class Refusal(Frame, frozen=True, kw_only=True, tag="refusal"):
    """Why the connection is about to be closed: the three lines of a `LabError`."""

    code: int
    rule: str
    value: str = ""
    remedy: str = ""


class OtherFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Stands for a frame whose kind, `name`, this version does not know; to be ignored."""

    name: str


_KnownFrame: TypeAlias = (
    Welcome
    | NodeFrame
    | SnapshotFrame
    | Delta
    | Heartbeat
    | History
    | AckFrame
    | ResultFrame
    | Refusal
)
GatewayFrame: TypeAlias = _KnownFrame | OtherFrame

_json_encoder = msgspec.json.Encoder(decimal_format="string")
_msgpack_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_client_json: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_client_msgpack: msgspec.msgpack.Decoder[ClientFrame] = msgspec.msgpack.Decoder(ClientFrame)
_gateway_json: msgspec.json.Decoder[_KnownFrame] = msgspec.json.Decoder(_KnownFrame)
_gateway_msgpack: msgspec.msgpack.Decoder[_KnownFrame] = msgspec.msgpack.Decoder(_KnownFrame)

_CLIENT_KINDS = frozenset(kind.__struct_config__.tag for kind in get_args(ClientFrame))
_FRAME_KINDS = frozenset(kind.__struct_config__.tag for kind in get_args(_KnownFrame))
_BODY_KINDS = frozenset(kind.__struct_config__.tag for kind in (*EVENTS, *STATES))
# what msgspec raises over bytes that are broken, not UTF-8, or nested without end
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode_frame(frame: Frame, encoding: Encoding) -> bytes:
    """Encode a frame; JSON goes as a text message, msgpack as a binary one."""
    return (_json_encoder if encoding == "json" else _msgpack_encoder).encode(frame)


def decode_client_frame(data: bytes | str, encoding: Encoding) -> ClientFrame:
    """Read what a client sent.

    Raises
    ------
    MessageError
        When `data` is no frame that a client may send.
    """
    try:
        if encoding == "json":
            return _client_json.decode(data)
        return _client_msgpack.decode(data if isinstance(data, bytes) else data.encode())
    except _UNREADABLE as error:
        raise _unreadable("a client frame", data, error) from None


def decode_gateway_frame(data: bytes | str) -> GatewayFrame:
    """Read what a gateway sent: JSON when it is text, msgpack when it is bytes.

    What a newer gateway may add is passed over: an envelope whose body is of an unknown kind is
    left out of its frame, and a frame of an unknown kind comes as `OtherFrame`.

    Raises
    ------
    MessageError
        When `data` is no frame that a gateway may send.
    """
    try:
        if isinstance(data, str):
            return _gateway_json.decode(data)
        return _gateway_msgpack.decode(data)
    except msgspec.ValidationError as error:
        if (frame := _without_unknown(data)) is not None:
            return frame
        raise _unreadable("a gateway frame", data, error) from None
    except _UNREADABLE as error:
        raise _unreadable("a gateway frame", data, error) from None


def _without_unknown(data: bytes | str) -> GatewayFrame | None:
    """Read a frame again without what is of an unknown kind; None when it is simply wrong."""
    try:
        plain = msgspec.json.decode(data) if isinstance(data, str) else msgspec.msgpack.decode(data)
        if not isinstance(plain, dict) or not isinstance(kind := plain.get("kind"), str):
            return None
        if kind not in _FRAME_KINDS:
            return None if kind in _CLIENT_KINDS else OtherFrame(name=kind)
        for name in ("orders", "states", "events"):
            if isinstance(envelopes := plain.get(name), list):
                plain[name] = [one for one in envelopes if not _of_unknown_body(one)]
        frame: GatewayFrame = msgspec.convert(plain, _KnownFrame)
        return frame
    except _UNREADABLE:
        return None


def _of_unknown_body(plain: object) -> bool:
    body = plain.get("body") if isinstance(plain, dict) else None
    kind = body.get("kind") if isinstance(body, dict) else None
    return isinstance(kind, str) and kind not in _BODY_KINDS


def _unreadable(what: str, data: bytes | str, error: Exception) -> MessageError:
    return MessageError(
        f"a message must be {what} of protocol version {PROTOCOL_VERSION}: {error}",
        value=data[:60],
        remedy="see docs/protocol.md; check that both sides run the same nautilus_lab",
    )
