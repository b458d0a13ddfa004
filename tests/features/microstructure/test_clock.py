"""What needs the clock."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine
from nautilus_lab.features.microstructure._clock import time_weighted_spread, trade_rate


def test_a_quote_counts_by_how_long_it_stood():
    time, bid = np.array([0.0, 1.0, 4.0, 4.0, 5.0]), np.full(5, 99.0)
    ask = np.array([101.0, 103.0, 150.0, 100.0, 500.0])
    spread, relative = time_weighted_spread(time, bid, ask, window=2)
    assert np.isnan(spread[:2]).all()
    # 2 for a second, 4 for three; 4 for three, 51 for none; 51 for none, 1 for a second
    assert spread[2:].tolist() == [3.5, 4.0, 1.0]
    assert relative[4] == pytest.approx(1 / 99.5)


def test_where_no_time_goes_by_nothing_is_known():
    still = np.full(4, 7.0)
    assert np.isnan(time_weighted_spread(still, still, still + 1, window=2)).all()
    assert np.isnan(trade_rate(still, window=2)).all()


def test_the_rate_is_trades_over_seconds():
    found = trade_rate(np.array([0.0, 0.5, 1.0, 5.0]), window=2)
    assert np.array_equal(found, [np.nan, np.nan, 2.0, 2 / 4.5], equal_nan=True)
    for window in (4, 5, 100):
        assert np.isnan(trade_rate(np.arange(4.0), window=window)).all()


def test_the_clock_of_a_frame_is_its_index(drawn):
    found = FeatureEngine().compute(drawn, ["trade_rate(window=10)"])["trade_rate(window=10)"]
    times = drawn.index.get_level_values("timestamp")
    took = (times[10:] - times[:-10]).total_seconds()
    assert np.allclose(found[10:], 10 / took, rtol=1e-6)
    assert isinstance(found, pd.Series)
