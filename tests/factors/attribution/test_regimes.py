import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from nautilus_lab.analytics import annual_volatility, max_drawdown, sharpe_ratio
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.attribution import performance_by
from nautilus_lab.risk import volatility_regimes

DAYS = pd.bdate_range("2018-01-01", periods=800, tz="UTC")


@pytest.fixture(scope="module")
def regime():
    names = np.array(["bull", "bear", "flat"])[np.arange(800) // 40 % 3]
    return pd.Series(names, DAYS)


@pytest.fixture(scope="module")
def returns(regime):
    rng = np.random.default_rng(0)
    mean = regime.map({"bull": 0.002, "bear": -0.001, "flat": 0.0})
    wild = regime.map({"bull": 0.008, "bear": 0.02, "flat": 0.006})
    noise = rng.normal(size=800)
    noise[1:] += 0.2 * noise[:-1]
    return mean + wild * noise


def test_each_row_is_analytics_of_the_returns_of_its_regime(returns, regime):
    found = performance_by(returns, regime, periods_per_year=252)
    part = returns[regime.shift(1) == "bear"]
    row = found.table.loc["bear"]
    assert row["periods"] == len(part)
    assert row["volatility"] == pytest.approx(annual_volatility(part, periods_per_year=252))
    assert row["sharpe"] == pytest.approx(sharpe_ratio(part, periods_per_year=252))
    assert row["mean"] == pytest.approx(part.mean() * 252)
    assert row["hit_rate"] == (part > 0).mean()
    spells = (regime.shift(1) != "bear").cumsum()[part.index]
    deepest = min(max_drawdown(one).depth for _, one in part.groupby(spells))
    assert row["drawdown"] == pytest.approx(deepest)
    assert found.unlabelled == 1


def test_errors_and_the_test_of_means_are_statsmodels(returns, regime):
    found = performance_by(returns, regime, periods_per_year=252, lags=5)
    told = regime.shift(1).dropna()
    dummies = pd.get_dummies(told, dtype=float)
    fit = sm.OLS(returns.loc[told.index], dummies).fit(
        cov_type="HAC", cov_kwds={"maxlags": 5, "use_correction": True}
    )
    np.testing.assert_allclose(found.table["mean_error"] / 252, fit.bse, rtol=1e-10)
    np.testing.assert_allclose(found.table["t"], fit.tvalues, rtol=1e-9)
    test = fit.wald_test("bear = bull, bear = flat", use_f=False, scalar=True)
    assert found.mean_statistic == pytest.approx(float(test.statistic), rel=1e-9)
    assert found.mean_p == pytest.approx(float(test.pvalue), rel=1e-8)


def test_the_test_of_volatilities_is_scipys(returns, regime):
    found = performance_by(returns, regime, periods_per_year=252)
    told = regime.shift(1)
    split = [returns[told == name] for name in ("bear", "bull", "flat")]
    assert found.volatility_p == pytest.approx(stats.levene(*split, center="median").pvalue)
    assert found.volatility_p < 1e-6


def test_errors_of_sharpe_and_volatility_are_those_that_repeated_samples_show():
    rng = np.random.default_rng(1)
    days = pd.bdate_range("2018-01-01", periods=400, tz="UTC")
    regime = pd.Series(np.arange(400) % 2, days).map({0: "a", 1: "b"})
    told = []
    for _ in range(150):
        sample = pd.Series(0.002 + 0.01 * rng.standard_t(6, 400), days)
        told.append(performance_by(sample, regime, periods_per_year=252, delay=0).table.loc["a"])
    rows = pd.DataFrame(told)
    for name in ("sharpe", "volatility", "hit_rate", "mean"):
        assert rows[f"{name}_error"].mean() == pytest.approx(rows[name].std(), rel=0.2)


def test_a_label_is_held_against_the_return_after_it(returns, regime):
    """Without the delay a label made from the period's own return looks like a gold mine."""
    peek = pd.Series(np.where(returns > 0, "up", "down"), DAYS)
    honest = performance_by(returns, peek, periods_per_year=252)
    cheat = performance_by(returns, peek, periods_per_year=252, delay=0)
    assert cheat.table.loc["up", "sharpe"] > 10
    assert abs(honest.table.loc["up", "sharpe"]) < 5
    assert "delay 0" in cheat.provenance.caption
    assert "delay 0" not in honest.provenance.caption


def test_labels_after_a_return_have_no_part_in_it(returns, regime):
    whole = performance_by(returns.iloc[:300], regime.iloc[:300], periods_per_year=252)
    torn = regime.copy()
    torn.iloc[300:] = "crash"
    other = performance_by(returns.iloc[:300], torn, periods_per_year=252)
    pd.testing.assert_frame_equal(whole.table, other.table)


def test_drawdowns_do_not_reach_over_the_gap_between_episodes():
    days = pd.bdate_range("2020-01-01", periods=8, tz="UTC")
    returns = pd.Series([-0.1, -0.1, 0.01, 0.01, -0.1, -0.1, 0.01, 0.02], days)
    regime = pd.Series(list("aabbaabb"), days)
    found = performance_by(returns, regime, periods_per_year=252, delay=0, lags=0)
    assert found.table.loc["a", "drawdown"] == pytest.approx(-0.19)
    assert found.table.loc["a", "episodes"] == 2
    assert found.transitions.loc["a", "b"] == pytest.approx(0.5)
    assert "2 episodes only" in found.provenance.caption


def test_regimes_of_volatility_fit_as_they_are():
    rng = np.random.default_rng(3)
    wild = np.where(np.arange(800) // 100 % 2, 0.02, 0.006)
    returns = pd.Series(rng.normal(0.0003, wild), DAYS)
    found = performance_by(
        returns, volatility_regimes(returns).labels, periods_per_year=252, delay=0
    )
    assert found.table.loc["stressed", "volatility"] > 2 * found.table.loc["calm", "volatility"]
    assert found.unlabelled == 800 - found.table["periods"].sum()


def test_bad_input_is_named(returns, regime):
    with pytest.raises(NotEnoughData, match="one regime: bull"):
        performance_by(returns, pd.Series("bull", DAYS), periods_per_year=252)
    rare = regime.copy()
    rare.iloc[400] = "crash"
    with pytest.raises(NotEnoughData, match="too few of crash"):
        performance_by(returns, rare, periods_per_year=252)
    with pytest.raises(InputError, match="labels and returns must share times"):
        performance_by(returns, regime.shift(2000, freq="D"), periods_per_year=252)
    with pytest.raises(InputError, match="delay must be a whole number of at least 0; got -1"):
        performance_by(returns, regime, periods_per_year=252, delay=-1)
    with pytest.raises(InputError, match="tz-aware"):
        performance_by(returns, regime.tz_localize(None), periods_per_year=252)
    with pytest.raises(BadData, match="sorted by time"):
        performance_by(returns, regime.iloc[::-1], periods_per_year=252)
    lost = returns.copy()
    lost.iloc[7] = -1.0
    with pytest.raises(BadData, match="loss of everything"):
        performance_by(lost, regime, periods_per_year=252)


def test_labels_may_be_numbers_flags_or_categories(returns):
    on = np.arange(800) // 50 % 2
    for labels, names in (
        (pd.Series(on, DAYS), ["0", "1"]),
        (pd.Series(on == 1, DAYS), ["False", "True"]),
        (pd.Series(np.where(on, "up", "down"), DAYS, dtype="category"), ["down", "up"]),
    ):
        found = performance_by(returns, labels, periods_per_year=252)
        assert list(found.table.index) == names


def test_returns_that_never_move_are_refused_and_two_flat_regimes_have_no_test():
    days = pd.bdate_range("2020-01-01", periods=30, tz="UTC")
    regime = pd.Series(["a", "b", "c"] * 10, days)
    with pytest.raises(BadData, match="returns must vary; got 0 throughout"):
        performance_by(pd.Series(0.0, days), regime, periods_per_year=252)
    some = pd.Series(np.where(regime == "c", np.linspace(-0.01, 0.02, 30), 0.0), days)
    found = performance_by(some, regime, periods_per_year=252, delay=0, lags=0)
    assert math.isnan(found.mean_p) or found.mean_p >= 0


def test_a_regime_that_never_moves_has_no_ratio():
    days = pd.bdate_range("2020-01-01", periods=20, tz="UTC")
    regime = pd.Series(["a", "b"] * 10, days)
    returns = pd.Series(np.where(regime == "a", 0.0, np.linspace(-0.01, 0.02, 20)), days)
    found = performance_by(returns, regime, periods_per_year=252, delay=0)
    assert math.isnan(found.table.loc["a", "sharpe"])
    assert found.table.loc["a", "volatility"] == 0.0


def test_it_shows_and_draws(returns, regime):
    found = performance_by(returns, regime, periods_per_year=252)
    assert repr(found).startswith("RegimePerformance(sharpe={bear:")
    assert "Performance by regime" in found.tear_sheet().text
    assert "< 0.001" in dataclasses.replace(found, volatility_p=1e-9).tear_sheet().text
    found.plot()
