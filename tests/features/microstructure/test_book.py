"""Levels of a book."""

import numpy as np
import pytest

from nautilus_lab.features.microstructure._book import (
    book_imbalance,
    book_slope,
    cost_to_trade,
    depth,
    naes_skjeltorp,
    weighted_mid,
)
from nautilus_lab.features.microstructure._order_flow import book_order_flow, pressure
from nautilus_lab.features.microstructure._quotes import microprice

# one state: bids 99 x 10, 98 x 30; asks 101 x 20, 103 x 40
BIDS, BID_SIZES = [np.array([99.0]), np.array([98.0])], [np.array([10.0]), np.array([30.0])]
ASKS, ASK_SIZES = [np.array([101.0]), np.array([103.0])], [np.array([20.0]), np.array([40.0])]
STATE = (*BIDS, *BID_SIZES, *ASKS, *ASK_SIZES)


def test_a_book_worked_by_hand():
    bid, ask = depth(*BID_SIZES, *ASK_SIZES, levels=2)
    assert (bid[0], ask[0]) == (40.0, 60.0)
    assert book_imbalance(*BID_SIZES, *ASK_SIZES, levels=2)[0] == -0.2
    # bids at 98.25 on average, asks at 102 1/3; by the depth of the other side
    expected = (98.25 * 60 + (101 * 20 + 103 * 40) / 60 * 40) / 100
    assert weighted_mid(*STATE, levels=2)[0] == pytest.approx(expected)
    # distances 1 % and 2 %, depths 10 and 40: (0.1 + 0.8) / 0.0005
    down, up = book_slope(*STATE, levels=2)
    assert down[0] == pytest.approx((0.01 * 10 + 0.02 * 40) / (0.01**2 + 0.02**2))
    assert up[0] == pytest.approx((0.01 * 20 + 0.03 * 60) / (0.01**2 + 0.03**2))


def test_the_slope_of_naes_and_skjeltorp_worked_by_hand():
    bid = (np.log(10) / 0.01 + (np.log(40) / np.log(10) - 1) / (1 / 99)) / 2
    ask = (np.log(20) / 0.01 + (np.log(60) / np.log(20) - 1) / (2 / 101)) / 2
    assert naes_skjeltorp(*STATE, levels=2)[0] == pytest.approx((bid + ask) / 2)


def test_of_small_sizes_and_locked_books_that_slope_is_not_known():
    small = (*BIDS, np.array([0.5]), BID_SIZES[1], *ASKS, *ASK_SIZES)
    assert np.isnan(naes_skjeltorp(*small, levels=2)[0])
    locked = [np.array([100.0])]
    assert np.isnan(naes_skjeltorp(*locked, BID_SIZES[0], *locked, ASK_SIZES[0], levels=1)[0])
    assert np.isnan(book_slope(*locked, BID_SIZES[0], *locked, ASK_SIZES[0], levels=1)).all()


@pytest.mark.parametrize(
    ("size", "buy", "sell"),
    [
        (10.0, 0.01, 0.01),
        (40.0, (20 * 0.01 + 20 * 0.03) / 40, (10 * 0.01 + 30 * 0.02) / 40),
        (60.0, (20 * 0.01 + 40 * 0.03) / 60, np.nan),
        (61.0, np.nan, np.nan),
    ],
)
def test_what_it_costs_to_take_a_size_at_once(size, buy, sell):
    found = [one[0] for one in cost_to_trade(*STATE, size=size, levels=2)]
    assert found == pytest.approx([buy, sell], nan_ok=True)


def test_of_one_level_the_weighted_mid_is_the_microprice(drawn):
    columns = [
        drawn[f"{name}_0"].to_numpy() for name in ("bid_price", "bid_size", "ask_price", "ask_size")
    ]
    bid, bid_size, ask, ask_size = columns
    assert weighted_mid(*columns, levels=1) == pytest.approx(
        microprice(bid, ask, bid_size, ask_size)
    )


def test_the_flow_of_a_book_is_the_sum_of_its_levels(drawn):
    def level(n):
        names = ("bid_price", "bid_size", "ask_price", "ask_size")
        return [drawn[f"{name}_{n}"].to_numpy() for name in names]

    kinds = list(zip(*map(level, range(3)), strict=True))
    total, scaled = book_order_flow(*[one for kind in kinds for one in kind], levels=3, window=4)
    events = sum(pressure(*level(n)) for n in range(3))
    assert total[4:] == pytest.approx(np.convolve(events, np.ones(4), "valid"))
    standing = sum(level(n)[1] + level(n)[3] for n in range(3)) / 6
    assert scaled[4:] == pytest.approx(
        total[4:] / np.convolve(standing[1:], np.ones(4) / 4, "valid")
    )
