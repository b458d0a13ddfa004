"""What an account is worth and what a strategy lost today, over the lives of a real node."""

import asyncio
import os
import signal

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.exceptions import OrderDenied
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.limits import DailyLoss, LimitBook

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

FAST = {"measures": {"enabled": False}, "seconds_per_day": 60.0, "replay_symbols": ("AAPL", "JPM")}


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


def lost_of(row):
    return float(row.equity) - 1_000_000


async def fill(desk, units):
    done = await desk.submit("JPM.PAPER", "BUY" if units > 0 else "SELL", abs(units))
    await desk.until(lambda: done.is_done, timeout_s=20)
    assert done.status.value == "FILLED"


async def trade(lab, *units):
    desk = await connect(root=lab.settings.root, role="operator")
    try:
        for n in units:
            await fill(desk, n)
    finally:
        await desk.close()


async def test_a_restart_within_the_day_forgets_no_loss_and_the_equity_is_stored(
    workspace, catalog
):
    lab = Lab(workspace, trading=FAST)
    rundir = Home(lab.settings.home_path).trader("PAPER-001")

    def stored():
        with TradingStore.open(rundir.store, read_only=True) as store:
            return store.equity()

    async def lost():
        """Return what the strategy lost today, as its limit has it; None before a look at it."""
        rows = (await lab.trading.limits()).rows
        mine = [row.value for row in rows if row.limit == "max_daily_loss" and row.scope in who]
        return mine[0] if mine else None

    async def accepted():
        return await lost() == pytest.approx(0.0, abs=cost * 0.2)

    try:
        # No limit reads the loss of a strategy's day yet: it is kept all the same.
        node = await lab.trading.start(targets={"AAPL": 0.0})
        await trade(lab, 900, -900, 3)  # what it costs to trade is a loss that stays as it is
        with TradingStore.open(rundir.store, read_only=True) as store:
            fills = [told.body for told in store.fills()]
        who = {fill.strategy for fill in fills}
        flows = [
            (-1 if fill.side == "BUY" else 1) * fill.quantity * fill.price - fill.commission
            for fill in fills
        ]
        cost = -float(sum(flows[:-1]))
        assert cost > 0
        os.kill(node.pid, signal.SIGKILL)  # no last word, and no new day

        async def back():
            return len([row for row in stored() if row.moment == "begin"]) == 2

        await until(back)
        await lab.trading.stop()
        last = stored()[-1]
        assert (last.moment, last.unvalued) == ("stop", "")
        (name,) = who
        # Nobody else traded: what the account lost the strategy did, what it holds counted.
        assert float(last.strategies[name]) == pytest.approx(lost_of(last), abs=0.01)
        assert float(last.strategies[name]) == pytest.approx(-cost, rel=0.2)

        # A limit that is added counts what was lost before it, and the strategy is disabled.
        book = LimitBook([DailyLoss(max_loss=cost * 0.5, per="strategy")])
        await lab.trading.start(limits=book)
        await until(lambda: _is_in(name, lab))
        assert await lost() == pytest.approx(cost, rel=0.2)
        with pytest.raises(OrderDenied, match="DISABLED"):
            await trade(lab, 1)

        # Who enables it accepts the loss so far: it counts anew.
        await lab.trading.enable(name, "it was the spread")
        await until(accepted)
        await trade(lab, 1)
    finally:
        await lab.trading.shut_down()

    rows = stored()
    assert [row.moment for row in rows if row.moment in ("begin", "stop")] == [
        *("begin", "begin", "stop"),
        *("begin", "stop"),
    ]


async def _is_in(name, lab):
    return name in (await lab.trading.limits()).disabled
