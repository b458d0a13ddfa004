"""A whole lab over a Redis of its own, and what is found of its processes from outside."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from nautilus_lab import Lab
from nautilus_lab.client import Desk, connect, gateways
from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.messages import Envelope, OrderFilled
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import DeskStore, HistoryStore, TradingStore
from nautilus_lab.trading.commands import NodeStatus
from tests.platform.bus.redis_server import RedisServer

TRADER = "PAPER-001"
STREAM = "nautilus-streams"
SECTIONS = """
[data]
directory = "{data}"
[bus]
url = "{url}"
history = true
timeout_ms = 500
probe_s = 0.5
[streaming]
gateways = 2
[trading]
replay_symbols = ["AAPL", "MSFT"]
seconds_per_day = 600  # a day as long as the tests: prices hardly move
quotes_per_second = 20
"""


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


class WholeLab:
    """The processes of one workspace, seen from outside."""

    def __init__(self, root: Path, data: Path, redis: RedisServer) -> None:
        self.root = root
        self.redis = redis
        (root / "lab.toml").write_text(SECTIONS.format(data=data, url=redis.url), "utf-8")
        self.trading = Lab(root).trading
        self.home = Home(root / ".lab")
        self._asked = itertools.count()

    async def start(self, trader: str | None = None) -> None:
        await self.trading.start(targets={"AAPL": 0.0}, name="nothing", trader=trader)

    # --- what there is of an event ---------------------------------------------------------

    def stored(self, trader: str = TRADER) -> list[Envelope]:
        """The events in the node's store, which are the truth."""
        with TradingStore.open(self.home.trader(trader).store, read_only=True) as store:
            return list(store.outbox_after("node", 0, 0, 100_000))

    def fills(self, trader: str = TRADER) -> list[str]:
        bodies = (event.body for event in self.stored(trader))
        return [body.trade_id for body in bodies if isinstance(body, OrderFilled)]

    def streamed(self, trader: str = TRADER) -> list[str]:
        """The ids of the events on the stream, in its order."""
        with self.redis.client() as client:
            entries = [told for _, told in client.xrange(STREAM)]
        node = (trader, "node")
        return [t["id"] for t in entries if (t.get("trader"), t.get("writer")) == node]

    def kept(self, trader: str = TRADER) -> list[str]:
        """The ids of the events in the history, in the order of their numbers."""
        with HistoryStore.open(self.home.history_files.store, read_only=True) as history:
            assert history.gaps() == ()
            events = [event for event in history.events(trader=trader) if event.writer == "node"]
        return [event.id for event in sorted(events, key=lambda event: (event.epoch, event.seq))]

    async def settled(self, trader: str = TRADER) -> None:
        """Return when stream and history have exactly what the store has."""
        wanted: list[str] = []

        def agree() -> bool:
            nonlocal wanted
            wanted = [event.id for event in self.stored(trader)]
            return self.streamed(trader) == wanted == self.kept(trader)

        with contextlib.suppress(TimeoutError):
            await until(agree)
        assert self.streamed(trader) == wanted
        assert self.kept(trader) == wanted

    # --- processes ---------------------------------------------------------------------------

    async def status(self) -> NodeStatus:
        return await self.trading.status()

    async def runs(self) -> None:
        """Return when the node is RUNNING."""
        async with asyncio.timeout(30):
            while (await self.status()).state != "running":
                await asyncio.sleep(0.05)

    @property
    def history(self) -> ProcessRecord | None:
        return ProcessRecord.read(self.home.history_files.record)

    async def gateways(self) -> dict[int, int]:
        """How many look through each gateway, by number."""
        told = await gateways(self.home.path)
        return {status.number: status.viewers for status in told}

    def gateway(self, number: int) -> ProcessRecord | None:
        return ProcessRecord.read(self.home.gateway_files(number).record)

    def alerts(self) -> list[str]:
        with DeskStore.open(self.home.store, read_only=True) as store:
            return [alert.detail for alert in store.alerts()]

    # --- orders and who sees them ------------------------------------------------------------

    async def order(self) -> float:
        """Buy and sell one unit in turn, asking the node itself; how long it took to answer, s."""
        side = ("BUY", "SELL")[next(self._asked) % 2]
        body = {"instrument": "MSFT.PAPER", "side": side, "quantity": "1"}
        begun = time.perf_counter()
        await self.trading.command("orders.submit", body)
        return time.perf_counter() - begun

    @contextlib.asynccontextmanager
    async def flow(self, *, per_second: float = 20.0) -> AsyncIterator[Flow]:
        """Orders, one after the other, while the block runs."""
        flow = Flow(self, 1 / per_second)
        yield flow
        await flow.end()

    async def desk(self, number: int | None = None, trader: str = TRADER) -> Seen:
        """A desk on one of the gateways; on any when not given."""
        if number is None:
            return Seen(await connect(trader, root=self.root, timeout_s=20))
        token = self.home.gateway_token.read_text()
        url = self.gateway(number).address
        return Seen(await connect(trader, url=url, token=token, timeout_s=20))


class Flow:
    """Orders under way; what the node did not take is counted in `refused`."""

    def __init__(self, lab: WholeLab, pause_s: float) -> None:
        self.took: list[float] = []  # seconds to the node's answer, an order each
        self.refused: list[LabError] = []
        self._lab = lab
        self._pause_s = pause_s
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.took.append(await self._lab.order())
            except LabError as error:
                self.refused.append(error)
            await asyncio.sleep(self._pause_s)

    async def sends(self, number: int) -> list[float]:
        """Return how long the next `number` orders took."""
        begun = len(self.took)
        await until(lambda: self._task.done() or len(self.took) >= begun + number)
        return self.took[begun : begun + number]

    async def end(self) -> None:
        self._over.set()
        await self._task


class Seen:
    """A desk, every fill that it told of, and the states that its connection went through."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.told: list[str] = []
        self.trips: list[str] = []
        desk.on_change(self._note)

    def _note(self, change: object) -> None:
        if change.kind == "fill":
            self.told.append(change.key)
        if change.kind == "connection":
            self.trips.append(change.key)

    async def has(self, fills: list[str]) -> None:
        """Return when it shows exactly `fills`; those it told of one by one it told of once."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(self.desk.fills) >= len(fills))
        assert [fill.trade_id for fill in self.desk.fills] == fills
        told = set(self.told)
        assert self.told == [fill for fill in fills if fill in told]

    async def degraded_by(self, word: str) -> None:
        """Return when its node is DEGRADED for a reason that holds `word`."""
        await until(lambda: self.desk.node.state.value == "degraded")
        await until(lambda: word in self.desk.node.detail)
