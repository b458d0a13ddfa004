"""The router, in a real Nautilus engine with several venues."""

from decimal import Decimal

import pytest
from nautilus_trader.model.enums import AccountType, OrderSide, OrderStatus
from nautilus_trader.model.objects import Quantity

from nautilus_lab.execution.routing import execution_report
from nautilus_lab.platform.messages import OrderFilled, OrderUpdated
from nautilus_lab.risk.limits import MaxOrderNotional
from tests.execution.algorithms.market import Market, quote, share

NEAR, FAR, DARK = share("NEAR", fee_bps=3.0), share("FAR", fee_bps=1.0), share("DARK")
BOTH = [NEAR, FAR]
OTHER = share("NEAR", symbol="MSFT")  # whose quotes let time pass


def smart(units, *, at=1, instrument=NEAR, **told):
    return {at: lambda script: script.ask("SMART", instrument, units, **told)}


def sizes(market):
    return [(o.instrument_id.venue.value, int(o.quantity)) for o in market.children]


def legs(routed):
    return [(leg.venue, int(leg.quantity)) for leg in routed.legs]


def seen(*offers, seconds=5):
    """The same quotes each second: (instrument, bid, ask, size)."""
    return [
        quote(instrument, second, bid, ask, size, size)
        for second in range(seconds)
        for instrument, bid, ask, size in offers
    ]


def test_it_takes_the_cheapest_units_of_all_venues_at_once():
    # After fees NEAR costs 100.050003, FAR 100.040002.
    data = seen((NEAR, 99.98, 100.02, 300), (FAR, 99.97, 100.03, 200))
    market = Market(BOTH, data, smart(450)).run()
    assert sizes(market) == [("FAR", 200), ("NEAR", 250)]
    assert [str(o.price) for o in market.children] == ["100.03", "100.02"]
    assert {o.time_in_force.name for o in market.children} == {"IOC"}
    assert {o.ts_init for o in market.children} == {1_000_000_000}
    assert market.filled == 450
    assert market.parent.is_closed
    (routed,) = market.routed
    assert legs(routed) == sizes(market)
    assert float(routed.expected_cost) == pytest.approx(float(market.cost), abs=0.02)  # cents


def test_the_decision_is_told_before_any_leg_leaves():
    told = []

    def on_routed(routed):
        names = [leg.client_order_id for leg in routed.legs]
        known = {o.client_order_id.value for o in market.engine.cache.orders()}
        told.append((names, known & set(names)))

    data = seen((NEAR, 99.98, 100.02, 300), (FAR, 99.97, 100.03, 200))
    market = Market(BOTH, data, smart(450), on_routed=on_routed)
    market.run()
    assert told == [([o.client_order_id.value for o in market.children], set())]


def test_a_decision_that_cannot_be_recorded_is_not_carried_out():
    def on_routed(routed):
        raise OSError("the disk is full")

    data = seen((NEAR, 99.98, 100.02, 300))
    market = Market(BOTH, data, smart(100), on_routed=on_routed).run()
    assert market.children == []
    assert market.parent.status == OrderStatus.DENIED
    assert "the disk is full" in market.parent.last_event.reason


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("units", [100, 450, 700])
def test_it_costs_no_more_than_the_best_single_venue_would(side, units):
    data = seen((NEAR, 99.98, 100.02, 800), (FAR, 99.99, 100.04, 800), (DARK, 99.90, 100.03, 200))
    every = [NEAR, FAR, DARK]
    routed = Market(every, data, smart(units, side=side)).run()
    assert routed.filled == units
    alone = []
    for instrument in (NEAR, FAR):

        def act(script, instrument=instrument):
            script.parent = script.order_factory.market(
                instrument.id, OrderSide[side], Quantity.from_int(units)
            )
            script.submit_order(script.parent)

        single = Market(every, data, {1: act}).run()
        assert single.filled == units
        alone.append(single.cost)
    if side == "BUY":
        assert routed.cost <= min(alone)
    else:
        assert routed.cost >= max(alone)


def test_what_is_left_is_routed_again_when_new_quotes_come_and_not_on_the_old_ones():
    data = [
        quote(NEAR, 0, 99.98, 100.02, 300, 300),
        quote(NEAR, 1.5, 99.98, 100.03, 300, 300),
        quote(NEAR, 1.8, 99.98, 100.04, 300, 300),
        quote(NEAR, 9, 99.98, 100.04, 300, 300),
    ]
    market = Market([NEAR], data, smart(700)).run()
    assert market.slices == [(1.0, 300), (1.5, 300), (1.8, 100)]
    assert market.filled == 700
    assert [legs(r) for r in market.routed] == [[("NEAR", 300)], [("NEAR", 300)], [("NEAR", 100)]]


def test_what_no_quotes_come_for_takes_the_market_of_the_best_venue():
    data = seen((NEAR, 99.98, 100.02, 300), (FAR, 99.97, 100.03, 200), seconds=1)
    data += [quote(OTHER, s / 2, 9, 10) for s in range(20)]
    market = Market([*BOTH, OTHER], data, smart(900, wait_secs=2.0), consumed=False).run()
    assert sizes(market) == [("FAR", 200), ("NEAR", 300), ("FAR", 400)]
    last = market.children[-1]
    assert (last.order_type.name, last.ts_init) == ("MARKET", 3_000_000_000)
    assert market.routed[-1].legs[0].reason == "what is left takes the market where it is best"
    assert market.filled == 900


def test_the_rounds_are_bounded():
    data = [quote(NEAR, s / 4, 99.98, 100.02 + s / 100, 100, 100) for s in range(40)]
    market = Market([NEAR], data, smart(900, rounds=2), consumed=False).run()
    assert [(o.order_type.name, int(o.quantity)) for o in market.children] == [
        ("LIMIT", 100),
        ("LIMIT", 100),
        ("MARKET", 700),
    ]
    assert market.filled == 900


def test_a_limit_order_nobody_meets_rests_at_once_where_it_would_trade_first():
    data = [
        *seen((NEAR, 99.90, 100.10, 300), (FAR, 99.95, 100.05, 200)),
        quote(FAR, 6, 99.95, 99.99, 1_000, 1_000),
    ]
    market = Market(BOTH, data, smart(500, limit=100.00)).run()
    assert sizes(market) == [("FAR", 500)]
    (child,) = market.children
    assert (child.time_in_force.name, str(child.price)) == ("GTC", "100.00")
    assert child.status == OrderStatus.FILLED
    assert market.parent.is_closed
    (routed,) = market.routed
    assert routed.legs[0].reason == "what is left rests where it would trade first"
    assert routed.legs[0].available == 0


def test_a_limit_order_takes_what_is_within_it_and_rests_with_what_is_left():
    data = [
        *seen((NEAR, 99.90, 100.00, 300), (FAR, 99.95, 100.05, 200), seconds=3),
        *[quote(NEAR, s, 99.90, 100.01, 900, 900) for s in range(3, 30)],
        quote(NEAR, 30, 99.90, 99.95, 900, 900),
    ]
    market = Market(BOTH, data, smart(500, limit=100.00, at=2.5)).run()
    assert [
        (v, n, o.time_in_force.name)
        for (v, n), o in zip(sizes(market), market.children, strict=True)
    ] == [
        ("NEAR", 300, "IOC"),
        ("NEAR", 200, "GTC"),
    ]
    assert market.filled == 500


def test_an_order_that_must_trade_at_once_ends_with_what_it_got():
    data = seen((NEAR, 99.90, 100.00, 300), (FAR, 99.95, 100.05, 200))
    market = Market(BOTH, data, smart(900, limit=100.02, lasts="IOC")).run()
    assert sizes(market) == [("NEAR", 300)]
    assert market.filled == 300
    assert market.parent.status == OrderStatus.CANCELED


def test_a_limit_finer_than_a_venues_tick_is_rounded_to_the_safe_side():
    fine, coarse = share("NEAR", tick="0.001"), share("FAR", tick="0.05")
    data = [quote(fine, s, 99.0, 101.0) for s in range(5)] + [quote(coarse, 0, 99.0, 100.5)]
    bought = Market([fine, coarse], data, smart(10, instrument=fine, limit=100.049)).run()
    assert sizes(bought) == [("FAR", 10)]
    assert str(bought.children[0].price) == "100.00"
    data = [quote(fine, s, 99.0, 101.0) for s in range(5)] + [quote(coarse, 0, 99.5, 101.0)]
    sold = Market([fine, coarse], data, smart(10, instrument=fine, limit=99.951, side="SELL")).run()
    assert str(sold.children[0].price) == "100.00"


def test_a_venue_that_the_gate_lets_nothing_through_to_gets_nothing_more():
    """A leg over the limit is denied; what it was to get goes to the other venue."""
    checks = (MaxOrderNotional(max_notional=40_000),)
    data = seen((NEAR, 99.98, 100.02, 1_000), (FAR, 99.97, 100.01, 500), seconds=10)
    market = Market(BOTH, data, smart(700), checks=checks).run()
    assert [
        (v, n, o.status.name) for (v, n), o in zip(sizes(market), market.children, strict=True)
    ] == [
        ("FAR", 500, "DENIED"),
        ("NEAR", 200, "FILLED"),
        ("NEAR", 500, "DENIED"),
    ]
    assert market.filled == 200
    assert market.parent.status == OrderStatus.CANCELED
    assert "FAR: it refused" in market.routed[1].passed_over[0]


def test_a_halted_trader_routes_nothing_and_the_parent_is_denied_with_the_reason():
    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    data = seen((NEAR, 99.98, 100.02, 300), (FAR, 99.97, 100.03, 200))
    market = Market(BOTH, data, {0.5: halt} | smart(400))
    market.run()
    assert {o.status for o in market.children} == {OrderStatus.DENIED}
    assert market.parent.status == OrderStatus.DENIED
    assert market.parent.last_event.reason == "HALTED: a test"


def test_a_halt_midway_keeps_the_rest_from_being_routed():
    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    data = [quote(NEAR, s, 99.98, 100.02, 100, 100) for s in range(9)]
    market = Market([NEAR], data, smart(900, wait_secs=5.0) | {1.5: halt})
    market.run()
    assert market.filled == 100
    assert market.parent.status == OrderStatus.CANCELED
    assert all(o.status == OrderStatus.DENIED for o in market.children[1:])


def test_a_cancelled_parent_cancels_the_leg_that_rests_elsewhere():
    data = seen((NEAR, 99.90, 100.10, 300), (FAR, 99.95, 100.05, 200), seconds=20)
    market = Market(BOTH, data, smart(500, limit=100.0) | {5: lambda s: s.cancel()}).run()
    assert sizes(market) == [("FAR", 500)]
    assert market.children[0].status == OrderStatus.CANCELED
    assert market.children[0].ts_last == 5_000_000_000
    assert market.parent.status == OrderStatus.CANCELED
    assert market.filled == 0


def test_a_resting_leg_that_somebody_cancels_ends_the_parent():
    def cancel_leg(script):
        (leg,) = script.cache.orders_open()
        script.cancel_order(leg)

    data = seen((NEAR, 99.90, 100.10, 300), (FAR, 99.95, 100.05, 200), seconds=20)
    market = Market(BOTH, data, smart(500, limit=100.0) | {5: cancel_leg}).run()
    assert len(market.children) == 1
    assert market.parent.status == OrderStatus.CANCELED


def test_a_parent_cancelled_while_its_legs_are_on_their_way_gets_them_back():
    data = [quote(NEAR, s / 10, 99.90, 100.10, 300, 300) for s in range(60)]
    market = Market(
        [NEAR],
        data,
        smart(500, limit=100.0) | {1.05: lambda s: s.cancel()},
        latency_s=0.2,
    ).run()
    (leg,) = market.children
    assert leg.status == OrderStatus.CANCELED
    assert market.parent.status == OrderStatus.CANCELED


def test_a_cash_account_sells_only_where_it_holds():
    def buy(instrument, units):
        def act(script):
            order = script.order_factory.market(
                instrument.id, OrderSide.BUY, Quantity.from_int(units)
            )
            script.submit_order(order)

        return act

    data = seen((NEAR, 99.98, 100.02, 1_000), (FAR, 100.50, 100.60, 1_000), seconds=9)
    at = {1: buy(NEAR, 300), 2: buy(FAR, 100)} | smart(350, at=4, side="SELL")
    market = Market(BOTH, data, at, account=AccountType.CASH).run()
    assert sizes(market) == [("FAR", 100), ("NEAR", 250)]
    assert all(o.status == OrderStatus.FILLED for o in market.children)


def test_a_cash_account_buys_only_what_it_can_pay_where_it_can_pay_it():
    data = seen((NEAR, 99.98, 100.02, 5_000), (FAR, 99.90, 100.00, 5_000), seconds=9)
    # 20 000 at each venue: 199 shares at FAR with the fee, then NEAR.
    market = Market(BOTH, data, smart(300), account=AccountType.CASH, cash=20_000).run()
    assert sizes(market) == [("FAR", 199), ("NEAR", 101)]
    assert market.filled == 300


def test_what_an_account_may_trade_can_be_told_from_outside():
    asked = []

    def available(venue, symbol, side):
        asked.append((venue, symbol, side))
        return {"NEAR": Decimal(70), "FAR": None}[venue]

    data = seen((NEAR, 99.98, 100.00, 1_000), (FAR, 99.98, 100.50, 1_000))
    market = Market(BOTH, data, smart(100), available=available).run()
    assert sizes(market) == [("NEAR", 70), ("FAR", 30)]
    assert ("NEAR", "AAPL", "BUY") in asked


def test_a_venue_that_cannot_be_reached_is_passed_over():
    data = seen((NEAR, 99.98, 100.00, 1_000), (FAR, 99.98, 100.50, 1_000))
    market = Market(BOTH, data, smart(100), is_reachable=lambda venue: venue != "NEAR").run()
    assert sizes(market) == [("FAR", 100)]
    assert market.routed[0].passed_over == ("NEAR: not reachable",)


def test_a_stale_quote_is_passed_over_and_nothing_but_stale_ones_denies_the_order():
    data = [quote(NEAR, 0, 99.98, 100.00), quote(FAR, 8, 99.98, 100.50), quote(DARK, 30, 99, 101)]
    market = Market([*BOTH, DARK], data, smart(100, at=10), max_quote_age_s=5.0).run()
    assert sizes(market) == [("FAR", 100)]
    assert set(market.routed[0].passed_over) == {"NEAR: stale: 10 s old", "DARK: no quote"}
    late = Market([*BOTH, DARK], data, smart(100, at=20), max_quote_age_s=5.0).run()
    assert late.parent.status == OrderStatus.DENIED
    assert "NEAR: stale: 20 s old" in late.parent.last_event.reason


def test_only_the_same_symbol_in_the_same_currency_is_traded():
    data = [quote(NEAR, 0, 99.98, 100.02), quote(OTHER, 0, 9.98, 10.02), quote(NEAR, 5, 99, 101)]
    market = Market([NEAR, OTHER], data, smart(100)).run()
    assert sizes(market) == [("NEAR", 100)]


def test_positions_and_orders_of_each_venue_stay_with_that_venue():
    data = seen((NEAR, 99.98, 100.02, 300), (FAR, 99.97, 100.03, 200))
    market = Market(BOTH, data, smart(450))
    held = {}

    def look(script):
        for position in script.cache.positions():
            held[position.instrument_id.value] = (position.quantity, position.strategy_id)

    market.script.at[3] = look
    market.run()
    assert held == {
        "AAPL.NEAR": (250, market.script.id),
        "AAPL.FAR": (200, market.script.id),
    }


def test_an_execution_is_measured_against_its_arrival_and_its_plan():
    data = seen((NEAR, 99.98, 100.02, 300), (FAR, 99.97, 100.03, 200))
    market = Market(BOTH, data, smart(450)).run()
    parent = OrderUpdated(
        client_order_id=market.parent.client_order_id.value,
        strategy="Script-000",
        instrument="AAPL.NEAR",
        side="BUY",
        order_type="MARKET",
        quantity=Decimal(450),
        status="CANCELED",
        arrival_price=Decimal("100.00"),
    )
    fills = [
        OrderFilled(
            trade_id=fill.trade_id.value,
            client_order_id=fill.client_order_id.value,
            strategy="Script-000",
            instrument=fill.instrument_id.value,
            side="BUY",
            quantity=fill.last_qty.as_decimal(),
            price=fill.last_px.as_decimal(),
            commission=fill.commission.as_decimal(),
        )
        for fill in market.fills
    ]
    report = execution_report(parent, fills, market.routed)
    assert report.filled == 450
    assert report.slippage_bps == pytest.approx((250 * 2 + 200 * 3) / 450)
    assert report.plan_slippage_bps == pytest.approx(0.0, abs=0.01)  # fees are in cents
