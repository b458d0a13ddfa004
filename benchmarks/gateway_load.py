"""The stream gateway under 1,000 viewers, beside the same deliveries by the `websockets` library.

Three processes: a node's stand-in publishes from here, the server sends, and the readers check
each frame for gaps. Both servers run on uvloop, at the same niceness, and send the same frames.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from nautilus_lab.platform.rundir import Home, ProcessRecord
from tests.streaming.fake_node import FakeNode

VIEWERS = 1_000
ROUNDS = 3
SUSTAINED = 50_000  # deliveries a second
OFFERED = 52_500  # so that what is sustained can be seen
SUSTAINED_S = 8.0
FULL_SPEED_EVENTS = 800
ONE_BY_ONE_EVENTS = 300
IN_FLIGHT = 8  # events that not every viewer has yet, at full speed
STATES = 25  # updates a frame of the conflated run
STATE_FRAMES = 300
CONFLATE_MS = 10
LATENCY_MS = 50.0
CPU_US = 5.0
TIMES_LESS = 1.5
UPDATES_PER_CORE = 1_500_000.0

Publish = Callable[[FakeNode, "Readers"], Coroutine[Any, Any, int]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one server did for its viewers."""

    expected: int  # events that each viewer was to get
    cpu_s: float  # of the server, over the publishing
    deliveries: int  # frames
    events: int
    states: int
    gaps: int
    bytes: float
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def lost(self) -> int:
        """Events that some viewer did not get, or got out of turn."""
        return self.gaps + abs(VIEWERS * self.expected - self.events)

    @property
    def cpu_us(self) -> float:
        """For one event at one viewer; a frame may bring several."""
        return 1e6 * self.cpu_s / self.events

    @property
    def gathered(self) -> float:
        """Events a frame."""
        return self.events / self.deliveries


class Readers:
    """The process of the viewers, and how far all of them are."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told = 0

    async def line(self) -> str:
        line = (await self._process.stdout.readline()).decode()
        if not line:
            raise ValueError("the readers ended before they were done")
        return line

    async def reach(self, events: int) -> None:
        while self.told < events:
            self.told = int(await self.line())


async def steadily(node: FakeNode, readers: Readers) -> int:
    """Publish at the sustained rate, whatever becomes of it."""
    pause = VIEWERS / OFFERED
    events = round(SUSTAINED_S / pause)
    begun = time.perf_counter()
    for number in range(events):
        node.fill(number)
        await asyncio.sleep(begun + (number + 1) * pause - time.perf_counter())
    return events


async def at_full_speed(node: FakeNode, readers: Readers) -> int:
    """Publish as fast as the viewers take it: some events are always on their way."""
    for number in range(FULL_SPEED_EVENTS):
        node.fill(number)
        await readers.reach(number + 1 - IN_FLIGHT)
    return FULL_SPEED_EVENTS


async def one_by_one(node: FakeNode, readers: Readers) -> int:
    """Publish an event once every viewer has the last, so that each is a frame of its own."""
    for number in range(ONE_BY_ONE_EVENTS):
        node.fill(number)
        await readers.reach(number + 1)
    return ONE_BY_ONE_EVENTS


async def states(node: FakeNode, readers: Readers) -> int:
    """Publish states at twice the rate they are sent at; an event marks the end."""
    for number in range(2 * STATE_FRAMES):
        for symbol in range(STATES):
            node.quote(f"S{symbol}.PAPER", number + 0.5, number + 1.0)
        await asyncio.sleep(CONFLATE_MS / 2_000)
    await asyncio.sleep(0.5)
    node.fill(1)
    return 1


def gateway(home: Home, node: FakeNode) -> tuple[subprocess.Popen, int]:
    command = [sys.executable, "-m", "nautilus_lab.streaming", "--home", str(home.path)]
    process = subprocess.Popen([*command, "--conflate-ms", str(CONFLATE_MS)])
    while (record := ProcessRecord.read(home.gateway)) is None:
        time.sleep(0.05)
    return process, int(record.address.split(":")[2].split("/")[0])


def websockets(home: Home, node: FakeNode) -> tuple[subprocess.Popen, int]:
    home.gateway_token.write_text("none")
    run = home.trader(node.trader)
    command = [sys.executable, "-m", "benchmarks._gateway_websockets", str(run.path), str(node.seq)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


async def run(start: Callable[..., Any], publish: Publish, pattern: str, events: int) -> Run:
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    home = Home(folder / ".lab").make()
    server = viewing = None
    try:
        async with FakeNode(home.path) as node:
            server, port = await asyncio.to_thread(start, home, node)
            viewing = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks._gateway_readers", str(port)),
                *(str(home.gateway_token), str(VIEWERS), pattern, str(events)),
                stdout=subprocess.PIPE,
            )
            readers = Readers(viewing)
            while await readers.line() != "ready\n":
                pass
            used = psutil.Process(server.pid)
            before = sum(used.cpu_times()[:2])
            expected = await publish(node, readers)
            await readers.reach(expected)
            cpu_s = sum(used.cpu_times()[:2]) - before
            found = json.loads(await readers.line())
            return Run(expected=expected, cpu_s=cpu_s, **found)
    finally:
        if viewing is not None and viewing.returncode is None:
            viewing.terminate()
        if viewing is not None:
            await viewing.wait()
        if server is not None:
            server.terminate()
            server.wait(10)
            if server.stdout is not None:
                server.stdout.close()
        shutil.rmtree(folder)


def in_turn(publish: Publish, pattern: str, events: int) -> tuple[list[Run], list[Run]]:
    """Ours and the peer's runs; each pair has delivered the same."""
    ours, peers = [], []
    for _ in range(ROUNDS):
        for runs, start in ((ours, gateway), (peers, websockets)):
            runs.append(asyncio.run(run(start, publish, pattern, events)))
        if (lost := ours[-1].lost + peers[-1].lost) or ours[-1].events != peers[-1].events:
            raise ValueError(f"{lost} events were lost: {ours[-1]} {peers[-1]}")
    return ours, peers


def row(name: str, target: float, measured: float, unit: str, how: str, *, most: bool) -> dict:
    return {
        "id": f"02-gateway-{name}",
        "target": target,
        "measured": measured,
        "unit": unit,
        "met": measured <= target if most else measured >= target,
        "how": how,
    }


def times_less(ours: list[Run], peers: list[Run]) -> float:
    return round(median(p.cpu_us / r.cpu_us for r, p in zip(ours, peers, strict=True)), 2)


def rows() -> list[dict]:
    steady, steady_peers = in_turn(steadily, "trading.>", round(SUSTAINED_S * OFFERED / VIEWERS))
    full, full_peers = in_turn(at_full_speed, "trading.>", FULL_SPEED_EVENTS)
    single, single_peers = in_turn(one_by_one, "trading.>", ONE_BY_ONE_EVENTS)
    conflated = [asyncio.run(run(gateway, states, ">", 1)) for _ in range(ROUNDS)]
    for each in (*steady, *steady_peers, *full, *full_peers, *single, *single_peers, *conflated):
        print(each)
    best = min(steady, key=lambda run: run.p99_ms)
    peer = min(steady_peers, key=lambda run: run.p99_ms)
    fast, fast_peer = (min(runs, key=lambda run: run.cpu_us) for runs in (full, full_peers))
    alone, alone_peer = (min(runs, key=lambda run: run.cpu_us) for runs in (single, single_peers))
    viewers = f"{VIEWERS:,} connections"
    return [
        row(
            "events-lost",
            0,
            max(run.lost for run in (*steady, *full, *single)),
            "events",
            f"worst of {3 * ROUNDS} runs, {viewers}: events missing or out of turn at any viewer; "
            f"{best.events:,} deliveries at the sustained rate, {fast.events:,} at full speed",
            most=True,
        ),
        row(
            "sustained",
            SUSTAINED,
            round(min(run.events / run.seconds for run in steady)),
            "1/s",
            f"worst of {ROUNDS} runs over {SUSTAINED_S:g} s: messages delivered to {viewers}; "
            f"{OFFERED:,} a second were offered",
            most=False,
        ),
        row(
            "latency-p99",
            LATENCY_MS,
            round(best.p99_ms, 2),
            "ms",
            f"best of {ROUNDS} runs at {OFFERED:,} messages/s to {viewers}, from the node's "
            f"publishing to the viewer's receipt; p50 {best.p50_ms:.2f}; websockets p50 "
            f"{peer.p50_ms:.2f}, p99 {peer.p99_ms:.2f}",
            most=True,
        ),
        row(
            "cpu-per-delivery",
            CPU_US,
            round(fast.cpu_us, 2),
            "us",
            f"best of {ROUNDS} runs at full speed, {viewers}: the gateway's processor time for a "
            f"message at a viewer, {fast.gathered:.1f} gathered in a frame; median "
            f"{median(run.cpu_us for run in full):.2f}; {alone.cpu_us:.2f} when each of "
            f"{alone.bytes:.0f} bytes is a frame of its own",
            most=True,
        ),
        row(
            "cpu-vs-websockets",
            TIMES_LESS,
            times_less(full, full_peers),
            "x less",
            f"median of {ROUNDS} pairs in turn at full speed: processor time per message delivered "
            f"by websockets.broadcast ({fast_peer.cpu_us:.2f} us) by the gateway's",
            most=False,
        ),
        row(
            "frame-vs-websockets",
            1.0,
            times_less(single, single_peers),
            "x less",
            f"median of {ROUNDS} pairs in turn, each message a frame of its own: processor time of "
            f"websockets ({alone_peer.cpu_us:.2f} us) by the gateway's ({alone.cpu_us:.2f} us); "
            "most of both is the kernel's send",
            most=False,
        ),
        row(
            "conflated-updates",
            UPDATES_PER_CORE,
            round(max(run.states / run.cpu_s for run in conflated)),
            "1/s",
            f"best of {ROUNDS} runs: states delivered to {viewers} per second of the gateway's "
            f"processor time, {STATES} a frame, published twice as often as sent",
            most=False,
        ),
    ]
