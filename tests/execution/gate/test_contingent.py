"""Brackets and linked orders count once, and only where both sides say that they are linked."""

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.enums import (
    ContingencyType,
    OrderSide,
    OrderType,
    TimeInForce,
    TriggerType,
)
from nautilus_trader.model.identifiers import ClientOrderId, OrderListId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import LimitOrder, OrderList

from nautilus_lab.risk.limits import MaxPositionUnits
from tests.execution.gate.stand import AAPL, SECOND, Stand

HUNDRED = MaxPositionUnits(max_units=100)


@pytest.fixture
def stand():
    with Stand(HUNDRED) as stand:
        yield stand


def order(strategy, name, units, price, *, kind="OCO", links=(), parent=None, in_list="L-1"):
    """A limit order that says whatever it likes about others."""
    return LimitOrder(
        trader_id=strategy.trader_id,
        strategy_id=strategy.id,
        instrument_id=AAPL.id,
        client_order_id=ClientOrderId(name),
        order_side=OrderSide.BUY if units > 0 else OrderSide.SELL,
        quantity=Quantity.from_int(abs(units)),
        price=Price.from_str(price),
        init_id=UUID4(),
        ts_init=0,
        time_in_force=TimeInForce.GTC,
        contingency_type=ContingencyType[kind],
        order_list_id=OrderListId(in_list),
        linked_order_ids=[ClientOrderId(link) for link in links] or None,
        parent_order_id=None if parent is None else ClientOrderId(parent),
    )


def test_an_exit_counts_as_far_as_its_entry_has_filled(stand):
    stand.do(
        lambda s: s.bracket(
            100,
            stop="80.00",
            profit="120.00",
            entry_order_type=OrderType.LIMIT,
            entry_price=Price.from_str("95.00"),
        )
    )
    assert stand.queued() == (100, 0)
    stand.quote("94.98", "95.00", size=30)
    assert (stand.held(), stand.queued()) == (30, (70, 30))
    stand.quote("94.98", "95.00", size=500)
    assert (stand.held(), stand.queued()) == (100, (0, 100))


def test_two_exits_of_which_one_ends_the_other_count_once(stand):
    bracket = stand.do(lambda s: s.bracket(100, stop="80.00", profit="120.00"))
    assert (stand.held(), stand.queued()) == (100, (0, 100))
    stand.quote("121.00")
    assert [stand.status(o) for o in bracket.orders] == ["FILLED", "CANCELED", "FILLED"]
    assert (stand.held(), stand.queued()) == (0, (0, 0))


def test_a_bracket_on_the_limit_passes_and_one_unit_more_does_not(stand):
    stand.do(lambda s: s.bracket(101, stop="80.00", profit="120.00"))
    assert len(set(stand.denials)) == 1
    stand.do(lambda s: s.bracket(100, stop="80.00", profit="120.00"))
    assert stand.held() == 100


def test_an_entry_that_is_cancelled_takes_its_exits_with_it(stand):
    bracket = stand.do(
        lambda s: s.bracket(
            100,
            stop="80.00",
            profit="120.00",
            entry_order_type=OrderType.LIMIT,
            entry_price=Price.from_str("95.00"),
        )
    )
    stand.do(lambda s: s.cancel_order(bracket.first))
    assert {stand.status(o) for o in bracket.orders} == {"CANCELED"}
    assert stand.queued() == (0, 0)


def test_an_exit_larger_than_its_entry_counts_by_what_it_is_larger(stand):
    def act(strategy):
        strategy.submit_order_list(
            OrderList(
                OrderListId("L-1"),
                [
                    order(strategy, "E", 100, "95.00", kind="OTO", links=["X"]),
                    order(strategy, "X", -250, "120.00", kind="NO_CONTINGENCY", parent="E"),
                ],
            )
        )

    stand.do(act)
    assert stand.reason() == "MAX_POSITION_UNITS: 150.00 is over the limit of 100.00"


def test_an_exit_that_is_made_larger_than_its_entry_is_asked_about(stand):
    bracket = stand.do(
        lambda s: s.bracket(
            100,
            stop="80.00",
            profit="120.00",
            entry_order_type=OrderType.LIMIT,
            entry_price=Price.from_str("95.00"),
        )
    )
    stand.do(lambda s: s.change(bracket.orders[2], units=900))
    assert stand.reason() == "MAX_POSITION_UNITS: 800.00 is over the limit of 100.00"


def test_exits_that_do_not_end_each_other_would_close_twice_and_count_twice(stand):
    def act(strategy):
        links = ["X", "Y", "Z"]
        exits = [
            order(strategy, name, -100, "120.00", kind="NO_CONTINGENCY", parent="E")
            for name in links
        ]
        entry = order(strategy, "E", 100, "95.00", kind="OTO", links=links)
        strategy.submit_order_list(OrderList(OrderListId("L-1"), [entry, *exits]))

    stand.do(act)
    assert stand.reason() == "MAX_POSITION_UNITS: 200.00 is over the limit of 100.00"
    assert stand.queued() == (0, 0)


def test_an_order_that_claims_an_entry_which_does_not_know_it_counts_in_full(stand):
    stand.do(lambda s: s.submit_order(order(s, "E", 100, "95.00", kind="OTO", links=["X"])))
    stand.do(
        lambda s: s.submit_order(
            order(s, "Y", -150, "120.00", kind="NO_CONTINGENCY", parent="E", in_list="L-2")
        )
    )
    assert stand.reason() == "MAX_POSITION_UNITS: 150.00 is over the limit of 100.00"


def test_two_purchases_of_which_one_ends_the_other_count_once(stand):
    def act(strategy):
        one = order(strategy, "A", 100, "95.00", links=["B"])
        two = order(strategy, "B", 100, "90.00", links=["A"])
        strategy.submit_order_list(OrderList(OrderListId("L-1"), [one, two]))

    stand.do(act)
    assert stand.denials == []
    assert stand.queued() == (100, 0)
    stand.do(lambda s: s.cancel_all_orders(AAPL.id))
    assert stand.queued() == (0, 0)


@pytest.mark.parametrize(
    "links",
    [
        {"A": ["Z"], "B": ["Z"], "C": ["Z"]},  # all name one that is not there
        {"A": ["0"], "B": ["0"], "C": ["0"]},
        {"A": ["B"], "B": ["C"], "C": ["A"]},  # a ring: nobody names all
        {"A": ["C"], "B": ["C"], "C": ["A", "B"]},  # A and B do not name each other
    ],
)
def test_orders_that_only_claim_to_end_each_other_are_added_up(stand, links):
    stand.do(
        lambda s: [
            s.submit_order(order(s, name, 60, "90.00", links=named, in_list=name))
            for name, named in links.items()
        ]
    )
    assert stand.reason() == "MAX_POSITION_UNITS: 120.00 is over the limit of 100.00"
    assert stand.queued()[0] <= 100


def test_orders_of_two_strategies_or_sides_do_not_end_each_other():
    with Stand(HUNDRED, hands=2) as stand:
        stand.do(lambda s: s.submit_order(order(s, "A", 60, "90.00", links=["B"])), hand=0)
        stand.do(
            lambda s: s.submit_order(order(s, "B", 60, "90.00", links=["A"], in_list="L-2")), hand=1
        )
        assert stand.reason() == "MAX_POSITION_UNITS: 120.00 is over the limit of 100.00"
        stand.do(lambda s: s.submit_order(order(s, "C", -60, "120.00", links=["A"], in_list="L-3")))
        assert stand.queued() == (60, 60)


def test_a_bracket_opens_so_it_is_denied_when_only_reducing_is_allowed(stand):
    stand.do(lambda s: s.market(100))
    stand.gate.state.tighten("REDUCE_ONLY", reason="a worry", by="ana")
    stand.do(lambda s: s.bracket(10, stop="80.00", profit="120.00"))
    # Also one whose entry closes: its exits would open again what that closed.
    stand.do(lambda s: s.bracket(-100, stop="120.00", profit="80.00"))
    assert set(stand.denials) == {"REDUCE_ONLY: a worry"}
    assert (stand.held(), stand.queued()) == (100, (0, 0))


def test_exits_of_an_emulated_bracket_are_checked_when_they_are_let_go(stand):
    bracket = stand.do(
        lambda s: s.bracket(
            100, stop="80.00", profit="120.00", emulation_trigger=TriggerType.BID_ASK
        )
    )
    stand.quote()
    assert (stand.held(), stand.queued()) == (100, (0, 0))
    assert stand.now > SECOND
    stand.quote("79.00")
    assert stand.status(bracket.orders[1]) == "FILLED"
    assert (stand.held(), stand.queued()) == (0, (0, 0))
    assert stand.verdicts() == [("submit", "forwarded")] * 2
