"""Orders whose answer is lost: the connection, the gateway or the node ends over them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from nautilus_lab.client import ConnectionState, Desk, OrderStatus, connect, gateways
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import AccessDenied, NotReachable
from nautilus_lab.platform.connection import Backoff
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.streaming import StreamingEngine
from tests.client.trading_node import TradingNode

AAPL = "AAPL.PAPER"
HASTY = Backoff(base_s=0.05, cap_s=0.2, attempts=200)


@pytest.fixture
def hasty(operator):
    operator._link.backoff = HASTY
    return operator


def cut(desk) -> None:
    """End the desk's connection without a word, as a network does."""
    desk._link._socket.transport.abort()


# --- the connection ends --------------------------------------------------------------------


async def test_an_order_that_was_placed_while_the_connection_ended_is_found(hasty, trader):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    placing = asyncio.create_task(hasty.submit(AAPL, "BUY", 10))
    while not trader.requests:
        await asyncio.sleep(0.005)
    cut(hasty)
    trade = await placing
    assert trade.status is OrderStatus.UNKNOWN
    assert "the connection to the gateway ended" in trade.reason
    go_on.set()
    await hasty.until(lambda: trade.status is OrderStatus.SUBMITTED, timeout_s=10)
    trader.execute(trade.client_order_id, 10, "100.00", "T-1")
    await trade.until_filled(timeout_s=10)
    assert len(trader.requests) == 1


async def test_an_order_that_was_never_made_is_told_as_not_placed_and_not_sent_again(hasty, trader):
    never = asyncio.Event()
    trader.before = lambda request: never.wait()
    placing = asyncio.create_task(hasty.submit(AAPL, "BUY", 10))
    while not trader.requests:
        await asyncio.sleep(0.005)
    cut(hasty)
    trade = await placing
    asked_at = time.monotonic()
    await trade.done(timeout_s=20)
    assert (trade.status, trade.filled) == (OrderStatus.DENIED, 0)
    assert trade.reason == "it was not placed: the node has no such order"
    # Before its deadline the node might have begun it yet: nobody asks so early.
    assert time.monotonic() - asked_at > 1.5
    assert trade.client_order_id not in hasty.orders
    assert len(trader.requests) == 1


async def test_fills_that_came_while_away_are_counted_once(hasty, trader):
    trade = await hasty.submit(AAPL, "BUY", 10)
    trader.execute(trade.client_order_id, 4, "100.00", "T-1")
    await hasty.until(lambda: trade.filled == 4, timeout_s=10)
    cut(hasty)
    trader.execute(trade.client_order_id, 6, "100.10", "T-2")
    await trade.until_filled(timeout_s=10)
    assert [fill.trade_id for fill in trade.fills] == ["T-1", "T-2"]
    # By hand: (4 x 100.00 + 6 x 100.10) / 10
    assert trade.average_price == Decimal("100.06")
    assert hasty.orders[trade.client_order_id] is trade.order


async def test_a_trade_whose_order_the_node_forgot_is_unknown_until_it_is_found(hasty, trader):
    trade = await hasty.submit(AAPL, "BUY", 10)
    name = trade.client_order_id
    for _ in range(5):
        trader.order(name, status="ACCEPTED")
    await hasty.until(lambda: trade.status is OrderStatus.ACCEPTED, timeout_s=10)
    kept = trader.orders.pop(name)
    await trader.stop()
    trader.seq, trader.log = 0, []  # its store was begun anew: the same epoch, fewer events
    await trader.start()
    await hasty.until(lambda: trade.status is OrderStatus.UNKNOWN, timeout_s=10)
    assert "does not list it any more" in trade.reason
    while "find" not in trader.asked:
        await asyncio.sleep(0.005)
    # That it is not found says nothing of an order that was told of before.
    assert trade.status is OrderStatus.UNKNOWN
    trader.orders[name] = kept
    trader.order(name, status="CANCELED")
    await trade.done(timeout_s=10)
    assert trade.status is OrderStatus.CANCELED


async def test_a_command_that_nobody_answered_is_not_sent_over_the_next_connection(hasty, trader):
    never = asyncio.Event()
    trader.before = lambda request: never.wait()
    placing = asyncio.create_task(hasty.submit(AAPL, "BUY", 10))
    while not trader.requests:
        await asyncio.sleep(0.005)
    sent = []
    before = hasty._link.send

    async def noted(frame):
        sent.append(frame)
        await before(frame)

    hasty._link.send = noted
    cut(hasty)
    trade = await placing
    await trade.done(timeout_s=20)
    commands = [frame for frame in sent if frame.__struct_config__.tag == "command"]
    assert {frame.name for frame in commands} == {"orders.find"}


# --- tokens ---------------------------------------------------------------------------------


async def test_a_session_ends_with_its_token_and_goes_on_with_a_new_one(root, trader):
    settings = StreamingSettings(conflate_ms=20, heartbeat_s=0.2, token_minutes=1)
    engine = StreamingEngine(root / ".lab", settings=settings)
    await engine.start()
    try:
        async with await connect(root=root, role="operator") as desk:
            desk._link.backoff = HASTY
            trade = await desk.submit(AAPL, "BUY", 10)
            first = desk._link.welcome.expires
            await asyncio.sleep(1.1)  # a token's times are whole seconds
            tokens = engine._gateway._tokens
            tokens.written = 0.0
            tokens.renew()
            (viewer,) = engine._gateway._viewers
            viewer._expires = time.time() - 1
            await desk.until(
                lambda: (
                    desk._link.welcome.expires > first
                    and desk.connection is ConnectionState.CONNECTED
                ),
                timeout_s=10,
            )
            trader.execute(trade.client_order_id, 10, "100.00", "T-1")
            await trade.until_filled(timeout_s=10)
            await desk.submit(AAPL, "BUY", 1)
    finally:
        await engine.stop()


async def test_a_token_that_nobody_renews_ends_the_desk(root, trader):
    engine = StreamingEngine(root / ".lab", settings=StreamingSettings(heartbeat_s=0.2))
    await engine.start()
    token = (root / ".lab" / "operator.token").read_text()
    try:
        async with await connect(url=engine.url, token=token) as desk:
            (viewer,) = engine._gateway._viewers
            viewer._expires = time.time() - 1
            with pytest.raises(AccessDenied, match="session ends with its token"):
                await desk.until(lambda: False, timeout_s=10)
            assert desk.connection is ConnectionState.ERROR
    finally:
        await engine.stop()


async def test_a_desk_tries_ten_times_and_waits_at_random_in_between(root, trader):
    engine = StreamingEngine(root / ".lab", settings=StreamingSettings(heartbeat_s=0.2))
    await engine.start()
    desk = Desk.find(root=root, role="operator")
    drawn, asked = list(desk._link.backoff), []
    longest = [min(20.0, 0.5 * 2**n) for n in range(10)]
    assert all(0 <= wait <= most for wait, most in zip(drawn, longest, strict=True))
    locate = desk._link.locate

    def noted():
        asked.append(time.monotonic())
        return locate()

    desk._link.locate = noted
    desk._link.backoff = [wait / 1_000 for wait in drawn]
    await desk.reconnect()
    await engine.stop()
    with pytest.raises(NotReachable):
        await desk.until(lambda: False, timeout_s=10)
    assert desk.connection is ConnectionState.ERROR
    assert len(asked) == 1 + 10
    await desk.close()


async def test_a_desk_whose_gateway_died_goes_to_another(root, trader):
    settings = StreamingSettings(heartbeat_s=0.2)
    engines = [StreamingEngine(root / ".lab", settings=settings, number=n) for n in (1, 2)]
    urls = {await engine.start() for engine in engines}
    async with await connect(root=root, role="operator") as desk:
        desk._link.backoff = HASTY
        finder = desk._link.locate
        first = finder._last
        dead, alive = sorted(engines, key=lambda engine: engine.url != first)
        trade = await desk.submit(AAPL, "BUY", 10)
        await dead.stop()
        trader.execute(trade.client_order_id, 10, "100.00", "T-1")
        await trade.until_filled(timeout_s=10)
        assert {first, finder._last} == urls
    await alive.stop()


# --- real processes, really killed ----------------------------------------------------------


class Processes:
    """Gateways and a node of one home, as processes; ended by their ids."""

    def __init__(self, root: Path, repository: Path) -> None:
        self.home = root / ".lab"
        self.repository = repository
        self.running: dict[str, subprocess.Popen] = {}

    async def node(self, die: str = "", *, slow_s: float = 0.0, **environment: str) -> None:
        script = self.repository / "tests" / "client" / "trading_node.py"
        command = [sys.executable, str(script), "--home", str(self.home), "--die", die]
        command += ["--slow-s", str(slow_s)]
        Home(self.home).trader("PAPER-001").node.unlink(missing_ok=True)
        self.running["node"] = self._started(command, environment)
        await self._recorded("node", lambda: Home(self.home).trader("PAPER-001").node)

    async def gateway(self, number: int) -> None:
        command = [sys.executable, "-m", "nautilus_lab.streaming", "--home", str(self.home)]
        command += ["--number", str(number), "--port", "0", "--heartbeat-s", "0.2"]
        name = f"gateway {number}"
        self.running[name] = self._started(command, {})
        await self._recorded(name, lambda: Home(self.home).gateway_files(number).record)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    async def ended(self, name: str) -> int:
        return await asyncio.to_thread(self.running[name].wait, 20)

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def _started(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen:
        path = {"PYTHONPATH": str(self.repository)}
        return subprocess.Popen(command, env={**os.environ, **path, **environment})

    async def _recorded(self, name: str, where) -> None:
        process = self.running[name]
        async with asyncio.timeout(60):
            while True:
                record = ProcessRecord.read(where())
                if record is not None and record.pid == process.pid:
                    return
                assert process.poll() is None, f"{name} ended with {process.returncode}"
                await asyncio.sleep(0.02)


@pytest.fixture
def processes(root: Path, repository: Path):
    processes = Processes(root, repository)
    yield processes
    processes.close()


async def attached(root: Path):
    """A hasty desk of the owner, as soon as a gateway has found the node."""
    async with asyncio.timeout(60):
        while True:
            try:
                desk = await connect(root=root, role="operator")
            except NotReachable:
                await asyncio.sleep(0.1)
                continue
            desk._link.backoff = HASTY
            return desk


def number_of(desk, told) -> int:
    """Which gateway the desk is connected to."""
    host, port = desk._link._socket.remote_address[:2]
    return next(one.number for one in told if f"{host}:{port}/" in one.url)


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
async def test_a_gateway_killed_over_its_orders_costs_none_and_makes_none_twice(root, processes):
    await processes.node(slow_s=1.0)
    await processes.gateway(1)
    await processes.gateway(2)
    async with await attached(root) as desk:
        first = number_of(desk, await gateways(root / ".lab"))
        placing = [asyncio.create_task(desk.submit(AAPL, "BUY", n)) for n in range(1, 21)]
        # The node has read them all and answered none.
        while len(desk._commands._waiting) < 20:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.3)
        processes.kill(f"gateway {first}")
        trades = await asyncio.gather(*placing)
        assert {trade.status for trade in trades} == {OrderStatus.UNKNOWN}
        await desk.until(
            lambda: all(trade.status is OrderStatus.SUBMITTED for trade in trades), timeout_s=30
        )
        assert number_of(desk, await gateways(root / ".lab")) != first
        trades.append(await desk.submit(AAPL, "BUY", 100))
        there = await desk.command("node.snapshot")
    made = sorted(order["body"]["client_order_id"] for order in there["orders"])
    assert made == sorted(trade.client_order_id for trade in trades)
    assert len(desk.orders) == 21


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize(
    ("die", "failpoint", "status"),
    [
        ("before", "", OrderStatus.DENIED),
        ("after", "", OrderStatus.SUBMITTED),
        ("", "commands.after_begin", OrderStatus.DENIED),
        ("", "commands.before_finish", OrderStatus.SUBMITTED),
    ],
)
async def test_a_node_killed_over_an_order_is_asked_when_it_is_back(
    root, processes, die, failpoint, status
):
    await processes.node(die, **({"NL_FAILPOINT": failpoint} if failpoint else {}))
    await processes.gateway(1)
    async with await attached(root) as desk:
        trade = await desk.submit(AAPL, "BUY", 10, command_id="once")
        assert trade.status is OrderStatus.UNKNOWN or trade.order.log
        assert await processes.ended("node") == -signal.SIGKILL
        await processes.node()
        await desk.until(lambda: trade.status is status, timeout_s=30)
        there = await desk.command("node.snapshot")
        made = [order["body"]["client_order_id"] for order in there["orders"]]
        assert made == ([trade.client_order_id] if status is OrderStatus.SUBMITTED else [])
        # The same again makes no second one: its end is not known, so it is looked up.
        again = await desk.submit(AAPL, "BUY", 10, command_id="once")
        await desk.until(lambda: again.status is status, timeout_s=30)
        there = await desk.command("node.snapshot")
        assert [order["body"]["client_order_id"] for order in there["orders"]] == made


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
async def test_a_trade_goes_on_over_a_node_that_was_killed(root, processes):
    await processes.node()
    await processes.gateway(1)
    async with await attached(root) as desk:
        trade = await desk.submit(AAPL, "BUY", 10, order_type="LIMIT", limit_price=100)
        order = desk.orders[trade.client_order_id]
        processes.kill("node")
        await desk.until(lambda: not desk.node.is_up, timeout_s=20)
        await processes.node()
        await desk.until(lambda: desk.node.is_up and desk.node.epoch == 2, timeout_s=20)
        assert trade.status is OrderStatus.SUBMITTED
        assert (await trade.cancel()).ended == (trade.client_order_id,)
        await trade.done(timeout_s=20)
        assert trade.order is order
        assert trade.status is OrderStatus.CANCELED


async def test_the_stand_in_remembers_its_orders(root):
    async with TradingNode(root / ".lab") as node:
        node.order("O-1", side="BUY", order_type="MARKET", quantity=Decimal(1))
    async with TradingNode(root / ".lab", log=node.log) as successor:
        assert successor.body("O-1").status == "SUBMITTED"


async def test_an_order_that_was_given_up_and_is_told_of_all_the_same_goes_on(hasty, trader):
    never = asyncio.Event()
    trader.before = lambda request: never.wait()
    placing = asyncio.create_task(hasty.submit(AAPL, "BUY", 10))
    while not trader.requests:
        await asyncio.sleep(0.005)
    cut(hasty)
    trade = await placing
    await trade.done(timeout_s=20)
    assert trade.status is OrderStatus.DENIED
    never.set()  # a node that began it although nobody expected it to
    await hasty.until(lambda: trade.status is OrderStatus.SUBMITTED, timeout_s=10)
    trader.execute(trade.client_order_id, 10, "100.00", "T-1")
    await trade.until_filled(timeout_s=10)


async def test_one_name_asked_for_twice_at_once_is_one_order(hasty, trader):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    both = [asyncio.create_task(hasty.submit(AAPL, "BUY", 5, command_id="x")) for _ in range(2)]
    while not trader.requests:
        await asyncio.sleep(0.005)
    go_on.set()
    first, second = await asyncio.gather(*both)
    assert first.order is second.order
    assert len(trader.requests) == 1


async def test_a_closed_desk_asks_after_nothing_and_goes_on_when_it_is_back(hasty, trader):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    placing = asyncio.create_task(hasty.submit(AAPL, "BUY", 10))
    while not trader.requests:
        await asyncio.sleep(0.005)
    await hasty.close()
    trade = await placing
    assert trade.status is OrderStatus.UNKNOWN
    async with asyncio.timeout(5):
        while any(task.get_name().startswith("reconcile") for task in asyncio.all_tasks()):
            await asyncio.sleep(0.005)
    go_on.set()
    await hasty.reconnect()
    await hasty.until(lambda: trade.status is OrderStatus.SUBMITTED, timeout_s=10)
