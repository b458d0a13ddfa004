"""Measures of a running node: made beside it, read by its limits, and acted upon."""

import asyncio

import numpy as np
import pandas as pd
import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.cli import main
from nautilus_lab.exceptions import OrderDenied
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.platform.rundir import Home
from nautilus_lab.risk.limits import Levels, LimitBook, MaxValueAtRisk, MaxVolatility

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

SLOW = {
    "seconds_per_day": 3_600.0,  # it stays the same day all along
    "replay_symbols": ("AAPL", "JPM"),
    "measures": {"every_s": 2.0},
}


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(workspace, trading=SLOW)
    yield lab
    if Home(lab.settings.home_path).supervisor.exists():
        asyncio.run(lab.trading.shut_down())


async def until(condition, seconds=40.0):
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.1)
    return found


async def test_value_at_risk_is_measured_after_a_fill_shown_and_stops_increases(
    lab, catalog, capsys
):
    book = LimitBook(
        [MaxValueAtRisk(max_loss=1_000.0), MaxVolatility(max_annual=5.0, per="symbol")],
        levels=Levels(confirmations=2, clear_s=0.0),
    )
    await lab.trading.start(limits=book)

    async def row(level):
        rows = (await lab.trading.limits()).rows
        return next((r for r in rows if r.limit == "max_value_at_risk" and r.level == level), None)

    async def measured(held):
        made = lab.trading.measures().measured
        return made if made is not None and made.held == held else None

    await until(lambda: row("ok"))  # nothing is held
    desk = await connect(root=lab.settings.root, role="operator")
    try:
        trade = await desk.submit("JPM.PAPER", "BUY", 100)
        async with asyncio.timeout(30):
            while not trade.is_done:
                await asyncio.sleep(0.05)
        assert trade.status.value == "FILLED"
        made = await until(lambda: measured({"JPM.PAPER": 100.0}))
        found = await until(lambda: _above(row("ok"), 0.1))
        assert 0.4 < found.utilisation < 0.7
        # By plain numpy, of the 500 days before the one that is replayed.
        today = pd.Timestamp(made.market_ns, unit="ns", tz="UTC").normalize()
        closes = MarketDataEngine(catalog).prices(["JPM"], end=today - pd.Timedelta(days=1))
        closes = closes["JPM"].to_numpy()[-501:]
        lost = np.sort(-(closes[1:] / closes[:-1] - 1))[::-1]
        price = await _price(desk)
        assert made.values["value_at_risk"] == pytest.approx(100 * price * lost[5], rel=0.02)

        assert (
            await asyncio.to_thread(main, ["--root", str(lab.settings.root), "limits", "--all"])
            == 0
        )
        assert f"{found.utilisation:.0%}  max_value_at_risk" in capsys.readouterr().out

        await desk.submit("JPM.PAPER", "BUY", 150)
        await until(lambda: row("breach"))
        with pytest.raises(OrderDenied, match="MAX_VALUE_AT_RISK"):
            await desk.submit("JPM.PAPER", "BUY", 1)
        trade = await desk.submit("JPM.PAPER", "SELL", 200)  # what reduces leaves
        await until(lambda: measured({"JPM.PAPER": 50.0}))
        await until(lambda: row("ok"))
    finally:
        await desk.close()

    assert await asyncio.to_thread(main, ["--root", str(lab.settings.root), "measures"]) == 0
    out = capsys.readouterr().out
    assert "of 1 positions, by 500 returns to 2019-12-31, the market's day being 2020-01-02" in out
    assert "volatility:JPM" in out


async def test_a_position_without_a_history_stops_increases_by_its_name(workspace, catalog):
    # On 2 January the last close is two days old.
    rules = {"every_s": 2.0, "max_history_age_days": 1.0}
    lab = Lab(workspace, trading=SLOW | {"measures": rules})
    book = LimitBook(
        [MaxValueAtRisk(max_loss=1_000.0)], levels=Levels(confirmations=2, clear_s=0.0)
    )
    why = "100.0% of the gross value has no history, and 5.0% may: JPM.PAPER (its history ends on"
    await lab.trading.start(limits=book)
    try:
        desk = await connect(root=lab.settings.root, role="operator")
        try:
            await until(lambda: _looked(lab))
            trade = await desk.submit("JPM.PAPER", "BUY", 10)
            await trade.until_filled(timeout_s=30)

            async def told():
                rows = (await lab.trading.limits()).rows
                return any(why in row.reason and row.level == "breach" for row in rows)

            await until(told)
            with pytest.raises(OrderDenied, match="has no history"):
                await desk.submit("JPM.PAPER", "BUY", 1)
            sold = await desk.submit("JPM.PAPER", "SELL", 10)
            await sold.until_filled(timeout_s=30)
        finally:
            await desk.close()
        details = [one.detail for one in lab.trading.alerts(open_only=False).alerts]
        assert any(why in detail for detail in details)
    finally:
        await lab.trading.shut_down()


async def _looked(lab):
    rows = (await lab.trading.limits()).rows
    return any(row.limit == "max_value_at_risk" and row.level == "ok" for row in rows)


async def _above(coming, least):
    found = await coming
    return found if found is not None and found.utilisation > least else None


async def _price(desk):
    return desk.positions["JPM.PAPER"].market_price
