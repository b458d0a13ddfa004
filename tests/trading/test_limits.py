"""A limit book in a node of its own process: declared, asked, looked at, and asked for."""

import asyncio
import json
import time

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.cli import main
from nautilus_lab.exceptions import (
    AccessDenied,
    ConfigError,
    InputError,
    NodeAlreadyRunning,
    OrderDenied,
)
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.commands import CommandClient, LimitsView, OneLoosening
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
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


FIRM = {"limit": "max_gross_exposure", "per": "firm", "max_notional": 50_000.0}


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        ([{"limit": "max_levrage", "max_times": 2}], "limit must be one of"),
        ([FIRM, FIRM], "there is one; got max_gross_exposure twice"),
        ([FIRM | {"mode": "monitor"}], "and blocks"),
    ],
)
async def test_a_limit_of_the_settings_that_is_none_starts_nothing(
    limits, match, workspace, catalog
):
    lab = Lab(workspace, trading={"limits": limits})
    with pytest.raises(ConfigError, match=match):
        await lab.trading.start()
    assert not lab.trading.supervised


# The market falls from the first day on; whoever holds it loses.
FALLING = {"seconds_per_day": 5.0, "replay_symbols": ("AAPL", "JPM"), "replay_start": "2020-02-20"}
GROSS = {
    "limit": "max_gross_exposure",
    "max_fraction": 1.5,
    "adjust": {"rule": "drawdown", "begin": 0.0001, "end": 0.05, "floor": 0.5, "ceiling": 1.2},
}


async def test_a_loss_tightens_two_people_loosen_and_a_restart_keeps_both(workspace, catalog):
    lab = Lab(workspace, trading=FALLING | {"limits": [GROSS]})
    rundir = Home(lab.settings.home_path).trader("PAPER-001")

    async def part():
        """Return which part of its base the limit is."""
        rows = (await lab.trading.limits()).rows
        (row,) = [row for row in rows if row.limit == "max_gross_exposure"]
        return row.limit_value / row.base_value if row.base_value else None

    async def tighter():
        now = await part()
        return now is not None and now < 0.95

    try:
        await lab.trading.start(targets={"AAPL": 0.45, "JPM": 0.45})
        await until(tighter)
        view = await lab.trading.propose_loosening(
            "max_gross_exposure", 1.2, "a rebalance", lasts_s=600
        )
        (asked,) = view.loosenings
        with pytest.raises(AccessDenied, match="who asks does not approve"):
            await lab.trading.approve_loosening(asked.request)
        before = await part()
        # Another person, whom a gateway lets in.
        issuer = TokenIssuer(signing_key(Home(lab.settings.home_path).signing_key))
        officer = issuer.issue(Principal("bob-of-risk", frozenset({Role.RISK_OFFICER})))
        granted = await CommandClient(rundir.commands).call(
            "limits.approve", OneLoosening(request=asked.request), token=officer, answer=LimitsView
        )
        assert [one.approved_by for one in granted.loosenings] == ["bob-of-risk"]
        assert await part() > before
        await lab.trading.stop()
        await lab.trading.start()
        (again,) = (await lab.trading.limits()).loosenings
        assert (again.request, again.approved_by) == (asked.request, "bob-of-risk")
        view = await lab.trading.revoke_loosening(asked.request)
        assert view.loosenings == ()
        await until(tighter)  # never back at its base by a restart
        await lab.trading.stop()
        rundir.adjusted.write_text("spoiled")
        await lab.trading.start()
        await until(tighter)
        assert await part() < 0.7  # from its floor, by a tenth in any minute
    finally:
        await lab.trading.shut_down()
    with TradingStore.open(rundir.store, read_only=True) as store:
        rows = [row for row in store.audit_rows() if row.kind.startswith("limit")]
    told = [(row.kind, row.actor, json.loads(row.body)) for row in rows]
    changes = [body["change"] for kind, _, body in told if kind == "limit.adjusted"]
    assert changes[0] == "tightened"
    assert {"approved", "revoked"} <= set(changes)
    assert [body["to_percent"] for kind, _, body in told if kind == "limit.proposed"] == [120]
    begun = [body["limits"] for kind, _, body in told if kind == "limits.book"]
    assert len(begun) == 3
    assert all(any("adjust" in one for one in limits.values()) for limits in begun)


async def test_a_disabled_strategy_stays_so_without_its_file_until_a_person_enables_it(
    workspace, catalog
):
    limits = [{"limit": "max_repeats", "most": 1, "window_s": 600.0}]
    lab = Lab(workspace, trading={**FAST, "limits": limits})
    rundir = Home(lab.settings.home_path).trader(lab.settings.trading.trader_id)
    try:
        await lab.trading.start(targets={"AAPL": 0.0})
        desk = await connect(root=lab.settings.root, role="operator")
        bought = await desk.submit("JPM.PAPER", "BUY", 1)
        await desk.until(lambda: bought.is_done, timeout_s=20)
        with pytest.raises(OrderDenied):
            await desk.submit("JPM.PAPER", "BUY", 2)
        await desk.close()
        (who,) = (await lab.trading.limits()).disabled
        for change in (rundir.disabled.unlink, lambda: rundir.disabled.write_text("{}")):
            await lab.trading.stop()
            change()
            await lab.trading.start()
            assert set((await lab.trading.limits()).disabled) == {who}
        await lab.trading.enable(who, "looked at it")
        await lab.trading.stop()
        await lab.trading.start()
        assert (await lab.trading.limits()).disabled == {}
    finally:
        await lab.trading.shut_down()
    with TradingStore.open(rundir.store, read_only=True) as store:
        told = [one.body.rule for one in store.alerts(limit=100)]
    assert len([rule for rule in told if "must stay disabled" in rule]) == 2
