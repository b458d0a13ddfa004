"""A real node, venue, gateway and supervisor: started, killed, found again, stopped."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.engine import State
from nautilus_lab.exceptions import InputError, NodeError, NodeNotRunning
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

FAST = {"seconds_per_day": 5.0, "replay_symbols": ("AAPL", "MSFT", "JPM", "XOM")}


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(workspace, trading=FAST)
    yield lab
    if Home(lab.settings.home_path).supervisor.exists():
        asyncio.run(lab.trading.shut_down())


@pytest.fixture
def rundir(lab):
    return Home(lab.settings.home_path).trader("PAPER-001")


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def until_state(lab, state, seconds=30.0):
    async with asyncio.timeout(seconds):
        while True:
            try:
                status = await lab.trading.status()
            except NodeNotRunning:
                status = None
            if status is not None and status.state == state:
                return status
            await asyncio.sleep(0.1)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_node_trades_towards_its_targets_and_stops_without_a_trace(lab, rundir):
    assert lab.trading.health().state is State.READY
    node = await lab.trading.start(targets={"AAPL": 0.5, "MSFT": 0.3}, name="two stocks")
    assert lab.trading.health().state is State.RUNNING
    desk = await node.connect()
    # 500 000 of AAPL is over the 250 000 an order may have: it takes three orders.
    await until(lambda: len(desk.fills) >= 4)
    await until(lambda: desk.account and desk.account.gross_exposure > 0.75 * desk.account.equity)
    assert desk.account.simulated

    def share(symbol):
        return desk.positions[f"{symbol}.PAPER"].market_value / desk.account.equity

    # Each state comes by itself: a position may come after the account it is part of.
    await until(lambda: share("AAPL") == pytest.approx(0.5, abs=0.05))
    assert share("MSFT") == pytest.approx(0.3, abs=0.05)
    assert (await node.status()).targets == "two stocks"
    # Money is neither made nor lost on the way: cash and positions are equity.
    account = desk.account
    assert account.cash + account.net_exposure == pytest.approx(account.equity, abs=0.01)
    assert account.equity - desk.pnl.total == pytest.approx(1_000_000, abs=0.01)
    await desk.close()
    pids = [node.pid, json.loads(rundir.venue.read_text())["pid"]]
    await node.stop()
    await until(lambda: all(gone(pid) for pid in pids))
    await until(lambda: not Home(lab.settings.home_path).supervisor.exists())
    assert not rundir.node.exists()
    assert not rundir.venue.exists()
    with pytest.raises(NodeNotRunning, match="must be running"):
        await lab.trading.status()


async def test_every_order_has_its_intent_and_audit_row_before_it_left(lab, rundir):
    node = await lab.trading.start(targets={"AAPL": 0.2, "JPM": 0.2})
    desk = await node.connect()
    await until(lambda: len(desk.fills) >= 2)
    await desk.close()
    await node.stop()
    with TradingStore.open(rundir.store, read_only=True) as store:
        intents = {row.client_order_id: row for row in store.journal()}
        first_event = {}
        for told in store.outbox_after("node", 0, 0, 10_000):
            if hasattr(told.body, "order_type") and told.body.status == "SUBMITTED":
                first_event.setdefault(told.body.client_order_id, told.ts)
        assert first_event
        for order_id, ts in first_event.items():
            assert intents[order_id].ts_ns < ts
        verdict = AuditTrail(store).verify()
        assert verdict.ok
        assert verdict.rows >= len(intents)


async def test_a_killed_node_comes_back_with_the_same_orders_and_the_venues_positions(lab, rundir):
    node = await lab.trading.start(targets={"AAPL": 0.4, "MSFT": 0.4})
    desk = await node.connect()
    await until(lambda: len(desk.fills) >= 4)
    await until(lambda: all(o.status.value == "FILLED" for o in desk.orders.values()))
    before = {o.client_order_id for o in desk.orders.values()}
    fills = {f.trade_id for f in desk.fills}
    os.kill(node.pid, signal.SIGKILL)
    status = await until_state(lab, "running")
    assert (status.pid, status.epoch) != (node.pid, 1)
    await until(lambda: desk.node.epoch == 2)
    assert before <= {o.client_order_id for o in desk.orders.values()}
    assert fills <= {f.trade_id for f in desk.fills}
    # Reconciliation plays orders again from their beginning; that is no news to anybody.
    assert {desk.orders[name].status.value for name in before} == {"FILLED"}
    # Whoever comes now is told of the fills of the epoch before, too.
    late = await connect(root=lab.settings.root)
    assert fills <= {f.trade_id for f in late.fills}
    assert late.account.equity - late.pnl.total == pytest.approx(1_000_000, abs=0.01)
    await late.close()
    # Two reconciliations with the venue pass without a difference.
    await asyncio.sleep(11)
    assert (await lab.trading.status()).state == "running"
    with TradingStore.open(rundir.store, read_only=True) as store:
        trades = [told.body.trade_id for told in store.fills()]
        statuses = {told.body.client_order_id: told.body.status for told in store.orders()}
    assert {statuses[name] for name in before} == {"FILLED"}
    assert len(trades) == len(set(trades)) >= 4
    await desk.close()


async def test_a_killed_venue_comes_back_with_its_book(lab, rundir):
    node = await lab.trading.start(targets={"AAPL": 0.4})
    desk = await node.connect()
    await until(lambda: len(desk.fills) >= 2)
    os.kill(json.loads(rundir.venue.read_text())["pid"], signal.SIGKILL)
    await until(lambda: rundir.venue.exists() and desk.age_s < 1.0)
    status = await until_state(lab, "running")
    assert status.pid == node.pid
    await asyncio.sleep(11)
    assert (await lab.trading.status()).state == "running"
    await desk.close()


async def test_a_killed_supervisor_leaves_the_node_trading_and_a_new_one_adopts_it(lab):
    node = await lab.trading.start(targets={"AAPL": 0.4})
    home = Home(lab.settings.home_path)
    os.kill(json.loads(home.supervisor.read_text())["pid"], signal.SIGKILL)
    assert (await lab.trading.status()).state == "running"
    again = await lab.trading.start()
    assert again.pid == node.pid


async def test_a_node_survives_the_kernel_that_started_it(lab, workspace):
    code = textwrap.dedent(
        f"""
        import asyncio, time
        from nautilus_lab import Lab
        lab = Lab({str(workspace)!r}, trading={FAST!r})
        node = asyncio.run(lab.trading.start(targets={{"AAPL": 0.4}}))
        print(node.pid, flush=True)
        time.sleep(60)
        """
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with starter:
        pid = int(starter.stdout.readline())
        desk = await connect(root=workspace)
        await until(lambda: len(desk.orders) >= 2)
        before = set(desk.orders)
        await desk.close()
        starter.kill()
    assert not gone(pid)
    desk = await connect(root=workspace)
    assert desk.node.state.value == "running"
    assert before <= set(desk.orders)
    await desk.close()


async def test_new_targets_move_a_running_node_and_are_kept(lab, rundir):
    node = await lab.trading.start(targets={"AAPL": 0.2})
    desk = await node.connect()
    await until(lambda: "AAPL.PAPER" in desk.positions)
    await node.hold({"XOM": 0.2}, name="oil")
    await until(lambda: desk.positions["AAPL.PAPER"].quantity == 0)
    await until(lambda: "XOM.PAPER" in desk.positions)
    assert json.loads(rundir.targets.read_text())["name"] == "oil"
    await desk.close()


@pytest.mark.parametrize(
    ("weights", "rule"),
    [
        ({"AAPL": -0.1}, "fraction from 0 to 1"),
        ({"AAPL": float("nan")}, "fraction from 0 to 1"),
        ({"AAPL": 0.7, "MSFT": 0.7}, "sum to at most 1"),
        ({}, "at least one symbol"),
        ([0.5], "map symbols to fractions"),
    ],
)
async def test_weights_that_are_none_are_refused_before_anything_starts(lab, weights, rule):
    with pytest.raises(InputError, match=rule):
        await lab.trading.start(targets=weights)
    assert not lab.settings.home_path.exists()


async def test_a_symbol_the_venue_does_not_trade_is_named_and_nothing_is_left(lab, rundir):
    with pytest.raises(NodeError, match="every target must trade") as caught:
        await lab.trading.start(targets={"ZZZZ": 0.5})
    assert "ZZZZ" in str(caught.value.value)
    assert not rundir.venue.exists()
    assert not rundir.node.exists()


async def test_no_catalog_is_the_venues_own_error(workspace):
    lab = Lab(workspace, trading=FAST, data={"directory": str(workspace / "none")})
    with pytest.raises(NodeError, match="catalog"):
        await lab.trading.start()
    await lab.trading.shut_down()


async def test_a_node_kernel_takes_no_code_and_no_shutdown(lab, rundir):
    from jupyter_client.asynchronous import AsyncKernelClient

    node = await lab.trading.start()
    client = AsyncKernelClient()
    client.load_connection_file(str(rundir.kernel_connection))
    client.start_channels()
    await client.wait_for_ready(timeout=20)
    reply = await client.execute("open('/tmp/owned', 'w')", reply=True, timeout=10)
    assert reply["content"]["status"] == "error"
    assert reply["content"]["ename"] == "NodeRefusesCode"
    evaluated = await client.execute("", user_expressions={"x": "1+1"}, reply=True, timeout=10)
    assert "user_expressions" not in evaluated["content"] or not evaluated["content"].get(
        "user_expressions"
    )
    client.shutdown()
    os.kill(node.pid, signal.SIGINT)
    time.sleep(1)
    assert (await lab.trading.status()).pid == node.pid
    client.stop_channels()


async def test_two_nodes_of_one_trader_cannot_run(lab, rundir):
    await lab.trading.start()
    second = subprocess.run(
        [
            *(sys.executable, "-m", "nautilus_lab.trading.node"),
            *("--settings", str(rundir.settings)),
            *("-f", str(rundir.path / "second.json")),
        ],
        capture_output=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert (await lab.trading.status()).epoch == 1


def test_a_restart_budget_gives_out_and_recovers():
    from nautilus_lab.trading.supervisor import RestartBudget

    now = [0.0]
    budget = RestartBudget(most=3, window_s=600, clock=lambda: now[0])
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 601
    assert budget.take()
    assert budget.total == 4
