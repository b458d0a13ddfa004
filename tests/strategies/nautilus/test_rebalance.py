import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nautilus_lab.exceptions import InputError
from nautilus_lab.strategies.nautilus import units_to_trade


def trade(weights, *, equity=1_000.0, positions=(), prices=None, **more):
    return units_to_trade(
        weights=weights,
        equity=equity,
        positions=dict(positions),
        prices=prices or dict.fromkeys(weights, 10.0),
        **more,
    )


def test_cash_is_turned_into_whole_units_rounded_towards_zero():
    assert trade({"A": 0.5, "B": -0.26}) == {"A": 50, "B": -26}
    assert trade({"A": 0.999, "B": -0.999}, equity=100.0) == {"A": 9, "B": -9}


def test_only_the_difference_to_what_is_held_is_traded():
    assert trade({"A": 0.5, "B": 0.5}, positions={"A": 50, "B": 60}) == {"B": -10}


def test_a_target_of_zero_closes_the_position():
    assert trade({"A": 0.0}, positions={"A": -7}) == {"A": 7}


def test_positions_within_the_band_are_left_alone():
    assert trade({"A": 0.5}, positions={"A": 49}, band=0.02) == {}
    assert trade({"A": 0.5}, positions={"A": 47}, band=0.02) == {"A": 3}


def test_the_band_never_keeps_a_position_that_shall_be_closed():
    assert trade({"A": 0.0}, positions={"A": 1}, band=0.02) == {"A": -1}


def test_units_are_traded_in_lots():
    assert trade({"A": 0.55}, lot=10) == {"A": 50}


def test_a_product_that_floating_point_puts_below_a_whole_number_is_that_number():
    # 0.29 * 100 / 1 is 28.999999999999996.
    assert trade({"A": 0.29}, equity=100.0, prices={"A": 1.0}) == {"A": 29}


@pytest.mark.parametrize(
    "wrong",
    [
        {"equity": 0.0},
        {"equity": math.nan},
        {"equity": math.inf},
        {"prices": {"A": 0.0}},
        {"prices": {"A": math.nan}},
        {"prices": {"B": 1.0}},
        {"band": -0.1},
        {"band": math.nan},
        {"lot": 0},
    ],
)
def test_input_that_breaks_a_rule_is_refused(wrong):
    with pytest.raises(InputError):
        trade({"A": 0.5}, **wrong)
    with pytest.raises(InputError, match="finite"):
        trade({"A": math.nan})


@given(
    weights=some.lists(some.floats(0, 0.25), min_size=4, max_size=4),
    prices=some.lists(some.floats(0.01, 5_000), min_size=4, max_size=4),
    equity=some.floats(1, 1e9),
)
def test_weights_that_add_up_to_one_never_buy_more_than_equity(weights, prices, equity):
    names = "ABCD"
    priced = dict(zip(names, prices, strict=True))
    bought = units_to_trade(
        weights=dict(zip(names, weights, strict=True)),
        equity=equity,
        positions={},
        prices=priced,
    )
    spent = sum(units * priced[name] for name, units in bought.items())
    assert spent <= equity * (1 + 1e-9)
    for name, weight in zip(names, weights, strict=True):
        wanted = weight * equity / priced[name]
        assert -1e-6 * (1 + wanted) <= wanted - bought.get(name, 0) < 1
