"""Trades and the quotes before them."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.features import prevailing

START = pd.Timestamp("2024-01-02 09:30", tz="UTC")


def rows(seconds, symbols, **columns):
    times = [START + pd.Timedelta(seconds=s) for s in seconds]
    index = pd.MultiIndex.from_arrays([times, symbols], names=["timestamp", "symbol"])
    return pd.DataFrame(columns, index)


QUOTES = rows([1, 2, 2, 3], ["A", "A", "A", "B"], bid=[1.0, 2.0, 3.0, 4.0], ask=9.0)
TRADES = rows([1, 2, 2.5, 4, 9], ["A", "A", "A", "B", "C"], price=5.0, size=1.0)


def test_the_quote_is_the_last_one_strictly_before():
    # at 1 s there is none before; at 2 s that of 1 s; after it the last to arrive within 2 s
    found = prevailing(TRADES, QUOTES)
    assert np.array_equal(found["bid"], [np.nan, 1.0, 3.0, 4.0, np.nan], equal_nan=True)
    assert found.index.equals(TRADES.index)
    assert list(TRADES.columns) == ["price", "size"]


def test_a_delay_takes_the_quote_that_stood_so_much_before():
    found = prevailing(TRADES, QUOTES, delay="500ms")
    assert np.array_equal(found["bid"], [np.nan, 1.0, 1.0, 4.0, np.nan], equal_nan=True)


def test_it_is_what_merge_asof_finds(two):
    quotes = two[["bid", "ask"]]
    trades = two[["price", "size"]]
    theirs = pd.merge_asof(
        trades.reset_index(), quotes.reset_index(), on="timestamp", by="symbol",
        allow_exact_matches=False,
    )  # fmt: skip
    ours = prevailing(trades, quotes).reset_index()
    pd.testing.assert_frame_equal(ours, theirs)


def test_other_columns_of_quotes_come_along():
    found = prevailing(TRADES, QUOTES.assign(venue=["X", "Y", "Z", "X"], level=[1, 2, 3, 4]))
    assert found["venue"].iloc[1:4].tolist() == ["X", "Z", "X"]
    assert found["venue"].isna().tolist() == [True, False, False, False, True]
    assert found["level"].iloc[1:4].tolist() == [1, 3, 4]


def test_quotes_that_come_later_change_nothing(two):
    trades, quotes = two[["price", "size"]], two[["bid", "ask"]]
    whole = prevailing(trades, quotes)
    until = trades.index[700][0]
    early = trades.index.get_level_values("timestamp") <= until
    told = quotes[quotes.index.get_level_values("timestamp") < until]
    pd.testing.assert_frame_equal(prevailing(trades[early], told), whole[early])


def test_what_cannot_be_joined_is_refused():
    with pytest.raises(InputError, match="delay must not be negative"):
        prevailing(TRADES, QUOTES, delay="-1s")
    with pytest.raises(InputError, match="must be a length of time; got soon"):
        prevailing(TRADES, QUOTES, delay="soon")
    with pytest.raises(InputError, match="must not share a column; got size"):
        prevailing(TRADES, QUOTES.assign(size=1.0))
    with pytest.raises(BadData, match="quotes must not be crossed"):
        prevailing(TRADES, QUOTES.assign(ask=0.5))
    with pytest.raises(BadData, match="trades must be in order of time"):
        prevailing(TRADES.iloc[::-1], QUOTES)
