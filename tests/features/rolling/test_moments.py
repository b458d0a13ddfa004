"""Statistics of windows against pandas and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nautilus_lab.features import FeatureEngine, drawn_bars

REGISTRY = FeatureEngine().registry
CLOSE = drawn_bars(300)["close"]
RETURNS = pd.Series(CLOSE).pct_change()


def of(text, close=CLOSE):
    (found,) = REGISTRY.spec(text).evaluate(close)
    return found


def test_moments_are_those_of_pandas():
    pairs = {
        "skewness(window=30)": RETURNS.rolling(30).skew(),
        "kurtosis(window=30)": RETURNS.rolling(30).kurt(),
        "window_return(window=7)": pd.Series(CLOSE).pct_change(7),
        "drawdown(window=40)": 1 - pd.Series(CLOSE) / pd.Series(CLOSE).rolling(40).max(),
    }
    for text, theirs in pairs.items():
        np.testing.assert_allclose(of(text), theirs, rtol=1e-8, atol=1e-12, err_msg=text)


def test_the_distance_from_the_mean_is_the_one_of_scipy():
    theirs = [stats.zscore(CLOSE[at - 19 : at + 1], ddof=1)[-1] for at in range(19, 300)]
    np.testing.assert_allclose(of("zscore")[19:], theirs, rtol=1e-9)


def test_the_autocorrelation_is_pearsons():
    window = RETURNS.to_numpy()[-25:]
    theirs = stats.pearsonr(window[1:], window[:-1]).statistic
    assert of("autocorrelation(window=25)")[-1] == pytest.approx(theirs, rel=1e-10)


def test_of_what_does_not_move_only_the_drawdown_is_known():
    still = np.full(80, 7.0)
    for text in ("zscore", "skewness(window=30)", "kurtosis(window=30)"):
        assert np.isnan(of(text, still)).all()
    assert of("drawdown(window=30)", still)[-1] == 0.0
