"""One book over plain frames: a table of what is used, and what nobody could say."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import BadData, ConfigError, InputError
from nautilus_lab.risk.limits import (
    CATALOGUE,
    Counts,
    DailyLoss,
    Levels,
    Limit,
    LimitBook,
    MaxConcentration,
    MaxDrawdown,
    MaxGrossExposure,
    MaxInstruments,
    MaxLeverage,
    MaxMessageRate,
    MaxNetExposure,
    MaxOrderNotional,
    MaxPositionNotional,
    MaxPositionUnits,
    MaxRejects,
    MaxStressLoss,
    MaxValueAtRisk,
    Measures,
    Order,
    PriceCollar,
    SessionHours,
    highs_of,
    levels_of,
    limit_of,
    limits_of,
    measures_of,
)

PRICES = {"AAPL": 100.0, "MSFT": 50.0}
BOOK = LimitBook([MaxPositionNotional(max_notional=10_000), MaxGrossExposure(max_fraction=2)])


def rows(report):
    return {(row.limit, row.scope): (row.value, row.level) for row in report}


def test_it_is_a_table_of_limit_scope_value_limit_value_utilisation_and_level():
    report = BOOK.evaluate({"AAPL": 101, "MSFT": -160}, PRICES, equity=10_000)
    assert list(report.frame.columns) == [
        "limit",
        "scope",
        "value",
        "limit_value",
        "utilisation",
        "level",
        "unit",
        "reason",
        "part",
        "key",
    ]
    assert report.frame[["scope", "value", "level"]].to_numpy().tolist() == [
        ["AAPL", 10_100.0, "breach"],
        ["account", 18_100.0, "warn"],
        ["MSFT", 8_000.0, "warn"],
    ]
    assert report.frame["utilisation"].tolist() == [1.01, 0.905, 0.8]
    assert "breach" in report._repr_mimebundle_()["text/html"]


def test_series_and_frames_do_as_well_as_mappings():
    plain = BOOK.evaluate({"AAPL": 30, "MSFT": 20}, PRICES, equity=1e4)
    series = BOOK.evaluate(pd.Series({"AAPL": 30, "MSFT": 20}), pd.Series(PRICES), equity=1e4)
    frame = pd.DataFrame({"symbol": ["AAPL", "MSFT"], "units": [30, 20]})
    assert plain == series == BOOK.evaluate(frame, PRICES, equity=1e4)


def test_a_frame_may_say_whose_where_and_what_works():
    frame = pd.DataFrame(
        {
            "symbol": ["AAPL", "AAPL", "MSFT"],
            "venue": ["X", "Y", "X"],
            "account": ["one", "two", "one"],
            "strategy": ["a", "b", "a"],
            "units": [10.0, 20.0, -30.0],
            "buys": [5.0, 0.0, 0.0],
            "multiplier": [1.0, 1.0, 10.0],
        }
    )
    book = LimitBook(
        [
            MaxPositionUnits(max_units=1),
            MaxPositionUnits(max_units=1, per="symbol"),
            MaxPositionUnits(max_units=1, per="strategy"),
            MaxGrossExposure(max_notional=1),
            MaxGrossExposure(max_notional=1, per="firm"),
            MaxGrossExposure(max_notional=1, per="strategy"),
        ]
    )
    found = rows(book.evaluate(frame, PRICES, equity={"one": 1e6, "two": 1e6}))
    values = {key: value for key, (value, _) in found.items()}
    assert values == {
        ("max_position_units", "AAPL.X"): 15.0,
        ("max_position_units", "AAPL.Y"): 20.0,
        ("max_position_units", "MSFT.X"): 30.0,
        ("max_position_units", "AAPL"): 35.0,
        ("max_position_units", "MSFT"): 30.0,
        ("max_position_units", "a:AAPL.X"): 15.0,
        ("max_position_units", "b:AAPL.Y"): 20.0,
        ("max_position_units", "a:MSFT.X"): 30.0,
        ("max_gross_exposure", "one"): 16_500.0,
        ("max_gross_exposure", "two"): 2_000.0,
        ("max_gross_exposure", "firm"): 18_500.0,
        ("max_gross_exposure", "a"): 16_500.0,
        ("max_gross_exposure", "b"): 2_000.0,
    }


def test_without_equity_a_fraction_of_it_is_a_breach_with_its_reason():
    (row,) = BOOK.evaluate({"AAPL": 1}, PRICES).breaches
    assert (row.limit, row.reason) == ("max_gross_exposure", "it cannot be measured")
    assert math.isnan(row.limit_value)


def test_a_limit_that_only_orders_are_held_against_was_never_evaluated_without_one():
    book = LimitBook([MaxOrderNotional(max_notional=1_000), PriceCollar(bps=100)])
    report = book.evaluate({"AAPL": 1}, PRICES)
    assert [row.level for row in report] == ["never", "never"]
    assert "2 never evaluated" in repr(report)
    orders = [Order(instrument="AAPL", units=11.0, limit=100.5)]
    found = rows(book.evaluate({"AAPL": 1}, PRICES, orders=orders))
    assert found == {
        ("max_order_notional", "order"): (1_105.5, "breach"),
        ("price_collar", "AAPL"): (50.0, "ok"),
    }


def test_an_order_that_is_thought_of_is_held_against_what_it_would_lead_to():
    report = BOOK.evaluate({"AAPL": 50}, PRICES, equity=1e4)
    assert not report.breaches
    frame = pd.DataFrame({"symbol": ["AAPL"], "units": [50.0]})
    from nautilus_lab.risk.limits import Holdings
    from nautilus_lab.risk.limits._book import positions_of

    positions, shares = positions_of(frame, PRICES)
    held = Holdings(positions=positions, shares=shares, equity={"account": 1e4})
    found = BOOK.ask(Order(instrument="AAPL", units=51.0), held)
    assert [(f.limit, f.value, f.passed) for f in found] == [
        ("max_position_notional", 10_100.0, False),
        ("max_gross_exposure", 10_100.0, True),
    ]
    assert BOOK.ask(Order(instrument="AAPL", units=-50.0), held) == ()
    with pytest.raises(InputError, match="has a price"):
        BOOK.ask(Order(instrument="GHOST", units=1.0), held)


def test_what_needs_more_than_positions_is_given_it():
    book = LimitBook(
        [
            DailyLoss(max_loss=100),
            MaxDrawdown(max_fraction=0.1),
            MaxRejects(max_fraction=0.5, at_least=2),
            MaxValueAtRisk(max_loss=500),
            MaxStressLoss(scenarios={"crash": {"*": -0.1}}, max_loss=1_000),
        ]
    )
    report = book.evaluate(
        {"AAPL": 50},
        PRICES,
        equity=9_900,
        day_start_equity=10_000,
        high_water=11_000,
        counts={("s", 300.0): Counts(orders=4, rejects=1)},
        measures=Measures.at(5, value_at_risk=450.0),
        now_ns=6,
    )
    assert {key: level for key, (_, level) in rows(report).items()} == {
        ("max_daily_loss", "account"): "critical",
        ("max_drawdown", "account"): "critical",
        ("max_rejects", "s"): "ok",
        ("max_value_at_risk", "account"): "warn",
        ("max_stress_loss", "firm:crash"): "ok",
    }


def test_a_drawdown_of_a_window_is_held_against_the_equity_of_its_days():
    days = pd.date_range("2026-03-01", periods=5, freq="12h", tz="UTC")
    equity = pd.Series([100.0, 120.0, 90.0, 96.0, 200.0], index=days)
    now_ns = days[3].as_unit("ns").value  # 2 March at noon; what came later has no part
    highs = highs_of(equity, (1, 2, 3), now_ns=now_ns)
    assert highs == {1: 96.0, 2: 120.0, 3: 120.0}
    book = LimitBook(
        [
            MaxDrawdown(max_fraction=0.2, window_days=2),
            MaxDrawdown(max_fraction=0.2, window_days=1),
            MaxDrawdown(max_fraction=0.2, window_days=5),
        ]
    )
    report = book.evaluate({}, {}, equity=96.0, highs=highs, now_ns=now_ns)
    assert [(row.scope, row.level) for row in report] == [
        ("account-5d", "breach"),  # nobody told the highest of five days
        ("account-2d", "critical"),  # on its bound
        ("account-1d", "ok"),
    ]


def test_a_high_of_what_is_not_known_is_none():
    days = pd.date_range("2026-03-01", periods=2, tz="UTC")
    now_ns = days[1].as_unit("ns").value
    gap = pd.Series([100.0, math.nan], index=days)
    assert all(math.isnan(high) for high in highs_of(gap, (1, 2), now_ns=now_ns).values())
    old = pd.Series([100.0], index=days[:1])
    assert math.isnan(highs_of(old, (1,), now_ns=now_ns)[1])
    with pytest.raises(InputError, match="times with a zone"):
        highs_of(pd.Series([100.0], index=[pd.Timestamp("2026-03-01")]), (1,), now_ns=now_ns)


def test_measures_come_from_returns():
    days = pd.date_range("2020-01-01", periods=500, tz="UTC")
    random = np.random.default_rng(7)
    returns = pd.DataFrame(
        random.normal(0, [0.01, 0.02], (500, 2)), index=days, columns=["AAPL", "MSFT"]
    )
    measures = measures_of({"AAPL": 1e5, "MSFT": -5e4}, returns, periods_per_year=252)
    now = days[-1].as_unit("ns").value
    get = lambda name, of="": measures.get(name, of=of, now_ns=now, max_age_s=0)  # noqa: E731
    loss = -(returns["AAPL"] * 1e5 - returns["MSFT"] * 5e4)
    assert get("value_at_risk") == pytest.approx(loss.nlargest(6).iloc[-1])
    assert get("expected_shortfall") == pytest.approx(
        (loss.nlargest(12).sum() + 0.5 * loss.nlargest(13).iloc[-1]) / 12.5
    )
    assert get("volatility", "AAPL") == pytest.approx(0.01 * 252**0.5, rel=0.4)
    assert get("volatility", "MSFT") == pytest.approx(0.02 * 252**0.5, rel=0.4)
    assert get("correlation") == pytest.approx(returns.corr().iloc[0, 1])
    with pytest.raises(InputError):
        measures_of({"GHOST": 1.0}, returns, periods_per_year=252)
    flat = measures_of({}, returns, periods_per_year=252)
    assert flat.get("value_at_risk", now_ns=now, max_age_s=0) == 0.0


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize("price", [math.nan, math.inf, 0.0, -1.0])
def test_a_price_that_is_none_is_refused_by_name(price):
    with pytest.raises(BadData, match="AAPL: "):
        BOOK.evaluate({"AAPL": 1}, {"AAPL": price}, equity=1)


@pytest.mark.parametrize("units", [math.nan, math.inf])
def test_units_that_are_not_finite_are_refused_by_name(units):
    with pytest.raises(BadData, match="AAPL: "):
        BOOK.evaluate({"AAPL": units}, PRICES, equity=1)


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        ({"symbol": ["AAPL"]}, "units"),
        ({"symbol": ["AAPL"], "units": [1], "colour": ["red"]}, "colour"),
        ({"symbol": ["GHOST"], "units": [1]}, "needs a price; got GHOST"),
    ],
)
def test_a_frame_that_is_none_is_refused(frame, match):
    with pytest.raises(InputError, match=match):
        BOOK.evaluate(pd.DataFrame(frame), PRICES, equity=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LimitBook([object()]),
        lambda: LimitBook([DailyLoss(max_loss=1), DailyLoss(max_loss=2)]),
        lambda: MaxPositionUnits(max_units=1, mode="sometimes"),
        lambda: MaxOrderNotional(max_notional=1, mode="monitor"),
        lambda: MaxDrawdown(max_fraction=0.1, mode="both"),
        lambda: MaxDrawdown(max_fraction=0.0),
        lambda: MaxDrawdown(max_fraction=0.1, window_days=0),
        lambda: MaxDrawdown(max_fraction=0.1, window_days=1.5),
        lambda: MaxDrawdown(max_fraction=0.1, window_days=True),
        lambda: MaxDrawdown(max_fraction=0.1, window_days=10_000),
        lambda: MaxPositionUnits(max_units=1, action="panic"),
        lambda: MaxPositionUnits(max_units=1, instruments="AAPL"),
        lambda: MaxPositionUnits(max_units=1, strategies={"s"}),
        lambda: MaxPositionUnits(max_units=True),
        lambda: MaxGrossExposure(),
        lambda: MaxGrossExposure(max_fraction=-1.0),
        lambda: MaxGrossExposure(max_fraction=1, instruments={"AAPL"}),
        lambda: MaxGrossExposure(max_fraction=1, per="desk"),
        lambda: MaxNetExposure(max_fraction=1, betas={"AAPL": math.nan}),
        lambda: MaxNetExposure(max_fraction=1, betas={"AAPL": 1.0}, per="strategy"),
        lambda: MaxLeverage(max_times=math.inf),
        lambda: MaxMessageRate(),
        lambda: MaxMessageRate(per_second=5, reserved=5),
        lambda: DailyLoss(max_fraction=0.1, per="strategy"),
        lambda: MaxStressLoss(scenarios={}, max_loss=1),
        lambda: MaxStressLoss(scenarios={"crash": {"*": math.nan}}, max_loss=1),
        lambda: SessionHours(opens="9", closes="nine"),
        lambda: SessionHours(opens="09:00", closes="09:00"),
        lambda: SessionHours(opens="09:00", closes="17:00", zone="Mars/Olympus"),
        lambda: SessionHours(opens="09:00", closes="17:00", days=(7,)),
        lambda: SessionHours(opens="09:00", closes="17:00", holidays={"christmas"}),
        lambda: Measures.at(0, mood=1.0),
    ],
)
def test_a_limit_that_means_nothing_is_refused(make):
    with pytest.raises(InputError):
        make()


# --- sessions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2024-03-08 14:29:59", False),
        ("2024-03-08 14:30:00", True),
        ("2024-03-08 20:59:59", True),
        ("2024-03-08 21:00:00", False),
        ("2024-03-11 13:30:00", True),  # an hour earlier in UTC from here on
        ("2024-03-09 15:00:00", False),  # a Saturday
        ("2024-03-29 15:00:00", False),  # Good Friday
    ],
)
def test_a_session_is_of_its_zone_days_and_holidays(when, is_open):
    session = SessionHours(
        opens="09:30", closes="16:00", zone="America/New_York", holidays={"2024-03-29"}
    )
    assert session.is_open(pd.Timestamp(when, tz="UTC").value) is is_open


def test_a_session_over_midnight_belongs_to_the_day_it_opened_on():
    session = SessionHours(opens="18:00", closes="17:00", days=(6, 0, 1, 2, 3))
    at = lambda when: session.is_open(pd.Timestamp(when, tz="UTC").value)  # noqa: E731
    assert not at("2024-03-10 17:59")  # a Sunday
    assert at("2024-03-10 18:00")
    assert at("2024-03-11 16:59")
    assert not at("2024-03-11 17:30")
    assert not at("2024-03-15 18:00")  # a Friday
    assert at("2024-03-15 10:00")


# --- plain values -------------------------------------------------------------------------


def examples():
    """Return one limit of each kind, with values of its fields' types."""
    given_ = {
        "max_units": 5.0, "max_notional": 5.0, "bps": 5.0, "window_s": 5.0, "per_second": 5,
        "most": 5, "max_fraction": 0.5, "max_times": 5.0, "max_index": 0.5, "max_days": 5.0,
        "names": ["A", "B"], "opens": "09:00", "closes": "17:00", "max_age_s": 5.0,
        "max_skew_s": 5.0, "max_annual": 0.5, "max_average": 0.5, "max_ratio": 5.0,
        "greek": "vega", "max_loss": 5.0, "scenarios": {"crash": {"*": -0.2}},
    }  # fmt: skip
    for name, kind in CATALOGUE.items():
        known = {item.name for item in dataclasses.fields(kind)}
        yield {"limit": name, **{key: value for key, value in given_.items() if key in known}}


@pytest.mark.parametrize("given_", list(examples()), ids=lambda given_: given_["limit"])
def test_each_limit_is_the_same_after_it_was_plain_values(given_):
    limit = limit_of(given_)
    assert isinstance(limit, Limit)
    again = limit_of(limit.settings)
    assert again == limit
    assert again.settings == limit.settings


@pytest.mark.parametrize(
    ("given_", "match"),
    [
        ({"limit": "max_levrage", "max_times": 1}, "limit must be one of .* got max_levrage"),
        ({"max_times": 1}, "limit must be one of"),
        ({"limit": "max_leverage"}, "needs max_times"),
        ({"limit": "max_leverage", "max_times": 1, "speed": 5}, "speed is no parameter"),
        (
            {"limit": "max_gross_exposure", "max_notional": "5"},
            "max_notional of the limit max_gross_exposure must be a number; got '5'",
        ),
        (
            {"limit": "max_message_rate", "per_second": 5, "cancels": "no"},
            "cancels of the limit max_message_rate must be true or false; got 'no'",
        ),
        (
            {"limit": "max_leverage", "max_times": 1, "strategies": 5},
            "strategies of the limit max_leverage must be a list of names; got 5",
        ),
        (
            {"limit": "max_stress_loss", "max_loss": 5.0, "scenarios": {"crash": {"*": "-0.2"}}},
            "scenarios of the limit max_stress_loss must be a table of tables of numbers",
        ),
        ({"limit": "max_leverage", "max_times": math.nan}, "max_times must be finite"),
    ],
)
def test_plain_values_that_are_no_limit_are_refused_by_name(given_, match):
    with pytest.raises(ConfigError, match=match):
        limits_of([given_])


def test_levels_come_from_plain_values_too():
    assert levels_of({"warn": 0.5, "clear": 0.4, "confirmations": 2.0}) == Levels(
        warn=0.5, clear=0.4, confirmations=2
    )
    with pytest.raises(ConfigError, match="wran is no level"):
        levels_of({"wran": 0.5})
    with pytest.raises(ConfigError, match="limit_levels"):
        levels_of({"warn": 2.0})


@pytest.mark.parametrize(
    "given",
    [
        {"confirmations": 1e9},
        {"confirmations": 1_001},
        {"confirmations": 2.5},
        {"confirmations": math.nan},
        {"clear_s": 86_401.0},
        {"clear_s": math.inf},
        {"clear_s": math.nan},
    ],
)
def test_levels_by_which_nothing_would_be_believed_or_cleared_are_none(given):
    (name,) = given
    with pytest.raises(ConfigError, match=rf"trading\.limit_levels: {name} must be"):
        levels_of(given)


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_what_passes_is_what_is_at_most_the_bound(value, bound):
    limit = MaxPositionUnits(max_units=bound)
    report = LimitBook([limit]).evaluate({"A": value}, {"A": 1.0}, now_ns=0)
    assert {row.level == "breach" for row in report} == {value > bound}


def test_books_add_up_and_count_instruments():
    both = BOOK + LimitBook([MaxInstruments(most=1), MaxConcentration(max_fraction=0.5)])
    assert len(both) == 4
    found = rows(both.evaluate({"AAPL": 1, "MSFT": 1}, PRICES, equity=1_000))
    assert found["max_instruments", "account"] == (2, "breach")
    assert found["max_concentration", "account:AAPL"] == (0.1, "ok")
