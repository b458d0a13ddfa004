import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.multivariate.multivariate_ols import _MultivariateOLS
from statsmodels.regression.rolling import RollingOLS

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models import (
    TimeSeriesModel,
    factor_regression,
    joint_alpha_test,
    risk_premiums,
    rolling_regression,
)
from nautilus_lab.provenance import Provenance, mark

FACTORS = ["Mkt-RF", "SMB", "HML"]


@pytest.fixture(scope="module")
def factors(french):
    return french[FACTORS].iloc[-360:]


@pytest.fixture(scope="module")
def assets(factors):
    """Declared synthetic portfolios on the real factors, whose errors follow each other."""
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.01, (len(factors), 8))
    noise[1:] += 0.4 * noise[:-1]
    loads = rng.normal([1.0, 0.3, 0.2], 0.4, (8, 3))
    values = factors.to_numpy() @ loads.T + noise + rng.normal(0, 0.002, 8)
    return pd.DataFrame(values, factors.index, [f"P{i}" for i in range(8)])


@pytest.mark.parametrize("lags", [0, 3, 12])
def test_estimates_and_errors_are_those_of_statsmodels(assets, factors, french, lags):
    rate = french["RF"].loc[factors.index]
    found = factor_regression(assets, factors, risk_free=rate, lags=lags)
    for symbol in assets:
        peer = sm.OLS(assets[symbol] - rate, sm.add_constant(factors)).fit(
            cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
        )
        told = found.coefficients(symbol)
        np.testing.assert_allclose(told["estimate"], peer.params, rtol=1e-9)
        np.testing.assert_allclose(told["standard error"], peer.bse, rtol=1e-9)
        np.testing.assert_allclose(told["t"], peer.tvalues, rtol=1e-8)
        np.testing.assert_allclose(told["p"], peer.pvalues, rtol=1e-6, atol=1e-300)
        assert found.r_squared[symbol] == pytest.approx(peer.rsquared, rel=1e-10)
        assert found.adjusted_r_squared[symbol] == pytest.approx(peer.rsquared_adj, rel=1e-10)
        np.testing.assert_allclose(found.residuals[symbol], peer.resid, atol=1e-14)


def test_lags_follow_newey_and_west_unless_given(assets, factors):
    assert factor_regression(assets, factors).lags == int(4 * (360 / 100) ** (2 / 9))


def test_hml_regressed_on_the_market_of_ninety_years(french):
    """Against statsmodels on all that arch ships: the value premium was not the market's."""
    found = factor_regression(french["HML"], french[["Mkt-RF"]], lags=6, periods_per_year=12)
    peer = sm.OLS(french["HML"], sm.add_constant(french[["Mkt-RF"]])).fit(
        cov_type="HAC", cov_kwds={"maxlags": 6, "use_correction": True}
    )
    assert found.t.loc["HML", "alpha"] == pytest.approx(peer.tvalues.iloc[0], rel=1e-9)
    assert 0.002 < found.alpha["HML"] < 0.005
    assert (
        "alpha a year" in found.tear_sheet().text or "Mean alpha, a year" in found.tear_sheet().text
    )


def test_the_daily_five_factors_agree_with_statsmodels(shared_data):
    data = pd.read_parquet(shared_data / "ff5_daily_2016_2023.parquet").set_index("Date") / 100
    data.index = pd.DatetimeIndex(data.index).tz_localize("UTC")
    columns = ["Mkt-RF", "SMB", "HML", "RMW"]
    found = factor_regression(data["CMA"], data[columns], lags=7)
    peer = sm.OLS(data["CMA"], sm.add_constant(data[columns])).fit(
        cov_type="HAC", cov_kwds={"maxlags": 7, "use_correction": True}
    )
    np.testing.assert_allclose(found.coefficients("CMA")["t"], peer.tvalues, rtol=1e-8)
    rolled = rolling_regression(data["CMA"], data[columns], window=252)
    peer = RollingOLS(data["CMA"], sm.add_constant(data[columns]), window=252).fit()
    np.testing.assert_allclose(rolled.of("CMA"), peer.params, atol=1e-9)


def test_rolling_windows_are_those_of_statsmodels(assets, factors):
    found = rolling_regression(assets, factors, window=60)
    for symbol in ("P0", "P5"):
        peer = RollingOLS(assets[symbol], sm.add_constant(factors), window=60).fit()
        np.testing.assert_allclose(found.of(symbol), peer.params, rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(found.t["HML"][symbol], peer.tvalues["HML"], rtol=1e-7)
        np.testing.assert_allclose(found.r_squared[symbol], peer.rsquared, rtol=1e-8)


def test_what_a_factor_explains_wholly_keeps_its_digits_in_windows_too(factors):
    rng = np.random.default_rng(0)
    almost = (factors @ [1.0, 0.5, 0.2] + rng.normal(0, 1e-7, len(factors))).rename("copy")
    found = rolling_regression(almost, factors, window=60)
    peer = RollingOLS(almost, sm.add_constant(factors), window=60).fit()
    np.testing.assert_allclose(found.t["HML"]["copy"], peer.tvalues["HML"], rtol=1e-3)


def test_a_rolling_row_knows_nothing_of_what_follows(assets, factors):
    whole = rolling_regression(assets, factors, window=60)
    cut = rolling_regression(assets.iloc[:200], factors.iloc[:200], window=60)
    pd.testing.assert_frame_equal(whole.betas["SMB"].iloc[:200], cut.betas["SMB"])


def test_the_joint_test_is_the_exact_multivariate_test_of_the_intercepts(assets, factors):
    """Which for one linear restriction is F distributed, whatever of the four statistics."""
    found = joint_alpha_test(factor_regression(assets, factors))
    peer = _MultivariateOLS(assets.to_numpy(), sm.add_constant(factors).to_numpy()).fit()
    test = peer.mv_test([("intercept", np.array([[1.0, 0.0, 0.0, 0.0]]))])
    row = test.results["intercept"]["stat"].loc["Wilks' lambda"]
    assert found.statistic == pytest.approx(float(row["F Value"]), rel=1e-9)
    assert found.p == pytest.approx(float(row["Pr > F"]), rel=1e-7)
    assert found.degrees == (int(row["Num DF"]), int(row["Den DF"]))


def test_premiums_without_correction_are_the_mean_of_monthly_regressions(assets, factors):
    found = risk_premiums(assets, factors)
    betas = factor_regression(assets, factors).betas
    monthly = np.array(
        [sm.OLS(row, sm.add_constant(betas)).fit().params for _, row in assets.iterrows()]
    )
    np.testing.assert_allclose(found.premiums, monthly.mean(axis=0), atol=1e-14)
    errors = monthly.std(axis=0, ddof=1) / math.sqrt(len(monthly))
    np.testing.assert_allclose(found.standard_errors["fama_macbeth"], errors, rtol=1e-10)


def test_shankens_errors_are_those_that_repeated_samples_show():
    """Estimated betas add to the variance: with a Sharpe ratio near 1 a period, by almost 2."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2000-01-31", periods=120, freq="ME", tz="UTC")
    load = rng.uniform(0.5, 1.5, 25)
    premiums, told, plain = [], [], []
    for _ in range(150):
        paid = rng.normal(0.03, 0.03, (120, 1))
        returns = pd.DataFrame(paid * load + rng.normal(0, 0.06, (120, 25)), days)
        found = risk_premiums(returns, pd.DataFrame(paid, days, ["f"]))
        # The error that betas bring, apart from the factor's own mean.
        premiums.append(found.premiums["intercept"])
        told.append(found.standard_errors.loc["intercept", "shanken"])
        plain.append(found.standard_errors.loc["intercept", "fama_macbeth"])
    spread = np.std(premiums, ddof=1)
    assert np.mean(told) == pytest.approx(spread, rel=0.2)
    assert np.mean(plain) < 0.85 * spread


def test_the_model_of_time_series_adds_up_to_the_sample_covariance(assets, factors):
    """With equal weights, no lags and no shrinkage, variances differ by degrees of freedom only."""
    from nautilus_lab.factors.risk_models import FactorCovariance

    plain = FactorCovariance(
        volatility_half_life=None,
        correlation_half_life=None,
        volatility_lags=0,
        correlation_lags=0,
        shrinkage=0.0,
    )
    model = TimeSeriesModel(factor_covariance=plain).fit(assets, factors)
    np.testing.assert_allclose(model.factor_covariance, factors.cov(ddof=0), rtol=1e-10)
    specific = model.specific_variance * (360 - 4) / 360
    explained = model.covariance().to_numpy() - np.diag(model.specific_variance)
    np.testing.assert_allclose(np.diag(explained) + specific, assets.var(ddof=0), rtol=1e-9)


def test_collinear_factors_are_named(assets, factors):
    twice = factors.assign(market=factors["Mkt-RF"] * 2 + factors["SMB"])
    with pytest.raises(BadData, match="collinear: Mkt-RF, SMB, market"):
        factor_regression(assets, twice)
    with pytest.raises(BadData, match="must vary; got one"):
        factor_regression(assets, factors.assign(one=1.0))


def test_a_window_in_which_factors_are_collinear_is_named(assets, factors):
    same = factors.copy()
    same.iloc[100:170, 1] = 3 * same.iloc[100:170, 2]
    with pytest.raises(BadData, match=r"collinear: SMB, HML in the window up to"):
        rolling_regression(assets, same, window=60)


def test_times_that_differ_are_named(assets, factors):
    with pytest.raises(InputError, match="1 missing, the first 1989"):
        factor_regression(assets, factors.drop(factors.index[5]))
    with pytest.raises(InputError, match="risk_free must have the times"):
        factor_regression(assets, factors, risk_free=assets["P0"].iloc[:-1])


def test_too_few_periods_are_refused(assets, factors):
    with pytest.raises(NotEnoughData, match="at least 6 periods"):
        factor_regression(assets.iloc[:5], factors.iloc[:5])
    with pytest.raises(NotEnoughData, match="more periods than symbols"):
        joint_alpha_test(factor_regression(assets.iloc[:11], factors.iloc[:11]))
    with pytest.raises(InputError, match="window must be a whole number from 5 to 360; got 4"):
        rolling_regression(assets, factors, window=4)
    with pytest.raises(InputError, match=r"window must be a whole number.*got 60\.5"):
        rolling_regression(assets, factors, window=60.5)
    with pytest.raises(InputError, match=r"lags must be a whole number from 0 to 359; got 2\.5"):
        factor_regression(assets, factors, lags=2.5)


def test_what_is_no_frame_and_no_rate_is_named(assets, factors):
    with pytest.raises(InputError, match="factors must be a DataFrame"):
        factor_regression(assets["P0"], [1, 2])
    with pytest.raises(InputError, match="rate of one period; got x"):
        factor_regression(assets, factors, risk_free="x")
    with pytest.raises(InputError, match="no factor may be named alpha"):
        factor_regression(assets, factors.rename(columns={"HML": "alpha"}))


def test_a_portfolio_made_of_the_factors_is_named_by_the_joint_test(assets, factors):
    made = assets.assign(index=factors["Mkt-RF"] * 2)
    with pytest.raises(BadData, match="nothing of index"):
        joint_alpha_test(factor_regression(made, factors))


def test_residuals_that_sum_to_nothing_are_named_by_the_joint_test(assets, factors):
    closed = assets.assign(all=-assets.sum(axis=1) + 9 * factors["Mkt-RF"])
    with pytest.raises(BadData, match="collinear"):
        joint_alpha_test(factor_regression(closed, factors))


def test_a_gap_is_named(assets, factors):
    gap = assets.copy()
    gap.iloc[3, 2] = np.nan
    with pytest.raises(BadData, match="P2 at 1989"):
        factor_regression(gap, factors)


def test_a_perfect_copy_of_a_factor_has_no_error_and_no_warning(factors):
    found = factor_regression(factors["SMB"] * 2, factors)
    assert found.betas.loc["portfolio", "SMB"] == pytest.approx(2.0)
    assert found.r_squared["portfolio"] == pytest.approx(1.0)


def test_answers_show_what_their_data_is(assets, factors):
    marked = mark(assets, Provenance(simulated=True))
    for found in (
        factor_regression(marked, factors),
        rolling_regression(marked, factors, window=60),
        risk_premiums(marked, factors),
    ):
        assert "SIMULATED DATA" in found._repr_mimebundle_()["text/html"]
    factor_regression(marked, factors).plot()
    factor_regression(marked["P0"], factors).plot()
    rolling_regression(marked, factors, window=60).plot()
