"""Features bar by bar."""

import math

import numpy as np
import pytest

from nautilus_lab.exceptions import BadData, InputError, UnknownSymbol
from nautilus_lab.features import FeatureEngine, drawn_bars

ENGINE = FeatureEngine()
ALL = [
    "sma(timeperiod=5)",
    "ema(timeperiod=9)",
    "rsi",
    "bbands(timeperiod=20)",
    "obv",
    "adx",
    "sar",
]


def bars_of(columns, names):
    return [
        dict(zip(names, bar, strict=True)) for bar in zip(*[columns[n] for n in names], strict=True)
    ]


def test_symbols_do_not_mix():
    stream = ENGINE.stream(["A", "B"], ALL)
    one, other = drawn_bars(700, seed=1), drawn_bars(700, seed=2)
    for a, b in zip(bars_of(one, stream.inputs), bars_of(other, stream.inputs), strict=True):
        stream.update("A", a)
        stream.update("B", b)
    for symbol, columns in (("A", one), ("B", other)):
        batch = [
            output[-1]
            for text in ALL
            for output in ENGINE.registry.spec(text).evaluate(
                *[columns[name] for name in ENGINE.registry.spec(text).inputs]
            )
        ]
        assert stream.values(symbol) == pytest.approx(batch, rel=1e-9)


def test_the_averages_do_not_drift_in_a_hundred_thousand_ticks():
    import talib

    draw = np.random.default_rng(0)
    price = 50_000 + np.cumsum(draw.standard_normal(100_000))
    stream = ENGINE.stream(["BTC"], ["sma(timeperiod=30)", "bbands(timeperiod=50)", "rsi"])
    for tick in price.tolist():
        stream.update("BTC", tick)
    upper, _, lower = talib.BBANDS(price, 50, 2.0, 2.0)
    window = price[-50:]
    found = stream.values("BTC")
    assert found[0] == pytest.approx(math.fsum(price[-30:]) / 30, rel=1e-13)
    assert found[1] == pytest.approx(window.mean() + 2 * window.std(), rel=1e-12)
    assert found[[1, 3]] == pytest.approx([upper[-1], lower[-1]], rel=1e-9)


def test_what_is_not_a_number_is_refused_and_changes_nothing():
    stream, twin = (ENGINE.stream(["A"], ["sma(timeperiod=2)", "rsi(timeperiod=2)"]) for _ in "12")
    for tick in (1.0, 2.0, 3.0):
        stream.update("A", tick)
        twin.update("A", tick)
    before = stream.values("A")
    for bad in (math.nan, math.inf, {"close": math.nan}, {"open": 1.0}, {}):
        with pytest.raises(BadData, match="a bar must have"):
            stream.update("A", bad)
    assert np.array_equal(stream.values("A"), before)
    assert np.array_equal(stream.update("A", 5.0), twin.update("A", 5.0))


def test_before_the_first_bar_nothing_is_known():
    stream = ENGINE.stream(["A"], ["rsi", "sar"])
    assert np.isnan(stream.values("A")).all()
    with pytest.raises(UnknownSymbol, match="no such symbol; got B"):
        stream.update("B", {"close": 1.0, "high": 1.0, "low": 1.0})
    with pytest.raises(BadData, match="a bar must have a number"):
        stream.update("A", 1.0)  # two features of three columns


@pytest.mark.parametrize(
    ("symbols", "features", "said"),
    [
        ([], ["rsi"], "symbols, each once"),
        (["A", "A"], ["rsi"], "symbols, each once"),
        (["A"], [], "ask for features"),
        (["A"], ["rsi", "rsi"], "each once"),
    ],
)
def test_a_stream_of_nothing_is_refused(symbols, features, said):
    with pytest.raises(InputError, match=said):
        ENGINE.stream(symbols, features)


def test_memory_is_bounded_by_the_history():
    stream = ENGINE.stream(["A"], ["adx(timeperiod=5)"])
    bars = bars_of(drawn_bars(3_000), stream.inputs)
    for bar in bars:
        stream.update("A", bar)
    (one,) = stream._of.values()
    assert one._recent._rows.size <= 2 * 3 * ENGINE.registry.spec("adx(timeperiod=5)").history
