"""What is refused of quotes, trades and books."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_book, require_quotes, require_ticks, require_trades

TIMES = pd.to_datetime(["2024-01-02 09:30", "2024-01-02 09:30", "2024-01-02 09:31"], utc=True)


def rows(**columns):
    index = pd.MultiIndex.from_arrays([TIMES, ["A", "B", "A"]], names=["timestamp", "symbol"])
    return pd.DataFrame(columns, index)


QUOTES = rows(bid=[10.0, 5.0, 10.0], ask=[10.1, 5.0, 10.2], bid_size=3.0, ask_size=4.0)
TRADES = rows(price=[10.1, 5.0, 10.0], size=[1.0, 2.0, 3.0], side=[1, -1, 0])
TICKS = QUOTES.join(TRADES)
BOOK = rows(
    bid_price_0=10.0, bid_size_0=1.0, ask_price_0=10.1, ask_size_0=1.0,
    bid_price_1=9.9, bid_size_1=2.0, ask_price_1=10.3, ask_size_1=2.0,
)  # fmt: skip
CHECKS = [
    (require_quotes, QUOTES),
    (require_trades, TRADES),
    (require_ticks, TICKS),
    (require_book, BOOK),
]


@pytest.mark.parametrize(("check", "good"), CHECKS)
def test_good_ticks_come_back_as_the_same_object(check, good):
    assert check(good) is good


@pytest.mark.parametrize(("check", "good"), CHECKS)
def test_ticks_of_one_time_and_symbol_keep_their_order(check, good):
    twice = good.iloc[[0, 0, 1, 2, 2]]
    assert check(twice) is twice


@pytest.mark.parametrize(("check", "good"), CHECKS)
def test_time_that_goes_back_is_named_with_its_place(check, good):
    with pytest.raises(BadData, match=r"in order of time; got B at .*09:30.* after .*09:31"):
        check(good.iloc[[0, 2, 1]])


@pytest.mark.parametrize(("check", "good"), CHECKS)
def test_shapes_that_are_no_ticks_are_refused(check, good):
    with pytest.raises(NotEnoughData, match="must not be empty"):
        check(good.iloc[:0])
    with pytest.raises(InputError, match="tz-aware"):
        check(good.tz_localize(None, level="timestamp"))
    with pytest.raises(InputError, match="indexed by"):
        check(good.droplevel("symbol"))
    with pytest.raises(InputError, match="must be a DataFrame"):
        check(good.iloc[:, 0])
    with pytest.raises(InputError, match="must have the columns"):
        check(good.iloc[:, :0])
    with pytest.raises(InputError, match="each column once"):
        check(pd.concat([good, good], axis=1))


@pytest.mark.parametrize(("check", "good"), CHECKS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_a_number_that_cannot_be_is_named_with_its_place(check, good, wrong):
    column = good.columns[0]
    bad = good.astype(float)
    bad.iloc[2, 0] = wrong
    with pytest.raises(BadData, match=rf"{column}.* at 2024-01-02T09:31"):
        check(bad)


def test_a_size_of_nothing_is_refused():
    with pytest.raises(BadData, match="positive prices and sizes; got B bid_size = 0 at"):
        require_quotes(QUOTES.assign(bid_size=[1.0, 0.0, 1.0]))
    with pytest.raises(BadData, match="positive prices and sizes; got B size = 0 at"):
        require_trades(TRADES.assign(size=[1.0, 0.0, 1.0]))


def test_a_crossed_quote_is_named_and_a_locked_one_passes():
    require_quotes(QUOTES.assign(ask=QUOTES["bid"]))
    with pytest.raises(BadData, match=r"must not be crossed.*got A bid = 10 at"):
        require_quotes(QUOTES.assign(ask=[9.0, 5.0, 11.0]))
    with pytest.raises(BadData, match=r"must not be crossed.*got A bid_price_0 = 10 at"):
        require_book(BOOK.assign(ask_price_0=[9.0, 10.1, 10.1]))


def test_quotes_without_sizes_pass():
    assert len(require_quotes(QUOTES[["bid", "ask"]])) == 3


def test_a_side_is_one_of_three():
    with pytest.raises(BadData, match="side of 1, 0 or -1; got B side = 2 at"):
        require_trades(TRADES.assign(side=[1, 2, 1]))


def test_a_trade_before_the_first_quote_is_named():
    with pytest.raises(BadData, match="ticks must not be NaN; got A bid at"):
        require_ticks(TICKS.assign(bid=[np.nan, 5.0, 10.0]))


def test_levels_that_do_not_fit_together_are_named():
    with pytest.raises(InputError, match="for each of its 2 levels; got without ask_size_1"):
        require_book(BOOK.drop(columns="ask_size_1"))
    with pytest.raises(InputError, match="for each of its 3 levels"):
        require_book(BOOK.assign(bid_price_7=1.0))
    with pytest.raises(BadData, match="each bid behind the one before it; got B bid_price_1 = 10"):
        require_book(BOOK.assign(bid_price_1=[9.9, 10.0, 9.9]))
    with pytest.raises(BadData, match="each ask behind the one before it; got A ask_price_1 = 10"):
        require_book(BOOK.assign(ask_price_1=[10.0, 10.3, 10.3]))
