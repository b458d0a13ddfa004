import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from nautilus_lab.risk import MonteCarloRisk, ParametricRisk


def standard(n=250):
    """Returns of mean 0 and sample deviation 1, exactly."""
    values = np.random.default_rng(5).standard_normal(n)
    values = (values - values.mean()) / values.std(ddof=1)
    return pd.Series(values, index=pd.date_range("2000-01-03", periods=n, tz="UTC"))


@pytest.mark.parametrize(("confidence", "z"), [(0.99, 2.3263478740), (0.975, 1.9599639845)])
def test_value_at_risk_of_unit_normal_returns_is_the_published_quantile(confidence, z):
    report = ParametricRisk(confidence=confidence).measure(standard())
    assert report.value_at_risk == pytest.approx(z, abs=1e-10)


def test_shortfall_at_97_5_percent_is_2_3378_deviations_and_above_value_at_risk_99():
    shortfall = ParametricRisk(confidence=0.975).measure(standard()).expected_shortfall
    assert shortfall == pytest.approx(2.3378028, abs=1e-7)
    at_risk = ParametricRisk(confidence=0.99).measure(standard()).value_at_risk
    assert shortfall / at_risk == pytest.approx(1.00492, abs=1e-5)


@pytest.mark.parametrize("degrees", [2.5, 4, 30])
def test_student_t_agrees_with_scipys_distribution(degrees):
    confidence = 0.99
    report = ParametricRisk(confidence=confidence, degrees_of_freedom=degrees).measure(standard())
    unit = stats.t(degrees, scale=np.sqrt((degrees - 2) / degrees))
    assert report.value_at_risk == pytest.approx(unit.ppf(confidence), rel=1e-10)
    mean_of_tail, _ = integrate.quad(lambda x: x * unit.pdf(x), unit.ppf(confidence), np.inf)
    assert report.expected_shortfall == pytest.approx(mean_of_tail / 0.01, rel=1e-6)


def test_marginals_are_those_of_the_covariance_matrix(frame, weights):
    report = ParametricRisk().measure(frame, weights)
    held, covariance = pd.Series(weights), frame.cov()
    deviation = np.sqrt(held @ covariance @ held)
    expected = -frame.mean() + stats.norm.ppf(0.99) * (covariance @ held) / deviation
    pd.testing.assert_series_equal(report.marginal_value_at_risk, expected, check_names=False)


def test_a_mean_of_zero_is_left_out_of_the_deviation_too(frame):
    report = ParametricRisk(mean="zero").measure(frame["A"])
    root_mean_square = np.sqrt((frame["A"] ** 2).mean())
    assert report.value_at_risk == pytest.approx(stats.norm.ppf(0.99) * root_mean_square)


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [None, 5.0])
def test_a_million_draws_come_within_half_a_percent_of_the_closed_form(frame, weights, degrees):
    closed = ParametricRisk(confidence=0.975, degrees_of_freedom=degrees).measure(frame, weights)
    drawn = MonteCarloRisk(
        confidence=0.975, draws=1_000_000, degrees_of_freedom=degrees, seed=4
    ).measure(frame, weights)
    assert drawn.value_at_risk == pytest.approx(closed.value_at_risk, rel=0.005)
    assert drawn.expected_shortfall == pytest.approx(closed.expected_shortfall, rel=0.005)
    assert drawn.contributions.to_numpy() == pytest.approx(
        closed.contributions.to_numpy(), abs=0.03 * closed.expected_shortfall
    )


def test_the_standard_error_is_how_far_seeds_scatter(frame, weights):
    models = [MonteCarloRisk(confidence=0.975, draws=4_000, seed=seed) for seed in range(200)]
    reports = [model.measure(frame, weights) for model in models]
    scatter = np.std([report.expected_shortfall for report in reports], ddof=1)
    told = np.mean([report.standard_error for report in reports])
    # 200 seeds know their own deviation to 1 / sqrt(400) = 5 %.
    assert told == pytest.approx(scatter, rel=0.2)


def test_the_same_seed_draws_the_same(frame, weights):
    first, again = (MonteCarloRisk(draws=30_000, seed=9).measure(frame, weights) for _ in "ab")
    other = MonteCarloRisk(draws=30_000, seed=10).measure(frame, weights)
    assert first.expected_shortfall == again.expected_shortfall != other.expected_shortfall
