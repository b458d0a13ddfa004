import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk import black_76, black_scholes, implied_volatility, implied_volatility_76

TERMS = {"spot": 100.0, "strike": 90.0, "years": 0.5, "rate": 0.03, "dividend_yield": 0.01}


@settings(max_examples=500, deadline=None)
@given(
    kind=st.sampled_from(["call", "put"]),
    ratio=st.floats(0.2, 5),
    years=st.floats(0.003, 10),
    volatility=st.floats(0.01, 3),
    rate=st.floats(-0.03, 0.15),
)
def test_the_volatility_put_in_comes_out(kind, ratio, years, volatility, rate):
    terms = {"forward": 100.0, "strike": 100.0 * ratio, "years": years, "rate": rate}
    value = black_76(kind, volatility=volatility, **terms)
    exercise = math.exp(-rate * years) * max(0, (1 if kind == "call" else -1) * (100 - 100 * ratio))
    most = math.exp(-rate * years) * (100.0 if kind == "call" else 100.0 * ratio)
    # The digits of the price that are not those of its bounds tell the volatility.
    told = min(value.price - exercise, most - value.price)
    assume(told > 1e-9 * most)
    found = implied_volatility_76(kind, price=value.price, **terms)
    blur = 1e-13 * most / value.vega
    assert found == pytest.approx(volatility, rel=1e-10, abs=blur)


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("volatility", [0.05, 0.2, 0.9])
def test_it_agrees_with_scipys_root_of_the_price(kind, volatility):
    price = black_scholes(kind, volatility=volatility, **TERMS).price
    theirs = brentq(
        lambda v: black_scholes(kind, volatility=v, **TERMS).price - price, 1e-3, 5, xtol=1e-14
    )
    ours = implied_volatility(kind, price=price, **TERMS)
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_far_out_of_the_money_a_price_of_a_millionth_tells_as_well():
    terms = {"forward": 100.0, "strike": 300.0, "years": 0.25}
    price = black_76("call", volatility=0.4, **terms).price
    assert 0 < price < 1e-5
    assert implied_volatility_76("call", price=price, **terms) == pytest.approx(0.4, rel=1e-8)


@pytest.mark.parametrize("price", [0.0, 9.9, -1.0, 100.0, 250.0, float("nan"), float("inf")])
def test_prices_that_no_volatility_gives_are_refused(price):
    with pytest.raises(InputError, match="strictly between what exercise is worth"):
        implied_volatility("call", price=price, spot=100, strike=90, years=0.5)


@pytest.mark.parametrize("strike", [1.0, 100.0, 1e30, 1e290])
def test_a_price_that_all_but_touches_its_bound_still_has_a_volatility(strike):
    price = math.nextafter(100.0, 0)
    found = implied_volatility_76("call", price=price, forward=100, strike=strike, years=1)
    assert black_76(
        "call", forward=100, strike=strike, years=1, volatility=found
    ).price == pytest.approx(price, rel=1e-12)


def test_terms_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="years must be positive"):
        implied_volatility("call", price=5, spot=100, strike=100, years=0)
    with pytest.raises(InputError, match="rate must be finite"):
        implied_volatility_76("put", price=5, forward=100, strike=100, years=1, rate=math.nan)
