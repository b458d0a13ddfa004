"""A node, two gateways and the history over one Redis, while one after the other is taken away.

The tests share one lab and leave it RUNNING, whole again.
"""

import asyncio
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from statistics import median

import pytest

from nautilus_lab.client import attendance_of, gateways
from nautilus_lab.client.protocol import Delta
from tests.streaming.wire import Wire
from tests.system.lab import STREAM, TRADER, WholeLab, until

pytestmark = [pytest.mark.processes, pytest.mark.redis, pytest.mark.timeout(120)]

NODE_MODULES = Path("/usr/share/nodejs")


@pytest.fixture(scope="module")
def lab(lab: WholeLab) -> WholeLab:
    lab.redis.start()
    asyncio.run(lab.start())
    return lab


@pytest.fixture
async def desks(lab):
    """A desk on each gateway."""
    desks = [await lab.desk(number) for number in (1, 2)]
    yield desks
    for seen in desks:
        await seen.desk.close()


async def test_an_event_reaches_stream_gateways_clients_and_history_once_and_in_order(
    lab, desks, repository
):
    if shutil.which("node") is None or not (NODE_MODULES / "ws").is_dir():
        pytest.skip("nodejs or node-ws is not installed: sudo apt-get install nodejs node-ws")
    before, orders = len(lab.fills()), 40
    strangers = [
        await asyncio.create_subprocess_exec(
            *("node", str(repository / "tests" / "streaming" / "follow.js")),
            lab.gateway(number).address,
            lab.home.gateway_token.read_text(),
            str(before + orders),
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for number in (1, 2)
    ]
    for stranger in strangers:
        assert await stranger.stderr.readline() == b"ready\n"
    for _ in range(orders):
        await lab.order()
    await lab.settled()
    fills = lab.fills()
    assert len(fills) == before + orders
    for seen in desks:
        await seen.has(fills)
        assert seen.told == fills[before:]
    for stranger in strangers:
        out, errors = await asyncio.wait_for(stranger.communicate(), 20)
        saw = json.loads(out)
        assert (errors, saw["code"], saw["gaps"], saw["trades"]) == (b"", 1000, 0, fills)
        assert saw["seqs"] == sorted(set(saw["seqs"]))
    # A person at a shell sees the same, and nobody's numbers skip.
    told = json.loads(lab.redis.cli("--json", "XRANGE", STREAM, "-", "+"))
    pairs = [dict(itertools.batched(fields, 2)) for _, fields in told]
    numbers = [(int(of["epoch"]), int(of["seq"])) for of in pairs if of["writer"] == "node"]
    assert numbers == [(1, seq) for seq in range(1, len(numbers) + 1)]
    (row,) = lab.redis.cli("HGET", f"{{{STREAM}}}-written", f"{TRADER}/node").split()
    assert row == f"1:{len(numbers)}"


async def test_states_come_over_channels_and_to_viewers_conflated(lab):
    from websockets.asyncio.client import connect

    topic = "market.quote.PAPER.MSFT"
    wires = [await connect(lab.gateway(n).address, proxy=None).__aenter__() for n in (1, 2)]
    shown = {0: [], 1: []}  # gateway -> (when it came, ts of the state)

    async def look(number: int) -> None:
        wire = Wire(wires[number])
        await wire.hello(lab.home.gateway_token.read_text())
        await wire.subscribe("market.quote.>")
        while True:
            frame = await wire.next(Delta)
            shown[number] += [(frame.ts, s.ts) for s in frame.states if s.topic == topic]

    looking = [asyncio.create_task(look(number)) for number in (0, 1)]
    listener = subprocess.Popen(
        ["redis-cli", "-p", str(lab.redis.port), "--csv", "SUBSCRIBE", topic],
        stdout=subprocess.PIPE,
        text=True,
    )
    await asyncio.sleep(3)
    listener.terminate()
    out, _ = listener.communicate(timeout=10)
    for task in looking:
        task.cancel()
    for wire in wires:
        await wire.close()
    told = [line for line in out.splitlines() if line.startswith('"message"')]
    assert len(told) >= 30  # of 20 a second
    for seen in shown.values():
        assert 5 <= len(seen) <= 20  # one each 200 ms
        apart = [(b[0] - a[0]) / 1e6 for a, b in itertools.pairwise(seen)]
        assert median(apart) >= 190
        made = [ts for _, ts in seen]
        assert made == sorted(set(made))
    # None of it is kept.
    assert lab.redis.cli("KEYS", "market*").split() == []


async def test_trading_goes_on_while_redis_is_killed_and_the_stream_catches_up(lab, desks):
    async with lab.flow() as flow:
        await flow.sends(10)
        lab.redis.kill()
        took = await flow.sends(30)
        for seen in desks:
            await seen.degraded_by("Redis must answer")
            await until(lambda seen=seen: len(seen.told) >= 30)
        assert "does not answer; events wait in the store" in (await lab.status()).detail
        assert median(took) < 0.25
        assert lab.history.alive
        lab.redis.start()  # with nothing of what it had
        await flow.sends(10)
    assert flow.refused == []
    await lab.runs()
    await lab.settled()
    for seen in desks:
        await seen.has(lab.fills())
        await until(lambda seen=seen: seen.desk.node.state.value == "running")
        assert seen.trips == []  # no viewer lost its gateway over it


async def test_a_frozen_redis_holds_up_no_order(lab, desks):
    async with lab.flow() as flow:
        usual = await flow.sends(20)
        lab.redis.freeze()
        begun = time.monotonic()
        try:
            frozen = await flow.sends(50)
            for seen in desks:
                await seen.degraded_by("Redis must answer")
                await until(lambda seen=seen: len(seen.told) >= 50)
            assert time.monotonic() - begun > 2
        finally:
            lab.redis.thaw()
    assert flow.refused == []
    assert median(frozen) < 2 * median(usual) + 0.02
    # Whoever waited for Redis would have waited for a time-out of half a second.
    assert sorted(frozen)[-3] < 0.4
    await lab.runs()
    await lab.settled()
    for seen in desks:
        await seen.has(lab.fills())


async def test_a_full_redis_keeps_events_waiting_and_is_told_once(lab, desks):
    before = len(lab.stored())
    with lab.redis.client() as client:
        client.config_set("maxmemory", 1_000_000)  # less than it holds
        async with lab.flow(per_second=5) as flow:
            await flow.sends(5)
            for seen in desks:
                await seen.degraded_by("maxmemory")
                await until(lambda seen=seen: len(seen.told) >= 5)
        client.config_set("maxmemory", 0)
    await lab.runs()
    await lab.settled()
    for seen in desks:
        await seen.has(lab.fills())
    moves = [
        event.body.state
        for event in lab.stored()[before:]
        if event.topic == f"system.node.{TRADER}"
    ]
    # Its reason may be told in other words; it does not go up and down with each attempt.
    assert moves[-1] == "running"
    assert set(moves[:-1]) == {"degraded"}


async def test_a_killed_gateway_costs_its_viewers_nothing_and_comes_back(lab):
    viewers = await asyncio.gather(*(lab.desk() for _ in range(20)))
    try:
        shares = await lab.gateways()
        assert sum(shares.values()) == 20
        assert min(shares.values()) > 0  # at random: all at one, once in 2**19
        victim = lab.gateway(1)
        async with lab.flow() as flow:
            await flow.sends(10)
            os.kill(victim.pid, signal.SIGKILL)
            await flow.sends(20)
            await until(lambda: (back := lab.gateway(1)) is not None and back.pid != victim.pid)
        assert flow.refused == []
        fills = lab.fills()
        for seen in viewers:
            await seen.has(fills)
        moved = [seen for seen in viewers if seen.trips]
        assert len(moved) == shares[1]
        assert all(seen.trips == ["reconnecting", "connected"] for seen in moved)
        there = await gateways(lab.home.path)
        assert [status.number for status in there] == [1, 2]
        assert attendance_of(TRADER, there).viewers == 20
        newcomer = await lab.desk(1)
        await newcomer.has(fills)
        await newcomer.desk.close()
    finally:
        await asyncio.gather(*(seen.desk.close() for seen in viewers))
    assert "it died and is brought back" in lab.alerts()


async def test_a_killed_history_catches_up_past_a_letter_that_nobody_can_read(lab, desks):
    killed = lab.history
    async with lab.flow() as flow:
        await flow.sends(5)
        os.kill(killed.pid, signal.SIGKILL)
        lab.redis.cli("XADD", STREAM, "*", "hello", "world")
        await flow.sends(10)
        await until(lambda: lab.history is not None and lab.history.pid != killed.pid)
        # One that is stopped for a while has it all afterwards.
        os.kill(lab.history.pid, signal.SIGSTOP)
        await flow.sends(30)
        os.kill(lab.history.pid, signal.SIGCONT)
        await flow.sends(5)
    await lab.settled()
    assert flow.refused == []
    for seen in desks:
        await seen.has(lab.fills())
    dead = f"{{{STREAM}}}-dead"
    await until(lambda: lab.redis.cli("XLEN", dead).strip() == "1")
    ((_, letter),) = json.loads(lab.redis.cli("--json", "XRANGE", dead, "-", "+"))
    letter = dict(itertools.batched(letter, 2))
    assert (letter["deliveries"], letter["hello"]) == ("5", "world")
    assert "payload" in letter["reason"]
    pending = json.loads(lab.redis.cli("--json", "XPENDING", STREAM, "dashboard-group"))
    assert pending[0] == 0
    assert any("is given up" in detail for detail in lab.alerts())


async def test_a_killed_node_begins_a_new_epoch_that_everybody_follows(lab, desks):
    async with lab.flow() as flow:
        await flow.sends(10)
        os.kill((await lab.status()).pid, signal.SIGKILL)
        for seen in desks:
            await until(lambda seen=seen: seen.desk.node.epoch == 2)
        await flow.sends(10)
    await lab.runs()
    await lab.settled()
    assert {event.epoch for event in lab.stored()} == {1, 2}
    for seen in desks:
        await seen.has(lab.fills())
        assert seen.trips == []


async def test_two_traders_share_a_stream_and_nobody_is_shown_the_other_one(lab, desks):
    await lab.start("PAPER-002")
    others = [await lab.desk(number, "PAPER-002") for number in (1, 2)]
    theirs = lab.trading.trader("PAPER-002")
    try:
        for _ in range(10):
            await lab.order()
            await theirs.command(
                "orders.submit", {"instrument": "AAPL.PAPER", "side": "BUY", "quantity": "2"}
            )
        await lab.settled()
        await lab.settled("PAPER-002")
        assert len(lab.fills("PAPER-002")) == 10
        for seen in others:
            await seen.has(lab.fills("PAPER-002"))
            assert {fill.instrument for fill in seen.desk.fills} == {"AAPL.PAPER"}
            assert set(seen.desk.positions) == {"AAPL.PAPER"}
        for seen in desks:
            await seen.has(lab.fills())
            assert {fill.instrument for fill in seen.desk.fills} == {"MSFT.PAPER"}
        traders = {told["trader"] for _, told in lab.redis.client().xrange(STREAM) if "id" in told}
        assert traders == {TRADER, "PAPER-002"}
    finally:
        for seen in others:
            await seen.desk.close()
        await theirs.stop()
    assert (await lab.status()).state == "running"
