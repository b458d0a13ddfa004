import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors import forward_returns, low_volatility, momentum
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark, provenance

SCORES = {
    "momentum": lambda prices: momentum(prices, window=60, skip=5),
    "low_volatility": lambda prices: low_volatility(prices, window=30),
}


def test_momentum_is_the_return_between_two_bars_back(prices):
    score = momentum(prices, window=252, skip=21)
    by_hand = prices["S07"].iloc[400 - 21] / prices["S07"].iloc[400 - 252] - 1
    assert score["S07"].iloc[400] == by_hand
    assert score.iloc[:252].isna().all().all()
    assert score.iloc[252:].notna().all().all()


def test_low_volatility_is_minus_the_deviation_of_the_last_returns(prices):
    score = low_volatility(prices, window=60)
    window = prices["S07"].iloc[400 - 60 : 401].pct_change().dropna()
    assert len(window) == 60
    assert score["S07"].iloc[400] == pytest.approx(-np.std(window, ddof=1), rel=1e-12)
    assert score.iloc[:60].isna().all().all()
    assert score.iloc[60:].notna().all().all()


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("cut", [61, 100, 333, 503])
def test_no_score_changes_when_the_future_is_cut_off(score, prices, cut):
    pd.testing.assert_frame_equal(score(prices.iloc[:cut]), score(prices).iloc[:cut], rtol=0)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_no_score_changes_when_the_future_is_another_one(score, prices):
    other = prices.copy()
    other.iloc[300:] *= 7.0
    pd.testing.assert_frame_equal(score(other).iloc[:300], score(prices).iloc[:300], rtol=0)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_scores_carry_what_is_known_of_the_prices(score, prices):
    marks = Provenance(source="somewhere", notices=(SURVIVORS_ONLY,), simulated=True)
    assert provenance(score(mark(prices, marks))) == marks


def test_too_short_a_history_is_refused_with_both_numbers(prices):
    with pytest.raises(NotEnoughData, match="at least 253 rows; got 252"):
        momentum(prices.iloc[:252])
    with pytest.raises(NotEnoughData, match="at least 61 rows; got 60"):
        low_volatility(prices.iloc[:60])
    with pytest.raises(NotEnoughData, match="at least 23 rows; got 22"):
        forward_returns(prices.iloc[:22])


@pytest.mark.parametrize("call", [*SCORES.values(), forward_returns])
def test_bad_prices_are_refused_at_every_door(call, prices):
    gap, negative = prices.copy(), prices.copy()
    gap.iloc[7, 3] = np.nan
    negative.iloc[7, 3] = -1.0
    with pytest.raises(BadData, match="NaN; got S03 at 2018-01-11"):
        call(gap)
    with pytest.raises(BadData, match="positive"):
        call(negative)
    with pytest.raises(BadData, match="sorted"):
        call(prices.iloc[::-1])
    with pytest.raises(NotEnoughData, match="empty"):
        call(prices.iloc[:0])


@pytest.mark.parametrize("setting", [{"window": 21}, {"skip": -1}, {"window": 5, "skip": 6}])
def test_a_momentum_window_that_ends_before_it_begins_is_refused(setting, prices):
    with pytest.raises(InputError, match="0 <= skip < window"):
        momentum(prices, **setting)


def test_a_deviation_of_one_return_is_refused(prices):
    with pytest.raises(InputError, match="at least 2"):
        low_volatility(prices, window=1)


def test_forward_returns_begin_at_the_next_close_and_end_where_prices_do(prices):
    ahead = forward_returns(prices, [1, 5])
    line = prices["S11"]
    assert ahead[1]["S11"].iloc[10] == line.iloc[12] / line.iloc[11] - 1
    assert ahead[5]["S11"].iloc[10] == line.iloc[16] / line.iloc[11] - 1
    assert ahead[5].iloc[-6:].isna().all().all()
    assert ahead[5].iloc[:-6].notna().all().all()


def test_a_delay_of_nothing_trades_at_the_close_of_the_signal(prices):
    line = prices["S11"]
    ahead = forward_returns(prices, [3], delay=0)[3]["S11"]
    assert ahead.iloc[10] == line.iloc[13] / line.iloc[10] - 1


@pytest.mark.parametrize("horizons", [(), (0,), (1, -5), (5, 5), 5])
def test_horizons_that_are_none_are_refused(horizons, prices):
    with pytest.raises(InputError, match="horizons"):
        forward_returns(prices, horizons)


def test_trading_before_the_signal_is_refused(prices):
    with pytest.raises(InputError, match="before the signal"):
        forward_returns(prices, delay=-1)
