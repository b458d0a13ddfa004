import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.risk import (
    LIQUIDITY_HORIZONS,
    HistoricalRisk,
    liquidity_shortfall,
    overlapping_returns,
)

HORIZONS = {"A": 10, "B": 20, "C": 60, "D": 120}


def shortfall(returns, weights):
    return HistoricalRisk(confidence=0.975).measure(returns, weights).expected_shortfall


def test_the_value_is_the_standards_root_of_squares(frame, weights):
    ten = overlapping_returns(frame)
    found = liquidity_shortfall(ten, weights, HORIZONS)
    subsets = {10: "ABCD", 20: "BCD", 40: "CD", 60: "CD", 120: "D"}
    further = {20: 10, 40: 20, 60: 20, 120: 60}
    total = shortfall(ten, weights) ** 2
    for horizon, days in further.items():
        part = shortfall(ten, {symbol: weights[symbol] for symbol in subsets[horizon]})
        total += (part * math.sqrt(days / 10)) ** 2
    assert found.value == pytest.approx(math.sqrt(total), rel=1e-12)
    assert found.terms.index.tolist() == [10, 20, 40, 60, 120]
    assert math.sqrt((found.terms**2).sum()) == pytest.approx(found.value, rel=1e-12)


def test_where_all_leave_in_ten_days_it_is_the_plain_shortfall(frame, weights):
    ten = overlapping_returns(frame)
    found = liquidity_shortfall(ten, weights, dict.fromkeys("ABCD", 10))
    assert found.value == pytest.approx(shortfall(ten, weights), rel=1e-12)


def test_one_symbol_scales_with_the_root_of_its_time(frame):
    ten = overlapping_returns(frame)
    plain = shortfall(ten, {"A": 1.0})
    for horizon in (20, 40, 60, 120):
        found = liquidity_shortfall(ten, {"A": 1.0}, {"A": horizon})
        assert found.value == pytest.approx(plain * math.sqrt(horizon / 10), rel=1e-12)


def test_overlapping_returns_are_ratios_of_prices_ten_days_apart(frame):
    prices = (1 + frame).cumprod()
    expected = (prices / prices.shift(10) - 1).iloc[10:]
    found = overlapping_returns(frame)
    assert len(found) == len(frame) - 9
    np.testing.assert_allclose(found.iloc[1:], expected, rtol=0, atol=1e-12)
    pd.testing.assert_index_equal(found.index, frame.index[9:])


def test_a_horizon_that_is_missing_or_not_of_the_list_is_refused(frame, weights):
    ten = overlapping_returns(frame)
    with pytest.raises(InputError, match="horizon of 10, 20, 40, 60, 120; got D: None"):
        liquidity_shortfall(ten, weights, {"A": 10, "B": 10, "C": 10})
    with pytest.raises(InputError, match="got B: 30"):
        liquidity_shortfall(ten, weights, HORIZONS | {"B": 30})
    with pytest.raises(InputError, match="confidence must lie in"):
        liquidity_shortfall(ten, weights, HORIZONS, confidence=float("nan"))
    with pytest.raises(NotEnoughData, match="at least 100 rows; got 91"):
        liquidity_shortfall(overlapping_returns(frame.head(100)), weights, HORIZONS)
    with pytest.raises(InputError, match="periods must be at least 1"):
        overlapping_returns(frame, periods=0)


def test_the_list_names_horizons_of_the_standard_only():
    assert set(LIQUIDITY_HORIZONS.values()) == {10, 20, 40, 60, 120}
    assert LIQUIDITY_HORIZONS["equity price, large cap"] == 10
    assert LIQUIDITY_HORIZONS["equity price, small cap volatility"] == 60
    assert LIQUIDITY_HORIZONS["commodity, other volatility"] == 120
