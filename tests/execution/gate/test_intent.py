"""An intent holds enough to make the order again, and says what the gate went by."""

import msgspec
import pytest
from nautilus_trader.model.enums import OrderSide, TimeInForce, TrailingOffsetType, TriggerType
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.model.identifiers import ClientId, ExecAlgorithmId
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.exceptions import MessageError
from nautilus_lab.execution.gate import order_of, order_text
from nautilus_lab.platform.audit import canonical_json
from nautilus_lab.risk.limits import MaxOrderNotional
from tests.execution.gate.stand import AAPL, Stand

TEN = Quantity.from_int(10)
UP = Price.from_str("110.00")
DOWN = Price.from_str("90.00")

MADE = {
    "market": lambda f: f.market(AAPL.id, OrderSide.BUY, TEN, time_in_force=TimeInForce.IOC),
    "limit": lambda f: f.limit(AAPL.id, OrderSide.SELL, TEN, UP, post_only=True),
    "stop": lambda f: f.stop_market(AAPL.id, OrderSide.BUY, TEN, UP, reduce_only=True),
    "stop limit": lambda f: f.stop_limit(AAPL.id, OrderSide.BUY, TEN, UP, UP),
    "touched": lambda f: f.market_if_touched(AAPL.id, OrderSide.BUY, TEN, DOWN),
    "limit touched": lambda f: f.limit_if_touched(AAPL.id, OrderSide.BUY, TEN, DOWN, DOWN),
    "trailing": lambda f: f.trailing_stop_market(
        AAPL.id,
        OrderSide.SELL,
        TEN,
        trailing_offset=1,
        trailing_offset_type=TrailingOffsetType.PRICE,
        trigger_type=TriggerType.BID_ASK,
    ),
    "algorithm": lambda f: f.market(
        AAPL.id,
        OrderSide.BUY,
        TEN,
        exec_algorithm_id=ExecAlgorithmId("TWAP"),
        exec_algorithm_params={"horizon_secs": 0.1 + 0.2, "interval_secs": 1, "mode": "fast"},
        tags=["by:ana", "cmd:7"],
    ),
}


@pytest.fixture(scope="module")
def stand():
    with Stand(MaxOrderNotional(max_notional=10_000)) as stand:
        yield stand


@pytest.mark.parametrize("kind", MADE)
def test_an_order_comes_back_from_its_text_as_it_was_made(stand, kind):
    order = MADE[kind](stand.hands[0].order_factory)
    text = order_text(order)
    back = order_of(text)
    assert OrderInitialized.to_dict(back.init_event) == OrderInitialized.to_dict(order.init_event)
    assert back.status_string() == "INITIALIZED"
    assert order_text(back) == text


@pytest.mark.parametrize("kind", MADE)
def test_no_float_is_in_it_so_it_can_be_audited(stand, kind):
    text = order_text(MADE[kind](stand.hands[0].order_factory))
    assert canonical_json(msgspec.json.decode(text)) == text


@pytest.mark.parametrize("kind", ["entry", "stop", "profit"])
def test_an_order_of_a_bracket_keeps_its_links(stand, kind):
    bracket = stand.hands[0].bracket(10, stop="90", profit="110", send=False)
    order = bracket.orders[["entry", "stop", "profit"].index(kind)]
    back = order_of(order_text(order))
    assert back.linked_order_ids == order.linked_order_ids
    assert back.parent_order_id == order.parent_order_id
    assert back.order_list_id == order.order_list_id
    assert back.contingency_type == order.contingency_type


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", '{"type":"OrderInitialized"}', "\x00"])
def test_a_text_that_is_no_order_is_one_error(text):
    with pytest.raises(MessageError, match="must be readable"):
        order_of(text)


def test_an_intent_says_what_the_gate_went_by(stand):
    stand.do(lambda s: s.market(30))
    stand.do(
        lambda s: s.submit_order(
            s.limit(-50, "99.00", send=False, tags=["by:ana", "cmd:7", "note:x"]),
            client_id=ClientId("PAPER"),
        )
    )
    body = stand.journal.intents[-1].body
    expected = {
        "strategy": "Hand-001",
        "instrument": "AAPL.PAPER",
        "side": "SELL",
        "order_type": "LIMIT",
        "quantity": "50",
        "limit_price": "99.00",
        "notional": "4999.00",
        "added": "50",
        "opening": "20",
        "held": "30",
        "by": "ana",
        "command_id": "7",
        "client_id": "PAPER",
    }
    assert {name: body.get(name) for name in expected} == expected
    assert order_of(body["order"]).price == Price.from_str("99.00")
    assert "note" not in body


def test_a_change_says_what_it_asks_for(stand):
    order = stand.do(lambda s: s.limit(10, "90.00"))
    stand.do(lambda s: s.change(order, units=20, price="91.00"))
    body = stand.journal.intents[-1].body
    assert (body["new_quantity"], body["new_price"], body["new_trigger_price"]) == (
        "20",
        "91.00",
        "",
    )
    assert (body["quantity"], body["added"]) == ("10", "10")


def test_a_denial_says_why(stand):
    stand.do(lambda s: s.market(500))
    intent = stand.journal.intents[-1]
    assert (intent.verdict, intent.reason) == ("denied", stand.reason())
    assert intent.body["notional"] == "50000.00"


def test_what_becomes_of_an_order_later_does_not_change_what_was_written(stand):
    order = stand.do(lambda s: s.limit(10, "90.00"))
    intent = stand.journal.intents[-1]
    stand.do(lambda s: s.change(order, units=25, price="80.00"))
    assert order.quantity == 25
    assert (intent.body["quantity"], intent.body["limit_price"]) == ("10", "90.00")
    assert (intent.body["notional"], intent.body["added"]) == ("900.00", "10")
    assert order_of(intent.body["order"]).quantity == 10
