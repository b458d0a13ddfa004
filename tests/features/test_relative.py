"""Features beside other series: what they are against, and bars that one of both lacks."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, UnknownSymbol
from nautilus_lab.features import FeatureEngine, FeatureRegistry, drawn_bars

ENGINE = FeatureEngine()
BETA = "market_beta(against=S0,window=10)"
LABEL = "market_beta(against=S0, window=10)"
EVERY = [
    f"{name}(against=S0)" if one.most_against == 1 else f"{name}(against=S0+S1)"
    for name, one in ENGINE.registry.items()
    if one.scope == "relative"
]


def panel(symbols=4, bars=90):
    times = pd.date_range("2024-01-01", periods=bars, tz="UTC", name="timestamp")
    parts = {f"S{n}": pd.DataFrame(drawn_bars(bars, seed=n), index=times) for n in range(symbols)}
    return pd.concat(parts, names=["symbol"]).swaplevel().sort_index()


def references(bars):
    times = bars.index.get_level_values("timestamp").unique()
    draw = np.random.default_rng(1).standard_normal((len(times), 2)) * 0.01
    return pd.DataFrame(draw, times, ["MKT", "SMB"])


def test_a_bar_that_one_of_both_lacks_is_left_out_and_never_filled():
    bars = panel()
    times = bars.index.get_level_values("timestamp").unique()
    gone = [(times[40], "S0"), (times[45], "S1"), (times[46], "S1")]
    found = ENGINE.compute(bars.drop(gone), [BETA])[LABEL]
    closes = bars["close"].unstack()
    for symbol, without in (("S1", [40, 45, 46]), ("S2", [40])):
        both = closes[["S0", symbol]].drop(times[without]).pct_change()
        theirs = both[symbol].rolling(10).cov(both["S0"]) / both["S0"].rolling(10).var()
        kept = found[symbol].drop(times[without])
        pd.testing.assert_series_equal(kept, theirs, check_names=False, check_freq=False, rtol=1e-9)
        assert found[symbol].loc[times[without]].isna().all()


def test_an_instrument_more_changes_nothing_of_the_others():
    bars = panel(4, 300)
    extra = drawn_bars(600, seed=9)
    # twice as many bars, every second one at a time when the others have none
    times = pd.date_range("2024-01-01", periods=600, freq="12h", tz="UTC", name="timestamp")
    coin = pd.concat({"COIN": pd.DataFrame(extra, index=times)}, names=["symbol"]).swaplevel()
    more = pd.concat([bars, coin]).sort_index()
    alone = ENGINE.compute(bars, EVERY)
    beside = ENGINE.compute(more, EVERY)
    for column in alone:
        pd.testing.assert_frame_equal(
            beside[column].loc[alone.times, list(alone.symbols)],
            alone[column],
            check_freq=False,
            check_names=False,
        )


def test_symbols_in_another_order_say_the_same():
    bars = panel()
    renamed = bars.rename(index={"S1": "S3", "S3": "S1"}, level="symbol").sort_index()
    one, other = (ENGINE.compute(each, [BETA])[LABEL] for each in (bars, renamed))
    assert np.array_equal(one[["S1", "S3"]], other[["S3", "S1"]], equal_nan=True)


def test_a_stream_with_gaps_gives_what_a_batch_gives():
    bars, factors = panel(4, 260), references(panel(4, 260))
    times = factors.index
    gone = [(times[40], "S0"), (times[45], "S1"), (times[200], "S0"), (times[201], "S0")]
    bars = bars.drop(gone)
    factors = factors.drop(times[[50, 210]])
    asked = [*EVERY, "factor_loading(against=MKT+SMB)", "market_beta(against=MKT)", "rsi"]
    batch = ENGINE.compute(bars, asked, references=factors)
    stream = ENGINE.stream(batch.symbols, asked, references=["MKT", "SMB"])
    assert stream.columns == batch.columns
    for at, time in enumerate(times):
        told = bars.loc[time].to_dict("index")
        returns = factors.loc[time].to_dict() if time in factors.index else {}
        now = stream.update_all(told, returns).T
        assert now == pytest.approx(batch.array[:, :, at], rel=1e-9, abs=1e-9, nan_ok=True)


def test_a_reference_between_two_bars_is_compounded():
    bars = panel(2, 60)
    times = bars.index.get_level_values("timestamp").unique()
    close = bars["close"].unstack()["S0"]
    daily = close.pct_change().iloc[1:].to_frame("SAME")
    some = bars.drop([(times[n], s) for n in (20, 21, 33) for s in ("S0", "S1")])
    found = ENGINE.compute(some, ["correlation(against=SAME,window=5)"], references=daily)
    assert found.array[0, 0, -30:] == pytest.approx(np.ones(30), abs=1e-9)


def test_a_stream_takes_the_returns_of_times_without_bars_too():
    bars, factors = panel(2, 60), references(panel(2, 60))
    times = factors.index
    some = bars.drop([(times[n], s) for n in (20, 21, 33) for s in ("S0", "S1")])
    asked = ["market_beta(against=MKT,window=10)", "average_correlation(window=10)"]
    batch = ENGINE.compute(some, asked, references=factors)
    stream = ENGINE.stream(batch.symbols, asked, references=["MKT"])
    found = []
    for time in times:
        told = some.loc[time].to_dict("index") if time in batch.times else {}
        now = stream.update_all(told, {"MKT": factors.loc[time, "MKT"]})
        found += [now.T] if told else []
    assert np.stack(found, axis=2) == pytest.approx(batch.array, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("market_beta", "market_beta is of an instrument beside another"),
        ("market_beta(against=S00)", "'S00' is neither; did you mean S0"),
        ("market_beta(against=gold)", "'gold' is neither; pass references="),
        ("market_beta(against=S0+S1)", "up to 1 series"),
        ("rsi(against=S0)", "rsi is against nothing"),
        ("factor_loading(against=alpha+S0)", "outputs of its own .* got alpha"),
    ],
)
def test_what_it_is_against_must_be_there(asked, said):
    with pytest.raises(InputError, match=said):
        ENGINE.compute(panel(), [asked])
    with pytest.raises(InputError, match=said):
        ENGINE.stream(["S0", "S1"], [asked])


@pytest.mark.parametrize("against", [5, None, (1, 2), {"S0": 1}])
def test_a_series_is_meant_by_its_name(against):
    with pytest.raises(InputError, match="market_beta is against series by name"):
        ENGINE.registry["market_beta"](against=against)


def test_after_a_long_stand_still_a_stream_fades_as_a_batch_does():
    bars = panel(2, 1_500)
    times = bars.index.get_level_values("timestamp").unique()
    still = bars.index.get_level_values("timestamp").isin(times[200:1_400])
    ours = bars.index.get_level_values("symbol") == "S1"
    bars.loc[still & ours, ["open", "high", "low", "close"]] = 70.0
    asked = ["ewm_correlation(against=S0)", "ewm_beta(against=S0,span=20)"]
    batch = ENGINE.compute(bars, asked)
    stream = ENGINE.stream(batch.symbols, asked)
    closes = bars["close"].unstack().to_dict("records")
    found = np.array([stream.update_all(row) for row in closes]).transpose(2, 1, 0)
    assert found == pytest.approx(batch.array, rel=1e-9, nan_ok=True)


def test_a_name_of_two_meanings_is_refused():
    bars = panel()
    with pytest.raises(InputError, match="'S0' is both; rename the column"):
        ENGINE.compute(bars, [BETA], references=references(bars).rename(columns={"MKT": "S0"}))


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda f: f.iloc[::-1], BadData, "references must be sorted"),
        (lambda f: pd.concat([f, f]).sort_index(), BadData, "references must have each time once"),
        (lambda f: f * np.nan, BadData, "references must not be NaN; got MKT at 2024-01-01"),
        (lambda f: f * 1_000, BadData, "above -1; got MKT = "),
        (lambda f: f * 0, BadData, r"against=MKT.* that moves; got MKT stands at 1"),
        (lambda f: f.tz_localize(None), InputError, "tz-aware"),
        (lambda f: f.shift(freq="1h"), NotEnoughData, "together with MKT; got 0 at most"),
        (lambda f: f["MKT"], InputError, "references must be a DataFrame"),
    ],
)
def test_references_that_cannot_be_are_refused(spoil, error, said):
    bars = panel()
    with pytest.raises(error, match=said):
        ENGINE.compute(bars, ["market_beta(against=MKT)"], references=spoil(references(bars)))


def test_an_instrument_that_never_moves_is_nothing_to_be_against():
    bars = panel()
    flat = bars.copy()
    flat.loc[flat.index.get_level_values("symbol") == "S0", ["open", "high", "low", "close"]] = 5.0
    with pytest.raises(BadData, match=r"against=S0.* that moves; got S0 stands at 5"):
        ENGINE.compute(flat, [BETA])


def test_one_symbol_alone_may_be_against_a_reference_but_not_nothing_in_common():
    bars = panel(1)
    found = ENGINE.compute(bars, ["market_beta(against=MKT)"], references=references(bars))
    assert np.isfinite(found.array[0, 0, 61:]).all()
    two = panel(2, 90)
    times = two.index.get_level_values("timestamp").unique()
    early = two.drop([(t, "S0") for t in times[40:]]).drop([(t, "S1") for t in times[:30]])
    alone = early.drop("S0", level="symbol")
    joined = pd.concat([alone, early.xs("S0", level="symbol", drop_level=False)]).sort_index()
    found = ENGINE.compute(joined, ["market_beta(against=S0,window=12)"]).array[0]
    assert np.isnan(found[1]).all()  # S1 has ten bars with S0, and S0 has all with itself
    assert np.isfinite(found[0, 12:40]).all()


def test_a_stream_refuses_what_it_cannot_place_and_stays_as_it_was():
    stream = ENGINE.stream(["S0", "S1"], [BETA], references=["MKT"])
    with pytest.raises(InputError, match="take the bars of a time together"):
        stream.update("S0", 1.0)
    stream.update_all({"S0": 1.0, "S1": 2.0})
    for bars, returns, error, said in (
        ({"S2": 1.0}, {}, UnknownSymbol, "no such symbol"),
        ({"S0": 2.0, "S1": float("nan")}, {}, BadData, "a bar must have"),
        ({"S0": 2.0}, {"SMB": 0.1}, InputError, "no such reference; got SMB"),
        ({"S0": 2.0}, {"MKT": -1.0}, BadData, "simple return; got MKT: -1"),
        ({"S0": 2.0}, {"MKT": float("nan")}, BadData, "simple return; got MKT: nan"),
    ):
        with pytest.raises(error, match=said):
            stream.update_all(bars, returns)
    twin = ENGINE.stream(["S0", "S1"], [BETA])
    twin.update_all({"S0": 1.0, "S1": 2.0})
    draw = np.random.default_rng(0).uniform(50, 60, (20, 2)).tolist()
    for one, other in draw:
        found = stream.update_all({"S0": one, "S1": other})
        same = twin.update_all({"S0": one, "S1": other})
    assert np.array_equal(found, same)
    assert np.isfinite(found).all()


def test_a_symbol_with_a_slash_is_read_back():
    spec = ENGINE.registry["market_beta"](against="EUR/USD", window=30)
    assert spec.label == "market_beta(against=EUR/USD, window=30)"
    assert ENGINE.registry.spec(spec.label) == spec
    loading = ENGINE.registry.spec("factor_loading(against=Mkt-RF+SMB)")
    assert loading.columns[:2] == (
        "factor_loading(against=Mkt-RF+SMB).Mkt-RF",
        "factor_loading(against=Mkt-RF+SMB).SMB",
    )


def test_one_of_your_own_joins_with_the_same_check():
    registry = FeatureRegistry()

    def made(name, function, **said):
        registry.define(
            name=name,
            title="Ratio",
            group="mine",
            inputs=("close",),
            scope="relative",
            reference="none",
            **{"warm_up": 0, "history": 1, "most_against": 1, **said},
        )(function)
        return ENGINE.check(registry[name])

    assert made("ratio", lambda close, against: close / against).problems == ()
    ahead = made("ahead", lambda close, against: close / np.r_[against[1:], against[-1]])
    assert any("change with what comes after" in one for one in ahead.problems)
    with pytest.raises(InputError, match="when, and only when, it is relative"):
        made("none", lambda close: close, most_against=0)
