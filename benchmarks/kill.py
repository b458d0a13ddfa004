"""How soon `nautilus-lab kill --all` holds, and how soon every order is asked to be cancelled.

Two real nodes with their venues, a gateway, a supervisor and a Redis, over a market that brings ten
thousand messages a second. Every second round finds them without Redis, gateway and supervisor, and
with the stores of both traders locked by another process for half a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median

import redis
import zmq

from nautilus_lab import Lab
from nautilus_lab.execution.paper import (
    Ask,
    ListOrders,
    Reply,
    Request,
    Say,
    pack,
    unpack_answer,
    unpack_tape,
)
from nautilus_lab.platform.commands import CommandClient, SubmitList, SubmitOrder
from nautilus_lab.platform.rundir import Home, Latch, RunDirectory

DATA = Path(__file__).resolve().parents[1] / "data"
TRADERS = ("PAPER-001", "PAPER-002")
ORDERS = 250  # of each trader
IN_A_LIST = 50
ROUNDS = 6  # every second one with all else down
MESSAGES = 10_000  # a second
COUNTED_S = 2.0
DOWN_S = 2.0  # how long all else has been down by then
LATCHED_MS = 100.0
CANCELS_S = 1.0
TRADING = {
    "seconds_per_day": 600.0,
    "quotes_per_second": 200.0,  # of each of 20 stocks at each of two venues
    "max_orders_per_second": 9_999,
}
# What the shell's script does: what is measured begins with the start of a process.
KILL = (sys.executable, "-c", "import sys; from nautilus_lab.cli import main; sys.exit(main())")


@dataclass(frozen=True)
class Kill:
    """What came of one kill, from the moment the process was asked to be started."""

    down: bool
    latched_ms: float
    cancels_s: float
    left: int
    answered_s: float
    messages: float  # a second, before it
    python_ms: float  # what starting an interpreter that does nothing took just before


def ask(address: str, question: Ask) -> Say:
    """Ask a venue one thing, as no node does."""
    context = zmq.Context()
    try:
        dealer = context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.RCVTIMEO, 5_000)
        dealer.connect(address)
        dealer.send(pack(Request(id=1, ask=question)))
        answer = unpack_answer(dealer.recv())
        assert isinstance(answer, Reply)
        return answer.say
    finally:
        context.destroy(linger=0)


def quotes_of(rundir: RunDirectory) -> float:
    """Return how many quotes a second a venue brings."""
    context = zmq.Context()
    try:
        tape = context.socket(zmq.SUB)
        tape.subscribe(b"")
        tape.setsockopt(zmq.RCVTIMEO, 5_000)
        tape.connect(rundir.venue_quotes)
        tape.recv()
        count, begun = 0, time.monotonic()
        while time.monotonic() < begun + COUNTED_S:
            count += len(unpack_tape(tape.recv()).quotes)
        return count / (time.monotonic() - begun)
    finally:
        context.destroy(linger=0)


def messages_of(port: int) -> float:
    """Return how many messages a second the nodes publish."""
    heard = redis.Redis(port=port).pubsub()
    heard.psubscribe("*")
    count, begun = 0, time.monotonic()
    while time.monotonic() < begun + COUNTED_S:
        count += heard.get_message(timeout=0.1) is not None
    return count / (time.monotonic() - begun)


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[tuple[int, subprocess.Popen]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    with subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL) as process:
        try:
            client = redis.Redis(port=port)
            until = time.monotonic() + 10
            while time.monotonic() < until:
                with contextlib.suppress(redis.ConnectionError):
                    client.ping()
                    break
                time.sleep(0.02)
            yield port, process
        finally:
            process.kill()


@contextlib.asynccontextmanager
async def trading() -> AsyncIterator[tuple[Lab, int, subprocess.Popen]]:
    """Two traders with their orders at work."""
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    try:
        with redis_server(root) as (port, server):
            settings = f'[data]\ndirectory = "{DATA}"\n[bus]\nurl = "redis://127.0.0.1:{port}"\n'
            (root / "lab.toml").write_text(f'{settings}persistence = "none"\n', "utf-8")
            os.environ["NL_ROOT"] = str(root)
            lab = Lab(root, trading=TRADING)
            try:
                for trader in TRADERS:
                    await lab.trading.start(trader=trader, targets={"AAPL": 0.0})
                    await rest(Home(lab.settings.home_path).trader(trader))
                yield lab, port, server
            finally:
                if not lab.trading.supervised:
                    await lab.trading.start()  # a new supervisor, which finds the nodes that run
                await lab.trading.shut_down()
    finally:
        shutil.rmtree(root)


async def rest(rundir: RunDirectory) -> None:
    """Have a trader's orders rest far below the market."""
    order = SubmitOrder(
        instrument="AAPL.PAPER",
        side="BUY",
        quantity=Decimal(1),
        order_type="LIMIT",
        limit_price=Decimal("1.00"),
    )
    node = CommandClient(rundir.commands)
    for _ in range(ORDERS // IN_A_LIST):
        await node.call("orders.list", SubmitList(orders=(order,) * IN_A_LIST), timeout_s=30)
    async with asyncio.timeout(30):
        while working(rundir) != ORDERS:
            await asyncio.sleep(0.05)


def working(rundir: RunDirectory) -> int:
    return len(ask(rundir.venue_orders, ListOrders(working_only=True)).orders)


@contextlib.contextmanager
def all_else_down(lab: Lab, server: subprocess.Popen) -> Iterator[None]:
    """Kill supervisor, gateway and Redis, and lock both stores."""
    home = Home(lab.settings.home_path)
    for record in (home.supervisor, home.gateway):
        os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    server.kill()
    with contextlib.ExitStack() as stack:
        for trader in TRADERS:
            path = home.trader(trader).store
            locked = stack.enter_context(
                contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None))
            )
            locked.execute("BEGIN IMMEDIATE")
        time.sleep(DOWN_S)
        yield


def killed(lab: Lab, *, down: bool, messages: float) -> Kill:
    """Kill every trader from a shell; return what came of it."""
    rundirs = [Home(lab.settings.home_path).trader(trader) for trader in TRADERS]
    began = time.time()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    asked = time.time()
    command = [*KILL, "--root", str(lab.settings.root), "kill", "--all", "a drill"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while any(Latch(r.latch).read().state != "KILLED" for r in rundirs):
            time.sleep(0.001)
        latched = time.time()
        process.wait()
    answered = time.time()
    until = time.monotonic() + 30
    while (left := sum(map(working, rundirs))) and time.monotonic() < until:
        time.sleep(0.05)
    over = [order.ts_last for r in rundirs for order in ask(r.venue_orders, ListOrders()).orders]
    return Kill(
        down=down,
        latched_ms=1e3 * (latched - asked),
        cancels_s=max(over) / 1e9 - asked,
        left=left,
        answered_s=answered - asked,
        messages=messages,
        python_ms=1e3 * (asked - began),
    )


async def one_round(*, down: bool) -> Kill:
    async with trading() as (lab, port, server):
        home = Home(lab.settings.home_path)
        messages = messages_of(port) + sum(quotes_of(home.trader(name)) for name in TRADERS)
        with all_else_down(lab, server) if down else contextlib.nullcontext():
            return killed(lab, down=down, messages=messages)


def rows() -> list[dict]:
    """Measure with all else up and down in turn."""
    kills = [asyncio.run(one_round(down=bool(number % 2))) for number in range(ROUNDS)]
    for kill in kills:
        print(kill)
    if any(kill.left for kill in kills):
        raise AssertionError("every order must be cancelled")
    latched, cancels = median(k.latched_ms for k in kills), median(k.cancels_s for k in kills)
    slowest_ms, slowest_s = max(k.latched_ms for k in kills), max(k.cancels_s for k in kills)
    rate, python_ms = median(k.messages for k in kills), median(k.python_ms for k in kills)
    how = (
        f"median of {ROUNDS}: `nautilus-lab kill --all` from a shell, its own start included, "
        f"{len(TRADERS)} traders, {ORDERS} orders of each at work, {rate:,.0f} messages a second "
        "(quotes from the venues, and what the nodes publish); in every second round with Redis, "
        "gateway and supervisor killed and both stores locked by another process"
    )
    return [
        {
            "id": "03-kill-latched",
            "target": LATCHED_MS,
            "measured": round(latched, 1),
            "unit": "ms",
            "met": latched <= LATCHED_MS and rate >= MESSAGES,
            "how": (
                f"{how}; until both latches are on the disk; the slowest {slowest_ms:.0f} ms; "
                f"starting Python alone {python_ms:.0f} ms"
            ),
        },
        {
            "id": "03-kill-cancels",
            "target": CANCELS_S,
            "measured": round(cancels, 3),
            "unit": "s",
            "met": cancels <= CANCELS_S and rate >= MESSAGES,
            "how": (
                f"{how}; until the venues have cancelled the last order; the slowest "
                f"{slowest_s:.2f} s"
            ),
        },
    ]


if __name__ == "__main__":
    print(rows())
