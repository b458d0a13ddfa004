"""Who began a trade."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import signed
from nautilus_lab.features.microstructure._signs import (
    chakrabarty,
    ellis_michaely_ohara,
    lee_ready,
    quote_rule,
    tick_rule,
)

# quote 10 to 11 throughout; the tick rule says        ?     +     +     -     -      +      -
PRICE = np.array([10.5, 10.75, 10.75, 10.5, 10.4, 11.0, 10.0])
BID, ASK = np.full(7, 10.0), np.full(7, 11.0)


@pytest.mark.parametrize(
    ("rule", "signs"),
    [
        (lambda p, b, a: tick_rule(p), [np.nan, 1, 1, -1, -1, 1, -1]),
        (quote_rule, [0, 1, 1, 0, -1, 1, -1]),
        (lee_ready, [np.nan, 1, 1, -1, -1, 1, -1]),
        (ellis_michaely_ohara, [np.nan, 1, 1, -1, -1, 1, -1]),
        (chakrabarty, [np.nan, 1, 1, -1, -1, 1, -1]),
    ],
)
def test_signs_worked_by_hand(rule, signs):
    assert np.array_equal(rule(PRICE, BID, ASK), signs, equal_nan=True)


def test_the_rules_differ_where_their_papers_do():
    # after a fall, above the mid but within the spread; then within 30 % of the ask; then outside
    price = np.array([10.9, 10.6, 10.59, 10.58, 10.72, 10.71, 11.2, 11.1])
    bid, ask = np.full(8, 10.0), np.full(8, 11.0)
    assert lee_ready(price, bid, ask).tolist() == [1, 1, 1, 1, 1, 1, 1, 1]
    assert ellis_michaely_ohara(price, bid, ask)[1:].tolist() == [-1, -1, -1, 1, -1, 1, -1]
    assert chakrabarty(price, bid, ask).tolist() == [1, -1, -1, -1, 1, 1, 1, -1]


def test_a_trade_at_the_mid_is_at_the_mid_whatever_the_last_digits_are():
    # 0.1 and 0.3 add up to more than twice 0.2
    bid, ask, price = np.array([0.1]), np.array([0.3]), np.array([0.2])
    assert quote_rule(price, bid, ask).tolist() == [0]
    steps = np.arange(1, 2_000) / 100
    assert not quote_rule(steps + 0.005, steps, np.round(steps + 0.01, 2)).any()


def test_a_locked_quote_leaves_it_to_the_tick_rule():
    price = np.array([10.0, 10.1, 10.1])
    for rule in (lee_ready, ellis_michaely_ohara, chakrabarty):
        assert np.array_equal(rule(price, price, price), [np.nan, 1, 1], equal_nan=True)
    assert quote_rule(price, price, price).tolist() == [0, 0, 0]


def test_prices_that_never_move_are_never_signed():
    assert np.isnan(tick_rule(np.full(5, 3.0))).all()


def test_signed_adds_a_side_and_leaves_the_trades_alone(two):
    trades = two.drop(columns="side")
    before = trades.copy()
    found = signed(trades, "ellis_michaely_ohara")
    pd.testing.assert_frame_equal(trades, before)
    pd.testing.assert_frame_equal(found.drop(columns="side"), before)
    assert set(found["side"].unique()) <= {-1.0, 0.0, 1.0}
    # nine in ten are struck at a quote, in the draw
    assert (found["side"] == two["side"]).mean() > 0.9


def test_a_single_trade_is_signed_by_nothing(drawn):
    assert signed(drawn[["price", "size"]].iloc[:1], "tick")["side"].tolist() == [0.0]


def test_what_cannot_be_signed_is_refused(drawn):
    with pytest.raises(InputError, match="such a rule; got leeready; tick, quote, lee_ready"):
        signed(drawn, "leeready")
    with pytest.raises(InputError, match="have no side yet"):
        signed(drawn)
    with pytest.raises(InputError, match="got without bid, ask"):
        signed(drawn[["price", "size"]])
