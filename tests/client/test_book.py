"""What a desk believes of an order before the node's events of it are here."""

import pytest

from nautilus_lab.client import OrderStatus
from nautilus_lab.client._book import Book
from nautilus_lab.client._live import Order


@pytest.mark.parametrize("said", ["PARTIALLY_FILLED", "FILLED"])
def test_an_answer_that_came_before_the_fills_does_not_end_an_order_without_a_price(said):
    book = Book()
    order = book.expect(Order("M-1", instrument="AAPL.PAPER", side="BUY", order_type="MARKET"))
    book.note_placed(order, said, 5)
    assert order.status is OrderStatus.ACCEPTED
    assert not order.is_done
    assert book.orders["M-1"] is order


@pytest.mark.parametrize("said", ["SUBMITTED", "ACCEPTED", "CANCELED", "REJECTED"])
def test_any_other_answer_is_believed(said):
    book = Book()
    order = book.expect(Order("M-1", instrument="AAPL.PAPER", side="BUY", order_type="MARKET"))
    book.note_placed(order, said, 5)
    assert order.status is OrderStatus(said)
