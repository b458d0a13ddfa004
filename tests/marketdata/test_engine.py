from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.engine import Engine
from nautilus_lab.exceptions import InputError, NotEnoughData, UnknownSymbol
from nautilus_lab.frames import require_bars, require_prices
from nautilus_lab.provenance import SURVIVORS_ONLY, provenance


def test_the_engine_keeps_the_promise_of_engines(data):
    assert isinstance(data, Engine)
    assert data.name == "marketdata"
    assert data.health().ok


def test_prices_are_the_twenty_stocks_by_default_and_say_that_they_survived(data):
    prices = data.prices()
    assert prices.shape == (8313, 20)
    assert require_prices(prices) is prices
    assert provenance(prices).notices == (SURVIVORS_ONLY,)
    assert provenance(prices).source.startswith("skfolio ")
    assert not provenance(prices).simulated


def test_symbols_come_in_the_order_asked_for(data):
    assert list(data.prices(["XOM", "AAPL"]).columns) == ["XOM", "AAPL"]
    assert list(data.prices("KO").columns) == ["KO"]


def test_the_index_carries_no_survivor_notice(data):
    assert provenance(data.prices(["SP500"])).notices == ()


def test_closes_are_taken_from_the_sets_of_closes_before_those_of_bars(data):
    both = data.prices(["AAPL"], start="2012-06-01", end="2012-06-01")
    of_bars = data.bars(["AAPL"], start="2012-06-01", end="2012-06-01")
    assert provenance(both).source.endswith("us_stocks")
    assert provenance(of_bars).source.endswith("us_stock_bars")


def test_closes_of_symbols_that_have_bars_only_are_their_bars_closes(data):
    closes = data.prices(["IBM"])
    bars = data.bars(["IBM"]).xs("IBM", level="symbol")
    pd.testing.assert_series_equal(closes["IBM"], bars["close"], check_names=False)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2010", "2010", "2010-01-04", "2010-12-31"),
        ("2010-06", "2010-06", "2010-06-01", "2010-06-30"),
        ("2010-06-01", "2010-06-02", "2010-06-01", "2010-06-02"),
        (date(2010, 6, 1), date(2010, 6, 2), "2010-06-01", "2010-06-02"),
        (datetime(2010, 6, 1, tzinfo=UTC), None, "2010-06-01", "2022-12-28"),
        (pd.Timestamp("2010-06-01"), pd.Timestamp("2010-06-02"), "2010-06-01", "2010-06-02"),
        (pd.Timestamp("2010-06-01", tz="America/New_York"), None, "2010-06-02", "2022-12-28"),
    ],
)
def test_start_and_end_are_inclusive_and_read_years_months_and_days(data, start, end, first, last):
    prices = data.prices(["KO"], start=start, end=end)
    assert (str(prices.index[0].date()), str(prices.index[-1].date())) == (first, last)


@pytest.mark.parametrize("bad", ["soon", "2010-13-01", "", 2010, 2010.5, float("nan"), pd.NaT])
def test_what_is_not_a_date_is_refused(data, bad):
    with pytest.raises(InputError, match="start must be a date"):
        data.prices(["KO"], start=bad)
    with pytest.raises(InputError, match="end must be a date"):
        data.macro(["VIX"], end=bad)


def test_reversed_dates_are_refused_with_both_named(data):
    for read in (data.prices, data.bars, data.macro):
        with pytest.raises(InputError, match="before start") as caught:
            read(start="2011", end="2010")
        assert caught.value.value == "start=2011, end=2010"


def test_an_unknown_symbol_is_answered_with_those_that_look_like_it(data):
    with pytest.raises(UnknownSymbol) as caught:
        data.prices(["AAPL", "MSTF"])
    assert caught.value.value == "MSTF"
    assert "MSFT" in caught.value.remedy
    with pytest.raises(UnknownSymbol, match="did you mean AAPL"):
        data.prices(["aapl"])
    with pytest.raises(UnknownSymbol, match=r"symbols\(\) lists"):
        data.macro(["TULIPS"])


def test_a_symbol_of_another_kind_is_answered_with_its_reader(data):
    with pytest.raises(UnknownSymbol, match="closes only") as caught:
        data.bars(["JPM"])
    assert caught.value.remedy == "read it by prices()"
    with pytest.raises(UnknownSymbol, match=r"macro\(\)"):
        data.prices(["VIX"])


def test_no_symbols_twice_the_same_and_what_is_no_symbol_are_refused(data):
    with pytest.raises(InputError, match="at least one"):
        data.prices([])
    with pytest.raises(InputError, match="named once"):
        data.prices(["KO", "KO"])
    with pytest.raises(InputError, match="strings"):
        data.prices([1])


def test_a_span_without_data_is_an_error_that_names_the_span_there_is(data):
    for read in (data.prices, data.bars, data.macro):
        with pytest.raises(NotEnoughData):
            read(start="2030")
    with pytest.raises(NotEnoughData) as caught:
        data.bars(["IBM", "FB"], end="2010")
    assert caught.value.value == "FB"
    assert "2012-05-18 to 2013-03-01" in caught.value.remedy
    with pytest.raises(NotEnoughData, match="MTUM"):
        data.prices(["AAPL", "MTUM"], end="2010")


def test_histories_of_different_length_are_cut_to_common_days_and_say_so(data):
    prices = data.prices(["AAPL", "MTUM"])
    assert prices.shape == (2264, 2)
    assert not prices.isna().any().any()
    notice = provenance(prices).notices[-1]
    assert "2264 days" in notice
    assert "MTUM starts on 2014-01-02" in notice


def test_symbols_of_equal_history_carry_no_notice_of_cutting(data):
    assert provenance(data.prices(["SP500", "KO"])).notices == (SURVIVORS_ONLY,)


def test_bars_are_sorted_by_time_and_symbol_and_pass_the_door(data):
    bars = data.bars()
    assert bars.shape == (12154, 5)
    assert require_bars(bars) is bars
    assert provenance(bars).notices == (SURVIVORS_ONLY,)
    mixed = data.bars(["SP500", "IBM"], start="2000-03-01", end="2000-03-01")
    assert list(mixed.index.get_level_values("symbol")) == ["IBM", "SP500"]


def test_bars_of_the_index_hold_the_published_crash_of_2008(data):
    day = data.bars(["SP500"], start="2008-10-15", end="2008-10-15").iloc[0]
    # S&P 500 on 15 October 2008: open 994.60, high 994.60, low 903.99, close 907.84.
    assert day[["open", "high", "low", "close"]].tolist() == pytest.approx(
        [994.60, 994.60, 903.99, 907.84], abs=0.01
    )


def test_benchmark_is_a_series_that_keeps_its_marks(data):
    index = data.benchmark("SP500", start="2020")
    assert index.name == "SP500"
    assert provenance(index).source.endswith("us_index")
    with pytest.raises(UnknownSymbol):
        data.benchmark("SPX500")


def test_macro_series_of_one_frequency_have_no_gaps(data):
    yields = data.macro(["BAA", "AAA"])
    assert list(yields.columns) == ["BAA", "AAA"]
    assert yields.shape == (1200, 2)
    assert not yields.isna().any().any()
    assert yields["AAA"].iloc[-1] == pytest.approx(0.0402)
    assert any("published later" in n for n in provenance(yields).notices)


def test_macro_series_of_different_frequencies_stand_on_the_union_of_their_days(data):
    both = data.macro(["VIX", "CORE_CPI"], start="2018-01", end="2018-03")
    assert both.index.is_monotonic_increasing
    assert both["CORE_CPI"].count() == 3
    assert both["VIX"].count() == 61
    assert not both.isna().all(axis=1).any()


def test_all_macro_series_are_read_when_none_is_named(data):
    everything = data.macro()
    listed = data.symbols()
    assert set(everything.columns) == set(listed.loc[listed["kind"] == "macro", "symbol"])
    recent = data.macro(start="2019")
    assert "UNEMP" not in recent.columns  # ends in 2009
    assert "VIX" in recent.columns


def test_a_macro_series_named_but_absent_in_the_span_is_an_error(data):
    with pytest.raises(NotEnoughData, match="UNEMP"):
        data.macro(["VIX", "UNEMP"], start="2018")


def test_symbols_can_be_searched(data):
    listed = data.symbols()
    assert set(listed["kind"]) == {"closes", "bars", "macro"}
    apples = data.symbols("apple")
    assert apples["symbol"].tolist() == ["AAPL", "AAPL"]
    assert apples["dataset"].tolist() == ["us_stocks", "us_stock_bars"]
    assert data.symbols("volatility")["symbol"].tolist() == ["USMV", "VIX"]
    assert data.symbols("tulips").empty


def test_what_symbols_tells_is_what_reading_finds(data):
    for row in data.symbols().itertuples():
        if row.kind == "macro":
            series = data.macro([row.symbol])[row.symbol]
        elif row.kind == "bars":
            series = data.bars([row.symbol])["close"].droplevel("symbol")
        elif row.symbol == "SP500" or row.dataset != "us_index":
            series = data.prices([row.symbol])[row.symbol]
        assert len(series) == row.rows, row.symbol
        assert (series.index[0], series.index[-1]) == (row.first, row.last), row.symbol
        assert np.isfinite(series).all(), row.symbol


def test_datasets_are_listed_with_package_and_licence(data):
    listed = data.datasets()
    assert len(listed) == 12
    assert listed.loc["us_stocks", "package"] == "skfolio"
    assert listed.loc["us_stocks", "series"] == 20
    assert "BSD" in listed.loc["us_stocks", "licence"]
    assert SURVIVORS_ONLY in listed.loc["us_stocks", "notices"]
