"""Every event, state and command that crosses a process border, as frozen structs.

What travels is an `Envelope` around one body. Two classes of body ride the bus:

* *events* (`EVENTS`): something happened; stored before they are published, numbered by `seq`
  without gaps per (writer, epoch), never dropped;
* *states* (`STATES`): how something is now; conflated, the latest wins, `seq` is None.

Commands never ride the bus: `Command` -> `Ack` -> `Result` over the node's own socket.

The wire is msgpack (`encode`/`decode`); JSON reads the same (`encode_json`). Unknown fields are
ignored, so that a newer writer can add some; the golden bytes in the tests hold the rest still.
A published message is never changed: derive a new one with `msgspec.structs.replace`.
"""

from __future__ import annotations

import math
import time
from decimal import Decimal
from typing import Literal, TypeAlias, get_args

import msgspec
import uuid_utils

from nautilus_lab.exceptions import MessageError

__all__ = [
    "EVENTS",
    "SCHEMA_VERSION",
    "STATES",
    "AccountUpdated",
    "Ack",
    "AlertLevel",
    "AlertRaised",
    "AlertUpdated",
    "BarUpdated",
    "Body",
    "Command",
    "Envelope",
    "Event",
    "HealthUpdated",
    "LimitBreach",
    "LimitUpdated",
    "NodeStateChanged",
    "OrderFilled",
    "OrderRouted",
    "OrderUpdated",
    "PnlUpdated",
    "PositionUpdated",
    "QuoteUpdated",
    "Result",
    "RouteLeg",
    "Severity",
    "Snapshot",
    "State",
    "StrategyChanged",
    "StrategyState",
    "StrategyUpdated",
    "TradingState",
    "TradingStateChanged",
    "TradingStateUpdated",
    "decode",
    "decode_command",
    "decode_reply",
    "encode",
    "encode_json",
    "envelope",
    "new_id",
    "topic_matches",
]

SCHEMA_VERSION = 1

Side: TypeAlias = Literal["BUY", "SELL"]
Level: TypeAlias = Literal["ok", "warn", "critical", "breach"]
AlertLevel: TypeAlias = Literal["", "ok", "warn", "critical", "breach"]
Severity: TypeAlias = Literal["info", "warning", "critical"]
StrategyState: TypeAlias = Literal["deployed", "running", "paused", "stopped", "replaced", "failed"]
# ACTIVE; REDUCE_ONLY takes what reduces a position; HALTED and KILLED take cancels only.
TradingState: TypeAlias = Literal["ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"]


class Body(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """What an envelope carries; the class name in lower case is its tag on the wire.

    Raises
    ------
    MessageError
        When a number is not finite. What cannot be told as a number is not told: JSON has no
        NaN, and a NaN passes comparisons it should fail.
    """

    def __post_init__(self) -> None:
        for value in msgspec.structs.astuple(self):
            if (type(value) is float and not math.isfinite(value)) or (
                type(value) is Decimal and not value.is_finite()
            ):
                raise MessageError(
                    "a number in a message must be finite",
                    value=self,
                    remedy="publish when it is known",
                )


# --- events -------------------------------------------------------------------------------


class OrderUpdated(Body, frozen=True, kw_only=True):
    """An order as it stands after something happened to it.

    Quantities are units of the instrument, prices its quote currency. `status` is Nautilus'
    name: INITIALIZED, DENIED, SUBMITTED, ACCEPTED, PARTIALLY_FILLED, FILLED, CANCELED, ...

    `parent` is the order that this one works for (a slice of an execution algorithm, a leg of a
    routed order) or hangs on (the exits of a bracket); `list_id` the list it was sent with;
    `linked` the orders that end with it. `arrival_price` is the middle of the quote when the
    order was asked for: what slippage is measured against. `by` is who asked for it.

    Of an order that trails, `trigger_price` is where its trigger stands now; it follows the
    market by `trailing_offset` from `activation_price` on, and the limit follows the market, too,
    by `limit_offset`, both counted in `offset_type`: PRICE, BASIS_POINTS or TICKS.

    An order that an algorithm works is told with all that works for it, slices and legs:
    `quantity` is what was asked for, `filled` and `average_price` are of all of them, and it is
    over when the last of them is. `status` is FILLED when all of it is, CANCELED when it ended
    with a part, and DENIED only when nothing of it was placed.
    """

    client_order_id: str
    venue_order_id: str | None = None
    strategy: str
    instrument: str
    side: Side
    order_type: str
    quantity: Decimal
    filled: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    average_price: Decimal | None = None
    status: str
    reason: str = ""
    trigger_price: Decimal | None = None
    time_in_force: str = "GTC"
    parent: str | None = None
    list_id: str | None = None
    linked: tuple[str, ...] = ()
    algorithm: str | None = None
    arrival_price: Decimal | None = None
    by: str = ""
    activation_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    limit_offset: Decimal | None = None
    offset_type: str | None = None


class OrderFilled(Body, frozen=True, kw_only=True):
    """One execution; `trade_id` is the venue's and unique there.

    It moves quantity times price times `multiplier`, which is 1 for shares and what a point is
    worth for a future.
    """

    trade_id: str
    client_order_id: str
    strategy: str
    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal = Decimal(0)
    currency: str = "USD"
    multiplier: Decimal = Decimal(1)


class LimitBreach(Body, frozen=True, kw_only=True):
    """A limit said no, or was found exceeded; `value` is None when it could not be measured."""

    limit: str
    scope: str
    value: float | None
    limit_value: float
    action: str
    client_order_id: str | None = None
    reason: str = ""


class NodeStateChanged(Body, frozen=True, kw_only=True):
    """A node, or a part of it, entered another state of the life cycle."""

    component: str
    state: str
    reason: str = ""


class TradingStateChanged(Body, frozen=True, kw_only=True):
    """A trader may do less, or more, than before; see `TradingState`.

    `automatic` says that no person asked; automatic moves only tighten.
    """

    state: TradingState
    before: TradingState
    reason: str
    by: str
    automatic: bool = False


class StrategyChanged(Body, frozen=True, kw_only=True):
    """A strategy was deployed, started, paused, stopped, replaced, or fell."""

    strategy: str
    name: str
    version: str
    state: StrategyState
    reason: str = ""
    by: str = ""


class RouteLeg(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue was sent of a routed order, and what it offered when that was decided.

    `price` is the worst it may take, `available` what was there at that or better.
    """

    venue: str
    client_order_id: str
    quantity: Decimal
    price: Decimal
    available: Decimal
    fee_bps: float
    reason: str = ""


class OrderRouted(Body, frozen=True, kw_only=True):
    """How a router split an order among venues: kept for the analysis of executions.

    `expected_cost` is what the legs cost at the quotes seen, fees included, or for a sale bring, in
    quote currency; `unplaced` is what no venue offered, `passed_over` which venues got nothing,
    each with the reason: ``"XPAR: stale: 12 s old"``.
    """

    client_order_id: str
    instrument: str
    side: Side
    quantity: Decimal
    legs: tuple[RouteLeg, ...]
    expected_cost: Decimal
    policy: str
    unplaced: Decimal = Decimal(0)
    passed_over: tuple[str, ...] = ()


class AlertRaised(Body, frozen=True, kw_only=True):
    """Somebody should look: what broke which rule, and what to do.

    A rule that is broken more or less has a `level` for each `scope`; at "ok" it is over.
    """

    severity: Severity
    component: str
    rule: str
    detail: str = ""
    remedy: str = ""
    scope: str = ""
    level: AlertLevel = ""


# --- states -------------------------------------------------------------------------------


class QuoteUpdated(Body, frozen=True, kw_only=True):
    """The best bid and ask of an instrument, in its quote currency; sizes in units."""

    instrument: str
    bid: float
    ask: float
    bid_size: float = 0.0
    ask_size: float = 0.0


class PositionUpdated(Body, frozen=True, kw_only=True):
    """A net position at the market; `quantity` is signed units, money in account currency.

    Prices are as they are quoted: their values are times `multiplier`.
    """

    instrument: str
    quantity: float
    average_price: float
    market_price: float
    market_value: float
    unrealised: float
    realised: float
    multiplier: float = 1.0


class AccountUpdated(Body, frozen=True, kw_only=True):
    """An account at the market, in `currency`; exposures are absolute and net market value."""

    venue: str
    currency: str
    cash: float
    equity: float
    gross_exposure: float
    net_exposure: float


class PnlUpdated(Body, frozen=True, kw_only=True):
    """Profit and loss of a scope since the node's trader first started, in `currency`."""

    scope: str
    currency: str
    realised: float
    unrealised: float
    commissions: float
    total: float
    equity: float


class LimitUpdated(Body, frozen=True, kw_only=True):
    """How much of a limit is used; `utilisation` is a fraction, 1.0 is the limit.

    What is None could not be measured, which is a breach. `base_value` is the limit as people set
    it, when it adjusts itself; within `eta_s` seconds a breach is as probable as not.
    """

    limit: str
    scope: str
    value: float | None
    limit_value: float | None
    utilisation: float | None
    level: Level
    base_value: float | None = None
    eta_s: float | None = None


class HealthUpdated(Body, frozen=True, kw_only=True):
    """The heartbeat of a process."""

    component: str
    state: str
    detail: str = ""
    pid: int = 0
    loop_lag_ms: float = 0.0
    rss_mib: float = 0.0
    cpu_percent: float = 0.0
    bus: str = ""


class AlertUpdated(Body, frozen=True, kw_only=True):
    """How an alert stands after something happened to it, as the lab's monitor tells it.

    `event` is what happened; `rank` is how high it climbed, 0 to 4; `acknowledged_by` is empty
    while nobody has seen to it.
    """

    alert_id: str
    event: Literal["raised", "escalated", "recovered"]
    severity: Severity
    component: str
    rule: str
    detail: str = ""
    remedy: str = ""
    scope: str = ""
    level: AlertLevel = ""
    rank: int = 0
    count: int = 1
    raised_ns: int = 0
    acknowledged_by: str = ""


class TradingStateUpdated(Body, frozen=True, kw_only=True):
    """What a trader may do now, since when (UNIX ns), why, and who said so."""

    state: TradingState
    since_ns: int = 0
    reason: str = ""
    by: str = ""


class StrategyUpdated(Body, frozen=True, kw_only=True):
    """A deployed strategy as it is: its name and version, and what its book holds."""

    strategy: str
    name: str
    version: str
    state: StrategyState
    working_orders: int = 0
    realised: float = 0.0
    unrealised: float = 0.0
    detail: str = ""


class BarUpdated(Body, frozen=True, kw_only=True):
    """A bar that has closed; `spec` is Nautilus' bar specification: ``1-MINUTE-MID``."""

    instrument: str
    spec: str
    open: float
    high: float
    low: float
    close: float
    volume: float


Event: TypeAlias = (
    OrderUpdated
    | OrderFilled
    | LimitBreach
    | NodeStateChanged
    | TradingStateChanged
    | StrategyChanged
    | OrderRouted
    | AlertRaised
)
State: TypeAlias = (
    QuoteUpdated
    | PositionUpdated
    | AccountUpdated
    | PnlUpdated
    | LimitUpdated
    | HealthUpdated
    | TradingStateUpdated
    | StrategyUpdated
    | BarUpdated
    | AlertUpdated
)
EVENTS: tuple[type[Body], ...] = get_args(Event)
STATES: tuple[type[Body], ...] = get_args(State)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One message on the bus.

    Attributes
    ----------
    id : str
        A time-ordered unique id (UUID version 7).
    topic : str
        Dotted, general to particular: ``trading.order.PAPER-001.tilt``.
    ts : int
        When it was made, UNIX nanoseconds UTC, the real clock.
    source_ts : int or None
        When its cause happened at the source (a replayed quote keeps its historical time here).
    trader, writer : str
        Whose it is, and which process wrote it: ``"node"``, ``"supervisor"``.
    epoch : int
        How many times the writer has started; with `seq` it orders the events.
    seq : int or None
        The writer's number of this event, without gaps within an epoch; None for states.
    simulated : bool
        Whether it comes from a simulator or a replay and not from a market.
    body : Event or State
        What happened, or how things are.
    v : int
        The schema version of the writer.
    """

    id: str
    topic: str
    ts: int
    source_ts: int | None = None
    trader: str
    writer: str
    epoch: int = 0
    seq: int | None = None
    simulated: bool = False
    body: Event | State
    v: int = SCHEMA_VERSION


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that a viewer needs to begin: the node's present, stamped with its last `seq`.

    `orders` are envelopes of the working orders and of the most recent closed ones, `fills` of
    the most recent fills, oldest first, of earlier epochs too; `states` the latest envelope of
    every state topic; events after (`epoch`, `seq`) follow as deltas.
    """

    trader: str
    epoch: int
    seq: int
    ts: int
    simulated: bool
    orders: tuple[Envelope, ...] = ()
    states: tuple[Envelope, ...] = ()
    fills: tuple[Envelope, ...] = ()


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a node or a supervisor.

    `id` makes it idempotent; past `deadline_ns` (UNIX ns) it is refused unread. `body` is
    checked against the command's own schema by the receiver.
    """

    id: str
    name: str
    version: int = 1
    principal_token: str = ""
    deadline_ns: int
    body: dict[str, object] = {}


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag="ack", tag_field="kind"):
    """The receiver has the command and will answer it."""

    id: str


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="result", tag_field="kind"):
    """How a command ended.

    When not `ok`, the last four are a `LabError`: its rule, its class, the value that broke the
    rule (shown, not kept) and what to do.
    """

    id: str
    ok: bool
    body: object = None
    error: str = ""
    error_type: str = ""
    value: str = ""
    remedy: str = ""


_msgpack = msgspec.msgpack.Encoder(decimal_format="string")
_json = msgspec.json.Encoder(decimal_format="string")
_envelope = msgspec.msgpack.Decoder(Envelope)
_command = msgspec.msgpack.Decoder(Command)
# what msgspec raises over bytes that are broken, not UTF-8, or nested without end
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_reply: msgspec.msgpack.Decoder[Ack | Result] = msgspec.msgpack.Decoder(Ack | Result)


def new_id() -> str:
    """Return a time-ordered unique id (UUID version 7)."""
    return str(uuid_utils.uuid7())


def encode(message: msgspec.Struct) -> bytes:
    """Encode a message as msgpack."""
    return _msgpack.encode(message)


def encode_json(message: msgspec.Struct) -> bytes:
    """Encode a message as JSON."""
    return _json.encode(message)


def decode(data: bytes | memoryview) -> Envelope:
    """Decode an envelope.

    Raises
    ------
    MessageError
        When `data` is not an envelope.
    """
    try:
        return _envelope.decode(data)
    except _UNREADABLE as error:
        raise _not_ours("an envelope", data, error) from None


def decode_command(data: bytes | memoryview) -> Command:
    """Decode a command; raises `MessageError` when `data` is none."""
    try:
        return _command.decode(data)
    except _UNREADABLE as error:
        raise _not_ours("a command", data, error) from None


def decode_reply(data: bytes | memoryview) -> Ack | Result:
    """Decode the answer to a command; raises `MessageError` when `data` is none."""
    try:
        return _reply.decode(data)
    except _UNREADABLE as error:
        raise _not_ours("an Ack or a Result", data, error) from None


def envelope(
    body: Event | State,
    topic: str,
    *,
    trader: str,
    writer: str,
    epoch: int = 0,
    seq: int | None = None,
    source_ts: int | None = None,
    simulated: bool = False,
) -> Envelope:
    """Wrap `body` with a fresh id and the present time."""
    return Envelope(
        id=new_id(),
        topic=topic,
        ts=time.time_ns(),
        source_ts=source_ts,
        trader=trader,
        writer=writer,
        epoch=epoch,
        seq=seq,
        simulated=simulated,
        body=body,
    )


def topic_matches(pattern: str, topic: str) -> bool:
    """Whether `topic` falls under `pattern`.

    ``*`` stands for one part, ``>`` as the last part for one or more (NATS' rules).

    Examples
    --------
    >>> topic_matches("market.quote.*.AAPL", "market.quote.PAPER.AAPL")
    True
    >>> topic_matches("trading.>", "trading.order.PAPER-001.tilt")
    True
    >>> topic_matches("trading.*", "trading.order.PAPER-001")
    False
    """
    if pattern == ">":
        return True
    wanted, parts = pattern.split("."), topic.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(parts) <= len(wanted):
            return False
        parts = parts[: len(wanted)]
    return len(wanted) == len(parts) and all(
        w in ("*", p) for w, p in zip(wanted, parts, strict=True)
    )


def _not_ours(what: str, data: bytes | memoryview, error: Exception) -> MessageError:
    return MessageError(
        f"bytes must be {what} of schema version {SCHEMA_VERSION}: {error}",
        value=bytes(data[:60]),
        remedy="check that both sides run the same nautilus_lab",
    )
