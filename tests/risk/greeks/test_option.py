import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk import black_76, black_scholes

# Hull, Options, Futures, and Other Derivatives, 9th ed., examples 15.6 and 19.1 to 19.6
HULL_GREEKS = {"spot": 49, "strike": 50, "years": 0.3846, "volatility": 0.2, "rate": 0.05}


def test_hulls_call_and_put_at_42():
    terms = {"spot": 42, "strike": 40, "years": 0.5, "volatility": 0.2, "rate": 0.1}
    assert black_scholes("call", **terms).price == pytest.approx(4.76, abs=0.005)
    assert black_scholes("put", **terms).price == pytest.approx(0.81, abs=0.005)


def test_hulls_greeks_of_a_call_at_49():
    call = black_scholes("call", **HULL_GREEKS)
    assert call.delta == pytest.approx(0.522, abs=0.0005)
    assert call.gamma == pytest.approx(0.066, abs=0.0005)
    assert call.theta == pytest.approx(-4.31, abs=0.005)
    assert call.vega == pytest.approx(12.1, abs=0.05)
    assert call.rho == pytest.approx(8.91, abs=0.005)
    assert call.vega_per_point == pytest.approx(0.121, abs=0.0005)
    assert call.theta_per_day == pytest.approx(-0.0118, abs=0.00005)


def test_haugs_put_on_an_index_with_a_dividend_yield():
    put = black_scholes(
        "put", spot=100, strike=95, years=0.5, volatility=0.2, rate=0.1, dividend_yield=0.05
    )
    assert put.price == pytest.approx(2.4648, abs=5e-5)


def test_hulls_and_haugs_options_on_futures():
    put = black_76("put", forward=20, strike=20, years=4 / 12, volatility=0.25, rate=0.09)
    assert put.price == pytest.approx(1.12, abs=0.005)
    for kind in ("call", "put"):
        brent = black_76(kind, forward=19, strike=19, years=0.75, volatility=0.28, rate=0.1)
        assert brent.price == pytest.approx(1.7011, abs=5e-5)


prices = st.floats(1, 500)
years = st.floats(0.02, 5)
volatilities = st.floats(0.03, 1.5)
rates = st.floats(-0.03, 0.15)
kinds = st.sampled_from(["call", "put"])


@settings(max_examples=200, deadline=None)
@given(kind=kinds, spot=prices, ratio=st.floats(0.5, 2), t=years, v=volatilities, r=rates, q=rates)
def test_greeks_are_the_slopes_of_the_price(kind, spot, ratio, t, v, r, q):
    def price(**moved):
        terms = {"spot": spot, "strike": spot * ratio, "years": t, "volatility": v, "rate": r}
        return black_scholes(kind, **(terms | {"dividend_yield": q} | moved))

    here = price()

    def slope(name, at, step):
        up, down = price(**{name: at + step}).price, price(**{name: at - step}).price
        return (up - down) / (2 * step)

    assert here.delta == pytest.approx(slope("spot", spot, spot * 1e-5), abs=2e-6)
    assert here.vega == pytest.approx(slope("volatility", v, 1e-5), abs=2e-5 * spot)
    assert here.rho == pytest.approx(slope("rate", r, 1e-5), abs=2e-5 * spot)
    assert -here.theta == pytest.approx(slope("years", t, t * 1e-5), abs=2e-4 * spot)
    step = spot * 1e-4
    bent = (price(spot=spot + step).delta - price(spot=spot - step).delta) / (2 * step)
    assert here.gamma == pytest.approx(bent, abs=1e-4 * max(1, here.gamma))


@settings(max_examples=200, deadline=None)
@given(kind=kinds, forward=prices, ratio=st.floats(0.5, 2), t=years, v=volatilities, r=rates)
def test_black_76_is_black_scholes_with_the_rate_as_dividend(kind, forward, ratio, t, v, r):
    terms = {"strike": forward * ratio, "years": t, "volatility": v, "rate": r}
    futures = black_76(kind, forward=forward, **terms)
    share = black_scholes(kind, spot=forward, dividend_yield=r, **terms)
    for name in ("price", "delta", "gamma", "vega", "theta"):
        assert getattr(futures, name) == pytest.approx(getattr(share, name), rel=1e-9, abs=1e-12)
    assert futures.rho == pytest.approx(-t * futures.price, rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(spot=prices, ratio=st.floats(0.5, 2), t=years, v=volatilities, r=rates, q=rates)
def test_call_less_put_is_the_forward_less_the_strike(spot, ratio, t, v, r, q):
    terms = {"spot": spot, "strike": spot * ratio, "years": t, "volatility": v, "rate": r}
    call, put = (black_scholes(kind, dividend_yield=q, **terms) for kind in ("call", "put"))
    expected = spot * math.exp(-q * t) - spot * ratio * math.exp(-r * t)
    assert call.price - put.price == pytest.approx(expected, abs=1e-10 * spot)
    assert call.delta - put.delta == pytest.approx(math.exp(-q * t), abs=1e-12)
    assert call.gamma == put.gamma
    assert call.vega == put.vega


def test_the_formula_agrees_with_the_mean_payoff_under_scipys_lognormal():
    spot, strike, t, v, r = 100.0, 110.0, 0.7, 0.35, 0.04
    end = stats.lognorm(v * math.sqrt(t), scale=spot * math.exp((r - v * v / 2) * t))
    payoff = end.expect(lambda s: max(s - strike, 0.0), lb=strike)
    call = black_scholes("call", spot=spot, strike=strike, years=t, volatility=v, rate=r)
    assert call.price == pytest.approx(math.exp(-r * t) * payoff, rel=1e-6)


def test_units_scale_value_and_greeks_and_a_sold_option_has_the_opposite():
    call = black_scholes("call", **HULL_GREEKS)
    sold = call.scaled(-100)
    assert sold.price == -100 * call.price
    assert sold.gamma == -100 * call.gamma
    with pytest.raises(InputError, match="units must be finite"):
        call.scaled(float("nan"))


@pytest.mark.parametrize("name", ["spot", "strike", "years", "volatility"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_terms_that_cannot_be_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"{name} must be positive and finite; got {value}"):
        black_scholes("call", **(HULL_GREEKS | {name: value}))


def test_a_rate_that_is_none_and_a_kind_that_is_none_are_refused():
    with pytest.raises(InputError, match="rate must be finite"):
        black_scholes("call", **(HULL_GREEKS | {"rate": float("nan")}))
    with pytest.raises(InputError, match="dividend_yield must be finite"):
        black_scholes("call", dividend_yield=float("inf"), **HULL_GREEKS)
    with pytest.raises(InputError, match='a "call" or a "put"; got straddle'):
        black_scholes("straddle", **HULL_GREEKS)
    with pytest.raises(InputError, match="forward must be positive"):
        black_76("put", forward=-37.6, strike=20, years=0.1, volatility=1.0)
