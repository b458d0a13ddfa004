"""One value for each tick, in order of arrival, and what that is worth at the close of a bar."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features import FeatureEngine, FeaturePanel, FeatureTicks

ENGINE = FeatureEngine()
OF = {
    kind: [name for name, one in ENGINE.registry.items() if one.data == kind]
    for kind in ("quotes", "trades", "ticks", "book")
}
KINDS = sorted(OF)


def alone(frame, symbol):
    return frame[frame.index.get_level_values("symbol") == symbol]


@pytest.mark.parametrize("kind", KINDS)
def test_instruments_that_arrive_in_turn_do_not_mix(two, kind):
    found = ENGINE.compute(two, OF[kind])
    assert isinstance(found, FeatureTicks)
    assert found.index.equals(two.index)
    for symbol in ("A", "B"):
        own = ENGINE.compute(alone(two, symbol), OF[kind])
        pd.testing.assert_frame_equal(alone(found.frame(), symbol), own.frame())


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_nothing(drawn, kind):
    whole = ENGINE.compute(drawn, OF[kind]).array
    for cut in (520, 650, 799):
        part = ENGINE.compute(drawn.iloc[:cut], OF[kind]).array
        assert np.allclose(whole[:, :cut], part, rtol=1e-9, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_gives_what_a_batch_does_to_the_last_digits(two, kind):
    batch = ENGINE.compute(two, OF[kind])
    stream = ENGINE.stream(["A", "B"], OF[kind])
    columns = {name: two[name].to_numpy() for name in stream.inputs if name != "time"}
    if "time" in stream.inputs:
        columns["time"] = two.index.get_level_values("timestamp").as_unit("ns").asi8 / 1e9
    streamed = np.array(
        [
            stream.update(symbol, {name: values[at] for name, values in columns.items()}).copy()
            for at, symbol in enumerate(two.index.get_level_values("symbol"))
        ]
    )
    # relative to the value itself, however small
    assert np.allclose(streamed.T, batch.array, rtol=1e-9, atol=1e-18, equal_nan=True)


def test_ticks_of_one_time_each_have_a_value_of_their_own(drawn):
    at_once = drawn.iloc[:5]
    stamp = at_once.index[0]
    at_once = at_once.set_axis(pd.MultiIndex.from_tuples([stamp] * 5, names=at_once.index.names))
    found = ENGINE.compute(at_once, ["mid", "order_flow_imbalance(window=1)"])
    later = ENGINE.compute(drawn.iloc[:5], ["mid", "order_flow_imbalance(window=1)"])
    assert np.array_equal(found.array, later.array, equal_nan=True)
    turned = ENGINE.compute(at_once.iloc[::-1], ["order_flow_imbalance(window=1)"])
    assert not np.array_equal(turned.array[0], found.array[1], equal_nan=True)


def test_features_of_trades_and_of_ticks_go_together_and_others_do_not(drawn):
    assert len(ENGINE.compute(drawn, ["signed_volume", "lee_ready"])) == 2
    with pytest.raises(InputError, match="must read the same rows; got mid of quotes, vpin of tr"):
        ENGINE.compute(drawn, ["mid", "vpin"])
    with pytest.raises(InputError, match="must read the same rows"):
        ENGINE.stream(["A"], ["mid", "rsi"])


def test_an_indicator_of_bars_reads_ticks_where_it_is_told_to(drawn):
    found = ENGINE.compute(drawn, ["mid", "ema(of=bid,timeperiod=5)"])
    bars_of = drawn["bid"].to_numpy()
    import talib

    assert np.array_equal(found["ema(of=bid, timeperiod=5)"], talib.EMA(bars_of, 5), equal_nan=True)


def test_a_hole_in_a_column_that_is_no_part_of_the_rows_is_named(drawn):
    spoilt = drawn.assign(price=drawn["price"].where(np.arange(len(drawn)) != 4))
    with pytest.raises(BadData, match="price must be finite; got A at 2023"):
        ENGINE.compute(spoilt, ["mid", "ema(of=price,timeperiod=5)"])


@pytest.mark.parametrize("kind", KINDS)
def test_one_thread_and_four_find_the_same(two, kind):
    for frame in (two, alone(two, "A")):
        one, four = (ENGINE.compute(frame, OF[kind], threads=n).array for n in (1, 4))
        assert np.array_equal(one, four, equal_nan=True)


def test_a_book_is_read_at_as_many_levels_as_are_asked_for(drawn):
    spec = ENGINE.registry.spec("depth(levels=3)")
    assert spec.inputs == tuple(
        f"{side}_size_{level}" for side in ("bid", "ask") for level in range(3)
    )
    assert spec.label == "depth(levels=3)"
    found = ENGINE.compute(drawn, [spec])["depth(levels=3).bid"]
    assert found.equals(drawn[[f"bid_size_{n}" for n in range(3)]].sum(axis=1).rename(found.name))
    with pytest.raises(InputError, match="'bid_size_10' is not among"):
        ENGINE.compute(drawn, ["depth(levels=11)"])


def test_at_the_close_of_a_bar_the_last_tick_is_known(two):
    found = ENGINE.compute(two, ["mid", "microprice"])
    closes = pd.date_range(two.index[0][0].floor("min"), periods=6, freq="30s", tz="UTC")
    panel = found.at(closes)
    assert isinstance(panel, FeaturePanel)
    assert panel.symbols == ("A", "B")
    for symbol in panel.symbols:
        own = alone(found["mid"].to_frame(), symbol).droplevel("symbol")["mid"]
        for close in closes:
            before = own[own.index <= close]
            known = panel["mid"].loc[close, symbol]
            assert known == before.iloc[-1] if len(before) else np.isnan(known)


@pytest.mark.parametrize(
    "times",
    [
        pd.DatetimeIndex(["2024-01-02"]),
        pd.DatetimeIndex(["2024-01-02", "2024-01-02"], tz="UTC"),
        pd.DatetimeIndex(["2024-01-03", "2024-01-02"], tz="UTC"),
        ["2024-01-02"],
    ],
)
def test_times_that_are_no_closes_are_refused(drawn, times):
    with pytest.raises(InputError, match="tz-aware, sorted, each once"):
        ENGINE.compute(drawn, ["mid"]).at(times)


def test_one_tick_gives_one_value_and_too_few_are_refused(drawn):
    assert ENGINE.compute(drawn.iloc[:1], ["mid", "microprice"]).array.shape == (2, 1)
    with pytest.raises(NotEnoughData, match="order_flow_imbalance needs 51 quotes of an instr"):
        ENGINE.compute(drawn.iloc[:50], ["order_flow_imbalance"])
    with pytest.raises(NotEnoughData, match="must not be empty"):
        ENGINE.compute(drawn.iloc[:0], ["mid"])


def test_a_column_that_is_not_there_is_named_with_what_adds_it(drawn):
    with pytest.raises(InputError, match=r"'side' is not among price, size; add it: signed"):
        ENGINE.compute(drawn[["price", "size"]], ["vpin"])
    with pytest.raises(InputError, match="'bid_size' is not among bid, ask"):
        ENGINE.compute(drawn[["bid", "ask"]], ["microprice"])


@pytest.mark.parametrize("huge", [1e9, 1e15])
def test_huge_prices_and_sizes_stay_within_their_quotes(drawn, huge):
    big = drawn.assign(bid=drawn["bid"] * huge, ask=drawn["ask"] * huge)
    found = ENGINE.compute(big, ["microprice", "queue_imbalance", "order_flow_imbalance"]).frame()
    assert found["microprice"].between(big["bid"], big["ask"]).all()
    assert np.isfinite(found.dropna()).all(axis=None)


@pytest.mark.parametrize(
    ("features", "tick", "said"),
    [
        (["mid"], {"bid": 2.0, "ask": 1.0}, "crossed.*got A: bid = 2, ask = 1"),
        (["mid"], {"bid": 0.0, "ask": 1.0}, "positive prices and sizes; got A: bid = 0"),
        (["mid"], {"bid": float("nan"), "ask": 1.0}, "a quote must have a number"),
        (["mid"], {"bid": 1.0}, "a quote must have bid, ask; got A without ask"),
        (["signed_volume"], {"side": 0.5, "size": 1.0}, "side of 1, 0 or -1; got A: side = 0.5"),
        (["signed_volume"], {"side": 1.0, "size": 0.0}, "positive prices and sizes"),
        (
            ["weighted_mid(levels=2)"],
            {
                "bid_price_0": 1.0, "bid_price_1": 1.0, "ask_price_0": 2.0, "ask_price_1": 3.0,
                "bid_size_0": 1.0, "bid_size_1": 1.0, "ask_size_0": 1.0, "ask_size_1": 1.0,
            },
            "behind the one before it; got A: bid_price_1 = 1",
        ),
    ],
)  # fmt: skip
def test_a_stream_refuses_what_a_frame_does(features, tick, said):
    stream = ENGINE.stream(["A"], features)
    with pytest.raises(BadData, match=said):
        stream.update("A", tick)
    assert np.isnan(stream.values("A")).all()


def test_a_stream_refuses_time_that_goes_back_and_goes_on(drawn):
    stream = ENGINE.stream(["A", "B"], ["timed_realised_spread"])
    tick = {"time": 5.0, "price": 1.0, "side": 1.0, "bid": 1.0, "ask": 1.0}
    stream.update("A", tick)
    stream.update("B", {**tick, "time": 1.0})
    with pytest.raises(BadData, match="in order of time; got A: time = 4"):
        stream.update("A", {**tick, "time": 4.0})
    stream.update("A", tick)
