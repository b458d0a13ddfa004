"""Reading a stream for a consumer group: stored first, acknowledged then, given up last."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import RedisBus, StreamGroup
from nautilus_lab.platform.connection import ConnectionState
from tests.platform.bus.redis_server import running

pytestmark = [
    pytest.mark.redis,
    pytest.mark.processes,
    pytest.mark.asyncio(loop_factories=["asyncio"]),  # the history writer's loop
]

GROUP, CONSUMER = "dashboard-group", "dashboard-consumer"


class Book:
    """Takes envelopes, or fails as it is told to."""

    def __init__(self) -> None:
        self.taken: list[messages.Envelope] = []
        self.refuses: set[int] = set()
        self.broken = False
        self.tried = 0
        self.holding = threading.Event()
        self.hold: threading.Event | None = None

    def take(self, envelopes) -> None:
        self.tried += 1
        if self.hold is not None:
            self.holding.set()
            assert self.hold.wait(20)
        if self.broken:
            raise StoreError("a store's disk must have room", value="history.db")
        for envelope in envelopes:
            if envelope.seq in self.refuses:
                raise InputError("an event must fit", value=envelope.seq)
        self.taken += envelopes

    @property
    def numbers(self) -> list[int]:
        return [envelope.seq for envelope in self.taken]


@pytest.fixture
def book():
    return Book()


@pytest.fixture
async def group(bus_settings):
    """Make groups; each is closed."""
    made: list[StreamGroup] = []

    def make(book, settings=None, owner="here", **more) -> StreamGroup:
        one = StreamGroup(settings or bus_settings(), owner=owner, take=book.take, **more)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        await one.close()


@pytest.fixture
def publisher(bus_settings):
    bus = RedisBus.serve(bus_settings())
    yield bus
    bus.close()


def keys(settings: BusSettings) -> tuple[str, str]:
    return settings.stream, f"{{{settings.stream}}}-dead"


def pending(server, settings) -> int:
    with server.client() as client:
        return client.xpending(settings.stream, GROUP)["pending"]


async def test_the_group_and_its_consumer_have_the_names_of_the_platform(
    redis_server, bus_settings, group, book, publisher, event, until
):
    group(book)
    publisher.publish(event(1))
    await until(lambda: book.taken)
    with redis_server.client() as client:
        (told,) = client.xinfo_groups(bus_settings().stream)
        (consumer,) = client.xinfo_consumers(bus_settings().stream, GROUP)
    assert told["name"] == "dashboard-group"
    assert consumer["name"] == "dashboard-consumer"
    assert BusSettings().stream == "nautilus-streams"


async def test_what_is_stored_is_acknowledged_and_nothing_comes_twice(
    redis_server, bus_settings, group, book, publisher, event, until
):
    one = group(book)
    for seq in range(1, 1_001):
        publisher.publish(event(seq))
    await until(lambda: one.taken == 1_000)
    assert book.numbers == list(range(1, 1_001))
    assert pending(redis_server, bus_settings()) == 0


async def test_what_was_there_before_the_group_belongs_to_it_too(
    group, book, publisher, event, until
):
    for seq in (1, 2, 3):
        publisher.publish(event(seq))
    await until(lambda: publisher.pending == 0)
    group(book)
    await until(lambda: len(book.taken) == 3)


async def test_what_a_dead_predecessor_took_is_taken_up_first(
    redis_server, bus_settings, group, book, publisher, event, until
):
    stream = bus_settings().stream
    for seq in (1, 2, 3, 4):
        publisher.publish(event(seq))
    await until(lambda: publisher.pending == 0)
    with redis_server.client() as client:
        client.xgroup_create(stream, GROUP, "0")
        # of our own name and of another one, neither ever acknowledged
        client.xreadgroup(GROUP, CONSUMER, {stream: ">"}, count=2)
        client.xreadgroup(GROUP, "somebody-else", {stream: ">"}, count=1)
    group(book)
    await until(lambda: len(book.taken) == 4)
    assert book.numbers == [1, 2, 3, 4]
    await until(lambda: pending(redis_server, bus_settings()) == 0)


async def test_nothing_is_acknowledged_while_the_store_cannot_write(
    redis_server, bus_settings, group, book, publisher, event, until
):
    book.broken = True
    one = group(book)
    publisher.publish(event(1))
    await until(lambda: book.tried >= 3)
    assert pending(redis_server, bus_settings()) == 1
    assert "disk must have room" in one.trouble
    publisher.publish(event(2))
    book.broken = False
    await until(lambda: book.numbers == [1, 2])
    await until(lambda: one.trouble == "" and pending(redis_server, bus_settings()) == 0)
    assert one.dead == 0


async def test_poison_is_buried_after_five_deliveries_and_the_rest_goes_on(
    redis_server, bus_settings, group, book, publisher, event, until
):
    alerts = []
    one = group(book, retry_s=0.05, on_alert=alerts.append)
    stream, dead = keys(bus_settings())
    with redis_server.client() as client:
        client.xadd(stream, {"hello": "world"})
        client.xadd(stream, {"payload": b"\xff\xfe{"})
    publisher.publish(event(1))
    await until(lambda: book.taken)
    await until(lambda: one.dead == 2)
    publisher.publish(event(2))
    await until(lambda: book.numbers == [1, 2])
    with redis_server.client() as client:
        client.connection_pool.connection_kwargs["encoding_errors"] = "replace"
        letters = [fields for _, fields in client.xrange(dead)]
    assert letters[0]["hello"] == "world"
    assert "must have a payload" in letters[0]["reason"]
    assert "envelope in JSON" in letters[1]["reason"]
    assert [letter["deliveries"] for letter in letters] == ["5", "5"]
    assert {letter["group"] for letter in letters} == {GROUP}
    await until(lambda: pending(redis_server, bus_settings()) == 0)
    assert "event of ours" in alerts[0].rule


async def test_an_event_that_cannot_be_stored_does_not_hold_back_its_batch(
    redis_server, bus_settings, group, book, publisher, event, until
):
    book.refuses = {3}
    for seq in range(1, 6):
        publisher.publish(event(seq))
    await until(lambda: publisher.pending == 0)
    one = group(book, retry_s=0.05)
    await until(lambda: one.dead == 1)
    assert book.numbers == [1, 2, 4, 5]
    _, dead = keys(bus_settings())
    with redis_server.client() as client:
        ((_, letter),) = client.xrange(dead)
        assert letter["seq"] == "3"
        assert "an event must fit" in letter["reason"]


async def test_an_entry_that_ended_the_process_each_time_is_not_tried_again(
    redis_server, bus_settings, group, book, publisher, event, until
):
    stream, dead = keys(bus_settings())
    publisher.publish(event(1))
    await until(lambda: publisher.pending == 0)
    with redis_server.client() as client:
        client.xgroup_create(stream, GROUP, "0")
        client.xreadgroup(GROUP, CONSUMER, {stream: ">"})
        for _ in range(9):  # ten deliveries, and nobody lived to acknowledge one
            client.xautoclaim(stream, GROUP, CONSUMER, 0)
    one = group(book)
    await until(lambda: one.dead == 1)
    assert book.tried == 0
    with redis_server.client() as client:
        ((_, letter),) = client.xrange(dead)
    assert "never stored" in letter["reason"]
    assert letter["deliveries"] == "11"


async def test_an_innocent_entry_outlives_many_deaths_of_its_reader(
    redis_server, bus_settings, group, book, publisher, event, until
):
    stream, _ = keys(bus_settings())
    publisher.publish(event(1))
    await until(lambda: publisher.pending == 0)
    with redis_server.client() as client:
        client.xgroup_create(stream, GROUP, "0")
        client.xreadgroup(GROUP, CONSUMER, {stream: ">"})
        for _ in range(7):
            client.xautoclaim(stream, GROUP, CONSUMER, 0)
    one = group(book)
    await until(lambda: book.numbers == [1])
    assert one.dead == 0


async def test_entries_deleted_under_the_reader_are_counted_and_told(
    redis_server, bus_settings, group, book, publisher, event, until
):
    stream, _ = keys(bus_settings())
    told = []
    for seq in (1, 2, 3):
        publisher.publish(event(seq))
    await until(lambda: publisher.pending == 0)
    with redis_server.client() as client:
        client.xgroup_create(stream, GROUP, "0")
        entries = client.xreadgroup(GROUP, CONSUMER, {stream: ">"})
        client.xdel(stream, entries[0][1][1][0])
    one = group(book, on_gap=told.append)
    await until(lambda: one.deleted == 1)
    assert book.numbers == [1, 3]
    assert "1 entries were deleted" in told[0]
    await until(lambda: pending(redis_server, bus_settings()) == 0)


async def test_a_stream_deleted_with_its_group_is_read_from_its_new_beginning(
    redis_server, bus_settings, group, book, publisher, event, until
):
    told = []
    one = group(book, on_gap=told.append)
    publisher.publish(event(1))
    await until(lambda: book.taken)
    with redis_server.client() as client:
        client.delete(bus_settings().stream)
    publisher.publish(event(2))
    await until(lambda: book.numbers == [1, 2])
    assert one.restarts == 1
    assert "deleted with its group" in told[0]
    assert one.state is ConnectionState.CONNECTED


async def test_a_redis_that_forgot_scripts_and_group_is_no_trouble_for_long(
    tmp_path, group, book, event, until
):
    """Killed, without anything on its disk: NOSCRIPT and NOGROUP at once."""
    with running(tmp_path / "own") as server:
        settings = BusSettings(url=server.url, persistence="none", start_wait_s=20)
        bus = RedisBus.serve(settings)
        with contextlib.closing(bus):
            one = group(book, settings)
            bus.publish(event(1))
            await until(lambda: book.numbers == [1])
            server.kill()
            await until(lambda: one.state is not ConnectionState.CONNECTED)
            server.start()
            bus.reconnect()
            one.reconnect()
            bus.publish(event(2))
            await until(lambda: book.numbers[-1] == 2)
            with server.client() as client:
                client.script_flush()
            bus.publish(event(3))
            await until(lambda: book.numbers[-1] == 3)
        await one.close()


async def test_one_process_at_a_time_reads_for_a_group(
    redis_server, bus_settings, group, book, publisher, event, until
):
    """A second reader would get every other event, and its history would lack the rest."""
    other = Book()
    first = group(book)
    await until(lambda: first.state is ConnectionState.CONNECTED)
    second = group(other, owner="elsewhere", settings=bus_settings(attempts=2, probe_s=0.2))
    await until(lambda: second.state is ConnectionState.ERROR)
    assert "one process at a time" in second.trouble
    assert "here" in second.trouble
    for seq in range(1, 101):
        publisher.publish(event(seq))
    await until(lambda: first.taken == 100)
    assert other.taken == []
    await first.close()
    with redis_server.client() as client:
        lease = f"{{{bus_settings().stream}}}-lease-{GROUP}"
        assert 0 < client.pttl(lease) <= 15_000
        client.delete(lease)  # as it ends by itself
    publisher.publish(event(101))
    await until(lambda: other.numbers == [101])


async def test_closing_waits_for_what_is_being_stored(
    redis_server, bus_settings, group, book, publisher, event, until
):
    book.hold = threading.Event()
    one = group(book)
    publisher.publish(event(1))
    await until(book.holding.is_set)
    closing = asyncio.create_task(one.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    book.hold.set()
    await closing
    assert book.numbers == [1]
    # It was stored and not acknowledged: it comes again, and the history knows it by its id.
    assert pending(redis_server, bus_settings()) == 1


async def test_trimming_never_passes_the_group_by_age(
    redis_server, bus_settings, group, book, event, until
):
    settings = bus_settings(retention_hours=1e-6, persistence="none")  # 3.6 ms
    stream, _ = keys(settings)
    with redis_server.client() as client:
        client.xgroup_create(stream, GROUP, "0", mkstream=True)
        bus = RedisBus.serve(settings)
        for seq in range(1, 6_001):  # past the number of events after which it trims
            bus.publish(event(seq))
        await until(lambda: bus.pending == 0)
        bus.close()
        assert client.xlen(stream) == 6_000
        one = group(book, settings)
        await until(lambda: one.taken == 6_000)
        again = RedisBus.serve(settings)  # it trims as it begins
        await until(lambda: client.xlen(stream) <= 1)
        again.close()
        assert client.hgetall(f"{{{stream}}}-passed") == {}


async def test_a_slow_group_that_is_passed_is_counted_and_told_of(
    redis_server, bus_settings, group, book, event, until
):
    """The most that the stream may hold comes before who has read it."""
    alerts, told = [], []
    settings = bus_settings(max_events=1_000)
    stream, _ = keys(settings)
    with redis_server.client() as client:
        client.xgroup_create(stream, GROUP, "0", mkstream=True)
        bus = RedisBus.serve(settings, on_alert=alerts.append)
        for seq in range(1, 6_001):
            bus.publish(event(seq))
        await until(lambda: bus.pending == 0 and alerts)
        left = client.xlen(stream)
        passed = int(client.hget(f"{{{stream}}}-passed", GROUP))
        assert passed == 6_000 - left > 0
        assert "must have read" in alerts[0].rule
        assert f"{GROUP}: {passed} entries" in " ".join(a.detail for a in alerts)
        assert f"{passed} entries trimmed unread" in bus.health
        bus.close()
        one = group(book, settings, on_gap=told.append)
        await until(lambda: one.taken == left)
        assert one.passed == passed
        assert "trimmed before they were read" in told[0]


async def test_a_frozen_redis_is_given_up_in_its_time_and_taken_up_again(
    tmp_path, group, book, event, until
):
    with running(tmp_path / "own") as server:
        settings = BusSettings(url=server.url, persistence="none", timeout_ms=300, start_wait_s=20)
        with contextlib.closing(RedisBus.serve(settings)) as bus:
            one = group(book, settings)
            bus.publish(event(1))
            await until(lambda: book.taken)
            server.freeze()
            began = time.monotonic()
            await until(lambda: one.state is not ConnectionState.CONNECTED)
            assert time.monotonic() - began < 5  # it blocks for 1 s, and waits 0.3 s longer
            server.thaw()
            one.reconnect()
            bus.reconnect()
            bus.publish(event(2))
            await until(lambda: book.numbers == [1, 2])
        await one.close()
