"""A node's strategies on a stand: Nautilus' backtest engine, driven one quote at a time."""

from __future__ import annotations

import asyncio
import textwrap
from collections import deque
from pathlib import Path

import pytest
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import Gate
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.commands import Request
from nautilus_lab.strategies.nautilus import StrategyRegistry
from nautilus_lab.trading.commands import NODE_COMMANDS
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._call_watch import CallWatch
from nautilus_lab.trading.node._deployments import Deployments
from nautilus_lab.trading.node._tables import Tables

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
ANA = Principal.owner()

# A strategy that does what a test wrote into its parameters, and remembers what it heard.
SOURCE = """
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VERSION = "{version}"


class ScriptConfig(StrategyConfig, frozen=True, kw_only=True):
    on: dict[str, str] = {{}}
    price: float = 90.0


class Script(Strategy):
    def __init__(self, config):
        super().__init__(config)
        self.heard = []
        self._do("init")

    def on_start(self):
        self.subscribe_quote_ticks(InstrumentId.from_str("AAPL.PAPER"))
        self._do("start")

    def on_quote_tick(self, tick):
        self.heard.append("quote")
        self._do("quote")

    def on_order_event(self, event):
        self.heard.append(type(event).__name__)

    def on_stop(self):
        self.heard.append("stop")
        self._do("stop")

    def hold(self, weights, *, valid_until_ns=0):
        self.heard.append(weights)
        self._do("hold")

    def _do(self, when):
        for what in filter(None, self.config.on.get(when, "").split(",")):
            getattr(self, "_" + what)()

    def _buy(self):
        self.submit_order(
            self.order_factory.limit(
                InstrumentId.from_str("AAPL.PAPER"),
                OrderSide.BUY,
                Quantity.from_int(10),
                Price(self.config.price, 2),
            )
        )

    def _cancel(self):
        self.cancel_all_orders(InstrumentId.from_str("AAPL.PAPER"))

    def _raise(self):
        raise ValueError("as it was told to")

    def _exit(self):
        raise SystemExit(3)
{more}
"""


def source(version: str, more: str = "") -> str:
    return SOURCE.format(version=version, more=textwrap.indent(textwrap.dedent(more), ""))


class Node:
    """Deployments over an engine; what the node would do on its loop waits in `later`."""

    def __init__(self, folder: Path, *, first_tables: dict[str, float] | None = None) -> None:
        self.folder = folder
        self.engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True)
            )
        )
        self.aapl = TestInstrumentProvider.equity("AAPL", "PAPER")
        self.msft = TestInstrumentProvider.equity("MSFT", "PAPER")
        self.engine.add_venue(
            Venue("PAPER"), OmsType.NETTING, AccountType.CASH, [Money(100_000, USD)], USD
        )
        for instrument in (self.aapl, self.msft):
            self.engine.add_instrument(instrument)
        self.gate = Gate(self.engine.kernel, journal=MemoryJournal())
        self.gate.install()
        self.registry = StrategyRegistry(folder / "strategies")
        self.told: list[tuple[object, str]] = []
        self.states: dict[str, object] = {}
        self.audited: list[tuple[str, dict[str, object], str]] = []
        self.later: deque[tuple[object, tuple[object, ...]]] = deque()
        self.now_ns = 1_000 * DAY
        self.broken = ""  # what cannot be written: "audit" or "file"
        self.accounts = Accounts({"PAPER": 100_000.0})
        self.deployments = Deployments(
            self.engine.kernel,
            self.registry,
            folder / "deployed.json",
            tables=Tables(
                lambda strategy: folder / f"targets-{strategy}.json",
                {"AAPL": "AAPL.PAPER", "MSFT": "MSFT.PAPER"},
                audit=self.audit,
                now_ns=lambda: self.now_ns,
            ),
            trader="T-1",
            tell=lambda body, topic: self.told.append((body, topic)),
            publish=lambda body, topic: self.states.__setitem__(topic, body),
            audit=self.audit,
            hand_over=lambda function, *args: self.later.append((function, args)),
            accounts=self.accounts,
            defaults={"hold-targets": {"interval_s": 1.0, "largest_order": 10_000.0}},
            watch=CallWatch(folder / "held_up.json"),
        )
        self._handlers = self.deployments.handlers()
        self._second = 0

    def audit(self, kind, facts, *, actor):
        if self.broken == "audit":
            raise StoreError("the disk is full")
        self.audited.append((kind, dict(facts), actor))

    def begin(self) -> Node:
        """Start as a node does: bring back, run, tell."""
        self.deployments.restore()
        self.quote()
        self.deployments.begin()
        return self

    def quote(self, count: int = 1, price: str = "100.00") -> None:
        """Let the market tell its prices, and the node do what waits."""
        for _ in range(count):
            self._second += 1
            at, size = Price.from_str(price), Quantity.from_int(1_000_000)
            ts = self._second * SECOND
            self.engine.add_data(
                [
                    QuoteTick(instrument.id, at, at, size, size, ts, ts)
                    for instrument in (self.aapl, self.msft)
                ]
            )
            self.engine.run(streaming=True)
            self.engine.clear_data()
            self.do_what_waits()

    def do_what_waits(self) -> None:
        while self.later:
            function, args = self.later.popleft()
            function(*args)

    def publish(self, version: str, more: str = "", name: str = "script") -> None:
        path = self.folder / f"{name}-{version}.py"
        path.write_text(source(version, more))
        self.registry.publish(path, name, version, strategy="Script")

    def ask(self, command: str, **body):
        """Have a command done, as the node's server does."""
        return asyncio.run(self.aask(command, **body))

    async def aask(self, command: str, **body):
        spec = NODE_COMMANDS.spec(command)
        made = spec.body(**body) if spec.body is not None else None
        request = Request(id="C-1", name=command, principal=ANA, body=made)
        answer = await self._handlers[command](request)
        self.do_what_waits()
        return answer

    def strategy(self, name: str):
        """The object that runs under an id; None when none does."""
        found = [s for s in self.engine.kernel.trader.strategies() if s.id.value == name]
        return found[0] if found else None

    def orders(self, name: str):
        cache = self.engine.cache
        return {
            o.client_order_id.value: o.status_string()
            for o in cache.orders()
            if o.strategy_id.value == name
        }

    def state(self, name: str) -> str:
        return next(v.state for v in self.ask("strategy.list") if v.strategy == name)

    def heard_of(self, name: str) -> list[str]:
        return [body.state for body, topic in self.told if topic == f"strategy.change.T-1.{name}"]

    def alerts(self):
        return [body for body, topic in self.told if topic == "system.alert.T-1"]

    def end(self) -> None:
        self.engine.end()
        self.engine.dispose()


@pytest.fixture
def nodes(tmp_path):
    """Makes nodes over one folder, one after the other: each finds what the last one left."""
    made = []

    def make() -> Node:
        if made:
            made[-1].end()
        made.append(Node(tmp_path))
        return made[-1]

    yield make
    if made:
        made[-1].end()


@pytest.fixture
def node(nodes) -> Node:
    return nodes().begin()
