import math
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors import FactorEngine
from nautilus_lab.factors.point_in_time import (
    Leak,
    Release,
    Session,
    find_leaks,
    known_by,
    reindexed_like,
)

NEW_YORK = ZoneInfo("America/New_York")


def long(*rows):
    return pd.DataFrame(rows, columns=["symbol", "end", "filed", "val"])


def close_of(day):
    return pd.Timestamp(f"{day:%Y-%m-%d} 16:00", tz=NEW_YORK)


# ---------------------------------------------------------------- the promise


def obvious(data, prices, *, revision, missing, carry, max_age):
    """Return the answer by looping: for each cell, everything that was known, then the newest."""
    answer = pd.DataFrame(np.nan, prices.index, prices.columns)
    midnight = [(pd.Timestamp(x) + pd.Timedelta(days=1)).tz_localize(NEW_YORK) for x in data.filed]
    told = list(zip(data.symbol, data.end, midnight, data.val, strict=True))
    previous = None
    for day in prices.index:
        now = close_of(day)
        for symbol in prices.columns:
            newest = None  # (period, known, value)
            for whose, end, known, value in told:
                if whose != symbol or known > now or (missing == "skip" and math.isnan(value)):
                    continue
                if newest is None or end > newest[0]:
                    newest = (end, known, value)
                elif end == newest[0]:
                    later = known > newest[1]
                    if later if revision == "latest" else known < newest[1]:
                        newest = (end, known, value)
            if newest is None:
                continue
            if max_age is not None and now - newest[1] > max_age:
                continue
            if not carry and previous is not None and newest[1] <= previous:
                continue
            answer.loc[day, symbol] = newest[2]
        previous = now
    return answer


first_day = pd.Timestamp("2024-05-01")
rows = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "X"]),
        st.integers(-30, 8),  # end of the period
        st.integers(0, 12),  # how long until it is filed
        st.one_of(st.just(math.nan), st.integers(-3, 3).map(float)),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda row: (row[0], row[1], row[2]),
)


def drawn(told):
    made = [
        (symbol, first_day + pd.Timedelta(days=end), first_day + pd.Timedelta(days=end + wait), x)
        for symbol, end, wait, x in told
    ]
    return pd.DataFrame(made, columns=["symbol", "end", "filed", "val"])


def aligned(data, prices, **how):
    try:
        return reindexed_like(data, prices, released="filed", period="end", **how)
    except NotEnoughData:  # no symbol of the prices
        return pd.DataFrame(np.nan, prices.index, prices.columns)


@settings(max_examples=60, deadline=None)
@given(
    rows,
    st.sampled_from(["latest", "first"]),
    st.sampled_from(["keep", "skip"]),
    st.sampled_from([None, pd.Timedelta(days=3)]),
)
def test_it_equals_a_loop_over_everything_that_was_known(told, revision, missing, max_age):
    days = pd.bdate_range(first_day, periods=8, tz="UTC")
    prices = pd.DataFrame(1.0, days, ["A", "B", "C"])
    how = {"revision": revision, "missing": missing, "max_age": max_age}
    found = aligned(drawn(told), prices, carry=True, **how)
    pd.testing.assert_frame_equal(found, obvious(drawn(told), prices, carry=True, **how))


@settings(max_examples=30, deadline=None)
@given(rows)
def test_without_carrying_only_the_row_that_learns_it_shows_it(told):
    days = pd.bdate_range(first_day, periods=8, tz="UTC")
    prices = pd.DataFrame(1.0, days, ["A", "B", "C"])
    how = {"revision": "latest", "missing": "keep", "max_age": None}
    found = aligned(drawn(told), prices, carry=False, **how)
    pd.testing.assert_frame_equal(found, obvious(drawn(told), prices, carry=False, **how))


@settings(max_examples=60, deadline=None)
@given(rows, rows, st.integers(0, 7), st.sampled_from(["latest", "first"]))
def test_another_future_never_changes_the_past(told, other, row, revision):
    days = pd.bdate_range(first_day, periods=8, tz="UTC")
    prices = pd.DataFrame(1.0, days, ["A", "B", "C"])
    data, future = drawn(told), drawn(other)
    now = close_of(days[row])
    past = known_by(data, now, released="filed")
    changed = pd.concat([past, future.drop(known_by(future, now, released="filed").index)])
    before = aligned(data, prices, revision=revision).iloc[: row + 1]
    if len(changed):
        after = aligned(changed, prices, revision=revision).iloc[: row + 1]
        pd.testing.assert_frame_equal(before, after)
    else:
        assert before.isna().all(axis=None)


@settings(max_examples=30, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_of_no_importance(told, draw):
    days = pd.bdate_range(first_day, periods=8, tz="UTC")
    prices = pd.DataFrame(1.0, days, ["A", "B", "C"])
    data = drawn(told)
    order = list(range(len(data)))
    draw.shuffle(order)
    pd.testing.assert_frame_equal(aligned(data, prices), aligned(data.iloc[order], prices))


# ---------------------------------------------------------------- when it is known


def test_a_filing_without_an_hour_is_known_on_the_next_bar(prices):
    facts = long(("A", "2024-03-31", "2024-05-03", 6.0))  # a Friday
    found = reindexed_like(facts, prices, released="filed", period="end")["A"]
    assert found.isna().to_list() == [True] * 3 + [False] * 5
    assert found.index[3] == pd.Timestamp("2024-05-06", tz="UTC")


def test_a_release_at_half_past_eight_is_known_at_the_close_of_its_day(prices):
    facts = long(("A", "2024-03-31", "2024-05-03", 6.0))
    found = reindexed_like(
        facts, prices, released=Release(column="filed", at="08:30"), period="end"
    )
    assert found["A"].first_valid_index() == pd.Timestamp("2024-05-03", tz="UTC")


@pytest.mark.parametrize(
    ("accepted", "first"),
    [("2024-05-02 15:59", "2024-05-02"), ("2024-05-02 16:00", "2024-05-02"),
     ("2024-05-02 16:01", "2024-05-03"), ("2024-05-02 18:04", "2024-05-03")],
)  # fmt: skip
def test_a_time_is_compared_with_the_close(prices, accepted, first):
    facts = long(("A", "2024-03-30", pd.Timestamp(accepted, tz=NEW_YORK), 6.0))
    found = reindexed_like(facts, prices, released="filed", period="end")["A"]
    assert found.first_valid_index() == pd.Timestamp(first, tz="UTC")


def test_in_winter_and_in_summer_the_close_is_another_moment():
    days = pd.DatetimeIndex(["2024-03-08", "2024-03-11"], tz="UTC")
    moments = pd.to_datetime(Session().moments(days), unit="us", utc=True)
    assert moments.hour.to_list() == [21, 20]


def test_an_hour_that_a_clock_shows_twice_is_its_later_one():
    found = Release(column="x", at="01:30").moments(pd.Series(["2024-11-03"]), "x")
    assert pd.Timestamp(int(found[0]), unit="us") == pd.Timestamp("2024-11-03 06:30")


def test_intraday_rows_are_decided_at_their_own_time():
    times = pd.date_range("2024-05-03 13:00", periods=4, freq="30min", tz="UTC")
    prices = pd.DataFrame({"A": 1.0}, times)
    payrolls = pd.Series([175.0], pd.DatetimeIndex(["2024-05-03 08:30"], tz=NEW_YORK))
    assert reindexed_like(payrolls, prices)["A"].eq(175.0).all()  # it is 12:30 UTC
    early = prices.set_axis(times - pd.Timedelta(hours=1))
    assert reindexed_like(payrolls, early)["A"].isna().to_list() == [True, False, False, False]


def test_a_day_with_a_lag_counts_business_days_without_holidays(prices):
    days = pd.bdate_range("2024-05-23", periods=5, tz="UTC")  # Memorial Day is the 27th
    prices = pd.DataFrame({"A": 1.0}, days)
    yields = pd.Series([4.5], pd.DatetimeIndex(["2024-05-24"]))
    rule = Release(business_days=1, at="16:15")
    found = reindexed_like(yields, prices, released=rule)["A"]
    assert found.first_valid_index() == pd.Timestamp("2024-05-29", tz="UTC")  # 28th 16:15 is late


def test_days_after_a_month_are_counted_from_its_last_day():
    rule = Release(days=15, frequency="monthly", at="08:30")
    found = rule.moments(pd.Series(["2024-02-01"]), "x")
    assert pd.Timestamp(int(found[0]), unit="us") == pd.Timestamp("2024-03-15 12:30")
    quarter = Release(days=30, frequency="quarterly", at="08:30")
    found = quarter.moments(pd.Series(["2024-01-01"]), "x")
    assert pd.Timestamp(int(found[0]), unit="us") == pd.Timestamp("2024-04-30 12:30")


def test_a_period_is_over_on_its_last_day():
    days = pd.bdate_range("2024-01-30", periods=5, tz="UTC")
    prices = pd.DataFrame({"A": 1.0}, days)
    months = pd.Series([1.0, 2.0], pd.period_range("2023-12", periods=2, freq="M"))
    found = reindexed_like(months, prices)["A"]
    assert found.to_list() == [1.0, 1.0, 2.0, 2.0, 2.0]  # January's from 1 February on
    rule = Release(days=2, frequency="monthly", at="08:30")
    assert reindexed_like(months, prices, released=rule)["A"].to_list() == [1.0] * 3 + [2.0] * 2


def test_days_of_another_zone_close_on_its_own_clock():
    tokyo = pd.bdate_range("2024-05-01", periods=3, tz="Asia/Tokyo")
    told = pd.Series([5.0], pd.DatetimeIndex(["2024-05-02 15:59"], tz="Asia/Tokyo"))
    found = reindexed_like(told, pd.DataFrame({"A": 1.0}, tokyo))["A"]
    assert found.isna().to_list() == [True, False, False]
    late = told.set_axis(told.index + pd.Timedelta(minutes=2))
    assert reindexed_like(late, pd.DataFrame({"A": 1.0}, tokyo))["A"].isna().sum() == 2


def test_a_midnight_of_a_zone_is_a_date(prices):
    closes = pd.Series([13.5], pd.DatetimeIndex(["2024-05-02"], tz="UTC"))
    assert reindexed_like(closes, prices)["A"].first_valid_index().day == 3
    rule = Release(at="16:00")
    assert reindexed_like(closes, prices, released=rule)["A"].first_valid_index().day == 2


# ---------------------------------------------------------------- what is shown


def test_a_restatement_of_an_older_quarter_does_not_hide_the_newest(prices):
    facts = long(
        ("A", "2023-12-31", "2024-02-01", 1.0),
        ("A", "2024-03-31", "2024-05-01", 2.0),
        ("A", "2023-12-31", "2024-05-03", 1.5),
        ("A", "2024-03-31", "2024-05-07", 2.5),
    )
    found = reindexed_like(facts, prices, released="filed", period="end")["A"]
    assert found.to_list() == [1.0, 2.0, 2.0, 2.0, 2.0, 2.5, 2.5, 2.5]
    first = reindexed_like(facts, prices, released="filed", period="end", revision="first")["A"]
    assert first.to_list() == [1.0] + [2.0] * 7


def test_it_can_show_of_when_a_value_is_and_since_when_it_was_known(prices):
    facts = long(("A", "2024-03-31", pd.Timestamp("2024-05-02 18:04", tz=NEW_YORK), 6.0))
    how = {"released": "filed", "period": "end"}
    periods = reindexed_like(facts, prices, give="period", **how)
    assert periods["A"].iloc[-1] == pd.Timestamp("2024-03-31")
    assert periods["B"].isna().all()
    known = reindexed_like(facts, prices, give="released", **how)
    assert known["A"].iloc[2] == pd.Timestamp("2024-05-02 22:04", tz="UTC")
    assert known["A"].iloc[:2].isna().all()


def test_what_was_known_for_too_long_is_not_shown(prices):
    facts = long(("A", "2024-03-31", "2024-05-02", 6.0))
    found = reindexed_like(facts, prices, released="filed", period="end", max_age="4D")["A"]
    # known from 3 May 00:00; at the close of Tuesday the 7th for more than four days
    assert found.isna().to_list() == [True, True, False, False, True, True, True, True]


def test_a_value_that_is_not_known_any_more_is_shown_or_passed_over(prices):
    facts = long(("A", "2024-03-31", "2024-05-01", 6.0), ("A", "2024-04-30", "2024-05-06", None))
    how = {"released": "filed", "period": "end"}
    kept = reindexed_like(facts, prices, **how)["A"]
    assert kept.isna().to_list() == [True, False, False, False, True, True, True, True]
    skipped = reindexed_like(facts, prices, missing="skip", **how)["A"]
    assert skipped.isna().to_list() == [True] + [False] * 7


def test_a_symbol_without_data_is_not_known_and_none_at_all_is_refused(prices):
    facts = long(("A", "2024-03-31", "2024-04-01", 6.0))
    assert reindexed_like(facts, prices, released="filed", period="end")["C"].isna().all()
    with pytest.raises(NotEnoughData, match="must name a symbol of the prices; got 320193"):
        reindexed_like(facts.assign(symbol=320193), prices, released="filed", period="end")
    mapped = reindexed_like(
        facts.assign(symbol=320193), prices, released="filed", period="end", symbols={320193: "B"}
    )
    assert mapped["B"].notna().all()


def test_a_series_is_everybodys_and_a_wide_frame_is_each_symbols(prices):
    days = pd.DatetimeIndex(["2024-04-30", "2024-05-02"], tz="UTC")
    vix = reindexed_like(pd.Series([15.0, 14.0], days), prices)
    assert vix.nunique(axis=1).eq(1).all()
    assert vix["A"].to_list() == [15.0, 15.0] + [14.0] * 6
    wide = reindexed_like(pd.DataFrame({"B": [1.0, 2.0], "A": [3.0, 4.0]}, days), prices)
    assert wide.iloc[-1].fillna(0).to_list() == [4.0, 2.0, 0.0]


def test_bars_by_time_and_symbol_are_read_as_they_are(prices):
    index = pd.MultiIndex.from_tuples(
        [(pd.Timestamp("2024-05-02", tz="UTC"), "A")], names=["timestamp", "symbol"]
    )
    found = reindexed_like(pd.DataFrame({"volume": [5.0]}, index), prices)["A"]
    assert found.isna().sum() == 2


def test_the_shape_is_that_of_the_prices_and_their_numbers_are_not_read(prices):
    prices.iloc[2, 1] = np.nan
    found = reindexed_like(pd.Series([1.0], pd.DatetimeIndex(["2020-01-01"])), prices)
    assert found.index.equals(prices.index)
    assert found.columns.equals(prices.columns)
    assert found.eq(1.0).all(axis=None)


@pytest.mark.parametrize("of_prices", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("of_data", ["s", "ns"])
def test_it_is_the_same_in_every_unit_of_time(prices, of_prices, of_data):
    facts = long(("A", "2024-03-31", "2024-05-02", 6.0), ("A", "2024-04-30", "2024-05-06", 7.0))
    plain = reindexed_like(facts, prices, released="filed", period="end")
    for column in ("end", "filed"):
        facts[column] = pd.to_datetime(facts[column]).astype(f"datetime64[{of_data}]")
    units = prices.set_axis(prices.index.as_unit(of_prices))
    found = reindexed_like(facts, units, released="filed", period="end")
    np.testing.assert_array_equal(found.to_numpy(), plain.to_numpy())


def test_the_engine_answers_it(prices):
    facts = long(("A", "2024-03-31", "2024-04-01", 6.0))
    found = FactorEngine().reindexed_like(facts, prices, released="filed", period="end")
    assert found["A"].eq(6.0).all()


# ---------------------------------------------------------------- what is refused


def test_what_will_be_released_is_never_shown(prices):
    facts = long(("A", "2024-03-31", "2031-05-01", 6.0))
    found = reindexed_like(facts, prices, released="filed", period="end")
    assert found.isna().all(axis=None)


def test_a_release_before_its_period_is_refused_unless_it_is_a_forecast(prices):
    facts = long(("A", "2024-06-30", "2024-05-01", 6.0))
    with pytest.raises(BadData, match="known before its period; got A of 2024-06-30, known"):
        reindexed_like(facts, prices, released="filed", period="end")
    forecast = Release(column="filed", ahead=True)
    assert reindexed_like(facts, prices, released=forecast, period="end")["A"].notna().any()


def test_two_values_of_a_period_at_one_moment_are_refused_with_their_place(prices):
    facts = long(("A", "2024-03-31", "2024-05-01", 6.0), ("A", "2024-03-31", "2024-05-01", 7.0))
    with pytest.raises(BadData, match=r"A of 2024-03-31, known .*: 6 and 7"):
        reindexed_like(facts, prices, released="filed", period="end")
    twice = facts.assign(val=6.0)
    assert reindexed_like(twice, prices, released="filed", period="end")["A"].iloc[-1] == 6.0


def test_a_time_without_a_zone_is_refused(prices):
    facts = long(("A", "2024-03-31", pd.Timestamp("2024-05-01 16:30"), 6.0))
    with pytest.raises(InputError, match="tz-aware times; got 2024-05-01T16:30:00 without a zone"):
        reindexed_like(facts, prices, released="filed", period="end")
    with pytest.raises(InputError, match="tz-aware"):
        reindexed_like(facts, prices.tz_localize(None), released="filed", period="end")


def test_a_single_midnight_must_be_told(prices):
    facts = long(("A", "2024-03-31", "2024-04-30", 6.0))
    one = prices.iloc[:1]
    with pytest.raises(InputError, match="may be a day or a time"):
        reindexed_like(facts, one, released="filed", period="end")
    days = reindexed_like(facts, one, released="filed", period="end", session=Session(rows="days"))
    times = reindexed_like(
        facts, one, released="filed", period="end", session=Session(rows="times")
    )
    assert days["A"].notna().all()
    assert times["A"].isna().all()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"filed": None}, BadData, "missing date"),
        ({"filed": "soon"}, BadData, "must hold dates"),
        ({"filed": 20240501}, InputError, "must hold dates"),
        ({"val": np.inf}, BadData, "finite or NaN"),
        ({"symbol": None}, BadData, "missing symbol"),
        ({"val": "much"}, InputError, "one column of numbers"),
    ],
)
def test_what_cannot_be_read_is_refused(prices, change, error, match):
    facts = long(("A", "2024-03-31", "2024-05-01", 6.0), ("A", "2023-12-31", "2024-02-01", 5.0))
    facts = facts.astype(object).assign(**change).infer_objects()
    with pytest.raises(error, match=match):
        reindexed_like(facts, prices, released="filed", period="end")


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"released": "accepted"}, "'accepted' is not among symbol, end, filed, val"),
        ({"released": 5}, "a column or a Release"),
        ({"released": "filed", "revision": "second"}, "revision must be"),
        ({"released": "filed", "max_age": "long"}, "length of time"),
        ({"released": "filed", "give": "all"}, "give must be"),
    ],
)
def test_what_is_asked_wrongly_is_refused(prices, how, match):
    facts = long(("A", "2024-03-31", "2024-05-01", 6.0))
    with pytest.raises(InputError, match=match):
        reindexed_like(facts, prices, period="end", **how)


@pytest.mark.parametrize(
    "settings",
    [{"at": "25:00"}, {"at": "8.30"}, {"zone": "New York"}, {"days": -1}, {"frequency": "often"}],
)
def test_a_rule_that_is_none_is_refused(settings):
    with pytest.raises(InputError):
        Release(**settings)


def test_a_column_that_is_there_twice_is_refused(prices):
    facts = long(("A", "2024-03-31", "2024-05-01", 6.0))
    twice = pd.concat([facts, facts[["val"]]], axis=1)
    with pytest.raises(BadData, match="each column once; got val"):
        reindexed_like(twice, prices, released="filed", period="end")


def test_nothing_but_nan_stays_so(prices):
    facts = long(("A", "2024-03-31", "2024-04-01", np.nan))
    found = reindexed_like(facts, prices, released="filed", period="end", value="val")
    assert found.isna().all(axis=None)


def test_no_rows_are_not_enough(prices):
    with pytest.raises(NotEnoughData, match="must not be empty"):
        reindexed_like(long(), prices, released="filed", period="end", value="val")


# ---------------------------------------------------------------- the leak test itself


def test_a_leak_is_found_where_it_is():
    days = pd.bdate_range("2024-05-01", periods=30, tz="UTC")
    prices = pd.DataFrame({"A": np.arange(1.0, 31.0)}, days)
    facts = long(*[("A", d.date(), d.date() + pd.Timedelta(days=5), float(d.day)) for d in days])

    def honest(data, like):
        return reindexed_like(data, like, released="filed", period="end")

    def peeks(data, like):  # takes the end of the period for the day it was known
        return reindexed_like(data, like, released="end", period="end", value="val")

    assert find_leaks(honest, facts, prices, released="filed") == ()
    found = find_leaks(peeks, facts, prices, released="filed", cuts=3)
    assert found
    assert isinstance(found[0], Leak)
    assert all(one.time <= one.cut for one in found)
    assert {one.symbol for one in found} == {"A"}


def test_an_acceptance_time_of_edgar_is_on_the_clock_of_new_york(recorded):
    """The "Z" of `acceptanceDateTime` is not UTC: after 17:30 the filing is of the next day."""
    recent = recorded("sec_edgar/submissions_CIK0000320193.json")["filings"]["recent"]
    table = pd.DataFrame({k: recent[k] for k in ("form", "filingDate", "acceptanceDateTime")})
    accepted = pd.to_datetime(table["acceptanceDateTime"].str.rstrip("Z"))
    reports = table["form"].isin(["10-K", "10-Q"])
    late = accepted.dt.strftime("%H:%M") > "17:30"
    next_day = pd.to_datetime(table["filingDate"]) > accepted.dt.normalize()
    assert late[reports].sum() > 10
    assert (late[reports] == next_day[reports]).all()


def test_a_midnight_that_the_clock_skips_is_a_day_all_the_same():
    # Cairo's clock went from 00:00 to 01:00 on 2024-04-26.
    days = pd.DatetimeIndex(["2024-04-25", "2024-04-26", "2024-04-27"])
    prices = pd.DataFrame(
        {"A": [1.0, 1.0, 1.0]}, days.tz_localize("Africa/Cairo", nonexistent="shift_forward")
    )
    known = pd.to_datetime(
        ["2024-04-25 14:00Z", "2024-04-26 13:00Z", "2024-04-27 13:01Z"], format="ISO8601"
    )
    found = reindexed_like(pd.Series([1.0, 2.0, 3.0], known), prices)
    # 16:00 is 14:00 UTC on the 25th, and 13:00 UTC from the 26th on.
    assert found["A"].to_list() == [1.0, 2.0, 2.0]


def test_data_that_name_none_of_the_mapped_symbols_are_refused(prices):
    data = long(("a", "2023-12-31", "2024-01-02", 1.0))
    with pytest.raises(NotEnoughData, match="symbols"):
        reindexed_like(data, prices, released="filed", period="end", symbols={"b": "A"})


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Release(days=10**9),
        lambda: Release(business_days=10**7),
        lambda: Session(close="\u00b23:00"),
    ],
)
def test_rules_beyond_all_measure_are_refused(refused):
    with pytest.raises(InputError):
        refused()


def test_an_age_without_a_unit_and_a_number_beyond_floats_are_refused(prices):
    data = long(("A", "2023-12-31", "2024-01-02", 10**400))
    with pytest.raises(BadData, match="numbers"):
        reindexed_like(data, prices, released="filed", period="end", value="val")
    with pytest.raises(InputError, match="unit"):
        reindexed_like(data.assign(val=1.0), prices, released="filed", period="end", max_age=200)
