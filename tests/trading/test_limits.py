"""A limit book in a node of its own process: declared, asked, looked at, and asked for."""

import asyncio
import time

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.cli import main
from nautilus_lab.exceptions import ConfigError, InputError, NodeAlreadyRunning, OrderDenied
from nautilus_lab.platform.rundir import Home
from nautilus_lab.risk.limits import (
    Levels,
    LimitBook,
    MaxGrossExposure,
    MaxPositionUnits,
    MaxValueAtRisk,
    Measures,
)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

# Nobody measures by himself here: what tests tell is what there is.
FAST = {"measures": {"enabled": False}, "seconds_per_day": 60.0, "replay_symbols": ("AAPL", "JPM")}


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(workspace, trading=FAST)
    yield lab
    if Home(lab.settings.home_path).supervisor.exists():
        asyncio.run(lab.trading.shut_down())


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def test_a_book_given_at_the_start_is_asked_looked_at_and_shown(lab, capsys):
    book = LimitBook(
        [
            MaxPositionUnits(max_units=10, instruments={"JPM"}),
            MaxGrossExposure(max_fraction=2.0),
            MaxValueAtRisk(max_fraction=0.05, max_age_s=3_600),
        ],
        levels=Levels(confirmations=2, clear_s=1.0),
    )
    await lab.trading.start(limits=book)
    with pytest.raises(NodeAlreadyRunning, match="as it starts"):
        await lab.trading.start(limits=book)

    async def level(limit):
        rows = (await lab.trading.limits()).rows
        return {row.level for row in rows if row.limit == limit}

    # Nobody measured anything: what needs it is exceeded, and nothing increases.
    await until(lambda: _is(level("max_value_at_risk"), {"breach"}))
    desk = await connect(root=lab.settings.root, role="operator")
    try:
        with pytest.raises(OrderDenied, match="MAX_VALUE_AT_RISK: what it would be cannot"):
            await desk.submit("JPM.PAPER", "BUY", 5)
        lab.trading.tell_measures(Measures.at(time.time_ns(), value_at_risk=1_000.0))
        await until(lambda: _is(level("max_value_at_risk"), {"ok"}))
        with pytest.raises(OrderDenied, match="MAX_POSITION_UNITS: 11"):
            await desk.submit("JPM.PAPER", "BUY", 11)
        trade = await desk.submit("JPM.PAPER", "BUY", 10)
        await _over(trade)
        assert trade.status.value == "FILLED"
        await until(lambda: _is(level("max_position_units"), {"critical"}))
        assert desk.limits["max_position_units.JPM.PAPER"].utilisation == 1.0
    finally:
        await desk.close()

    def shown():
        return main(["--root", str(lab.settings.root), "limits", "--all"])

    assert await asyncio.to_thread(shown) == 0
    out = capsys.readouterr().out
    assert "critical   100%  max_position_units of JPM.PAPER  10.00 of 10.00 units" in out
    assert "max_gross_exposure of account" in out
    with pytest.raises(InputError, match="must be disabled"):
        await lab.trading.enable("nobody", "a test")


async def _over(trade):
    async with asyncio.timeout(30):
        while not trade.is_done:
            await asyncio.sleep(0.05)


async def _is(coming, wanted):
    return await coming == wanted


async def test_a_limit_of_the_settings_that_is_none_starts_nothing(workspace, catalog):
    lab = Lab(workspace, trading={"limits": [{"limit": "max_levrage", "max_times": 2}]})
    with pytest.raises(ConfigError, match="limit must be one of"):
        await lab.trading.start()
    assert not lab.trading.supervised
