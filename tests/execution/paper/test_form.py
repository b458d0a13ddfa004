"""What is no order gets one typed error, and leaves no trace."""

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import ModifyOrder
from tests.execution.paper.orders import Desk, limit, order


@pytest.fixture
def desk():
    return Desk()


STOP = {"side": "SELL", "kind": "STOP_MARKET", "trigger_price": "99.00"}
TRAIL = {"side": "SELL", "kind": "TRAILING_STOP_MARKET", "trailing_offset": "1.00"}


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"quantity": "0"}, "positive whole number"),
        ({"quantity": "-1"}, "positive whole number"),
        ({"quantity": "0.5"}, "positive whole number"),
        ({"quantity": "NaN"}, "positive whole number"),
        ({"quantity": "sNaN"}, "positive whole number"),
        ({"quantity": "Infinity"}, "positive whole number"),
        ({"quantity": "1E+10"}, "positive whole number"),
        ({"quantity": "1E+999999"}, "positive whole number"),
        ({"quantity": "1E-999999"}, "positive whole number"),
        ({"limit_price": "100.00"}, "has a limit price"),
        ({"kind": "LIMIT"}, "has a limit price"),
        ({"kind": "LIMIT", "limit_price": "0"}, "limit price must be positive whole cents"),
        ({"kind": "LIMIT", "limit_price": "-1"}, "limit price must be positive whole cents"),
        ({"kind": "LIMIT", "limit_price": "1.001"}, "limit price must be positive whole cents"),
        ({"kind": "LIMIT", "limit_price": "NaN"}, "limit price must be positive whole cents"),
        ({"kind": "LIMIT", "limit_price": "1E+9"}, "limit price must be positive whole cents"),
        ({"trigger_price": "99.00"}, "has a trigger price"),
        ({"kind": "STOP_MARKET"}, "has a trigger price"),
        ({**STOP, "limit_price": "98.00"}, "has a limit price"),
        ({**STOP, "trigger_price": "Infinity"}, "trigger price must be positive whole cents"),
        ({"kind": "STOP_LIMIT", "trigger_price": "101.00"}, "has a limit price"),
        ({"kind": "STOP_LIMIT", "limit_price": "101.00"}, "has a trigger price"),
        ({"trailing_offset": "1.00"}, "has a trailing offset"),
        ({"kind": "TRAILING_STOP_MARKET"}, "has a trailing offset"),
        ({**TRAIL, "trailing_offset": "0"}, "trailing offset must be positive"),
        ({**TRAIL, "trailing_offset": "-1"}, "trailing offset must be positive"),
        ({**TRAIL, "trailing_offset": "NaN"}, "offset must be a number"),
        ({**TRAIL, "trailing_offset": "1E+30"}, "offset must be a number"),
        ({**TRAIL, "limit_offset": "1.00"}, "has a limit offset"),
        ({**TRAIL, "kind": "TRAILING_STOP_LIMIT"}, "has a limit offset"),
        ({**TRAIL, "activation_price": "0.001"}, "activation price must be positive whole cents"),
        ({"activation_price": "100.00"}, "only a trailing stop has an activation price"),
        ({"time_in_force": "GTD"}, "has a time of expiry"),
        ({"expire_ns": 1}, "has a time of expiry"),
        ({"time_in_force": "GTD", "expire_ns": -1}, "has a time of expiry"),
        ({"post_only": True}, "can rest may be post-only"),
        (
            {"kind": "LIMIT", "limit_price": "99.00", "post_only": True, "time_in_force": "IOC"},
            "can rest may be post-only",
        ),
        ({"name": ""}, "must have 1 to 128 characters"),
        ({"name": "x" * 129}, "must have 1 to 128 characters"),
        ({"name": "MARGIN-CALL-1"}, "only the venue may name an order"),
        ({"symbol": "A" * 1_000}, "at most 128 characters"),
    ],
)
def test_a_malformed_order_is_refused_by_its_rule(desk, terms, rule):
    with pytest.raises(InputError, match=rule):
        desk.submit(order(**terms))
    assert desk.book.orders() == []
    assert desk.book.seq == 0


@pytest.mark.parametrize(
    "other",
    [
        limit(quantity=11),
        limit(price="99.01"),
        limit(side="SELL", price="101.00"),
        limit(symbol="MSFT"),
        order(),
        limit(time_in_force="IOC"),
        limit(post_only=True),
        limit(reduce_only=True),
        limit(list_id="L"),
    ],
)
def test_another_order_under_the_same_id_is_refused(desk, other):
    desk.submit(limit())
    with pytest.raises(InputError, match="one order for ever"):
        desk.submit(other)


def test_the_same_order_is_the_same_however_its_numbers_are_spelled(desk):
    desk.submit(limit(price="99.00", quantity=10))
    assert desk.submit(limit(price="99", quantity="1E+1")) == []


def test_the_same_order_is_known_again_after_it_was_changed_and_after_it_ended(desk):
    desk.submit(limit())
    desk.modify(ModifyOrder(client_order_id="o1", limit_price=limit(price="98.00").limit_price))
    assert desk.submit(limit()) == []
    with pytest.raises(InputError, match="one order for ever"):
        desk.submit(limit(price="98.00"))
    desk.cancel("o1")
    assert desk.submit(limit()) == []
    assert desk.status("o1") == "CANCELED"


def test_a_rejected_order_stays_rejected_however_often_it_comes(desk):
    wish = limit(quantity=10**9)
    desk.submit(wish)
    assert desk.status("o1") == "REJECTED"
    assert desk.submit(wish) == []
