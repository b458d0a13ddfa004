"""Indicators against numbers from elsewhere."""

import numpy as np
import pytest
import talib

from nautilus_lab.features import FeatureEngine, drawn_bars

REGISTRY = FeatureEngine().registry
BARS = drawn_bars(400)


def value(text, columns=BARS):
    spec = REGISTRY.spec(text)
    return spec.evaluate(*[columns[name] for name in spec.inputs])


def test_wilders_relative_strength_is_the_published_one():
    # the example of StockCharts' ChartSchool: 14 days of QQQQ, and seven after them
    close = np.array(
        [
            "44.3389",
            "44.0902",
            "44.1497",
            "43.6124",
            "44.3278",
            "44.8264",
            "45.0955",
            "45.4245",
            "45.8433",
            "46.0826",
            "45.8931",
            "46.0328",
            "45.6140",
            "46.2820",
            "46.2820",
            "46.0028",
            "46.0328",
            "46.4116",
            "46.2222",
            "45.6439",
            "46.2122",
        ],
        dtype=float,
    )
    (rsi,) = value("rsi", {"close": close})
    assert np.isnan(rsi[:14]).all()
    assert rsi[14:] == pytest.approx([70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93], abs=0.01)


def test_an_exponential_average_is_the_published_one():
    # the example of StockCharts' ChartSchool, ten days
    close = np.array(
        [
            "22.27",
            "22.19",
            "22.08",
            "22.17",
            "22.18",
            "22.13",
            "22.23",
            "22.43",
            "22.24",
            "22.29",
            "22.15",
            "22.39",
            "22.38",
            "22.61",
            "23.36",
        ],
        dtype=float,
    )
    (ema,) = value("ema(timeperiod=10)", {"close": close})
    assert ema[9:] == pytest.approx([22.22, 22.21, 22.24, 22.27, 22.33, 22.52], abs=0.006)


def test_it_is_ta_libs_own_function():
    for name, given in (("adx", "high low close"), ("obv", "close volume"), ("macd", "close")):
        theirs = getattr(talib, name.upper())(*[BARS[column] for column in given.split()])
        ours = value(name)
        theirs = theirs if isinstance(theirs, tuple) else (theirs,)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, theirs, strict=True))


def test_whole_numbers_are_not_known_in_the_warm_up():
    (doji,) = value("cdldoji")
    assert np.isnan(doji[:10]).all()
    assert set(doji[10:]) <= {0.0, 100.0}


def test_a_place_is_told_as_bars_ago():
    (ago,) = value("maxindex(timeperiod=5)", {"close": np.array([1, 5, 2, 3, 4, 4.5, 9])})
    assert np.isnan(ago[:4]).all()
    assert list(ago[4:]) == [3, 4, 0]
