"""What trades say by themselves."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features.microstructure._rolling_kernels import rolling_sum
from nautilus_lab.features.microstructure._trades import (
    realised_variance,
    trade_imbalance,
    trade_roll_spread,
)

DRAW = np.random.default_rng(5)


def test_the_imbalance_is_what_was_bought_more():
    side, size = np.array([1.0, -1.0, 1.0, 0.0]), np.array([3.0, 1.0, 4.0, 5.0])
    found = trade_imbalance(side, size, window=2)
    assert np.array_equal(found, [np.nan, 0.5, 0.6, 4 / 9], equal_nan=True)


@pytest.mark.parametrize("window", [1, 2, 7, 50, 99, 100, 101])
def test_sums_of_windows_are_those_of_fsum(window):
    x = DRAW.standard_normal(100) * 10.0 ** DRAW.integers(-8, 8, 100)
    found = rolling_sum(x, window)
    assert np.isnan(found[: window - 1]).all()
    for at in range(window - 1, 100):
        exact = math.fsum(x[at - window + 1 : at + 1])
        scale = np.abs(x[at - window + 1 : at + 1]).sum()
        assert abs(found[at] - exact) <= 1e-15 * window * scale


def test_a_number_that_was_huge_leaves_no_error_behind():
    x = np.ones(1_000)
    x[100] = 1e18
    assert (rolling_sum(x, 10)[110:] == 10.0).all()


def test_realised_variance_and_bipower_worked_by_hand():
    price = np.exp(np.cumsum([0.0, 0.1, -0.2, 0.3]))
    variance, bipower = realised_variance(price, window=3)
    assert np.isnan([variance[:3], bipower[:3]]).all()
    assert variance[3] == pytest.approx(0.01 + 0.04 + 0.09)
    assert bipower[3] == pytest.approx(math.pi / 2 * 3 / 2 * (0.02 + 0.06))


def test_a_jump_raises_the_variance_and_hardly_the_bipower():
    returns = DRAW.standard_normal(2_000) * 0.001
    returns[1_000] = 0.2
    variance, bipower = (
        one[-1] for one in realised_variance(np.exp(returns.cumsum()), window=1_999)
    )
    assert variance == pytest.approx(0.042, rel=0.01)
    assert bipower == pytest.approx(0.002, rel=0.3)


def test_a_planted_spread_is_found_again_by_roll():
    # Roll's own model: a value that wanders, struck half a spread off it on either side
    value = 100 + np.cumsum(DRAW.standard_normal(40_000) * 0.01)
    price = value + 0.05 * DRAW.choice([-1.0, 1.0], 40_000)
    spread, relative = (one[-1] for one in trade_roll_spread(price, window=39_998))
    assert spread == pytest.approx(0.1, rel=0.02)
    assert relative == pytest.approx(spread / price[-1])


def test_roll_is_the_covariance_of_neighbours_and_negative_where_prices_trend():
    price = 100 + np.cumsum(DRAW.standard_normal(300))
    change = pd.Series(price).diff()
    theirs = change.rolling(50).cov(change.shift()).to_numpy()
    found = trade_roll_spread(price, window=50)[0]
    assert np.isnan(found[:51]).all()
    assert found[51:] == pytest.approx(-2 * np.sign(theirs[51:]) * np.sqrt(np.abs(theirs[51:])))
    assert (found[51:] < 0).any()
    assert (found[51:] > 0).any()


def test_a_price_that_stands_still_has_no_spread():
    assert (trade_roll_spread(np.full(10, 5.0), window=3)[0][4:] == 0).all()
