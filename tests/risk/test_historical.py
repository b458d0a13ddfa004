import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark
from nautilus_lab.risk import HistoricalRisk


def series(values):
    values = np.asarray(values, dtype=float)
    return pd.Series(values, index=pd.date_range("2000-01-03", periods=len(values), tz="UTC"))


def losses_one_to(n):
    """Losses 1 ... n in mixed order."""
    return series(-np.random.default_rng(n).permutation(np.arange(1.0, n + 1)))


def frame(n_rows=500, n_symbols=4, seed=7):
    rng = np.random.default_rng(seed)
    values = rng.standard_t(4, (n_rows, n_symbols)) * 0.01
    days = pd.date_range("2000-01-03", periods=n_rows, tz="UTC")
    return pd.DataFrame(values, index=days, columns=[f"S{i}" for i in range(n_symbols)])


def test_shortfall_of_losses_one_to_a_thousand_at_97_5_percent_is_988():
    report = HistoricalRisk(confidence=0.975).measure(losses_one_to(1000))
    assert report.expected_shortfall == pytest.approx(988.0, abs=1e-9)
    assert report.value_at_risk == 975.0  # the 26th largest
    assert report.tail == 25.0


def test_shortfall_gives_the_last_loss_the_fraction_that_is_left():
    # Tail of 6.25: (250 + 249 + 248 + 247 + 246 + 245 + 0.25 * 244) / 6.25
    report = HistoricalRisk(confidence=0.975).measure(losses_one_to(250))
    assert report.expected_shortfall == pytest.approx(247.36, abs=1e-9)
    assert report.tail == 6.25


def test_value_at_risk_99_of_250_days_is_the_third_largest_loss():
    report = HistoricalRisk(confidence=0.99).measure(losses_one_to(250))
    assert report.value_at_risk == 248.0
    assert "3rd largest loss" in report.rule


@pytest.mark.parametrize(
    ("confidence", "n", "rank"),
    [(0.9, 100, 11), (0.95, 100, 6), (0.99, 100, 2), (0.9, 10, 2), (0.7, 10, 4), (0.8, 15, 4)],
)
def test_a_confidence_that_has_no_binary_form_loses_no_observation(confidence, n, rank):
    # 100 * (1 - 0.9) is 9.999999999999998 in floating point: the rank would be 10.
    report = HistoricalRisk(confidence=confidence, min_observations=1).measure(losses_one_to(n))
    assert report.value_at_risk == n + 1 - rank


def test_value_at_risk_agrees_with_numpys_higher_order_statistic():
    returns = frame(997)["S0"]
    report = HistoricalRisk(confidence=0.99).measure(returns)
    ordered = np.sort(-returns.to_numpy())[::-1]
    assert report.value_at_risk == ordered[9]  # floor(9.97) = 9: the 10th largest


def test_shortfall_of_many_normal_returns_comes_near_the_closed_form():
    draws = np.random.default_rng(3).standard_normal(400_000)
    report = HistoricalRisk(confidence=0.975).measure(series(draws))
    closed_form = stats.norm.pdf(stats.norm.ppf(0.975)) / 0.025
    assert closed_form == pytest.approx(2.3378028, abs=1e-7)
    assert report.expected_shortfall == pytest.approx(closed_form, rel=0.005)


def test_contributions_sum_to_the_shortfall_and_are_the_mean_losses_of_the_tail():
    returns = frame()
    weights = {"S0": 0.5, "S1": 0.7, "S2": -0.2}
    report = HistoricalRisk(confidence=0.99).measure(returns, weights)
    assert report.contributions.sum() == pytest.approx(report.expected_shortfall, abs=1e-15)
    # By hand: tail of exactly 5 of 500 days.
    portfolio = returns[list(weights)] @ pd.Series(weights)
    worst = portfolio.nsmallest(5).index
    by_hand = -(returns.loc[worst, list(weights)] * pd.Series(weights)).mean()
    pd.testing.assert_series_equal(report.contributions, by_hand, check_names=False)
    assert list(report.contributions.index) == list(weights)


def test_contributions_do_not_depend_on_the_order_of_tied_days():
    values = np.array([[-0.02, 0.0], [0.0, -0.02], [-0.01, -0.01]] + [[0.01, 0.01]] * 97)
    days = pd.date_range("2000-01-03", periods=100, tz="UTC")
    measure = HistoricalRisk(confidence=0.99).measure
    weights = {"A": 1.0, "B": 1.0}
    forward = measure(pd.DataFrame(values, days, ["A", "B"]), weights)
    backward = measure(pd.DataFrame(values[::-1], days, ["A", "B"]), weights)
    assert forward.expected_shortfall == pytest.approx(0.02)
    assert forward.contributions["A"] == pytest.approx(0.01)
    pd.testing.assert_series_equal(forward.contributions, backward.contributions)


def test_a_frame_with_weights_measures_as_its_portfolio_does():
    returns = frame()
    weights = pd.Series({"S1": 0.25, "S3": 0.75})
    whole = HistoricalRisk().measure(returns, weights)
    alone = HistoricalRisk().measure(returns[["S1", "S3"]] @ weights)
    assert whole.value_at_risk == pytest.approx(alone.value_at_risk, abs=1e-15)
    assert whole.expected_shortfall == pytest.approx(alone.expected_shortfall, abs=1e-15)


finite_returns = hnp.arrays(
    float, st.integers(100, 160), elements=st.floats(-0.5, 0.5, allow_subnormal=False)
)


@settings(max_examples=60, deadline=None)
@given(values=finite_returns, confidence=st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99]))
def test_shortfall_is_never_below_value_at_risk(values, confidence):
    report = HistoricalRisk(confidence=confidence).measure(series(values))
    assert report.expected_shortfall >= report.value_at_risk - 1e-12


@settings(max_examples=60, deadline=None)
@given(values=finite_returns, scale=st.floats(0.01, 1e6), shift=st.floats(-1, 1))
def test_risk_scales_with_the_position_and_falls_by_certain_gains(values, scale, shift):
    base = HistoricalRisk().measure(series(values))
    moved = HistoricalRisk().measure(series(scale * values + shift))
    for before, after in (
        (base.value_at_risk, moved.value_at_risk),
        (base.expected_shortfall, moved.expected_shortfall),
    ):
        assert after == pytest.approx(scale * before - shift, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    pair=hnp.arrays(float, (130, 2), elements=st.floats(-0.5, 0.5, allow_subnormal=False)),
    confidence=st.sampled_from([0.9, 0.95, 0.975]),
)
def test_shortfall_of_a_sum_is_at_most_the_sum_of_shortfalls(pair, confidence):
    measure = HistoricalRisk(confidence=confidence).measure
    together = measure(series(pair.sum(axis=1))).expected_shortfall
    apart = sum(measure(series(pair[:, i])).expected_shortfall for i in (0, 1))
    assert together <= apart + 1e-12


@settings(max_examples=60, deadline=None)
@given(values=finite_returns, confidence=st.sampled_from([0.9, 0.95, 0.975, 0.99]))
def test_the_linear_rule_is_numpys_and_stays_within_the_shortfall(values, confidence):
    linear = HistoricalRisk(confidence=confidence, quantile="linear").measure(series(values))
    theirs = np.quantile(-values, confidence, method="linear")
    assert linear.value_at_risk == pytest.approx(theirs, rel=1e-9, abs=1e-15)
    assert linear.expected_shortfall >= linear.value_at_risk - 1e-12
    assert "interpolated linearly" in linear.rule


@settings(max_examples=60, deadline=None)
@given(values=finite_returns, data=st.data())
def test_the_order_of_the_periods_does_not_matter(values, data):
    mixed = np.array(data.draw(st.permutations(list(values))))
    for quantile in ("higher", "linear"):
        model = HistoricalRisk(confidence=0.975, quantile=quantile)
        here, there = model.measure(series(values)), model.measure(series(mixed))
        assert there.value_at_risk == here.value_at_risk
        assert there.expected_shortfall == pytest.approx(here.expected_shortfall, abs=1e-15)


def test_a_position_of_nothing_risks_nothing():
    report = HistoricalRisk().measure(frame(), {"S0": 0.0})
    assert (report.value_at_risk, report.expected_shortfall) == (0.0, 0.0)
    assert "expected shortfall" in report.tear_sheet().text
    assert "nan" not in report.tear_sheet().html
    assert len(report.tear_sheet().figures) == 1


def test_too_few_returns_are_refused_with_both_numbers_named():
    with pytest.raises(NotEnoughData, match=r"at least 100 rows; got 99"):
        HistoricalRisk().measure(losses_one_to(99))


def test_a_tail_of_less_than_one_observation_is_refused():
    with pytest.raises(NotEnoughData, match=r"at least 1000 rows; got 999"):
        HistoricalRisk(confidence=0.999).measure(losses_one_to(999))
    assert HistoricalRisk(confidence=0.999).measure(losses_one_to(1000)).value_at_risk == 999.0


def test_missing_returns_are_refused_with_their_place():
    returns = frame()
    returns.iloc[3, 1] = np.nan
    with pytest.raises(BadData, match="S1 at 2000-01-06"):
        HistoricalRisk().measure(returns, {"S0": 1.0})


def test_unsorted_returns_are_refused():
    with pytest.raises(BadData, match="sorted"):
        HistoricalRisk().measure(frame().iloc[::-1], {"S0": 1.0})


def test_an_empty_frame_is_refused():
    with pytest.raises(NotEnoughData, match="empty"):
        HistoricalRisk().measure(frame().iloc[:0], {"S0": 1.0})


@pytest.mark.parametrize("confidence", [0.0, 1.0, 99, -0.1, float("nan")])
def test_a_confidence_outside_zero_and_one_is_refused(confidence):
    with pytest.raises(InputError, match="confidence must lie in"):
        HistoricalRisk(confidence=confidence)


def test_a_minimum_of_no_observations_is_refused():
    with pytest.raises(InputError, match="min_observations"):
        HistoricalRisk(min_observations=0)


@pytest.mark.parametrize(
    ("weights", "rule"),
    [
        (None, "needs their weights"),
        ({"GHOST": 1.0}, "one column of returns; got GHOST"),
        ({}, "one column of returns; got 0 weights"),
        ({"S0": float("nan")}, "weights must be finite; got S0"),
        ({"S0": "much"}, "weights must be numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, rule):
    with pytest.raises(InputError, match=rule):
        HistoricalRisk().measure(frame(), weights)


def test_weights_with_a_single_series_are_refused():
    with pytest.raises(InputError, match="weights belong to a frame"):
        HistoricalRisk().measure(frame()["S0"], {"S0": 1.0})


def test_the_sheet_names_the_rule_the_tail_and_the_bias_of_the_data():
    returns = mark(frame(), Provenance(notices=(SURVIVORS_ONLY,)))
    report = HistoricalRisk().measure(returns, {"S0": 0.5, "S1": 0.5})
    sheet = report.tear_sheet()
    assert "6th largest loss" in sheet.text
    assert "Survivor bias" in sheet.text
    assert "Survivor bias" in report.plot().layout.title.subtitle.text
    assert "Value at risk 99%" in report._repr_mimebundle_()["text/html"]
    assert len(repr(report)) < 160


def test_the_returns_handed_in_are_left_as_they_were():
    returns = frame()
    before = returns.copy()
    HistoricalRisk().measure(returns, {"S0": 0.5, "S1": 0.5})
    pd.testing.assert_frame_equal(returns, before)
