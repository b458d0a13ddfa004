"""The daily report says what models, limits and backtests said, and what nobody asked."""

import json
import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.reports import (
    Breach,
    Completeness,
    Lineage,
    daily_risk_report,
    data_used,
    surveillance_report,
)
from nautilus_lab.risk import (
    HistoricalRisk,
    LimitReport,
    LimitUtilisation,
    MonteCarloRisk,
    backtest_value_at_risk,
    rolling_risk,
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
    assert (parts[0]["expected"], parts[0]["present"]) == (4, 1)
    assert {row["missing"] for row in parts[1:4]} == {
        "risk measures",
        "breaches",
        "backtest of value at risk",
    }
    looked = daily_risk_report(**ABOUT, limits=LIMITS, breaches=())
    assert "As they were told that day." in looked.render("json").decode()


def test_limits_that_could_not_be_measured_lower_the_completeness_and_are_no_zero():
    report = daily_risk_report(**ABOUT, limits=LIMITS, breaches=())
    counted = rows(report, "Completeness")
    of_limits = [row for row in counted if row["what"] == "limits evaluated and measured"]
    assert (of_limits[0]["expected"], of_limits[0]["present"]) == (3, 1)
    assert "max_var of account: too little history" in {row["missing"] for row in of_limits}
    assert report.complete == pytest.approx(1 / 3)  # the least: that of limits
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
