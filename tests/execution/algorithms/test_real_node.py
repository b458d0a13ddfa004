"""Orders worked by a real node at two real paper venues, over a kill."""

import os
import signal
from collections import Counter

import pytest

from nautilus_lab import Lab
from nautilus_lab.client import OrderStatus, connect
from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import Disturb, Done, Fills, ListFills, PaperVenueClient
from nautilus_lab.execution.routing import execution_report
from nautilus_lab.platform.connection import Backoff
from nautilus_lab.platform.messages import OrderFilled, OrderRouted, OrderUpdated
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import TradingStore

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

VENUES = (
    {"name": "NEAR", "depth": 100, "taker_fee_bps": 3.0},
    {"name": "FAR", "depth": 150, "taker_fee_bps": 1.0, "faults": True},
)


@pytest.fixture
async def lab(workspace, catalog):
    # A day as long as the test: prices hardly move.
    trading = {"seconds_per_day": 600, "replay_symbols": ("AAPL", "KO"), "venues": VENUES}
    lab = Lab(workspace, trading=trading)
    await lab.trading.start(targets={"KO": 0.0}, name="nothing")
    yield lab
    await lab.trading.shut_down()


def events(rundir, kind):
    """What the store has of a kind, in the order in which it was told."""
    with TradingStore.open(rundir.store, read_only=True) as store:
        found = store.outbox_after("node", 0, 0, limit=10_000)
    return [told.body for told in found if isinstance(told.body, kind)]


def by_instrument(trade):
    """What a trade filled of each instrument."""
    filled = Counter()
    for fill in trade.fills:
        filled[fill.instrument] += fill.quantity
    return filled


async def test_orders_are_routed_and_sliced_by_a_real_node_over_a_kill(lab, workspace):
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    async with await connect(root=workspace, role="operator") as desk:
        desk._link.backoff = Backoff(base_s=0.1, cap_s=0.5, attempts=200)

        routed = await desk.submit("AAPL.NEAR", "BUY", 200, algorithm="SMART")
        await routed.until_filled(timeout_s=20)
        assert (routed.quantity, routed.filled, routed.status) == (200, 200, OrderStatus.FILLED)
        assert {part.instrument for part in routed.parts} == {"AAPL.NEAR", "AAPL.FAR"}
        # The market may move under a leg; it is routed again then.
        told = events(rundir, OrderRouted)
        names = {leg.client_order_id for route in told for leg in route.legs}
        assert names == {part.client_order_id for part in routed.parts}
        parent = [
            o for o in events(rundir, OrderUpdated) if o.client_order_id == routed.client_order_id
        ]
        fills = [fill for fill in events(rundir, OrderFilled) if fill.client_order_id in names]
        report = execution_report(parent[-1], fills, told)
        assert report.filled == 200
        assert report.slippage_bps == pytest.approx(routed.slippage_bps)

        sold = await desk.submit("AAPL.NEAR", "SELL", 200, algorithm="SMART")
        await sold.until_filled(timeout_s=20)
        # A cash account sells at each venue what it holds there.
        assert by_instrument(sold) == by_instrument(routed)

        with pytest.raises(InputError, match="must know each parameter"):
            await desk.submit(
                "AAPL.NEAR", "BUY", 10, algorithm="POV", parameters={"horizon": 1, "rate": 0.1}
            )
        part = await desk.submit(
            "AAPL.NEAR", "BUY", 30, algorithm="POV", parameters={"horizon_secs": 60, "rate": 0.01}
        )
        await part.until_filled(timeout_s=30)

        whole = await desk.submit(
            "AAPL.FAR",
            "BUY",
            9,
            algorithm="VWAP",
            parameters={"horizon_secs": 3, "interval_secs": 1, "profile": "0.5, 0.2, 0.3"},
        )
        await whole.until_filled(timeout_s=30)
        assert [int(fill.quantity) for fill in whole.fills] == [4, 2, 3]

        rests = await desk.submit(
            "AAPL.NEAR", "BUY", 5, order_type="LIMIT", limit_price=1, algorithm="SMART"
        )
        await desk.until(
            lambda: any(p.status is OrderStatus.ACCEPTED for p in rests.parts), timeout_s=20
        )
        await rests.cancel(timeout_s=20)
        await rests.done(timeout_s=20)
        assert {p.status for p in rests.parts} == {OrderStatus.CANCELED}

        long = await desk.submit(
            "AAPL.NEAR",
            "BUY",
            40,
            algorithm="VWAP",
            parameters={"horizon_secs": 400, "interval_secs": 100},
        )
        await desk.until(lambda: long.filled == 10, timeout_s=20)
        sliced = await desk.submit(
            "AAPL.FAR",
            "BUY",
            40,
            algorithm="TWAP",
            parameters={"horizon_secs": 400, "interval_secs": 100},
        )
        await desk.until(lambda: sliced.filled == 10, timeout_s=20)
        left = await desk.submit(
            "AAPL.FAR", "BUY", 5, order_type="LIMIT", limit_price=1, algorithm="SMART"
        )
        await desk.until(
            lambda: any(p.status is OrderStatus.ACCEPTED for p in left.parts), timeout_s=20
        )
        os.kill(ProcessRecord.read(rundir.node).pid, signal.SIGKILL)
        await desk.until(lambda: desk.node.is_up and desk.node.epoch == 2, timeout_s=60)
        await long.done(timeout_s=20)
        await sliced.done(timeout_s=20)
        assert (long.filled, long.status) == (10, OrderStatus.CANCELED)
        assert (sliced.filled, sliced.status) == (10, OrderStatus.CANCELED)
        # What the node that is gone left working is cancelled by the name it was asked for.
        assert (left.status, left.reason) == (OrderStatus.ACCEPTED, "")
        await left.cancel(timeout_s=20)
        await left.done(timeout_s=20)
        assert {p.status for p in left.parts} == {OrderStatus.CANCELED}
        # Of people's orders only: targets are of the whole account, and sell what has none.
        held = Counter()
        for fill in events(rundir, OrderFilled):
            if fill.strategy == "Manual-000":
                held[fill.instrument] += fill.quantity if fill.side == "BUY" else -fill.quantity
        assert held == {"AAPL.NEAR": 40, "AAPL.FAR": 19}
        assert len({(f.client_order_id, f.trade_id) for f in desk.fills}) == len(desk.fills)
        assert desk.node.state.value == "running"


@pytest.mark.parametrize("fault", [{"reject_orders": 1}, {"lose_requests": 1}, {"lose_answers": 1}])
async def test_a_venue_that_fails_a_leg_costs_time_and_never_a_unit_too_many(lab, workspace, fault):
    files = Home(lab.settings.home_path).trader("PAPER-001").venue_of("FAR")
    far = PaperVenueClient(orders_address=files.orders, quotes_address=files.quotes)
    await far.connect()
    async with await connect(root=workspace, role="operator") as desk:
        # FAR is the cheaper: it is asked for 150 first, and fails that.
        await far.request(Disturb(**fault), Done)
        routed = await desk.submit("AAPL.NEAR", "BUY", 200, algorithm="SMART")
        await routed.done(timeout_s=40)
        assert (routed.filled, routed.status) == (200, OrderStatus.FILLED)
        fills = (await far.request(ListFills(), Fills)).fills
        at_far = by_instrument(routed)["AAPL.FAR"]
        assert at_far == sum(fill.quantity for fill in fills)
        if "lose_answers" not in fault:
            assert at_far == 0
            ends = {p.status for p in routed.parts if p.instrument == "AAPL.FAR"}
            assert ends == {OrderStatus.REJECTED}
    await far.close()
