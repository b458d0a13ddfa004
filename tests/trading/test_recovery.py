"""What a node makes of a past that is not as it left it."""

import asyncio
from decimal import Decimal

import pytest

from nautilus_lab import Lab
from nautilus_lab.exceptions import NodeError
from nautilus_lab.execution.paper import NewOrder, Orders, PaperVenueClient
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.messages import OrderUpdated, envelope
from nautilus_lab.platform.rundir import Home
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
        while len(desk.fills) < 2:  # bought by hand, and sold again: the target is cash
            await asyncio.sleep(0.05)
    assert [(f.client_order_id == "BY-HAND", f.side, f.quantity) for f in desk.fills] == [
        (True, "BUY", 7),
        (False, "SELL", 7),
    ]
    await desk.close()
    await node.stop()
    with TradingStore.open(rundir.store, read_only=True) as store:
        assert store.journal(open_only=True) == ()
        assert store.orders(working_only=True) == ()
        assert len({told.body.trade_id for told in store.fills()}) == 2
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
