"""How much price moves for what is traded."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from nautilus_lab.features.microstructure._impact import amihud, hasbrouck_lambda, kyle_lambda

DRAW = np.random.default_rng(3)
SIDE = DRAW.choice([-1.0, 1.0], 400)
SIZE = DRAW.integers(1, 100, 400).astype(float)


def test_a_planted_lambda_is_found_again():
    price = 100 + np.cumsum(0.002 * SIDE * SIZE)
    assert kyle_lambda(price, SIDE, SIZE, window=50)[50:] == pytest.approx(0.002, rel=1e-9)


@pytest.mark.parametrize("drift", [0.0, 50.0])
def test_the_slopes_are_those_of_statsmodels(drift):
    price = 1_000 + np.cumsum(0.002 * SIDE * SIZE + DRAW.standard_normal(400) * 0.1 + drift)
    kyle = kyle_lambda(price, SIDE, SIZE, window=60)
    hasbrouck = hasbrouck_lambda(price, SIDE, SIZE, window=60)
    for end in (60, 61, 119, 120, 250, 399):
        rows = slice(end - 59, end + 1)
        flow = sm.add_constant((SIDE * SIZE)[rows])
        theirs = sm.OLS(np.diff(price)[end - 60 : end], flow).fit().params[1]
        assert kyle[end] == pytest.approx(theirs, rel=1e-9)
        paid = sm.add_constant((SIDE * np.sqrt(price * SIZE))[rows])
        theirs = sm.OLS(np.diff(np.log(price))[end - 60 : end], paid).fit().params[1]
        assert hasbrouck[end] == pytest.approx(theirs, rel=1e-9)


def test_flows_that_are_all_the_same_have_no_slope():
    price = 100 + np.cumsum(DRAW.standard_normal(50))
    for size in (1.0, 0.1, 1e-8, 1e12):
        assert np.isnan(kyle_lambda(price, np.ones(50), np.full(50, size), window=10)).all()


def test_flows_that_hardly_differ_keep_their_digits():
    size = 1e6 + DRAW.standard_normal(80)
    price = 100 + np.cumsum(0.5 * size)
    found = kyle_lambda(price, np.ones(80), size, window=20)[20:]
    for end, value in enumerate(found, 20):
        flow, moved = size[end - 19 : end + 1], np.diff(price)[end - 20 : end]
        theirs = np.polynomial.Polynomial.fit(flow - flow.mean(), moved, 1).convert().coef[1]
        assert value == pytest.approx(theirs, rel=1e-6)


def test_amihud_is_the_mean_of_moves_per_money():
    close, volume = np.array([10.0, 11.0, 11.0, 9.9]), np.array([5.0, 100.0, 50.0, 200.0])
    # 10 % on 1100, nothing on 550, 10 % on 1980, times a million
    found = amihud(close, volume, window=3)
    assert np.isnan(found[:3]).all()
    assert found[3] == pytest.approx(1e6 * (0.1 / 1_100 + 0.1 / 1_980) / 3)
    assert amihud(close, volume, window=3, scale=1.0)[3] == pytest.approx(found[3] / 1e6)


def test_amihud_does_not_know_a_window_with_a_bar_that_did_not_trade():
    close, volume = DRAW.uniform(9, 11, 30), np.full(30, 10.0)
    volume[10] = 0.0
    found = amihud(close, volume, window=5)
    assert np.isnan(found[10:15]).all()
    assert np.isfinite(found[15:]).all()
    theirs = pd.Series(close).pct_change().abs() / (close * volume) * 1e6
    assert found[15:] == pytest.approx(theirs.rolling(5).mean()[15:].to_numpy())
