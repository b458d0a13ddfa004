"""The replay begins and ends each day at a real close."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.execution.paper import Replay


@pytest.fixture
def closes():
    rng = np.random.default_rng(7)
    days = pd.date_range("2020-01-01", periods=60, freq="B", tz="UTC")
    returns = rng.normal(0, 0.02, (60, 2))
    return pd.DataFrame(100 * np.exp(returns.cumsum(axis=0)), days, ["A", "B"])


def test_the_first_price_is_the_close_before_and_the_last_its_own(closes):
    replay = Replay(closes, steps_per_day=40, seed=1)
    day = replay.first_day + 3
    assert replay.at(day, 0).mids == pytest.approx(closes.iloc[day - 1].to_numpy(), rel=1e-12)
    assert replay.at(day, 39).mids == pytest.approx(closes.iloc[day].to_numpy(), rel=1e-12)


def test_the_same_seed_plays_the_same_path_and_another_does_not(closes):
    one, same, other = (Replay(closes, steps_per_day=40, seed=s) for s in (1, 1, 2))
    assert (one.at(25, 20).mids == same.at(25, 20).mids).all()
    assert (one.at(25, 20).mids != other.at(25, 20).mids).all()


def test_the_simulated_path_has_the_volatility_of_the_days_before(closes):
    replay = Replay(closes, steps_per_day=2_000, seed=3)
    day = 40
    path = np.log([replay.at(day, step).mids for step in range(2_000)])
    drift = path[-1] - path[0]
    # The quadratic variation of a bridge is that of its Brownian motion: sigma squared.
    realised = np.sqrt(((np.diff(path, axis=0) - drift / 1_999) ** 2).sum(axis=0))
    recent = np.diff(np.log(closes.to_numpy()[day - 21 : day]), axis=0).std(axis=0, ddof=1)
    assert realised == pytest.approx(recent, rel=0.1)


def test_no_price_depends_on_what_comes_after_its_day(closes):
    changed = closes.copy()
    changed.iloc[41:] *= 3
    full, cut = Replay(closes, steps_per_day=10, seed=1), Replay(changed, steps_per_day=10, seed=1)
    assert (full.at(40, 5).mids == cut.at(40, 5).mids).all()


def test_source_times_run_from_the_open_to_the_close_of_the_day(closes):
    replay = Replay(closes, steps_per_day=10, seed=1)
    first = pd.Timestamp(replay.at(30, 0).source_ts, tz="UTC")
    last = pd.Timestamp(replay.at(30, 9).source_ts, tz="UTC")
    assert first.tz_convert("America/New_York").strftime("%H:%M") == "09:30"
    assert last - first == pd.Timedelta(hours=6.5)
    assert first.normalize() == closes.index[30]


def test_a_start_date_is_where_it_begins(closes):
    assert Replay(closes, steps_per_day=5, seed=1, start="2020-03-02").first_day == 43


def test_a_start_after_the_last_close_is_refused(closes):
    with pytest.raises(NotEnoughData, match="closes before its start"):
        Replay(closes, steps_per_day=5, seed=1, start="2031-01-01")


@pytest.mark.parametrize("start", ["yesterday-ish", "0001-01-01"])
def test_a_start_that_is_no_date_is_refused(closes, start):
    with pytest.raises(InputError, match="must be a date"):
        Replay(closes, steps_per_day=5, seed=1, start=start)


def test_one_price_a_day_is_refused(closes):
    with pytest.raises(InputError, match="at least 2"):
        Replay(closes, steps_per_day=1, seed=1)


def test_a_day_is_found_again_by_its_date_also_in_other_closes(closes):
    replay = Replay(closes, steps_per_day=40, seed=1)
    shorter = Replay(closes.iloc[10:], steps_per_day=40, seed=1)
    date = replay.date_of(40)
    assert date == str(closes.index[40].date())
    assert replay.day_of(date) == 40
    assert shorter.day_of(date) == 30
    # A Saturday is played as the Monday after it; what lies outside is held to the ends.
    assert replay.date_of(replay.day_of("2020-02-15")) == "2020-02-17"
    assert replay.day_of("1990-01-01") == replay.first_day
    assert replay.day_of("2090-01-01") == replay.last_day
