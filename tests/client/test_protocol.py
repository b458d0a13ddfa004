import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from nautilus_lab.client.protocol import (
    AckFrame,
    AskHistory,
    CloseCode,
    CommandFrame,
    Delta,
    Heartbeat,
    Hello,
    History,
    NodeFrame,
    OtherFrame,
    Refusal,
    ResultFrame,
    Series,
    SnapshotFrame,
    Subscribe,
    Welcome,
    decode_client_frame,
    decode_gateway_frame,
    encode_frame,
)
from nautilus_lab.exceptions import MessageError
from nautilus_lab.platform.messages import EVENTS, STATES, Envelope, NodeStateChanged
from nautilus_lab.trading.commands import NODE_COMMANDS

ENVELOPE = Envelope(
    id="0190a1b2-0000-7000-8000-000000000000",
    topic="system.node.PAPER-001",
    ts=1_577_836_800_000_000_000,
    trader="PAPER-001",
    writer="node",
    epoch=3,
    seq=7,
    simulated=True,
    body=NodeStateChanged(component="node", state="running"),
)
ENVELOPE_JSON = (
    '{"id":"0190a1b2-0000-7000-8000-000000000000","topic":"system.node.PAPER-001",'
    '"ts":1577836800000000000,"source_ts":null,"trader":"PAPER-001","writer":"node","epoch":3,'
    '"seq":7,"simulated":true,'
    '"body":{"kind":"nodestatechanged","component":"node","state":"running","reason":""},"v":1}'
)

# What version 1 looks like on the wire; a change here is a new version.
CLIENT = [
    (
        Hello(protocol=1, token="t", encoding="json", client="c"),
        '{"kind":"hello","protocol":1,"token":"t","encoding":"json","client":"c"}',
    ),
    (
        Subscribe(trader="T-1", patterns=("a.>",), epoch=3, seq=7),
        '{"kind":"subscribe","trader":"T-1","patterns":["a.>"],"epoch":3,"seq":7}',
    ),
    (
        AskHistory(id=4, patterns=("a.*",), seconds=60.0),
        '{"kind":"history?","id":4,"patterns":["a.*"],"seconds":60.0}',
    ),
    (
        CommandFrame(id="c-1", name="a.do", deadline_ns=9, body={"x": 1}, trader="T-1"),
        '{"kind":"command","id":"c-1","name":"a.do","version":1,"deadline_ns":9,"body":{"x":1},'
        '"trader":"T-1","timeout_s":30.0}',
    ),
]
GATEWAY = [
    (
        Welcome(
            protocol=1,
            gateway="g",
            principal="ada",
            role="viewer",
            expires=5.0,
            heartbeat_s=2.0,
            conflate_ms=200,
            traders=("T-1",),
        ),
        '{"kind":"welcome","protocol":1,"gateway":"g","principal":"ada","role":"viewer",'
        '"expires":5.0,"heartbeat_s":2.0,"conflate_ms":200,"traders":["T-1"]}',
    ),
    (
        NodeFrame(trader="T-1", state="running", epoch=3, simulated=True, data_ts=8, ts=9),
        '{"kind":"node","trader":"T-1","state":"running","detail":"","epoch":3,"simulated":true,'
        '"data_ts":8,"ts":9}',
    ),
    (
        SnapshotFrame(trader="T-1", epoch=3, seq=7, ts=9, simulated=True, events=(ENVELOPE,)),
        '{"kind":"snapshot","trader":"T-1","epoch":3,"seq":7,"ts":9,"simulated":true,'
        f'"resumed":false,"upto":0,"orders":[],"states":[],"events":[{ENVELOPE_JSON}]}}',
    ),
    (
        Delta(trader="T-1", epoch=3, after=6, upto=7, ts=9, events=(ENVELOPE,)),
        '{"kind":"delta","trader":"T-1","epoch":3,"after":6,"upto":7,"ts":9,'
        f'"events":[{ENVELOPE_JSON}],"states":[]}}',
    ),
    (Heartbeat(ts=9, data_ts=8), '{"kind":"heartbeat","ts":9,"data_ts":8}'),
    (
        History(id=4, series=(Series(topic="a.b", simulated=True, points=((9, 1.5),)),)),
        '{"kind":"history","id":4,"series":[{"topic":"a.b","simulated":true,"points":[[9,1.5]]}]}',
    ),
    (AckFrame(id="c-1"), '{"kind":"ack","id":"c-1"}'),
    (
        ResultFrame(id="c-1", ok=False, error="r", error_type="NodeError", value="v", remedy="do"),
        '{"kind":"result","id":"c-1","ok":false,"body":null,"error":"r","error_type":"NodeError",'
        '"value":"v","remedy":"do"}',
    ),
    (
        Refusal(code=4001, rule="r", value="v", remedy="do"),
        '{"kind":"refusal","code":4001,"rule":"r","value":"v","remedy":"do"}',
    ),
]


@pytest.mark.parametrize(("frame", "text"), CLIENT + GATEWAY)
def test_a_frame_looks_the_same_on_the_wire_as_ever(frame, text):
    assert encode_frame(frame, "json").decode() == text


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("frame", [frame for frame, _ in CLIENT])
def test_what_a_client_sends_is_read_back_the_same(frame, encoding):
    assert decode_client_frame(encode_frame(frame, encoding), encoding) == frame


@pytest.mark.parametrize("frame", [frame for frame, _ in GATEWAY])
def test_what_a_gateway_sends_is_read_back_the_same(frame):
    assert decode_gateway_frame(encode_frame(frame, "json").decode()) == frame
    assert decode_gateway_frame(encode_frame(frame, "msgpack")) == frame


def test_a_newer_gateway_may_say_more():
    assert decode_gateway_frame('{"kind":"heartbeat","ts":9,"mood":"good"}') == Heartbeat(ts=9)


def test_a_newer_gateway_may_send_frames_of_other_kinds():
    assert decode_gateway_frame('{"kind":"weather","sky":"blue"}') == OtherFrame(name="weather")


@pytest.mark.parametrize("part", ["events", "states"])
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_of_a_body_of_an_unknown_kind_only_its_envelope_is_passed_over(part, encoding):
    known = {"trader": "T-1", "epoch": 3, "after": 5, "upto": 7, "ts": 9}
    newer = json.loads(ENVELOPE_JSON) | {"body": {"kind": "moonphase", "phase": [1, {"a": 2}]}}
    frame = {"kind": "delta", **known, part: [newer, json.loads(ENVELOPE_JSON), newer]}
    data = json.dumps(frame) if encoding == "json" else msgspec.msgpack.encode(frame)
    assert decode_gateway_frame(data) == Delta(**known, **{part: (ENVELOPE,)})


def test_an_envelope_with_a_broken_body_of_a_known_kind_is_not_passed_over():
    broken = json.loads(ENVELOPE_JSON)
    broken["body"] = {"kind": broken["body"]["kind"]}
    frame = {"kind": "delta", "trader": "T-1", "epoch": 3, "after": 6, "upto": 7, "ts": 9}
    with pytest.raises(MessageError, match="missing required field"):
        decode_gateway_frame(json.dumps(frame | {"events": [broken]}))


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        b"\x91" * 100_000,
        '{"kind":7}',
        '{"kind":"hello","protocol":1,"token":"t"}',
        '{"kind":"heartbeat","ts":"now"}',
        '{"kind":"delta","trader":"T-1","epoch":3,"after":6,"upto":7,"ts":9,"events":[7]}',
    ],
)
def test_what_is_no_frame_of_a_gateway_is_refused(data):
    with pytest.raises(MessageError, match="must be a gateway frame of protocol version 1"):
        decode_gateway_frame(data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", encode_frame(Heartbeat(ts=1), "msgpack")])
def test_what_is_no_frame_of_a_client_is_refused(data):
    with pytest.raises(MessageError, match="must be a client frame of protocol version 1"):
        decode_client_frame(data, "msgpack")


def test_a_hello_hides_its_token():
    assert "secret" not in repr(Hello(protocol=1, token="secret"))


NUMBERS = {8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}


def test_the_page_of_the_protocol_lists_every_close_code(repository: Path):
    page = (repository / "docs" / "protocol.md").read_text("utf-8")
    listed = {int(code): name for code, name in re.findall(r"^\| (\d{4}) \| (\w+) \|", page, re.M)}
    assert listed == {int(code): code.name for code in CloseCode}


def examples(repository: Path) -> list[dict]:
    """Every frame that the page of the protocol shows."""
    page = (repository / "docs" / "protocol.md").read_text("utf-8")
    decoder, found = json.JSONDecoder(), []
    for block in re.findall(r"^```json\n(.*?)^```", page, re.M | re.S):
        text = block.strip()
        while text:
            frame, end = decoder.raw_decode(text)
            found.append(frame)
            text = text[end:].strip()
    return found


def test_the_page_of_the_protocol_shows_every_frame_whole(repository: Path):
    shown = set()
    for example in examples(repository):
        text = json.dumps(example)
        if example["kind"] in {frame.__struct_config__.tag for frame, _ in CLIENT}:
            frame = decode_client_frame(text, "json")
        else:
            frame = decode_gateway_frame(text)
            # What a gateway sends has all of its fields, in the example as on the wire.
            assert json.loads(encode_frame(frame, "json")) == example
        assert not isinstance(frame, OtherFrame)
        shown.add(type(frame))
    assert shown == {type(frame) for frame, _ in CLIENT + GATEWAY}


def test_the_page_of_the_protocol_shows_commands_and_results_that_the_node_knows(repository: Path):
    shown = examples(repository)
    commands = {frame["id"]: frame for frame in shown if frame["kind"] == "command"}
    results = [frame for frame in shown if frame["kind"] == "result"]
    assert {result["id"] for result in results} == commands.keys()
    for result in results:
        asked = commands[result["id"]]
        spec = NODE_COMMANDS.spec(asked["name"])
        msgspec.convert(asked["body"], spec.body)
        told = msgspec.json.encode(msgspec.convert(result["body"], spec.answer))
        assert msgspec.json.decode(told) == result["body"]
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert(asked["body"] | {"soon": True}, spec.body)


def test_the_page_of_the_protocol_names_every_body_with_all_of_its_fields(repository: Path):
    page = (repository / "docs" / "protocol.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `[\w.]+` \| (.*) \|$", page, re.M)
    listed = {kind: re.findall(r"\[?`(\w+)`\]?", fields) for kind, fields in rows}
    assert listed == {
        kind.__struct_config__.tag: list(kind.__struct_fields__) for kind in (*EVENTS, *STATES)
    }
    nullable = {kind: set(re.findall(r"\[`(\w+)`\]", fields)) for kind, fields in rows}
    for kind in (*EVENTS, *STATES):
        assert nullable[kind.__struct_config__.tag] == {
            field.name
            for field in msgspec.structs.fields(kind)
            if type(None) in get_args(field.type)
        }
    # The first rows are the events.
    events = {kind.__struct_config__.tag for kind in EVENTS}
    assert {kind for kind, _ in rows[: len(EVENTS)]} == events
    assert f"The first {NUMBERS[len(EVENTS)]} are events" in page
