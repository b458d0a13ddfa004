"""How many go along."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features.sentiment import breadth

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
DAYS = pd.date_range("2022-01-03", periods=500, tz="UTC", freq="B")
DRAW = np.random.default_rng(5)
CLOSES = pd.DataFrame(
    100 * np.exp(np.cumsum(DRAW.standard_normal((500, 40)) * 0.01, axis=0)),
    DAYS,
    [f"S{n}" for n in range(40)],
)
CLOSES.iloc[:60, 3] = np.nan  # listed later
CLOSES.iloc[200:210, 7] = np.nan  # halted


def test_each_number_is_counted_stock_by_stock():
    found = breadth(CLOSES, average=50, extremes=100)
    day = 320
    now, before = CLOSES.iloc[day], CLOSES.iloc[day - 1]
    assert found["advances"].iloc[day] == sum(a > b for a, b in zip(now, before, strict=True))
    assert found["declines"].iloc[day] == sum(a < b for a, b in zip(now, before, strict=True))
    above = [CLOSES[s].iloc[day] > talib.SMA(CLOSES[s].to_numpy()[200:], 50)[-180] for s in CLOSES]
    assert found["above_average"].iloc[day] == pytest.approx(np.mean(above))
    past = CLOSES.iloc[day - 99 : day + 1]
    assert found["new_highs"].iloc[day] == (past.iloc[-1] == past.max()).sum()
    assert found["new_lows"].iloc[day] == (past.iloc[-1] == past.min()).sum()


def test_mcclellan_is_the_difference_of_two_averages_of_what_advanced():
    found = breadth(CLOSES)
    advances, declines = found["advances"].iloc[1:], found["declines"].iloc[1:]
    ratio = 1_000 * (advances - declines) / (advances + declines)
    fast = slow = ratio.iloc[0]
    for one in ratio.iloc[1:]:
        fast += 0.10 * (one - fast)
        slow += 0.05 * (one - slow)
    assert found["mcclellan"].iloc[-1] == pytest.approx(fast - slow)
    assert found["mcclellan"].isna().sum() == 39
    assert found["summation"].iloc[-1] == pytest.approx(found["mcclellan"].sum())
    assert found["advance_decline"].iloc[-1] == (advances - declines).sum()


@pytest.mark.parametrize("cut", [60, 205, 350])
def test_later_days_change_nothing(cut):
    whole = breadth(CLOSES, average=50, extremes=100)
    part = breadth(CLOSES.iloc[:cut], average=50, extremes=100)
    pd.testing.assert_frame_equal(whole.iloc[:cut], part)


def test_a_stock_that_is_not_known_is_no_decline():
    found = breadth(CLOSES, average=50, extremes=100)
    compared = found[["advances", "declines", "unchanged"]].sum(axis=1)
    assert compared.iloc[30] == 39
    assert compared.iloc[205] == 39
    assert compared.iloc[210] == 40  # since its last close
    assert np.isnan(found["advances"].iloc[0])


def test_still_prices_are_unchanged_and_no_extremes():
    still = pd.DataFrame(10.0, DAYS, ["A", "B"])
    found = breadth(still, average=5, extremes=5)
    assert (found["unchanged"].iloc[1:] == 2).all()
    assert (found["high_low"].dropna() == 0).all()
    assert (found["mcclellan"].dropna() == 0).all()


@pytest.mark.parametrize(
    ("closes", "how", "error", "said"),
    [
        (CLOSES[["S0"]], {}, NotEnoughData, "two stocks"),
        (CLOSES.iloc[:1], {}, NotEnoughData, "two stocks"),
        (CLOSES * 0, {}, BadData, "positive; got S0 at 2022"),
        (CLOSES.iloc[::-1], {}, BadData, "sorted"),
        (CLOSES.tz_localize(None), {}, InputError, "tz-aware"),
        (CLOSES, {"average": 1}, InputError, "average must be at least 2"),
        (CLOSES, {"extremes": 0}, InputError, "extremes must be at least 2"),
    ],
)
def test_closes_that_cannot_be_are_refused(closes, how, error, said):
    with pytest.raises(error, match=said):
        breadth(closes, **how)


def test_on_days_that_are_remembered_nearly_everything_fell():
    path = SHARED / "us_equities_daily_2013_2018_100.parquet"
    if not path.exists():
        pytest.skip("no closes of 100 US stocks beside the repository")
    rows = pd.read_parquet(path)
    closes = rows.pivot(index="date", columns="symbol", values="close")
    closes.index = pd.DatetimeIndex(closes.index).tz_localize("UTC")
    found = breadth(closes)
    for day in ("2015-08-24", "2016-06-24"):  # the renminbi; the British vote
        assert found.loc[day, "declines"] > 0.9 * found.loc[day, ["advances", "declines"]].sum()
        assert found.loc[day, "mcclellan"] < 0
    assert found.loc["2017-12-19", "above_average"] > 0.7  # the end of a quiet year
    assert found.loc["2016-02-11", "above_average"] < 0.35  # the low of that winter
