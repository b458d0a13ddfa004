"""What is asked for together, of one kind of rows and of another."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()
SPEC = ENGINE.registry.spec


def bars(closes=(10.0, 11.0, 12.0), times=None, symbol="A"):
    times = pd.date_range("2024-01-01", periods=len(closes), tz="UTC") if times is None else times
    index = pd.MultiIndex.from_arrays([times, [symbol] * len(times)], names=["timestamp", "symbol"])
    close = np.array(closes)
    frame = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0}
    return pd.DataFrame(frame, index)


def quotes():
    times = pd.date_range("2024-01-01", periods=3, tz="UTC")
    index = pd.MultiIndex.from_arrays([times, list("ABA")], names=["timestamp", "symbol"])
    return pd.DataFrame({"bid": [1.0, 2.0, 3.0], "ask": [2.0, 3.0, 5.0]}, index)


@pytest.mark.parametrize(
    "beside",
    [
        SPEC("market_beta(of=bid, against=B)"),
        SPEC("average_correlation(of=bid)"),
        SPEC("dispersion(of=ask)"),
    ],
)
def test_ticks_of_several_instruments_have_no_time_in_common(beside):
    asked = ["quoted_spread", beside]
    with pytest.raises(InputError, match="of several instruments is of their bars"):
        ENGINE.compute(quotes(), asked)
    with pytest.raises(InputError, match="of several instruments is of their bars"):
        ENGINE.stream(["A", "B"], asked)


@pytest.mark.parametrize("given", [{"out": np.empty((2, 3))}, {"references": pd.DataFrame()}])
def test_what_is_of_bars_is_not_passed_over_with_ticks(given):
    with pytest.raises(InputError, match="out and references are of bars"):
        ENGINE.compute(quotes(), ["quoted_spread"], **given)


@pytest.mark.parametrize("threads", [0, -1, 1.5, None, True])
@pytest.mark.parametrize(("rows", "feature"), [(bars(), "obv"), (quotes(), "quoted_spread")])
def test_threads_are_counted_from_one(threads, rows, feature):
    with pytest.raises(InputError, match="threads must be"):
        ENGINE.compute(rows, [feature], threads=threads)


def test_a_room_that_is_no_array_is_refused():
    with pytest.raises(InputError, match="out must be an array; got list"):
        ENGINE.compute(bars(), ["obv"], out=[[0.0]])


def test_one_feature_alone_and_one_symbol_alone_are_no_lists():
    with pytest.raises(InputError, match="asked for as a list; got 'obv"):
        ENGINE.compute(bars(), "obv")
    with pytest.raises(InputError, match="asked for as a list"):
        ENGINE.stream(["A"], SPEC("obv"))
    with pytest.raises(InputError, match="of symbols, each once; got MSFT"):
        ENGINE.stream("MSFT", ["obv"])


def test_a_column_twice_and_a_symbol_that_is_missing_are_named():
    doubled = bars().assign(other=1.0)
    doubled.columns = [*doubled.columns[:-1], "close"]
    with pytest.raises(InputError, match="each column once; got close"):
        ENGINE.compute(doubled, ["obv"])
    with pytest.raises(BadData, match="missing symbol"):
        ENGINE.compute(bars(symbol=None), ["obv"])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_day_is_the_same_in_any_unit_and_zone(unit, zone):
    times = pd.date_range("2024-01-01 12:00", periods=3, freq="12h", tz="UTC")
    found = ENGINE.compute(bars(times=times.tz_convert(zone).as_unit(unit)), ["vwap_session"])
    # a bar of the first day; two of the second, of which the first is at its very beginning
    assert found["vwap_session.vwap"]["A"].tolist() == [10.0, 11.0, 11.5]


def test_years_that_nanoseconds_do_not_reach_are_read():
    times = pd.DatetimeIndex(["2400-01-01", "2400-01-02", "2400-01-03"], tz="UTC").as_unit("s")
    found = ENGINE.compute(bars(times=times), ["vwap_session"])
    assert found["vwap_session.vwap"]["A"].tolist() == [10.0, 11.0, 12.0]


@pytest.mark.parametrize("column", [["x", "y", "z"], [object()] * 3])
def test_a_column_of_ticks_that_holds_no_numbers_is_named(column):
    with pytest.raises(BadData, match="other must be numbers"):
        ENGINE.compute(quotes().assign(other=column), ["quoted_spread", "obv(of=other/bid)"])


def test_a_time_that_is_refused_with_another_is_forgotten():
    stream = ENGINE.stream(["A", "B"], ["trade_rate"])
    with pytest.raises(BadData, match="B"):
        stream.update_all({"A": 9.0, "B": float("nan")})
    stream.update_all({"A": 5.0, "B": 5.0})
