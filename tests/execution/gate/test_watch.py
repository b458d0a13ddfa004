"""Limits that are monitored, at a gate in a backtest and at one in a live node: what follows."""

import math
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate import DayHighs, HighWater, LimitWatch, StrategySwitch
from nautilus_lab.risk.limits import (
    CATALOGUE,
    DailyLoss,
    Levels,
    LimitBook,
    MaxCorrelation,
    MaxDrawdown,
    MaxExpectedShortfall,
    MaxGreek,
    MaxOrderToTrade,
    MaxPositionUnits,
    MaxRejects,
    MaxRepeats,
    MaxStressLoss,
    MaxValueAtRisk,
    MaxVolatility,
)
from tests.execution.gate.benches import MSFT, BacktestBench, LiveBench

pytestmark = pytest.mark.timeout(120)

BENCHES = {"backtest": BacktestBench, "live": LiveBench}
CRASH = {"crash": {"AAPL": -0.2, "MSFT": 0.0}}


def buy(units, **more):
    return lambda s: s.market(units, **more)


def know(**values):
    async def tell(bench):
        bench.know(**values)

    return tell


async def nothing(bench):
    bench.blind()


async def lose_a_thousand(bench):
    await bench.quote("95.00", "95.00")


async def no_price(bench):
    await bench.quote("0.00", "100.00")


async def nine_sent_and_one_denied(bench):
    bench.ask(MaxPositionUnits(max_units=500))
    await bench.send(*[buy(1)] * 8, buy(1_000))
    bench.ask()
    bench.denials.clear()


async def nine_that_do_not_trade(bench):
    await bench.send(*[lambda s: s.limit(1, "50.00")] * 9)


@dataclass(kw_only=True)
class Case:
    """A limit that 200 AAPL at 100.00 just reach, and one that they break.

    `facts` are what is told before the looks; `nan` makes them unknown. `state` is where the
    trader is moved to, `disabled` whether the strategy sends nothing more, `first` whether the
    limit must see how it was before the facts.
    """

    limit: Any
    tighter: Any
    facts: Callable = nothing
    nan: Callable = nothing
    state: str = "ACTIVE"
    disabled: bool = False
    first: bool = False


MEASURED = {
    "value at risk": (MaxValueAtRisk, {"max_loss": 100.0}, {"max_loss": 99.9},
                      {"value_at_risk": 100.0}),
    "shortfall": (MaxExpectedShortfall, {"max_loss": 100.0}, {"max_loss": 99.9},
                  {"expected_shortfall": 100.0}),
    "stressed shortfall": (MaxExpectedShortfall, {"max_loss": 100.0, "stressed": True},
                           {"max_loss": 99.9, "stressed": True},
                           {"stressed_expected_shortfall": 100.0}),
    "volatility": (MaxVolatility, {"max_annual": 0.2}, {"max_annual": 0.19}, {"volatility": 0.2}),
    "volatility of a symbol": (MaxVolatility, {"max_annual": 0.2, "per": "symbol"},
                               {"max_annual": 0.19, "per": "symbol"},
                               {"volatility": {"AAPL": 0.2}}),
    "greek": (MaxGreek, {"greek": "vega", "most": 5.0}, {"greek": "vega", "most": 4.0},
              {"vega": -5.0}),
    "correlation": (MaxCorrelation, {"max_average": 0.5}, {"max_average": 0.4},
                    {"correlation": 0.5}),
}  # fmt: skip

CASES = {
    what: Case(limit=kind(**at), tighter=kind(**over), facts=know(**facts))
    for what, (kind, at, over, facts) in MEASURED.items()
} | {
    "stress": Case(
        limit=MaxStressLoss(scenarios=CRASH, max_loss=4_000),
        tighter=MaxStressLoss(scenarios=CRASH, max_loss=3_999),
        nan=no_price,
    ),
    "drawdown": Case(
        limit=MaxDrawdown(max_fraction=0.000_100_1),
        tighter=MaxDrawdown(max_fraction=0.000_099_9),
        facts=lose_a_thousand,
        nan=no_price,
        first=True,
        state="REDUCE_ONLY",
    ),
    "drawdown within the day": Case(
        limit=MaxDrawdown(max_fraction=0.000_100_1, window_days=1),
        tighter=MaxDrawdown(max_fraction=0.000_099_9, window_days=1),
        facts=lose_a_thousand,
        nan=no_price,
        first=True,
        state="REDUCE_ONLY",
    ),
    "drawdown of a month that holds back": Case(
        limit=MaxDrawdown(max_fraction=0.000_100_1, window_days=30, action="no_increase"),
        tighter=MaxDrawdown(max_fraction=0.000_099_9, window_days=30, action="no_increase"),
        facts=lose_a_thousand,
        nan=no_price,
        first=True,
    ),
    "drawdown that halts": Case(
        limit=MaxDrawdown(max_fraction=0.000_100_1, action="halt"),
        tighter=MaxDrawdown(max_fraction=0.000_099_9, action="halt"),
        facts=lose_a_thousand,
        nan=no_price,
        first=True,
        state="HALTED",
    ),
    "loss of a strategy's day": Case(
        limit=DailyLoss(max_loss=1_000, per="strategy"),
        tighter=DailyLoss(max_loss=999, per="strategy"),
        facts=lose_a_thousand,
        nan=no_price,
        first=True,
        disabled=True,
    ),
    "rejects": Case(
        limit=MaxRejects(max_fraction=0.1, at_least=10),
        tighter=MaxRejects(max_fraction=0.05, at_least=10),
        facts=nine_sent_and_one_denied,
        disabled=True,
    ),
    "order to trade": Case(
        limit=MaxOrderToTrade(max_ratio=10, at_least=10),
        tighter=MaxOrderToTrade(max_ratio=9.9, at_least=10),
        facts=nine_that_do_not_trade,
        disabled=True,
    ),
}


class Watched:
    def __init__(self, bench, limit, **levels):
        self.told = []
        self.bench = bench
        gate = bench.gate
        gate.checks = gate.checks[:1]
        self.watch = LimitWatch(
            gate,
            LimitBook([limit], levels=Levels(**levels)),
            tighten=lambda to, why: gate.state.tighten(to, reason=why, by="limits", automatic=True),
            on_change=self.told.append,
            high_water=HighWater(confirmations=1),
            day_highs=DayHighs(confirmations=1),
        )

    def look(self, times=1):
        for _ in range(times):
            self.watch.look(self.bench.now_ns)


@pytest.fixture(params=BENCHES)
async def bench(request):
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)}
    async with BENCHES[request.param]() as bench:
        await bench.fill(200)
        yield bench
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_every_limit_that_is_only_monitored_has_a_case():
    monitored = {name for name, kind in CATALOGUE.items() if kind.modes == ("monitor",)}
    assert {case.limit.name for case in CASES.values()} - {"max_daily_loss"} == monitored


async def test_on_its_bound_nothing_follows(case, bench):
    watched = Watched(bench, case.limit)
    watched.look(case.first)  # equity is at its highest, and the day begins
    await case.facts(bench)
    watched.look(5)
    assert bench.gate.state.state == "ACTIVE"
    assert [change.level for change in watched.told] in ([], ["warn"], ["critical"])
    assert await bench.send(buy(1), buy(-1)) == [True, True]


@pytest.mark.parametrize("what", CASES)
async def test_over_its_bound_what_it_says_follows_once_it_is_believed(what, bench):
    case = CASES[what]
    watched = Watched(bench, case.tighter)
    watched.look(case.first)
    await case.facts(bench)
    watched.look(2)
    assert [change.level for change in watched.told] == []
    assert bench.gate.state.state == "ACTIVE"
    watched.look(10)
    assert [change.level for change in watched.told] == ["breach"]  # told once
    assert bench.gate.state.state == case.state
    reduces = not case.disabled and case.state != "HALTED"
    assert await bench.send(buy(1), buy(-1)) == [False, reduces]
    reason = "DISABLED" if case.disabled else case.tighter.name
    assert reason.lower() in bench.denials[0].lower()
    # Another strategy's order would not be denied over what one of them did.
    assert set(bench.gate.strategies.closed) == ({"Hand-001"} if case.disabled else set())


@pytest.mark.parametrize("what", [*MEASURED, "stress"])
async def test_what_is_not_known_lets_nothing_increase_at_once(what, bench):
    case = CASES[what]
    watched = Watched(bench, case.limit)
    await case.facts(bench)
    watched.look()
    assert await bench.send(buy(1)) == [True]
    await bench.settle()  # a fill would give a price again
    await case.nan(bench)
    watched.look()
    assert await bench.send(buy(1), buy(-1)) == [False, True]
    assert "cannot be measured" in bench.denials[0]
    await case.facts(bench)
    await bench.quote("100.00", "100.00")
    watched.look()
    assert await bench.send(buy(1)) == [True]  # one bad tick latches nothing


@pytest.mark.parametrize(
    "what", ["drawdown", "drawdown within the day", "loss of a strategy's day"]
)
async def test_what_is_not_known_for_long_is_exceeded(what, bench):
    case = CASES[what]
    watched = Watched(bench, case.limit)
    watched.look()
    await case.nan(bench)
    watched.look(3)
    assert [change.level for change in watched.told] == ["breach"]
    assert await bench.send(buy(1)) == [False]


async def test_nothing_increases_before_the_first_look(bench):
    bench.know(value_at_risk=1.0)
    watched = Watched(bench, MaxValueAtRisk(max_loss=100.0))
    assert await bench.send(buy(1), buy(-1)) == [False, True]
    assert bench.denials == [
        "MAX_VALUE_AT_RISK: what it would be cannot be measured: no look at it found anything yet"
    ]
    watched.look()
    assert await bench.send(buy(1)) == [True]


async def test_what_was_exceeded_holds_back_until_it_is_clear(bench):
    bench.know(value_at_risk=101.0)
    watched = Watched(bench, MaxValueAtRisk(max_loss=100.0), clear_s=0.2)
    watched.look(3)
    bench.know(value_at_risk=50.0)
    watched.look()
    assert await bench.send(buy(1), buy(-1)) == [False, True]
    assert bench.denials == [
        "MAX_VALUE_AT_RISK: it was exceeded, and is not clear yet: 50.00 of 100.00; "
        "it clears below 75 % for 0.2 s"
    ]
    await bench.pass_time(0.3)
    watched.look()
    assert await bench.send(buy(1)) == [True]


async def test_a_symbol_that_is_too_volatile_holds_back_no_other(bench):
    bench.know(volatility={"AAPL": 0.3})
    watched = Watched(bench, MaxVolatility(max_annual=0.2, per="symbol"))
    watched.look(3)
    assert await bench.send(buy(1), buy(1, on=MSFT)) == [False, True]


async def test_a_limit_that_is_alerted_about_holds_back_nothing(bench):
    watched = Watched(bench, MaxPositionUnits(max_units=100, mode="monitor"))
    watched.look(3)
    assert [(change.scope, change.level) for change in watched.told] == [("AAPL.PAPER", "breach")]
    assert await bench.send(buy(1)) == [True]


async def test_a_strategy_that_repeats_itself_is_disabled_until_a_person_enables_it(bench):
    bench.ask(MaxRepeats(most=3, window_s=3_600))
    assert await bench.send(buy(1), buy(2), buy(-1), buy(3)) == [True, True, True, False]
    assert bench.denials[-1] == "MAX_REPEATS: 4.00 is over the limit of 3.00"
    bench.ask()
    assert await bench.send(buy(-1), buy(1)) == [False, False]
    assert bench.denials[-1] == "DISABLED: MAX_REPEATS: 4.00 is over the limit of 3.00"
    bench.gate.strategies.open("Hand-001")
    assert await bench.send(buy(1)) == [True]


# --- what is kept -------------------------------------------------------------------------


def test_who_is_disabled_stays_so_over_a_restart(tmp_path):
    switch = StrategySwitch(tmp_path / "disabled.json")
    assert switch.close("S-1", "why") is True
    assert switch.close("S-1", "again") is False
    again = StrategySwitch(tmp_path / "disabled.json")
    assert again.closed == {"S-1": "why"}
    again.open("S-1")
    assert StrategySwitch(tmp_path / "disabled.json").closed == {}
    with pytest.raises(InputError, match="must be disabled"):
        again.open("S-1")


@pytest.mark.parametrize("text", ["", "[]", '{"S-1": 5}', '{"S-1"'])
@pytest.mark.parametrize("kind", [StrategySwitch, HighWater])
def test_a_file_that_cannot_be_believed_is_refused(tmp_path, kind, text):
    path = tmp_path / "kept.json"
    path.write_text(text)
    with pytest.raises(StoreError, match="must be readable"):
        kind(path)


def test_a_disk_that_refuses_keeps_nobody_from_being_disabled(tmp_path):
    path = tmp_path / "nowhere" / "disabled.json"
    switch = StrategySwitch(path)
    assert switch.close("S-1", "why") is True
    assert switch.closed == {"S-1": "why"}
    with pytest.raises(StoreError):
        switch.open("S-1")
    assert switch.closed == {"S-1": "why"}


def test_the_highest_equity_is_kept_and_one_bad_tick_is_none(tmp_path):
    path = tmp_path / "high.json"
    high = HighWater(path)
    for equity in (100.0, 101.0, 102.0, 1e9, 90.0, math.nan, 103.0, 104.0, 105.0):
        high.observe(equity)
    assert high.equity == 103.0
    assert HighWater(path).equity == 103.0
    with pytest.raises(InputError):
        HighWater(confirmations=0)


async def test_who_accepts_a_strategys_loss_has_it_counted_anew(bench):
    watched = Watched(bench, DailyLoss(max_loss=999, per="strategy"))
    watched.look()
    await lose_a_thousand(bench)
    watched.look(3)
    assert watched.watch.lost_over_limit("Hand-001") == 1_000.0
    assert watched.watch.lost_over_limit("another") is None
    bench.gate.strategies.open("Hand-001")
    watched.watch.accept_day("Hand-001")
    watched.look()
    assert [(row.value, row.level) for row in watched.watch.report()] == [(0.0, "ok")]
    assert await bench.send(buy(1)) == [True]
    # What is lost from there on disables it again, with no time to wait for.
    await bench.quote("90.00", "90.00")
    watched.look(3)
    assert [change.level for change in watched.told] == ["breach", "ok", "breach"]
    assert await bench.send(buy(1)) == [False]


async def test_a_strategy_of_long_ago_has_no_loss_of_today(bench):
    bench.gate.book.set_strategy_cash("Gone-007", -12_345.0)
    watched = Watched(bench, DailyLoss(max_loss=999, per="strategy"))
    watched.look()
    assert [(row.scope, row.value) for row in watched.watch.report()] == [("Hand-001", 0.0)]
