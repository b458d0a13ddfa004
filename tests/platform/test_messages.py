"""The wire: what is written today is read tomorrow, and nothing else is."""

import contextlib
import json
import math
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import MessageError
from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import (
    EVENTS,
    SCHEMA_VERSION,
    STATES,
    AccountUpdated,
    Ack,
    AlertRaised,
    AlertUpdated,
    BarUpdated,
    Command,
    Envelope,
    HealthUpdated,
    LimitBreach,
    LimitUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderRouted,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
    QuoteUpdated,
    Result,
    RouteLeg,
    Snapshot,
    StrategyChanged,
    StrategyUpdated,
    TradingStateChanged,
    TradingStateUpdated,
    decode,
    decode_command,
    decode_reply,
    encode,
    encode_json,
    new_id,
    topic_matches,
)

GOLDEN = Path(__file__).parent / "golden"

_HOW_TO_CHANGE = """the bytes of {name} have changed.

If that was not meant, undo it: processes of other versions read these bytes.
If it was meant:
  * a new field with a default may be added as it is;
  * for any other change raise SCHEMA_VERSION in nautilus_lab/platform/messages.py;
  * then write this into tests/platform/golden/{name}.hex:
{data}"""

BODIES = {
    "OrderUpdated": OrderUpdated(
        client_order_id="O-20200102-001",
        venue_order_id="V-7",
        strategy="tilt",
        instrument="AAPL.PAPER",
        side="BUY",
        order_type="LIMIT",
        quantity=Decimal("100"),
        filled=Decimal("40"),
        limit_price=Decimal("74.50"),
        average_price=Decimal("74.4975"),
        status="PARTIALLY_FILLED",
        reason="",
        trigger_price=Decimal("74.25"),
        time_in_force="DAY",
        parent="O-20200102-000",
        list_id="OL-1",
        linked=("O-20200102-002",),
        algorithm="TWAP",
        arrival_price=Decimal("74.495"),
        by="ann",
        activation_price=Decimal("75.00"),
        trailing_offset=Decimal("500"),
        limit_offset=Decimal("25"),
        offset_type="BASIS_POINTS",
    ),
    "OrderFilled": OrderFilled(
        trade_id="T-1",
        client_order_id="O-20200102-001",
        strategy="tilt",
        instrument="AAPL.PAPER",
        side="SELL",
        quantity=Decimal("40"),
        price=Decimal("74.4975"),
        commission=Decimal("0.30"),
        currency="USD",
    ),
    "LimitBreach": LimitBreach(
        limit="max_order_notional",
        scope="order:tilt",
        value=300_000.5,
        limit_value=250_000.0,
        action="deny",
        client_order_id="O-20200102-001",
        reason="MAX_ORDER_NOTIONAL",
    ),
    "NodeStateChanged": NodeStateChanged(component="node", state="running", reason="started"),
    "QuoteUpdated": QuoteUpdated(
        instrument="AAPL.PAPER", bid=74.49, ask=74.51, bid_size=100.0, ask_size=200.0
    ),
    "PositionUpdated": PositionUpdated(
        instrument="AAPL.PAPER",
        quantity=-40.0,
        average_price=74.4975,
        market_price=74.5,
        market_value=-2980.0,
        unrealised=-0.1,
        realised=12.5,
    ),
    "AccountUpdated": AccountUpdated(
        venue="PAPER",
        currency="USD",
        cash=1_002_992.4,
        equity=1_000_012.4,
        gross_exposure=2980.0,
        net_exposure=-2980.0,
    ),
    "PnlUpdated": PnlUpdated(
        scope="account",
        currency="USD",
        realised=12.5,
        unrealised=-0.1,
        commissions=0.3,
        total=12.1,
        equity=1_000_012.1,
    ),
    "LimitUpdated": LimitUpdated(
        limit="max_order_notional",
        scope="order",
        value=200_000.0,
        limit_value=250_000.0,
        utilisation=0.8,
        level="warn",
    ),
    "HealthUpdated": HealthUpdated(
        component="node",
        state="running",
        detail="",
        pid=4711,
        loop_lag_ms=1.5,
        rss_mib=250.25,
        cpu_percent=12.5,
        bus="connected",
    ),
    "TradingStateChanged": TradingStateChanged(
        state="HALTED", before="ACTIVE", reason="daily loss", by="node", automatic=True
    ),
    "StrategyChanged": StrategyChanged(
        strategy="Tilt-002", name="tilt", version="1.2.0", state="running", reason="", by="ann"
    ),
    "OrderRouted": OrderRouted(
        client_order_id="O-20200102-001",
        instrument="AAPL",
        side="BUY",
        quantity=Decimal("100"),
        legs=(
            RouteLeg(
                venue="PAPER",
                client_order_id="O-20200102-001-1",
                quantity=Decimal("100"),
                price=Decimal("74.51"),
                available=Decimal("200"),
                fee_bps=1.0,
                reason="74.51745 a unit after fees, the best of 2",
            ),
        ),
        expected_cost=Decimal("7451.75"),
        policy="best price after fees",
        unplaced=Decimal("0"),
        passed_over=("XPAR: stale: 12 s old",),
    ),
    "AlertRaised": AlertRaised(
        severity="critical",
        component="supervisor",
        rule="a node may be restarted 3 times in 10 minutes",
        detail="PAPER-001",
        remedy="see its log",
        scope="AAPL.PAPER",
        level="breach",
    ),
    "AlertUpdated": AlertUpdated(
        alert_id="01a2156f-60a2-748b-8790-835f04a635c3",
        event="escalated",
        severity="critical",
        component="risk",
        rule="max_gross must hold",
        detail="breach: 2.1 of 2",
        remedy="reduce what it is of",
        scope="account",
        level="breach",
        rank=2,
        count=3,
        raised_ns=1_606_003_200_123_456_789,
        acknowledged_by="ana",
    ),
    "TradingStateUpdated": TradingStateUpdated(
        state="REDUCE_ONLY", since_ns=1_606_003_200_123_456_789, reason="drawdown", by="node"
    ),
    "StrategyUpdated": StrategyUpdated(
        strategy="Tilt-002",
        name="tilt",
        version="1.2.0",
        state="running",
        working_orders=2,
        realised=12.5,
        unrealised=-0.1,
        detail="",
    ),
    "BarUpdated": BarUpdated(
        instrument="AAPL.PAPER",
        spec="1-MINUTE-MID",
        open=74.4,
        high=74.6,
        low=74.3,
        close=74.5,
        volume=1200.0,
    ),
}


def _wrapped(name: str) -> Envelope:
    body = BODIES[name]
    event = isinstance(body, EVENTS)
    return Envelope(
        id="0190a000-0000-7000-8000-000000000001",
        topic="trading.example.PAPER-001.tilt",
        ts=1_606_003_200_123_456_789,
        source_ts=None if event else 1_577_923_200_000_000_000,
        trader="PAPER-001",
        writer="node",
        epoch=3,
        seq=41 if event else None,
        simulated=True,
        body=body,
        v=1,
    )


MESSAGES: dict[str, msgspec.Struct] = {name: _wrapped(name) for name in BODIES} | {
    "Command": Command(
        id="0190a000-0000-7000-8000-000000000002",
        name="node.events",
        version=1,
        principal_token="token",
        deadline_ns=1_606_003_201_000_000_000,
        body={"epoch": 3, "seq": 41},
    ),
    "Ack": Ack(id="0190a000-0000-7000-8000-000000000002"),
    "Result": Result(
        id="0190a000-0000-7000-8000-000000000002",
        ok=False,
        body=None,
        error="an order's notional must stay within the limit",
        error_type="LimitBreached",
        value="300000.5",
        remedy="make it smaller",
    ),
    "Snapshot": Snapshot(
        trader="PAPER-001",
        epoch=3,
        seq=41,
        ts=1_606_003_200_123_456_789,
        simulated=True,
        orders=(_wrapped("OrderUpdated"),),
        states=(_wrapped("QuoteUpdated"), _wrapped("PnlUpdated")),
        fills=(_wrapped("OrderFilled"),),
    ),
}

_READERS = {"Command": decode_command, "Ack": decode_reply, "Result": decode_reply}


def _read(name: str, data: bytes) -> msgspec.Struct:
    if name == "Snapshot":
        return msgspec.msgpack.decode(data, type=Snapshot)
    return _READERS.get(name, decode)(data)


# --- golden bytes -------------------------------------------------------------------------


@pytest.mark.parametrize("name", MESSAGES)
def test_the_bytes_are_those_of_every_version_before(name):
    data = encode(MESSAGES[name]).hex()
    path = GOLDEN / f"{name}.hex"
    golden = "".join(path.read_text("ascii").split()) if path.exists() else ""
    lines = "\n".join(data[i : i + 80] for i in range(0, len(data), 80))
    assert data == golden, _HOW_TO_CHANGE.format(name=name, data=lines)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_golden_bytes_read_as_what_was_written(name):
    data = bytes.fromhex((GOLDEN / f"{name}.hex").read_text("ascii"))
    assert _read(name, data) == MESSAGES[name]


@pytest.mark.parametrize("path", sorted((GOLDEN / "earlier").glob("*.hex")), ids=lambda p: p.stem)
def test_bytes_from_before_a_field_was_added_are_still_read(path):
    told = _read(path.stem, bytes.fromhex(path.read_text("ascii")))
    order = told.orders[0].body if isinstance(told, Snapshot) else told.body
    trailing = ("activation_price", "trailing_offset", "limit_offset", "offset_type")
    unknown = dict.fromkeys(trailing)
    assert order == msgspec.structs.replace(BODIES["OrderUpdated"], **unknown)


def test_an_alert_from_before_it_had_a_level_is_still_read():
    now = encode(MESSAGES["AlertRaised"])
    scope, level = (msgspec.msgpack.encode(word) for word in ("scope", "level"))
    values = msgspec.msgpack.encode("AAPL.PAPER"), msgspec.msgpack.encode("breach")
    then = now.replace(scope + values[0] + level + values[1], b"").replace(
        b"\x88\xa4kind", b"\x86\xa4kind"
    )
    told = decode(then).body
    assert told == msgspec.structs.replace(BODIES["AlertRaised"], scope="", level="")


def test_a_fill_from_before_it_had_a_multiplier_is_one_of_shares():
    now = encode(MESSAGES["OrderFilled"])
    multiplier, one = (msgspec.msgpack.encode(word) for word in ("multiplier", "1"))
    then = now.replace(multiplier + one, b"").replace(b"\x8b\xa4kind", b"\x8a\xa4kind")
    assert len(then) == len(now) - len(multiplier + one)
    assert decode(then).body == BODIES["OrderFilled"]


def test_every_body_and_every_message_has_its_golden_bytes():
    sent = {body.__name__ for body in (*EVENTS, *STATES)}
    assert {path.stem for path in GOLDEN.glob("*.hex")} == sent | set(MESSAGES)
    assert sent == set(BODIES)


def test_every_body_is_an_event_or_a_state():
    assert {*EVENTS, *STATES} == set(messages.Body.__subclasses__())
    assert not {*EVENTS} & {*STATES}


def test_the_golden_bytes_are_of_this_schema_version():
    """Raising the version is a change of every envelope's bytes, made on purpose."""
    assert {message.v for message in MESSAGES.values() if isinstance(message, Envelope)} == {
        SCHEMA_VERSION
    }


# --- readers and writers of other versions ------------------------------------------------


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_of_a_newer_writer_are_ignored(name):
    plain = msgspec.msgpack.decode(encode(MESSAGES[name]))
    plain["added_later"] = {"deep": [1, 2]}
    if "id" in plain and isinstance(plain.get("body"), dict) and name != "Command":
        plain["body"]["added_later"] = 1.5
    assert _read(name, msgspec.msgpack.encode(plain)) == MESSAGES[name]


def test_fields_with_a_default_may_be_missing_from_an_older_writer():
    plain = msgspec.msgpack.decode(encode(MESSAGES["OrderUpdated"]))
    for key in ("source_ts", "epoch", "seq", "simulated", "v"):
        del plain[key]
    for key in ("venue_order_id", "filled", "limit_price", "average_price", "reason"):
        del plain["body"][key]
    read = decode(msgspec.msgpack.encode(plain))
    assert (read.epoch, read.seq, read.simulated, read.v) == (0, None, False, SCHEMA_VERSION)
    assert (read.body.filled, read.body.limit_price) == (Decimal(0), None)


@pytest.mark.parametrize("name", BODIES)
def test_json_says_the_same(name):
    read = msgspec.json.decode(encode_json(MESSAGES[name]), type=Envelope)
    assert read == MESSAGES[name]
    assert json.loads(encode_json(MESSAGES[name]))["body"]["kind"] == name.lower()


def test_a_decimal_keeps_every_digit():
    fill = msgspec.structs.replace(BODIES["OrderFilled"], price=Decimal("0.10000000000000000001"))
    sent = msgspec.structs.replace(MESSAGES["OrderFilled"], body=fill)
    for read in (decode(encode(sent)), msgspec.json.decode(encode_json(sent), type=Envelope)):
        assert str(read.body.price) == "0.10000000000000000001"


# --- what is no message -------------------------------------------------------------------


def _numbers(body: msgspec.Struct) -> list[str]:
    return [
        field.name
        for field in msgspec.structs.fields(body)
        if type(getattr(body, field.name)) in (float, Decimal)
    ]


@pytest.mark.parametrize("not_finite", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, body in BODIES.items() for field in _numbers(body)]
)
def test_a_number_that_is_not_finite_is_refused_by_writer_and_reader(name, field, not_finite):
    kind = type(getattr(BODIES[name], field))
    with pytest.raises(MessageError, match="finite"):
        msgspec.structs.replace(BODIES[name], **{field: kind(not_finite)})
    plain = msgspec.msgpack.decode(encode(MESSAGES[name]))
    plain["body"][field] = not_finite if kind is float else str(not_finite)
    with pytest.raises(MessageError):
        decode(msgspec.msgpack.encode(plain))


def test_a_signalling_nan_is_refused_too():
    with pytest.raises(MessageError, match="finite"):
        msgspec.structs.replace(BODIES["OrderFilled"], price=Decimal("sNaN"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topic", 7),
        ("ts", "now"),
        ("seq", 1.5),
        ("body", {"kind": "unheard-of"}),
        ("body", {}),
        ("body", None),
        ("id", None),
    ],
)
def test_an_envelope_of_the_wrong_shape_is_refused(key, value):
    plain = msgspec.msgpack.decode(encode(MESSAGES["QuoteUpdated"]))
    plain[key] = value
    with pytest.raises(MessageError, match="bytes must be an envelope of schema version 1"):
        decode(msgspec.msgpack.encode(plain))


def test_a_side_that_is_none_is_refused():
    plain = msgspec.msgpack.decode(encode(MESSAGES["OrderFilled"]))
    plain["body"]["side"] = "HOLD"
    with pytest.raises(MessageError, match="HOLD"):
        decode(msgspec.msgpack.encode(plain))


@pytest.mark.parametrize(
    "body",
    [
        b"\x81\xa1a" + b"\x91" * 50_000 + b"\xc0",  # nested without end
        b"\x81\xa1a\xa1\xff",  # a text that is not UTF-8
        b"\x81\xa1\xff\xc0",  # a key that is not
        b"\x81\xa1a\xdf\xff\xff\xff\xff",  # a map of four billion entries
        b"\x81\xa1a\xc1",  # a byte msgpack does not have
    ],
)
def test_hostile_bytes_are_one_clear_error(body):
    head = encode(Command(id="1", name="x", deadline_ns=1)).removesuffix(b"\xa4body\x80")
    assert head != encode(Command(id="1", name="x", deadline_ns=1))
    with pytest.raises(MessageError, match="must be a command"):
        decode_command(head + b"\xa4body" + body)


@given(data=st.binary(max_size=400))
def test_no_bytes_break_a_reader(data):
    for read in (decode, decode_command, decode_reply):
        with pytest.raises(MessageError):
            read(data)


@given(
    name=st.sampled_from(sorted(set(MESSAGES) - {"Snapshot"})),
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
def test_a_damaged_message_is_refused_or_read_as_a_message(name, place, byte):
    data = bytearray(encode(MESSAGES[name]))
    data[place % len(data)] = byte
    with contextlib.suppress(MessageError):
        assert isinstance(_read(name, bytes(data)), msgspec.Struct)


def test_a_message_cannot_be_changed():
    with pytest.raises(AttributeError):
        MESSAGES["QuoteUpdated"].topic = "other"
    with pytest.raises(AttributeError):
        BODIES["QuoteUpdated"].bid = 1.0


# --- ids and topics -----------------------------------------------------------------------


def test_ids_are_unique_and_sort_by_time():
    ids = [new_id() for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {text[14] for text in ids} == {"7"}  # the version digit of RFC 9562


def test_a_new_envelope_carries_the_present_time():
    wrapped = messages.envelope(BODIES["QuoteUpdated"], "a.b", trader="T-1", writer="node")
    other = messages.envelope(BODIES["QuoteUpdated"], "a.b", trader="T-1", writer="node")
    assert 0 <= other.ts - wrapped.ts < 60e9
    assert wrapped.id < other.id
    assert (wrapped.seq, wrapped.source_ts, wrapped.simulated) == (None, None, False)


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("a.b.c", "a.b.c", True),
        ("a.b.c", "a.b.d", False),
        ("a.b", "a.b.c", False),
        ("a.b.c", "a.b", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.b.c", False),
        ("*.*.*", "a.b.c", True),
        ("*", "a", True),
        ("*", "a.b", False),
        ("a.>", "a.b", True),
        ("a.>", "a.b.c.d", True),
        ("a.>", "a", False),
        ("a.*.>", "a.b", False),
        ("a.*.>", "a.b.c", True),
        (">", "a.b.c", True),
        ("a.b>", "a.bc", False),
    ],
)
def test_topics_match_by_the_rules_of_nats(pattern, topic, matches):
    """https://docs.nats.io/nats-concepts/subjects#wildcards"""
    assert topic_matches(pattern, topic) is matches
