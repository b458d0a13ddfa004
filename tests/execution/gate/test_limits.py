"""Every limit that blocks, at a gate in a backtest and at one in a live node.

Each case has its limit on a bound that a purchase of 100 at 100.00 just reaches.
"""

import math
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nautilus_lab.execution.gate import Proposal, Recent
from nautilus_lab.risk.limits import (
    CATALOGUE,
    DailyLoss,
    EnoughMargin,
    FreshQuote,
    Limit,
    MaxClockSkew,
    MaxConcentration,
    MaxDaysToLiquidate,
    MaxGrossExposure,
    MaxHerfindahl,
    MaxInstruments,
    MaxLeverage,
    MaxMessageRate,
    MaxNetExposure,
    MaxOrderNotional,
    MaxOrderQuantity,
    MaxParticipation,
    MaxPositionNotional,
    MaxPositionUnits,
    MaxRepeats,
    MaxSourceGap,
    MaxVenues,
    NoDuplicate,
    NoSelfTrade,
    PriceCollar,
    Restricted,
    SessionHours,
)
from tests.execution.gate.benches import MSFT, BacktestBench, LiveBench
from tests.execution.gate.stand import CASH

pytestmark = pytest.mark.timeout(120)

BENCHES = {"backtest": BacktestBench, "live": LiveBench}
HOUR = timedelta(hours=1)


def buy(units, **more):
    return lambda s: s.market(units, **more)


def limit(units, price):
    return lambda s: s.limit(units, price)


async def nothing(bench):
    """Leave the gate as it is."""


async def no_price(bench):
    """A quote that cannot be values nothing."""
    await bench.quote("0.00", "100.00")


async def no_measures(bench):
    bench.blind()


async def volumes(bench):
    bench.know(volume={"AAPL": 1_000.0})


async def another_price(bench):
    bench.know(price={"AAPL": 80.0})


async def no_cash(bench):
    bench.gate.book.set_cash("PAPER", math.nan)


async def no_day(bench):
    bench.gate.book.day_start_equity = math.nan


async def ten_thousand(bench):
    bench.gate.book.set_cash("PAPER", 10_000.0)


async def lost_count(bench):
    """A book that does not know what it holds."""
    await bench.fill(1)
    for strategy in (None, "Hand-001"):
        bench.gate.book.line("AAPL.PAPER", strategy).filled = math.nan


async def lost_count_of_instruments(bench):
    await bench.fill(1)
    bench.gate.book.total.count = bench.gate.book.sums_of("Hand-001").count = math.nan


async def ninety(bench):
    await bench.quote("90.00", "90.00")


async def bid(bench):
    """Rest an order near enough for a sale at the market to reach it."""
    assert await bench.send(limit(1, "99.95")) == [True]


async def lost_a_thousand(bench):
    await bench.fill(100)
    await bench.quote("90.00", "90.00")


def patched(kind, name, value):
    """A fact that no venue makes NaN, as if it were."""

    async def patch(bench, monkeypatch):
        monkeypatch.setattr(kind, name, value)

    return patch


def session(opens, closes):
    def make(bench):
        now = datetime.fromtimestamp(bench.now_ns / 1e9, UTC)
        return SessionHours(
            opens=f"{now + opens:%H:%M}", closes=f"{now + closes:%H:%M}", days=tuple(range(7))
        )

    return make


@dataclass(kw_only=True)
class Case:
    """How a limit is reached, broken, blinded, and reduced under.

    `at` are the orders of which all pass, `over` those of which the last does not; `limit` is held
    for the former, `tighter` for the latter where one order cannot tell them apart. `nan` makes
    what is measured unknown. `reducing` are orders that only reduce 200 AAPL that were held before
    the limit was; `reduce_under` is what they are held against after `arrange_reducing`.
    """

    limit: Any
    at: tuple[Callable, ...] = (buy(100),)
    over: tuple[Callable, ...] = (buy(101),)
    tighter: Any = None
    arrange: Callable = nothing
    nan: Callable = no_price
    reducing: tuple[Callable, ...] = (buy(-50),)
    reduce_under: Any = None
    arrange_reducing: Callable = nothing


ONE = (buy(1),)

CASES = {
    "order quantity": Case(
        limit=MaxOrderQuantity(max_units=100),
        nan=patched(Proposal, "units", property(lambda self: math.nan)),
        reducing=(buy(-101),),
    ),
    "order notional": Case(limit=MaxOrderNotional(max_notional=10_000), reducing=(buy(-101),)),
    "price collar": Case(
        limit=PriceCollar(bps=100),
        at=(limit(1, "101.00"), limit(-1, "99.00")),
        over=(limit(1, "101.01"),),
        reducing=(limit(-10, "98.99"),),
    ),
    "price collar of a fresh quote": Case(
        limit=PriceCollar(bps=100, max_age_s=1_000),
        at=ONE,
        tighter=PriceCollar(bps=100, max_age_s=1e-9),
        over=ONE,
        nan=patched(Proposal, "quote_ns", None),
        reduce_under=PriceCollar(bps=100, max_age_s=1e-9),
    ),
    "message rate": Case(
        limit=MaxMessageRate(per_second=2),
        at=ONE * 2,
        over=ONE * 3,
        nan=patched(Recent, "rates", lambda *args, **kwargs: (math.nan, math.nan)),
        reducing=(buy(-1), buy(-2), buy(-3)),
        reduce_under=MaxMessageRate(per_minute=3),
    ),
    "message rate of a minute": Case(
        limit=MaxMessageRate(per_minute=3, cancels=True, reserved=1, per="strategy"),
        at=ONE * 2,
        over=ONE * 3,
        nan=patched(Recent, "rates", lambda *args, **kwargs: (math.nan, math.nan)),
        reducing=(buy(-1), buy(-2), buy(-3)),
        reduce_under=MaxMessageRate(per_minute=4, reserved=1, per="strategy"),
    ),
    "repeats": Case(
        limit=MaxRepeats(most=2, window_s=60),
        at=(buy(1), buy(2)),
        over=(buy(1), buy(2), buy(3)),
        nan=patched(Recent, "applied_within", lambda *args: math.nan),
        reducing=(buy(-1), buy(-2), buy(-3)),
    ),
    "duplicate": Case(
        limit=NoDuplicate(window_s=60),
        at=(buy(1), buy(2)),
        over=(buy(1), buy(1)),
        nan=patched(Recent, "alike_within", lambda *args: math.nan),
        reducing=(buy(-1), buy(-1)),
    ),
    "position units": Case(
        limit=MaxPositionUnits(max_units=100),
        nan=lost_count,
        reduce_under=MaxPositionUnits(max_units=0),
    ),
    "position units of a strategy": Case(
        limit=MaxPositionUnits(max_units=100, per="strategy"),
        nan=lost_count,
        reduce_under=MaxPositionUnits(max_units=0, per="strategy"),
    ),
    "position notional": Case(
        limit=MaxPositionNotional(max_notional=10_000),
        reduce_under=MaxPositionNotional(max_notional=0),
    ),
    "position notional of a symbol": Case(
        limit=MaxPositionNotional(max_notional=10_000, per="symbol"),
        reduce_under=MaxPositionNotional(max_notional=0, per="symbol"),
    ),
    "gross exposure": Case(
        limit=MaxGrossExposure(max_notional=10_000),
        reduce_under=MaxGrossExposure(max_notional=0),
    ),
    "gross exposure of equity": Case(
        limit=MaxGrossExposure(max_fraction=0.001),
        nan=no_cash,
        reduce_under=MaxGrossExposure(max_fraction=0.0),
    ),
    "gross exposure of a strategy": Case(
        limit=MaxGrossExposure(max_notional=10_000, per="strategy"),
        reduce_under=MaxGrossExposure(max_notional=0, per="strategy"),
    ),
    "net exposure": Case(
        limit=MaxNetExposure(max_notional=10_000, per="firm"),
        reduce_under=MaxNetExposure(max_notional=0, per="firm"),
    ),
    "net exposure by beta": Case(
        limit=MaxNetExposure(max_notional=20_000, betas={"AAPL": 2.0, "MSFT": 1.0}),
        reduce_under=MaxNetExposure(max_notional=0, betas={"AAPL": 2.0, "MSFT": 1.0}),
    ),
    "net exposure of a strategy": Case(
        limit=MaxNetExposure(max_fraction=0.001, per="strategy"),
        reduce_under=MaxNetExposure(max_fraction=0.0, per="strategy"),
    ),
    "leverage": Case(
        limit=MaxLeverage(max_times=0.001), nan=no_cash, reduce_under=MaxLeverage(max_times=0)
    ),
    "concentration": Case(
        limit=MaxConcentration(max_fraction=0.001),
        reduce_under=MaxConcentration(max_fraction=0),
    ),
    "concentration of a group": Case(
        limit=MaxConcentration(max_fraction=0.001, groups={"AAPL": "tech", "MSFT": "tech"}),
        over=(buy(51, on=MSFT), buy(50)),
        reduce_under=MaxConcentration(max_fraction=0, groups={"AAPL": "tech"}),
    ),
    "herfindahl": Case(
        limit=MaxHerfindahl(max_index=1e-6), reduce_under=MaxHerfindahl(max_index=0)
    ),
    "margin": Case(
        limit=EnoughMargin(),
        arrange=ten_thousand,
        nan=no_cash,
        reduce_under=EnoughMargin(max_used=1e-9),
    ),
    "participation": Case(
        limit=MaxParticipation(max_fraction=0.1),
        arrange=volumes,
        nan=no_measures,
        reducing=(buy(-101),),
    ),
    "days to liquidate": Case(
        limit=MaxDaysToLiquidate(max_days=1, participation=0.1),
        arrange=volumes,
        nan=no_measures,
        reduce_under=MaxDaysToLiquidate(max_days=0),
    ),
    "restricted": Case(
        limit=Restricted(names={"MSFT.PAPER"}),
        at=ONE,
        over=(buy(1, on=MSFT),),
        nan=patched(Restricted, "judge", lambda *args: 1 / 0),
        reduce_under=Restricted(names={"MSFT"}, only=True),
    ),
    "session": Case(
        limit=session(-HOUR, HOUR),
        at=ONE,
        tighter=session(HOUR, 2 * HOUR),
        over=ONE,
        nan=patched(SessionHours, "is_open", lambda self, now_ns: 1 / 0),
        reduce_under=session(HOUR, 2 * HOUR),
    ),
    "instruments": Case(
        limit=MaxInstruments(most=1),
        over=(buy(1), buy(1, on=MSFT)),
        nan=lost_count_of_instruments,
        reduce_under=MaxInstruments(most=0),
    ),
    "instruments of a strategy": Case(
        limit=MaxInstruments(most=1, per="strategy"),
        over=(buy(1), buy(1, on=MSFT)),
        nan=lost_count_of_instruments,
        reduce_under=MaxInstruments(most=0, per="strategy"),
    ),
    "venues": Case(
        limit=MaxVenues(most=1),
        at=ONE,
        tighter=MaxVenues(most=0),
        over=ONE,
        nan=patched(MaxVenues, "judge", lambda *args: 1 / 0),
        reduce_under=MaxVenues(most=0),
    ),
    "quote age": Case(
        limit=FreshQuote(max_age_s=1_000),
        at=ONE,
        tighter=FreshQuote(max_age_s=0),
        over=ONE,
        nan=patched(Proposal, "quote_ns", None),
        reduce_under=FreshQuote(max_age_s=0),
    ),
    "gap between sources": Case(
        limit=MaxSourceGap(bps=2_500),
        at=ONE,
        tighter=MaxSourceGap(bps=2_499.999),
        over=ONE,
        arrange=another_price,
        nan=no_measures,
        reduce_under=MaxSourceGap(bps=2_499.999),
    ),
    "clock skew": Case(
        limit=MaxClockSkew(max_skew_s=30),
        at=ONE,
        tighter=MaxClockSkew(max_skew_s=10),
        over=ONE,
        arrange=lambda bench: bench.quote("100.00", "100.00", early_s=30.0),
        nan=patched(Proposal, "quote_ns", None),
        reduce_under=MaxClockSkew(max_skew_s=10),
    ),
    "self trade": Case(
        limit=NoSelfTrade(reach_bps=0),
        at=(limit(-1, "100.50"), limit(1, "100.49")),
        over=(limit(-1, "100.50"), limit(1, "100.50")),
        nan=patched(NoSelfTrade, "judge", lambda *args: 1 / 0),
        arrange_reducing=bid,
        reduce_under=NoSelfTrade(reducing="cancel_newest"),
    ),
    "loss of the day": Case(
        limit=DailyLoss(max_loss=1_000),
        at=ONE,
        tighter=DailyLoss(max_loss=999.99),
        over=ONE,
        arrange=lost_a_thousand,
        nan=no_day,
        reduce_under=DailyLoss(max_loss=0),
        arrange_reducing=ninety,
    ),
}


@pytest.fixture(params=BENCHES)
async def bench(request):
    # Nautilus takes the signals, and the pool in which the loop's calls are made.
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)}
    async with BENCHES[request.param]() as bench:
        yield bench
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def made(limit, bench) -> Limit:
    return limit if isinstance(limit, Limit) else limit(bench)


def test_every_limit_that_blocks_has_a_case():
    blocking = {name for name, kind in CATALOGUE.items() if kind.modes[0] != "monitor"}
    tested = {"session_hours"} | {
        c.limit.name for c in CASES.values() if isinstance(c.limit, Limit)
    }
    assert tested == blocking


async def test_on_its_bound_an_order_passes(case, bench):
    await case.arrange(bench)
    bench.ask(made(case.limit, bench))
    assert await bench.send(*case.at) == [True] * len(case.at)
    assert bench.denials == []


async def test_over_its_bound_an_order_is_blocked(case, bench):
    await case.arrange(bench)
    limit = made(case.tighter or case.limit, bench)
    bench.ask(limit)
    passed = await bench.send(*case.over)
    assert passed == [True] * (len(case.over) - 1) + [False]
    assert bench.denials[-1].startswith(f"{limit.name.upper()}: ")
    said = ("is over the limit", "cannot be measured", "it would trade with")
    assert any(words in bench.denials[-1] for words in said)


async def test_what_is_not_known_blocks(case, bench, monkeypatch):
    await case.arrange(bench)
    bench.ask(made(case.limit, bench))
    if case.nan.__code__.co_argcount == 2:
        await case.nan(bench, monkeypatch)
    else:
        await case.nan(bench)
    assert await bench.send(*case.at[-1:]) == [False]
    assert "cannot be measured" in bench.denials[-1] or "GATE_FAILED" in bench.denials[-1]


async def test_what_only_reduces_skips_limits_of_exposure_and_no_others(case, bench):
    await bench.fill(200)
    if case.arrange is not lost_a_thousand:
        await case.arrange(bench)
    await case.arrange_reducing(bench)
    limit = made(case.reduce_under or case.limit, bench)
    bench.ask(limit)
    skips = limit.exposure or getattr(limit, "per", "") == "strategy"
    if isinstance(limit, MaxMessageRate | MaxRepeats | NoDuplicate):
        skips = False
    passed = await bench.send(*case.reducing)
    assert passed == [True] * (len(case.reducing) - 1) + [skips]
    if skips:
        # The same limit does not let anything open.
        assert await bench.send(buy(1)) == [False]


def test_cash_of_both_benches_is_the_same():
    assert CASH == 10_000_000
