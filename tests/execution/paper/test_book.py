"""The paper book does with an order what a cash broker would."""

from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import NewOrder, PaperBook, VenueTerms

NOW = 1_700_000_000_000_000_000
TEN_BPS = VenueTerms(maker_fee_bps=10, taker_fee_bps=10)


@pytest.fixture
def book():
    book = PaperBook(starting_cash=Decimal(10_000), terms=TEN_BPS)
    book.quote("AAPL", Decimal("99.90"), Decimal("100.10"), NOW)
    return book


def order(name="o1", side="BUY", quantity="10", limit=None, symbol="AAPL"):
    return NewOrder(
        client_order_id=name,
        symbol=symbol,
        side=side,
        order_type="LIMIT" if limit else "MARKET",
        quantity=Decimal(quantity),
        limit_price=Decimal(limit) if limit else None,
    )


def test_a_market_buy_pays_the_ask_and_the_commission(book):
    accepted, filled = book.submit(order(), NOW)
    assert (accepted.order.status, filled.order.status) == ("ACCEPTED", "FILLED")
    assert filled.fill.price == Decimal("100.10")
    # 10 x 100.10 = 1001.00; ten basis points of it are 1.001, rounded to cents.
    assert filled.fill.commission == Decimal("1.00")
    assert book.cash == Decimal("10000") - Decimal("1001.00") - Decimal("1.00")


def test_a_market_sell_gets_the_bid(book):
    book.submit(order(), NOW)
    _, filled = book.submit(order("o2", "SELL", "4"), NOW)
    assert filled.fill.price == Decimal("99.90")
    assert book.positions[0].quantity == 6
    assert book.positions[0].average_price == Decimal("100.1000")


def test_a_limit_order_rests_until_the_market_reaches_it_and_fills_at_its_limit(book):
    events = book.submit(order(limit="99.00"), NOW)
    assert [e.order.status for e in events] == ["ACCEPTED"]
    assert book.quote("AAPL", Decimal("98.99"), Decimal("99.01"), NOW + 1) == []
    (filled,) = book.quote("AAPL", Decimal("98.50"), Decimal("98.70"), NOW + 2)
    assert filled.fill.price == Decimal("99.00")
    assert filled.fill.liquidity == "MAKER"


def test_a_limit_order_that_crosses_on_arrival_gets_the_market_price(book):
    *_, filled = book.submit(order(limit="101.00"), NOW)
    assert filled.fill.price == Decimal("100.10")
    assert filled.fill.liquidity == "TAKER"


def test_the_same_client_order_id_twice_is_one_order(book):
    book.submit(order(), NOW)
    cash = book.cash
    assert book.submit(order(), NOW) == []
    assert book.cash == cash
    assert len(book.orders()) == 1


def test_what_cannot_be_paid_is_rejected_and_changes_nothing(book):
    (rejected,) = book.submit(order(quantity="100"), NOW)
    assert rejected.order.status == "REJECTED"
    assert "not enough cash" in rejected.order.reason
    assert book.cash == 10_000
    assert book.positions == []


def test_cash_held_back_by_a_working_order_cannot_be_spent_twice(book):
    book.submit(order("o1", quantity="60", limit="99.00"), NOW)
    (rejected,) = book.submit(order("o2", quantity="60", limit="99.00"), NOW)
    assert rejected.order.status == "REJECTED"
    book.cancel("o1", NOW)
    (accepted,) = book.submit(order("o3", quantity="60", limit="99.00"), NOW)
    assert accepted.order.status == "ACCEPTED"


def test_a_cash_account_cannot_sell_what_it_does_not_hold(book):
    book.submit(order(quantity="5"), NOW)
    (rejected,) = book.submit(order("o2", "SELL", "6"), NOW)
    assert "cannot sell short" in rejected.order.reason


def test_units_promised_to_a_working_sell_cannot_be_sold_again(book):
    book.submit(order(quantity="5"), NOW)
    book.submit(order("o2", "SELL", "5", limit="120.00"), NOW)
    (rejected,) = book.submit(order("o3", "SELL", "1"), NOW)
    assert rejected.order.status == "REJECTED"


def test_an_order_without_a_quote_is_rejected_with_that_reason(book):
    (rejected,) = book.submit(order(symbol="MSFT"), NOW)
    assert rejected.order.reason == "no quote for MSFT yet"


def test_a_filled_order_cannot_be_cancelled_and_says_nothing(book):
    book.submit(order(), NOW)
    assert book.cancel("o1", NOW) == []


def test_cancelling_an_order_the_venue_never_saw_is_refused(book):
    with pytest.raises(InputError, match="only an order the venue has"):
        book.cancel("nobody", NOW)


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "NaN", "Infinity"])
def test_a_quantity_must_be_a_positive_whole_number(book, quantity):
    with pytest.raises(InputError, match="positive whole number"):
        book.submit(order(quantity=quantity), NOW)
    assert book.orders() == []


@pytest.mark.parametrize("limit", ["-1.00", "1.005", "NaN"])
def test_a_limit_price_must_be_positive_whole_cents(book, limit):
    with pytest.raises(InputError, match="whole cents"):
        book.submit(order(limit=limit), NOW)


def test_a_restored_book_is_the_book_that_was(book):
    events = [
        *book.submit(order("a", quantity="20"), NOW),
        *book.submit(order("b", "SELL", "5"), NOW),
        *book.submit(order("c", quantity="3", limit="98.00"), NOW),
        *book.submit(order("d", quantity="9999"), NOW),
    ]
    copy = PaperBook(starting_cash=Decimal(10_000), terms=TEN_BPS)
    copy.restore(events)
    assert copy.cash == book.cash
    assert copy.positions == book.positions
    assert copy.orders() == book.orders()
    assert copy.fills == book.fills
    assert copy.seq == book.seq == len(events)


def test_events_are_numbered_without_gaps(book):
    events = [*book.submit(order("a"), NOW), *book.submit(order("b", "SELL", "1"), NOW)]
    assert [e.seq for e in events] == [1, 2, 3, 4]


def test_cash_and_positions_always_add_up_to_what_the_fills_say(book):
    for number in range(20):
        side = "SELL" if number % 3 == 2 else "BUY"
        book.submit(order(f"n{number}", side, str(1 + number % 4)), NOW)
    cash = Decimal(10_000)
    held = Decimal(0)
    for fill in book.fills:
        sign = 1 if fill.side == "BUY" else -1
        cash -= sign * fill.quantity * fill.price + fill.commission
        held += sign * fill.quantity
    assert book.cash == cash
    assert book.positions[0].quantity == held
