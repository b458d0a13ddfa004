"""One gate in a backtest, one in a live node: the same orders may be sent through either."""

from __future__ import annotations

import asyncio

from nautilus_trader.adapters.sandbox.config import SandboxExecutionClientConfig
from nautilus_trader.adapters.sandbox.factory import SandboxLiveExecClientFactory
from nautilus_trader.common import Environment
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
from nautilus_trader.live.config import LiveExecEngineConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.identifiers import TraderId
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import Gate
from nautilus_lab.risk.limits import Measures
from tests.execution.gate.stand import AAPL, CASH, SECOND, Hand, Stand, equity

MSFT = equity("MSFT")
SIZE = Quantity.from_int(1_000_000)


class Bench:
    """What a case may do with a gate, whatever it stands in; AAPL and MSFT cost 100.00."""

    gate: Gate
    denials: list[str]

    async def send(self, *acts) -> list[bool]:
        """Have a strategy send an order for each act; return which of them passed."""
        passed = []
        for act in acts:
            before = len(self.denials)
            await self.do(act)
            passed.append(len(self.denials) == before)
        return passed

    def ask(self, *limits) -> None:
        """Hold orders against these limits from now on."""
        self.gate.checks = (*self.gate.checks[:1], *limits)

    def know(self, **values) -> None:
        """Measure something now."""
        self.gate.book.measures = Measures.at(self.now_ns, **values)

    def blind(self) -> None:
        """Have nothing measured."""
        self.gate.book.measures = Measures()

    @property
    def held(self) -> float:
        return self.gate.book.line("AAPL.PAPER").filled / self.gate.book.UNIT


class BacktestBench(Bench):
    """A gate in Nautilus' backtest engine."""

    async def __aenter__(self):
        self.stand = Stand(instruments=(AAPL, MSFT))
        self.gate, self.denials = self.stand.gate, self.stand.denials
        for stock in (AAPL, MSFT):
            self.stand.quote("100.00", "100.00", on=stock)
        self.gate.book.day_start_equity = CASH
        return self

    async def __aexit__(self, *error):
        self.stand.__exit__(None, None, None)

    @property
    def now_ns(self):
        return self.stand.now

    async def do(self, act):
        # At a quote of the other stock, so that the one of AAPL stays as old as a case made it.
        self.stand.do(act, on=MSFT, every_s=0.000_001)

    async def fill(self, units, *, on=AAPL):
        self.stand.do(lambda s: s.market(units, on=on), on=on, every_s=0.000_001)

    async def quote(self, bid, ask, *, early_s=0.0):
        self.stand.last[AAPL] = (bid, ask)
        self.stand.now += 1_000
        now = self.stand.now
        tick = _tick(AAPL, bid, ask, now + int(early_s * SECOND), now)
        self.stand.engine.add_data([tick])
        self.stand.engine.run(streaming=True)
        self.stand.engine.clear_data()

    async def settle(self):
        """Orders fill at once."""

    async def pass_time(self, seconds):
        self.stand.quote(on=MSFT, every_s=seconds)


def sandbox_node(loop, *stocks):
    """Build a node with Nautilus' sandbox for a venue."""
    node = TradingNode(
        TradingNodeConfig(
            environment=Environment.SANDBOX,
            trader_id=TraderId("T-1"),
            logging=LoggingConfig(bypass_logging=True),
            exec_engine=LiveExecEngineConfig(reconciliation=False),
            exec_clients={
                "PAPER": SandboxExecutionClientConfig(
                    venue="PAPER", starting_balances=["10_000_000 USD"], account_type="MARGIN"
                )
            },
            timeout_connection=5.0,
            timeout_disconnection=2.0,
            timeout_post_stop=0.1,
        ),
        loop=loop,
    )
    node.add_exec_client_factory("PAPER", SandboxLiveExecClientFactory)
    for stock in stocks:
        node.cache.add_instrument(stock)
    node.build()
    return node


class LiveBench(Bench):
    """A gate in a node with Nautilus' sandbox for a venue, on the loop of the test."""

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.node = node = sandbox_node(loop, AAPL, MSFT)
        self.denials = []
        self.gate = Gate(
            node.kernel,
            journal=MemoryJournal(),
            hand_over=loop.call_soon_threadsafe,
            on_denied=lambda order, over, reason: self.denials.append(reason),
        )
        self.gate.install()
        self.gate.book.set_cash("PAPER", CASH)
        self.gate.book.day_start_equity = CASH
        self.hand = Hand()
        node.trader.add_strategy(self.hand)
        self.running = asyncio.ensure_future(node.run_async())
        await self.until(lambda: node.trader.is_running)
        for stock in (AAPL, MSFT):
            await self._quote(stock, "100.00", "100.00", 0.0)
        return self

    async def __aexit__(self, *error):
        await self.node.stop_async()
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    @property
    def now_ns(self):
        return self.node.kernel.clock.timestamp_ns()

    async def do(self, act):
        act(self.hand)  # the gate decides at once

    async def fill(self, units, *, on=AAPL):
        order = self.hand.market(units, on=on)
        await self.until(lambda: order.is_closed)

    async def quote(self, bid, ask, *, early_s=0.0):
        await self._quote(AAPL, bid, ask, early_s)

    async def _quote(self, stock, bid, ask, early_s):
        now = self.now_ns
        tick = _tick(stock, bid, ask, now + int(early_s * SECOND), now)
        self.node.kernel.data_engine.process(tick)
        # By its time: Nautilus ends the process over a comparison of two that differ.
        await self.until(lambda: _made(self.node.cache.quote_tick(stock.id)) == tick.ts_event)

    async def settle(self):
        """Wait until nothing is on its way."""
        line = self.gate.book.line("AAPL.PAPER")
        await self.until(lambda: not (line.buys or line.sells))

    async def pass_time(self, seconds):
        await asyncio.sleep(seconds)

    async def until(self, true):
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.002)


def _tick(stock, bid, ask, made_ns, now_ns):
    return QuoteTick(
        stock.id, Price.from_str(bid), Price.from_str(ask), SIZE, SIZE, made_ns, now_ns
    )


def _made(tick):
    return None if tick is None else tick.ts_event
