"""One Redis, many readers: each sees everything, and a slow one hurts nobody."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import time

import pytest

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import NotReachable
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import RedisBus, StreamGroup, open_bus
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._wire import Wire
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.rundir import Home

pytestmark = [
    pytest.mark.redis,
    pytest.mark.processes,
    pytest.mark.asyncio(loop_factories=["uvloop"]),  # the gateways' loop
]


# --- gateways and the history writer --------------------------------------------------------------


async def test_two_gateways_and_the_history_each_have_every_event(
    workspace, bus_settings, opened, event, until
):
    """A group that they shared would split the stream between them."""
    settings, kept = bus_settings(), []
    group = StreamGroup(settings, owner="here", take=kept.extend)
    group.start()
    seen: dict[tuple[int, str], list[int]] = {}
    home = Home(workspace / ".lab").make()
    for gateway in (1, 2):
        for name in ("PAPER-001", "PAPER-002"):  # a gateway has a feed for each trader
            run = home.trader(name).make()
            reader = opened(open_bus(settings, run, "follow"))
            told = seen[gateway, name] = []
            reader.subscribe(">", lambda e, told=told: told.append(e.seq))
            await reader.ready(20)
    bus = opened(RedisBus.serve(settings))
    for seq in range(1, 501):
        for name in ("PAPER-001", "PAPER-002"):
            bus.publish(event(seq, trader=name))
    everything = list(range(1, 501))
    await until(lambda: all(len(told) == 500 for told in seen.values()) and len(kept) == 1_000)
    await group.close()
    assert all(told == everything for told in seen.values())
    for name in ("PAPER-001", "PAPER-002"):
        assert [e.seq for e in kept if e.trader == name] == everything


async def test_events_of_many_publishers_stay_in_order_per_topic(
    bus_settings, opened, event, until
):
    settings, heard = bus_settings(), []
    reader = opened(RedisBus.connect(settings))
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    names = [f"PAPER-{n:03d}" for n in range(5)]
    buses = {name: opened(RedisBus.serve(settings)) for name in names}
    for seq in range(1, 201):
        for name, bus in buses.items():
            bus.publish(event(seq, trader=name))
    await until(lambda: len(heard) == 1_000)
    for name in names:
        assert [e.seq for e in heard if e.trader == name] == list(range(1, 201))


async def test_a_reader_that_does_not_read_hurts_nobody(own_server, opened, event, until):
    """Redis cuts it off when its buffer is full; publishers and other readers notice nothing."""
    settings = BusSettings(url=own_server.url, persistence="none", start_wait_s=20)
    own_server.cli("CONFIG", "SET", "client-output-buffer-limit", "pubsub 256kb 0 0")
    reader, heard = opened(RedisBus.connect(settings)), []
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    with socket.create_connection(("127.0.0.1", own_server.port)) as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sleeper.sendall(b"PSUBSCRIBE system.*\r\n")
        await until(lambda: _patterns(own_server) == 2)
        bus = opened(RedisBus.serve(settings))
        body = messages.AlertRaised(
            severity="info", component="x", rule="r", detail="long " * 2_000
        )
        for number in range(500):
            bus.publish(
                messages.envelope(
                    messages.HealthUpdated(component="c", state="s", detail="long " * 2_000),
                    "system.health.c",
                    trader="T-1",
                    writer="w",
                )
            )
            if not number % 10:
                bus.publish(messages.envelope(body, "system.alert.x", trader="T-1", writer="w"))
            await asyncio.sleep(0)
        await until(lambda: len(heard) == 550)
        assert bus.state is ConnectionState.CONNECTED
        await until(lambda: _patterns(own_server) == 1)


def _patterns(server) -> int:
    with server.client() as client:
        return client.pubsub_numpat()


# --- what it costs whoever publishes --------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["none", "frozen", "killed"])
async def test_the_loop_that_publishes_is_never_held(trouble, own_server, opened, event, quote):
    settings = BusSettings(url=own_server.url, persistence="none", timeout_ms=200, start_wait_s=20)
    bus = opened(RedisBus.serve(settings))
    if trouble == "frozen":
        own_server.freeze()
    if trouble == "killed":
        own_server.kill()
    took = []
    for seq in range(1, 2_001):
        one = event(seq) if seq % 2 else quote(seq)
        began = time.perf_counter()
        bus.publish(one)
        took.append(time.perf_counter() - began)
        if not seq % 20:
            await asyncio.sleep(0.005)
    if trouble == "frozen":
        own_server.thaw()
    took.sort()
    # The highest may be a neighbour's; were Redis waited for, hundreds would take 200 ms.
    assert statistics.median(took) < 0.0005
    assert took[int(len(took) * 0.995)] < 0.005


async def test_a_frozen_redis_costs_the_time_that_is_allowed_and_not_more(own_server):
    """redis-py by itself turns a second into fourteen."""
    own_server.freeze()
    began = time.monotonic()
    with pytest.raises(NotReachable):
        await Wire.open(RedisAddress.parse(own_server.url), key="k", timeout_s=0.5)
    assert 0.4 < time.monotonic() - began < 1.5
    own_server.thaw()
    wire = await Wire.open(RedisAddress.parse(own_server.url), key="k", timeout_s=5)
    wire_slow = await Wire.open(RedisAddress.parse(own_server.url), key="k", timeout_s=0.5)
    own_server.freeze()
    began = time.monotonic()
    with pytest.raises(NotReachable, match="in time"):
        await wire_slow.calls([("PING",)] * 50)  # all of them, not each
    assert 0.4 < time.monotonic() - began < 1.5
    own_server.thaw()
    await wire.close()
    await wire_slow.close()


async def test_an_answer_that_comes_too_late_is_not_taken_for_another(own_server):
    wire = await Wire.open(RedisAddress.parse(own_server.url), key="k", timeout_s=5)
    with pytest.raises(NotReachable):
        await wire.call("BLPOP", "empty", "1", timeout_s=0.1)
    fresh = await Wire.open(RedisAddress.parse(own_server.url), key="k", timeout_s=5)
    assert await fresh.call("PING") == b"PONG"
    await wire.close()
    await fresh.close()


# --- redis-cli ------------------------------------------------------------------------------------


async def test_redis_cli_waits_for_the_next_event_as_a_person_would(
    redis_server, bus_settings, opened, event, until
):
    settings = bus_settings()
    bus = opened(RedisBus.serve(settings))
    words = ["redis-cli", "-p", str(redis_server.port), "XREAD", "BLOCK", "20000", "STREAMS"]
    with subprocess.Popen(
        [*words, settings.stream, "$"], stdout=subprocess.PIPE, text=True
    ) as person:
        with redis_server.client() as client:
            await until(lambda: any(c["cmd"] == "xread" for c in client.client_list()))
        bus.publish(event(1))
        said, _ = person.communicate(timeout=20)
    lines = said.splitlines()
    assert lines[0] == settings.stream
    fields = dict(zip(lines[2::2], lines[3::2], strict=True))
    assert (fields["topic"], fields["seq"]) == ("system.node.PAPER-001", "1")
    assert json.loads(fields["payload"])["body"]["state"] == "running"


async def test_redis_cli_looks_back_and_sees_how_far_the_history_is(
    redis_server, bus_settings, opened, event, until
):
    settings, kept = bus_settings(), []
    bus = opened(RedisBus.serve(settings))
    for seq in (1, 2, 3):
        bus.publish(event(seq))
    group = StreamGroup(settings, owner="here", take=kept.extend)
    group.start()
    await until(lambda: group.taken == 3)
    said = redis_server.cli("XRANGE", settings.stream, "-", "+", "COUNT", "2").splitlines()
    assert [said[n + 1] for n, word in enumerate(said) if word == "seq"] == ["1", "2"]
    assert redis_server.cli("XLEN", settings.stream).strip() == "3"
    groups = redis_server.cli("XINFO", "GROUPS", settings.stream).splitlines()
    facts = dict(zip(groups[::2], groups[1::2], strict=False))
    assert (facts["name"], facts["pending"], facts["lag"]) == ("dashboard-group", "0", "0")
    written = redis_server.cli("HGETALL", f"{{{settings.stream}}}-written").split()
    assert written == ["PAPER-001/node", "1:3"]
    await group.close()


async def test_redis_cli_hears_the_states_of_many_topics(redis_server, bus_settings, opened, quote):
    settings = bus_settings()
    bus = opened(RedisBus.serve(settings))
    pattern = f"{settings.channel_prefix}market.quote.*"
    words = ["redis-cli", "-p", str(redis_server.port), "PSUBSCRIBE", pattern]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as person:
        try:
            for _ in range(3):
                person.stdout.readline()
            bus.publish(quote(1.5, "market.quote.PAPER.AAPL"))
            bus.publish(quote(2.5, "market.quote.PAPER.MSFT"))
            told = [person.stdout.readline().strip() for _ in range(8)]
        finally:
            person.kill()
    assert [told[0], told[1]] == ["pmessage", pattern]
    assert told[2].endswith("market.quote.PAPER.AAPL")
    assert [json.loads(told[n])["body"]["bid"] for n in (3, 7)] == [1.5, 2.5]
