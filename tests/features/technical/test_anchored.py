"""The average price since a period began, against a grouping by the calendar of pandas."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine, drawn_bars

ENGINE = FeatureEngine()
N = 6_000
TIMES = pd.date_range("2016-02-25 03:00", periods=N, freq="5h", tz="UTC", name="timestamp")
DRAWN = drawn_bars(N)
PERIODS = {"session": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def bars(times=TIMES):
    index = pd.MultiIndex.from_product([times, ["A"]], names=["timestamp", "symbol"])
    return pd.DataFrame(DRAWN, index).iloc[: len(times)]


def by_hand(keys):
    frame = pd.DataFrame(DRAWN)
    typical = (frame["high"] + frame["low"] + frame["close"]) / 3
    out = {"vwap": [], "deviation": []}
    for _, own in typical.groupby(keys, sort=False):
        for at in range(1, len(own) + 1):
            prices, volumes = own.iloc[:at], frame["volume"].loc[own.index[:at]]
            mean = np.average(prices, weights=volumes)
            out["vwap"].append(mean)
            out["deviation"].append(np.sqrt(np.average((prices - mean) ** 2, weights=volumes)))
    return out


@pytest.mark.parametrize("kind", ["session", "week", "month"])
def test_it_begins_anew_with_each_period_of_the_calendar(kind):
    found = ENGINE.compute(bars(), [f"vwap_{kind}"])
    for name, values in by_hand(TIMES.tz_localize(None).to_period(PERIODS[kind])).items():
        np.testing.assert_allclose(found[f"vwap_{kind}.{name}"]["A"], values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", PERIODS)
@pytest.mark.parametrize("begins", [0, 22, -7])
def test_periods_turn_when_the_calendar_does(kind, begins):
    times = pd.date_range("1999-11-20", periods=N, freq="7h", tz="UTC", name="timestamp")
    found = ENGINE.compute(bars(times), [f"vwap_{kind}(begins={begins})"]).array[0, 0]
    own = (times - pd.Timedelta(begins, unit="h")).tz_localize(None).to_period(PERIODS[kind])
    typical = (DRAWN["high"] + DRAWN["low"] + DRAWN["close"]) / 3
    first = np.r_[True, np.asarray(own[1:] != own[:-1])]
    # of the first bar of a period the average is its own price, and of no other
    np.testing.assert_allclose(found[first], typical[first], rtol=1e-12)
    moved = DRAWN["high"] > DRAWN["low"]
    assert (np.abs(found - typical)[~first & moved] > 1e-9).all()


def test_since_a_moment_it_is_known_from_then_on():
    since = int(TIMES[4_000].timestamp())
    found = ENGINE.compute(bars(), [f"vwap_since(since={since})"])
    (label, deviation) = found.columns
    assert label == f"vwap_since(since={since}).vwap"
    assert found[label]["A"].isna().sum() == 4_000
    keys = pd.Series(np.where(np.arange(N) < 4_000, 0, 1))
    last = by_hand(keys[:4_200].reset_index(drop=True))["vwap"][-1]
    assert found[label]["A"].iloc[4_199] == pytest.approx(last, rel=1e-9)
    assert found[deviation]["A"].iloc[4_000] == 0.0


def test_without_volume_nothing_is_known():
    still = bars().assign(volume=0.0).iloc[:20]
    assert ENGINE.compute(still, ["vwap_session"])["vwap_session.vwap"]["A"].isna().all()


def test_a_stream_is_told_the_time_in_seconds():
    stream = ENGINE.stream(["A"], ["vwap_session"])
    assert stream.inputs[0] == "time"
    rows = bars().iloc[:50]
    batch = ENGINE.compute(rows, ["vwap_session"]).array[:, 0]
    for at, ((when, _), row) in enumerate(rows.iterrows()):
        values = stream.update("A", {"time": when.timestamp(), **row})
        assert values.tolist() == batch[:, at].tolist()
