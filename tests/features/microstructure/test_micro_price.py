"""The mid that imbalance and spread foretell."""

import numpy as np
import pytest

from nautilus_lab.features import FeatureEngine, drawn_ticks
from nautilus_lab.features.microstructure._micro_price import stoikov_microprice

BINS, WIDEST, TICK = 4, 3, 0.01
DRAWN = drawn_ticks(4_001, levels=1)
QUOTES = [DRAWN[name] for name in ("bid", "ask", "bid_size", "ask_size")]


def by_the_paper(bid, ask, bid_size, ask_size):
    """Return the adjustment of each state, in price, from the paper's matrices of all quotes."""
    spread = np.rint((ask - bid) / TICK).astype(int)
    share = np.minimum((bid_size / (bid_size + ask_size) * BINS).astype(int), BINS - 1)
    mid = (bid + ask) / 2
    pairs = []
    for at in range(len(mid) - 1):
        move = mid[at + 1] - mid[at]
        if abs(move) < 1.2 * TICK:
            now, then = (share[at], spread[at]), (share[at + 1], spread[at + 1])
            pairs.append((now, then, round(move / TICK * 2) / 2 * TICK))
            mirrored = (BINS - 1 - now[0], now[1]), (BINS - 1 - then[0], then[1])
            pairs.append((*mirrored, -pairs[-1][2]))
    states = [(i, s) for s in range(1, WIDEST + 1) for i in range(BINS)]
    moves = [-TICK, -TICK / 2, TICK / 2, TICK]
    q, t = np.zeros((2, len(states), len(states)))
    r = np.zeros((len(states), len(moves)))
    for now, then, move in pairs:
        x, y = states.index(now), states.index(then)
        if move == 0:
            q[x, y] += 1
        else:
            t[x, y] += 1
            r[x, int(np.argmin(np.abs(np.array(moves) - move)))] += 1
    every = (q.sum(axis=1) + t.sum(axis=1))[:, None]
    q, t, r = q / every, t / every, r / every
    inverse = np.linalg.inv(np.eye(len(states)) - q)
    first, b = inverse @ r @ np.array(moves), inverse @ t
    return dict(
        zip(states, sum(np.linalg.matrix_power(b, n) @ first for n in range(6)), strict=True)
    )


def test_it_is_the_mid_and_the_adjustment_of_the_paper():
    found = stoikov_microprice(*QUOTES, tick=TICK, bins=BINS, widest=WIDEST, every=4_000)
    assert np.isnan(found[:-1]).all()
    bid, ask, bid_size, ask_size = (one[-1] for one in QUOTES)
    state = int(bid_size / (bid_size + ask_size) * BINS), round((ask - bid) / TICK)
    assert found[-1] == pytest.approx((bid + ask) / 2 + by_the_paper(*QUOTES)[state], abs=1e-9)


def test_where_more_bids_have_meant_a_rise_it_is_above_the_mid():
    # the mid goes up a tick after each quote with more bids, down a tick after one with fewer
    draw = np.random.default_rng(2)
    heavy = draw.random(3_000) < 0.5
    steps = np.concatenate([[0], np.where(heavy, 1, -1)[:-1]]).cumsum()
    bid = 50 + np.round(steps * TICK, 2)
    found = stoikov_microprice(
        bid, np.round(bid + TICK, 2), np.where(heavy, 9.0, 1.0), np.where(heavy, 1.0, 9.0),
        bins=BINS, every=1_000,
    )  # fmt: skip
    ahead = found - (bid + TICK / 2)
    assert np.isnan(ahead[:1_000]).all()
    # of coin tosses, what comes after the first move is nothing
    assert ahead[1_000:] == pytest.approx(np.where(heavy, TICK, -TICK)[1_000:], abs=0.05 * TICK)


def test_a_mid_that_never_moves_is_where_it_is_expected():
    still = np.full(50, 10.0)
    found = stoikov_microprice(still, still + TICK, still, still, every=20)
    assert found[20:] == pytest.approx(10.005)


def test_spreads_wider_than_asked_for_and_locked_quotes_are_not_known():
    bid = np.full(60, 10.0)
    for ask in (10.05, 10.0):
        assert np.isnan(stoikov_microprice(bid, np.full(60, ask), bid, bid, every=20)).all()


@pytest.mark.parametrize("text", ["stoikov_microprice", "stoikov_microprice(bins=3,every=100)"])
def test_a_stream_learns_the_same(text):
    assert FeatureEngine().check(text).problems == ()
