"""Features of a panel."""

import numpy as np
import pandas as pd
import pytest
import talib

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features import FeatureEngine, drawn_bars

ENGINE = FeatureEngine()


def panel(symbols=3, bars=60):
    times = pd.date_range("2024-01-01", periods=bars, tz="UTC", name="timestamp")
    parts = {f"S{n}": pd.DataFrame(drawn_bars(bars, seed=n), index=times) for n in range(symbols)}
    return pd.concat(parts, names=["symbol"]).swaplevel().sort_index()


def test_each_instrument_is_computed_of_its_own_bars():
    bars = panel()
    found = ENGINE.compute(bars, ["rsi(timeperiod=5)", "macd"])
    assert found.columns == ("rsi(timeperiod=5)", "macd.macd", "macd.macdsignal", "macd.macdhist")
    for symbol in ("S0", "S1", "S2"):
        close = bars.xs(symbol, level="symbol")["close"].to_numpy()
        theirs = talib.RSI(close, 5)
        assert np.array_equal(found["rsi(timeperiod=5)"][symbol], theirs, equal_nan=True)


def test_a_missing_bar_is_not_made_up():
    bars = panel()
    gone = bars.index[[31, 34, 70]]  # three bars of S1 and S2
    found = ENGINE.compute(bars.drop(gone), ["ema(timeperiod=4)"])["ema(timeperiod=4)"]
    for symbol in ("S0", "S1", "S2"):
        own = bars.drop(gone).xs(symbol, level="symbol")["close"]
        theirs = pd.Series(talib.EMA(own.to_numpy(), 4), own.index)
        pd.testing.assert_series_equal(
            found[symbol].reindex(own.index), theirs, check_names=False, check_freq=False
        )
    for time, symbol in gone:
        assert np.isnan(found.loc[time, symbol])


def test_one_thread_and_four_find_the_same():
    bars = panel(7, 300)
    asked = [
        name
        for name, one in ENGINE.registry.items()
        if one.data == "bars" and one.scope == "instrument" and set(one.inputs) <= set(bars)
    ]
    one, four = (ENGINE.compute(bars, asked, threads=n).array for n in (1, 4))
    assert np.array_equal(one, four, equal_nan=True)


def test_a_panel_may_be_written_over_an_earlier_one():
    bars = panel().drop(panel().index[[7]])
    asked = ["sma(timeperiod=5)", "macd", "cdldoji"]
    fresh = ENGINE.compute(bars, asked)
    room = np.full(fresh.array.shape, 7.0)
    again = ENGINE.compute(bars, asked, out=room)
    assert again.array is room
    np.testing.assert_array_equal(room, fresh.array)


@pytest.mark.parametrize(
    "room", [np.empty((1, 3, 59)), np.empty((1, 3, 60), np.float32)], ids=["shape", "kind"]
)
def test_a_room_that_does_not_fit_is_refused(room):
    with pytest.raises(
        InputError, match=r"out must be writable, of float64 and shape \(1, 3, 60\)"
    ):
        ENGINE.compute(panel(), ["sma(timeperiod=5)"], out=room)


def test_a_long_frame_has_the_rows_of_the_bars():
    bars = panel()
    frame = ENGINE.compute(bars, ["sma(timeperiod=3)", "obv"]).frame()
    assert frame.index.equals(bars.index)
    assert list(frame.columns) == ["sma(timeperiod=3)", "obv"]
    assert frame.xs("S1", level="symbol")["obv"].equals(
        ENGINE.compute(bars, ["obv"])["obv"]["S1"].rename("obv")
    )


def test_times_are_told_in_utc():
    bars = panel().tz_convert("America/New_York", level="timestamp")
    assert str(ENGINE.compute(bars, ["obv"]).times.tz) == "UTC"


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match="'vwap' is not among open"):
        ENGINE.compute(panel(), ["rsi(of=vwap)"])


def test_a_hole_in_another_column_is_named_with_its_place():
    bars = panel()
    bars["spread"] = 1.0
    bars.iloc[4, -1] = np.nan
    with pytest.raises(BadData, match="spread must be finite; got S1 at 2024-01-02"):
        ENGINE.compute(bars, ["sma(of=spread,timeperiod=2)"])


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda b: b.iloc[::-1], BadData, "sorted"),
        (lambda b: pd.concat([b, b]).sort_index(), BadData, "one row per"),
        (lambda b: b.assign(close=np.nan), BadData, "must not be NaN"),
        (lambda b: b.iloc[:0], NotEnoughData, "must not be empty"),
        (lambda b: b.iloc[:9], NotEnoughData, "rsi needs 15 bars"),
        (lambda b: b.drop(columns="high"), InputError, "without high"),
        (lambda b: b["close"].unstack(), InputError, "indexed by"),
    ],
)
def test_bars_that_cannot_be_are_refused(spoil, error, said):
    with pytest.raises(error, match=said):
        ENGINE.compute(spoil(panel()), ["rsi"])


def test_nothing_and_the_same_twice_are_refused():
    with pytest.raises(InputError, match="ask for a feature"):
        ENGINE.compute(panel(), [])
    with pytest.raises(InputError, match="asked for once"):
        ENGINE.compute(panel(), ["rsi", "rsi(timeperiod=14)"])
