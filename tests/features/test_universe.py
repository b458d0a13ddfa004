"""Features of all instruments together: gaps, order, too few, and streams."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.features import FeatureEngine, FeatureRegistry, drawn_bars

ENGINE = FeatureEngine()
EVERY = [name for name, one in ENGINE.registry.items() if one.scope == "universe"]
SHORT = [
    "pca_exposure(window=20,components=2)",
    "absorption_ratio(window=20)",
    "average_correlation(window=20)",
    "dispersion",
]


def panel(symbols=5, bars=150):
    times = pd.date_range("2024-01-01", periods=bars, tz="UTC", name="timestamp")
    parts = {f"S{n}": pd.DataFrame(drawn_bars(bars, seed=n), index=times) for n in range(symbols)}
    return pd.concat(parts, names=["symbol"]).swaplevel().sort_index()


def test_one_with_a_gap_in_its_window_is_left_out_and_the_others_stay():
    bars = panel()
    times = bars.index.get_level_values("timestamp").unique()
    gap = bars.drop((times[60], "S2"))
    found = ENGINE.compute(gap, SHORT)
    without = ENGINE.compute(bars.drop("S2", level="symbol"), SHORT)
    for column in without:
        # The return into the gap and the one out of it are not known, for 21 windows.
        assert found[column]["S2"].loc[times[60]] != found[column]["S2"].loc[times[60]]
        if column != "dispersion":
            pd.testing.assert_frame_equal(
                found[column].loc[times[60:81], ["S0", "S1", "S3", "S4"]].abs(),
                without[column].loc[times[60:81]].abs(),
                check_freq=False,
                check_names=False,
            )
    own = found["average_correlation(window=20).own"]["S2"]
    assert own.loc[times[60:81]].isna().all()
    assert own.loc[times[81:]].notna().all()


def test_a_stream_with_gaps_gives_what_a_batch_gives():
    bars = panel()
    times = bars.index.get_level_values("timestamp").unique()
    bars = bars.drop([(times[60], "S2"), (times[90], "S0"), (times[91], "S0")])
    asked = [*SHORT, "atr", "market_beta(against=S1,window=20)"]
    batch = ENGINE.compute(bars, asked)
    stream = ENGINE.stream(batch.symbols, asked)
    for at, time in enumerate(times):
        now = stream.update_all(bars.loc[time].to_dict("index")).T
        assert now == pytest.approx(batch.array[:, :, at], rel=1e-9, abs=1e-9, nan_ok=True)


def test_what_comes_later_changes_nothing_before():
    bars = panel()
    times = bars.index.get_level_values("timestamp").unique()
    bars = bars.drop([(times[60], "S2"), (times[90], "S0"), (times[95], "S1")])
    draw = np.random.default_rng(2).standard_normal((150, 2)) * 0.01
    references = pd.DataFrame(draw, times, ["MKT", "SMB"])
    relative = [one for one in ENGINE.registry.values() if one.scope == "relative"]
    asked = list(SHORT)
    for one in relative:
        named = ("S1", "MKT", "SMB")[: one.most_against]
        fading = "span" in one.parameters
        asked.append(one(against=named, **({"span": 30} if fading else {"window": 30})))
    whole = ENGINE.compute(bars, asked, references=references)
    for cut in (70, 92, 130):
        part = ENGINE.compute(
            bars.loc[: times[cut]], asked, references=references.loc[: times[cut]]
        )
        assert part.array == pytest.approx(whole.array[:, :, : cut + 1], rel=1e-9, nan_ok=True)


def test_the_order_of_symbols_changes_nothing():
    bars = panel()
    names = {"S0": "S4", "S4": "S0", "S1": "S3", "S3": "S1"}
    one = ENGINE.compute(bars, SHORT)
    other = ENGINE.compute(bars.rename(index=names, level="symbol").sort_index(), SHORT)
    for column in one:
        back = other[column].rename(columns=names)[list(one.symbols)]
        pd.testing.assert_frame_equal(one[column], back, atol=1e-9)


@pytest.mark.parametrize("name", EVERY)
def test_one_symbol_is_too_few(name):
    with pytest.raises(NotEnoughData, match=rf"{name} needs \d instruments with .* got 1 at most"):
        ENGINE.compute(panel(1), [name])


def test_too_few_for_the_components_are_told_so():
    with pytest.raises(NotEnoughData, match="needs 6 instruments with 21 bars in a row; got 5"):
        ENGINE.compute(panel(5), ["pca_exposure(window=20,components=5)"])


def test_a_stream_of_too_few_is_refused():
    with pytest.raises(NotEnoughData, match="pca_exposure needs 4 symbols; got 3"):
        ENGINE.stream(["A", "B", "C"], ["pca_exposure"])
    with pytest.raises(InputError, match="components are fewer than the returns"):
        ENGINE.compute(panel(5), ["pca_exposure(window=3,components=3)"])


def test_what_stands_at_nothing_has_no_return_and_no_warning():
    bars = panel(5)
    times = bars.index.get_level_values("timestamp").unique()
    bars.loc[[(times[70], "S1"), (times[71], "S1")], "volume"] = 0.0
    asked = [f"{text.partition('(')[0]}(of=volume,window=20)" for text in SHORT]
    found = ENGINE.compute(bars, [*asked, "ewm_beta(of=volume,against=S1,span=9)"])
    assert not np.isinf(found.array).any()
    assert np.isnan(found["ewm_beta(against=S1, of=volume, span=9)"]["S0"].loc[times[71:81]]).all()
    assert np.isfinite(found["ewm_beta(against=S1, of=volume, span=9)"]["S0"].iloc[81:]).all()


def test_two_calendars_that_never_meet_are_told_so():
    bars = panel(4)
    even = bars.index.get_level_values("timestamp").day_of_year % 2 == 0
    odd = bars.index.get_level_values("symbol").isin(["S0", "S1"])
    apart = bars[np.where(odd, even, ~even)]
    with pytest.raises(NotEnoughData, match="2 instruments with 61 bars in a row; got 0 at most"):
        ENGINE.compute(apart, ["average_correlation"])


def test_one_that_does_not_move_is_left_out():
    bars = panel()
    flat = bars.copy()
    flat.loc[flat.index.get_level_values("symbol") == "S2", ["open", "high", "low", "close"]] = 5.0
    found = ENGINE.compute(flat, SHORT)
    assert found["pca_exposure(window=20, components=2).exposure_1"]["S2"].isna().all()
    assert found["average_correlation(window=20).own"]["S2"].isna().all()
    assert np.isfinite(found["average_correlation(window=20).own"]["S1"].iloc[20:]).all()


def test_one_thread_and_two_find_the_same():
    bars, asked = panel(6, 150), ["rsi", *SHORT, "market_beta(against=S1)"]
    one, two = (ENGINE.compute(bars, asked, threads=n).array for n in (1, 2))
    assert np.array_equal(one, two, equal_nan=True)


def mine(function, **said):
    registry = FeatureRegistry()
    usual = {"title": "T", "group": "g", "inputs": ("close",), "reference": "none"}
    usual |= {"scope": "universe", "warm_up": 0, "history": 1}
    registry.define(name="mine", **{**usual, **said})(function)
    return ENGINE.check(registry["mine"]).problems


def test_one_of_your_own_joins_with_the_same_check():
    def share(close):
        return close / np.nansum(close, axis=1, keepdims=True)

    assert mine(share) == ()
    ahead = mine(lambda close: share(np.r_[close[1:], close[-1:]]))
    assert any("change with what comes after" in one for one in ahead)
    assert "it changes with the order of the instruments" in mine(
        lambda close: np.cumsum(np.nan_to_num(close), axis=1)
    )
    assert any("its outputs are" in one for one in mine(lambda close: close.sum(axis=1)))
    assert any(
        "batch and stream differ" in one for one in mine(lambda close: np.cumsum(close, axis=0))
    )
    # An instrument with a gap comes back by the next bar.
    assert any(
        "its warm-up is 0" in one
        for one in mine(lambda close: np.r_[np.full_like(close[:1], np.nan), close[1:]])
    )
