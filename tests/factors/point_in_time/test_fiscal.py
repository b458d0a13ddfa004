import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.point_in_time import fiscal_values, known_by, reindexed_like


def told(*rows):
    return pd.DataFrame(
        [("A", *row) for row in rows], columns=["symbol", "start", "end", "filed", "val"]
    )


# quarters of 10, 20, 30 and 40 in 2022, of 11, 21, 31 and 41 in 2023, as companies tell them
AS_QUARTERS = told(
    ("2022-01-01", "2022-03-31", "2022-05-01", 10.0),
    ("2022-04-01", "2022-06-30", "2022-08-01", 20.0),
    ("2022-07-01", "2022-09-30", "2022-11-01", 30.0),
    ("2022-01-01", "2022-12-31", "2023-02-15", 100.0),
    ("2023-01-01", "2023-03-31", "2023-05-01", 11.0),
)
TO_DATE = told(
    ("2022-01-01", "2022-03-31", "2022-05-01", 10.0),
    ("2022-01-01", "2022-06-30", "2022-08-01", 30.0),
    ("2022-01-01", "2022-09-30", "2022-11-01", 60.0),
    ("2022-01-01", "2022-12-31", "2023-02-15", 100.0),
    ("2023-01-01", "2023-03-31", "2023-05-01", 11.0),
    ("2023-01-01", "2023-06-30", "2023-08-01", 32.0),
)


def values(facts, measure, **how):
    return fiscal_values(facts, measure=measure, **how).set_index("released")["value"].to_dict()


def test_the_last_quarter_is_the_year_less_the_three_others():
    assert values(AS_QUARTERS, "quarter") == {
        "2022-05-01": 10.0,
        "2022-08-01": 20.0,
        "2022-11-01": 30.0,
        "2023-02-15": 40.0,
        "2023-05-01": 11.0,
    }


def test_years_to_date_are_taken_apart_into_quarters():
    assert values(TO_DATE, "quarter") == {
        "2022-05-01": 10.0,
        "2022-08-01": 20.0,
        "2022-11-01": 30.0,
        "2023-02-15": 40.0,
        "2023-05-01": 11.0,
        "2023-08-01": 21.0,
    }


@pytest.mark.parametrize("facts", [AS_QUARTERS, TO_DATE])
def test_a_trailing_year_is_the_sum_of_four_quarters(facts):
    found = values(facts, "trailing_year")
    assert found["2023-02-15"] == 100.0
    assert found["2023-05-01"] == 20.0 + 30.0 + 40.0 + 11.0
    assert "2022-11-01" not in found  # three quarters are no year


def test_a_trailing_year_is_rolled_when_quarters_are_not_told():
    half_years = told(
        ("2022-01-01", "2022-06-30", "2022-08-01", 30.0),
        ("2022-01-01", "2022-12-31", "2023-02-15", 100.0),
        ("2023-01-01", "2023-06-30", "2023-08-01", 32.0),
    )
    assert values(half_years, "trailing_year")["2023-08-01"] == 100.0 + 32.0 - 30.0


def test_a_restatement_counts_from_its_filing_on():
    restated = pd.concat(
        [AS_QUARTERS, told(("2022-01-01", "2022-12-31", "2023-06-01", 110.0))], ignore_index=True
    )
    found = values(restated, "trailing_year")
    assert found["2023-05-01"] == 101.0
    assert found["2023-06-01"] == 20.0 + 30.0 + (110.0 - 10.0 - 20.0 - 30.0) + 11.0


def test_an_earlier_balance_told_again_is_not_the_newest():
    balances = told(
        (None, "2022-12-31", "2023-02-15", 500.0),
        (None, "2023-03-31", "2023-05-01", 550.0),
        (None, "2022-12-31", "2023-05-01", 490.0),
    )
    found = fiscal_values(balances, measure="instant")
    assert found["value"].to_list() == [500.0, 550.0]
    before = fiscal_values(balances, measure="instant", ago=1, unit="quarter")
    assert before["value"].to_list()[1:] == [490.0]
    assert np.isnan(before["value"].iloc[0])


def test_what_it_was_a_year_ago_is_what_is_known_of_it_now():
    found = fiscal_values(TO_DATE, measure="quarter", ago=1)
    now = found.set_index("released")["value"]
    assert now["2023-05-01"] == 10.0
    assert now["2023-08-01"] == 20.0
    assert np.isnan(now["2022-11-01"])


def test_years_of_52_and_53_weeks_are_years_and_a_short_one_is_none():
    weeks = told(
        ("2022-09-25", "2023-09-30", "2023-11-03", 371.0),  # 53 weeks
        ("2023-10-01", "2024-09-28", "2024-11-01", 364.0),  # 52 weeks
        ("2024-09-29", "2024-12-31", "2025-02-01", 94.0),  # the fiscal year is changed
        ("2025-01-01", "2025-03-31", "2025-05-01", 90.0),
    )
    assert values(weeks, "year") == {"2023-11-03": 371.0, "2024-11-01": 364.0}
    assert values(weeks, "quarter")["2025-02-01"] == 94.0
    assert "2025-05-01" not in values(weeks, "trailing_year")  # two quarters are not known


def test_a_flow_is_not_taken_for_a_balance():
    both = told(
        (None, "2022-12-31", "2023-02-15", 500.0), ("2022-01-01", "2022-12-31", "2023-02-15", 1.0)
    )
    assert values(both, "instant") == {"2023-02-15": 500.0}
    assert values(both, "year") == {"2023-02-15": 1.0}


quarters = st.lists(st.integers(-50, 50).map(float), min_size=8, max_size=8)


@settings(max_examples=40, deadline=None)
@given(quarters, st.lists(st.booleans(), min_size=8, max_size=8))
def test_however_quarters_are_told_they_and_their_sums_are_found(flows, as_quarter):
    """Each of the first three quarters by itself or to date, the fourth within its year."""
    begins = pd.date_range("2022-01-01", periods=9, freq="QS")
    rows = []
    for n, flow in enumerate(flows):
        end, filed = begins[n + 1] - pd.Timedelta(days=1), begins[n + 1] + pd.Timedelta(days=30)
        year = begins[n - n % 4]
        if n % 4 == 3:
            rows.append((year, end, filed, sum(flows[n - 3 : n + 1])))
        elif as_quarter[n]:
            rows.append((begins[n], end, filed, flow))
            rows.append((year, end, filed, sum(flows[n - n % 4 : n + 1])))
        else:
            rows.append((year, end, filed, sum(flows[n - n % 4 : n + 1])))
    facts = told(*dict.fromkeys(rows))
    found = fiscal_values(facts, measure="quarter").drop_duplicates("period", keep="last")
    assert found["value"].to_list() == pytest.approx(flows)
    sums = fiscal_values(facts, measure="trailing_year").drop_duplicates("period", keep="last")
    assert sums["value"].to_list() == pytest.approx(
        [sum(flows[n - 3 : n + 1]) for n in range(3, 8)]
    )


@pytest.mark.parametrize("measure", ["quarter", "year", "trailing_year"])
@pytest.mark.parametrize("cut", ["2022-08-01", "2022-12-01", "2023-02-15", "2023-05-01"])
def test_what_was_filed_later_changes_nothing_before(measure, cut):
    now = pd.Timestamp(cut, tz="America/New_York") + pd.Timedelta(days=1)
    alone = fiscal_values(known_by(TO_DATE, now, released="filed"), measure=measure)
    whole = fiscal_values(TO_DATE, measure=measure)
    pd.testing.assert_frame_equal(whole[whole["released"] <= cut].reset_index(drop=True), alone)


def test_two_values_in_one_filing_are_refused():
    twice = told(
        ("2022-01-01", "2022-03-31", "2022-05-01", 10.0),
        ("2022-01-01", "2022-03-31", "2022-05-01", 12.0),
    )
    with pytest.raises(BadData, match=r"must tell one value .* 10 and 12 of 2022-03-31"):
        fiscal_values(twice, measure="quarter")


def test_a_filing_before_the_end_of_its_period_is_refused():
    with pytest.raises(BadData, match="must not be filed before its period ends; got 2022-03-31"):
        fiscal_values(told(("2022-01-01", "2022-03-31", "2022-03-01", 1.0)), measure="quarter")
    with pytest.raises(BadData, match="must not end before it begins"):
        fiscal_values(told(("2022-04-01", "2022-03-31", "2022-05-01", 1.0)), measure="quarter")


def test_what_cannot_be_told_is_refused():
    with pytest.raises(InputError, match="fiscal one; got half"):
        fiscal_values(TO_DATE, measure="half")
    with pytest.raises(InputError, match="without filed"):
        fiscal_values(TO_DATE.drop(columns="filed"), measure="quarter")
    with pytest.raises(InputError, match="ago must be"):
        fiscal_values(TO_DATE, measure="quarter", ago=-1)
    with pytest.raises(NotEnoughData):
        fiscal_values(TO_DATE.iloc[:0], measure="quarter")


# ---------------------------------------------------------------- as companies filed


@pytest.fixture
def facts(dataset):
    table = dataset("sec_fundamentals_6co_long.parquet")
    return table[table["unit"] == "USD"]


@pytest.mark.parametrize(
    ("tag", "measure", "period", "value"),
    [  # Apple's statements, in millions of dollars
        ("NetIncomeLoss", "year", "2024-09-28", 93_736),
        ("NetIncomeLoss", "quarter", "2025-09-27", 27_466),  # told in the press release only
        ("NetIncomeLoss", "trailing_year", "2025-12-27", 112_010 + 42_097 - 36_330),
        ("NetCashProvidedByUsedInOperatingActivities", "quarter", "2025-03-29", 23_952),
        ("Assets", "instant", "2024-09-28", 364_980),
    ],
)
def test_apples_figures_are_those_of_its_statements(facts, tag, measure, period, value):
    of_apple = facts[(facts["cik"] == 320193) & (facts["tag"] == tag)]
    found = fiscal_values(of_apple, measure=measure, symbol="cik").set_index("period")["value"]
    assert found[period] == value * 1e6


def test_apples_year_is_on_the_rows_after_its_filing(facts):
    of_apple = facts[(facts["cik"] == 320193) & (facts["tag"] == "NetIncomeLoss")]
    days = pd.bdate_range("2024-10-30", "2024-11-05", tz="UTC")
    prices = pd.DataFrame({"AAPL": 220.0}, days)
    found = reindexed_like(
        fiscal_values(of_apple, measure="trailing_year", symbol="cik"),
        prices,
        released="released",
        period="period",
        value="value",
        symbols={320193: "AAPL"},
    )
    # filed on Friday, 1 November; the quarters to June sum to 101,956
    assert (found["AAPL"] / 1e6).to_list() == [101_956, 101_956, 101_956, 93_736, 93_736]


def test_gross_domestic_product_is_shown_as_it_was_known(recorded):
    told = recorded("fred/series_observations_GDP_rea1776-07-04.json.gz")["observations"]
    table = pd.DataFrame(told)
    table["value"] = pd.to_numeric(table["value"].replace(".", None))
    days = pd.bdate_range("2024-09-24", "2024-10-31", tz="UTC")
    prices = pd.DataFrame({"A": 1.0}, days)
    how = {"released": "realtime_start", "period": "date", "value": "value"}
    latest = reindexed_like(table, prices, **how)["A"]
    first = reindexed_like(table, prices, revision="first", **how)["A"]
    assert latest["2024-09-25"] == 28652.337
    assert latest["2024-09-27"] == 29016.714  # the annual revision of the 26th
    assert latest["2024-10-31"] == 29349.924
    assert first["2024-09-25"] == first["2024-09-27"]
    assert first["2024-09-27"] != latest["2024-09-27"]
