"""The best bid and ask."""

import numpy as np
import pytest

from nautilus_lab.features.microstructure._order_flow import order_flow_imbalance, pressure
from nautilus_lab.features.microstructure._quotes import (
    microprice,
    mid,
    queue_imbalance,
    quoted_spread,
)

BID, ASK = np.array([10.0, 10.0]), np.array([12.0, 10.0])  # the second one is locked
BIDS, ASKS = np.array([30.0, 5.0]), np.array([10.0, 5.0])


def test_quotes_worked_by_hand():
    assert mid(BID, ASK).tolist() == [11.0, 10.0]
    spread, relative = quoted_spread(BID, ASK)
    assert spread.tolist() == [2.0, 0.0]
    assert relative == pytest.approx([2 / 11, 0.0])
    # three quarters of the size bids: the price is three quarters of the way to the ask
    assert microprice(BID, ASK, BIDS, ASKS).tolist() == [11.5, 10.0]
    assert queue_imbalance(BIDS, ASKS).tolist() == [0.5, 0.0]


@pytest.mark.parametrize(
    ("bid", "bid_size", "ask", "ask_size", "event"),
    [
        # the six cases of Cont, Kukanov and Stoikov: from 100 x 7 / 101 x 9 to
        (100, 10, 101, 9, 3),  # three more bid
        (100, 5, 101, 9, -2),  # two bids were taken or withdrawn
        (100.5, 4, 101, 9, 4),  # a better bid
        (99.5, 4, 101, 9, -7),  # the best bid went
        (100, 7, 101, 12, -3),  # three more are offered
        (100, 7, 100.5, 2, -2),  # a better offer
        (100, 7, 101.5, 2, 9),  # the best offer went
        (99, 3, 100, 4, -11),  # both went down: -7 at the bid, -4 at the ask
    ],
)
def test_each_event_counts_as_the_paper_says(bid, bid_size, ask, ask_size, event):
    columns = [
        np.array(pair, float) for pair in ((100, bid), (7, bid_size), (101, ask), (9, ask_size))
    ]
    assert pressure(*columns).tolist() == [event]


def test_the_imbalance_is_the_sum_of_the_last_events(drawn):
    columns = [drawn[name].to_numpy() for name in ("bid", "bid_size", "ask", "ask_size")]
    events = pressure(*columns)
    found = order_flow_imbalance(*columns, window=7)
    assert np.isnan(found[:7]).all()
    assert found[7:].tolist() == [events[at : at + 7].sum() for at in range(len(events) - 6)]
