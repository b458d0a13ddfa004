"""A master that dies: who comes in its place has everything again, from the store."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import NotReachable
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import RedisBus, StreamGroup
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._wire import Wire
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import TradingStore
from tests.platform.bus.redis_group import Cluster, Watched, together

pytestmark = [
    pytest.mark.redis,
    pytest.mark.processes,
    pytest.mark.asyncio(loop_factories=["uvloop"]),  # the gateways' loop; servers are slow to meet
]

CONNECTED = ConnectionState.CONNECTED


@pytest.fixture
def watched(tmp_path):
    with together(Watched(tmp_path / "watched", down_after_ms=500)) as servers:
        yield servers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with together(Cluster(tmp_path_factory.mktemp("cluster"))) as servers:
        yield servers


@pytest.fixture
def desk(tmp_path):
    """A store, and what publishes out of it."""
    with TradingStore.open(tmp_path / "trading.db") as store:
        yield Desk(store, tmp_path / "trading.db")


class Desk:
    def __init__(self, store, path) -> None:
        self.store, self.path = store, path
        self.epoch = store.begin_epoch("node")
        self.outbox = None

    def source(self):
        return TradingStore.open(self.path, read_only=True)

    def publish_on(self, bus) -> None:
        self.outbox = Outbox(self.store, bus, trader="PAPER-001", writer="node", epoch=self.epoch)

    def happen(self, times: int = 1) -> None:
        for _ in range(times):
            body = messages.NodeStateChanged(component="node", state="running")
            self.outbox.publish(body, "system.node.PAPER-001")

    @property
    def numbers(self) -> list[int]:
        return [event.seq for event in self.store.outbox_after("node", 0, 0, 1_000_000)]


def numbers_on(server, stream) -> list[int]:
    with server.client() as client:
        return [int(fields["seq"]) for _, fields in client.xrange(stream)]


async def test_a_master_that_dies_under_flow_costs_nothing_that_is_stored(
    watched, desk, until, record_property
):
    master, replica = watched.servers
    settings = BusSettings(url=watched.url, persistence="none", timeout_ms=300, start_wait_s=20)
    with contextlib.ExitStack() as stack:
        bus = RedisBus.serve(settings, source=desk.source)
        stack.callback(bus.close)
        desk.publish_on(bus)
        reader = RedisBus.connect(settings)
        stack.callback(reader.close)
        heard: list[int] = []
        reader.subscribe("system.>", lambda e: heard.append(e.seq))
        await reader.ready(20)
        # The replica falls behind, as one does whose network is slow: what it lacks is lost.
        desk.happen(200)
        await until(lambda: bus.pending == 0)
        replica.freeze()
        desk.happen(50)
        await until(lambda: bus.pending == 0)
        master.kill()
        replica.thaw()
        died = time.monotonic()
        while bus.state is CONNECTED and time.monotonic() < died + 20:
            desk.happen()
            await asyncio.sleep(0.005)
        while bus.state is not CONNECTED and time.monotonic() < died + 60:
            desk.happen()
            await asyncio.sleep(0.005)
        away_s = time.monotonic() - died
        desk.happen(50)
        await until(lambda: bus.pending == 0, 40)
        record_property("seconds until the publisher was connected again", away_s)
        assert numbers_on(replica, settings.stream) == desk.numbers
        await until(lambda: len(set(heard)) == len(desk.numbers), 40)
        # At least once and in order; what the dead master had told already comes again.
        assert sorted(set(heard)) == desk.numbers
        assert "role:master" in replica.cli("INFO", "replication")


async def test_without_a_store_a_fail_over_loses_what_the_replica_had_not(watched, event, until):
    """The loss window that docs/platform/bus.md states, and that it is seen and counted."""
    master, replica = watched.servers
    settings = BusSettings(
        url=watched.url, persistence="none", timeout_ms=300, start_wait_s=20, wait_replicas=1
    )
    with contextlib.closing(RedisBus.serve(settings)) as bus:
        for seq in range(1, 101):
            bus.publish(event(seq))
        await until(lambda: bus.pending == 0)
        assert "unreplicated" not in bus.health
        replica.freeze()
        for seq in range(101, 111):
            bus.publish(event(seq))
        await until(lambda: bus.pending == 0)
        assert "unreplicated" in bus.health
        master.kill()
        replica.thaw()
        await until(lambda: bus.state is not CONNECTED)
        for seq in range(111, 121):  # these wait in the queue
            bus.publish(event(seq))
        await until(lambda: "role:master" in replica.cli("INFO", "replication"), 40)
        bus.reconnect()
        await until(lambda: bus.state is CONNECTED and bus.pending == 0, 40)
        there = numbers_on(replica, settings.stream)
        lost = sorted(set(range(1, 121)) - set(there))
        assert there == sorted(there)
        # Frozen, the replica had them in its socket or not; none of the others may be missing.
        assert set(lost) <= set(range(101, 111))
        assert ("1 gaps" in bus.health) == bool(lost)


async def test_sentinels_that_do_not_know_the_master_are_said_so(watched, until):
    wrong = watched.url.replace("/desk/", "/nobody/")
    with contextlib.closing(
        RedisBus.serve(BusSettings(url=wrong, persistence="none", start_wait_s=0.5))
    ) as bus:
        await until(lambda: "must know the master" in bus.health)


async def test_one_sentinel_that_answers_is_enough(watched):
    for sentinel in watched.sentinels[:2]:
        sentinel.kill()
    wire = await Wire.open(RedisAddress.parse(watched.url), key="k", timeout_s=2)
    assert wire.where == f"127.0.0.1:{watched.servers[0].port}"
    await wire.close()
    watched.sentinels[2].kill()
    with pytest.raises(NotReachable, match="who know the master"):
        await Wire.open(RedisAddress.parse(watched.url), key="k", timeout_s=2)


# --- a cluster ----------------------------------------------------------------------------------


async def test_a_cluster_carries_events_and_states(cluster, desk, quote, until):
    settings = BusSettings(url=cluster.url, persistence="none", start_wait_s=20)
    with contextlib.ExitStack() as stack:
        bus = RedisBus.serve(settings, source=desk.source)
        stack.callback(bus.close)
        desk.publish_on(bus)
        readers, heard = [], []
        for _ in range(2):
            readers.append(RedisBus.connect(settings))
            stack.callback(readers[-1].close)
            heard.append([])
            readers[-1].subscribe(">", heard[-1].append)
            await readers[-1].ready(20)
        desk.happen(100)
        bus.publish(quote(99.5))
        await until(lambda: all(len(told) == 101 for told in heard))
        for told in heard:
            assert [e.seq for e in told if e.seq is not None] == desk.numbers
        assert numbers_on(cluster.holder(settings.stream), settings.stream) == desk.numbers


async def test_all_that_is_written_together_is_in_one_slot(cluster, until, event):
    settings = BusSettings(
        url=cluster.url, persistence="none", start_wait_s=20, stream="slot-test", max_events=1_000
    )
    taken = []
    holder = cluster.holder(settings.stream)
    with contextlib.closing(RedisBus.serve(settings)) as bus:
        group = StreamGroup(settings, owner="here", take=taken.extend, retry_s=0.02)
        group.start()
        bus.publish(event(1))
        await until(lambda: taken)
        with holder.client() as client:
            client.xadd(settings.stream, {"hello": "world"})
        await until(lambda: group.dead == 1)
        for seq in range(2, 6_002):  # more than it may hold, faster than it is read
            bus.publish(event(seq))
        await until(lambda: bus.pending == 0 and taken[-1].seq == 6_001)
        await group.close()
    with holder.client() as client:
        assert client.xlen("{slot-test}-dead") == 1
        passed = int(client.hget("{slot-test}-passed", group.group) or 0)
        assert client.hget("{slot-test}-written", "PAPER-001/node") == "1:6001"
    # One that was trimmed while it was being taken counts as passed as well.
    assert len(taken) + passed >= 6_001


async def test_a_slot_that_moves_is_followed(cluster, desk, until):
    """As an operator reshards; the stream's node says MOVED, and the bus asks anew."""
    settings = BusSettings(
        url=cluster.url, persistence="none", start_wait_s=20, stream="moving", timeout_ms=2_000
    )
    with contextlib.closing(RedisBus.serve(settings, source=desk.source)) as bus:
        desk.publish_on(bus)
        desk.happen(20)
        await until(lambda: bus.pending == 0)
        source = cluster.holder("moving")
        target = next(server for server in cluster.servers if server is not source)
        slot = source.cli("CLUSTER", "KEYSLOT", "moving").strip()
        source_id = source.cli("CLUSTER", "MYID").strip()
        target_id = target.cli("CLUSTER", "MYID").strip()
        target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        for key in source.cli("CLUSTER", "GETKEYSINSLOT", slot, "100").split():
            source.cli("MIGRATE", "127.0.0.1", str(target.port), key, "0", "5000")
        for server in (target, source, *cluster.servers):
            server.cli("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        desk.happen(20)
        await until(lambda: bus.pending == 0 and bus.state is CONNECTED, 40)
        assert numbers_on(target, "moving") == desk.numbers
