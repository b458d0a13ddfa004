"""Two gateways before one node, many clients, and one gateway that is killed: no event is lost."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nautilus_lab.client import ConnectionState, Desk, connect, gateways
from nautilus_lab.config import BusSettings
from nautilus_lab.platform.bus import RedisBus
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.rundir import Home, ProcessRecord
from tests.platform.bus.redis_server import running
from tests.streaming.fake_node import FakeNode

pytestmark = pytest.mark.processes

CLIENTS = 20
EVENTS = 1_000


class Outbox:
    """The stored events of a stand-in, as a Redis bus asks for them."""

    def __init__(self, log: list[Envelope]) -> None:
        self.log = log

    def outbox_after(self, writer: str, epoch: int, seq: int, limit: int = 1_000) -> list[Envelope]:
        return [e for e in self.log if (e.epoch, e.seq or 0) > (epoch, seq)][:limit]

    def latest_epoch(self, writer: str) -> int:
        return max((e.epoch for e in self.log), default=0)

    def close(self) -> None:
        pass


class Gateways:
    """Gateways of a home, each a process."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.processes: dict[str, subprocess.Popen] = {}  # url -> process

    async def start(self, number: int) -> str:
        command = [sys.executable, "-m", "nautilus_lab.streaming", "--home", str(self.home.path)]
        process = subprocess.Popen(
            [*command, "--number", str(number), "--heartbeat-s", "1", "--conflate-ms", "20"]
        )
        record_file = self.home.gateway_files(number).record
        while (record := ProcessRecord.read(record_file)) is None or record.pid != process.pid:
            assert process.poll() is None
            await asyncio.sleep(0.05)
        self.processes[record.address] = process
        return record.address

    def kill(self, url: str) -> None:
        process = self.processes.pop(url)
        process.kill()
        process.wait()

    async def attended(self) -> list[int]:
        """How many look through each."""
        return [status.viewers for status in await gateways(self.home.path)]


@pytest.fixture
async def several(home: Path) -> AsyncIterator[Gateways]:
    several = Gateways(home)
    yield several
    for process in several.processes.values():
        process.terminate()
    for process in several.processes.values():
        assert process.wait(10) == 0


class Follower:
    """A client, and every fill it was told of, in order."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.trips: list[str] = []  # the states its connection went through
        desk.on_change(
            lambda change: self.trips.append(change.key) if change.kind == "connection" else None
        )

    @property
    def fills(self) -> list[str]:
        return [fill.trade_id for fill in self.desk.fills]


async def followers(home: Path, number: int) -> list[Follower]:
    """Clients that find their gateway by themselves."""
    root = home.parent
    (root / "lab.toml").touch()
    desks = await asyncio.gather(*(connect(root=root, timeout_s=20) for _ in range(number)))
    return [Follower(desk) for desk in desks]


async def no_event_is_lost(node: FakeNode, several: Gateways, home: Path) -> None:
    """Publish numbered fills; kill the gateway of some clients over them."""
    for number in (1, 2):
        await several.start(number)
    all_of_them = await followers(home, CLIENTS)
    try:
        shares = await several.attended()
        assert sum(shares) == CLIENTS
        assert min(shares) > 0  # chosen at random: all at one, once in 2**19
        victim = next(iter(several.processes))
        for number in range(EVENTS):
            node.fill(number)
            if number == EVENTS // 3:
                several.kill(victim)
            await asyncio.sleep(0.002)
        async with asyncio.timeout(30):
            while any(len(one.fills) < EVENTS for one in all_of_them):
                await asyncio.sleep(0.05)
        wanted = [f"T-{number}" for number in range(EVENTS)]
        assert all(one.fills == wanted for one in all_of_them)
        moved = [one for one in all_of_them if "reconnecting" in one.trips]
        assert len(moved) >= shares[0]  # on a busy machine a silent second is enough to move
        assert all(one.desk.connection is ConnectionState.CONNECTED for one in all_of_them)
        async with asyncio.timeout(10):
            while await several.attended() != [CLIENTS]:
                await asyncio.sleep(0.1)
        # Back again, it takes newcomers.
        await several.start(1)
        more = await followers(home, CLIENTS)
        try:
            assert min(await several.attended()) > 0
            assert all(one.fills[-1] == wanted[-1] for one in more)
        finally:
            await asyncio.gather(*(one.desk.close() for one in more))
    finally:
        await asyncio.gather(*(one.desk.close() for one in all_of_them))


async def test_over_sockets_of_the_machine_no_event_is_lost(node, several, home):
    await no_event_is_lost(node, several, home)


@pytest.mark.redis
async def test_over_one_redis_no_event_is_lost(several, home, tmp_path):
    with running(tmp_path / "redis") as server:
        node = FakeNode(home)
        # As a real node leaves it for those who follow.
        node.run.settings.write_text(f'{{"bus": {{"url": "{server.url}"}}}}')
        bus = RedisBus.serve(BusSettings(url=server.url), source=lambda: Outbox(node.log))
        await node.start(bus)
        try:
            await no_event_is_lost(node, several, home)
            assert int(server.cli("XLEN", "nautilus-streams")) >= EVENTS
        finally:
            await node.stop()
