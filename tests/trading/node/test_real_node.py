"""Strategies in a node of its own process, at a venue of its own: steered, killed, found again."""

import asyncio
import os
import signal
import textwrap
import time

import msgspec
import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.exceptions import StrategyFailed
from nautilus_lab.execution.paper import Disturb, Done, PaperVenueClient
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading import TargetTable

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

FAST = {"seconds_per_day": 5.0, "replay_symbols": ("AAPL", "JPM")}
SOURCE = """
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

JPM = InstrumentId.from_str("JPM.PAPER")


class RestConfig(StrategyConfig, frozen=True, kw_only=True):
    falls_at: int = 0
    loops_at: int = 0
    starts: bool = True


class Rest(Strategy):
    '''Rests one order far below the market.'''

    def on_start(self):
        self.quotes = 0
        self.subscribe_quote_ticks(JPM)
        if not self.config.starts:
            self.submit_order(self.order_factory.market(JPM, OrderSide.BUY, Quantity.from_int(1)))
            raise RuntimeError("it is no good")

    def on_quote_tick(self, tick):
        self.quotes += 1
        if all(o.is_closed for o in self.cache.orders(strategy_id=self.id)):
            price = Price(round(float(tick.bid_price) * 0.5, 2), 2)
            self.submit_order(
                self.order_factory.limit(JPM, OrderSide.BUY, Quantity.from_int(3), price)
            )
        if self.quotes == self.config.falls_at:
            raise ValueError("it fell")
        while self.quotes == self.config.loops_at:
            pass
"""


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(workspace, trading=FAST, supervisor={"missed_beats": 2})
    path = workspace / "rest.py"
    for version in ("1", "2"):
        path.write_text(textwrap.dedent(SOURCE) + f"VERSION = {version}\n")
        lab.trading.publish_strategy(path, "rest", version)
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


def working(desk, strategy):
    return {o.client_order_id for o in desk.orders.values() if o.strategy == strategy} & {
        o.client_order_id for o in desk.orders.values() if not o.is_done
    }


async def test_strategies_are_steered_fall_alone_and_come_back_with_their_orders(lab):
    node = await lab.trading.start(targets={"AAPL": 0.2})
    desk = await connect(root=lab.settings.root, role="operator")
    rest = (await desk.deploy("rest", "1")).strategy
    await until(lambda: working(desk, rest))
    order = working(desk, rest)
    # A new version goes on with the order; one that cannot start changes nothing.
    assert (await desk.strategies.replace(rest, "2")).version == "2"
    with pytest.raises(StrategyFailed, match="it is no good"):
        await desk.strategies.replace(rest, "1", parameters={"starts": False})
    # One that raises ends alone, and its order with it.
    falls = (await desk.deploy("rest", "1", parameters={"falls_at": 3})).strategy
    await until(lambda: desk.strategies[falls].state == "failed")
    await until(lambda: not working(desk, falls))
    assert [alert.component for alert in desk.alerts] == [falls]
    paused = (await desk.deploy("rest", "1")).strategy
    await desk.strategies.pause(paused, cancel_orders=True)
    stopped = (await desk.deploy("rest", "1")).strategy
    await desk.strategies.stop(stopped, cancel_orders=True)
    await until(lambda: desk.strategies[rest].working_orders == 1)
    before = {name: (s.state, s.version) for name, s in desk.strategies.items()}
    assert before == {
        "HoldTargets-001": ("running", "1"),
        rest: ("running", "2"),
        falls: ("failed", "1"),
        paused: ("paused", "1"),
        stopped: ("stopped", "1"),
    }
    os.kill(node.pid, signal.SIGKILL)
    await until(lambda: desk.node.epoch == 2 and desk.node.state.value == "running")
    await until(lambda: desk.strategies.keys() == before.keys())
    assert {name: (s.state, s.version) for name, s in desk.strategies.items()} == before
    assert working(desk, rest) == order
    assert "it fell" in desk.strategies[falls].detail
    # It is the same strategy's still: it neither doubles the order nor lost its id.
    await asyncio.sleep(1.0)
    assert working(desk, rest) == order
    await desk.strategies.stop(rest, cancel_orders=True)
    await until(lambda: not working(desk, rest))
    await desk.strategies.remove(rest)
    assert (await desk.deploy("rest", "1")).strategy == "rest-006"
    await desk.close()


async def test_one_that_never_returns_is_left_out_when_its_node_comes_back(lab):
    await lab.trading.start(targets={"AAPL": 0.2})
    desk = await connect(root=lab.settings.root, role="operator")
    endless = (await desk.deploy("rest", "1", parameters={"loops_at": 3})).strategy
    await until(lambda: desk.node.epoch == 2 and desk.node.state.value == "running", 60)
    await until(lambda: endless in desk.strategies and desk.strategies[endless].state == "failed")
    assert "did not return" in desk.strategies[endless].detail
    await until(lambda: not working(desk, endless))
    assert [alert.rule for alert in desk.alerts] == ["a strategy must not hold up the node"]
    await desk.close()


async def test_two_tables_at_once_are_traded_as_one(lab):
    await lab.trading.start(targets={"AAPL": 0.2, "JPM": 0.2})
    desk = await connect(root=lab.settings.root, role="operator")

    def bought() -> list[str]:
        return [o.instrument for o in desk.orders.values() if o.strategy == "HoldTargets-001"]

    async def give(name: str) -> None:
        table = TargetTable(weights={"AAPL": 0.25, "JPM": 0.2}, name=name, made_ns=made_ns)
        await desk.command("node.targets", msgspec.to_builtins(table.sealed()))

    await until(lambda: len(bought()) == 2 and not working(desk, "HoldTargets-001"))
    made_ns = time.time_ns()
    # An order that has not left its node yet is neither open nor in flight.
    await asyncio.gather(give("one"), give("the other"))
    await until(lambda: bought().count("AAPL.PAPER") > 1)
    await asyncio.sleep(0.5)
    assert bought().count("AAPL.PAPER") == 2
    share = desk.positions["AAPL.PAPER"].market_value / desk.account.equity
    assert 0.23 < share < 0.27


async def test_what_a_person_buys_is_not_counted_twice_when_a_statement_is_lost(workspace, catalog):
    venue = {"name": "PAPER", "faults": True}
    lab = Lab(workspace, trading=FAST | {"venues": (venue,), "max_order_notional": 500_000})
    await lab.trading.start(targets={"AAPL": 0.4})
    files = Home(lab.settings.home_path).trader("PAPER-001").venue_of("PAPER")
    paper = PaperVenueClient(orders_address=files.orders, quotes_address=files.quotes)
    await paper.connect()
    try:
        desk = await connect(root=lab.settings.root, role="operator")

        def bought() -> list[str]:
            return [o.client_order_id for o in desk.orders.values() if o.strategy != "Manual-000"]

        await until(lambda: len(bought()) == 1 and not working(desk, "HoldTargets-001"))
        await paper.request(Disturb(lose_answers=5), Done)  # of the order, of the account
        units = int(350_000 / desk.quotes["JPM.PAPER"].ask)
        person = await desk.submit("JPM.PAPER", "BUY", units)
        await person.until_filled(timeout_s=20)
        await asyncio.sleep(4.0)  # some looks
        # Counted twice, 350 000 more of equity would be 140 000 more of AAPL.
        share = desk.positions["AAPL.PAPER"].market_value / desk.account.equity
        assert 0.38 < share < 0.42
        assert desk.account.cash < 300_000
    finally:
        await paper.close()
        await lab.trading.shut_down()
