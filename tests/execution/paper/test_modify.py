"""What of an order can be changed, and what follows from it."""

from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import ModifyOrder, VenueTerms
from tests.execution.paper.orders import Desk, kinds, limit, order


def change(name="o1", **terms):
    return ModifyOrder(
        client_order_id=name, **{key: Decimal(value) for key, value in terms.items()}
    )


@pytest.fixture
def desk():
    return Desk()


def test_a_new_limit_holds_from_then_on(desk):
    desk.submit(limit("o1", price="99.00"))
    (updated,) = desk.modify(change(limit_price="98.00"))
    assert (updated.kind, updated.order.limit_price) == ("UPDATED", Decimal("98.00"))
    assert desk.quote("98.50", "98.70") == []
    desk.quote("97.80", "97.95")
    assert desk.fills("o1") == [(10, "98.00")]


def test_a_limit_moved_into_the_market_takes_at_once(desk):
    desk.submit(limit("o1", price="99.00"))
    events = desk.modify(change(limit_price="100.50"))
    assert kinds(events) == [("o1", "UPDATED"), ("o1", "FILLED")]
    assert (desk.fills("o1"), events[-1].fill.liquidity) == ([(10, "100.10")], "TAKER")


def test_a_new_trigger_is_the_one_that_counts(desk):
    desk.submit(order("o1", "SELL", "STOP_MARKET", trigger_price="99.00"))
    desk.modify(change(trigger_price="98.00"))
    assert desk.quote("98.50", "98.70") == []
    desk.quote("97.90", "98.10")
    assert desk.fills("o1") == [(10, "97.90")]


def test_a_trigger_moved_past_the_market_is_reached_at_once(desk):
    desk.submit(order("o1", "SELL", "STOP_MARKET", trigger_price="99.00"))
    events = desk.modify(change(trigger_price="99.95"))
    assert [e.kind for e in events] == ["UPDATED", "TRIGGERED", "FILLED"]


def test_a_smaller_quantity_is_what_fills(desk):
    desk.submit(limit("o1", price="99.00", quantity=10))
    desk.modify(change(quantity="4"))
    desk.quote("98.50", "98.70")
    assert (desk.fills("o1"), desk.status("o1")) == ([(4, "99.00")], "FILLED")


def test_a_change_to_what_it_is_already_happens_not(desk):
    desk.submit(limit("o1", price="99.00"))
    assert desk.modify(change(limit_price="99.00", quantity="10")) == []


def test_an_order_without_changes_stays_as_it_is(desk):
    desk.submit(limit("o1"))
    assert desk.modify(change()) == []


@pytest.fixture
def partly():
    """An order for 100, of which 40 are filled."""
    desk = Desk(terms=VenueTerms(leverage=10, depth=40, levels=1))
    desk.submit(limit("o1", price="100.10", quantity=100))
    return desk


def test_a_quantity_must_stay_above_what_is_filled(partly):
    for quantity in ("40", "39", "1"):
        with pytest.raises(InputError, match="above what is filled"):
            partly.modify(change(quantity=quantity))
    partly.modify(change(quantity="41"))
    partly.quote("99.90", "100.10")
    assert (partly.status("o1"), partly.held()) == ("FILLED", 41)


def test_the_order_keeps_its_id_its_fills_and_its_digest(partly):
    before = partly.book.order(client_order_id="o1")
    partly.modify(change(quantity="60", limit_price="99.00"))
    after = partly.book.order(client_order_id="o1")
    assert (after.venue_order_id, after.filled, after.digest) == (
        before.venue_order_id,
        before.filled,
        before.digest,
    )


@pytest.mark.parametrize(
    ("asked", "terms", "why"),
    [
        (limit(), {"quantity": "0"}, "positive whole number"),
        (limit(), {"quantity": "-5"}, "positive whole number"),
        (limit(), {"quantity": "2.5"}, "positive whole number"),
        (limit(), {"quantity": "NaN"}, "positive whole number"),
        (limit(), {"quantity": "1E+30"}, "positive whole number"),
        (limit(), {"limit_price": "99.005"}, "whole cents"),
        (limit(), {"limit_price": "Infinity"}, "whole cents"),
        (limit(), {"limit_price": "sNaN"}, "whole cents"),
        (limit(), {"limit_price": "0"}, "whole cents"),
        (limit(), {"trigger_price": "99.00"}, "only an order that waits has a trigger"),
        (
            order(side="SELL", kind="STOP_MARKET", trigger_price="99.00"),
            {"limit_price": "98.00"},
            "only an order with a limit",
        ),
        (limit(post_only=True), {"limit_price": "100.10"}, "post-only, but it would take"),
    ],
)
def test_what_no_order_could_be_no_order_can_become(desk, asked, terms, why):
    desk.submit(asked)
    before, seq = desk.book.order(client_order_id="o1"), desk.book.seq
    with pytest.raises(InputError, match=why):
        desk.modify(change(**terms))
    assert desk.book.order(client_order_id="o1") == before
    assert desk.book.seq == seq


def test_a_trigger_that_was_reached_cannot_be_changed(desk):
    desk.submit(order("o1", "BUY", "STOP_LIMIT", trigger_price="101.00", limit_price="101.10"))
    desk.quote("101.20", "101.40")
    with pytest.raises(InputError, match="before it is reached"):
        desk.modify(change(trigger_price="102.00"))
    desk.modify(change(limit_price="101.50"))
    assert desk.status("o1") == "FILLED"


@pytest.mark.parametrize("end", ["fill", "cancel"])
def test_an_order_that_is_done_cannot_be_changed(desk, end):
    desk.submit(limit("o1", price="100.10" if end == "fill" else "99.00"))
    if end == "cancel":
        desk.cancel("o1")
    with pytest.raises(InputError, match="only a working order"):
        desk.modify(change(quantity="20"))


def test_an_order_the_venue_never_saw_cannot_be_changed(desk):
    with pytest.raises(InputError, match="only an order the venue has"):
        desk.modify(change("nobody", quantity="20"))


def test_more_than_the_account_bears_is_refused_and_less_never_is():
    desk = Desk(cash=10_000, terms=VenueTerms())
    desk.submit(limit("o1", price="99.00", quantity=50))
    with pytest.raises(InputError, match="not enough cash"):
        desk.modify(change(quantity="102"))
    desk.modify(change(quantity="101"))
    desk.modify(change(quantity="1"))


def test_a_trailing_stop_that_is_changed_trails_on(desk):
    desk.submit(order("o1", "SELL", "TRAILING_STOP_MARKET", trailing_offset="1.00"))
    desk.modify(change(trigger_price="99.50"))
    desk.quote("100.40", "100.60")
    assert desk.book.order(client_order_id="o1").trigger_price == Decimal("99.50")
    desk.quote("100.70", "100.90")
    assert desk.book.order(client_order_id="o1").trigger_price == Decimal("99.70")


def test_an_order_on_its_way_can_be_changed_and_arrives_changed():
    desk = Desk(terms=VenueTerms(leverage=10, latency_ms=5_000))
    desk.submit(limit("o1", price="99.00"))
    assert desk.status("o1") == "PENDING"
    desk.modify(change(quantity="3", limit_price="100.10"))
    assert desk.status("o1") == "PENDING"
    desk.pass_time(10)
    assert desk.fills("o1") == [(3, "100.10")]
