import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.risk import HistoricalRisk, OptionPosition, black_scholes, revalued_pnl

PUT = {"kind": "put", "strike": 95.0, "years": 0.25, "volatility": 0.2, "rate": 0.03}


def option(**terms):
    return OptionPosition(**({"name": "put", "underlying": "A", "units": 100.0} | PUT | terms))


@pytest.mark.parametrize("kind", ["call", "put"])
def test_each_option_is_priced_again_at_the_moved_spot_a_day_later(frame, kind):
    held = option(kind=kind, units=-50.0, dividend_yield=0.01)
    pnl = revalued_pnl(frame, {"A": 100.0}, options=[held])["put"]
    terms = {"strike": 95.0, "volatility": 0.2, "rate": 0.03, "dividend_yield": 0.01}
    before = black_scholes(kind, spot=100.0, years=0.25, **terms).price
    for row in (0, 700, 1999):
        spot = 100.0 * (1 + frame["A"].iloc[row])
        after = black_scholes(kind, spot=spot, years=0.25 - 1 / 252, **terms).price
        assert pnl.iloc[row] == pytest.approx(-50.0 * (after - before), rel=1e-9)


def test_small_moves_are_delta_gamma_and_theta(frame):
    held = option(units=1.0)
    pnl = revalued_pnl(frame / 20, {"A": 100.0}, options=[held])["put"]
    value = black_scholes(PUT["kind"], spot=100.0, **{k: v for k, v in PUT.items() if k != "kind"})
    move = 100.0 * frame["A"] / 20
    expected = value.delta * move + value.gamma * move**2 / 2 + value.theta / 252
    # What is left is how delta itself moves in a day.
    np.testing.assert_allclose(pnl, expected, atol=4e-4)


def test_shares_move_with_the_return(frame):
    pnl = revalued_pnl(frame, {"A": 50.0, "B": 20.0}, shares={"A": 10, "B": -5})
    np.testing.assert_allclose(pnl["A"], 10 * 50.0 * frame["A"], atol=1e-10)
    np.testing.assert_allclose(pnl["B"], -5 * 20.0 * frame["B"], atol=1e-10)


def test_a_put_caps_the_shortfall_of_its_share(frame):
    crash = frame[["A"]] * 6
    spots, put = {"A": 100.0}, option(strike=100.0)
    bare = revalued_pnl(crash, spots, shares={"A": 100})
    hedged = revalued_pnl(crash, spots, shares={"A": 100}, options=[put])
    measure = HistoricalRisk(confidence=0.975).measure
    alone = measure(bare, {"A": 1.0})
    together = measure(hedged, {"A": 1.0, "put": 1.0})
    assert together.expected_shortfall < alone.expected_shortfall / 2
    assert together.contributions["put"] < 0
    # A put is worth its discounted strike less the spot at least: no more than this can be lost.
    most = 100.0 + put.price(100.0) - 100.0 * np.exp(-0.03 * (0.25 - 1 / 252))
    assert together.expected_shortfall < 100 * most


def test_what_expires_meanwhile_is_worth_what_it_pays():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    returns = pd.DataFrame({"A": [-0.1, 0.0, -1.0]}, index=days)
    held = option(units=1.0, years=1 / 252)
    pnl = revalued_pnl(returns, {"A": 100.0}, options=[held])["put"]
    paid = held.price(100.0)
    assert (pnl + paid).to_list() == pytest.approx([5.0, 0.0, 95.0])


def test_what_has_lost_everything_still_has_a_price():
    days = pd.date_range("2024-01-01", periods=1, tz="UTC")
    returns = pd.DataFrame({"A": [-1.0]}, index=days)
    for kind, worth in (("call", 0.0), ("put", 95.0 * np.exp(-0.03 * (0.25 - 1 / 252)))):
        held = option(kind=kind, units=1.0)
        pnl = revalued_pnl(returns, {"A": 100.0}, options=[held])["put"]
        assert pnl.iloc[0] + held.price(100.0) == pytest.approx(worth, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({}, "there must be one"),
        ({"shares": {"put": 1.0}, "options": [option()]}, "names of their own"),
        ({"shares": {"Z": 1.0}}, "needs returns and a positive price; got Z"),
        ({"options": [option(underlying="B")]}, "got B, price None"),
        ({"shares": {"A": float("nan")}}, "units must be finite"),
        ({"shares": {"A": 1.0}, "years": float("nan")}, "years must be at least 0"),
    ],
)
def test_positions_that_cannot_be_valued_are_refused(frame, arguments, rule):
    with pytest.raises(InputError, match=rule):
        revalued_pnl(frame, {"A": 100.0}, **arguments)


def test_numbers_that_cannot_be_are_refused(frame):
    with pytest.raises(BadData, match="at least -1"):
        revalued_pnl(frame * 100, {"A": 100.0}, shares={"A": 1})
    with pytest.raises(InputError, match="positive price; got A, price nan"):
        revalued_pnl(frame, {"A": float("nan")}, shares={"A": 1})
    with pytest.raises(InputError, match="volatility must be positive"):
        option(volatility=0.0)
    with pytest.raises(InputError, match="units must be finite"):
        option(units=float("inf"))
