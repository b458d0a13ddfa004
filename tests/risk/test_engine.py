import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.engine import Engine, State
from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.risk import (
    HistoricalRisk,
    LimitBook,
    ParametricRisk,
    RiskLimitEngine,
    Scenario,
    rolling_risk,
    stressed_risk,
)
from nautilus_lab.risk.limits import MaxPositionNotional

ENGINE = RiskLimitEngine(limits=LimitBook([MaxPositionNotional(max_notional=1000.0)]))


def test_it_is_an_engine_that_is_always_ready():
    assert isinstance(ENGINE, Engine)
    assert ENGINE.name == "risk"
    assert ENGINE.health().state is State.READY


def test_measure_is_the_models():
    days = pd.date_range("2000-01-03", periods=250, tz="UTC")
    returns = pd.Series(-np.arange(1.0, 251.0), index=days)
    engine = RiskLimitEngine(model=HistoricalRisk(confidence=0.99))
    assert engine.measure(returns).value_at_risk == 248.0


def test_rows_are_notionals_against_the_limit_the_most_used_first():
    report = ENGINE.evaluate({"A": 3, "B": -9, "C": 11, "FLAT": 0}, {"A": 100, "B": 100, "C": 100})
    assert [(row.scope, row.value, row.utilisation, row.level) for row in report] == [
        ("C", 1100.0, 1.1, "breach"),
        ("B", 900.0, 0.9, "warn"),
        ("A", 300.0, 0.3, "ok"),
    ]
    assert [row.scope for row in report.breaches] == ["C"]
    assert list(report.frame["scope"]) == ["C", "B", "A"]
    assert repr(report) == "LimitReport(3 rows, 1 breaches, most used 110%)"


def test_series_do_as_well_as_mappings():
    units, prices = pd.Series({"A": 3.0}), pd.Series({"A": 100.0, "B": 5.0})
    assert next(iter(ENGINE.evaluate(units, prices))).value == 300.0


def test_a_flat_book_uses_no_limit():
    (row,) = report = ENGINE.evaluate({}, {})
    assert (row.scope, row.value, row.level) == ("positions", 0.0, "ok")
    assert "1 rows" in report._repr_mimebundle_()["text/html"]


def test_a_position_without_a_price_is_refused_by_name():
    with pytest.raises(InputError, match="needs a price; got GHOST"):
        ENGINE.evaluate({"A": 1, "GHOST": 1}, {"A": 1.0})


@pytest.mark.parametrize("price", [math.nan, math.inf, 0.0, -1.0])
def test_a_price_that_is_no_price_is_refused_by_symbol(price):
    with pytest.raises(BadData, match="A: "):
        ENGINE.evaluate({"A": 1}, {"A": price})


@pytest.mark.parametrize("units", [math.nan, math.inf])
def test_units_that_are_not_finite_are_refused(units):
    with pytest.raises(BadData, match="units must be finite"):
        ENGINE.evaluate({"A": units}, {"A": 1.0})


def test_the_table_of_limits_escapes_symbols_and_shows_levels():
    html = ENGINE.evaluate({"<b>": 11}, {"<b>": 100})._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;" in html
    assert "breach" in html


def test_the_engine_backtests_its_own_model(frame, weights):
    engine = RiskLimitEngine(model=ParametricRisk(confidence=0.95))
    report = engine.backtest(frame, weights, window=250)
    rolled = rolling_risk(frame, weights, model=engine.model, window=250)
    over = -rolled["return"] > rolled["value_at_risk"]
    assert report.n_exceptions == over.sum()
    assert report.confidence == 0.95
    assert report.n_observations == len(frame) - 250


def test_the_engine_searches_stress_and_plays_scenarios_as_the_functions_do(frame, weights):
    found = ENGINE.stressed(frame, weights)
    assert found.begin == stressed_risk(frame, weights, model=ENGINE.model).begin
    crash = Scenario(name="crash", shocks={}, otherwise=-0.2)
    assert ENGINE.stress_test(weights, [crash]).worst.loss == pytest.approx(0.2 * 0.8)
    assert ENGINE.reverse_stress(frame, weights, loss=0.05).contributions.sum() == pytest.approx(
        0.05
    )


def test_proxies_without_weights_are_refused(frame):
    with pytest.raises(InputError, match="proxies belong to a frame"):
        ENGINE.measure(frame["A"], proxies={})
