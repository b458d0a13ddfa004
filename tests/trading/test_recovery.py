"""What a node makes of a past that is not as it left it."""

import asyncio
import os
import signal
from decimal import Decimal

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.exceptions import NodeError
from nautilus_lab.execution.paper import (
    ListPositions,
    NewOrder,
    Orders,
    PaperVenueClient,
    Positions,
)
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.messages import OrderUpdated, envelope
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import OrderIntent, TradingStore

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(workspace, trading={"seconds_per_day": 5.0, "replay_symbols": ("AAPL", "MSFT")})
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())


@pytest.fixture
def rundir(lab):
    return Home(lab.settings.home_path).make().trader("PAPER-001").make()


def leave_an_order_that_never_left(rundir):
    """What a node leaves that is killed between its journal and the venue."""
    order = OrderUpdated(
        client_order_id="O-LOST",
        strategy="HoldTargets-001",
        instrument="AAPL.PAPER",
        side="BUY",
        order_type="MARKET",
        quantity=Decimal(10),
        status="SUBMITTED",
    )
    topic = "trading.order.PAPER-001.HoldTargets-001"
    with TradingStore.open(rundir.store) as store:
        epoch = store.begin_epoch("node")
        intents = [
            OrderIntent(client_order_id=name, command="submit", body={})
            for name in ("O-LOST", "O-NEVER-TOLD")
        ]
        AuditTrail(store).intend_many(intents, actor="strategy:HoldTargets-001")
        told = envelope(order, topic, trader="PAPER-001", writer="node", epoch=epoch)
        store.record(told)


async def buy_by_hand(rundir):
    """Send the venue an order that the node does not know."""
    order = NewOrder(
        client_order_id="BY-HAND",
        symbol="AAPL",
        side="BUY",
        order_type="MARKET",
        quantity=Decimal(7),
    )
    hand = PaperVenueClient(orders_address=rundir.venue_orders, quotes_address=rundir.venue_quotes)
    await hand.connect()
    await hand.request(order, Orders)
    await hand.close()


async def test_lost_orders_end_foreign_ones_are_taken_in_and_another_book_is_refused(lab, rundir):
    leave_an_order_that_never_left(rundir)
    node = await lab.trading.start(targets={"MSFT": 0.0}, name="cash")
    desk = await node.connect()
    assert desk.orders["O-LOST"].status.value == "REJECTED"
    assert desk.orders["O-LOST"].reason == "it never reached the venue"
    await buy_by_hand(rundir)
    async with asyncio.timeout(20):
        while not desk.fills:
            await asyncio.sleep(0.05)
    # What was bought by hand is none of the strategy's, whose target is cash.
    assert [(f.client_order_id, f.side, f.quantity) for f in desk.fills] == [("BY-HAND", "BUY", 7)]
    await desk.close()
    await node.stop()
    with TradingStore.open(rundir.store, read_only=True) as store:
        assert store.journal(open_only=True) == ()
        assert store.orders(working_only=True) == ()
        assert [told.body.trade_id for told in store.fills()] == ["T-1"]
        kinds = {row.kind for row in store.audit_rows()}
        assert "targets.loaded" in kinds
        assert AuditTrail(store).verify().ok
    for part in rundir.path.glob("venue.db*"):
        part.unlink()
    with pytest.raises(NodeError, match="must hold every fill") as caught:
        await lab.trading.start(targets={"AAPL": 0.5})
    assert "T-1" in str(caught.value.value)
    assert b"MSFT" in rundir.targets.read_bytes()  # what was kept before is kept


async def test_a_node_says_that_history_is_over_and_stays(workspace, catalog):
    short = {"seconds_per_day": 0.5, "replay_symbols": ("AAPL",), "replay_start": "2022-12-27"}
    lab = Lab(workspace, trading=short)
    node = await lab.trading.start(targets={"AAPL": 0.5})
    desk = await node.connect()
    async with asyncio.timeout(20):
        while "replay is over" not in desk.node.detail:
            await asyncio.sleep(0.05)
    assert desk.node.state.value == "running"
    assert "replay is over" in (await node.status()).detail
    await desk.close()
    await lab.trading.shut_down()


async def as_many_as_it_bears(node):
    """Return the units of JPM that 97.5 % of four times 100,000 buy now."""
    desk = await node.connect()
    async with asyncio.timeout(20):
        while "JPM.PAPER" not in desk.quotes:
            await asyncio.sleep(0.05)
    units = int(390_000 / desk.quotes["JPM.PAPER"].ask)
    await desk.close()
    return units


async def closed_out(rundir):
    """Wait for the venue to close what the account cannot keep any more."""
    broker = PaperVenueClient(
        orders_address=rundir.venue_orders, quotes_address=rundir.venue_quotes
    )
    await broker.connect()
    try:
        async with asyncio.timeout(60):
            while (await broker.request(ListPositions(), Positions)).positions:
                await asyncio.sleep(0.1)
    finally:
        await broker.close()


async def test_what_a_venue_closed_out_while_no_node_ran_was_the_strategys(workspace, catalog):
    # A bank that lost a third in March: ten seconds of the replay go by before a node trades, or
    # thirty on a busy machine, and all that time the fall is yet to come.
    falling = {"seconds_per_day": 0.5, "replay_symbols": ("JPM",), "replay_start": "2020-01-02"}
    margin = ({"name": "PAPER", "leverage": 4.0, "starting_cash": 100_000.0},)
    lab = Lab(workspace, trading={**falling, "venues": margin, "max_order_notional": 1e6})
    rundir = Home(lab.settings.home_path).make().trader("PAPER-001").make()
    try:
        node = await lab.trading.start(targets={"JPM": 0.0})
        units = await as_many_as_it_bears(node)
        await lab.trading.command(
            "orders.submit", {"instrument": "JPM.PAPER", "side": "BUY", "quantity": str(units)}
        )
        async with asyncio.timeout(20):
            while not (await lab.trading.status()).fills:
                await asyncio.sleep(0.05)
        supervisor = ProcessRecord.read(Home(lab.settings.home_path).supervisor)
        for pid in (supervisor.pid, node.pid):
            os.kill(pid, signal.SIGKILL)
        await closed_out(rundir)
        await lab.trading.start()
        desk = await connect(root=workspace)
        async with asyncio.timeout(10):  # its gateway may be an epoch behind
            while not (sales := [o for o in desk.orders.values() if o.side == "SELL"]):
                await asyncio.sleep(0.05)
        (closing,) = sales
        assert (closing.strategy, closing.filled, closing.by) == ("Manual-000", units, "PAPER")
        assert desk.positions["JPM.PAPER"].quantity == 0
        assert [alert.rule for alert in desk.alerts] == [
            "an account must keep its maintenance margin"
        ]
        state = await lab.trading.command("risk.state")
        assert (state["state"], state["by"]) == ("REDUCE_ONLY", "venue:PAPER")
        assert abs(state["equity"] - (await lab.trading.status()).equity) < 1
        await desk.close()
        # A later life finds it as it is.
        again = await lab.trading.attach()
        os.kill(again.pid, signal.SIGKILL)
        async with asyncio.timeout(40):
            while (await lab.trading.status()).epoch != 3:
                await asyncio.sleep(0.1)
        assert (await lab.trading.status()).detail == ""
    finally:
        if lab.trading.supervised:  # else it would hide what went wrong
            await lab.trading.shut_down()
