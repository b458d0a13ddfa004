"""The bus over Redis: what it writes, what it survives, what it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import subprocess
import time

import pytest
from redis.exceptions import ResponseError

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import AccessDenied, BusError, ConfigError, NotReachable
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import IpcBus, RedisAddress, RedisBus, StreamGroup, bus_of, open_bus
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from tests.platform.bus.proxy import CuttingProxy
from tests.platform.bus.redis_server import RedisServer

pytestmark = [pytest.mark.redis, pytest.mark.processes]

CONNECTED, RECONNECTING, ERROR = (
    ConnectionState.CONNECTED,
    ConnectionState.RECONNECTING,
    ConnectionState.ERROR,
)


class Trader:
    """A store and its outbox on a bus, as a node has them."""

    def __init__(self, path, settings, **handlers) -> None:
        self.path, self.settings = path, settings
        self.store = TradingStore.open(path)
        self.bus = RedisBus.serve(settings, source=self.source, **handlers)
        self.begin()

    def source(self):
        return TradingStore.open(self.path, read_only=True)

    def begin(self) -> None:
        """Begin another epoch."""
        self.epoch = self.store.begin_epoch("node")
        self.outbox = Outbox(
            self.store, self.bus, trader="PAPER-001", writer="node", epoch=self.epoch
        )

    def happen(self, times: int = 1) -> None:
        for _ in range(times):
            body = messages.NodeStateChanged(component="node", state="running")
            self.outbox.publish(body, "system.node.PAPER-001")

    @property
    def stored(self) -> list[tuple[int, int]]:
        return [(e.epoch, e.seq) for e in self.store.outbox_after("node", 0, 0, 1_000_000)]

    def close(self) -> None:
        self.bus.close()
        self.store.close()


@pytest.fixture
def trader(tmp_path, bus_settings):
    """Make traders; each is closed."""
    with contextlib.ExitStack() as stack:

        def make(settings: BusSettings | None = None, name="trading.db", **handlers) -> Trader:
            made = Trader(tmp_path / name, settings or bus_settings(), **handlers)
            stack.callback(made.close)
            return made

        yield make


def on_stream(server: RedisServer, settings: BusSettings) -> list[tuple[int, int]]:
    with server.client() as client:
        entries = client.xrange(settings.stream)
    return [(int(fields["epoch"]), int(fields["seq"])) for _, fields in entries]


# --- what a stranger sees ---------------------------------------------------------------------


async def test_redis_cli_reads_events_off_the_stream(trader, redis_server):
    desk = trader()
    desk.happen(2)
    desk.bus.close()
    said = redis_server.cli("XREAD", "COUNT", "10", "STREAMS", desk.settings.stream, "0").split(
        "\n"
    )
    assert said[0] == desk.settings.stream
    assert said.count("system.node.PAPER-001") == 2
    # two lines after the first payload: its text, then the second entry's id
    second = said[said.index("payload") + 3 :]
    fields = dict(zip(second[0:14:2], second[1:14:2], strict=True))
    assert (fields["trader"], fields["writer"], fields["epoch"], fields["seq"]) == (
        "PAPER-001", "node", "1", "2",
    )  # fmt: skip
    assert json.loads(fields["payload"])["body"] == {
        "kind": "nodestatechanged", "component": "node", "state": "running", "reason": "",
    }  # fmt: skip


async def test_redis_cli_subscribes_to_the_states_of_a_topic(redis_server, opened, quote):
    settings = BusSettings(url=redis_server.url, stream="cli-test", persistence="none")
    bus = opened(RedisBus.serve(settings))
    words = ["redis-cli", "-p", str(redis_server.port), "SUBSCRIBE", "market.quote.PAPER.AAPL"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as stranger:
        try:
            greeting = [stranger.stdout.readline().strip() for _ in range(3)]
            assert greeting[:2] == ["subscribe", "market.quote.PAPER.AAPL"]
            bus.publish(quote(99.5))
            told = [stranger.stdout.readline().strip() for _ in range(3)]
        finally:
            stranger.kill()
    assert told[:2] == ["message", "market.quote.PAPER.AAPL"]
    assert json.loads(told[2])["body"]["bid"] == 99.5


# --- nothing twice, nothing missing -------------------------------------------------------------


async def test_what_happened_before_the_bus_was_there_is_on_the_stream(trader, redis_server, until):
    """A node that died leaves events in its store that no bus has taken."""
    first = trader()
    first.happen(3)
    first.bus.close()
    first.happen(2)  # a closed bus refuses; the store has them
    second = trader()
    second.happen()
    await until(lambda: second.bus.pending == 0)
    assert on_stream(redis_server, second.settings) == second.stored
    assert second.stored == [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 1)]


async def test_a_redis_that_is_down_at_the_start_is_waited_for(tmp_path, trader, opened, until):
    server = RedisServer(tmp_path / "later")
    settings = BusSettings(url=server.url, persistence="none", attempts=10)
    desk = trader(settings)
    try:
        desk.happen(1_500)
        assert desk.bus.pending == 1_500
        assert desk.bus.state is not CONNECTED
        assert "1500 events behind" in desk.bus.health
        server.start()
        desk.bus.reconnect()
        await until(lambda: desk.bus.pending == 0)
        assert on_stream(server, settings) == desk.stored
    finally:
        server.kill()


async def test_a_redis_that_is_killed_and_comes_back_empty_is_filled_again(
    own_server, trader, until
):
    seen = []
    settings = BusSettings(url=own_server.url, persistence="none")
    desk = trader(settings, on_state=seen.append)
    desk.happen(100)
    await until(lambda: desk.bus.pending == 0)
    own_server.kill()
    desk.happen(100)
    await until(lambda: RECONNECTING in seen)
    assert desk.bus.pending == 100
    own_server.start()
    desk.bus.reconnect()
    desk.happen(100)
    await until(lambda: desk.bus.pending == 0 and desk.bus.state is CONNECTED)
    assert on_stream(own_server, settings) == desk.stored
    assert len(desk.stored) == 300
    assert seen[-1] is CONNECTED


async def test_a_stream_that_is_deleted_is_written_again_from_the_store(
    trader, redis_server, until
):
    desk = trader()
    desk.happen(20)
    await until(lambda: desk.bus.pending == 0)
    with redis_server.client() as client:
        client.delete(desk.settings.stream, f"{{{desk.settings.stream}}}-written")
    desk.happen()
    await until(lambda: len(on_stream(redis_server, desk.settings)) == 21)
    assert on_stream(redis_server, desk.settings) == desk.stored


async def test_a_deleted_stream_is_noticed_though_nothing_happens(
    trader, redis_server, bus_settings, until
):
    desk = trader(bus_settings(health_s=0.1))
    desk.happen(5)
    await until(lambda: desk.bus.pending == 0)
    with redis_server.client() as client:
        client.delete(desk.settings.stream, f"{{{desk.settings.stream}}}-written")
    await until(lambda: on_stream(redis_server, desk.settings) == desk.stored)


async def test_a_frozen_redis_blocks_nobody_and_catches_up(own_server, trader, quote, until):
    settings = BusSettings(url=own_server.url, persistence="none", timeout_ms=500)
    desk = trader(settings)
    desk.happen(10)
    await until(lambda: desk.bus.pending == 0)
    own_server.freeze()
    longest = 0.0
    frozen_until = time.monotonic() + 3
    while time.monotonic() < frozen_until:
        began = time.monotonic()
        desk.bus.publish(quote(1))
        longest = max(longest, time.monotonic() - began)
        desk.happen()
        await asyncio.sleep(0.002)
    own_server.thaw()
    # By construction it waits for nothing; the bound is far below what Redis was away for.
    assert longest < 1.0
    desk.bus.reconnect()
    desk.happen()
    await until(lambda: desk.bus.pending == 0)
    assert on_stream(own_server, settings) == desk.stored
    assert len(desk.stored) > 100


@pytest.mark.parametrize("stored", [True, False])
async def test_a_connection_that_is_cut_anywhere_doubles_and_loses_nothing(
    stored, redis_server, bus_settings, tmp_path, opened, event, until
):
    """Cut before the request, within it, and before its answer: the outcome is unknown."""
    chance = random.Random(20200102)
    async with CuttingProxy(redis_server.port, chance) as proxy:
        settings = bus_settings(
            url=f"redis://127.0.0.1:{proxy.port}/0", probe_s=0.2, timeout_ms=1_000
        )
        if stored:
            desk = Trader(tmp_path / "trading.db", settings)
            publish = desk.happen
        else:
            bus = opened(RedisBus.serve(settings))
            numbers = iter(range(1, 100_000))
            publish = lambda: bus.publish(event(next(numbers)))  # noqa: E731
        proxy.cutting = True
        the_bus = desk.bus if stored else bus
        while proxy.cuts < 12:
            publish()
            the_bus.reconnect()
            await asyncio.sleep(0.001)
        proxy.cutting = False
        publish()
        the_bus.reconnect()
        await until(lambda: the_bus.pending == 0)
        told = on_stream(redis_server, settings)
        assert told == [(1, n) for n in range(1, len(told) + 1)]
        if stored:
            assert told == desk.stored
            desk.close()
        else:
            assert len(told) == next(numbers) - 1


async def test_a_node_that_was_believed_dead_writes_nothing(
    trader, redis_server, caplog, until, event
):
    desk = trader()
    desk.happen(2)
    desk.begin()
    desk.happen(2)
    await until(lambda: desk.bus.pending == 0)
    stale = event(3, epoch=1)
    with caplog.at_level(logging.WARNING):
        desk.bus.publish(stale)
        desk.happen()
        await until(lambda: len(on_stream(redis_server, desk.settings)) == 5)
    assert on_stream(redis_server, desk.settings) == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert "epoch 2 is on the stream" in caplog.text


async def test_two_processes_with_one_store_do_not_interleave(trader, redis_server, until, opened):
    """Both read one store; each event stands once, in order, whoever wrote it."""
    desk = trader()
    other = opened(RedisBus.serve(desk.settings, source=desk.source))
    for _ in range(50):
        desk.happen()
        other.publish(desk.store.outbox_after("node", 1, desk.outbox.seq - 1)[0])
    await until(lambda: desk.bus.pending == 0 and other.pending == 0)
    assert on_stream(redis_server, desk.settings) == desk.stored


async def test_a_trader_that_begins_anew_is_told_of_and_heard(trader, redis_server, until):
    """Its run directory was moved away: the new store begins with epoch 1 again."""
    alerts = []
    old = trader(name="old.db")
    old.happen(3)
    old.begin()
    old.happen(3)
    await until(lambda: old.bus.pending == 0)
    old.close()
    new = trader(name="new.db", on_alert=alerts.append)
    new.happen(2)
    await until(lambda: len(on_stream(redis_server, new.settings)) == 8)
    assert on_stream(redis_server, new.settings)[-2:] == [(1, 1), (1, 2)]
    await until(lambda: alerts)
    assert "store of a trader" in alerts[0].rule


async def test_more_events_than_the_queue_holds_come_from_the_store(
    own_server, trader, redis_server, until
):
    settings = BusSettings(url=own_server.url, persistence="none", queue=100, timeout_ms=300)
    desk = trader(settings)
    own_server.freeze()
    desk.happen(1_000)
    own_server.thaw()
    desk.bus.reconnect()
    await until(lambda: desk.bus.pending == 0)
    assert on_stream(own_server, settings) == desk.stored
    assert "lost" not in desk.bus.health


async def test_without_a_store_the_queue_is_bounded_and_the_loss_is_counted(
    own_server, opened, event, until
):
    settings = BusSettings(url=own_server.url, persistence="none", queue=100, timeout_ms=300)
    bus = opened(RedisBus.serve(settings))
    own_server.kill()
    await until(lambda: bus.state is RECONNECTING)
    for seq in range(1, 151):
        bus.publish(event(seq))
    assert "50 events lost" in bus.health
    own_server.start()
    bus.reconnect()
    await until(lambda: len(on_stream(own_server, settings)) == 100)


async def test_a_store_that_cannot_be_read_holds_back_events_and_not_states(
    tmp_path, bus_settings, redis_server, opened, event, quote, until
):
    settings, heard = bus_settings(), []
    path = tmp_path / "missing.db"
    bus = opened(RedisBus.serve(settings, source=lambda: TradingStore.open(path, read_only=True)))
    reader = opened(RedisBus.connect(settings))
    reader.subscribe("market.>", heard.append)
    await reader.ready(20)
    bus.publish(event(2))
    bus.publish(quote(1))
    await until(lambda: heard)
    assert on_stream(redis_server, settings) == []
    with TradingStore.open(path) as store:
        store.begin_epoch("node")
        for _ in range(2):
            body = messages.NodeStateChanged(component="node", state="running")
            store.record(
                messages.envelope(
                    body, "system.node.PAPER-001", trader="PAPER-001", writer="node", epoch=1
                )
            )
    await until(lambda: on_stream(redis_server, settings) == [(1, 1), (1, 2)])


async def test_events_without_a_number_are_on_the_stream_too(
    bus_settings, redis_server, opened, until
):
    settings, heard = bus_settings(), []
    bus = opened(RedisBus.serve(settings))
    reader = opened(RedisBus.connect(settings))
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    body = messages.AlertRaised(severity="warning", component="supervisor", rule="r")
    alert = messages.envelope(body, "system.alert.T-1", trader="T-1", writer="supervisor")
    bus.publish(alert)
    await until(lambda: heard)
    assert heard == [alert]
    with redis_server.client() as client:
        assert client.xlen(settings.stream) == 1


# --- states while Redis is away -----------------------------------------------------------------


async def test_of_states_told_while_redis_was_away_the_latest_follows(
    own_server, opened, quote, until
):
    settings = BusSettings(url=own_server.url, persistence="none")
    bus = opened(RedisBus.serve(settings))
    heard = []
    reader = opened(RedisBus.connect(settings))
    reader.subscribe("market.>", heard.append)
    await reader.ready(20)
    for _ in range(10):
        own_server.kill()
        await until(lambda: CONNECTED not in (bus.state, reader.state))
        for number in range(100):
            bus.publish(quote(number))
        own_server.start()
        reader.reconnect()
        await reader.ready(20)
        if bus.state is not CONNECTED:  # or it told before anybody heard, and is not asked again
            break
        heard.clear()
    else:
        pytest.fail("the publisher was always back before the reader")
    bus.reconnect()
    await until(lambda: heard)
    assert [told.body.bid for told in heard] == [99]


# --- followers ----------------------------------------------------------------------------------


async def test_a_follower_goes_on_where_it_was(bus_settings, trader, opened, until):
    desk = trader()
    first, second = [], []
    reader = opened(RedisBus.connect(desk.settings))
    reader.subscribe("system.>", first.append)
    await reader.ready(20)
    desk.happen(3)
    await until(lambda: len(first) == 3)
    reader.close()
    desk.happen(300)
    again = opened(RedisBus.connect(desk.settings, after=reader.last_id))
    again.subscribe("system.>", second.append)
    await until(lambda: len(second) == 300)
    assert [e.seq for e in first + second] == list(range(1, 304))


async def test_a_follower_misses_no_event_while_redis_is_frozen(own_server, trader, opened, until):
    settings = BusSettings(url=own_server.url, persistence="none", timeout_ms=300)
    desk = trader(settings)
    heard = []
    reader = opened(RedisBus.connect(settings))
    reader.subscribe("system.>", heard.append)
    await reader.ready(20)
    own_server.freeze()
    desk.happen(50)
    await until(lambda: desk.bus.state is RECONNECTING and reader.state is RECONNECTING)
    own_server.thaw()
    desk.bus.reconnect()
    reader.reconnect()
    await until(lambda: len(heard) == 50)
    assert [e.seq for e in heard] == list(range(1, 51))


async def test_a_follower_notices_that_the_stream_began_anew(redis_server, trader, opened, until):
    desk = trader()
    states, heard = [], []
    reader = opened(RedisBus.connect(desk.settings, on_state=states.append))
    reader.subscribe("system.>", heard.append)
    await reader.ready(20)
    desk.happen()
    await until(lambda: heard)
    with redis_server.client() as client:
        client.delete(desk.settings.stream)
        # as after a restart whose clock is behind
        client.xadd(desk.settings.stream, {"not": "ours"}, id="5-0")
    await until(lambda: states.count(CONNECTED) == 2)
    assert RECONNECTING in states
    await until(lambda: reader.refused == 1)
    assert reader.last_id == "5-0"


async def test_of_patterns_that_overlap_each_message_comes_once(bus_settings, opened, quote, until):
    settings = bus_settings()
    bus = opened(RedisBus.serve(settings))
    reader = opened(RedisBus.connect(settings))
    heard: dict[str, list] = {p: [] for p in (">", "market.>", "market.quote.*.AAPL", "*.quote.>")}
    for pattern, told in heard.items():
        reader.subscribe(pattern, told.append)
        await reader.ready(20)
        bus.publish(quote(1))
        await until(lambda told=told: told)
    end = reader.subscribe("market.quote.PAPER.AAPL", lambda _: None)
    await reader.ready(20)
    end()
    await reader.ready(20)
    bus.publish(quote(2))
    await until(lambda: all(told and told[-1].body.bid == 2 for told in heard.values()))
    assert [len(told) for told in heard.values()] == [5, 4, 3, 2]


async def test_a_follower_of_one_trader_hears_nothing_of_others(
    bus_settings, opened, event, quote, until
):
    settings, heard = bus_settings(), []
    bus = opened(RedisBus.serve(settings))
    reader = opened(RedisBus.connect(settings, trader="PAPER-002"))
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    bus.publish(event(1))
    bus.publish(quote(1))
    bus.publish(event(1, trader="PAPER-002"))
    await until(lambda: heard)
    assert [e.trader for e in heard] == ["PAPER-002"]


async def test_what_is_none_of_ours_is_refused_and_hurts_nobody(
    bus_settings, redis_server, opened, event, quote, until
):
    settings, heard = bus_settings(), []
    bus = opened(RedisBus.serve(settings))
    reader = opened(RedisBus.connect(settings))
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    told = messages.encode_json(event(7))
    forged = {
        "id": "x", "topic": "system.node.PAPER-001", "trader": "PAPER-001", "writer": "node",
        "epoch": "1", "seq": "8", "payload": told,
    }  # fmt: skip
    with redis_server.client() as client:
        client.xadd(settings.stream, {"hello": "world"})
        client.xadd(settings.stream, {"payload": b"\xff\xfe{"})
        client.xadd(settings.stream, {"payload": b"[" * 100_000})
        client.xadd(settings.stream, forged)
        client.publish(f"{settings.channel_prefix}market.quote.PAPER.AAPL", b"not json")
        client.publish(f"{settings.channel_prefix}another.topic", messages.encode_json(quote(1)))
    bus.publish(event(1))
    await until(lambda: heard and reader.refused == 6)
    assert [e.seq for e in heard] == [1]


async def test_a_follower_without_a_loop_is_refused(bus_settings):
    settings = bus_settings()
    with pytest.raises(BusError, match="event loop"):
        await asyncio.to_thread(RedisBus.connect, settings)


async def test_a_follower_does_not_publish(bus_settings, opened, quote):
    reader = opened(RedisBus.connect(bus_settings()))
    with pytest.raises(BusError, match="serving end"):
        reader.publish(quote(1))


async def test_ready_says_what_is_wrong(opened):
    reader = opened(RedisBus.connect(BusSettings(url="redis://:geheim@127.0.0.1:1")))
    reader.subscribe(">", print)
    with pytest.raises(NotReachable, match="confirm subscriptions") as caught:
        await reader.ready(0.3)
    assert "geheim" not in str(caught.value)


# --- giving up ----------------------------------------------------------------------------------


async def test_after_the_last_attempt_the_state_is_error_and_a_probe_finds_it_back(
    own_server, opened, event, until
):
    seen = []
    settings = BusSettings(url=own_server.url, persistence="none", attempts=2, probe_s=0.5)
    bus = opened(RedisBus.serve(settings, on_state=seen.append))
    own_server.kill()
    await until(lambda: bus.state is ERROR)
    bus.publish(event(1))
    own_server.start()
    await until(lambda: bus.state is CONNECTED and bus.pending == 0)
    await until(lambda: seen[-1] is CONNECTED)
    assert seen[-4:] == [CONNECTED, RECONNECTING, ERROR, CONNECTED]


async def test_somebody_may_ask_to_try_again_at_once(own_server, opened, until):
    settings = BusSettings(url=own_server.url, persistence="none", attempts=1, probe_s=3_600)
    bus = opened(RedisBus.serve(settings))
    own_server.kill()
    await until(lambda: bus.state is ERROR)
    own_server.start()
    bus.reconnect()
    await until(lambda: bus.state is CONNECTED)


# --- what a Redis must be -----------------------------------------------------------------------


def test_a_redis_that_evicts_is_refused_with_the_way_to_mend_it(own_server):
    own_server.cli("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    settings = BusSettings(url=own_server.url, start_wait_s=20)
    with pytest.raises(ConfigError, match="must not evict") as caught:
        RedisBus.serve(settings)
    assert "allkeys-lru" in caught.value.value
    assert "maxmemory-policy noeviction" in caught.value.remedy


@pytest.mark.parametrize("memory", ["0", "100mb"])
def test_one_that_does_not_evict_is_taken(own_server, memory):
    policy = "noeviction" if memory != "0" else "allkeys-lru"
    own_server.cli("CONFIG", "SET", "maxmemory", memory, "maxmemory-policy", policy)
    bus = RedisBus.serve(BusSettings(url=own_server.url, persistence="none", start_wait_s=20))
    assert bus.state is CONNECTED
    bus.close()


async def test_one_that_begins_to_evict_is_told_of_and_goes_on(own_server, opened, event, until):
    alerts = []
    settings = BusSettings(url=own_server.url, persistence="none", health_s=0.1)
    bus = opened(RedisBus.serve(settings, on_alert=alerts.append))
    own_server.cli("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    await until(lambda: alerts)
    assert "must not evict" in alerts[0].rule
    bus.publish(event(1))
    await until(lambda: bus.pending == 0)


async def test_a_full_redis_holds_events_back_and_loses_none(own_server, trader, until):
    settings = BusSettings(url=own_server.url, persistence="none")
    desk = trader(settings)
    desk.happen(5)
    await until(lambda: desk.bus.pending == 0)
    own_server.cli("CONFIG", "SET", "maxmemory", "1mb")  # less than it holds already
    desk.happen(5)
    await until(lambda: "maxmemory" in desk.bus.health)
    own_server.cli("CONFIG", "SET", "maxmemory", "0")
    desk.bus.reconnect()
    await until(lambda: desk.bus.pending == 0)
    assert on_stream(own_server, settings) == desk.stored


async def test_a_full_redis_counts_as_away_until_it_takes_events(own_server, opened, event, until):
    states = []
    settings = BusSettings(url=own_server.url, persistence="none", attempts=3, probe_s=0.1)
    bus = opened(RedisBus.serve(settings, on_state=states.append))
    await until(lambda: bus.state is CONNECTED)
    own_server.cli("CONFIG", "SET", "maxmemory", "1mb")
    bus.publish(event(1))
    await until(lambda: bus.state is ERROR)
    assert states.count(CONNECTED) == 1
    assert "maxmemory" in bus.trouble
    own_server.cli("CONFIG", "SET", "maxmemory", "0")
    await until(lambda: bus.state is CONNECTED and bus.pending == 0)
    assert bus.trouble == ""


def test_less_persistence_than_promised_is_said(own_server, caplog):
    for promised, said in (("aof", "append-only"), ("rdb", "saves nothing"), ("none", "")):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            settings = BusSettings(url=own_server.url, persistence=promised, start_wait_s=20)
            RedisBus.serve(settings).close()
        assert said in caplog.text
        assert bool(said) == ("against bus.persistence" in caplog.text)


def test_a_wrong_password_is_refused_and_never_shown(own_server, caplog):
    own_server.cli("ACL", "SETUSER", "desk", "on", ">right", "~*", "&*", "+@all")
    url = f"redis://desk:very-secret@127.0.0.1:{own_server.port}/0"
    settings = BusSettings(url=url, start_wait_s=20)
    with caplog.at_level(logging.DEBUG), pytest.raises(AccessDenied) as caught:
        RedisBus.serve(settings)
    assert "very-secret" not in str(caught.value) + caplog.text + repr(settings)


async def test_the_rights_that_the_page_names_are_enough(
    own_server, repository, opened, event, quote, until
):
    """docs/platform/bus.md shows the ACL line of a publisher and a follower."""
    page = (repository / "docs" / "platform" / "bus.md").read_text("utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("ACL SETUSER desk ")]
    assert own_server.cli(*line.split()).strip() == "OK"
    password = next(word[1:] for word in line.split() if word.startswith(">"))
    url = f"redis://desk:{password}@127.0.0.1:{own_server.port}/0"
    settings = BusSettings(url=url, persistence="none", start_wait_s=20, health_s=0.1)
    bus, heard = opened(RedisBus.serve(settings)), []
    reader = opened(RedisBus.connect(settings))
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    bus.publish(event(1))
    bus.publish(quote(1))
    bus.publish(quote(2))
    await until(lambda: len(heard) == 3)
    assert "desk:[hidden]@" in repr(bus)
    kept = []
    group = StreamGroup(settings, owner="here", take=kept.extend, retry_s=0.02)
    group.start()
    own_server.cli("XADD", settings.stream, "*", "hello", "world")
    await until(lambda: kept and group.dead == 1)
    await group.close()
    for seq in range(2, 6_000):  # it trims
        bus.publish(event(seq))
    await until(lambda: bus.pending == 0)
    assert bus.health == "redis connected"
    with own_server.client(username="desk", password=password) as client:
        with pytest.raises(ResponseError, match="permission"):
            client.flushall()
        with pytest.raises(ResponseError, match="permission"):
            client.config_set("maxmemory", "0")


# --- which bus ----------------------------------------------------------------------------------


async def test_the_settings_choose_the_bus(workspace, bus_settings, opened, event, until):
    run = Home(workspace / ".lab").make().trader("PAPER-001").make()
    assert isinstance(opened(open_bus(BusSettings(), run, "publish")), IpcBus)
    assert isinstance(opened(open_bus(bus_of(run), run, "follow")), IpcBus)
    settings, heard = bus_settings(), []
    publisher = opened(open_bus(settings, run, "publish"))
    run.settings.write_text(
        json.dumps({"bus": settings.model_dump(context={"reveal": True}), "log_level": "INFO"})
    )
    reader = opened(open_bus(bus_of(run), run, "follow"))
    reader.subscribe(">", heard.append)
    await reader.ready(20)
    publisher.publish(event(1, trader="OTHER-1"))
    publisher.publish(event(1))
    await until(lambda: heard)
    assert [e.trader for e in heard] == ["PAPER-001"]


@pytest.mark.parametrize("text", ["{", '{"bus": {"url": 5, "nonsense": 1}}', "[]"])
def test_saved_settings_that_cannot_be_read_are_refused(workspace, text):
    run = Home(workspace / ".lab").make().trader("PAPER-001").make()
    run.settings.write_text(text)
    with pytest.raises(ConfigError, match="must be readable"):
        bus_of(run)


def test_an_address_keeps_its_secret():
    address = RedisAddress.parse("redis://desk:se%3Acret@10.0.0.5:7000/2")
    assert address.password == "se:cret"
    assert "cret" not in f"{address} {address!r}"
