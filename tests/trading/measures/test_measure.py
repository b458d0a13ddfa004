"""What is measured of what is held, against the same by plain numpy."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.config import MeasureSettings
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.risk import black_scholes, volatility_regimes
from nautilus_lab.trading.measures import measure
from tests.trading.measures.conftest import position, seen

RULES = MeasureSettings()
LONG, SHORT = position("AAPL.PAPER", 100, 300.0), position("JPM.PAPER", -150, 140.0)
ALL = (
    "value_at_risk",
    "expected_shortfall",
    "stressed_expected_shortfall",
    "volatility",
    "correlation",
    "delta",
    "gamma",
    "vega",
    "dv01",
)


def changes(catalog, *symbols, until="2020-01-02"):
    """Each day's relative change, as an array, of the days that are over."""
    closes = MarketDataEngine(catalog).prices(list(symbols), end=until).to_numpy()
    return closes[1:] / closes[:-1] - 1


def test_value_at_risk_and_shortfall_are_those_of_the_last_500_days(history, catalog):
    made = measure(seen(LONG, SHORT), ALL, history, RULES)
    assert not made.missing
    lost = np.sort(-(changes(catalog, "AAPL", "JPM")[-500:] @ [30_000, -21_000]))[::-1]
    assert made.values["value_at_risk"] == pytest.approx(lost[5], rel=1e-12)  # of 500 at 99 %
    tail = (lost[:12].sum() + 0.5 * lost[12]) / 12.5  # of 500 at 97.5 %
    assert made.values["expected_shortfall"] == pytest.approx(tail, rel=1e-12)
    assert (made.observations, made.last) == (500, "2020-01-02")
    assert made.held == {"AAPL.PAPER": 100, "JPM.PAPER": -150}


def test_the_stressed_shortfall_is_the_largest_of_all_years(history, catalog):
    made = measure(seen(LONG, SHORT), ALL, history, RULES)
    lost = -(changes(catalog, "AAPL", "JPM") @ [30_000, -21_000])
    worst = 0.0
    for begin in range(len(lost) - 252 + 1):
        year = np.sort(lost[begin : begin + 252])[::-1]
        worst = max(worst, (year[:6].sum() + 0.3 * year[6]) / 6.3)  # of 252 at 97.5 %
    assert made.values["stressed_expected_shortfall"] == pytest.approx(worst, rel=1e-12)
    assert made.notices[0].startswith("stress: ")


def test_volatility_and_correlation_are_those_by_hand(history, catalog):
    made = measure(seen(LONG, SHORT), ALL, history, RULES)
    moved = changes(catalog, "AAPL", "JPM")[-500:]
    whole = moved @ [30_000 / 51_000, -21_000 / 51_000]
    variance = (whole[:21] ** 2).mean()
    for one in whole[21:]:
        variance = 0.94 * variance + 0.06 * one**2
    assert made.values["volatility"] == pytest.approx(math.sqrt(252 * variance), rel=1e-12)
    assert made.values["correlation"] == pytest.approx(np.corrcoef(moved.T)[0, 1], rel=1e-12)


def test_the_regime_of_what_is_held_and_of_a_symbol_is_that_of_its_own_returns(history, catalog):
    needs = {"measured_regime", "measured_regime:JPM"}
    made = measure(seen(LONG, SHORT), needs, history, RULES)
    assert not made.missing
    moved = changes(catalog, "AAPL", "JPM")[-500:]
    days = pd.date_range("2018-01-01", periods=500, tz="UTC")
    for name, own in (
        ("", moved @ [30_000 / 51_000, -21_000 / 51_000]),
        (":JPM", moved[:, 1]),
    ):
        by_hand = volatility_regimes(pd.Series(own, index=days))
        assert made.values[f"measured_regime{name}"] == by_hand.current
        assert made.values[f"volatility_rank{name}"] == pytest.approx(by_hand.rank.iloc[-1])


def test_a_regime_may_be_of_a_symbol_that_nobody_holds(history):
    made = measure(seen(LONG), {"measured_regime:JPM"}, history, RULES)
    assert set(made.values) == {"measured_regime:JPM", "volatility_rank:JPM"}
    assert measure(seen(), {"measured_regime"}, history, RULES).values == {
        "measured_regime": "calm", "volatility_rank": 0.0,
    }  # fmt: skip


def test_a_regime_without_a_history_is_missing_with_its_reason(history):
    short = MeasureSettings(history_days=260, min_history_days=250)
    for symbol, rules, why in (
        ("NEWCO", RULES, "NEWCO: the catalog has no prices of it"),
        ("JPM", short, "at least 273"),
    ):
        need = f"measured_regime:{symbol}"
        made = measure(seen(LONG), {need}, history, rules)
        assert made.values == {}
        assert set(made.missing) == {need}
        assert why in made.missing[need]
    made = measure(
        seen(LONG, position("NEWCO.PAPER", 9e9, 1.0)), {"measured_regime"}, history, RULES
    )
    assert "has no history" in made.missing["measured_regime"]


def test_only_what_limits_need_is_measured(history):
    made = measure(seen(LONG), {"value_at_risk"}, history, RULES)
    assert set(made.values) == {"value_at_risk"}


def test_nothing_held_loses_nothing(history):
    made = measure(seen(), ALL, history, RULES)
    assert made.values == dict.fromkeys(ALL, 0.0)


def test_what_has_no_history_is_refused_above_the_share_and_named(history):
    strange = position("NEWCO.PAPER", 10, 1_000.0)
    made = measure(seen(LONG, strange), ALL, history, RULES)
    assert set(made.missing) == set(ALL)
    assert made.missing["value_at_risk"] == (
        "25.0% of the gross value has no history, and 5.0% may: NEWCO.PAPER (the catalog has no "
        "prices of it); declare a proxy in trading.measures.proxies"
    )
    assert made.missing["delta"].startswith("greeks need to know what a position is; got NEWCO")
    assert made.uncovered == {"NEWCO": "the catalog has no prices of it"}
    assert made.uncovered_share == pytest.approx(0.25)


def test_what_is_little_is_left_out_and_said(history):
    little = position("NEWCO.PAPER", 1, 1_000.0)
    alone = measure(seen(LONG), {"value_at_risk"}, history, RULES)
    made = measure(seen(LONG, little), {"value_at_risk"}, history, RULES)
    assert made.values == alone.values
    assert made.uncovered_share == pytest.approx(1_000 / 31_000)


def test_a_declared_proxy_stands_in_with_its_beta(history, catalog):
    rules = MeasureSettings(proxies={"NEWCO": {"symbol": "AMD", "beta": 1.5}})
    made = measure(seen(position("NEWCO.PAPER", 10, 1_000.0)), {"value_at_risk"}, history, rules)
    lost = np.sort(-1.5 * 10_000 * changes(catalog, "AMD")[-500:, 0])[::-1]
    assert made.values["value_at_risk"] == pytest.approx(lost[5], rel=1e-12)
    assert (made.proxied, made.uncovered) == (("NEWCO",), {})


def test_a_history_that_ended_long_ago_is_none(history):
    made = measure(seen(LONG, market="2026-11-26"), {"value_at_risk"}, history, RULES)
    assert not made.values
    assert (
        "AAPL.PAPER (its history ends on 2022-12-28, 1,429 days ago)"
        in (made.missing["value_at_risk"])
    )


def test_nothing_of_the_market_s_own_day_or_later_is_read(history):
    early = measure(seen(LONG, market="2020-01-02 00:00"), {"value_at_risk"}, history, RULES)
    assert early.last == "2019-12-31"


def test_too_short_a_history_is_refused(history):
    made = measure(seen(LONG, market="1990-06-01"), {"value_at_risk"}, history, RULES)
    assert made.missing["value_at_risk"].startswith("250 days of history are needed; got 10")


def test_a_position_without_a_price_is_not_measured(history):
    made = measure(seen(LONG, position("JPM.PAPER", 1, 0.0)), ALL, history, RULES)
    assert not made.values
    assert set(made.missing.values()) == {"every position needs a price; got JPM.PAPER"}


def test_the_volatility_of_each_symbol_that_is_quoted_is_measured(history, catalog):
    quotes = {"AAPL.PAPER": 300.0, "JPM.PAPER": 140.0, "NEWCO.PAPER": 1.0}
    made = measure(seen(quotes=quotes), {"volatility:*"}, history, RULES)
    assert set(made.values) == {"volatility:AAPL", "volatility:JPM"}
    assert made.missing == {"volatility:NEWCO": "the catalog has no prices of it"}
    one = changes(catalog, "JPM")[-500:, 0]
    variance = (one[:21] ** 2).mean()
    for change in one[21:]:
        variance = 0.94 * variance + 0.06 * change**2
    assert made.values["volatility:JPM"] == pytest.approx(math.sqrt(252 * variance), rel=1e-12)


def test_volumes_are_the_mean_of_the_last_days_where_the_catalog_has_them(history, catalog):
    quotes = {"AAPL.PAPER": 500.0, "JPM.PAPER": 50.0}
    made = measure(seen(quotes=quotes, market="2013-02-28"), {"volume:*"}, history, RULES)
    bars = MarketDataEngine(catalog).bars(["AAPL"], end="2013-02-27")["volume"].to_numpy()
    assert made.values == {"volume:AAPL": pytest.approx(bars[-20:].mean())}
    assert made.missing == {"volume:JPM": "the catalog has no volumes of it"}
    later = measure(seen(quotes=quotes), {"volume:*"}, history, RULES)
    assert "ends on 2013-03-01" in later.missing["volume:AAPL"]


PUT = {"symbol": "AAPL PUT", "underlying": "AAPL", "kind": "put", "strike": 290.0,
       "expiry": "2020-04-02"}  # fmt: skip


def test_an_option_is_priced_again_at_each_past_move_and_has_greeks(history, catalog):
    rules = MeasureSettings(options=[{**PUT, "volatility": 0.3}])
    held = seen(
        position("AAPL PUT.PAPER", -5, 12.0, size=100), quotes={"AAPL.PAPER": 300.0},
        market="2020-01-03",
    )  # fmt: skip
    made = measure(held, ("value_at_risk", "delta", "gamma", "vega", "volatility"), history, rules)
    years = 91 / 365.25  # to the end of its last day
    now = black_scholes("put", spot=300, strike=290, years=years, volatility=0.3)
    assert made.values["delta"] == pytest.approx(-500 * now.delta)
    assert made.values["gamma"] == pytest.approx(-500 * now.gamma)
    assert made.values["vega"] == pytest.approx(-500 * now.vega / 100)
    lost = []
    for change in changes(catalog, "AAPL")[-500:, 0]:
        then = black_scholes(
            "put", spot=300 * (1 + change), strike=290, years=years - 1 / 252, volatility=0.3
        )
        lost.append(500 * (then.price - now.price))
    assert made.values["value_at_risk"] == pytest.approx(sorted(lost)[-6], rel=1e-9)
    assert made.missing["volatility"].startswith("options have no volatility of their own here")


def test_without_a_volatility_it_is_the_one_that_the_price_implies(history):
    years = 91 / 365.25
    price = black_scholes("put", spot=300, strike=290, years=years, volatility=0.4).price
    held = seen(
        position("AAPL PUT.PAPER", 1, price), quotes={"AAPL.PAPER": 300.0}, market="2020-01-03"
    )
    made = measure(held, {"vega"}, history, MeasureSettings(options=[PUT]))
    implied = black_scholes("put", spot=300, strike=290, years=years, volatility=0.4)
    assert made.values["vega"] == pytest.approx(implied.vega / 100, rel=1e-6)


def test_an_option_whose_underlying_is_not_quoted_is_not_measured(history):
    made = measure(
        seen(position("AAPL PUT.PAPER", 1, 10.0)), ALL, history, MeasureSettings(options=[PUT])
    )
    assert set(made.values) == {"correlation"}  # of one alone
    assert "must be quoted; got AAPL" in made.missing["value_at_risk"]


def test_days_that_one_symbol_lacks_are_left_out_for_all(history):
    past = history.returns(
        {"AAPL", "SP500"}, market_ns=pd.Timestamp("2020-01-03").as_unit("ns").value,
        days=None, max_age_days=7,
    )  # fmt: skip
    begun = past.returns.notna().cummax()
    assert past.returns.notna().equals(begun)
