"""Sharpe ratios against the worked numbers of the papers, and against scipy and simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nautilus_lab.analytics import sharpe_ratio
from nautilus_lab.analytics.significance import (
    SharpeSample,
    deflated_sharpe,
    expected_max_sharpe,
    haircut_sharpe,
    minimum_backtest_years,
)
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

# Bailey and López de Prado (2014), "A numerical example": 2.5 a year, five years of 250 days.
PAPER = SharpeSample(sharpe=2.5 / math.sqrt(250), n_observations=1250, skewness=-3, kurtosis=10)
VARIANCE = 0.5 / 250


def test_the_paper_expects_0_1132_of_the_best_of_a_hundred():
    assert expected_max_sharpe(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)


def test_the_paper_deflates_a_sharpe_ratio_of_two_and_a_half_to_0_9004():
    assert deflated_sharpe(PAPER, n_trials=100, variance=VARIANCE) == pytest.approx(
        0.9004, abs=5e-5
    )


def test_the_paper_lets_it_pass_at_95_per_cent_among_46_trials_and_88_if_normal():
    assert deflated_sharpe(PAPER, n_trials=46, variance=VARIANCE) == pytest.approx(0.9505, abs=5e-5)
    normal = SharpeSample(sharpe=PAPER.sharpe, n_observations=1250)
    assert deflated_sharpe(normal, n_trials=88, variance=VARIANCE) == pytest.approx(
        0.9505, abs=5e-5
    )


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "years"),
    [(250, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_track_records_of_two_over_one_a_year_are_as_long_as_in_the_paper(
    periods, skewness, kurtosis, years
):
    # Bailey and López de Prado (2012), section 6.
    sample = SharpeSample(
        sharpe=2 / math.sqrt(periods), n_observations=100, skewness=skewness, kurtosis=kurtosis
    )
    found = sample.minimum_observations(1 / math.sqrt(periods))
    assert found / periods == pytest.approx(years, abs=0.005)


def test_a_track_record_of_the_minimum_length_reaches_the_confidence_and_no_more():
    sample = SharpeSample(sharpe=0.1, n_observations=100, skewness=-1, kurtosis=6)
    n = sample.minimum_observations(confidence=0.9)
    again = SharpeSample(sharpe=0.1, n_observations=math.ceil(n), skewness=-1, kurtosis=6)
    assert 0.9 <= again.probability() < 0.901


def test_five_years_carry_45_trials():
    # Bailey, Borwein, López de Prado and Zhu (2014).
    assert minimum_backtest_years(45) == pytest.approx(5, abs=0.01)
    assert minimum_backtest_years(45) < 2 * math.log(45)


def test_harvey_and_liu_leave_0_32_of_0_75():
    sample = SharpeSample(sharpe=0.75 / math.sqrt(12), n_observations=240)
    assert haircut_sharpe(sample, n_trials=200) * math.sqrt(12) == pytest.approx(0.32, abs=0.005)


def test_one_trial_needs_no_haircut_and_no_deflation():
    assert haircut_sharpe(PAPER, n_trials=1) == pytest.approx(PAPER.sharpe)
    assert deflated_sharpe(PAPER, n_trials=1, variance=0.0) == PAPER.probability()


def test_a_haircut_of_a_sharpe_ratio_beyond_floating_point_stays_a_number():
    sure = SharpeSample(sharpe=3.0, n_observations=1000)
    assert haircut_sharpe(sure, n_trials=1e6) == pytest.approx(3.0)
    assert haircut_sharpe(SharpeSample(sharpe=-0.2, n_observations=500), n_trials=5) < 0


def test_the_expected_maximum_is_that_of_drawn_normal_numbers():
    drawn = np.random.default_rng(3).standard_normal((20_000, 50)).max(axis=1).mean()
    # The paper's formula is one for many: 1.3 % above at 50.
    assert drawn < expected_max_sharpe(50, 1.0) < 1.02 * drawn


def test_moments_are_those_of_scipy_and_the_ratio_that_of_analytics():
    values = np.random.default_rng(5).standard_t(5, 400) * 0.01 + 0.0005
    returns = pd.Series(values, pd.date_range("2020-01-01", periods=400, tz="UTC"))
    sample = SharpeSample.of(returns)
    assert sample.skewness == pytest.approx(stats.skew(values))
    assert sample.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False))
    assert sample.sharpe * math.sqrt(252) == pytest.approx(
        sharpe_ratio(returns, periods_per_year=252)
    )


def test_the_standard_error_is_that_of_drawn_samples():
    # Skewed returns: an exponential's, less its mean and with a little drift.
    drawn = np.random.default_rng(7).exponential(1, (4_000, 500)) - 0.7
    ratios = drawn.mean(axis=1) / drawn.std(axis=1, ddof=1)
    true = SharpeSample(sharpe=0.3, n_observations=500, skewness=2, kurtosis=9)
    assert true.standard_error == pytest.approx(ratios.std(), rel=0.05)


def test_constant_returns_have_no_ratio_and_no_probability():
    days = pd.date_range("2020-01-01", periods=5, tz="UTC")
    sample = SharpeSample.of(pd.Series(0.1, days))
    assert math.isnan(sample.sharpe)
    assert math.isnan(sample.probability())
    assert math.isnan(sample.minimum_observations())
    assert math.isnan(haircut_sharpe(sample, n_trials=3))


def test_a_ratio_below_the_benchmark_is_never_long_enough():
    assert SharpeSample(sharpe=-0.1, n_observations=50).minimum_observations() == math.inf


@pytest.mark.parametrize(
    "refused",
    [
        lambda: expected_max_sharpe(0, 1),
        lambda: expected_max_sharpe(2, -1),
        lambda: expected_max_sharpe(2, math.nan),
        lambda: haircut_sharpe(PAPER, n_trials=0.5),
        lambda: minimum_backtest_years(5, annual_sharpe=0),
        lambda: SharpeSample(sharpe=0.1, n_observations=1),
        lambda: SharpeSample(sharpe=math.inf, n_observations=9),
        lambda: PAPER.minimum_observations(confidence=1.0),
        lambda: SharpeSample(sharpe=2.0, n_observations=9, skewness=5).probability(),
    ],
)
def test_what_breaks_a_rule_is_refused(refused):
    with pytest.raises(InputError):
        refused()


def test_returns_are_refused_as_everywhere_else():
    days = pd.date_range("2020-01-01", periods=3, tz="UTC")
    with pytest.raises(BadData):
        SharpeSample.of(pd.Series([0.1, math.nan, 0.2], days))
    with pytest.raises(NotEnoughData):
        SharpeSample.of(pd.Series([0.1], days[:1]))
