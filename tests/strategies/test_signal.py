import pickle

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.provenance import SURVIVORS_ONLY, provenance
from nautilus_lab.strategies import (
    SignalStrategy,
    buy_and_hold,
    closes_of,
    momentum_tilt,
    moving_average_cross,
    strategy,
)

DAYS = pd.date_range("2024-01-01", periods=6, tz="UTC")


@strategy
def halves(prices, share=0.5):
    """Hold a share of everything."""
    return prices * 0 + share / prices.shape[1]


@pytest.fixture
def prices():
    return pd.DataFrame({"A": [1.0, 2, 3, 4, 5, 6], "B": [6.0, 5, 4, 3, 2, 1]}, index=DAYS)


@pytest.fixture
def bars(prices):
    long = prices.stack().rename_axis(["timestamp", "symbol"]).to_frame("close").sort_index()
    return long.assign(
        open=long["close"], high=long["close"] + 1, low=long["close"] / 2, volume=1.0
    )


def made(function):
    return strategy(function)


def test_a_decorated_function_keeps_name_defaults_and_words():
    assert isinstance(halves, SignalStrategy)
    assert halves.name == "halves"
    assert halves.parameters == {"share": 0.5}
    assert halves.__doc__ == "Hold a share of everything."
    assert str(halves) == "halves(share=0.5)"


def test_a_name_of_ones_own_can_be_given():
    @strategy(name="half of it")
    def nameless(prices):
        return prices * 0

    assert nameless.name == "half of it"


def test_parameters_are_changed_on_a_copy():
    other = halves.with_parameters(share=1.0)
    assert other.parameters == {"share": 1.0}
    assert halves.parameters == {"share": 0.5}
    with pytest.raises(InputError, match="must have the parameter") as caught:
        halves.with_parameters(shore=1.0)
    assert caught.value.value == "shore"
    assert "share" in caught.value.remedy


def test_weights_have_a_row_for_each_time_and_a_column_for_each_symbol(prices):
    weights = halves.weights(prices)
    assert weights.index.equals(prices.index)
    assert list(weights.columns) == ["A", "B"]
    assert (weights == 0.25).all(axis=None)
    assert (halves(prices, share=1.0) == 0.5).all(axis=None)


def test_columns_in_another_order_are_put_right(prices):
    swapped = made(lambda p: p[["B", "A"]] * 0 + [0.2, 0.8])
    assert swapped.weights(prices).iloc[0].to_dict() == {"A": 0.8, "B": 0.2}


def test_weights_carry_the_marks_of_their_data(catalog):
    weights = halves.weights(MarketDataEngine(catalog).prices(start="2020"))
    assert provenance(weights).notices == (SURVIVORS_ONLY,)


def test_a_strategy_crosses_process_borders_with_its_parameters(prices):
    crossed = pickle.loads(pickle.dumps(moving_average_cross.with_parameters(fast=2, slow=3)))
    assert crossed.parameters == {"fast": 2, "slow": 3}
    assert crossed.function is moving_average_cross.function


@pytest.mark.parametrize(
    ("function", "rule"),
    [
        (lambda p: p["A"], "must return a DataFrame"),
        (lambda p: p.iloc[1:], "row for each time"),
        (lambda p: p[["A"]], "column for each symbol"),
        (lambda p: p.rename(columns={"A": "Z"}), "column for each symbol"),
        (lambda p: p.where(p["A"] > 3, p * [np.nan, 1]), "NaN in part"),
        (lambda p: p * np.inf, "infinite"),
    ],
)
def test_weights_of_another_shape_are_refused(prices, function, rule):
    with pytest.raises(InputError, match=rule):
        made(function).weights(prices)


def test_the_place_of_a_bad_weight_is_named(prices):
    def gap(p):
        weights = p * 0
        weights.loc[DAYS[2], "B"] = np.nan
        return weights

    with pytest.raises(InputError) as caught:
        made(gap).weights(prices)
    assert caught.value.value == "B at 2024-01-03"


def test_no_weight_at_all_is_not_enough_data(prices):
    with pytest.raises(NotEnoughData, match="at one time at least"):
        moving_average_cross.with_parameters(fast=2, slow=100).weights(prices)


def test_bad_prices_are_refused_before_the_function_sees_them(prices):
    prices.loc[DAYS[3], "B"] = np.nan
    with pytest.raises(BadData, match="must not be NaN"):
        halves.weights(prices)
    with pytest.raises(NotEnoughData):
        halves.weights(prices.iloc[:0])


def test_functions_that_cannot_be_strategies_are_refused():
    with pytest.raises(InputError, match="named parameters only"):
        made(lambda p, **more: p)
    with pytest.raises(InputError, match="named parameters only"):
        made(lambda: None)
    with pytest.raises(InputError, match="must have a default") as caught:
        made(lambda p, window: p)
    assert caught.value.remedy == "write window=..."


def test_a_strategy_of_prices_is_given_the_closes_of_bars(prices, bars):
    pd.testing.assert_frame_equal(closes_of(bars), prices, check_freq=False, check_names=False)
    assert halves.weights(bars).shape == prices.shape


def test_a_strategy_of_bars_is_given_bars_and_refuses_prices(prices, bars):
    @strategy(reads="bars")
    def ranges(bars):
        wide = (bars["high"] - bars["low"]).unstack("symbol")
        return wide.div(wide.sum(axis=1), axis=0)

    assert ranges.weights(bars).sum(axis=1).tolist() == pytest.approx([1.0] * 6)
    with pytest.raises(InputError, match="reads bars"):
        ranges.weights(prices)


def test_bars_that_lack_a_symbol_at_a_time_are_refused(bars):
    with pytest.raises(InputError, match="every symbol at every time") as caught:
        halves.weights(bars.drop((DAYS[0], "B")))
    assert caught.value.value == "B lacks 1 bars"
    assert "2024-01-02" in caught.value.remedy


def test_the_cross_holds_while_the_fast_average_is_above_the_slow_one():
    closes = pd.DataFrame({"A": [1.0, 1, 1, 4, 4, 1, 1]}, index=pd.date_range(DAYS[0], periods=7))
    weights = moving_average_cross.with_parameters(fast=1, slow=3).weights(closes)["A"]
    # Averages of three: -, -, 1, 2, 3, 3, 2. Above it: no, yes, yes, no, no.
    assert weights.isna().tolist() == [True, True, False, False, True, False, True]
    assert weights.dropna().tolist() == [0.0, 1.0, 0.0]


def test_the_cross_refuses_windows_that_do_not_cross(prices):
    with pytest.raises(InputError, match="fast < slow"):
        moving_average_cross.with_parameters(fast=5, slow=5).weights(prices)


def test_momentum_holds_the_best_of_the_year_before_last_month(catalog):
    prices = MarketDataEngine(catalog).prices(start="2018", end="2020")
    weights = momentum_tilt.weights(prices).dropna()
    day = weights.index[5]
    at = prices.index.get_loc(day)
    scores = prices.iloc[at - 21] / prices.iloc[at - 252] - 1
    held = weights.loc[day]
    assert set(held[held > 0].index) == set(scores.nlargest(5).index)
    assert held.sum() == pytest.approx(1.0)


def test_momentum_chooses_on_the_first_day_of_each_month(catalog):
    prices = MarketDataEngine(catalog).prices(start="2018", end="2020")
    days = momentum_tilt.weights(prices).dropna().index[1:]
    firsts = prices.index[prices.index.month != np.roll(prices.index.month, 1)]
    assert list(days) == [day for day in firsts if day >= days[0]]


def test_momentum_refuses_a_window_that_is_skipped(prices):
    with pytest.raises(InputError, match="skip < window"):
        momentum_tilt.with_parameters(window=21, skip=21).weights(prices)


def test_buy_and_hold_trades_once(prices):
    weights = buy_and_hold.weights(prices)
    assert weights.iloc[0].tolist() == [0.5, 0.5]
    assert weights.iloc[1:].isna().all(axis=None)
