"""What trades paid, and what became of the price."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine
from nautilus_lab.features.microstructure._spreads import (
    effective_spread,
    price_impact,
    realised_spread,
)
from nautilus_lab.features.microstructure._timed_spread import timed_realised_spread

ENGINE = FeatureEngine()
PRICE = np.array([101.0, 99.0, 100.0])
SIDE = np.array([1.0, -1.0, 0.0])
BID, ASK = np.array([99.0, 99.0, 98.0]), np.array([101.0, 101.0, 100.0])


def test_spreads_worked_by_hand():
    spread, relative = effective_spread(PRICE, BID, ASK)
    assert spread.tolist() == [2.0, 2.0, 2.0]
    assert relative == pytest.approx([0.02, 0.02, 2 / 99])
    # a buyer paid 101, the mid a trade later is 100; a seller got 99, the mid then is 99
    realised, of_mid = realised_spread(PRICE, SIDE, BID, ASK, horizon=1)
    assert np.array_equal(realised, [np.nan, 2.0, 0.0], equal_nan=True)
    assert of_mid[1:] == pytest.approx([0.02, 0.0])
    impact, _ = price_impact(SIDE, BID, ASK, horizon=1)
    assert np.array_equal(impact, [np.nan, 0.0, 2.0], equal_nan=True)


def test_effective_is_realised_and_impact_together(drawn):
    found = ENGINE.compute(drawn, ["effective_spread", "realised_spread(horizon=9)",
                                   "price_impact(horizon=9)", "lee_ready"]).frame()  # fmt: skip
    side, price = drawn["side"], drawn["price"]
    paid = (2 * side * (price - (drawn["bid"] + drawn["ask"]) / 2)).shift(9)
    both = found["realised_spread(horizon=9).spread"] + found["price_impact(horizon=9).impact"]
    assert np.allclose(both[9:], paid[9:], atol=1e-12)
    assert np.allclose(found["effective_spread.spread"], abs(paid.shift(-9)).reindex(found.index)
                       .fillna(found["effective_spread.spread"]))  # fmt: skip


def test_a_trade_without_a_side_has_no_realised_spread():
    found, _ = realised_spread(PRICE, SIDE[::-1].copy(), BID, ASK, horizon=1)
    assert np.isnan(found[1])


def test_fewer_trades_than_the_horizon_tell_nothing():
    for horizon in (3, 4, 100):
        assert np.isnan(realised_spread(PRICE, SIDE, BID, ASK, horizon=horizon)).all()


def test_in_seconds_it_is_the_last_trade_whose_seconds_are_over():
    time = np.array([0.0, 1.0, 2.0, 4.0, 4.0, 9.0])
    price = np.array([101.0, 102.0, 103.0, 104.0, 105.0, 106.0])
    side = np.array([1.0, 1.0, -1.0, 1.0, 0.0, 1.0])
    middle = np.array([100.0, 101.0, 102.0, 103.0, 104.0, 105.0])
    spread, relative = timed_realised_spread(time, price, side, middle, middle, seconds=2.0)
    # at 2 s the two of the first are not over: another tick may come within that very time
    assert np.isnan(spread[:3]).all()
    # at 4 s those of 0 s and 1 s are: of the latter, 2 x (102 - 102), the mid at 3 s
    assert spread[3:5].tolist() == [0.0, 0.0]
    # at 9 s the last is the one of no side
    assert np.isnan(spread[5])
    assert relative[3] == 0.0


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5.0, 60.0])
def test_in_seconds_it_is_what_a_search_finds(drawn, seconds):
    time = drawn.index.get_level_values("timestamp").as_unit("ns").asi8 / 1e9
    price, side, bid, ask = (drawn[c].to_numpy() for c in ("price", "side", "bid", "ask"))
    middle = (bid + ask) / 2
    found, _ = timed_realised_spread(time, price, side, bid, ask, seconds=seconds)
    for at in range(len(time)):
        over = np.flatnonzero(time + seconds < time[at])
        if not len(over):
            assert np.isnan(found[at])
            continue
        judged = over[-1]
        then = np.flatnonzero(time <= time[judged] + seconds)[-1]
        assert found[at] == 2 * side[judged] * (price[judged] - middle[then])


def test_no_realised_spread_is_told_before_its_seconds_are_over(drawn):
    asked = ["timed_realised_spread(seconds=3)"]
    whole = ENGINE.compute(drawn, asked).frame()
    for cut in range(20, 600, 29):
        part = ENGINE.compute(drawn.iloc[:cut], asked).frame()
        pd.testing.assert_frame_equal(part, whole.iloc[:cut])
