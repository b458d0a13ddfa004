import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.marketdata import nautilus as door

DAY = 86_400 * 10**9


def test_bars_go_to_nautilus_and_back_unchanged_but_for_precision(data):
    frame = data.bars(["AAPL", "FB", "MSFT"], start="2012-05")
    made = door.bars_of(frame)
    assert len(made) == len(frame)
    back = door.frame_of(made)
    expected = frame.assign(volume=frame["volume"].round(0))
    pd.testing.assert_frame_equal(back, expected, atol=5e-7, rtol=0, check_index_type=False)


def test_bars_come_in_the_order_in_which_they_close(data):
    made = door.bars_of(data.bars(["AAPL", "IBM"], start="2013"))
    closes_at = [bar.ts_init for bar in made]
    assert closes_at == sorted(closes_at)
    assert all(bar.ts_init > bar.ts_event for bar in made)


def test_a_daily_bar_closes_with_its_day_even_before_a_weekend():
    labels = door.nanoseconds(
        pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08"], tz="UTC")
    )
    ends = door.closing_times(labels)
    assert [str(pd.Timestamp(int(end))) for end in ends] == [
        "2024-01-04 23:59:59.999999999",
        "2024-01-05 23:59:59.999999999",
        "2024-01-08 23:59:59.999999999",
    ]


def test_no_bar_closes_after_the_next_begins():
    labels = np.array([0, 10, 20, 25, 35], dtype=np.uint64)
    assert door.closing_times(labels).tolist() == [4, 14, 24, 29, 39]


def test_times_of_any_resolution_become_nanoseconds():
    coarse = pd.DatetimeIndex(["2024-01-01"], tz="UTC").as_unit("s")
    assert door.nanoseconds(coarse).tolist() == [1_704_067_200 * 10**9]


@pytest.mark.parametrize("year", ["1969-12-31", "2300-01-01"])
def test_times_that_nautilus_cannot_count_are_refused(year):
    with pytest.raises(InputError, match="between 1970 and 2261"):
        door.nanoseconds(pd.DatetimeIndex([year], tz="UTC").as_unit("s"))


@pytest.mark.parametrize(
    ("length_ns", "expected"),
    [
        (DAY, "AAPL.PAPER-1-DAY-LAST-EXTERNAL"),
        (7 * DAY, "AAPL.PAPER-1-DAY-LAST-EXTERNAL"),
        (3_600 * 10**9, "AAPL.PAPER-1-HOUR-LAST-EXTERNAL"),
        (300 * 10**9, "AAPL.PAPER-5-MINUTE-LAST-EXTERNAL"),
        (10**9, "AAPL.PAPER-1-SECOND-LAST-EXTERNAL"),
    ],
)
def test_the_type_of_bars_tells_their_length(length_ns, expected):
    assert str(door.bar_type("AAPL", length_ns)) == expected


def test_bars_below_a_second_are_refused():
    with pytest.raises(InputError, match="a second apart"):
        door.bar_type("AAPL", 10**6)


def test_the_instrument_of_a_symbol_is_a_whole_share_in_dollars():
    share = door.equity("BRK.B", price_precision=2, commission_bps=1.5)
    assert str(share.id) == "BRK.B.PAPER"
    assert (share.price_precision, share.size_precision) == (2, 0)
    assert str(share.price_increment) == "0.01"
    assert share.quote_currency.code == "USD"
    assert float(share.taker_fee) == 1.5e-4
    assert str(door.equity("KO").price_increment) == "0.000001"


def test_quotes_carry_their_prices_and_any_size():
    quotes = door.to_quotes(
        door.instrument_id("KO"),
        np.array([0.144]),
        np.array([0.145]),
        np.array([DAY], dtype=np.uint64),
    )
    assert float(quotes[0].bid_price) == 0.144
    assert float(quotes[0].ask_price) == 0.145
    assert float(quotes[0].ask_size) >= 1e12
