"""What every model promises, run over all of them."""

import inspect

import numpy as np
import pandas as pd
import pytest

import nautilus_lab.risk
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.risk import (
    CornishFisherRisk,
    FilteredHistoricalRisk,
    HistoricalRisk,
    MonteCarloRisk,
    ParametricRisk,
    RiskModel,
)

MODELS = [
    HistoricalRisk(confidence=0.975),
    HistoricalRisk(confidence=0.975, quantile="linear"),
    ParametricRisk(confidence=0.975),
    ParametricRisk(confidence=0.975, degrees_of_freedom=5, mean="zero"),
    CornishFisherRisk(confidence=0.975, outside="refuse"),
    FilteredHistoricalRisk(confidence=0.975),
    MonteCarloRisk(confidence=0.975, draws=20_000),
    MonteCarloRisk(confidence=0.975, draws=20_000, degrees_of_freedom=5),
]


def each_model_but(*kinds, zero_mean=True):
    """Return the mark that runs a test over every model but `kinds`."""
    chosen = [
        model
        for model in MODELS
        if not isinstance(model, kinds) and (zero_mean or getattr(model, "mean", "") != "zero")
    ]
    return pytest.mark.parametrize("model", chosen, ids=repr)


each_model = each_model_but()


def test_every_model_of_the_package_is_held_to_the_promises():
    found = {
        thing
        for thing in vars(nautilus_lab.risk).values()
        if inspect.isclass(thing) and issubclass(thing, RiskModel) and not inspect.isabstract(thing)
    }
    assert found == {type(model) for model in MODELS}


@each_model
def test_shortfall_is_above_value_at_risk(model, frame, weights):
    report = model.measure(frame, weights)
    assert report.expected_shortfall > report.value_at_risk > 0


@each_model
def test_contributions_sum_to_what_they_contribute_to(model, frame, weights):
    report = model.measure(frame, weights)
    assert report.contributions.sum() == pytest.approx(report.expected_shortfall, rel=1e-9)
    at_risk = report.value_at_risk_contributions.sum()
    assert at_risk == pytest.approx(report.value_at_risk, rel=1e-9)


@each_model
def test_a_marginal_is_the_slope_that_a_little_more_of_a_symbol_shows(model, frame, weights):
    report = model.measure(frame, weights)
    step = 1e-7
    for symbol in weights:
        more = model.measure(frame, weights | {symbol: weights[symbol] + step})
        less = model.measure(frame, weights | {symbol: weights[symbol] - step})
        for figure, marginal in (
            ("expected_shortfall", report.marginal_expected_shortfall),
            ("value_at_risk", report.marginal_value_at_risk),
        ):
            slope = (getattr(more, figure) - getattr(less, figure)) / (2 * step)
            assert slope == pytest.approx(marginal[symbol], abs=2e-7)


@each_model
def test_twice_the_position_is_twice_the_risk(model, frame, weights):
    once = model.measure(frame, weights)
    twice = model.measure(frame, {symbol: 2 * held for symbol, held in weights.items()})
    assert twice.expected_shortfall == pytest.approx(2 * once.expected_shortfall, rel=1e-9)
    assert twice.value_at_risk == pytest.approx(2 * once.value_at_risk, rel=1e-9)


@each_model_but(MonteCarloRisk)  # its draws belong to places: another order is another draw
def test_the_order_of_symbols_does_not_matter(model, frame, weights):
    there = model.measure(frame, weights)
    back = model.measure(frame[["D", "B", "A", "C"]], weights)
    assert back.expected_shortfall == pytest.approx(there.expected_shortfall, rel=1e-12)


@each_model
def test_risk_is_told_in_words_and_on_a_sheet(model, frame, weights):
    report = model.measure(frame, weights)
    assert report.method == type(model).method
    assert report.rule in report.tear_sheet().text
    assert "nan" not in report.tear_sheet().html


# A shift of every day is volatility to a model of mean zero.
@each_model_but(FilteredHistoricalRisk, zero_mean=False)
def test_the_loss_of_shifted_returns_is_shifted(model, frame, weights):
    here = model.measure(frame, weights)
    shifted = model.measure(frame + 0.001, weights)
    moved = 0.001 * sum(weights.values())
    assert shifted.value_at_risk == pytest.approx(here.value_at_risk - moved, abs=1e-12)
    assert shifted.expected_shortfall == pytest.approx(here.expected_shortfall - moved, abs=1e-12)


@each_model
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("symbol", ["A", "D"])
def test_a_return_that_is_no_number_is_refused_with_its_place(model, frame, broken, symbol):
    gap = frame.copy()
    gap.loc[gap.index[3], symbol] = broken
    for held in ({"A": 1.0}, dict.fromkeys("ABCD", 1.0), dict.fromkeys("ABC", 1.0) | {"D": 0.0}):
        with pytest.raises(BadData, match=rf"{symbol}.* 2000-01-06"):
            model.measure(gap, held)


@each_model
def test_too_few_periods_are_refused(model, frame, weights):
    with pytest.raises(NotEnoughData, match=f"at least {model.needed} rows; got 50"):
        model.measure(frame.head(50), weights)


@each_model_but(CornishFisherRisk)  # which has no skewness to bend by
def test_what_is_held_in_nothing_risks_nothing(model, frame):
    report = model.measure(frame, {"A": 0.0})
    assert (report.value_at_risk, report.expected_shortfall) == (0.0, 0.0)


@each_model_but(CornishFisherRisk, zero_mean=False)
def test_a_certain_gain_is_a_negative_risk(model, frame):
    report = model.measure(pd.Series(0.001, index=frame.index))
    assert report.value_at_risk == pytest.approx(-0.001, rel=1e-9)
    assert report.expected_shortfall == pytest.approx(-0.001, rel=1e-9)


def test_a_constant_has_no_skewness_to_bend_by(frame):
    with pytest.raises(BadData, match=r"returns that vary; got 0\.001 in each of 2000"):
        CornishFisherRisk().measure(pd.Series(0.001, index=frame.index))


def test_money_that_leaves_the_range_of_numbers_is_refused():
    days = pd.date_range("2000-01-03", periods=200, tz="UTC")
    huge = pd.DataFrame({"A": 1e200, "B": 1e200}, index=days)
    with pytest.raises(BadData, match="must be finite"):
        HistoricalRisk().measure(huge, {"A": 1e200, "B": 1.0})


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: HistoricalRisk(quantile="nearest"), "quantile must be one of the rules"),
        (lambda: ParametricRisk(degrees_of_freedom=2), "above 2"),
        (lambda: ParametricRisk(degrees_of_freedom=float("nan")), "above 2"),
        (lambda: ParametricRisk(mean="median"), "mean must be"),
        (lambda: CornishFisherRisk(domain=float("nan")), "domain must be positive"),
        (lambda: CornishFisherRisk(outside="ignore"), "outside must be"),
        (lambda: FilteredHistoricalRisk(decay=1.0), "decay must lie in"),
        (lambda: FilteredHistoricalRisk(warm_up=0), "warm_up must be at least 1"),
        (lambda: MonteCarloRisk(draws=99), "draws must be at least 100"),
        (lambda: MonteCarloRisk(degrees_of_freedom=1.5), "above 2"),
    ],
)
def test_settings_out_of_bounds_are_refused(make, rule):
    with pytest.raises(InputError, match=rule):
        make()


@each_model
def test_what_is_changed_later_changes_no_report(model, frame, weights):
    returns, held = frame.copy(), pd.Series(weights)
    report = model.measure(returns, held)
    shortfall = report.contributions.sum()
    held["A"] = 100.0
    assert report.weights["A"] == 0.5
    assert report.contributions.sum() == shortfall
    series = frame["A"].copy()
    alone = model.measure(series)
    series.iloc[0] = 100.0
    assert alone.returns.iloc[0] == frame["A"].iloc[0]
