"""A book from its updates."""

import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features import rebuilt_book

START = pd.Timestamp("2024-01-02 09:30", tz="UTC")
# second, symbol, side, price, size, snapshot
ROWS = [
    (0, "A", "bid", 99.0, 5.0, True),
    (0, "A", "ask", 101.0, 6.0, True),
    (0, "A", "bid", 98.0, 7.0, True),
    (0, "A", "ask", 102.0, 8.0, True),
    (1, "B", "bid", 9.0, 1.0, False),
    (2, "A", "bid", 99.0, 0.0, False),  # gone: one bid is left
    (3, "A", "b", 97.0, 2.0, False),
    (3, "A", "SELL", 101.0, 1.0, False),
    (4, "A", "bid", 50.0, 1.0, True),  # begins anew
    (4, "A", "bid", 49.0, 1.0, True),
    (4, "A", "ask", 51.0, 2.0, True),
    (4, "A", "ask", 52.0, 2.0, True),
]


def updates(rows=ROWS):
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", "side", "price", "size", "snapshot"])
    frame["timestamp"] = START + pd.to_timedelta(frame["timestamp"], unit="s")
    return frame.set_index(["timestamp", "symbol"])


def test_a_state_has_a_row_when_both_sides_are_deep_enough():
    book = rebuilt_book(updates(), levels=2)
    assert [(when - START).seconds for when, _ in book.index] == [0, 3, 4]
    assert book.filter(like="bid_price").to_numpy().tolist() == [[99, 98], [98, 97], [50, 49]]
    assert book.filter(like="bid_size").to_numpy().tolist() == [[5, 7], [7, 2], [1, 1]]
    assert book.filter(like="ask_price").to_numpy().tolist() == [[101, 102], [101, 102], [51, 52]]
    assert book.filter(like="ask_size").to_numpy().tolist() == [[6, 8], [1, 8], [2, 2]]


def test_updates_that_come_later_change_nothing():
    whole = rebuilt_book(updates(), levels=1)
    part = rebuilt_book(updates(ROWS[:8]), levels=1)
    pd.testing.assert_frame_equal(part, whole.iloc[: len(part)])


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        ((9, "A", "middle", 1.0, 1.0, False), InputError, "a bid or an ask; got middle"),
        ((9, "A", "bid", 0.0, 1.0, False), BadData, "positive price.*got A 0 x 1 at"),
        ((9, "A", "bid", 1.0, -1.0, False), BadData, "positive price.*got A 1 x -1 at"),
        ((9, "A", "bid", float("nan"), 1.0, False), BadData, "positive price"),
        ((9, "A", "bid", 60.0, 1.0, False), BadData, "book must not be crossed"),
        ((1, "A", "bid", 48.0, 1.0, False), BadData, "in order of time"),
    ],
)
def test_updates_that_cannot_be_are_refused(row, error, said):
    with pytest.raises(error, match=said):
        rebuilt_book(updates([*ROWS, row]), levels=2)


def test_shapes_that_are_no_updates_are_refused():
    with pytest.raises(InputError, match="must be indexed by"):
        rebuilt_book(updates().reset_index(), levels=2)
    with pytest.raises(InputError, match="at least one level"):
        rebuilt_book(updates(), levels=0)
    with pytest.raises(NotEnoughData, match="no state of a book has 9 levels"):
        rebuilt_book(updates(), levels=9)
