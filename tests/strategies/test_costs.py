import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nautilus_lab.exceptions import InputError
from nautilus_lab.strategies import Costs


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), 1_001.0])
@pytest.mark.parametrize("name", ["commission_bps", "half_spread_bps"])
def test_costs_out_of_bounds_are_refused_by_name(name, bad):
    with pytest.raises(InputError, match=name):
        Costs(**{name: bad})


def test_buying_from_cash_costs_spread_and_commission_on_what_is_bought():
    costs = Costs(commission_bps=10, half_spread_bps=20)
    left = costs.equity_after(1_000.0, np.array([1.0]), np.array([0.0]))
    # All cash buys E worth at mid: E * 1.002 * 1.001 = 1000.
    assert left == pytest.approx(1_000 / (1.002 * 1.001), rel=1e-14)


def test_selling_out_leaves_what_the_bid_and_the_commission_leave():
    costs = Costs(commission_bps=10, half_spread_bps=20)
    left = costs.equity_after(1_000.0, np.array([0.0]), np.array([1_000.0]))
    assert left == pytest.approx(1_000 * 0.998 * 0.999, rel=1e-14)


def test_holding_what_is_wanted_costs_nothing():
    held = np.array([300.0, 700.0])
    assert Costs().equity_after(1_000.0, np.array([0.3, 0.7]), held) == pytest.approx(1_000.0)


def test_free_trading_leaves_equity_as_it_is():
    free = Costs(commission_bps=0, half_spread_bps=0)
    assert free.equity_after(1_000.0, np.array([1.0, -1.0]), np.zeros(2)) == 1_000.0


@given(
    weights=some.lists(some.floats(-1, 1), min_size=3, max_size=3),
    values=some.lists(some.floats(-500, 500), min_size=3, max_size=3),
    commission=some.floats(0, 50),
    spread=some.floats(0, 50),
)
def test_what_is_left_pays_for_exactly_the_trades_it_asks_for(weights, values, commission, spread):
    costs = Costs(commission_bps=commission, half_spread_bps=spread)
    wanted, held = np.array(weights), np.array(values)
    left = costs.equity_after(1_000.0, wanted, held)
    trades = wanted * left - held
    paid = costs.buy_rate * trades[trades > 0].sum() - costs.sell_rate * trades[trades < 0].sum()
    assert left == pytest.approx(1_000.0 - paid, rel=1e-12)


def test_leverage_that_costs_more_than_there_is_is_refused():
    with pytest.raises(InputError, match="stay positive"):
        Costs(commission_bps=1_000).equity_after(1_000.0, np.array([20.0, -20.0]), np.zeros(2))
