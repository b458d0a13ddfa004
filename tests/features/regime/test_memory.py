"""Trend, reversion and noise, of series whose nature is known."""

import math

import numpy as np
import pytest

from nautilus_lab.features import FeatureEngine

REGISTRY = FeatureEngine().registry
DRAW = np.random.default_rng(11)
N = 4_000
WALK = 100 * np.exp(np.cumsum(DRAW.standard_normal(N)) * 0.01)
NOISE = 100 + DRAW.standard_normal(N)


def persistent(weight, seed=1):
    """Return a price whose returns are `weight` times the ones before, and noise."""
    shocks = np.random.default_rng(seed).standard_normal(N)
    returns = np.zeros(N)
    for at in range(1, N):
        returns[at] = weight * returns[at - 1] + shocks[at]
    return 100 * np.exp(np.cumsum(returns) * 0.005)


def reverting(weight, seed=2):
    """Return a price that goes `weight` of the way back to 100 with each bar."""
    shocks = np.random.default_rng(seed).standard_normal(N)
    out = np.full(N, 100.0)
    for at in range(1, N):
        out[at] = out[at - 1] + weight * (100 - out[at - 1]) + shocks[at]
    return out


def mean_of(text, close):
    (found,) = REGISTRY.spec(text).evaluate(close)
    return float(np.nanmean(found))


def test_the_variance_ratio_is_one_of_a_walk_and_what_theory_says_of_others():
    # of returns with autocorrelation rho: VR(2) = 1 + rho
    assert mean_of("variance_ratio(window=1000,lag=2)", WALK) == pytest.approx(1, abs=0.05)
    trend = persistent(0.3)
    assert mean_of("variance_ratio(window=1000,lag=2)", trend) == pytest.approx(1.3, abs=0.05)
    back = persistent(-0.3)
    assert mean_of("variance_ratio(window=1000,lag=2)", back) == pytest.approx(0.7, abs=0.05)


def test_the_half_life_is_that_of_the_process():
    slow = reverting(0.05)
    assert mean_of("half_life(window=2000)", slow) == pytest.approx(math.log(2) / 0.05, rel=0.15)
    up = np.cumsum(np.ones(200)) + 100.0
    assert math.isnan(REGISTRY.spec("half_life").evaluate(up)[0][-1])


def test_the_hurst_exponent_tells_a_walk_from_noise_and_from_a_trend():
    assert mean_of("hurst(window=1000)", WALK) == pytest.approx(0.5, abs=0.06)
    assert mean_of("hurst(window=1000)", NOISE) < 0.05
    assert mean_of("hurst(window=1000)", persistent(0.8)) > 0.75


def test_a_line_has_one_dimension():
    line = np.linspace(100, 200, 400)
    (found,) = REGISTRY.spec("fractal_dimension").evaluate(line + 1e-9, line)
    assert found[-1] == pytest.approx(1.0, abs=0.06)
    (rough,) = REGISTRY.spec("fractal_dimension").evaluate(NOISE + 0.5, NOISE - 0.5)
    assert np.nanmean(rough) > 1.6


def test_entropy_is_none_of_a_line_and_nearly_all_of_noise():
    line = np.linspace(100, 200, 400)
    assert mean_of("permutation_entropy", line) == 0.0
    assert mean_of("permutation_entropy(window=2000)", NOISE) == pytest.approx(1.0, abs=0.01)
