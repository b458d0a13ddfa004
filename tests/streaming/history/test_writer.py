"""The history writer as a process: killed anywhere, it loses and doubles nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import ConfigError, InputError, NodeAlreadyRunning, StoreError
from nautilus_lab.platform.bus import RedisBus
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.rundir import ProcessRecord
from nautilus_lab.platform.store import DeskStore, HistoryStore, TradingStore
from nautilus_lab.streaming import StreamingEngine
from nautilus_lab.streaming.history import HistoryWriter
from tests.platform.bus.redis_server import running

pytestmark = [pytest.mark.redis, pytest.mark.processes]


@pytest.fixture
def settings(home, redis_server):
    name = f"history-{time.monotonic_ns()}"
    return settings_for(home, redis_server, stream=name, channel_prefix=f"{name}:")


def settings_for(home, server, **bus):
    given = {"url": server.url, "persistence": "none", "history": True, "start_wait_s": 20} | bus
    return load_settings(home.path.parent, bus=given)


class Feeding:
    """A trader whose events go over the bus, as a node's do."""

    def __init__(self, trader, settings) -> None:
        self.trader = trader
        self.bus = RedisBus.serve(
            settings.bus, source=lambda: TradingStore.open(trader.run.store, read_only=True)
        )
        self.outbox = Outbox(
            trader.store, self.bus, trader=trader.name, writer="node", epoch=trader.epoch
        )

    def happen(self, times: int = 1) -> None:
        from nautilus_lab.platform import messages

        for _ in range(times):
            body = messages.NodeStateChanged(component="node", state="running")
            self.outbox.publish(body, f"system.node.{self.trader.name}")

    @property
    def ids(self) -> list[str]:
        return [e.id for e in self.trader.store.outbox_after("node", 0, 0, 1_000_000)]


@pytest.fixture
def feeding(trader, settings):
    with contextlib.ExitStack() as stack:

        def make(name="PAPER-001", of=None) -> Feeding:
            made = Feeding(trader(name), of or settings)
            stack.callback(made.bus.close)
            return made

        yield make


class Process:
    """`python -m nautilus_lab.streaming.history`, as the supervisor runs it."""

    def __init__(self, home, settings) -> None:
        self.home, self.files = home, home.history_files
        self.files.settings.write_text(settings.to_private_json())
        self.popen: subprocess.Popen | None = None

    def start(self, **environment) -> None:
        self.popen = subprocess.Popen(
            [
                *(sys.executable, "-m", "nautilus_lab.streaming.history"),
                *("--settings", str(self.files.settings), "--heartbeat-s", "0.1"),
            ],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(20)

    def kill(self) -> None:
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
            self.popen.stderr.close()
            self.popen = None

    @property
    def record(self) -> ProcessRecord | None:
        return ProcessRecord.read(self.files.record)

    @property
    def ids(self) -> list[str]:
        try:
            with HistoryStore.open(self.files.store, read_only=True) as store:
                return [event.id for event in store.events("system.node.>")]
        except StoreError:
            return []


@pytest.fixture
def process(home, settings):
    made = Process(home, settings)
    yield made
    made.kill()


@pytest.fixture
def until():
    async def wait(condition, seconds: float = 40.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    return wait


async def test_it_keeps_what_the_bus_carries_and_says_how_it_is(process, feeding, until):
    node = feeding()
    process.start()
    node.happen(200)
    await until(lambda: process.ids == node.ids)
    record = process.record
    assert record.name == "history"
    assert record.pid == process.popen.pid
    assert record.alive
    await until(lambda: process.record.detail["stored"] == "200")
    told = process.record.detail
    assert told["state"] == "connected"
    assert (told["trouble"], told["dead"], told["gaps"]) == ("", "0", "0")
    assert process.files.lock.held_elsewhere
    assert process.stop() == 0
    assert process.record is None
    assert "goes to" in process.files.log.read_text()


async def test_its_heartbeat_is_a_state_on_the_bus(settings, process, until):
    process.start()
    reader = RedisBus.connect(settings.bus)
    heard = []
    reader.subscribe("system.health.>", heard.append)
    await until(lambda: heard)
    reader.close()
    body = heard[0].body
    assert (body.component, body.pid, heard[0].seq) == ("history", process.popen.pid, None)


@pytest.mark.parametrize(
    "place", ["history.before_commit@3", "history.after_commit@2", "history.after_commit@1"]
)
async def test_killed_at_a_named_place_it_loses_and_doubles_nothing(
    place, process, feeding, until, redis_server, settings
):
    node = feeding()
    node.happen(300)
    process.start(NL_FAILPOINT=f"history:{place}")
    await until(lambda: not node.happen() and process.popen.poll() is not None)
    assert process.popen.returncode == -signal.SIGKILL
    process.kill()
    process.start()
    node.happen(50)
    await until(lambda: process.ids == node.ids)
    with redis_server.client() as client:
        await until(lambda: not client.xpending(settings.bus.stream, "dashboard-group")["pending"])
        assert client.exists(f"{{{settings.bus.stream}}}-dead") == 0


async def test_killed_at_random_under_flow_it_loses_and_doubles_nothing(process, feeding, until):
    node = feeding()
    for _ in range(4):
        process.start()
        await until(lambda: not node.happen(5) and process.record is not None)
        before = len(process.ids)
        await until(lambda before=before: not node.happen(5) and len(process.ids) > before)
        process.kill()
        node.happen(20)
    process.start()
    await until(lambda: process.ids == node.ids)
    assert len(set(process.ids)) == len(process.ids) > 100
    await until(lambda: process.record.detail["dead"] == "0")


async def test_while_redis_is_away_it_waits_and_then_has_everything(home, trader, until, tmp_path):
    """Killed under flow, and back without a stream, a group or a script."""
    with running(tmp_path / "own") as server, contextlib.ExitStack() as stack:
        settings = settings_for(home, server)
        process = Process(home, settings)
        stack.callback(process.kill)
        node = Feeding(trader(), settings)
        stack.callback(node.bus.close)
        process.start()
        node.happen(100)
        await until(lambda: process.ids == node.ids)
        server.kill()
        node.happen(100)
        await until(lambda: process.record.detail["state"] != "connected")
        server.start()
        node.bus.reconnect()
        node.happen(100)
        await until(lambda: process.ids == node.ids)
        assert len(process.ids) == 300
        await until(lambda: process.record.detail["restarts"] == "1")


async def test_what_was_trimmed_before_it_came_it_has_from_the_stores(
    process, feeding, until, redis_server, settings
):
    node = feeding()
    node.happen(500)
    await until(lambda: node.bus.pending == 0)
    with redis_server.client() as client:
        client.xtrim(settings.bus.stream, maxlen=10, approximate=False)
    process.start()
    await until(lambda: process.ids == node.ids)
    # The first event that it reads brings all that went before it, if its start did not.
    await until(lambda: 490 <= int(process.record.detail["fetched"]) <= 500)
    assert process.record.detail["stored"] == "500"


async def test_a_gap_that_nobody_can_fill_is_written_down_and_raises_an_alert(
    home, process, settings, until
):
    from nautilus_lab.platform import messages

    bus = RedisBus.serve(settings.bus)
    for seq in (1, 2, 7):
        body = messages.NodeStateChanged(component="node", state="running")
        bus.publish(
            messages.envelope(
                body, "system.node.FAR-001", trader="FAR-001", writer="node", epoch=1, seq=seq
            )
        )
    process.start()
    await until(lambda: len(process.ids) == 3)
    bus.close()
    with HistoryStore.open(process.files.store, read_only=True) as store:
        (gap,) = store.gaps()
    assert (gap.trader, gap.seq, gap.next_seq) == ("FAR-001", 2, 7)
    await until(lambda: process.record.detail["gaps"] == "1")
    with DeskStore.open(home.store) as desk:
        (alert,) = [a for a in desk.alerts() if a.component == "history"]
    assert alert.severity == "critical"
    assert "between 1:2 and 1:7" in alert.detail


async def test_poison_is_buried_and_told_of(home, process, feeding, until, redis_server, settings):
    node = feeding()
    process.start()
    with redis_server.client() as client:
        client.xadd(settings.bus.stream, {"hello": "world"})
        node.happen(3)
        dead = f"{{{settings.bus.stream}}}-dead"
        await until(lambda: client.xlen(dead) == 1)
        assert "payload" in client.xrange(dead)[0][1]["reason"]
    await until(lambda: process.ids == node.ids)
    await until(lambda: process.record.detail["dead"] == "1")
    with DeskStore.open(home.store) as desk:
        assert any("event of ours" in alert.rule for alert in desk.alerts())


async def test_a_frozen_writer_hurts_nobody_and_catches_up(process, feeding, until):
    node = feeding()
    process.start()
    node.happen(10)
    await until(lambda: process.ids == node.ids)
    process.popen.send_signal(signal.SIGSTOP)
    node.happen(500)
    await until(lambda: node.bus.pending == 0)
    process.popen.send_signal(signal.SIGCONT)
    await until(lambda: process.ids == node.ids)


# --- what it refuses ----------------------------------------------------------------------------


def test_without_a_redis_there_is_nothing_to_read(home):
    with pytest.raises(ConfigError, match="stream of a Redis"):
        HistoryWriter(load_settings(home.path.parent))


async def test_a_second_one_of_a_lab_is_refused(settings, process, until):
    process.start()
    await until(lambda: process.record)
    with pytest.raises(NodeAlreadyRunning, match="history writer"):
        await HistoryWriter(settings).start()
    again = subprocess.run(
        [sys.executable, "-m", "nautilus_lab.streaming.history", "--settings",
         str(process.files.settings)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert again.returncode == 2
    assert "history writer of this lab" in again.stderr


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"root": "/", "bus": {"url": "redis://:hush@h"}, "x": 1}']
)
def test_settings_that_cannot_be_read_are_refused_without_their_secrets(home, text):
    home.history_files.settings.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "nautilus_lab.streaming.history", "--settings",
         str(home.history_files.settings)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "settings of the history writer must be readable" in done.stderr
    assert "hush" not in done.stderr


async def test_a_redis_that_evicts_is_refused(home, tmp_path):
    with running(
        tmp_path / "own", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"
    ) as server:
        writer = HistoryWriter(settings_for(home, server))
        with pytest.raises(ConfigError, match="must not evict"):
            await writer.start()
    assert not home.history_files.lock.held_elsewhere


async def test_no_password_stands_in_its_arguments_or_its_record(home, tmp_path, until):
    with running(tmp_path / "own", "--requirepass", "very-secret") as server:
        url = f"redis://:very-secret@127.0.0.1:{server.port}/0"
        process = Process(home, settings_for(home, server, url=url))
        try:
            process.start()
            await until(lambda: process.record)
            assert "very-secret" not in " ".join(psutil.Process(process.popen.pid).cmdline())
            assert "very-secret" not in process.files.record.read_text()
            assert process.stop() == 0
            assert "very-secret" not in process.files.log.read_text()
        finally:
            process.kill()


# --- the past as a frame ------------------------------------------------------------------------


async def test_the_past_is_read_as_a_frame(home, trader, settings):
    one = trader()
    events = one.happen(3)
    writer = HistoryWriter(settings)
    await writer.start()
    try:
        async with asyncio.timeout(20):
            while writer.facts["stored"] != "3":
                await asyncio.sleep(0.02)
    finally:
        await writer.stop()
    engine = StreamingEngine(home.path)
    frame = engine.history("system.node.>")
    assert list(frame["id"]) == [e.id for e in events]
    assert list(frame["seq"]) == [1, 2, 3]
    assert list(frame["kind"]) == ["NodeStateChanged"] * 3
    assert str(frame["ts"].dt.tz) == "UTC"
    assert [ts.value for ts in frame["ts"]] == [e.ts for e in events]
    assert frame["body"][0] == events[0].body
    later = engine.history(start=frame["ts"][1])
    assert list(later["seq"]) == [2, 3]
    assert list(engine.history(end=frame["ts"][1])["seq"]) == [1]
    assert len(engine.history("trading.>")) == 0
    assert list(engine.history("trading.>").columns) == list(frame.columns)
    assert len(engine.history(trader="PAPER-002")) == 0


def test_a_past_that_nobody_keeps_says_how_to_keep_it(home):
    with pytest.raises(StoreError, match="history must be kept") as caught:
        StreamingEngine(home.path).history()
    assert "bus.history" in caught.value.remedy


@pytest.mark.parametrize("asked", [{"pattern": "a..b"}, {"start": "noon"}, {"start": float("nan")},
                                   {"start": "2026-01-02", "end": "2026-01-01"}])  # fmt: skip
def test_a_past_that_is_asked_for_wrongly_is_refused(home, asked):
    with pytest.raises(InputError):
        StreamingEngine(home.path).history(**asked)


# --- as a service of the supervisor -------------------------------------------------------------


async def test_the_supervisor_keeps_it_when_the_settings_say_so(home, settings):
    from nautilus_lab.trading.supervisor._services import services_of

    async def alert(*args, **more) -> None:
        raise AssertionError(args)

    names = [service.name for service in services_of(home, settings, alert)]
    assert names == ["history", "gateway", "monitor"]
    assert oct(home.history_files.settings.stat().st_mode)[-3:] == "600"
    assert json.loads(home.history_files.settings.read_text())["bus"]["url"] == settings.bus.url
    (history, *_) = services_of(home, settings, alert)
    await history.start()
    try:
        assert history.status().address == settings.bus.url
        os.kill(history.child.pid, signal.SIGKILL)
    finally:
        await history.stop()
    without = load_settings(home.path.parent)
    assert [service.name for service in services_of(home, without, alert)] == [
        "gateway",
        "monitor",
    ]
