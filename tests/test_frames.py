import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_bars, require_prices, require_returns, require_series
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark, provenance

DAYS = pd.date_range("2024-01-01", periods=4, tz="UTC")


@pytest.fixture
def prices():
    return pd.DataFrame({"A": [10.0, 11.0, 12.0, 13.0], "B": [5.0, 5.0, 5.0, 5.0]}, index=DAYS)


@pytest.fixture
def bars():
    index = pd.MultiIndex.from_product([DAYS, ["A", "B"]], names=["timestamp", "symbol"])
    return pd.DataFrame(
        {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0}, index=index
    )


def test_good_prices_come_back_as_the_same_object(prices):
    assert require_prices(prices) is prices


def test_prices_of_another_zone_come_back_in_utc_with_their_marks(prices):
    marked = mark(prices.tz_convert("America/New_York"), Provenance(notices=(SURVIVORS_ONLY,)))
    checked = require_prices(marked)
    assert str(checked.index.tz) == "UTC"
    assert provenance(checked).notices == (SURVIVORS_ONLY,)
    pd.testing.assert_frame_equal(checked, prices, check_freq=False)


def test_prices_may_have_gaps_where_the_caller_accounts_for_them(prices):
    prices.loc[DAYS[2], "B"] = np.nan
    assert require_prices(prices, gaps=True) is prices
    prices.loc[DAYS[1], "B"] = np.inf
    with pytest.raises(BadData, match=r"positive, finite or NaN; got B = inf at 2024-01-02"):
        require_prices(prices, gaps=True)
    prices["B"] = np.nan
    with pytest.raises(BadData, match="a price of each symbol; got B"):
        require_prices(prices, gaps=True)


@pytest.mark.parametrize("check", [require_prices, require_returns])
def test_a_missing_value_is_named_with_symbol_and_day(prices, check):
    prices.loc[DAYS[2], "B"] = np.nan
    with pytest.raises(BadData, match="must not be NaN") as caught:
        check(prices)
    assert caught.value.value == "B at 2024-01-03"


def test_many_missing_values_are_counted(prices):
    prices["A"] = np.nan
    with pytest.raises(BadData) as caught:
        require_prices(prices)
    assert caught.value.value == "A at 2024-01-01, A at 2024-01-02, A at 2024-01-03 and 1 more"


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_an_infinite_value_is_refused(prices, bad):
    prices.loc[DAYS[1], "A"] = bad
    with pytest.raises(BadData, match="must be finite"):
        require_returns(prices)


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_price_that_is_not_positive_is_named_with_its_value(prices, bad):
    prices.loc[DAYS[1], "A"] = bad
    with pytest.raises(BadData, match="must be positive") as caught:
        require_prices(prices)
    assert caught.value.value == f"A = {bad:g} at 2024-01-02"


def test_negative_returns_are_fine(prices):
    returns = -prices / 100
    assert require_returns(returns) is returns


def test_an_empty_frame_is_not_enough_data(prices):
    for empty in (prices.iloc[:0], prices[[]]):
        with pytest.raises(NotEnoughData, match="must not be empty"):
            require_prices(empty)


def test_too_few_rows_are_refused_with_both_numbers_named(prices):
    with pytest.raises(NotEnoughData, match="at least 5 rows") as caught:
        require_prices(prices, at_least=5)
    assert caught.value.value == 4


def test_unsorted_repeated_and_naive_times_are_refused(prices):
    with pytest.raises(BadData, match="sorted by time"):
        require_prices(prices.iloc[::-1])
    with pytest.raises(BadData, match="each time once") as caught:
        require_prices(prices.iloc[[0, 1, 1, 2]])
    assert caught.value.value == "2024-01-02"
    with pytest.raises(InputError, match="tz-aware") as caught:
        require_prices(prices.tz_localize(None))
    assert "tz_localize" in caught.value.remedy
    with pytest.raises(InputError, match="indexed by time"):
        require_prices(prices.reset_index(drop=True))
    with pytest.raises(BadData, match="NaT"):
        require_prices(prices.set_index(DAYS.where(DAYS[1] != DAYS)))


def test_a_symbol_given_twice_is_refused(prices):
    with pytest.raises(BadData, match="each symbol once"):
        require_prices(prices[["A", "A"]])


def test_what_is_not_a_frame_of_numbers_is_refused(prices):
    with pytest.raises(InputError, match="must be a DataFrame"):
        require_prices(prices["A"])
    with pytest.raises(BadData, match="must be numbers"):
        require_prices(prices.assign(A="ten"))


def test_the_name_given_leads_the_message(prices):
    with pytest.raises(NotEnoughData, match=r"^factor returns must not be empty"):
        require_returns(prices.iloc[:0], name="factor returns")


def test_a_series_is_checked_by_the_same_rules(prices):
    series = prices["A"]
    assert require_series(series) is series
    with pytest.raises(BadData) as caught:
        require_series(series.where(series != 12.0))
    assert caught.value.value == "at 2024-01-03"
    with pytest.raises(NotEnoughData):
        require_series(series.iloc[:0])
    with pytest.raises(InputError, match="must be a Series"):
        require_series(prices)


def test_good_bars_come_back_as_the_same_object(bars):
    assert require_bars(bars) is bars


def test_a_bad_bar_is_named_with_symbol_column_and_day(bars):
    bars.loc[(DAYS[1], "B"), "close"] = np.nan
    with pytest.raises(BadData, match="NaN") as caught:
        require_bars(bars)
    assert caught.value.value == "B close at 2024-01-02"


def test_a_close_above_the_high_is_refused(bars):
    bars.loc[(DAYS[0], "A"), "close"] = 12.5
    with pytest.raises(BadData, match="between low and high") as caught:
        require_bars(bars)
    assert caught.value.value == "A close = 12.5 at 2024-01-01"


def test_bars_of_another_shape_are_refused(bars):
    with pytest.raises(InputError, match=r"indexed by \(timestamp, symbol\)"):
        require_bars(bars.reset_index("symbol"))
    with pytest.raises(InputError) as caught:
        require_bars(bars.drop(columns="open"))
    assert caught.value.value == "without open"
    with pytest.raises(NotEnoughData):
        require_bars(bars.iloc[:0])
    with pytest.raises(BadData, match="sorted"):
        require_bars(bars.iloc[::-1])
    with pytest.raises(BadData, match="one row per"):
        require_bars(bars.iloc[[0, 0]])
    with pytest.raises(BadData, match="negative volume"):
        require_bars(bars.assign(volume=-1.0))
