"""Every line of docs/concepts/gaps.md."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, UnknownSymbol
from nautilus_lab.features import FeatureEngine, drawn_bars

ENGINE = FeatureEngine()
TIMES = pd.date_range("2024-01-01", periods=60, tz="UTC", name="timestamp")
OF_BARS = ["open", "high", "low", "close", "volume"]
# one of each way of keeping the past: compiled averages, a window, an accumulator, a fading average
ASKED = ["ema(timeperiod=4)", "zscore(window=5)", "obv", "atr(timeperiod=3)", "vwap_week"]
OWN = {  # of the library's own, what has no meaning without a move
    *("zscore", "skewness", "kurtosis", "autocorrelation", "variance_ratio", "half_life", "hurst"),
    *("fractal_dimension", "demarker", "internal_bar_strength", "correlation_trend", "choppiness"),
    *("relative_vigor", "random_walk_index", "bollinger_position", "implied_volatility_rank"),
}


def panel(symbols=2):
    parts = {f"S{n}": pd.DataFrame(drawn_bars(60, seed=n), TIMES) for n in range(symbols)}
    return pd.concat(parts, names=["symbol"]).swaplevel().sort_index()


def computed(bars, asked=ASKED):
    return ENGINE.compute(bars, asked)


def streamed(bars, asked=ASKED, symbol="S0"):
    """Return what a stream gives for each bar of one instrument, a frame like a batch's."""
    stream = ENGINE.stream([symbol], asked)
    rows = bars.xs(symbol, level="symbol")
    found = [
        stream.update(symbol, {"time": when.timestamp(), **row}).copy()
        for when, row in rows.iterrows()
    ]
    return pd.DataFrame(found, rows.index, list(stream.columns))


def same(stream, panel, symbol="S0"):
    for column in stream:
        theirs = panel[column][symbol].reindex(stream.index)
        np.testing.assert_allclose(stream[column], theirs, rtol=1e-9, atol=1e-9)


def without(bars, symbol, days):
    return bars.drop([(TIMES[day], symbol) for day in days])


def test_a_missing_bar_has_no_value_and_the_next_goes_on_from_the_last():
    bars = without(panel(), "S0", [20, 21])
    found = computed(bars)
    for column in found:
        assert found[column]["S0"].iloc[[20, 21]].isna().all()
    alone = bars.xs("S0", level="symbol")["close"].reset_index(drop=True)
    z = (alone - alone.rolling(5).mean()) / alone.rolling(5).std()
    assert found["zscore(window=5)"]["S0"].iloc[22] == pytest.approx(z.iloc[20])
    same(streamed(bars), found)


def test_a_stream_that_is_not_called_says_what_the_last_bar_gave():
    stream = ENGINE.stream(["S0"], ["sma(timeperiod=2)"])
    assert np.isnan(stream.values("S0")).all()
    stream.update("S0", 3.0)
    last = stream.update("S0", 5.0)
    assert stream.values("S0").tolist() == last.tolist() == [4.0]


def test_an_instrument_that_is_listed_later_warms_up_with_its_own_bars():
    bars = without(panel(), "S1", range(30))
    found = computed(bars)["zscore(window=5)"]["S1"]
    assert found.isna().sum() == 34
    assert math.isfinite(found.iloc[34])
    same(streamed(bars, symbol="S1"), computed(bars), "S1")


def test_the_first_bar_after_a_halt_looks_back_over_it():
    bars = without(panel(), "S0", range(20, 40))
    found = computed(bars, ["window_return(window=1)"])["window_return(window=1)"]["S0"]
    close = panel().xs("S0", level="symbol")["close"]
    assert found.iloc[40] == pytest.approx(close.iloc[40] / close.iloc[19] - 1)


@pytest.mark.parametrize("column", OF_BARS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_none_is_refused_with_its_place(column, value):
    bars = panel()
    bars.loc[(TIMES[7], "S1"), column] = value
    with pytest.raises(BadData, match=r"S1 .*2024-01-08|S1 .*at 2024-01-08"):
        computed(bars)


def test_a_stream_stays_as_it_was_when_a_bar_is_refused():
    whole = streamed(panel())
    stream = ENGINE.stream(["S0"], ASKED)
    for when, row in panel().xs("S0", level="symbol").iterrows():
        good = {"time": when.timestamp(), **row}
        for bad in ({**good, "close": math.nan}, {**good, "volume": math.inf}, {"close": 3.0}):
            with pytest.raises(BadData):
                stream.update("S0", bad)
        np.testing.assert_array_equal(stream.update("S0", good), whole.loc[when])


def test_a_hole_in_a_column_of_ones_own_is_refused_with_its_place():
    bars = panel().assign(implied=20.0)
    bars.loc[(TIMES[9], "S1"), "implied"] = np.nan
    with pytest.raises(BadData, match="implied must be finite; got S1 at 2024-01-10"):
        computed(bars, ["implied_volatility_rank(window=5)"])
    left = computed(bars.dropna(), ["implied_volatility_rank(window=5)"])
    assert left["implied_volatility_rank(window=5).percentile"]["S1"].isna().sum() == 5
    stream = ENGINE.stream(["S1"], ["implied_volatility_rank(window=5)"])
    with pytest.raises(BadData, match="S1"):
        stream.update("S1", {"implied": math.nan})


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match="'implied' is not among open, high"):
        computed(panel(), ["implied_volatility_rank"])
    with pytest.raises(BadData, match="without high"):
        ENGINE.stream(["S0"], ["atr"]).update("S0", {"close": 1.0, "low": 1.0})


def test_a_column_of_no_numbers_is_named():
    with pytest.raises(BadData, match="sector must be numbers; got"):
        computed(panel().assign(sector="Energy"), ["sma(of=sector)"])
    for bar in ({"close": "abc"}, {"close": None}, "abc", None):
        with pytest.raises(BadData, match="a number for close; got S0"):
            ENGINE.stream(["S0"], ["sma"]).update("S0", bar)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"low": -1.0}, "positive prices"),
        ({"low": 1e6}, "between low and high"),
        ({"volume": -1.0}, "negative volume"),
    ],
)
def test_bars_that_cannot_be_are_refused_with_their_place(change, said):
    bars = panel()
    bars.loc[(TIMES[7], "S1"), list(change)] = list(change.values())
    with pytest.raises(BadData, match=said) as caught:
        computed(bars)
    assert "2024-01-08" in str(caught.value)
    # a stream leaves that to what makes the bars
    ENGINE.stream(["S0"], ["sma"]).update("S0", -1.0)


def test_times_twice_or_out_of_order_are_refused_in_batch_and_are_two_bars_in_a_stream():
    with pytest.raises(BadData, match="one row per"):
        computed(pd.concat([panel(), panel().iloc[:1]]).sort_index())
    with pytest.raises(BadData, match="sorted"):
        computed(panel().iloc[::-1])
    stream = ENGINE.stream(["S0"], ["sma(timeperiod=2)"])
    stream.update("S0", 3.0)
    assert stream.update("S0", 3.0).tolist() == [3.0]


def test_too_few_bars_are_refused_when_nobody_has_enough():
    bars = without(panel(), "S1", range(3, 60))
    assert computed(bars)["zscore(window=5)"]["S1"].isna().all()
    with pytest.raises(NotEnoughData, match="needs 4 bars"):
        computed(bars.iloc[:6])
    assert streamed(bars, symbol="S1")["zscore(window=5)"].isna().all()
    with pytest.raises(UnknownSymbol):
        ENGINE.stream(["S0"], ["sma"]).update("S9", 1.0)


def inputs(spec, bars=3_000):
    still = {"time": 1.7e9 + 3_600.0 * np.arange(bars)}
    return {name: still.get(name, np.full(bars, 100.0)) for name in spec.inputs}


# of several instruments, the conformance suite has them all stand still
ALONE = [name for name, one in ENGINE.registry.items() if one.scope == "instrument"]


@pytest.mark.parametrize("name", ALONE)
def test_a_still_price_makes_nothing_infinite_and_own_features_say_nothing_of_it(name):
    spec = ENGINE.registry.spec(name)
    found = np.array(spec.evaluate(*inputs(spec).values()))
    assert not np.isinf(found[:, -1]).any() or name in {"exp", "cosh", "sinh"}
    if name in OWN:
        assert np.isnan(found[0, -1])


def test_talib_says_zero_of_a_still_price_and_so_does_the_true_range():
    bars = panel(1)
    bars[["open", "high", "low", "close"]] = 50.0
    found = computed(bars, ["rsi", "cci", "stochf", "trange"])
    assert all((found[column]["S0"].dropna() == 0).all() for column in found)
    assert all(found[column]["S0"].notna().any() for column in found)


OF_VOLUME = [name for name, one in ENGINE.registry.items() if "volume" in one.inputs]
UNKNOWN_WITHOUT = ["vwap_session", "volume_profile", "ease_of_movement", "volume_zone"]


@pytest.mark.parametrize("name", OF_VOLUME)
def test_no_volume_makes_nothing_infinite(name):
    spec = ENGINE.registry.spec(name)
    drawn = {**drawn_bars(300), "time": 1.7e9 + 3_600.0 * np.arange(300)}
    found = np.array(spec.evaluate(*[(drawn | {"volume": np.zeros(300)})[n] for n in spec.inputs]))
    assert not np.isinf(found).any()
    if name in UNKNOWN_WITHOUT:
        assert np.isnan(found).all()
    if name in ("vwap", "cmf", "mfi"):
        assert found[0, -1] == 0
    # one bar without volume is passed over
    drawn["volume"][150] = 0.0
    after = np.array(spec.evaluate(*[drawn[n] for n in spec.inputs]))
    assert not np.isinf(after).any()
    assert np.isfinite(after[:, -1]).all()


def test_a_bar_without_volume_adds_nothing_to_an_average_by_volume():
    bars = panel(1)
    bars.loc[(TIMES[23], "S0"), "volume"] = 0.0
    found = computed(bars, ["vwap_month"])["vwap_month.vwap"]["S0"]
    assert found.iloc[23] == found.iloc[22]
    left = computed(bars.drop((TIMES[23], "S0")), ["vwap_month"])["vwap_month.vwap"]["S0"]
    assert left.iloc[23] == pytest.approx(found.iloc[24], rel=1e-12)
