import asyncio
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from nautilus_lab.client.protocol import (
    MAX_CLIENT_FRAME,
    AskHistory,
    CloseCode,
    Delta,
    Heartbeat,
    Hello,
    History,
    NodeFrame,
    SnapshotFrame,
    Subscribe,
    encode_frame,
)
from nautilus_lab.config import StreamingSettings
from nautilus_lab.engine import State
from nautilus_lab.exceptions import LifecycleError, NodeAlreadyRunning, PortBusy
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.messages import HealthUpdated, OrderFilled
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.streaming import StreamingEngine, _feed, _viewer
from tests.streaming.fake_node import FakeNode
from tests.streaming.wire import Wire

OWN = Hello(protocol=1, token="")


# --- who may come in ------------------------------------------------------------------------


async def test_a_hello_with_a_good_token_is_welcomed_with_role_and_traders(dial, token):
    async with dial() as wire:
        welcome = await wire.hello(token)
    assert (welcome.protocol, welcome.role, welcome.traders) == (1, "viewer", ("PAPER-001",))
    assert welcome.heartbeat_s == 0.2
    assert welcome.conflate_ms == 50


@pytest.mark.parametrize("bad", ["", "x.y.z", "none"])
async def test_a_token_that_is_none_of_ours_is_refused_and_not_repeated(dial, bad):
    async with dial() as wire:
        await wire.greet(token=bad)
        said, code = await wire.refusal()
    assert code == said.code == CloseCode.UNAUTHENTICATED
    assert bad not in said.value or not bad


async def test_a_token_for_another_audience_is_refused(dial, home):
    issuer = TokenIssuer(signing_key(home / "signing.key"), audience="node")
    async with dial() as wire:
        await wire.greet(token=issuer.issue(Principal("ada", frozenset(Role))))
        said, code = await wire.refusal()
    assert code == CloseCode.UNAUTHENTICATED
    assert "audience" in said.rule.lower()


async def test_a_principal_without_a_role_is_forbidden(dial, home):
    issuer = TokenIssuer(signing_key(home / "signing.key"))
    async with dial() as wire:
        await wire.greet(token=issuer.issue(Principal("nobody", frozenset())))
        said, code = await wire.refusal()
    assert code == CloseCode.FORBIDDEN
    assert "node:read" in said.rule


async def test_another_protocol_version_is_refused_with_both_named(dial, token):
    async with dial() as wire:
        await wire.greet(token=token, protocol=99)
        said, code = await wire.refusal()
    assert code == CloseCode.WRONG_VERSION
    assert ("1" in said.rule, said.value) == (True, "99")


async def test_who_says_nothing_is_let_go(dial, monkeypatch):
    monkeypatch.setattr(_viewer, "HELLO_WITHIN_S", 0.05)
    async with dial() as wire:
        _, code = await wire.refusal()
    assert code == CloseCode.NO_HELLO


@pytest.mark.parametrize("data", ["{", '{"kind":"subscribe"}', '{"kind":"hello","token":5}'])
async def test_a_first_frame_that_is_no_hello_is_refused_without_repeating_it(dial, data):
    async with dial() as wire:
        await wire.socket.send(data)
        said, code = await wire.refusal()
    assert code == CloseCode.BAD_FRAME
    assert said.value == ""


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("http://127.0.0.1:8866", True),
        ("http://localhost:8888", True),
        ("https://evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("null", False),
    ],
)
async def test_only_pages_of_this_machine_may_connect(gateway, origin, admitted):
    if admitted:
        async with connect(gateway.url, proxy=None, origin=origin):
            return
    with pytest.raises(InvalidStatus) as refused:
        async with connect(gateway.url, proxy=None, origin=origin):
            pass
    assert refused.value.response.status_code == 403


async def test_a_foreign_host_header_is_refused(gateway):
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(gateway))
    writer.write(
        b"GET /stream HTTP/1.1\r\nHost: rebound.example\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b" 403 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_another_path_is_not_found(gateway):
    with pytest.raises(InvalidStatus) as refused:
        async with connect(gateway.url + "/else", proxy=None):
            pass
    assert refused.value.response.status_code == 404


async def test_a_session_ends_when_its_token_does(dial, home):
    issuer = TokenIssuer(signing_key(home / "signing.key"), ttl_s=1)
    async with dial() as wire:
        await wire.hello(issuer.issue(Principal("ada", frozenset({Role.VIEWER}))))
        _, code = await wire.refusal()
    assert code == CloseCode.TOKEN_EXPIRED


# --- what is asked --------------------------------------------------------------------------


async def test_a_frame_that_is_too_big_ends_the_connection(wire):
    await wire.socket.send(b"x" * (MAX_CLIENT_FRAME + 1))
    assert await wire.closed() == CloseCode.TOO_BIG


@pytest.mark.parametrize("frame", [b"\xc1", b"", encode_frame(OWN, "msgpack")])
async def test_an_unreadable_or_unexpected_frame_ends_the_connection(wire, frame):
    await wire.socket.send(frame)
    _, code = await wire.refusal()
    assert code == CloseCode.BAD_FRAME


@pytest.mark.parametrize("patterns", [(), ("",), ("a.>.b",), ("a",) * 65])
async def test_patterns_must_be_patterns_and_few(wire, patterns):
    await wire.send(Subscribe(trader="PAPER-001", patterns=patterns))
    said, code = await wire.refusal()
    assert code == CloseCode.BAD_FRAME
    assert "pattern" in said.rule


async def test_an_unknown_trader_is_refused_and_the_known_ones_named(wire):
    await wire.send(Subscribe(trader="LIVE-007"))
    said, code = await wire.refusal()
    assert (code, said.value) == (CloseCode.UNKNOWN_TRADER, "LIVE-007")
    assert "PAPER-001" in said.remedy


# --- what is shown --------------------------------------------------------------------------


async def test_a_snapshot_holds_the_latest_of_each_state_and_the_recent_events(wire, node):
    node.quote("AAPL.PAPER", 100.0, 100.1)
    node.quote("AAPL.PAPER", 101.0, 101.1)
    fill = node.fill(1)
    await asyncio.sleep(0.1)
    snapshot = await wire.subscribe()
    assert [(s.topic, s.body.bid) for s in snapshot.states] == [("market.quote.PAPER.AAPL", 101.0)]
    assert fill in snapshot.events
    assert (snapshot.epoch, snapshot.seq, snapshot.simulated) == (1, node.seq, True)


async def test_both_encodings_carry_the_same(dial, token, node):
    node.quote("AAPL.PAPER", 100.0, 100.1)
    node.fill(1)
    await asyncio.sleep(0.1)
    seen = []
    for encoding in ("json", "msgpack"):
        async with dial(encoding) as wire:
            await wire.hello(token)
            seen.append(await wire.subscribe())
    assert seen[0].events == seen[1].events
    assert seen[0].states == seen[1].states
    assert seen[0].events[-1].body.price == Decimal("100.25")


async def test_only_what_was_asked_for_is_sent(wire, node):
    node.quote("AAPL.PAPER", 100.0, 100.1)
    await asyncio.sleep(0.1)
    snapshot = await wire.subscribe("trading.fill.>")
    assert (snapshot.states, snapshot.orders) == ((), ())
    node.quote("AAPL.PAPER", 102.0, 102.1)
    node.fill(1)
    delta = await wire.next(Delta)
    assert [type(e.body) for e in delta.events] == [OrderFilled]
    assert delta.states == ()


async def test_events_come_all_in_order_and_without_gaps(wire, node):
    snapshot = await wire.subscribe()
    for number in range(500):
        node.fill(number)
        if number % 50 == 0:
            await asyncio.sleep(0)
    position, seen = snapshot.seq, []
    while len(seen) < 500:
        delta = await wire.next(Delta)
        assert (delta.epoch, delta.after) == (1, position)
        position = delta.upto
        seen += [event.body.trade_id for event in delta.events]
    assert seen == [f"T-{number}" for number in range(500)]
    assert position == node.seq


async def test_states_conflate_and_the_last_one_arrives(wire, node):
    await wire.subscribe()
    for number in range(1_000):
        node.quote("AAPL.PAPER", float(number), number + 1.0)
        if number % 100 == 99:
            await asyncio.sleep(0.01)
    bids = []
    while not bids or bids[-1] != 999.0:
        bids += [state.body.bid for state in (await wire.next(Delta)).states]
    assert len(bids) < 20
    assert bids == sorted(bids)


async def test_events_that_the_bus_lost_are_fetched_from_the_node(wire, node):
    await wire.subscribe()
    node.fill(1)
    for number in (2, 3, 4):
        node.fill(number, lost=True)
    node.fill(5)
    node.fill(6)
    assert [e.body.trade_id for e in await wire.events(6)] == [f"T-{n}" for n in range(1, 7)]


async def test_a_viewer_that_comes_back_gets_every_event_it_missed(dial, token, node):
    async with dial() as wire:
        await wire.hello(token)
        snapshot = await wire.subscribe()
    for number in range(700):  # more than a first snapshot would carry
        node.fill(number)
    async with dial() as wire:
        await wire.hello(token)
        later = await wire.subscribe(epoch=snapshot.epoch, seq=snapshot.seq)
        seen = [e.body.trade_id for e in later.events]
        while len(seen) < 700:
            seen += [e.body.trade_id for e in (await wire.next(Delta)).events]
    assert later.resumed
    assert seen == [f"T-{number}" for number in range(700)]


async def test_a_point_that_the_gateway_never_saw_is_not_resumed(wire):
    snapshot = await wire.subscribe(epoch=7, seq=123)
    assert not snapshot.resumed


async def test_heartbeats_tell_when_the_node_last_spoke(wire, node):
    await wire.subscribe()
    message = node.put(HealthUpdated(component="node", state="running"), "system.health.node")
    beat = await wire.next(Heartbeat)
    while beat.data_ts != message.ts:
        beat = await wire.next(Heartbeat)
    assert beat.ts >= beat.data_ts


async def test_history_gives_a_value_a_second_of_what_may_be_seen(wire, node):
    await wire.subscribe("market.>")
    for bid in (10.0, 20.0):
        node.quote("AAPL.PAPER", bid, bid + 2)
    await wire.next(Delta)
    await wire.send(AskHistory(id=5, patterns=("market.quote.*.AAPL", "analytics.>")))
    answer = await wire.next(History)
    assert answer.id == 5
    assert [series.topic for series in answer.series] == ["market.quote.PAPER.AAPL"]
    points = answer.series[0].points
    assert points[-1][1] == 21.0
    assert len({ts // 10**9 for ts, _ in points}) == len(points)


async def test_history_before_a_subscription_is_refused(wire):
    await wire.send(AskHistory(id=1, patterns=(">",)))
    _, code = await wire.refusal()
    assert code == CloseCode.BAD_FRAME


# --- a node that ends -----------------------------------------------------------------------


async def test_a_node_that_dies_is_told_and_its_successor_shown_anew(wire, node, home):
    node.fill(1)
    await wire.subscribe()
    await node.stop()
    assert (await wire.next(NodeFrame)).state == "unreachable"
    async with FakeNode(home, log=node.log) as successor:
        frames = [await wire.next(NodeFrame, SnapshotFrame) for _ in range(2)]
        assert {type(f) for f in frames} == {NodeFrame, SnapshotFrame}
        snapshot = next(f for f in frames if isinstance(f, SnapshotFrame))
        assert (snapshot.epoch, snapshot.seq) == (2, successor.seq)
        assert snapshot.resumed
        successor.fill(2)
        assert (await wire.events(1))[0].body.trade_id == "T-2"


async def test_who_looks_before_the_node_starts_sees_it_start(home, settings):
    Home(home).make().trader("PAPER-001").make()
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    async with connect(engine.url, proxy=None) as socket_:
        wire = Wire(socket_)
        await wire.hello((home / "gateway.token").read_text())
        await wire.send(Subscribe(trader="PAPER-001"))
        assert (await wire.next(NodeFrame)).state in ("attaching", "unreachable")
        async with FakeNode(home):
            assert (await wire.next(SnapshotFrame)).epoch == 1
    await engine.stop()


async def test_a_node_that_has_just_come_is_looked_for_when_somebody_asks(
    home, settings, monkeypatch
):
    monkeypatch.setattr(_feed, "_LOOK_EVERY_S", 3_600)
    Home(home).make().trader("PAPER-001").make()
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    async with connect(engine.url, proxy=None) as socket_:
        wire = Wire(socket_)
        await wire.hello((home / "gateway.token").read_text())
        await wire.send_subscribe()
        while (await wire.next(NodeFrame)).state != "unreachable":
            continue
        async with FakeNode(home):
            await wire.send_subscribe()
            # Not unreachable first, for which a client would give up.
            assert (await wire.next(NodeFrame)).state == "attaching"
            assert (await wire.next(SnapshotFrame)).epoch == 1
    await engine.stop()


async def test_a_node_that_is_frozen_becomes_unreachable(wire, node, monkeypatch):
    monkeypatch.setattr(_feed, "_SILENT_S", 0.2)
    monkeypatch.setattr(_feed, "_ASK_S", 0.3)
    await wire.subscribe()

    async def frozen(request):
        await asyncio.sleep(60)

    node.server._handlers["node.status"] = frozen
    frame = await wire.next(NodeFrame)
    assert frame.state == "unreachable"


async def test_of_a_silent_bus_the_node_is_asked_what_happened(wire, node, monkeypatch):
    monkeypatch.setattr(_feed, "_SILENT_S", 0.1)
    await wire.subscribe("trading.fill.>", "market.quote.>")
    for number in range(3):
        node.fill(number, lost=True)
        (seen,) = await wire.events(1)
        assert seen.body.trade_id == f"T-{number}"
    # Once it carries again, what comes is in turn, and nothing comes twice.
    node.fill(3)
    (seen,) = await wire.events(1)
    assert seen.body.trade_id == "T-3"


# --- slow viewers ---------------------------------------------------------------------------


async def test_a_slow_viewer_is_let_go_and_the_others_miss_nothing(
    dial, token, node, monkeypatch, wire, caplog
):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(_viewer, "MOST_HELD", 4_000_000)
    await wire.subscribe("trading.fill.>")
    padding = "x" * 40_000
    seen = []
    async with dial(max_queue=1) as slow:
        await slow.hello(token)
        await slow.subscribe("trading.fill.>")
        for number in range(600):
            body = node.fill(number).body
            body = msgspec.structs.replace(body, trade_id=f"{body.trade_id}-{padding}")
            node.event(body, "trading.fill.PAPER-001.tilt")
            # One of the two keeps up, in step with the node; the other reads nothing.
            while number % 20 == 19 and len(seen) < 2 * (number + 1):
                seen += await wire.events(1)
        assert len(seen) == 1_200
        # The reason stands behind what was not read; a viewer that is cut first sees 1006.
        assert await slow.closed() in (CloseCode.TOO_SLOW, 1006)
    assert "4008 a viewer must read what it is sent" in caplog.text


async def test_a_viewer_that_was_blocked_for_a_while_gets_one_delta_without_a_gap(
    dial, token, node, gateway
):
    async with dial() as wire:
        await wire.hello(token)
        snapshot = await wire.subscribe()
        (viewer,) = gateway._gateway._viewers
        viewer.pause_writing()
        for number in range(50):
            node.fill(number)
            node.quote("AAPL.PAPER", float(number), number + 1.0)
        await asyncio.sleep(0.2)
        viewer.resume_writing()
        delta = await wire.next(Delta)
    assert (delta.after, delta.upto) == (snapshot.seq, node.seq)
    assert [e.body.trade_id for e in delta.events] == [f"T-{n}" for n in range(50)]
    assert [s.body.bid for s in delta.states] == [49.0]


# --- the process ----------------------------------------------------------------------------


def port_of(engine: StreamingEngine) -> int:
    return int(engine.url.split(":")[2].split("/")[0])


async def test_a_stop_says_so_to_viewers_and_takes_record_and_token_away(home, wire, gateway):
    record = ProcessRecord.read(home / "gateway.json")
    assert (record.pid, record.address) == (os.getpid(), gateway.url)
    assert stat.S_IMODE((home / "gateway.token").stat().st_mode) == 0o600
    await gateway.stop()
    _, code = await wire.refusal()
    assert code == CloseCode.GOING_AWAY
    assert not (home / "gateway.json").exists()
    assert not (home / "gateway.token").exists()
    assert gateway.health().state is State.STOPPED
    await gateway.stop()


async def test_the_token_is_renewed_before_half_its_life_is_over(home, node, settings):
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    first = (home / "gateway.token").read_text()
    engine._gateway._tokens.written -= settings.token_minutes * 60 / 2
    while (home / "gateway.token").read_text() == first:
        await asyncio.sleep(0.05)
    async with connect(engine.url, proxy=None) as socket_:
        assert (await Wire(socket_).hello((home / "gateway.token").read_text())).role == "viewer"
    await engine.stop()


async def test_a_token_of_a_clock_that_was_ahead_is_renewed(home, node, settings):
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    first = (home / "gateway.token").read_text()
    engine._gateway._tokens.written += 86_400.0
    while (home / "gateway.token").read_text() == first:
        await asyncio.sleep(0.05)
    await engine.stop()


async def test_a_busy_port_is_one_clear_error_and_leaves_nothing_behind(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        engine = StreamingEngine(home, settings=StreamingSettings(port=taken.getsockname()[1]))
        with pytest.raises(PortBusy, match="port must be free"):
            await engine.start()
    assert engine.health().state is State.STOPPED
    assert not list(home.glob("gateway.json")) + list(home.glob("gateway.token"))


async def test_a_home_has_one_gateway(home, gateway, settings):
    with pytest.raises(NodeAlreadyRunning, match="stream gateway"):
        await StreamingEngine(home, settings=settings).start()
    assert gateway.health().state is State.RUNNING


async def test_an_engine_starts_once(gateway):
    with pytest.raises(LifecycleError):
        await gateway.start()


@pytest.mark.processes
def test_the_process_answers_and_ends_cleanly_on_sigterm(home: Path):
    process = start_process(home)
    try:
        record = wait_for_record(home, process)
        assert record.pid == process.pid
        assert StreamingEngine(home).health().state is State.RUNNING
        process.send_signal(signal.SIGTERM)
        assert process.wait(3) == 0
    finally:
        process.kill()
        process.wait()
    assert not (home / "gateway.json").exists()
    assert not (home / "gateway.token").exists()


@pytest.mark.processes
def test_the_process_ends_with_code_2_when_its_port_is_busy(home: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start_process(home, "--port", str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "the gateway's port must be free" in errors
    assert "Traceback" not in errors
    assert not (home / "gateway.json").exists()


@pytest.mark.processes
def test_a_killed_process_is_found_out_and_its_place_taken(home: Path):
    process = start_process(home)
    wait_for_record(home, process)
    process.kill()
    process.wait()
    assert StreamingEngine(home).health().state is State.FAULTED
    process = start_process(home)
    try:
        assert wait_for_record(home, process).pid == process.pid
    finally:
        process.terminate()
        process.wait()


def start_process(home: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "nautilus_lab.streaming", "--home", str(home), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for_record(home: Path, process: subprocess.Popen[str]) -> ProcessRecord:
    for _ in range(300):
        record = ProcessRecord.read(home / "gateway.json")
        if record is not None and record.pid == process.pid:
            process.stderr.close()
            return record
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError("no record within 30 s")
