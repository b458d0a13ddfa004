"""Limits that are looked at: on the bound they hold, over it and unmeasured they do not."""

import math

import pytest

from nautilus_lab.risk.limits import (
    CATALOGUE,
    Counts,
    DailyLoss,
    EnoughMargin,
    FreshQuote,
    Holdings,
    LimitBook,
    MaxConcentration,
    MaxCorrelation,
    MaxDaysToLiquidate,
    MaxDrawdown,
    MaxExpectedShortfall,
    MaxGreek,
    MaxGrossExposure,
    MaxHerfindahl,
    MaxInstruments,
    MaxLeverage,
    MaxNetExposure,
    MaxOrderToTrade,
    MaxPositionNotional,
    MaxPositionUnits,
    MaxRejects,
    MaxSourceGap,
    MaxStressLoss,
    MaxValueAtRisk,
    MaxVenues,
    MaxVolatility,
    Measures,
    Position,
)

NAN = math.nan
SECOND = 1_000_000_000
NOW = 1_000 * SECOND


def position(symbol="AAPL", units=100.0, price=100.0, **more):
    more = {"venue": "PAPER", "quote_ns": NOW, **more}
    instrument = f"{symbol}.{more['venue']}"
    return Position(instrument=instrument, symbol=symbol, units=units, price=price, **more)


def holdings(*positions, equity=10_000.0, **more):
    """A hundred AAPL at 100, worth the whole account, where nothing else is said."""
    positions = positions or (position(),)
    more.setdefault("shares", tuple(position(strategy="S-1") for _ in range(1)))
    return Holdings(
        positions=positions,
        equity={"account": equity},
        venue_equity={"PAPER": equity},
        now_ns=NOW,
        **more,
    )


def measured(**values):
    return holdings(measures=Measures.at(NOW, **values))


def counts(**did):
    return holdings(counts={("S-1", 300.0): Counts(**did)})


UNPRICED = holdings(position(price=NAN), shares=(position(price=NAN, strategy="S-1"),))
POOR = holdings(equity=NAN)
NOTHING = holdings()

# what -> limit on the bound of what is held, a tighter one, the holdings, and what is not known
CASES = {
    "units": (MaxPositionUnits(max_units=100), MaxPositionUnits(max_units=99.9), NOTHING,
              holdings(position(units=NAN))),
    "units of a strategy": (MaxPositionUnits(max_units=100, per="strategy"),
                            MaxPositionUnits(max_units=99, per="strategy"), NOTHING,
                            holdings(shares=(position(units=NAN, strategy="S-1"),))),
    "notional": (MaxPositionNotional(max_notional=10_000), MaxPositionNotional(max_notional=9_999),
                 NOTHING, UNPRICED),
    "gross": (MaxGrossExposure(max_fraction=1), MaxGrossExposure(max_fraction=0.999), NOTHING,
              POOR),
    "gross of a strategy": (MaxGrossExposure(max_notional=10_000, per="strategy"),
                            MaxGrossExposure(max_notional=9_999, per="strategy"), NOTHING,
                            UNPRICED),
    "net": (MaxNetExposure(max_notional=10_000), MaxNetExposure(max_notional=9_999), NOTHING,
            UNPRICED),
    "net by beta": (MaxNetExposure(max_notional=15_000, betas={"AAPL": 1.5}),
                    MaxNetExposure(max_notional=14_999, betas={"AAPL": 1.5}), NOTHING,
                    holdings(position("MSFT"))),
    "leverage": (MaxLeverage(max_times=1), MaxLeverage(max_times=0.99), NOTHING, POOR),
    "concentration": (MaxConcentration(max_fraction=1), MaxConcentration(max_fraction=0.99),
                      NOTHING, UNPRICED),
    "concentration of a group": (
        MaxConcentration(max_fraction=1, groups={"AAPL": "tech"}),
        MaxConcentration(max_fraction=0.99, groups={"AAPL": "tech"}),
        NOTHING,
        holdings(position("MSFT")),
    ),
    "herfindahl": (MaxHerfindahl(max_index=1), MaxHerfindahl(max_index=0.99), NOTHING, POOR),
    "margin": (EnoughMargin(), EnoughMargin(max_used=0.99), NOTHING,
               Holdings(positions=(position(),), equity={"account": 1e9})),
    "loss of the day": (DailyLoss(max_loss=500), DailyLoss(max_loss=499),
                        holdings(day_start_equity=10_500.0), NOTHING),
    "loss of a strategy's day": (
        DailyLoss(max_loss=500, per="strategy"), DailyLoss(max_loss=499, per="strategy"),
        holdings(strategy_day_loss={"S-1": 500.0}), holdings(strategy_day_loss={"S-1": NAN}),
    ),
    "drawdown": (MaxDrawdown(max_fraction=0.5), MaxDrawdown(max_fraction=0.499),
                 holdings(high_water=20_000.0), NOTHING),
    "drawdown of a window": (
        MaxDrawdown(max_fraction=0.5, window_days=20),
        MaxDrawdown(max_fraction=0.499, window_days=20),
        holdings(highs={20: 20_000.0}, high_water=90_000.0),
        holdings(highs={20: NAN, 1: 1.0}, high_water=1.0),
    ),
    "value at risk": (MaxValueAtRisk(max_fraction=0.1), MaxValueAtRisk(max_loss=999),
                      measured(value_at_risk=1_000), NOTHING),
    "expected shortfall": (MaxExpectedShortfall(max_loss=1_000), MaxExpectedShortfall(max_loss=999),
                           measured(expected_shortfall=1_000), NOTHING),
    "stressed shortfall": (MaxExpectedShortfall(max_loss=1_000, stressed=True),
                           MaxExpectedShortfall(max_loss=999, stressed=True),
                           measured(stressed_expected_shortfall=1_000),
                           measured(expected_shortfall=1)),
    "volatility": (MaxVolatility(max_annual=0.2), MaxVolatility(max_annual=0.199),
                   measured(volatility=0.2), measured(volatility=NAN)),
    "volatility of a symbol": (MaxVolatility(max_annual=0.2, per="symbol"),
                               MaxVolatility(max_annual=0.199, per="symbol"),
                               measured(volatility={"AAPL": 0.2}), measured(volatility=0.1)),
    "greek": (MaxGreek(greek="dv01", most=50), MaxGreek(greek="dv01", most=49),
              measured(dv01=-50), measured(delta=1)),
    "correlation": (MaxCorrelation(max_average=0.5), MaxCorrelation(max_average=0.49),
                    measured(correlation=0.5), NOTHING),
    "days to liquidate": (MaxDaysToLiquidate(max_days=1), MaxDaysToLiquidate(max_days=0.99),
                          measured(volume={"AAPL": 1_000}), measured(volume={"AAPL": 0})),
    "instruments": (MaxInstruments(most=1), MaxInstruments(most=0), NOTHING, None),
    "venues": (MaxVenues(most=1), MaxVenues(most=0), NOTHING, None),
    "quote age": (FreshQuote(max_age_s=5, mode="both"), FreshQuote(max_age_s=4.9, mode="both"),
                  holdings(position(quote_ns=NOW - 5 * SECOND)), holdings(position(quote_ns=None))),
    "source gap": (MaxSourceGap(bps=2_500, mode="both"), MaxSourceGap(bps=2_499, mode="both"),
                   measured(price={"AAPL": 80.0}), NOTHING),
    "stress": (MaxStressLoss(scenarios={"crash": {"*": -0.25}}, max_loss=2_500),
               MaxStressLoss(scenarios={"crash": {"*": -0.25}}, max_loss=2_499), NOTHING,
               UNPRICED),
    "order to trade": (MaxOrderToTrade(max_ratio=10), MaxOrderToTrade(max_ratio=9.9),
                       counts(messages=100, fills=10), counts(messages=NAN, fills=1)),
    "rejects": (MaxRejects(max_fraction=0.1), MaxRejects(max_fraction=0.09),
                counts(orders=100, rejects=10), counts(orders=NAN, rejects=1)),
}  # fmt: skip


def verdicts(limit, held):
    return [found.passed for found in limit.look(held)]


def test_every_limit_that_can_be_monitored_has_a_case():
    tested = {limit.name for limit, *_ in CASES.values()}
    assert tested == {name for name, kind in CATALOGUE.items() if kind.modes != ("block",)}


@pytest.mark.parametrize("what", CASES)
def test_on_its_bound_it_holds(what):
    limit, _, held, _ = CASES[what]
    assert verdicts(limit, held) == [True]


@pytest.mark.parametrize("what", CASES)
def test_over_its_bound_it_does_not(what):
    _, tighter, held, _ = CASES[what]
    assert verdicts(tighter, held) == [False]


@pytest.mark.parametrize("what", [what for what, case in CASES.items() if case[3] is not None])
def test_what_is_not_known_is_over_it(what):
    limit, _, _, unknown = CASES[what]
    found = list(limit.look(unknown))
    assert [one.passed for one in found] == [False]
    (row,) = LimitBook([limit]).look(unknown)
    assert (row.level, row.reason) == ("breach", found[0].reason or "it cannot be measured")
    assert bool(found[0].reason) == bool(limit.needs - {"price:*"})  # a measure says why


def test_what_a_measure_lacks_is_in_the_denial():
    stale = holdings(measures=Measures.at(NOW - 90 * SECOND, value_at_risk=1.0))
    (found,) = MaxValueAtRisk(max_loss=10, max_age_s=60).look(stale)
    assert str(found).endswith("the measure value_at_risk is 90 s old, and may be 60 s")
    told = Measures(missing={"value_at_risk": "40% has no history: NEWCO.PAPER"})
    (found,) = MaxValueAtRisk(max_loss=10).look(holdings(measures=told))
    assert str(found).endswith("no measure value_at_risk: 40% has no history: NEWCO.PAPER")


def test_of_two_measures_the_later_one_is_taken():
    older = Measures.at(1, value_at_risk=1.0, volume={"AAPL": 5.0})
    newer = Measures.at(2, value_at_risk=2.0)
    both = older.latest(newer), newer.latest(older)
    assert [one.values["value_at_risk"].value for one in both] == [2.0, 2.0]
    assert [one.values["volume:AAPL"].value for one in both] == [5.0, 5.0]


def test_a_book_knows_what_measures_it_needs():
    book = LimitBook(
        [
            MaxValueAtRisk(max_loss=1),
            MaxVolatility(max_annual=1, per="symbol"),
            MaxLeverage(max_times=1),
        ]
    )
    assert book.needs == {"value_at_risk", "volatility:*"}


@pytest.mark.parametrize("what", CASES)
def test_a_flat_book_is_within_it_or_says_that_it_cannot_be_measured(what):
    limit, *_ = CASES[what]
    flat = Holdings(positions=(), equity={"account": 1.0}, now_ns=NOW, high_water=1.0,
                    highs={20: 1.0}, day_start_equity=1.0)  # fmt: skip
    found = list(limit.look(flat))
    needs = {"max_value_at_risk", "max_expected_shortfall", "max_greek", "max_correlation"}
    blind = limit.name in needs or (limit.name, getattr(limit, "per", "")) == (
        "max_volatility",
        "account",
    )
    if what != "margin":  # there is no venue to have any
        assert found
    assert all(one.passed is not blind for one in found)


def test_what_works_counts_as_if_it_had_filled():
    working = holdings(position(units=-50.0, buys=250.0, sells=100.0))
    assert [f.value for f in MaxPositionUnits(max_units=1).look(working)] == [200.0]
    assert [f.value for f in MaxGrossExposure(max_notional=1).look(working)] == [20_000.0]
    assert [f.value for f in MaxNetExposure(max_notional=1).look(working)] == [20_000.0]


def test_longs_and_shorts_add_up_in_gross_and_cancel_in_net():
    both = holdings(position(), position("MSFT", units=-60.0))
    assert [f.value for f in MaxGrossExposure(max_notional=1).look(both)] == [16_000.0]
    assert [f.value for f in MaxNetExposure(max_notional=1).look(both)] == [4_000.0]
    by_beta = MaxNetExposure(max_notional=1, betas={"AAPL": 1.0, "MSFT": 2.0})
    assert [f.value for f in by_beta.look(both)] == [2_000.0]


def test_an_account_without_equity_is_over_any_leverage():
    for equity in (0.0, -5.0):
        (found,) = MaxLeverage(max_times=1e9).look(holdings(equity=equity))
        assert (found.value, found.passed) == (math.inf, False)
        (found,) = MaxGrossExposure(max_fraction=1e9).look(holdings(equity=equity))
        assert (found.bound, found.passed) == (0.0, False)


def test_each_scenario_is_named_and_a_symbol_without_a_shock_is_not_known():
    limit = MaxStressLoss(
        scenarios={"crash": {"*": -0.2}, "squeeze": {"MSFT": 0.5, "*": 0.0}, "odd": {"MSFT": 0.1}},
        max_loss=3_000,
    )
    held = holdings(position(), position("MSFT", units=-60.0))
    found = {f.scope: (f.value, f.passed) for f in limit.look(held)}
    assert found["firm:crash"] == (800.0, True)
    assert found["firm:squeeze"] == (3_000.0, True)
    assert math.isnan(found["firm:odd"][0])
    assert found["firm:odd"][1] is False


def test_a_ratio_says_nothing_before_there_was_enough_to_judge():
    few = counts(messages=19, orders=19, rejects=19)
    assert verdicts(MaxOrderToTrade(max_ratio=1), few) == [True]
    assert verdicts(MaxRejects(max_fraction=0.01), few) == [True]


def test_measures_that_are_too_old_or_not_yet_true_are_not_known():
    limit = MaxValueAtRisk(max_loss=1e9, max_age_s=60)
    for at, passed in ((NOW - 60 * SECOND, True), (NOW - 61 * SECOND, False), (NOW + 1, False)):
        held = holdings(measures=Measures.at(at, value_at_risk=1.0))
        assert verdicts(limit, held) == [passed]


def test_accounts_are_held_against_their_own_equity_and_the_firm_against_all():
    held = Holdings(
        positions=(position(account="one"), position(account="two", units=300.0)),
        equity={"one": 10_000.0, "two": 20_000.0},
        now_ns=NOW,
    )
    assert [(f.scope, f.value) for f in MaxLeverage(max_times=1).look(held)] == [
        ("one", 1.0),
        ("two", 1.5),
    ]
    (firm,) = MaxLeverage(max_times=1, per="firm").look(held)
    assert (firm.scope, firm.value) == ("firm", pytest.approx(4 / 3))


def test_instruments_and_strategies_that_are_not_named_are_not_looked_at():
    held = holdings(position(), position("MSFT", units=500.0))
    named = MaxPositionUnits(max_units=100, instruments={"AAPL"})
    assert [(f.scope, f.passed) for f in named.look(held)] == [("AAPL.PAPER", True)]
    mine = MaxPositionUnits(max_units=1, per="strategy", strategies={"S-2"})
    assert [(f.scope, f.passed) for f in mine.look(held)] == [("positions", True)]
