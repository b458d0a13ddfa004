"""Fear, as options and futures on volatility tell it."""

import numpy as np
import pandas as pd

from nautilus_lab.features import FeatureEngine, drawn_bars

REGISTRY = FeatureEngine().registry
CLOSE = drawn_bars(400)["close"]
VIX = 15 + 5 * np.sin(np.arange(400) / 9) + np.random.default_rng(3).standard_normal(400)


def test_puts_over_calls_are_of_the_sums():
    puts, calls = np.array([10.0, 30, 20, 0]), np.array([20.0, 20, 0, 0])
    (found,) = REGISTRY.spec("put_call_ratio(window=2)").evaluate(puts, calls)
    assert found[1:3].tolist() == [1.0, 2.5]
    assert np.isnan(found[[0, 3]]).all()


def test_the_slope_is_negative_when_the_front_is_above():
    back = np.full(400, 17.0)
    slope, percentile = REGISTRY.spec("volatility_term(window=50)").evaluate(VIX, back)
    assert ((slope[49:] < 0) == (VIX[49:] > 17)).all()
    theirs = pd.Series(back / VIX - 1).rolling(50).rank(pct=True, method="max")
    np.testing.assert_allclose(percentile, theirs)


def test_the_rank_is_between_the_least_and_the_most():
    rank, percentile = REGISTRY.spec("implied_volatility_rank(window=60)").evaluate(VIX)
    rolling = pd.Series(VIX).rolling(60)
    theirs = (VIX - rolling.min()) / (rolling.max() - rolling.min())
    np.testing.assert_allclose(rank, theirs)
    np.testing.assert_allclose(percentile, rolling.rank(pct=True, method="max"))


def test_the_premium_is_implied_less_realised_variance():
    premium, ratio = REGISTRY.spec("volatility_risk_premium").evaluate(VIX, CLOSE)
    returns = np.log(pd.Series(CLOSE)).diff()
    realised = (returns**2).rolling(21).mean() * 252
    np.testing.assert_allclose(premium, (VIX / 100) ** 2 - realised)
    np.testing.assert_allclose(ratio, VIX / 100 / np.sqrt(realised))
    fraction = REGISTRY.spec("volatility_risk_premium(unit=1)").evaluate(VIX / 100, CLOSE)
    np.testing.assert_allclose(fraction[0], premium)
