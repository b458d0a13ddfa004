"""Comovement, beside pandas, numpy and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()
OTHER = "JPM"


@pytest.fixture(scope="module")
def returns(closes):
    return closes.pct_change(fill_method=None)


def test_correlation_and_beta_are_those_of_pandas(closes, returns, bars_of):
    found = ENGINE.compute(
        bars_of(closes),
        [f"correlation(against={OTHER})", f"market_beta(against={OTHER},window=30)"],
    )
    theirs = returns.rolling(60).corr(returns[OTHER])
    pd.testing.assert_frame_equal(
        found[f"correlation(against={OTHER})"],
        theirs,
        rtol=1e-9,
        check_freq=False,
        check_names=False,
    )
    other = returns[OTHER]
    theirs = returns.rolling(30).cov(other).div(other.rolling(30).var(), axis=0)
    ours = found[f"market_beta(against={OTHER}, window=30)"]
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9, check_freq=False, check_names=False)


def test_beta_and_what_is_left_are_those_of_a_regression_by_statsmodels(closes, returns, bars_of):
    found = ENGINE.compute(
        bars_of(closes),
        [f"market_beta(against={OTHER})", f"idiosyncratic_volatility(against={OTHER})"],
    )
    for at in (60, 200, 419):
        y, x = (returns[name].iloc[at - 59 : at + 1] for name in ("AAPL", OTHER))
        fit = sm.OLS(y, sm.add_constant(x)).fit()
        slope, rest = (found[column]["AAPL"].iloc[at] for column in found)
        assert slope == pytest.approx(fit.params[OTHER], rel=1e-10)
        assert rest == pytest.approx(np.sqrt(fit.mse_resid * 252), rel=1e-10)


def test_of_itself_it_is_all_and_nothing_is_left(closes, bars_of):
    asked = [f"{name}(against={OTHER})" for name in ("correlation", "idiosyncratic_volatility")]
    found = ENGINE.compute(bars_of(closes), [*asked, f"market_beta(against={OTHER})"])
    last = [found[column][OTHER].iloc[-1] for column in found]
    assert last == pytest.approx([1, 0, 1], abs=1e-9)


def test_coskewness_is_that_of_its_formula(closes, returns, bars_of):
    found = ENGINE.compute(bars_of(closes), [f"coskewness(against={OTHER})"])
    x, y = (returns[name].iloc[-60:].to_numpy() for name in ("AAPL", OTHER))
    x, y = x - x.mean(), y - y.mean()
    said = (x * y**2).mean() / (x.std() * y.var())
    assert found[f"coskewness(against={OTHER})"]["AAPL"].iloc[-1] == pytest.approx(said, rel=1e-10)
    own = pd.Series(returns[OTHER].iloc[-60:])
    biased = float(((own - own.mean()) ** 3).mean() / own.std(ddof=0) ** 3)
    assert found[f"coskewness(against={OTHER})"][OTHER].iloc[-1] == pytest.approx(biased, rel=1e-9)


def test_the_betas_of_bad_and_good_days_are_the_slopes_over_these(closes, returns, bars_of):
    found = ENGINE.compute(bars_of(closes), [f"half_beta(against={OTHER})"])
    x, y = (returns[name].iloc[-120:].to_numpy() for name in ("AAPL", OTHER))
    bad = y < y.mean()
    for column, days in (("down", bad), ("up", ~bad)):
        slope = np.polyfit(y[days], x[days], 1)[0]
        ours = found[f"half_beta(against={OTHER}).{column}"]["AAPL"].iloc[-1]
        assert ours == pytest.approx(slope, rel=1e-9)


def test_a_price_that_stands_still_in_a_window_has_no_value_there(closes, bars_of):
    halted = closes[["AAPL", OTHER]].copy()
    halted.iloc[200:300, 0] = 50.0
    found = ENGINE.compute(bars_of(halted), [f"correlation(against={OTHER},window=20)"])
    column = found[f"correlation(against={OTHER}, window=20)"]["AAPL"]
    assert column.iloc[221:300].isna().all()
    assert column.iloc[301:].notna().all()


def test_a_price_that_grows_evenly_has_no_correlation(closes, bars_of):
    even = closes[["AAPL", OTHER]].copy()
    even["AAPL"] = 100 * 1.001 ** np.arange(len(even))
    found = ENGINE.compute(bars_of(even), [f"correlation(against={OTHER})"])
    assert found[f"correlation(against={OTHER})"]["AAPL"].isna().all()
