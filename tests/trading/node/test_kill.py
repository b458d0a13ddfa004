"""A real node that is killed: all of its orders, also when it is frozen or dies over it."""

import asyncio
import json
import os
import signal
import time
from decimal import Decimal

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.client import order
from nautilus_lab.exceptions import InputError, NodeError
from nautilus_lab.execution.paper import (
    Disturb,
    Done,
    ListOrders,
    NewOrder,
    Orders,
    PaperVenueClient,
)
from nautilus_lab.platform.latch import latch_traders
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

TRADING = {
    "seconds_per_day": 600.0,
    "replay_symbols": ("AAPL", "JPM"),
    "venues": ({"name": "PAPER", "faults": True},),
    "single_person": True,
}


@pytest.fixture
async def lab(workspace, catalog):
    lab = Lab(workspace, trading=TRADING)
    yield lab
    if lab.trading.supervised:
        await lab.trading.shut_down()


@pytest.fixture
def rundir(lab):
    return Home(lab.settings.home_path).trader("PAPER-001")


@pytest.fixture
async def desk(lab):
    await lab.trading.start(targets={"AAPL": 0.0})
    async with await connect(root=lab.settings.root, role="operator") as desk:
        yield desk


@pytest.fixture
async def venue(desk, rundir):
    client = PaperVenueClient(
        orders_address=rundir.venue_orders, quotes_address=rundir.venue_quotes
    )
    await client.connect()
    yield client
    await client.close()


async def works_at(venue):
    told = await venue.request(ListOrders(working_only=True), Orders)
    return {one.client_order_id for one in told.orders}


async def until_empty(venue, seconds=30.0):
    async with asyncio.timeout(seconds):
        while await works_at(venue):
            await asyncio.sleep(0.02)


async def of_every_kind(desk):
    """Orders at the venue, held here, and at both."""
    rests = {"order_type": "LIMIT", "limit_price": "1.00"}
    plain = await desk.submit("AAPL.PAPER", "BUY", 10, **rests)
    emulated = await desk.submit("AAPL.PAPER", "BUY", 10, emulate=True, **rests)
    slices = {"horizon_secs": 60, "interval_secs": 10}
    sliced = await desk.submit("AAPL.PAPER", "BUY", 90, algorithm="TWAP", parameters=slices)
    entry = order("JPM.PAPER", "BUY", 5, order_type="LIMIT", limit_price="2.00")
    bracket = await desk.bracket(entry, take_profit="500.00", stop_loss="1.00")
    await plain.until_accepted(timeout_s=20)
    return [plain, emulated, sliced, *bracket]


async def test_a_kill_ends_orders_of_every_kind_and_two_acts_resume(lab, desk, venue, rundir):
    trades = await of_every_kind(desk)
    foreign = NewOrder(
        client_order_id="X-1",
        symbol="AAPL",
        side="BUY",
        order_type="LIMIT",
        quantity=Decimal(3),
        limit_price=Decimal("1.00"),
    )
    await venue.request(foreign, Orders)
    assert len(await works_at(venue)) >= 5
    killed = await lab.trading.kill("a drill")
    assert (killed.node, killed.cancelling >= 6) == ("told", True)
    await until_empty(venue, 5.0)
    await desk.until(lambda: all(o.is_done for o in desk.orders.values()), timeout_s=10)
    assert {trade.status.value for trade in trades} == {"CANCELED"}
    # By one person in two acts, and only over a venue that says what it has.
    with pytest.raises(InputError, match="nobody has asked"):
        await desk.resume("the drill is over")
    await desk.ask_resume("the drill is over")
    await venue.request(Disturb(lose_requests=20, lose_answers=20), Done)
    with pytest.raises(NodeError, match="PAPER does not say what it has"):
        await desk.resume("I looked, too", timeout_s=20)
    assert desk.trading_state.state.value == "KILLED"
    await venue.request(Disturb(), Done)
    resumed = await desk.resume("I looked, too")
    assert (resumed.state.value, resumed.reason) == (
        "ACTIVE",
        "the drill is over; approved: I looked, too",
    )
    with TradingStore.open(rundir.store, read_only=True) as store:
        rows = [(row.kind, json.loads(row.body)) for row in store.audit_rows()]
    told = [kind for kind, body in rows if kind.startswith("trading.")]
    assert told == [
        "trading.begun",
        "trading.state",
        "trading.resume_refused",
        "trading.resume_asked",
        "trading.resume_refused",
        "trading.resume",
        "trading.state",
    ]


async def test_orders_of_a_node_that_is_frozen_or_falls_over_the_kill_are_pulled(
    lab, desk, venue, rundir
):
    trades = await of_every_kind(desk)
    pid = (await lab.trading.status()).pid
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    killing = asyncio.create_task(lab.trading.kill("a drill"))
    await until_empty(venue, 5.0)
    took_s = time.monotonic() - begun
    os.kill(pid, signal.SIGCONT)
    assert (await killing).pulled >= 4
    assert took_s < 2.0
    # What only the node held is ended by the node.
    await desk.until(lambda: all(trade.is_done for trade in trades), timeout_s=20)
    await desk.ask_resume("the drill is over")
    await desk.resume("I looked, too")
    await of_every_kind(desk)
    os.kill(pid, signal.SIGSTOP)
    latch_traders([rundir.folder()], "KILLED", reason="it falls between the latch and the cancels")
    os.kill(pid, signal.SIGKILL)
    await until_empty(venue)
    await desk.until(
        lambda: desk.node.epoch == 2 and all(o.is_done for o in desk.orders.values()), timeout_s=30
    )
    assert desk.trading_state.state.value == "KILLED"
    # A halt that cancels is finished likewise, by what the latch says.
    await desk.ask_resume("the drill is over")
    await desk.resume("I looked, too")
    trades = await of_every_kind(desk)
    os.kill((await lab.trading.status()).pid, signal.SIGSTOP)
    folders = [rundir.folder()]
    latch_traders(folders, "HALTED", reason="likewise", cancel_orders=True)
    os.kill((await lab.trading.status()).pid, signal.SIGKILL)
    await until_empty(venue)
    await desk.until(
        lambda: desk.node.epoch == 3 and all(trade.is_done for trade in trades), timeout_s=30
    )
    assert desk.trading_state.state.value == "HALTED"
    await lab.trading.kill("a drill")
    # Nor is the kill forgotten with the latch: the audit trail has it.
    await lab.trading.stop()
    rundir.latch.unlink()
    await lab.trading.start()
    assert lab.trading.may.state == "KILLED"
