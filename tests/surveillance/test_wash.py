import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.surveillance import WashTrades

REUSED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
    deadline=None,
)

ROWS = st.lists(
    st.tuples(
        st.integers(0, 100).map(lambda tenths: tenths / 10),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 5),
        st.sampled_from([99.99, 100.0, 100.01, 100.5]),
    ),
    max_size=14,
)


def figures(pattern):
    return {one.name: one.value for one in pattern.figures}


def test_a_buy_and_a_sell_at_one_price_and_time_are_a_pattern_with_its_evidence(fills, start):
    (found,) = WashTrades().find(fills((0, "BUY", 100, 50.0), (0.5, "SELL", 100, 50.0)))
    assert (found.kind, found.owner, found.instrument) == ("wash", "ana", "AAPL")
    assert (found.trade_ids, found.order_ids) == (("T-0", "T-1"), ("F-0", "F-1"))
    assert (found.begin, found.end) == (start, start + pd.Timedelta("500ms"))
    assert figures(found) == {
        "time apart": 0.5,
        "price apart": 0.0,
        "net change": 0.0,
        "matched": 100.0,
    }
    assert "attern to review" in found.note


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(0, "BUY", 100, 50.0), (1.001, "SELL", 100, 50.0)], "too far apart in time"),
        ([(0, "BUY", 100, 50.0), (0.5, "SELL", 100, 50.01)], "too far apart in price: 2 bp"),
        ([(0, "BUY", 100, 50.0), (0.5, "SELL", 50, 50.0)], "the position changed by a third"),
        ([(0, "BUY", 100, 50.0), (0.5, "BUY", 100, 50.0)], "one side only"),
        ([(0, "BUY", 100, 50.0)], "one fill"),
        ([], "nothing"),
    ],
)
def test_what_is_not_a_wash_is_not_found(fills, rows, why):
    assert WashTrades().find(fills(*rows)) == (), why


def test_the_thresholds_themselves_are_within(fills):
    rows = [(0, "BUY", 100, 100.0), (1.0, "SELL", 100, 100.01)]
    assert len(WashTrades(max_price_apart_bp=1.0 + 1e-6).find(fills(*rows))) == 1


def test_fills_of_different_owners_are_no_wash(fills):
    both = [fills((0, "BUY", 1, 5), owner="ana"), fills((0, "SELL", 1, 5), owner="ben")]
    assert WashTrades().find(pd.concat(both)) == ()


def test_fills_of_different_instruments_are_no_wash(fills):
    both = [fills((0, "BUY", 1, 5)), fills((0, "SELL", 1, 5), instrument="MSFT")]
    assert WashTrades().find(pd.concat(both)) == ()


def test_a_wash_in_parts_is_one_pattern(fills):
    rows = [(0, "BUY", 100, 50), (0.2, "SELL", 40, 50), (0.4, "SELL", 60, 50)]
    (found,) = WashTrades().find(fills(*rows))
    assert found.trade_ids == ("T-0", "T-1", "T-2")
    assert figures(found)["matched"] == 100


def test_the_nearest_price_is_matched_first(fills):
    rows = [(0, "BUY", 500, 99.995), (0.1, "BUY", 100, 100), (0.2, "SELL", 100, 100)]
    (found,) = WashTrades().find(fills(*rows))
    assert found.trade_ids == ("T-1", "T-2")


def test_a_trade_with_oneself_is_named(fills):
    frame = fills((0, "BUY", 100, 50), (0, "SELL", 100, 50)).assign(trade_id="T-9")
    (found,) = WashTrades().find(frame)
    assert found.trade_ids == ("T-9",)
    assert "one trade id" in found.note


def test_negative_and_zero_prices_can_be_compared(fills):
    assert len(WashTrades().find(fills((0, "BUY", 1, -37.63), (0, "SELL", 1, -37.63)))) == 1
    assert WashTrades().find(fills((0, "BUY", 1, 0.0), (0, "SELL", 1, 0.01))) == ()


@REUSED
@given(rows=ROWS, shuffle=st.integers(0, 999))
def test_the_order_of_the_rows_does_not_matter(fills, rows, shuffle):
    frame = fills(*rows)
    assert WashTrades().find(frame.sample(frac=1, random_state=shuffle)) == WashTrades().find(frame)


@REUSED
@given(rows=ROWS)
def test_what_is_found_meets_the_thresholds_and_names_fills_that_are_there(fills, rows):
    frame = fills(*rows)
    seen = []
    for found in WashTrades().find(frame):
        seen += found.trade_ids
        own = frame[frame["trade_id"].isin(found.trade_ids)]
        signed = np.where(own["side"] == "BUY", own["quantity"], -own["quantity"]).sum()
        assert abs(signed) / own["quantity"].sum() <= 0.1
        assert set(own["side"]) == {"BUY", "SELL"}
        assert all(one.value <= one.threshold for one in found.figures if one.name != "matched")
    assert len(seen) == len(set(seen))


@REUSED
@given(rows=ROWS, scale=st.sampled_from([2.0, 8.0]), days=st.integers(-100, 100))
def test_larger_quantities_at_another_time_have_the_same_shape(fills, rows, scale, days):
    frame = fills(*rows)
    other = frame.assign(
        quantity=frame["quantity"] * scale,
        time=pd.to_datetime(frame["time"], utc=True) + pd.Timedelta(days=days),
    )
    ids = [found.trade_ids for found in WashTrades().find(frame)]
    assert [found.trade_ids for found in WashTrades().find(other)] == ids


@REUSED
@given(rows=ROWS)
def test_one_side_alone_is_never_a_wash(fills, rows):
    assert WashTrades().find(fills(*((t, "BUY", q, p) for t, _, q, p in rows))) == ()


@pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf"), True])
@pytest.mark.parametrize("name", WashTrades.__dataclass_fields__)
def test_a_threshold_out_of_bounds_is_refused(name, threshold):
    with pytest.raises(InputError, match=name):
        WashTrades(**{name: threshold})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("quantity", 0.0),
        ("quantity", float("nan")),
        ("quantity", "many"),
        ("price", float("inf")),
        ("price", float("nan")),
        ("side", "LONG"),
        ("time", pd.NaT),
        ("owner", None),
        ("trade_id", None),
    ],
)
def test_bad_fills_are_refused(fills, column, value):
    frame = fills((0, "BUY", 1, 5), (1, "SELL", 1, 5)).astype({column: object})
    frame[column] = [frame[column].iloc[0], value]
    if column == "time":
        frame["time"] = pd.to_datetime(frame["time"], utc=True)
    with pytest.raises(BadData):
        WashTrades().find(frame)


def test_a_fill_that_is_there_twice_is_refused(fills):
    frame = fills((0, "BUY", 1, 5))
    with pytest.raises(BadData, match="once"):
        WashTrades().find(pd.concat([frame, frame]))


def test_naive_times_and_missing_columns_are_refused(fills):
    frame = fills((0, "BUY", 1, 5))
    with pytest.raises(InputError, match="tz-aware"):
        WashTrades().find(frame.assign(time=frame["time"].dt.tz_localize(None)))
    with pytest.raises(InputError, match="owner"):
        WashTrades().find(frame.drop(columns="owner"))
    with pytest.raises(InputError, match="DataFrame"):
        WashTrades().find([1])
