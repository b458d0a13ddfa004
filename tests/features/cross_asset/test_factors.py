"""Loadings and risk exposures, beside statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.regression.rolling import RollingOLS

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()
NAMES = ["JPM", "XOM", "WMT"]


@pytest.fixture(scope="module")
def returns(closes):
    return closes.pct_change(fill_method=None).iloc[1:]


def test_loadings_are_those_of_a_rolling_regression(closes, returns, bars_of):
    found = ENGINE.compute(bars_of(closes), ["factor_loading(against=JPM+XOM+WMT)"])
    fit = RollingOLS(returns["AAPL"], sm.add_constant(returns[NAMES]), window=120).fit()
    ours = pd.DataFrame({c.rpartition(".")[2]: found[c]["AAPL"].iloc[1:] for c in found})
    theirs = fit.params.rename(columns={"const": "alpha"})
    pd.testing.assert_frame_equal(
        ours[theirs.columns], theirs, rtol=1e-8, atol=1e-12, check_freq=False, check_names=False
    )
    known = ours.iloc[119:]
    assert known["r_squared"].to_numpy() == pytest.approx(fit.rsquared.iloc[119:].to_numpy())
    specific = np.sqrt(fit.mse_resid.iloc[119:].to_numpy() * 252)
    assert known["specific_volatility"].to_numpy() == pytest.approx(specific)


def test_shares_of_risk_are_eulers_and_add_up(closes, returns, bars_of):
    found = ENGINE.compute(bars_of(closes), ["factor_risk(against=JPM+XOM+WMT)"])
    last = {c.rpartition(".")[2]: found[c]["AAPL"].iloc[-1] for c in found}
    assert sum(last.values()) == pytest.approx(1, abs=1e-12)
    part = returns.iloc[-120:]
    slopes = sm.OLS(part["AAPL"], sm.add_constant(part[NAMES])).fit().params[NAMES]
    covariance = part[NAMES].cov()
    shares = slopes * (covariance @ slopes) / part["AAPL"].var()
    assert [last[name] for name in NAMES] == pytest.approx(shares.tolist(), rel=1e-8)


def test_a_frame_of_references_says_the_same_as_the_symbols(closes, returns, bars_of):
    named = returns[NAMES].rename(columns=dict(zip(NAMES, "ABC", strict=True)))
    of_symbols = ENGINE.compute(bars_of(closes), ["factor_loading(against=JPM+XOM+WMT)"])
    # The first return has no bar before it: a level begins with it, and a return with the second.
    found = ENGINE.compute(
        bars_of(closes), ["factor_loading(against=A+B+C)"], references=named
    ).array
    assert found[:, :, 121:] == pytest.approx(of_symbols.array[:, :, 121:], rel=1e-8, abs=1e-12)
    assert np.isnan(found[:, :, :121]).all()


def test_references_that_are_one_anothers_sum_have_no_loadings(closes, returns, bars_of):
    made = returns[["JPM", "XOM"]].rename(columns={"JPM": "A", "XOM": "B"})
    made["C"] = made["A"]
    found = ENGINE.compute(bars_of(closes), ["factor_loading(against=A+B+C)"], references=made)
    assert np.isnan(found.array).all()


def test_names_are_asked_for_once_and_not_too_many():
    with pytest.raises(InputError, match="each once"):
        ENGINE.registry["factor_loading"](against=("A", "A"))
    with pytest.raises(InputError, match="up to 12 series"):
        ENGINE.registry["factor_loading"](against=tuple("ABCDEFGHIJKLM"))
    with pytest.raises(InputError, match="rsi is against nothing"):
        ENGINE.registry.spec("rsi(against=A)")
