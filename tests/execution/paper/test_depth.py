"""What one quote has to give, and what becomes of orders that want more."""

from decimal import Decimal

import pytest

from nautilus_lab.execution.paper import VenueTerms
from tests.execution.paper.orders import Desk, kinds, limit, order

# 99.90 / 100.10, and half of that spread further with each of three levels of a hundred units
SHALLOW = VenueTerms(leverage=10, depth=100, levels=3)


@pytest.fixture
def desk():
    return Desk(terms=SHALLOW)


@pytest.mark.parametrize(
    ("side", "prices"),
    [("BUY", ("100.10", "100.20", "100.30")), ("SELL", ("99.90", "99.80", "99.70"))],
)
def test_a_market_order_takes_the_levels_one_after_the_other(desk, side, prices):
    desk.submit(order("o1", side, quantity=250))
    assert desk.fills("o1") == [(100, prices[0]), (100, prices[1]), (50, prices[2])]
    assert desk.status("o1") == "FILLED"
    average = desk.book.order(client_order_id="o1").average_price
    paid = 100 * Decimal(prices[0]) + 100 * Decimal(prices[1]) + 50 * Decimal(prices[2])
    assert average == paid / 250


def test_what_a_quote_does_not_have_waits_for_the_next(desk):
    desk.submit(order("o1", quantity=350))
    assert desk.status("o1") == "PARTIALLY_FILLED"
    desk.quote("99.70", "99.90")
    assert desk.fills("o1")[3:] == [(50, "99.90")]
    assert desk.status("o1") == "FILLED"


def test_what_one_order_took_the_next_does_not_find(desk):
    desk.submit(order("o1", quantity=250))
    desk.submit(order("o2", quantity=100))
    assert desk.fills("o2") == [(50, "100.30")]
    assert desk.book.size("AAPL", "BUY") == 0
    assert desk.book.size("AAPL", "SELL") == 100


def test_the_sides_of_a_quote_are_apart(desk):
    desk.submit(order("o1", "BUY", quantity=300))
    desk.submit(order("o2", "SELL", quantity=300))
    assert desk.status("o2") == "FILLED"


def test_a_limit_bounds_how_deep_an_order_goes(desk):
    desk.submit(limit("o1", price="100.20", quantity=250))
    assert desk.fills("o1") == [(100, "100.10"), (100, "100.20")]
    assert desk.status("o1") == "PARTIALLY_FILLED"
    # The rest is the best bid now: whoever sells to it gets its price.
    desk.quote("99.80", "100.00")
    assert desk.fills("o1")[2:] == [(50, "100.20")]


def test_a_resting_order_is_filled_by_as_much_as_reaches_its_limit(desk):
    desk.submit(limit("o1", price="99.00", quantity=250))
    desk.quote("98.75", "98.95")  # 98.95 reaches it, 99.05 does not
    assert desk.fills("o1") == [(100, "99.00")]
    desk.quote("98.55", "98.75")  # and so do 98.75, 98.85 and 98.95
    assert desk.fills("o1") == [(100, "99.00"), (150, "99.00")]


def test_the_better_paying_order_is_filled_first_and_then_the_older(desk):
    desk.submit(limit("late", price="99.00", quantity=80))
    desk.submit(limit("later", price="99.00", quantity=80))
    desk.submit(limit("dear", price="99.10", quantity=80))
    desk.quote("98.80", "99.00")
    assert [name for name, kind in kinds(desk.events) if kind == "FILLED"] == ["dear", "late"]
    assert desk.fills("late") == [(20, "99.00")]
    assert desk.fills("later") == []


def test_fill_or_kill_takes_all_or_nothing(desk):
    desk.submit(order("o1", quantity=301, time_in_force="FOK"))
    assert (desk.status("o1"), desk.fills("o1")) == ("CANCELED", [])
    desk.submit(order("o2", quantity=300, time_in_force="FOK"))
    assert desk.status("o2") == "FILLED"


def test_fill_or_kill_within_a_limit_counts_only_what_is_there_at_it(desk):
    desk.submit(limit("o1", price="100.20", quantity=201, time_in_force="FOK"))
    assert (desk.status("o1"), desk.fills("o1")) == ("CANCELED", [])
    desk.submit(limit("o2", price="100.20", quantity=200, time_in_force="FOK"))
    assert desk.status("o2") == "FILLED"


def test_a_reduce_only_order_that_cannot_fill_whole_is_killed(desk):
    desk.submit(order("o1", "BUY", quantity=10))
    desk.submit(order("o2", "SELL", quantity=11, reduce_only=True, time_in_force="FOK"))
    assert (desk.status("o2"), desk.held()) == ("CANCELED", 10)


def test_immediate_or_cancel_keeps_what_it_got(desk):
    desk.submit(order("o1", quantity=350, time_in_force="IOC"))
    assert desk.status("o1") == "CANCELED"
    assert sum(q for q, _ in desk.fills("o1")) == 300


def test_market_to_limit_takes_the_best_price_and_rests_there(desk):
    events = desk.submit(order("o1", "BUY", "MARKET_TO_LIMIT", quantity=150))
    assert [e.kind for e in events] == ["ACCEPTED", "FILLED", "UPDATED"]
    assert desk.book.order(client_order_id="o1").limit_price == Decimal("100.10")
    assert desk.quote("100.00", "100.20") == []
    desk.quote("99.70", "99.90")
    assert desk.fills("o1") == [(100, "100.10"), (50, "100.10")]
    assert desk.events[-1].fill.liquidity == "MAKER"


def test_a_cheap_market_has_no_levels_below_a_cent():
    desk = Desk(terms=VenueTerms(leverage=10, depth=100, levels=50), market=("0.02", "0.03"))
    desk.submit(order("o1", "SELL", quantity=5_000))
    assert desk.fills("o1") == [(100, "0.02"), (100, "0.01")]
