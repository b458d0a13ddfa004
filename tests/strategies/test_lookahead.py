import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.strategies import (
    buy_and_hold,
    find_lookahead,
    momentum_tilt,
    moving_average_cross,
    strategy,
)


@pytest.fixture
def prices(catalog):
    return MarketDataEngine(catalog).prices(["AAPL", "JNJ", "KO"], start="2016", end="2019")


@pytest.mark.parametrize("ready", [buy_and_hold, momentum_tilt, moving_average_cross])
def test_the_strategies_to_start_from_do_not_look_ahead(prices, ready):
    if ready is momentum_tilt:
        ready = ready.with_parameters(top=2)
    assert find_lookahead(ready, prices) is None


def test_a_mean_over_the_whole_frame_is_found_with_row_column_and_values(prices):
    @strategy
    def whole_frame(prices):
        return (prices < prices.mean()).astype(float) / 3

    found = find_lookahead(whole_frame, prices)
    assert found is not None
    full = whole_frame.weights(prices)
    assert full.loc[found.time, found.symbol] == found.with_future
    assert found.without_future != found.with_future
    assert found.last_seen >= found.time
    cut = whole_frame.weights(prices.loc[: found.last_seen])
    assert cut.loc[found.time, found.symbol] == found.without_future


def test_a_shift_into_the_future_is_found_at_the_cut(prices):
    @strategy
    def tomorrow(prices):
        return (prices.shift(-1) > prices).astype(float) / 3

    found = find_lookahead(tomorrow, prices, cuts=20)
    assert found is not None
    assert found.time == found.last_seen
    assert (found.with_future, found.without_future) == (pytest.approx(1 / 3), 0.0)


def test_a_weight_that_only_exists_with_the_future_is_found(prices):
    @strategy
    def late(prices):
        # Weights for the last row only: taking rows away moves them.
        weights = prices * np.nan
        weights.iloc[-1] = 0.1
        return weights

    short = prices.iloc[:5]
    assert find_lookahead(late, short) is None  # no earlier end has weights to compare with

    @strategy
    def halfway(prices):
        weights = prices * np.nan
        weights.iloc[len(prices) // 2] = 0.1
        return weights

    found = find_lookahead(halfway, short)
    assert found is not None
    assert (found.symbol, found.time) == ("AAPL", short.index[1])


def test_floating_point_noise_is_not_the_future(prices):
    @strategy
    def noisy(prices):
        return prices * 0 + 1 / 3 + 1e-13 * len(prices)

    assert find_lookahead(noisy, prices) is None


def test_no_cuts_are_refused(prices):
    with pytest.raises(InputError, match="cuts"):
        find_lookahead(buy_and_hold, prices, cuts=0)


def test_two_rows_have_nothing_to_take_away():
    days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    assert find_lookahead(buy_and_hold, pd.DataFrame({"A": [1.0, 2.0]}, index=days)) is None
