import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.surveillance import LayeredOrders

REUSED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=50,
    deadline=None,
)
LAYERS = [(after, 31 + after, "SELL", 500, 0, True) for after in (0, 1, 2)]


def test_orders_that_go_after_the_other_side_traded_are_a_pattern_with_its_evidence(
    orders, fills, start
):
    (found,) = LayeredOrders().find(orders(*LAYERS), fills((30, "BUY", 100, 50)))
    assert (found.kind, found.owner, found.instrument) == ("layering", "ana", "AAPL")
    assert found.order_ids == ("O-0", "O-1", "O-2", "F-0")
    assert found.trade_ids == ("T-0",)
    assert (found.begin, found.end) == (start, start + pd.Timedelta("33s"))
    assert {one.name: one.value for one in found.figures} == {
        "cancelled orders": 3.0,
        "cancelled per traded": 15.0,
        "last cancelled after": 3.0,
    }
    assert "attern to review" in found.note


@pytest.mark.parametrize(
    ("layers", "fill", "why"),
    [
        (LAYERS[:2], (30, "BUY", 100, 50), "too few"),
        (LAYERS, (30, "SELL", 100, 50), "the same side traded"),
        (LAYERS, (31.5, "BUY", 100, 50), "one had gone before"),
        (LAYERS, (27, "BUY", 100, 50), "one went too late"),
        (LAYERS, (1.5, "BUY", 100, 50), "one was placed later"),
        (LAYERS, (30, "BUY", 1_000, 50), "too little in comparison"),
        ([(*one[:4], 100, True) for one in LAYERS], (30, "BUY", 100, 50), "filled in part"),
        ([(*one[:5], False) for one in LAYERS], (30, "BUY", 100, 50), "expired, not cancelled"),
        ([(-400, *one[1:]) for one in LAYERS], (30, "BUY", 100, 50), "there for long before"),
        ([], (30, "BUY", 100, 50), "no orders"),
    ],
)
def test_what_is_no_layering_is_not_found(orders, fills, layers, fill, why):
    assert LayeredOrders().find(orders(*layers), fills(fill)) == (), why


def test_the_bounds_are_within(orders, fills):
    layers = [(0, 35, "SELL", 100, 10, True)] * 3
    search = LayeredOrders(build_up_s=30, cancel_within_s=5, min_times_executed=2.7)
    assert len(search.find(orders(*layers), fills((30, "BUY", 100, 50)))) == 1


def test_another_owner_and_another_instrument_are_left_alone(orders, fills):
    trade = (30, "BUY", 100, 50)
    assert LayeredOrders().find(orders(*LAYERS), fills(trade, owner="ben")) == ()
    assert LayeredOrders().find(orders(*LAYERS), fills(trade, instrument="MSFT")) == ()


def test_fills_of_one_execution_are_one_pattern(orders, fills):
    traded = fills((29, "BUY", 50, 50), (30, "BUY", 50, 50))
    (found,) = LayeredOrders().find(orders(*LAYERS), traded)
    assert found.trade_ids == ("T-0", "T-1")
    assert found.figures[1].value == 15.0


def test_an_order_placed_nobody_knows_when_is_left_out_and_said(orders, fills):
    frame = orders(*LAYERS)
    frame.loc[0, "placed"] = pd.NaT
    search = LayeredOrders()
    assert search.find(frame, fills((30, "BUY", 100, 50))) == ()
    (lost,) = search.not_assessed(frame)
    assert (lost.kind, lost.what) == ("layering", "O-0")


ORDERS = st.lists(
    st.tuples(
        st.integers(0, 50),
        st.integers(0, 20),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 5),
        st.booleans(),
    ),
    max_size=15,
)
FILLS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["BUY", "SELL"]), st.integers(1, 5), st.just(9)),
    max_size=6,
)


@REUSED
@given(book=ORDERS, traded=FILLS, shuffle=st.integers(0, 999))
def test_rows_in_any_order_give_the_same_and_the_evidence_is_there(
    orders, fills, book, traded, shuffle
):
    rows = [(at, at + life, side, size, 0, gone) for at, life, side, size, gone in book]
    orders_, fills_ = orders(*rows), fills(*traded)
    found = LayeredOrders().find(orders_, fills_)
    assert LayeredOrders().find(orders_.sample(frac=1, random_state=shuffle), fills_) == found
    known = {*orders_["client_order_id"], *fills_["client_order_id"]}
    for one in found:
        assert set(one.order_ids) <= known
        cancelled, times, last = one.figures
        assert cancelled.value >= 3
        assert times.value >= 2
        assert last.value <= 5


@REUSED
@given(book=ORDERS, traded=FILLS)
def test_without_a_cancelled_order_nothing_is_found(orders, fills, book, traded):
    rows = [(at, at + life, side, size, 0, False) for at, life, side, size, _ in book]
    assert LayeredOrders().find(orders(*rows), fills(*traded)) == ()


@pytest.mark.parametrize("threshold", [-1, float("nan"), True])
@pytest.mark.parametrize("name", LayeredOrders.__dataclass_fields__)
def test_a_threshold_out_of_bounds_is_refused(name, threshold):
    with pytest.raises(InputError, match=name):
        LayeredOrders(**{name: threshold})


def test_bad_orders_are_refused(orders, fills):
    frame, traded = orders(*LAYERS), fills((30, "BUY", 100, 50))
    for wrong in (
        frame.assign(filled=501.0),
        frame.assign(filled=float("nan")),
        frame.assign(quantity=-1.0),
        frame.assign(client_order_id="O-0"),
        frame.assign(ended=frame["placed"] - pd.Timedelta("1s")),
        frame.assign(ended=pd.NaT),
    ):
        with pytest.raises(BadData):
            LayeredOrders().find(wrong, traded)
    with pytest.raises(InputError, match="cancelled"):
        LayeredOrders().find(frame.assign(cancelled="yes"), traded)
    with pytest.raises(InputError, match="tz-aware"):
        LayeredOrders().find(frame.assign(placed=frame["placed"].dt.tz_localize(None)), traded)
