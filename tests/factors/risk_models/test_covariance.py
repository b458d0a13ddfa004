import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf
from statsmodels.stats.sandwich_covariance import S_hac_simple

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models import FactorCovariance, SpecificRisk, ledoit_wolf

PLAIN = {
    "volatility_half_life": None,
    "correlation_half_life": None,
    "volatility_lags": 0,
    "correlation_lags": 0,
    "shrinkage": 0.0,
}


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.01, (400, 6)) @ rng.normal(size=(6, 6))
    values[1:] += 0.3 * values[:-1]
    days = pd.date_range("2020-01-01", periods=400, tz="UTC")
    return pd.DataFrame(values, days, list("ABCDEF"))


def test_ledoit_and_wolfs_matrix_is_sklearns(returns):
    found, intensity = ledoit_wolf(returns.iloc[:30])
    expected, shrinkage = sklearn_ledoit_wolf(returns.iloc[:30].to_numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert intensity == pytest.approx(shrinkage, rel=1e-10)


def test_plain_settings_give_the_sample_covariance(returns):
    found = FactorCovariance(**PLAIN).estimate(returns)
    np.testing.assert_allclose(found, returns.cov(ddof=0), rtol=1e-10)


def test_the_correction_for_autocorrelation_is_statsmodels(returns):
    settings = FactorCovariance(**PLAIN | {"volatility_lags": 4, "correlation_lags": 4})
    off = (returns - returns.mean()).to_numpy()
    expected = S_hac_simple(off, nlags=4) / len(off)
    np.testing.assert_allclose(settings.estimate(returns), expected, rtol=1e-10)


def test_variances_of_a_half_life_are_pandas_exponential_ones(returns):
    settings = FactorCovariance(**PLAIN | {"volatility_half_life": 40})
    found = np.diag(settings.estimate(returns))
    expected = returns.ewm(halflife=40).var(bias=True).iloc[-1]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_no_combination_has_a_negative_variance_whatever_the_settings(returns):
    few = returns.iloc[:9]
    settings = FactorCovariance(volatility_half_life=2, correlation_half_life=5, shrinkage=0.0)
    assert np.linalg.eigvalsh(settings.estimate(few)).min() > -1e-16


def test_shrinkage_goes_to_correlations_of_none(returns):
    settings = FactorCovariance(**PLAIN | {"shrinkage": 1.0})
    np.testing.assert_allclose(settings.estimate(returns), np.diag(returns.var(ddof=0)), atol=1e-15)


def test_the_eigen_adjustment_raises_what_samples_understate():
    """Out of sample the least risky combination of a short sample is riskier than it looked."""
    rng = np.random.default_rng(1)
    before, after, truth = [], [], []
    for draw in range(20):
        days = pd.date_range("2020-01-01", periods=60, tz="UTC")
        sample = pd.DataFrame(rng.normal(0, 0.01, (60, 20)), days)
        plain = FactorCovariance(**PLAIN).estimate(sample).to_numpy()
        raised = FactorCovariance(**PLAIN, eigen_adjustment=True, seed=draw).estimate(sample)
        least = np.linalg.eigh(plain)[1][:, 0]
        before.append(least @ plain @ least)
        after.append(least @ raised.to_numpy() @ least)
        truth.append(1e-4)
    assert np.mean(before) < 0.5 * np.mean(truth)
    assert np.mean(before) < np.mean(after)
    assert abs(np.mean(after) - 1e-4) < 0.7 * abs(np.mean(before) - 1e-4)


def test_the_regime_adjustment_follows_what_forecasts_missed():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 0.01, (500, 10))
    values[-40:] *= 3
    days = pd.date_range("2020-01-01", periods=500, tz="UTC")
    calm = FactorCovariance(volatility_half_life=252)
    quick = FactorCovariance(volatility_half_life=252, regime_half_life=21)
    sample = pd.DataFrame(values, days)
    ratio = np.sqrt(np.diag(quick.estimate(sample)) / np.diag(calm.estimate(sample)))
    assert (ratio > 1.4).all()
    np.testing.assert_allclose(ratio, ratio[0])
    even = pd.DataFrame(rng.normal(0, 0.01, (500, 10)), days)
    ratio = np.sqrt(np.diag(quick.estimate(even)) / np.diag(calm.estimate(even)))
    np.testing.assert_allclose(ratio, 1.0, atol=0.15)


def test_a_factor_that_never_varies_is_named(returns):
    with pytest.raises(BadData, match="must vary; got still"):
        FactorCovariance().estimate(returns.assign(still=0.01))
    with pytest.raises(NotEnoughData, match="at least 7 rows"):
        FactorCovariance().estimate(returns.iloc[:6])


@pytest.mark.parametrize(
    "settings",
    [
        {"volatility_half_life": 0},
        {"correlation_half_life": -1},
        {"shrinkage": 1.2},
        {"volatility_lags": -1},
    ],
)
def test_settings_out_of_bounds_are_refused(settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        FactorCovariance(**settings)


def test_specific_risk_without_shrinkage_is_the_deviation_of_each():
    rng = np.random.default_rng(0)
    specific = rng.normal(0, 0.02, (300, 40))
    specific[:100, 3] = np.nan
    plain = SpecificRisk(half_life=None, lags=0, shrinkage=0.0)
    found, own = plain.estimate(specific, np.arange(1.0, 41.0))
    np.testing.assert_allclose(found, np.nanmean(specific**2, axis=0), rtol=1e-12)
    assert own.all()


def test_the_further_off_its_size_group_the_more_an_estimate_is_moved():
    rng = np.random.default_rng(0)
    specific = rng.normal(0, 0.02, (300, 40))
    specific[:, 5] *= 4
    caps = np.ones(40)
    plain, _ = SpecificRisk(half_life=None, lags=0, shrinkage=0.0, size_groups=1).estimate(
        specific, caps
    )
    moved, _ = SpecificRisk(half_life=None, lags=0, size_groups=1).estimate(specific, caps)
    mean = np.sqrt(plain).mean()
    off = np.abs(np.sqrt(plain) - mean)
    weight = off / (np.sqrt((off**2).mean()) + off)
    np.testing.assert_allclose(
        np.sqrt(moved), weight * mean + (1 - weight) * np.sqrt(plain), rtol=1e-12
    )
    assert moved[5] < 0.7 * plain[5]


def test_shrinkage_predicts_the_risk_that_follows_better():
    """Bayes: of many noisy estimates the extreme ones are mostly noise."""
    rng = np.random.default_rng(3)
    true = rng.uniform(0.018, 0.022, 100)
    specific = rng.normal(0, true, (60, 100))
    caps = np.ones(100)
    plain, _ = SpecificRisk(half_life=None, lags=0, shrinkage=0.0, size_groups=1).estimate(
        specific, caps
    )
    moved, _ = SpecificRisk(half_life=None, lags=0, size_groups=1).estimate(specific, caps)
    assert ((np.sqrt(moved) - true) ** 2).mean() < 0.6 * ((np.sqrt(plain) - true) ** 2).mean()


def test_specific_risk_needs_a_symbol_with_history():
    with pytest.raises(NotEnoughData, match="60 specific returns; got 10"):
        SpecificRisk().estimate(np.zeros((10, 3)), np.ones(3))
