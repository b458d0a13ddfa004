"""Changes of orders count from when they are asked for, and no answer frees another's units."""

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderModifyRejected,
    OrderUpdated,
)
from nautilus_trader.model.identifiers import VenueOrderId
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.risk.limits import MaxPositionNotional, MaxPositionUnits
from tests.execution.gate.stand import SECOND, Stand

FOREVER = 10**15


@pytest.fixture
def slow():
    """A venue whose answers a test gives by hand: its own come in two weeks."""
    with Stand(MaxPositionUnits(max_units=1_000), latency_ns=FOREVER) as stand:
        stand.order = stand.do(lambda s: s.limit(100, "90.00"))
        answer(stand, "accepted")
        yield stand


def answer(stand, what, units=100):
    """Have the venue say something of the order."""
    order, at = stand.order, stand.now
    ids = (order.trader_id, order.strategy_id, order.instrument_id, order.client_order_id)
    venue = (order.venue_order_id, order.account_id)
    if what == "accepted":
        event = OrderAccepted(*ids, VenueOrderId("V-1"), order.account_id, UUID4(), at, at)
    elif what == "updated":
        event = OrderUpdated(
            *ids, *venue, Quantity.from_int(units), Price.from_str("90.00"), None, UUID4(), at, at
        )
    else:
        event = OrderModifyRejected(*ids, *venue, "no", UUID4(), at, at)
    stand.engine.kernel.msgbus.send("ExecEngine.process", event)


def change(stand, units=None, price=None):
    stand.do(lambda s: s.change(stand.order, units=units, price=price))


def test_a_larger_size_counts_from_when_it_is_asked_for(slow):
    change(slow, 500)
    assert slow.queued() == (500, 0)
    answer(slow, "updated", 500)
    assert slow.queued() == (500, 0)


def test_a_smaller_size_counts_once_the_venue_has_made_it(slow):
    change(slow, 10)
    assert slow.queued() == (100, 0)
    answer(slow, "updated", 10)
    assert slow.queued() == (10, 0)


def test_a_change_that_the_venue_refuses_is_counted_no_longer(slow):
    change(slow, 500)
    answer(slow, "rejected")
    assert slow.queued() == (100, 0)


def test_a_change_of_the_venues_own_is_not_the_answer_to_one_on_its_way(slow):
    # It trails a stop, or shortens the other leg: 500 may still become true.
    change(slow, 500)
    answer(slow, "updated", 100)
    assert slow.queued() == (500, 0)
    answer(slow, "updated", 500)
    assert slow.queued() == (500, 0)


@pytest.mark.parametrize("answers", [("rejected", "updated"), ("updated", "rejected")])
def test_of_two_changes_on_their_way_the_larger_counts_until_it_is_answered(slow, answers):
    change(slow, 500)
    change(slow, 300)
    assert slow.queued() == (500, 0)
    answer(slow, answers[0], 300)
    assert slow.queued() == (500, 0)
    answer(slow, answers[1], 500)
    assert slow.queued() == ((500 if answers[1] == "updated" else 300), 0)


def test_the_gates_own_refusal_is_no_answer_to_a_change_on_its_way(slow):
    change(slow, 500)
    change(slow, 5_000)
    assert slow.reason() == "MAX_POSITION_UNITS: 5000.00 is over the limit of 1000.00"
    assert slow.queued() == (500, 0)


def test_a_change_that_nautilus_refuses_after_the_gate_is_no_answer_either(slow):
    change(slow, 500)
    slow.do(
        lambda s: s.modify_order(
            slow.order, quantity=Quantity.from_int(300), price=Price.from_str("90.001")
        )
    )
    assert type(slow.hands[0].heard[-1]).__name__ == "OrderModifyRejected"
    assert slow.queued() == (500, 0)


def test_a_closed_order_takes_its_changes_with_it(slow):
    change(slow, 500)
    slow.do(lambda s: s.cancel_order(slow.order))
    order, at = slow.order, slow.now
    slow.engine.kernel.msgbus.send(
        "ExecEngine.process",
        OrderCanceled(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            order.venue_order_id,
            order.account_id,
            UUID4(),
            at,
            at,
        ),
    )
    assert slow.queued() == (0, 0)


def test_what_fills_before_the_answer_is_not_counted_twice():
    latency_ns = 3 * SECOND
    with Stand(MaxPositionUnits(max_units=1_000), latency_ns=latency_ns) as stand:
        order = stand.do(lambda s: s.limit(100, "90.00"))
        for _ in range(4):
            stand.quote()
        stand.do(lambda s: s.change(order, units=200))
        stand.quote("89.98", "90.00", size=40)
        assert order.filled_qty == 40
        assert (stand.held(), stand.queued()) == (40, (160, 0))
        for _ in range(4):
            stand.quote("95.00")
        assert order.quantity == 200
        assert (stand.held(), stand.queued()) == (40, (160, 0))


@pytest.mark.parametrize(("units", "passes"), [(400, True), (401, False)])
def test_a_larger_size_is_asked_about_by_what_it_adds(slow, units, passes):
    slow.do(lambda s: s.limit(600, "89.00"))
    change(slow, units)
    assert (slow.denials == []) is passes


def test_a_higher_price_is_asked_about_and_a_lower_one_is_not():
    with Stand(MaxPositionNotional(max_notional=10_000)) as stand:
        order = stand.do(lambda s: s.limit(100, "99.00"))
        assert stand.status(order) == "ACCEPTED"
        stand.do(lambda s: s.change(order, price="99.99"))
        stand.quote("120.00")  # it is worth more than its limit now, and nothing was asked
        stand.do(lambda s: s.change(order, price="101.00"))
        assert stand.reason().startswith("MAX_POSITION_NOTIONAL")
        denied = len(stand.denials)
        stand.do(lambda s: s.change(order, price="98.00"))
        assert len(stand.denials) == denied
        assert order.price == Price.from_str("98.00")


def test_a_change_that_makes_smaller_passes_when_only_reducing_is_allowed():
    with Stand() as stand:
        order = stand.do(lambda s: s.limit(100, "90.00"))
        stand.gate.state.tighten("REDUCE_ONLY", reason="a worry", by="ana")
        stand.do(lambda s: s.change(order, units=50))
        assert order.quantity == 50
        stand.do(lambda s: s.change(order, units=60))
        assert order.quantity == 50
        assert stand.denials == ["REDUCE_ONLY: a worry"]
