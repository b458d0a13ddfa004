"""A trader under order flow, whose processes are killed: what it comes back to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from decimal import Decimal
from pathlib import Path

from nautilus_lab import Lab
from nautilus_lab.exceptions import LabError, NodeError, OrderDenied
from nautilus_lab.platform.commands import CommandClient, order_ids
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.rundir import Home, ProcessRecord
from tests.faults.books import VenueBook, differences

SYMBOLS = ("AAPL", "MSFT", "JPM")
VENUES = ("PAPER", "BETA")
SETTLED_S = 20.0

TRADING = {
    "seconds_per_day": 2.0,
    "quotes_per_second": 20.0,
    "replay_symbols": SYMBOLS,
    "max_orders_per_second": 500,
    "venues": (
        {"name": "PAPER", "depth": 200},
        {"name": "BETA", "leverage": 4.0, "latency_ms": 20.0, "depth": 100},
    ),
}
SUPERVISOR = {"restarts": 1_000_000, "restart_window_s": 60.0}


class Campaign:
    """One workspace with a trader that can be killed as often as one likes.

    Parameters
    ----------
    root : Path
        The workspace.
    seed : int
        What orders are sent, and when what is killed.
    """

    def __init__(self, root: Path, seed: int) -> None:
        self.lab = Lab(root, trading=TRADING, supervisor=SUPERVISOR)
        self.rundir = Home(self.lab.settings.home_path).trader("PAPER-001")
        self.random = random.Random(seed)
        self.placed: dict[str, str] = {}  # client order id -> venue, as its sender was told
        self.sent = 0
        self.unknown = 0  # commands that got no answer
        self._prices = {"AAPL": 75.0, "MSFT": 160.0, "JPM": 130.0}

    async def start(self) -> None:
        """Start the trader; it holds two stocks."""
        await self.lab.trading.start(targets={"AAPL": 0.2, "MSFT": 0.2})

    async def stop(self) -> None:
        """Stop everything."""
        await self.lab.trading.shut_down()

    # --- order flow -----------------------------------------------------------------------

    async def flow(self, until: asyncio.Event, rate: float = 40.0) -> None:
        """Send orders, changes and cancels until told otherwise; failures are part of it."""
        asked: set[asyncio.Task] = set()
        while not until.is_set():
            task = asyncio.create_task(self._send())
            asked.add(task)
            task.add_done_callback(asked.discard)
            await asyncio.sleep(self.random.expovariate(rate))
        await asyncio.gather(*asked)

    async def _send(self) -> None:
        self.sent += 1
        name, body = self._command()
        command_id = new_id()
        client = CommandClient(self.rundir.commands, ack_timeout_s=1.0)
        try:
            await client.call(name, body, timeout_s=4.0, command_id=command_id)
        except OrderDenied:
            return
        except LabError:
            self.unknown += 1
            return
        if name == "orders.submit":
            venue = str(body["instrument"]).rpartition(".")[2]
            self.placed[order_ids(command_id)[0]] = venue

    def _command(self) -> tuple[str, dict]:
        pick = self.random.random()
        if pick < 0.15 and self.placed:
            return "orders.cancel", {"client_order_id": self.random.choice(list(self.placed))}
        if pick < 0.25 and self.placed:
            return "orders.modify", {
                "client_order_id": self.random.choice(list(self.placed)),
                "quantity": str(self.random.randint(1, 60)),
            }
        symbol = self.random.choice(SYMBOLS)
        side = self.random.choice(("BUY", "SELL"))
        body: dict[str, object] = {
            "instrument": f"{symbol}.{self.random.choice(VENUES)}",
            "side": side,
            "quantity": str(self.random.randint(1, 50)),
        }
        return "orders.submit", body | self._terms(side, self._prices[symbol])

    def _terms(self, side: str, price: float) -> dict:
        kind = self.random.choice(("MARKET", "MARKET", "LIMIT", "STOP_MARKET", "TRAILING"))
        away = Decimal(str(round(price * self.random.uniform(0.0, 0.03), 2)))
        near = Decimal(str(price))
        below = near - away if side == "BUY" else near + away
        above = near + away if side == "BUY" else near - away
        if kind == "LIMIT":
            return {"order_type": kind, "limit_price": str(below)}
        if kind == "STOP_MARKET":
            return {"order_type": kind, "trigger_price": str(above)}
        if kind == "TRAILING":
            offset = max(away, Decimal("0.05"))
            return {"order_type": "TRAILING_STOP_MARKET", "trailing_offset": str(offset)}
        return {}

    # --- death and what follows -----------------------------------------------------------

    async def kill(self, process: str, after_s: float) -> float:
        """Kill a process in the middle of order flow; return how long it took to be back."""
        over = asyncio.Event()
        flow = asyncio.create_task(self.flow(over))
        try:
            await asyncio.sleep(after_s)
            dead = self.pid(process)
            os.kill(dead, signal.SIGKILL)
            begun = time.monotonic()
            await self.back({process: dead})
            took = time.monotonic() - begun
            await asyncio.sleep(0.2)
        finally:
            over.set()
            await flow
        return took

    def pid(self, process: str) -> int:
        """Return the process id of ``"node"``, or of a venue by its name."""
        record = self.rundir.node if process == "node" else self.rundir.venue_of(process).record
        found = ProcessRecord.read(record)
        assert found is not None, f"{process} does not run"
        return found.pid

    async def back(self, dead: dict[str, int], within_s: float = 60.0) -> None:
        """Wait until one of these processes is another, and the node trades again."""
        async with asyncio.timeout(within_s):
            while True:
                await asyncio.sleep(0.05)
                with contextlib.suppress(LabError, AssertionError):
                    if all(self.pid(process) == pid for process, pid in dead.items()):
                        continue
                    status = await CommandClient(self.rundir.commands).call(
                        "node.status", timeout_s=1.0
                    )
                    if status["state"] == "running":
                        return

    async def settled(self) -> list[str]:
        """Wait until our books are as the venues'; return what differs for good."""
        deadline = time.monotonic() + SETTLED_S
        while True:
            venues = [await VenueBook.read(v, self.rundir.venue_of(v)) for v in VENUES]
            wrong = differences(self.rundir, venues, self.placed)
            if not wrong or time.monotonic() > deadline:
                return wrong
            await asyncio.sleep(0.25)

    async def ask(self, name: str, body: dict | None = None, *, timeout_s: float = 5.0) -> object:
        """Give the node a command."""
        return await CommandClient(self.rundir.commands).call(name, body, timeout_s=timeout_s)

    async def resume(self, reason: str) -> None:
        """Let the trader trade again, once what was on its way when it was killed has settled."""
        deadline = time.monotonic() + SETTLED_S
        while True:
            try:
                await self.ask("risk.resume", {"reason": reason}, timeout_s=10.0)
                return
            except NodeError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.25)
