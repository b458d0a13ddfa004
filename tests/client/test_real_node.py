"""A desk of a real gateway, node and paper venue, from the first order to a halt."""

import os
import signal
from decimal import Decimal

import pytest

from nautilus_lab import Lab
from nautilus_lab.client import OrderStatus, TradingState, connect, order
from nautilus_lab.exceptions import InputError, OrderDenied
from nautilus_lab.platform.commands import Found
from nautilus_lab.platform.connection import Backoff
from nautilus_lab.platform.messages import Snapshot
from nautilus_lab.platform.rundir import Home, Latch, ProcessRecord

pytestmark = pytest.mark.processes

AAPL = "AAPL.PAPER"
# what an order that an algorithm fills is on its way there; never CANCELED
WORKED = {"INITIALIZED", "SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "FILLED"}


@pytest.fixture
async def lab(workspace, catalog):
    # A day as long as the test: prices hardly move.
    lab = Lab(workspace, trading={"seconds_per_day": 600})
    await lab.trading.start(targets={"KO": 0.0}, name="nothing")
    yield lab
    await lab.trading.shut_down()


async def test_orders_of_a_real_node_over_a_kill_and_a_halt(lab, workspace):
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    async with await connect(root=workspace, role="operator") as desk:
        desk._link.backoff = Backoff(base_s=0.1, cap_s=0.5, attempts=200)
        market = await (await desk.submit(AAPL, "BUY", 10)).until_filled(timeout_s=20)
        # The venue fills at the far side of the quote: half the spread above its middle, unless
        # the market moved while the order was on its way.
        assert market.arrival_price is not None
        assert market.slippage == 10 * (market.average_price - market.arrival_price)
        assert abs(market.average_price / market.arrival_price - 1) < Decimal("0.01")
        assert market.fills[0].commission == market.commissions["USD"]

        sliced = await desk.submit(
            AAPL, "BUY", 9, algorithm="TWAP", parameters={"horizon_secs": 3, "interval_secs": 1}
        )
        await sliced.until_filled(timeout_s=30)
        assert [fill.quantity for fill in sliced.fills] == [3, 3, 3]
        # Two slices of its own, and the last, which is the order itself.
        assert (sliced.quantity, sliced.filled, len(sliced.parts)) == (9, 9, 2)
        paid = sum(fill.quantity * fill.price for fill in sliced.fills)
        assert sliced.average_price == paid / 9
        assert sliced.slippage == paid - 9 * sliced.arrival_price
        # Whoever reads the order by itself reads the same.
        name = sliced.client_order_id
        await desk.until(lambda: sliced.order.filled == 9, timeout_s=20)
        assert {entry.status.value for entry in sliced.log} <= WORKED
        found = await desk.command("orders.find", {"client_order_id": name}, answer=Found)
        snapshot = await desk.command("node.snapshot", answer=Snapshot)
        listed = [o for o in snapshot.orders if o.body.client_order_id == name]
        for (told,) in (found.orders, listed):
            assert (told.body.status, told.body.quantity, told.body.filled) == ("FILLED", 9, 9)

        trailing = await desk.submit(
            *(AAPL, "SELL", 5),
            order_type="TRAILING_STOP_MARKET",
            trailing_offset=500,
            offset_type="BASIS_POINTS",
        )
        await desk.until(lambda: trailing.order.trigger_price is not None, timeout_s=20)
        order_now = trailing.order
        assert (order_now.trailing_offset, order_now.offset_type) == (500, "BASIS_POINTS")
        bid = Decimal(str(desk.quotes[AAPL].bid))
        assert bid * Decimal("0.93") < order_now.trigger_price < bid
        (told,) = (
            await desk.command(
                "orders.find", {"client_order_id": trailing.client_order_id}, answer=Found
            )
        ).orders
        assert told.body.trigger_price is not None
        with pytest.raises(InputError, match="the market moves it"):
            await trailing.modify(trigger_price=1)
        await trailing.cancel(timeout_s=20)

        with pytest.raises(OrderDenied, match="over the limit"):
            await desk.submit(AAPL, "BUY", 10_000_000)
        with pytest.raises(InputError, match=r"multiple of 0\.01"):
            await desk.submit(AAPL, "BUY", 1, order_type="LIMIT", limit_price="1.001")

        bid = desk.quotes[AAPL].bid
        with pytest.raises(InputError, match=r"stop-loss of a bracket .* must lie below the bid"):
            await desk.bracket(
                order(AAPL, "BUY", 5),
                take_profit=round(bid * 1.5, 2),
                stop_loss=round(bid * 1.25, 2),
            )

        resting = await desk.submit(AAPL, "BUY", 5, order_type="LIMIT", limit_price=1)
        await resting.until_accepted(timeout_s=20)
        await resting.modify(limit_price="1.05", timeout_s=20)
        await desk.until(lambda: resting.order.limit_price == Decimal("1.05"), timeout_s=20)

        record = ProcessRecord.read(rundir.node)
        os.kill(record.pid, signal.SIGKILL)
        await desk.until(lambda: desk.node.is_up and desk.node.epoch == 2, timeout_s=60)
        assert resting.status is OrderStatus.ACCEPTED
        assert market.filled == 10
        assert (await resting.cancel(timeout_s=20)).ended == (resting.client_order_id,)
        await resting.done(timeout_s=20)
        assert resting.status is OrderStatus.CANCELED

        listed = await desk.submit_list(
            [order(AAPL, "BUY", n, order_type="LIMIT", limit_price=1) for n in (1, 2)]
        )
        status = await desk.halt("a drill", cancel_orders=True)
        assert status.state is TradingState.HALTED
        await listed.done(timeout_s=20)
        assert {trade.status for trade in listed} == {OrderStatus.CANCELED}
        with pytest.raises(OrderDenied):
            await desk.submit(AAPL, "BUY", 1)
        assert Latch(rundir.latch, witness=rundir.store).read().state == "HALTED"
        assert (await desk.resume("the drill is over")).state is TradingState.ACTIVE
        await (await desk.submit(AAPL, "BUY", 1)).until_filled(timeout_s=20)
        assert len({fill.trade_id for fill in desk.fills}) == len(desk.fills)
