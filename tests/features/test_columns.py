"""Columns of an answer, by label or as they were asked for."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine, drawn_bars, drawn_ticks

ENGINE = FeatureEngine()


@pytest.fixture
def bars():
    times = pd.date_range("2024-01-01", periods=60, tz="UTC", name="timestamp")
    frame = pd.DataFrame(drawn_bars(60, seed=1), index=times)
    return frame.assign(symbol="A").set_index("symbol", append=True)


@pytest.mark.parametrize(
    ("asked", "output"),
    [
        ("sma(of=volume,timeperiod=20)", ""),
        ("rsi(timeperiod=14)", ""),  # what is usual, which the label leaves out
        ("bbands(nbdevup=2.5,timeperiod=10)", ".upperband"),
        ("bbands", ".lowerband"),
    ],
)
def test_a_column_is_found_as_its_feature_was_asked_for(bars, asked, output):
    found = ENGINE.compute(bars, [asked])
    spec = ENGINE.registry.spec(asked)
    assert found[asked + output].equals(found[spec.label + output])
    assert asked + output in found


def test_a_column_of_ticks_is_found_as_its_feature_was_asked_for():
    drawn = pd.DataFrame(drawn_ticks(50))
    times = pd.to_datetime(drawn["time"], unit="s", utc=True).rename("timestamp")
    trades = drawn[["price", "size"]].set_index([times, pd.Index(["A"] * 50, name="symbol")])
    asked = "vpin(bucket=500,window=2)"
    found = ENGINE.compute(trades.assign(side=drawn["side"].to_numpy()), [asked])
    assert found[asked].name == "vpin(bucket=500, window=2)"
    wide = found.at(pd.DatetimeIndex(times[-1:]))
    assert np.array_equal(wide[asked]["A"], found[asked][-1:], equal_nan=True)


@pytest.mark.parametrize("asked", ["rsi(timeperiod=7)", "rsi.rsi", "nothing", "rsi(", "", "sma"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(bars, asked):
    found = ENGINE.compute(bars, ["rsi", "adx"])
    assert asked not in found
    with pytest.raises(InputError, match=r"no such column.*there are .*rsi"):
        found[asked]


def test_one_text_is_no_list_of_features(bars):
    with pytest.raises(InputError, match="asked for as a list; got 'rsi'"):
        ENGINE.compute(bars, "rsi")
