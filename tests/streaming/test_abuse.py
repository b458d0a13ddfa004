"""A gateway under thousands of bad connections: memory stays flat, the others are served."""

import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect

from nautilus_lab.client import gateways
from nautilus_lab.client.protocol import CloseCode, Delta, Heartbeat, decode_gateway_frame
from nautilus_lab.platform.rundir import Home, ProcessRecord
from tests.streaming.fake_node import FakeNode
from tests.streaming.raw import BINARY, CLOSE, TEXT, UPGRADE, Raw, frame
from tests.streaming.wire import Wire

pytestmark = pytest.mark.processes

HELLO = {"kind": "hello", "protocol": 1, "encoding": "json"}
SUBSCRIBE = {"kind": "subscribe", "patterns": [">"]}
KNOWN = {int(code) for code in CloseCode} | {0, 1000}

Attack = Callable[[str, str, random.Random], Coroutine[Any, Any, None]]


@pytest.fixture
async def process(home: Path, node: FakeNode) -> AsyncIterator[psutil.Process]:
    command = [sys.executable, "-m", "nautilus_lab.streaming", "--home", str(home)]
    started = subprocess.Popen([*command, "--heartbeat-s", "0.5", "--conflate-ms", "20"])
    while ProcessRecord.read(Home(home).gateway) is None:
        assert started.poll() is None
        await asyncio.sleep(0.05)
    yield psutil.Process(started.pid)
    started.terminate()
    assert started.wait(10) == 0


@pytest.fixture
def url(home: Path, process) -> str:
    return ProcessRecord.read(Home(home).gateway).address


@pytest.fixture
def token(home: Path, process) -> str:
    return (home / "gateway.token").read_text()


class Witness:
    """A viewer that reads all along; how late each fill came, and whether any was missing."""

    def __init__(self, wire: Wire, node: FakeNode) -> None:
        self.wire, self.node = wire, node
        self.late_ms: list[float] = []
        self.seen = 0
        self.gaps = 0
        self.looks = asyncio.Event()  # once it has its snapshot

    async def watch(self) -> None:
        position = (await self.wire.subscribe()).seq
        self.looks.set()
        while True:
            delta = await self.wire.next(Delta)
            self.gaps += delta.after != position
            position = delta.upto
            now = time.time_ns()
            self.late_ms += [(now - event.ts) / 1e6 for event in delta.events]
            self.seen += len(delta.events)

    async def feed(self) -> None:
        for number in range(1_000_000):
            self.node.fill(number)
            await asyncio.sleep(0.01)


async def watched(url: str, token: str, node: FakeNode, what: Coroutine[Any, Any, None]) -> Witness:
    """Do `what` while a viewer looks and fills go on."""
    async with connect(url, proxy=None, max_size=None) as socket:
        wire = Wire(socket)
        await wire.hello(token)
        witness = Witness(wire, node)
        tasks = [asyncio.create_task(each) for each in (witness.watch(), witness.feed())]
        try:
            # A gateway that has only just begun may not have its node yet.
            await asyncio.wait_for(witness.looks.wait(), 20)
            await what
            await asyncio.sleep(0.3)
            assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert witness.gaps == 0
    assert witness.seen > 20
    return witness


async def in_tens(number: int, attack: Attack, url: str, token: str, seed: int) -> None:
    """Make so many bad connections, ten at a time."""
    random_ = random.Random(seed)

    async def some(share: int) -> None:
        for _ in range(share):
            await attack(url, token, random_)

    await asyncio.gather(*(some(number // 10) for _ in range(10)))


async def closes(raw: Raw) -> None:
    async with asyncio.timeout(10):
        assert await raw.closed() in KNOWN
    raw.cut()


# --- what they do ---------------------------------------------------------------------------


NO_FRAMES = [
    frame(b"{"),
    frame(b"[" * 60_000),
    frame(b"x" * 70_000),
    frame(b"\x80" * 1_000, BINARY),
    frame(json.dumps(HELLO | {"token": "none"}).encode()),
    frame(json.dumps(SUBSCRIBE).encode()),
    frame(b"", 0x3),
    frame(b"", mask=False),
    frame(bytes(range(256)) * 8),
    b"\x82\xff" + (1 << 40).to_bytes(8) + bytes(4) + b"x" * 100_000,
]


async def a_frame_that_is_none(url: str, token: str, random_: random.Random) -> None:
    raw = await Raw.dial(url)
    await raw.upgrade()
    raw.writer.write(random_.choice(NO_FRAMES))
    await closes(raw)


async def a_bad_request(url: str, token: str, random_: random.Random) -> None:
    raw = await Raw.dial(url)
    raw.writer.write(
        random_.choice(
            [
                UPGRADE + b"Origin: http://evil.example\r\n\r\n",
                UPGRADE.replace(b"127.0.0.1", b"evil.example") + b"\r\n",
                UPGRADE.replace(b"/stream", b"/" + b"x" * 15_000) + b"\r\n",
                b"x" * 20_000,
                random_.randbytes(500) + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
            ]
        )
    )
    assert await raw.status() in (0, 400, 403, 404)
    raw.cut()


async def gone_at_once(url: str, token: str, random_: random.Random) -> None:
    raw = await Raw.dial(url)
    if random_.random() < 0.7:
        await raw.upgrade()
    if random_.random() < 0.5:
        raw.writer.write(frame(json.dumps(HELLO | {"token": token}).encode()))
        raw.writer.write(frame(json.dumps(SUBSCRIBE).encode()))
    raw.cut()


async def a_flood(url: str, token: str, random_: random.Random) -> None:
    raw = await Raw.dial(url)
    await raw.upgrade()
    await raw.hello(token)
    flood = random_.choice(
        [
            frame(json.dumps(SUBSCRIBE).encode()) * 200,
            frame(b"x" * 125, 0x9) * 2_000,
            frame(json.dumps({"kind": "history?", "id": 1, "patterns": [">"]}).encode()) * 200,
            frame(b'{"kind":"command","id":"c","name":"x","deadline_ns":1}') * 2_000,
        ]
    )
    raw.writer.write(flood)
    await closes(raw)


async def a_second_hello(url: str, token: str, random_: random.Random) -> None:
    raw = await Raw.dial(url)
    await raw.upgrade()
    await raw.hello(token)
    raw.send(SUBSCRIBE)
    raw.send(HELLO | {"token": token}, TEXT)
    await closes(raw)


async def leaves_politely(url: str, token: str, random_: random.Random) -> None:
    raw = await Raw.dial(url)
    await raw.upgrade()
    await raw.hello(token)
    raw.send(SUBSCRIBE)
    raw.send((1000).to_bytes(2), CLOSE)
    await closes(raw)


@pytest.mark.parametrize(
    ("attack", "number"),
    [
        (a_frame_that_is_none, 1_500),
        (a_bad_request, 1_500),
        (gone_at_once, 2_000),
        (a_flood, 100),
        (a_second_hello, 500),
        (leaves_politely, 500),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
async def test_bad_connections_by_the_thousand_leave_no_trace(
    attack, number, process, url, token, node, home, record_property
):
    await in_tens(number // 5, attack, url, token, seed=1)  # what is allocated once is by now
    before = process.memory_info().rss
    doing = in_tens(number, attack, url, token, seed=2)
    witness = await watched(url, token, node, doing)
    grown = (process.memory_info().rss - before) / 2**20
    late = statistics.median(witness.late_ms)
    record_property("grown_mib", round(grown, 1))
    record_property("median_late_ms", round(late, 1))
    assert grown < 12
    assert late < 100
    await nobody_left(home, process)


async def nobody_left(home: Path, process: psutil.Process, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while (await gateways(home))[0].viewers:
            await asyncio.sleep(0.1)
    assert len(process.net_connections("tcp")) == 1  # the one it listens on


# --- those that stay ------------------------------------------------------------------------


async def test_handshakes_that_dawdle_and_strangers_that_stay_hurt_nobody(
    process, url, token, node, home
):
    allow_many_files()

    async def dawdle() -> None:
        slow = [await Raw.dial(url) for _ in range(1_500)]
        strangers = [await Raw.dial(url) for _ in range(400)]
        for raw in strangers:
            await raw.upgrade()
        for byte in UPGRADE[:60]:
            for raw in slow:
                raw.writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        async with asyncio.timeout(15):
            await asyncio.gather(*(raw.reader.read() for raw in (*slow, *strangers)))
        for raw in (*slow, *strangers):
            raw.cut()

    before = process.memory_info().rss
    witness = await watched(url, token, node, dawdle())
    assert statistics.median(witness.late_ms) < 100
    assert (process.memory_info().rss - before) / 2**20 < 40
    await nobody_left(home, process)
    (status,) = await gateways(home)
    assert status.refused[str(int(CloseCode.NO_HELLO))] == 400


async def test_viewers_that_never_read_are_let_go_and_cost_little_until_then(
    process, url, token, node, home, record_property
):
    """Half of them half-open: their side is gone and nobody says so."""

    async def never_read() -> None:
        sleepers = []
        for _ in range(60):
            raw = await Raw.dial(url)
            await raw.upgrade()
            raw.writer.write(frame(json.dumps(HELLO | {"token": token}).encode()))
            raw.writer.write(frame(json.dumps(SUBSCRIBE).encode()))
            raw.writer.transport.pause_reading()
            sleepers.append(raw)
        reason = "x" * 3_000
        for number in range(2_000):  # 6 MB for each of them
            node.reject(number % 20, reason)
            await asyncio.sleep(0.002)
        used.append(process.memory_info().rss)
        async with asyncio.timeout(20):
            while (await gateways(home))[0].viewers > 1:
                await asyncio.sleep(0.1)
        for raw in sleepers:
            raw.cut()

    used = [process.memory_info().rss]
    witness = await watched(url, token, node, never_read())
    assert statistics.median(witness.late_ms) < 100
    grown = (used[1] - used[0]) / 2**20
    record_property("grown_mib", round(grown, 1))
    assert grown < 60 * 1.0 + 40  # what is kept for all once, and less than 1 MiB for each
    (status,) = await gateways(home)
    assert status.refused[str(int(CloseCode.TOO_SLOW))] == 60


async def test_a_gateway_without_files_left_keeps_those_it_has(process, url, token, node, home):
    allow_many_files()
    process.rlimit(psutil.RLIMIT_NOFILE, (120, 20_000))

    async def fill() -> None:
        opened = []
        for _ in range(300):
            opened.append(await Raw.dial(url))
        await asyncio.sleep(1.0)
        for raw in opened:
            raw.cut()

    await watched(url, token, node, fill())
    process.rlimit(psutil.RLIMIT_NOFILE, (20_000, 20_000))
    async with asyncio.timeout(10):
        async with connect(url, proxy=None, open_timeout=10) as socket:
            assert (await Wire(socket).hello(token)).role == "viewer"


async def test_heartbeats_go_on_whatever_the_others_do(process, url, token, node):
    beats: list[float] = []

    async def listen() -> None:
        async with connect(url, proxy=None) as socket:
            await Wire(socket).hello(token)
            while len(beats) < 8:
                if isinstance(decode_gateway_frame(await socket.recv()), Heartbeat):
                    beats.append(time.monotonic())

    listening = asyncio.create_task(listen())
    while not listening.done():
        await in_tens(50, a_frame_that_is_none, url, token, seed=3)
    await listening
    assert max(b - a for a, b in pairwise(beats)) < 1.5


def allow_many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
