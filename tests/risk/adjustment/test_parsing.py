"""Dynamic limits from settings: the same values, or a message that names the key."""

import json
import math
from dataclasses import dataclass, replace

import pytest

from nautilus_lab.exceptions import BadData, ConfigError, InputError
from nautilus_lab.risk import volatility_regimes
from nautilus_lab.risk.adjustment import (
    AdjustmentBounds,
    BreachProbabilityRule,
    DrawdownRule,
    DynamicLimit,
    RegimeRule,
    Tightest,
    VolatilityRule,
    book_of,
    dynamic_of,
    rule_of,
)
from nautilus_lab.risk.limits import (
    LimitBook,
    MaxGrossExposure,
    MaxLeverage,
    MaxOrderNotional,
    Measures,
    regime_of,
)

GROSS = MaxGrossExposure(max_fraction=1.5)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"rule": "volatility", "target": 0.15}, VolatilityRule(target=0.15)),
        ({"rule": "drawdown", "begin": 0.05, "end": 0.1}, DrawdownRule(begin=0.05, end=0.1)),
        ({"rule": "regime", "factors": {"calm": 1}}, RegimeRule(factors={"calm": 1})),
        (
            {"rule": "breach_probability", "forecast": "max_leverage"},
            BreachProbabilityRule(forecast="max_leverage"),
        ),
    ],
)
def test_plain_values_make_the_rule_they_name(given, rule):
    assert rule_of(given) == rule
    assert dynamic_of(GROSS, {"rules": [given]}) == DynamicLimit(limit=GROSS, rule=rule)


def test_several_rules_are_the_tightest_of_them():
    found = dynamic_of(
        GROSS,
        {
            "rules": [{"rule": "volatility", "target": 0.15}, {"rule": "drawdown", "end": 0.2}],
            "floor": 0.5,
            "ceiling": 1.2,
            "key": "gross",
        },
    )
    assert found == DynamicLimit(
        limit=GROSS,
        rule=Tightest((VolatilityRule(target=0.15), DrawdownRule(end=0.2))),
        bounds=AdjustmentBounds(floor=0.5, ceiling=1.2),
        key="gross",
    )


@pytest.mark.parametrize(
    ("limit", "given", "message"),
    [
        (GROSS, {}, "rules"),
        (GROSS, {"rules": "volatility"}, "rules"),
        (GROSS, {"rules": [{"rule": "vol"}]}, "volatility"),
        (GROSS, {"rules": [{"rule": "volatility"}]}, "target"),
        (GROSS, {"rules": [{"rule": "volatility", "aim": 1}]}, "aim"),
        (GROSS, {"rules": [{"rule": "volatility", "target": "x"}]}, "the rule volatility"),
        (GROSS, {"rules": [{"rule": "volatility", "target": math.nan}]}, "positive"),
        (GROSS, {"rules": [{"rule": "regime", "factors": [1]}]}, "the rule regime"),
        (GROSS, {"rules": [{"rule": "regime"}], "ground": 0.5}, "ground"),
        (GROSS, {"rules": [{"rule": "regime"}], "floor": 0}, "floor"),
        (GROSS, "volatility", "table"),
        (GROSS, {"rule": "regime", "key": 5}, "key"),
        (GROSS, {"rule": "volatility", "target": 0.1, "aim": 1}, "aim"),
        (GROSS, {"rule": "regime", "rules": [{"rule": "regime"}]}, "rule is no parameter"),
        (GROSS, {"rule": "regime", "max_loosening_s": 86_401}, "session"),
        (MaxOrderNotional(max_notional=1), {"rules": [{"rule": "regime"}]}, "max_order_notional"),
    ],
)
def test_what_is_no_setting_is_refused_by_name(limit, given, message):
    with pytest.raises(ConfigError, match=message):
        dynamic_of(limit, given)


def test_one_rule_stands_among_its_bounds():
    assert dynamic_of(GROSS, {"rule": "volatility", "target": 0.15, "floor": 0.5}) == DynamicLimit(
        limit=GROSS, rule=VolatilityRule(target=0.15), bounds=AdjustmentBounds(floor=0.5)
    )


BOOK = [
    {"limit": "max_leverage", "max_times": 3.0},
    {
        "limit": "max_gross_exposure",
        "max_fraction": 1.5,
        "adjust": {"rule": "drawdown", "end": 0.2, "begin": 0.1, "floor": 0.5, "ceiling": 1.2},
    },
    {
        "limit": "max_leverage",
        "max_times": 2.0,
        "adjust": {
            "rules": [
                {"rule": "volatility", "target": 0.15, "max_age_s": 60},
                {"rule": "regime", "factors": {"calm": 1, "wild": 0.25}},
                {"rule": "breach_probability", "forecast": "max_leverage", "end": 0.9},
            ],
            "key": "second",
        },
    },
]


def test_a_book_with_rules_says_what_makes_the_same_one():
    book = book_of(BOOK)
    assert [limit.name for limit in book] == ["max_leverage", "max_gross_exposure", "max_leverage"]
    assert [one.key for one in book.dynamic] == ["max_gross_exposure", "second"]
    assert book_of(json.loads(json.dumps(book.settings))) == book
    assert book_of((book + LimitBook()).settings) == book


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([{"limit": "max_leverage", "max_times": 2, "adjusts": {}}], "adjusts is no parameter"),
        ([{"limit": "max_leverage", "max_times": 2, "adjust": {}}], "rules"),
        ([BOOK[1], BOOK[1]], "keys of their own"),
        ([{"limit": "max_daily_loss", "max_loss": 1, "adjust": {"rule": "regime"}}], "exposure"),
    ],
)
def test_a_book_whose_rule_can_be_none_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        book_of(given)


def test_a_rule_says_which_measures_it_reads():
    assert [one.needs for one in book_of(BOOK).dynamic] == [frozenset(), {"volatility"}]
    rule = VolatilityRule(target=0.2, signal="volatility:KO")
    assert DynamicLimit(limit=GROSS, rule=rule).needs == {"volatility:KO"}


def test_a_rule_of_somebody_elses_has_no_settings():
    class Own:
        may_loosen = True

    book = LimitBook([GROSS], dynamic=[DynamicLimit(limit=GROSS, rule=Own())])
    with pytest.raises(InputError, match="a rule in settings"):
        book.settings  # noqa: B018


def test_frames_are_held_against_what_the_rules_allow_at_once():
    book = book_of(BOOK[1:])
    measures = Measures.at(10, volatility=0.3, regime="calm")
    found = book.evaluate(
        {"KO": 10}, {"KO": 50.0}, equity=850.0, high_water=1_000.0, measures=measures, now_ns=20
    )
    rows = {row.key: (row.limit_value, row.part, row.level) for row in found}
    assert rows == {
        # half of the way from 10 % to 20 %
        "max_gross_exposure": (pytest.approx(1.5 * 850 * 0.5), 0.5, "ok"),
        # it reads a forecast, of which frames have none: to its floor
        "second": (0.5, 0.25, "breach"),
    }


@pytest.mark.parametrize("equity", [math.nan, math.inf, -math.inf])
def test_over_frames_an_equity_that_is_not_known_leads_to_the_floor(equity):
    book = book_of([{**BOOK[1], "max_fraction": None, "max_notional": 1000.0}])
    (row,) = book.evaluate({"KO": 1}, {"KO": 50.0}, equity=equity, high_water=1_000.0)
    assert (row.part, row.limit_value) == (0.5, 500.0)


def test_a_measured_regime_is_needed_and_one_that_is_told_is_not():
    rules = [{"rule": "regime"}, {"rule": "regime", "signal": "measured_regime:SP500"}]
    book = book_of([{"limit": "max_leverage", "max_times": 2, "adjust": {"rules": rules}}])
    assert book.needs == {"measured_regime:SP500"}


def test_the_regime_of_returns_is_a_measure_for_frames_and_backtests(sp500):
    returns = sp500["SP500"]
    measures = regime_of(returns) | regime_of(returns, of="SP500", as_of_ns=5)
    found = volatility_regimes(returns)
    last = returns.index[-1].as_unit("ns").value
    assert {name: (one.value, one.as_of_ns) for name, one in measures.values.items()} == {
        "measured_regime": (found.current, last),
        "volatility_rank": (found.rank.iloc[-1], last),
        "measured_regime:SP500": (found.current, 5),
        "volatility_rank:SP500": (found.rank.iloc[-1], 5),
    }
    with pytest.raises(BadData):
        regime_of(returns.mask(returns.index == returns.index[-1]))


def test_a_regime_is_a_word_and_nothing_else_is():
    with pytest.raises(InputError, match="regime"):
        Measures.at(0, regime=1.0)
    with pytest.raises(InputError, match="volatility"):
        Measures.at(0, volatility="high")
    assert math.isnan(Measures.at(0, regime="calm").get("regime", now_ns=0, max_age_s=1))


@dataclass(frozen=True, kw_only=True, repr=False)
class Instead(MaxGrossExposure):
    """Stands in for a limit, as one that is shared out does."""

    limit: MaxGrossExposure


def test_what_stands_in_for_a_limit_is_adjusted_in_its_place():
    book = book_of(BOOK)
    gross = book.limits[1]
    instead = replace(
        book, limits=[book.limits[0], Instead(limit=gross, max_fraction=1.5), book.limits[2]]
    )
    half = instead.at({"max_gross_exposure": 0.5, "second": 1.0})
    assert half.limits[1] == Instead(limit=gross, max_fraction=0.75)


def test_a_book_knows_whose_rule_each_is():
    book = book_of(BOOK)
    assert {place: one.key for place, one in book.adjusted.items()} == {
        1: "max_gross_exposure",
        2: "second",
    }
    half = book.at({"max_gross_exposure": 0.5, "second": 1.0})
    assert half.limits[1] == MaxGrossExposure(max_fraction=0.75)
    assert half.limits[2] is book.limits[2]
    assert half.limits[0] is book.limits[0]
    with pytest.raises(InputError, match="must be in the book"):
        LimitBook([MaxLeverage(max_times=1)], dynamic=book.dynamic)
