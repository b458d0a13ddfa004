"""An order along a profile of volume, in a real Nautilus engine."""

import pytest
from nautilus_trader.model.enums import OrderStatus

from tests.execution.algorithms.market import Market, quote, share

NEAR = share("NEAR")


def quotes(seconds, *, ask=100.02, size=100_000):
    return [quote(NEAR, s, 99.98, ask, size, size) for s in range(seconds)]


def vwap(units, *, side="BUY", limit=None, lasts="GTC", at=1, **told):
    told = {"horizon_secs": 40.0, "interval_secs": 10.0} | told

    def act(script):
        script.ask("VWAP", NEAR, units, side=side, limit=limit, lasts=lasts, **told)

    return {at: act}


def test_slices_follow_the_profile_at_their_times_and_fill_the_parent_exactly():
    market = Market([NEAR], quotes(60), vwap(1_000, profile="0.4, 0.1, 0.2, 0.3")).run()
    assert market.slices == [(1.0, 400), (11.0, 100), (21.0, 200), (31.0, 300)]
    assert market.filled == 1_000
    assert market.parent.is_closed
    assert market.parent.quantity == 1_000  # what was asked for, to the end


def test_a_uniform_schedule_of_an_odd_size_makes_the_last_slice_exact():
    market = Market([NEAR], quotes(60), vwap(103)).run()
    assert market.slices == [(1.0, 25), (11.0, 26), (21.0, 26), (31.0, 26)]
    assert market.filled == 103


def test_children_belong_to_the_strategy_and_name_their_parent():
    market = Market([NEAR], quotes(60), vwap(100)).run()
    (first, *_) = market.children
    assert first.client_order_id.value == f"{market.parent.client_order_id.value}-E1"
    assert first.strategy_id == market.script.id
    assert first.tags == ["by:ana", f"parent:{market.parent.client_order_id.value}"]
    assert {i.client_order_id for i in market.journal.intents} == {
        o.client_order_id.value for o in market.children
    }


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_no_slice_trades_beyond_the_limit_and_what_is_missed_is_caught_up(side):
    beyond, within = ((101.00, 101.02), (99.98, 100.02))
    if side == "SELL":
        beyond = (98.98, 99.02)
    data = [
        quote(NEAR, s, *(within if s < 5 or s > 25 else beyond), 100_000, 100_000)
        for s in range(60)
    ]
    limit = 100.05 if side == "BUY" else 99.95
    market = Market([NEAR], data, vwap(400, side=side, limit=limit)).run()
    assert market.filled == 400
    for fill in market.fills:
        price = float(fill.last_px)
        assert price <= limit if side == "BUY" else price >= limit
    # 100 at once, two slices that found no market, and the rest in the last.
    assert [int(o.filled_qty) for o in market.children] == [100, 0, 0, 300]
    assert [o.time_in_force.name for o in market.children] == ["IOC", "IOC", "IOC", "GTC"]


def test_what_was_missed_can_be_left_to_the_last_slice():
    data = [quote(NEAR, s, 99.98, 100.02 if s > 8 else 101.0, 9_999, 9_999) for s in range(60)]
    caught = Market([NEAR], data, vwap(400, limit=100.05)).run()
    assert [int(o.filled_qty) for o in caught.children] == [0, 200, 100, 100]
    late = Market([NEAR], data, vwap(400, limit=100.05, catch_up=False)).run()
    assert [int(o.filled_qty) for o in late.children] == [0, 100, 100, 200]


def test_a_limit_order_whose_time_is_over_rests_and_its_parent_stays_open_with_it():
    def states(script):
        parent = script.cache.order(script.parent.client_order_id)
        (last,) = script.cache.orders_open()
        script.seen = (parent.status, last.status, int(last.quantity))

    market = Market([NEAR], quotes(60, ask=101.0), vwap(400, limit=100.05) | {50: states}).run()
    assert market.script.seen == (OrderStatus.INITIALIZED, OrderStatus.ACCEPTED, 400)
    assert market.filled == 0


def test_an_order_that_must_trade_at_once_ends_with_its_last_slice():
    market = Market([NEAR], quotes(60, ask=101.0), vwap(400, limit=100.05, lasts="IOC")).run()
    assert market.filled == 0
    assert len(market.children) == 4
    assert market.parent.status == OrderStatus.CANCELED


def test_slices_too_small_to_be_worth_it_wait_for_the_next():
    market = Market([NEAR], quotes(60), vwap(100, min_slice=40)).run()
    assert market.slices == [(11.0, 50), (31.0, 50)]


def test_a_cancelled_parent_stops_its_schedule_and_cancels_what_is_open():
    market = Market([NEAR], quotes(60), vwap(400) | {15: lambda script: script.cancel()}).run()
    assert market.slices == [(1.0, 100), (11.0, 100)]
    assert market.filled == 200
    assert market.parent.status == OrderStatus.CANCELED


def test_a_resting_child_is_cancelled_with_its_parent():
    market = Market(
        [NEAR], quotes(90, ask=101.0), vwap(400, limit=100.05) | {50: lambda s: s.cancel()}
    ).run()
    assert market.children[-1].status == OrderStatus.CANCELED
    assert market.children[-1].ts_last == 50_000_000_000
    assert market.parent.status == OrderStatus.CANCELED


def test_slices_that_the_gate_denies_are_caught_up_once_it_lets_orders_pass():
    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    def resume(script):
        market.switch.loosen("ACTIVE", reason="it is over", by="ana")

    market = Market([NEAR], quotes(60), vwap(400) | {5: halt, 25: resume})
    market.run()
    assert [o.status.name for o in market.children] == ["FILLED", "DENIED", "DENIED", "FILLED"]
    assert market.slices[-1] == (31.0, 300)
    assert market.filled == 400


def test_a_trader_that_stays_halted_sends_nothing_and_the_parent_ends():
    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    market = Market([NEAR], quotes(120), vwap(400) | {5: halt})
    market.run()
    # three slices of the schedule and three after it
    assert [o.status.name for o in market.children] == ["FILLED"] + ["DENIED"] * 6
    assert market.filled == 100
    assert market.parent.status == OrderStatus.CANCELED
    assert market.parent.ts_last == 61_000_000_000


def test_a_parent_of_which_nothing_ever_left_is_denied_with_the_reason():
    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    market = Market([NEAR], quotes(120), {0.5: halt} | vwap(400))
    market.run()
    assert market.parent.status == OrderStatus.DENIED
    assert market.parent.last_event.reason == "HALTED: a test"


def test_the_end_of_the_node_ends_the_parent_and_its_children():
    market = Market([NEAR], quotes(20), vwap(400, horizon_secs=400.0, interval_secs=100.0)).run()
    assert market.filled == 100
    assert market.parent.status == OrderStatus.CANCELED


def test_two_parents_of_one_instrument_are_worked_side_by_side():
    def both(script):
        script.ask("VWAP", NEAR, 400, horizon_secs=40.0, interval_secs=10.0)
        script.first = script.parent
        script.ask("VWAP", NEAR, 200, side="SELL", horizon_secs=20.0, interval_secs=10.0)

    market = Market([NEAR], quotes(60), {1: both}).run()
    bought = sum(int(f.last_qty) for f in market.fills if f.order_side.name == "BUY")
    sold = sum(int(f.last_qty) for f in market.fills if f.order_side.name == "SELL")
    assert (bought, sold) == (400, 200)


def test_the_history_that_the_node_knows_is_a_profile():
    asked = []

    def history(instrument, horizon_s):
        asked.append((instrument, horizon_s))
        return [3_000_000, 1_000_000]

    market = Market([NEAR], quotes(60), vwap(400, profile="history"), history=history).run()
    assert asked == [("AAPL.NEAR", 40.0)]
    assert [size for _, size in market.slices] == [150, 150, 50, 50]


def test_a_history_that_nobody_knows_denies_the_order():
    market = Market([NEAR], quotes(60), vwap(400, profile="history")).run()
    assert market.parent.status == OrderStatus.DENIED
    assert "whose volume is known" in market.parent.last_event.reason
