"""A real node and its real gateway: what a thousand viewers do to it, how soon a fill is seen.

The node, its venue and the gateway are started as `await lab.trading.start()` does. The readers of
the load are nice: in earnest they run on other machines.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import nautilus_lab as nl
from nautilus_lab.client import Desk
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home

REPOSITORY = Path(__file__).resolve().parents[1]
VIEWERS = 1_000
PAIRS = 7
SETTLE_S = 6.0  # the node reports the worst lag of the last 5 s
PHASE_S = 8.0
FILLS = 50
LAG_MS = 2.0
EVENT_MS = 50.0
SETTINGS = """
[data]
directory = "{data}"
[trading]
quotes_per_second = 25
[streaming]
conflate_ms = 20
"""


@asynccontextmanager
async def attached() -> AsyncIterator[tuple[Desk, nl.Lab]]:
    with tempfile.TemporaryDirectory(prefix="nl-", dir="/tmp") as root:
        settings = SETTINGS.format(data=REPOSITORY / "data")
        (Path(root) / "lab.toml").write_text(settings, "utf-8")
        lab = nl.Lab(root)
        await lab.trading.start()
        try:
            async with await nl.connect(root=root, role="operator") as desk:
                yield desk, lab
        finally:
            await lab.trading.stop()


@asynccontextmanager
async def load(lab: nl.Lab, counted: list[float]) -> AsyncIterator[None]:
    """A thousand viewers of everything; `counted` gets the deliveries a second."""
    port = lab.streaming.url.split(":")[2].split("/")[0]
    token = Home(lab.settings.home_path).gateway_token
    readers = await asyncio.create_subprocess_exec(
        *("nice", "-n", "10", sys.executable, "-m", "benchmarks._gateway_readers"),
        *(port, str(token), str(VIEWERS), ">", "1000000000"),
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        if await readers.stdout.readline() != b"ready\n":
            raise ValueError("the readers could not connect")
        before, begun = await delivered(lab), time.monotonic()
        yield
        counted.append((await delivered(lab) - before) / (time.monotonic() - begun))
        if readers.returncode is not None:
            raise ValueError("a viewer was let go: the load was not what it was to be")
    finally:
        if readers.returncode is None:
            readers.terminate()
        await readers.wait()


async def delivered(lab: nl.Lab) -> int:
    (status,) = await nl.client.gateways(lab.settings.home_path)
    return sum(attendance.frames for attendance in status.traders)


@dataclass(frozen=True)
class Phase:
    """How a node's loop was for some seconds, milliseconds."""

    lag_ms: float  # median of what the node reports: the worst of the last 5 s
    answer_ms: float  # median time to an answer, asked ten times a second


async def phase(desk: Desk, lab: nl.Lab) -> Phase:
    await asyncio.sleep(SETTLE_S)
    node = CommandClient(Home(lab.settings.home_path).trader(desk.trader).commands)
    reported, answers = [desk.health["node"]], []
    until = time.monotonic() + PHASE_S
    while time.monotonic() < until:
        if desk.health["node"] is not reported[-1]:
            reported.append(desk.health["node"])
        asked = time.perf_counter()
        await node.call("node.status", timeout_s=5.0)
        answers.append(1e3 * (time.perf_counter() - asked))
        await asyncio.sleep(0.1)
    return Phase(median(health.loop_lag_ms for health in reported), median(answers))


async def measured() -> tuple[list[tuple[Phase, Phase]], list[float], list[float], list[float]]:
    pairs, counted = [], []
    async with attached() as (desk, lab):
        quiet_ms = await late_ms(desk)
        for _ in range(PAIRS):
            alone = await phase(desk, lab)
            async with load(lab, counted):
                pairs.append((alone, await phase(desk, lab)))
                busy_ms = await late_ms(desk) if len(pairs) == PAIRS else []
    return pairs, counted, quiet_ms, busy_ms


async def late_ms(desk: Desk) -> list[float]:
    """How long after it was made each fill reached this process."""
    late: list[float] = []
    instrument = sorted(desk.quotes)[0]

    def note(change: object) -> None:
        if change.kind == "fill":
            late.append((time.time_ns() - desk.fills[-1].ts) / 1e6)

    stop = desk.on_change(note)
    for number in range(FILLS):
        trade = await desk.submit(instrument, "BUY" if number % 2 else "SELL", 1)
        await trade.done(timeout_s=10)
        await asyncio.sleep(0.03)
    stop()
    return sorted(late)


def rows() -> list[dict]:
    pairs, counted, quiet, busy = asyncio.run(measured())
    print(pairs, [round(rate) for rate in counted])
    lag = round(median(loaded.lag_ms - alone.lag_ms for alone, loaded in pairs), 2)
    answer = round(median(loaded.answer_ms - alone.answer_ms for alone, loaded in pairs), 2)
    p50, p99 = quiet[len(quiet) // 2], quiet[len(quiet) * 99 // 100]
    load = f"with {VIEWERS:,} viewers ({min(counted):,.0f} deliveries/s) less without"
    return [
        {
            "id": "02-gateway-node-loop-lag",
            "target": LAG_MS,
            "measured": lag,
            "unit": "ms",
            "met": lag <= LAG_MS,
            "how": f"median of {PAIRS} pairs in turn: the worst lag in 5 s that a real node's loop "
            f"reports, {load}; alone {median(alone.lag_ms for alone, _ in pairs):.1f} ms; the node "
            f"answers node.status {answer:+.2f} ms later, since both share {os.cpu_count()} cores",
        },
        {
            "id": "02-gateway-event-to-viewer",
            "target": EVENT_MS,
            "measured": round(p50, 2),
            "unit": "ms",
            "met": p50 < EVENT_MS,
            "how": f"median of {len(quiet)} fills in a real node, from their making to the receipt "
            f"in a Python client through bus and gateway; p99 {p99:.2f} ms; with {VIEWERS:,} other "
            f"viewers p50 {busy[len(busy) // 2]:.2f} ms",
        },
    ]
