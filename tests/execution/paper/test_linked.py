"""Orders that belong together: brackets, and orders of which one is enough."""

import itertools
from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import ModifyOrder, VenueTerms
from tests.execution.paper.orders import SECOND, Desk, kinds, limit, order

SHALLOW = VenueTerms(leverage=10, depth=40, levels=1)


@pytest.fixture
def desk():
    return Desk()


def bracket(entry, *, contingency="OCO", quantity=100, side="SELL", prices=("102.00", "98.00")):
    """An entry with a target and a stop, of which one is enough."""
    target, stop = prices
    both = {
        "parent": entry.client_order_id,
        "list_id": "L1",
        "contingency": contingency,
        "reduce_only": True,
    }
    return (
        entry,
        limit("target", side, target, quantity, linked=("stop",), **both),
        order(
            "stop", side, "STOP_MARKET", quantity, trigger_price=stop, linked=("target",), **both
        ),
    )


def entry(kind="MARKET", side="BUY", quantity=100, **terms):
    return order(
        "entry",
        side,
        kind,
        quantity,
        contingency="OTO",
        list_id="L1",
        linked=("target", "stop"),
        **terms,
    )


def test_children_sleep_until_their_parent_is_filled(desk):
    desk.submit(*bracket(entry("LIMIT", limit_price="99.00")))
    desk.quote("97.00", "99.50")  # past the stop, and the entry still rests
    assert [desk.status(name) for name in ("entry", "target", "stop")] == ["ACCEPTED"] * 3
    desk.quote("98.50", "98.70")
    assert desk.status("entry") == "FILLED"
    assert desk.status("stop") == "ACCEPTED"
    desk.quote("97.90", "98.10")
    assert (desk.status("stop"), desk.status("target")) == ("FILLED", "CANCELED")
    assert desk.held() == 0


def test_a_child_that_the_market_is_past_already_acts_as_soon_as_it_lives(desk):
    desk.submit(*bracket(entry(), prices=("102.00", "99.95")))
    assert desk.status("stop") == "FILLED"
    assert desk.status("target") == "CANCELED"
    assert desk.held() == 0


def test_the_target_cancels_the_stop(desk):
    desk.submit(*bracket(entry()))
    events = desk.quote("102.50", "102.70")
    assert kinds(events) == [("target", "FILLED"), ("stop", "CANCELED")]
    assert desk.reason("stop") == "linked to target, which was filled"


def test_a_short_bracket_is_the_mirror_of_a_long_one(desk):
    short = bracket(entry(side="SELL"), side="BUY", prices=("98.00", "102.00"))
    desk.submit(*short)
    assert desk.held() == -100
    desk.quote("101.80", "102.00")
    assert (desk.status("stop"), desk.status("target"), desk.held()) == ("FILLED", "CANCELED", 0)


def test_children_live_as_far_as_their_parent_is_filled():
    desk = Desk(terms=SHALLOW)
    desk.submit(*bracket(entry(), contingency="OUO"))
    assert desk.fills("entry") == [(40, "100.10")]
    assert (desk.book.live("target"), desk.book.live("stop")) == (40, 40)
    desk.quote("99.90", "100.10")
    assert (desk.book.live("target"), desk.book.live("stop")) == (80, 80)


def test_a_target_is_not_filled_beyond_what_its_parent_brought():
    desk = Desk(terms=SHALLOW)
    desk.submit(*bracket(entry("LIMIT", limit_price="100.10"), contingency="OUO"))
    desk.quote("102.00", "102.20")  # 40 are there to be sold, and 40 were bought
    assert (desk.fills("target"), desk.held()) == ([(40, "102.00")], 0)
    assert (desk.book.live("target"), desk.book.live("stop")) == (0, 0)
    desk.quote("102.00", "102.20")
    assert desk.fills("target") == [(40, "102.00")]


def test_the_stop_of_a_partly_filled_target_shrinks_with_it():
    desk = Desk(terms=SHALLOW)
    desk.submit(*bracket(entry(), contingency="OUO"))
    for _ in range(2):
        desk.quote("99.90", "100.10")
    assert desk.held() == 100
    desk.quote("102.00", "102.20")
    assert (desk.quantity("stop"), desk.held()) == (60, 60)
    desk.quote("97.90", "98.10")
    assert [q for q, _ in desk.fills("stop")] == [40]
    desk.quote("97.80", "98.00")
    assert (desk.status("stop"), desk.status("target"), desk.held()) == ("FILLED", "CANCELED", 0)


@pytest.mark.parametrize("cancelled", ["target", "stop"])
def test_cancelling_one_of_a_pair_cancels_the_other(desk, cancelled):
    desk.submit(*bracket(entry()))
    desk.cancel(cancelled)
    assert (desk.status("target"), desk.status("stop")) == ("CANCELED", "CANCELED")
    assert desk.held() == 100


def test_an_entry_that_is_cancelled_takes_its_children_along(desk):
    desk.submit(*bracket(entry("LIMIT", limit_price="99.00")))
    desk.cancel("entry")
    assert [desk.status(n) for n in ("entry", "target", "stop")] == ["CANCELED"] * 3
    assert desk.reason("stop") == "its parent entry is CANCELED"


def test_a_partly_filled_entry_that_is_cancelled_leaves_children_for_what_it_brought():
    desk = Desk(terms=SHALLOW)
    desk.submit(*bracket(entry("LIMIT", limit_price="100.10"), contingency="OUO"))
    desk.cancel("entry")
    assert (desk.quantity("target"), desk.quantity("stop")) == (40, 40)
    desk.quote("97.90", "98.10")
    assert (desk.status("stop"), desk.held()) == ("FILLED", 0)


def test_a_bracket_that_ends_together_ends_each_order_once(desk):
    timed = {"time_in_force": "GTD", "expire_ns": desk.now + 10 * SECOND}
    desk.submit(
        entry("LIMIT", limit_price="99.00", **timed),
        *(
            order(
                name,
                "SELL",
                "LIMIT",
                100,
                limit_price=price,
                parent="entry",
                list_id="L1",
                contingency="OCO",
                linked=(other,),
                **timed,
            )
            for name, other, price in (("a", "b", "102.00"), ("b", "a", "103.00"))
        ),
    )
    ended = kinds(desk.pass_time(20))
    assert sorted(name for name, _ in ended) == ["a", "b", "entry"]
    assert ("entry", "EXPIRED") in ended


def test_a_rejected_entry_rejects_its_children(desk):
    desk.submit(*bracket(entry(quantity=10_000_000), quantity=10_000_000))
    assert [desk.status(n) for n in ("entry", "target", "stop")] == ["REJECTED"] * 3


def test_a_list_is_taken_whole_or_not_at_all(desk):
    desk.submit(limit("fine"), limit("bad", "BUY", "100.10", post_only=True))
    assert (desk.status("fine"), desk.status("bad")) == ("REJECTED", "REJECTED")
    with pytest.raises(InputError):
        desk.submit(limit("good"), limit("none", quantity=0))
    assert desk.book.order(client_order_id="good") is None


def test_two_orders_of_which_one_is_enough_never_fill_both(desk):
    pair = {"contingency": "OCO", "list_id": "L"}
    desk.submit(
        limit("low", "BUY", "99.00", linked=("high",), **pair),
        order("high", "BUY", "STOP_MARKET", trigger_price="101.00", linked=("low",), **pair),
    )
    desk.quote("98.50", "101.50")  # so wide that it reaches the stop, and then not the limit
    assert (desk.status("high"), desk.status("low")) == ("FILLED", "CANCELED")
    assert desk.held() == 10


def test_an_order_linked_to_one_that_is_done_is_rejected(desk):
    pair = {"contingency": "OCO", "list_id": "L"}
    desk.submit(limit("a", price="100.10", linked=("b",), **pair))
    desk.submit(limit("b", price="99.00", linked=("a",), **pair))
    assert desk.reason("b") == "the order it is linked to, a, is FILLED"


def test_a_child_of_nobody_is_rejected_and_not_let_loose(desk):
    desk.submit(order("child", "SELL", parent="nobody"))
    assert desk.reason("child") == "its parent nobody never came here"
    assert desk.held() == 0


def test_a_child_may_come_after_its_parent_was_filled(desk):
    desk.submit(entry())
    desk.submit(order("stop", "SELL", "STOP_MARKET", 100, trigger_price="98.00", parent="entry"))
    desk.quote("97.90", "98.10")
    assert desk.held() == 0


def test_a_child_of_another_symbol_waits_for_the_whole_of_its_parent():
    desk = Desk(terms=SHALLOW)
    desk.quote("49.90", "50.10", "MSFT")
    desk.submit(
        order("first", quantity=60, contingency="OTO"),
        order("hedge", "SELL", quantity=40, symbol="MSFT", parent="first"),
    )
    assert (desk.held(), desk.held("MSFT")) == (40, 0)
    desk.quote("99.90", "100.10")
    assert (desk.held(), desk.held("MSFT")) == (60, -40)


def test_a_chain_of_parents_is_bounded(desk):
    def chain(length):
        yield order("0", contingency="OTO")
        for number in range(1, length):
            yield order(str(number), quantity=1, parent=str(number - 1), contingency="OTO")

    desk.submit(*chain(6))
    assert desk.status("5") == "FILLED"
    other = Desk()
    other.submit(*chain(7))
    assert "more than 5 generations" in other.reason("6")
    # ... and not by adding one after the other, either.
    desk.submit(order("6", parent="5"))
    assert desk.status("6") == "REJECTED"


def test_children_follow_a_change_of_their_parents_quantity(desk):
    desk.submit(*bracket(entry("LIMIT", limit_price="99.00"), contingency="OUO"))
    events = desk.modify(ModifyOrder(client_order_id="entry", quantity=Decimal(150)))
    assert {(name, kind) for name, kind in kinds(events)} == {
        ("entry", "UPDATED"),
        ("target", "UPDATED"),
        ("stop", "UPDATED"),
    }
    assert (desk.quantity("target"), desk.quantity("stop")) == (150, 150)


@pytest.mark.parametrize(
    ("orders", "what"),
    [
        ([limit("a"), limit("a")], "stand in a list once"),
        ([limit("a", parent="b"), limit("b")], "parent must come before"),
        ([limit("a", linked=("a",))], "linked to itself"),
        ([limit("a", parent="a")], "linked to itself"),
        ([limit("a", linked=tuple(map(str, range(101))))], "linked to 100 others"),
        ([limit("a", list_id="x" * 129)], "at most 128 characters"),
    ],
)
def test_what_cannot_belong_together_is_refused(desk, orders, what):
    with pytest.raises(InputError, match=what):
        desk.submit(*orders)
    assert desk.book.seq == 0


def test_an_empty_list_is_refused(desk):
    with pytest.raises(InputError, match="must have an order"):
        desk.book.submit_list([], 1)


def test_a_list_sent_twice_is_one_list(desk):
    orders = bracket(entry())
    desk.submit(*orders)
    assert desk.submit(*orders) == []
    with pytest.raises(InputError, match="one order for ever"):
        desk.submit(*orders, limit("another"))


def test_whatever_ends_first_a_bracket_ends_flat():
    """Every order in which four quotes can come: entry, target, stop, and one that does nothing."""
    quotes = {
        "entry": ("98.80", "99.00"),
        "target": ("102.00", "102.20"),
        "stop": ("97.90", "98.10"),
        "nothing": ("100.00", "100.20"),
    }
    for sequence in itertools.permutations(quotes):
        desk = Desk(terms=SHALLOW)
        desk.submit(*bracket(entry("LIMIT", limit_price="99.00"), contingency="OUO"))
        for name in (*sequence, *sequence, *sequence):
            desk.quote(*quotes[name])
            assert 0 <= desk.held() <= 100
        desk.cancel("entry")
        for _ in range(5):
            desk.quote(*quotes["target"])
        assert desk.held() == 0, sequence
        assert not desk.book.orders(working_only=True)
