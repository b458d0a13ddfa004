import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nautilus_lab.factors.point_in_time import Release
from nautilus_lab.factors.point_in_time._knowledge import knowledge
from nautilus_lab.factors.sources._own_periods import over_own_periods

EACH = {
    "x": lambda x: x,
    "delta(x, 2)": lambda x: x.diff(2),
    "ts_mean(x, 3)": lambda x: x.rolling(3).mean(),
    "x / delay(x, 1) - 1": lambda x: x / x.shift(1) - 1,
}


def slowly(told, transform):
    """Return, after each release, the transform of the newest month as all were known then."""
    found = {}
    for now in sorted(told["released"].unique()):
        past = told[told["released"] <= now].sort_values("released")
        known = past.groupby("period")["value"].last().sort_index()
        months = pd.date_range(told["period"].min(), known.index[-1], freq="MS")
        found[now] = transform(known.reindex(months)).iloc[-1]
    return pd.Series(found)


revised = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 200), st.integers(1, 9).map(float)),
    min_size=1,
    max_size=30,
    unique_by=lambda row: (row[0], row[1]),
)


@settings(max_examples=80, deadline=None)
@given(revised, st.sampled_from(list(EACH)))
@example([(6, 141, 1.0), (7, 110, 2.0)], "x")
def test_after_each_release_it_is_computed_of_what_was_known_then(rows, each):
    first = pd.Timestamp("2020-01-01")
    told = pd.DataFrame(
        [
            (
                first + pd.DateOffset(months=month),
                first + pd.DateOffset(months=month) + pd.Timedelta(days=wait),
                value,
            )
            for month, wait, value in rows
        ],
        columns=["period", "released", "value"],
    )
    found = knowledge(told, release=Release(column="released"), period="period", value="value")
    made = over_own_periods(found, each, "monthly")
    moments = pd.to_datetime(made.known, unit="us", utc=True).tz_convert("America/New_York")
    values = pd.Series(made.values, moments.tz_localize(None) - pd.Timedelta(days=1))
    # Of several periods that are told at one moment, the newest is what is known then.
    values = values[~values.index.duplicated(keep="last")]
    np.testing.assert_allclose(values.to_numpy(), slowly(told, EACH[each]).to_numpy(), rtol=1e-12)


def test_more_releases_than_are_computed_together_are_the_same():
    """700 weeks, each told at first and once again: twice as many as two chunks."""
    weeks = pd.date_range("2008-01-04", periods=700, freq="W-FRI")
    draw = np.random.default_rng(1)
    first = pd.DataFrame(
        {"period": weeks, "released": weeks + pd.Timedelta(days=6), "value": draw.random(700) + 1}
    )
    again = first.assign(
        released=first["released"] + pd.Timedelta(days=8), value=draw.random(700) + 1
    )
    told = pd.concat([first, again], ignore_index=True)
    found = knowledge(told, release=Release(column="released"), period="period", value="value")
    made = over_own_periods(found, "ts_mean(x, 4) / ts_mean(x, 52) - 1", "weekly")
    assert len(made) == 1_400
    for place in (300, 777, 1_399):
        now = pd.Timestamp(int(made.known[place]), unit="us", tz="UTC")
        midnight = (told["released"] + pd.Timedelta(days=1)).dt.tz_localize("America/New_York")
        past = told[midnight <= now].sort_values("released")
        known = past.groupby("period")["value"].last()
        expected = known.iloc[-4:].mean() / known.iloc[-52:].mean() - 1
        assert made.values[place] == pytest.approx(expected, rel=1e-10)
