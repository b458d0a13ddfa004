"""The daily report says what models, limits and backtests said, and what nobody asked."""

import json
import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.reports import (
    Breach,
    Completeness,
    Lineage,
    capital_figures,
    daily_risk_report,
    data_used,
    surveillance_report,
)
from nautilus_lab.risk import (
    HistoricalRisk,
    LimitReport,
    LimitUtilisation,
    MonteCarloRisk,
    Scenario,
    attribution_test,
    backtest_value_at_risk,
    reverse_stress,
    rolling_risk,
    stress_test,
    stressed_risk,
)
from nautilus_lab.surveillance import Measured, NotAssessed, Pattern, SurveillanceReport

AS_OF = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
LINEAGE = Lineage(code="nautilus-lab 0.1.0")
ABOUT = {"subject": "PAPER-001", "as_of": AS_OF, "lineage": LINEAGE}


@pytest.fixture(scope="module")
def returns():
    days = pd.bdate_range("2024-01-01", periods=520, tz="UTC")
    drawn = np.random.default_rng(7).normal(0, 0.01, (520, 2))
    return pd.DataFrame(drawn, index=days, columns=["AAPL", "MSFT"])


def limit(name, value, most, level, **changes):
    facts = {"limit": name, "scope": "account", "value": value, "limit_value": most}
    return LimitUtilisation(**facts, utilisation=value / most, level=level, **changes)


LIMITS = LimitReport(
    rows=(
        limit("max_loss", 80.0, 100.0, "warn", unit="USD"),
        limit("max_var", math.nan, 100.0, "breach", reason="too little history"),
        limit("max_greeks", math.nan, 100.0, "never", reason="no options were given"),
    )
)


def rows(report, name):
    section = next(one for one in report.parts if one.name == name)
    heads = [column.name for column in section.columns]
    return [dict(zip(heads, row, strict=True)) for row in section.rows]


def digits(value):
    return float(f"{value:.15g}")


def test_every_figure_is_the_one_that_was_measured(returns):
    weights = {"AAPL": 0.6, "MSFT": 0.4}
    models = (HistoricalRisk(confidence=0.99), MonteCarloRisk(confidence=0.975, seed=1))
    measured = [model.measure(returns, weights) for model in models]
    rolled = rolling_risk(returns, weights, model=HistoricalRisk(confidence=0.99))
    backtest = backtest_value_at_risk(rolled["return"], rolled["value_at_risk"])
    report = daily_risk_report(
        **ABOUT, risk=measured, limits=LIMITS, breaches=(), backtests=[backtest]
    )
    for row, one in zip(rows(report, "Risk measures"), measured, strict=True):
        assert row["value at risk"] == digits(one.value_at_risk)
        assert row["expected shortfall"] == digits(one.expected_shortfall)
        assert row["periods"] == 520
    parts = rows(report, "Contributions")
    for one in measured:
        mine = [row["of expected shortfall"] for row in parts if row["method"] == one.method]
        assert sum(mine) == pytest.approx(one.expected_shortfall)
    (zone,) = rows(report, "Exceptions")
    assert (zone["exceptions"], zone["zone"]) == (backtest.n_exceptions, backtest.light.zone)
    tests = rows(report, "Backtest")
    assert [row["p value"] for row in tests] == [
        digits(one.p_value)
        for one in (backtest.kupiec, backtest.independence, backtest.conditional_coverage)
    ]
    assert "not a regulatory figure" in report.render("html").decode()
    for form in ("html", "pdf", "xlsx", "csv", "json"):
        assert report.render(form) == report.render(form)


def test_what_was_not_given_is_said_to_be_missing_and_not_to_be_nothing(returns):
    report = daily_risk_report(**ABOUT, limits=LIMITS)
    said = report.render("json").decode()
    assert "Not known: nobody looked." in said
    assert "Not measured." in said
    parts = rows(report, "Completeness")
    assert (parts[0]["expected"], parts[0]["present"]) == (12, 1)
    assert {row["missing"] for row in parts[1:11]} == {
        "risk measures",
        "breaches",
        "backtest of value at risk",
        "stressed risk",
        "scenarios",
        "reverse stress",
        "P&L attribution",
        "capital figures",
        "limit adjustments",
        "alerts",
    }
    looked = daily_risk_report(**ABOUT, limits=LIMITS, breaches=())
    assert "As they were told that day;" in looked.render("json").decode()


def test_limits_that_could_not_be_measured_lower_the_completeness_and_are_no_zero():
    report = daily_risk_report(**ABOUT, limits=LIMITS, breaches=())
    counted = rows(report, "Completeness")
    of_limits = [row for row in counted if row["what"] == "limits evaluated and measured"]
    assert (of_limits[0]["expected"], of_limits[0]["present"]) == (3, 1)
    assert "max_var of account: too little history" in {row["missing"] for row in of_limits}
    assert of_limits[0]["share"] == pytest.approx(1 / 3)
    assert report.complete == pytest.approx(2 / 12)  # the least: that of parts
    values = {row["limit"]: row["value"] for row in rows(report, "Limit utilisation")}
    assert values["max_loss"] == 80.0
    assert math.isnan(values["max_var"])
    assert '"NaN"' in report.render("json").decode()


def test_breaches_stand_in_the_order_they_happened():
    later, sooner = (
        Breach(
            time=AS_OF.replace(hour=hour),
            limit="max_loss",
            scope="account",
            value=value,
            limit_value=100.0,
            action="halt",
            reason="over",
        )
        for hour, value in ((20, math.nan), (19, 101.0))
    )
    report = daily_risk_report(**ABOUT, breaches=(later, sooner))
    first, second = rows(report, "Breaches")
    assert first["time"] == "2026-03-02T19:00:00Z"
    assert (first["value"], first["order"]) == (101.0, None)
    assert math.isnan(second["value"])


def test_positions_and_other_counts_are_taken_in():
    positions = pd.DataFrame({"instrument": ["AAPL"], "quantity": [-5.0]})
    counted = Completeness(what="fills read back", expected=2, present=1)
    report = daily_risk_report(**ABOUT, positions=positions, completeness=[counted])
    assert rows(report, "Positions") == [{"instrument": "AAPL", "quantity": -5.0}]
    assert rows(report, "Completeness")[-1]["share"] == 0.5


def test_a_report_of_nothing_is_refused():
    with pytest.raises(InputError, match="something"):
        daily_risk_report(**ABOUT)


def test_lineage_names_data_with_its_hash_and_parameters(returns):
    used = data_used("returns", returns)
    lineage = Lineage(code="nautilus-lab 0.1.0", data=(used,), parameters={"window": "250"})
    report = daily_risk_report(**{**ABOUT, "lineage": lineage}, breaches=())
    (data,) = rows(report, "Data")
    assert (data["sha256"], data["rows"], data["last"]) == (
        used.sha256,
        520,
        "2025-12-26T00:00:00Z",
    )
    assert {"what": "window", "value": "250"} in rows(report, "Made by")


def test_a_surveillance_report_has_figures_evidence_and_what_was_not_seen():
    pattern = Pattern(
        kind="wash",
        owner="PAPER-001",
        instrument="=AAPL",
        begin=AS_OF,
        end=AS_OF,
        order_ids=("O-1", "O-2"),
        trade_ids=("T-1",),
        figures=(Measured(name="time apart", value=0.5, threshold=1.0, unit="s"),),
        note="Pattern to review.",
    )
    found = SurveillanceReport(
        patterns=(pattern,),
        not_assessed=(NotAssessed(kind="marking the close", what="all", reason="no tape"),),
        n_orders=2,
        n_fills=1,
        settings=("WashTrades(max_seconds_apart=1.0)",),
    )
    report = surveillance_report(found, **ABOUT)
    assert [(row["what"], row["id"]) for row in rows(report, "Evidence")] == [
        ("order", "O-1"),
        ("order", "O-2"),
        ("fill", "T-1"),
    ]
    assert rows(report, "Figures")[0]["value"] == 0.5
    assert rows(report, "Not assessed")[0]["reason"] == "no tape"
    assert report.complete == pytest.approx(2 / 3)
    assert {"what": "WashTrades", "value": "WashTrades(max_seconds_apart=1.0)"} in rows(
        report, "Made by"
    )
    for form in ("html", "pdf", "csv", "json"):
        text = report.render(form).decode("latin1").lower()
        for word in ("manipulat", "abuse", "fraud", "illegal", "violat", "guilty", "offence"):
            assert word not in text
    assert "'=AAPL" in report.render("csv").decode()
    assert json.loads(report.render("json"))["complete"] == pytest.approx(2 / 3)


def test_breaches_that_repeat_each_other_are_one_row_by_the_worst():
    def breach(second, value, scope="order:tilt", hour=20):
        return Breach(
            time=AS_OF.replace(hour=hour, second=second),
            limit="max_loss",
            scope=scope,
            value=value,
            limit_value=100.0,
            action="deny",
            reason=f"{value}",
        )

    told = (
        breach(0, 101.0),
        breach(30, 150.0),
        breach(59, 120.0),
        breach(1, 103.0, "order:other"),
        breach(0, 110.0, hour=19),
    )
    found = rows(daily_risk_report(**ABOUT, breaches=told), "Breaches")
    assert [(row["scope"], row["times"], row["value"]) for row in found] == [
        ("order:tilt", 1, 110.0),
        ("order:tilt", 3, 150.0),
        ("order:other", 1, 103.0),
    ]
    assert (found[1]["time"], found[1]["last time"]) == (
        "2026-03-02T20:00:00Z",
        "2026-03-02T20:00:59Z",
    )


def test_stress_and_marginals_are_those_that_were_measured(returns):
    weights = {"AAPL": 6_000.0, "MSFT": -4_000.0}
    model = HistoricalRisk(confidence=0.975)
    measured = model.measure(returns, weights)
    worst = stressed_risk(returns, weights, model=model, window=252)
    crash = Scenario(name="crash", shocks={"AAPL": -0.3}, otherwise=-0.1)
    played = stress_test(weights, [crash])
    reverse = reverse_stress(returns, weights, loss=900.0)
    report = daily_risk_report(
        **ABOUT, risk=[measured], stressed=[worst], scenarios=played, reverse=reverse, unit="USD"
    )
    one, last = rows(report, "Stressed risk")
    assert (one["begins"], one["ends"]) == (str(worst.begin.date()), str(worst.end.date()))
    assert one["expected shortfall"] == digits(worst.stressed.expected_shortfall)
    assert last["value at risk"] == digits(worst.current.value_at_risk)
    (scenario,) = rows(report, "Scenarios")
    assert scenario["loss"] == pytest.approx(0.3 * 6_000 - 0.1 * 4_000)
    assert (scenario["worst symbol"], scenario["its part"]) == ("AAPL", pytest.approx(1_800))
    assert sum(row["loss"] for row in rows(report, "Reverse stress")) == pytest.approx(900)
    for row, slope in zip(
        rows(report, "Contributions"), measured.marginal_expected_shortfall, strict=True
    ):
        assert row["marginal expected shortfall"] == digits(slope)


def test_capital_figures_are_those_by_hand_and_never_called_compliant():
    days = pd.bdate_range("2020-01-01", periods=700, tz="UTC")
    drawn = np.random.default_rng(11).standard_t(4, (700, 2)) * 0.01
    returns = pd.DataFrame(drawn, index=days, columns=["AAPL", "MSFT"])
    weights = pd.Series({"AAPL": 6_000.0, "MSFT": 4_000.0})
    worst = stressed_risk(returns, weights, model=HistoricalRisk(confidence=0.975))
    light = backtest_value_at_risk(
        (returns @ weights)[-250:], pd.Series(1e9, index=days[-250:]), confidence=0.99
    ).light
    older, newer = capital_figures(returns, weights, stressed=worst, light=light)
    ten = np.array([np.prod(1 + drawn[n : n + 10], axis=0) - 1 for n in range(691)]) @ weights
    plain = [np.sort(-ten[end - 250 : end])[::-1][2] for end in range(632, 692)]  # of 250 at 99 %
    inside = ten[[worst.begin <= day <= worst.end for day in days[9:]]]
    lost = np.sort(-inside)[::-1]
    stressed = lost[int(len(lost) * 0.01)]
    averaged = 3 * np.mean(plain) + 3 * stressed
    assert older.figure.averaged == pytest.approx(averaged)
    assert older.figure.latest == pytest.approx(plain[-1] + stressed)
    tail = len(lost) * 0.025
    whole = int(tail)
    shortfall = (lost[:whole].sum() + (tail - whole) * lost[whole]) / tail
    assert newer.figure.value == pytest.approx(1.5 * shortfall)
    report = daily_risk_report(**ABOUT, capital=(older, newer))
    said = report.render("html").decode()
    assert "nobody has approved the model" in said
    assert "compliant" not in said.lower()
    with pytest.raises(NotEnoughData, match="309"):
        capital_figures(returns[-300:], weights, stressed=worst, light=light)


def test_an_attribution_says_its_zone_or_why_there_is_nothing_to_compare(returns):
    tested = attribution_test(returns["AAPL"], returns["AAPL"] * 1.01)
    (row,) = rows(daily_risk_report(**ABOUT, attribution=tested), "P&L attribution")
    assert (row["rank correlation"], row["zone"], row["periods"]) == (1.0, "green", 520)
    report = daily_risk_report(**ABOUT, attribution="there are no proxies.")
    assert rows(report, "P&L attribution") == []
    assert "Not tested: there are no proxies." in report.render("json").decode()
    lacking = {row["missing"] for row in rows(report, "Completeness")}
    assert "P&L attribution" not in lacking
