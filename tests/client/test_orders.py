"""Orders that a desk asks for, and the trades it gets."""

import asyncio
import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from nautilus_lab.client import (
    BracketTrade,
    ConnectionState,
    OrderStatus,
    Permission,
    Trade,
    connect,
    order,
)
from nautilus_lab.exceptions import (
    AccessDenied,
    DeadlineExceeded,
    InputError,
    NodeError,
    NodeNotRunning,
    NotReachable,
    OrderDenied,
    OutcomeUnknown,
)
from nautilus_lab.platform.commands import order_ids

AAPL = "AAPL.PAPER"


# --- submitting -----------------------------------------------------------------------------


async def test_a_trade_follows_its_order_from_submit_to_the_last_fill(operator, trader):
    trade = await operator.submit(AAPL, "BUY", 100, order_type="LIMIT", limit_price="100.10")
    assert trade.status is OrderStatus.SUBMITTED
    assert (trade.quantity, trade.filled, trade.remaining, trade.is_done) == (100, 0, 100, False)
    trader.order(trade.client_order_id, status="ACCEPTED", venue_order_id="V-1")
    await trade.until_accepted(timeout_s=10)
    trader.execute(trade.client_order_id, 40, "100.05", "T-1")
    await operator.until(lambda: trade.status is OrderStatus.PARTIALLY_FILLED, timeout_s=10)
    assert (trade.filled, trade.remaining) == (40, 60)
    trader.execute(trade.client_order_id, 60, "100.10", "T-2")
    assert await trade.until_filled(timeout_s=10) is trade
    assert [fill.trade_id for fill in trade.fills] == ["T-1", "T-2"]
    assert trade.average_price == Decimal("100.08")
    # By hand: 40 x 0.05 + 60 x 0.10 = 8.00 above 100 x 100.00, which are 8 in 10,000.
    assert trade.arrival_price == Decimal("100.00")
    assert trade.slippage == Decimal("8.00")
    assert trade.slippage_bps == pytest.approx(8.0)
    assert trade.commissions == {"USD": Decimal("0.20")}
    # Its fills say that it is whole a moment before the order itself is told.
    await operator.until(lambda: trade.log[-1].status is OrderStatus.FILLED, timeout_s=10)
    assert [entry.status.value for entry in trade.log] == [
        "SUBMITTED",
        "ACCEPTED",
        "PARTIALLY_FILLED",
        "FILLED",
    ]
    assert all(a.ts <= b.ts for a, b in zip(trade.log, trade.log[1:], strict=False))
    assert trade.order is operator.orders[trade.client_order_id]


async def test_the_node_is_asked_for_exactly_what_was_written(operator, trader):
    await operator.submit(
        AAPL,
        "SELL",
        "12",
        order_type="STOP_LIMIT",
        limit_price=99.95,
        trigger_price=Decimal("100.00"),
        time_in_force="GTD",
        expires=datetime(2099, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        reduce_only=True,
        emulate=True,
    )
    (request,) = trader.requests
    body = request.body
    assert request.name == "orders.submit"
    assert (body.instrument, body.side, body.quantity) == (AAPL, "SELL", Decimal(12))
    assert (body.limit_price, body.trigger_price) == (Decimal("99.95"), Decimal("100.00"))
    # 2099-01-02 03:04:05.000006 UTC by `date -u -d ... +%s`
    assert body.expires_ns == 4_071_006_245_000_006_000
    assert (body.reduce_only, body.emulate) == (True, True)


async def test_an_algorithm_is_named_with_what_it_is_told(operator, trader):
    trade = await operator.submit(
        AAPL, "BUY", 100, algorithm="TWAP", parameters={"horizon_secs": 20, "interval_secs": 5.0}
    )
    body = trader.requests[0].body
    assert (body.algorithm, body.parameters) == ("TWAP", {"horizon_secs": 20, "interval_secs": 5.0})
    assert trade.status is OrderStatus.INITIALIZED


async def test_the_slices_of_an_algorithm_count_as_the_trade_s_own(operator, trader):
    trade = await operator.submit(
        AAPL, "SELL", 100, algorithm="TWAP", parameters={"horizon_secs": 20, "interval_secs": 5}
    )
    name = trade.client_order_id
    slices = [f"{name}-E{n}" for n in (1, 2, 3)]
    for number, own in enumerate(slices, 1):
        trader.order(
            own, side="SELL", order_type="MARKET", quantity=Decimal(25), parent=name,
            algorithm="TWAP", status="ACCEPTED",
        )  # fmt: skip
        trader.execute(own, 25, Decimal("100.00") - number, f"T-{number}")
        # The node tells of the whole after each of its parts.
        trader.order(name, filled=Decimal(25 * number), status="PARTIALLY_FILLED")
    await operator.until(lambda: trade.filled == 75, timeout_s=10)
    assert (trade.quantity, trade.remaining, trade.is_done) == (100, 25, False)
    assert trade.status is OrderStatus.PARTIALLY_FILLED
    assert [part.client_order_id for part in trade.parts] == slices
    trader.order(name, status="SUBMITTED")  # the last slice is the order itself
    trader.execute(name, 25, "96.00", "T-4")
    await trade.until_filled(timeout_s=10)
    assert len(trade.fills) == 4
    # By hand: (99 + 98 + 97 + 96) / 4 = 97.5; sold 2.50 below the arrival at 100.00.
    assert trade.average_price == Decimal("97.5")
    assert trade.slippage == Decimal("250.00")
    assert trade.slippage_bps == pytest.approx(250.0)


async def test_a_trade_ends_only_with_its_last_slice(operator, trader):
    trade = await operator.submit(AAPL, "BUY", 100, algorithm="VWAP", parameters={"minutes": 5})
    name = trade.client_order_id
    trader.order(
        f"{name}-E1", side="BUY", order_type="MARKET", quantity=Decimal(50), parent=name,
        status="ACCEPTED",
    )  # fmt: skip
    trader.order(name, status="CANCELED")
    await operator.until(lambda: trade.order.is_done and trade.parts, timeout_s=10)
    assert not trade.is_done
    trader.execute(f"{name}-E1", 50, "100.00", "T-1")
    await trade.done(timeout_s=10)
    assert (trade.status, trade.filled) == (OrderStatus.CANCELED, 50)
    with pytest.raises(NodeError, match="must be filled") as error:
        await trade.until_filled()
    assert error.value.value == "CANCELED, 50 of 100"


async def test_a_gain_against_arrival_is_negative_slippage(operator, trader):
    trade = await operator.submit(AAPL, "BUY", 10)
    trader.execute(trade.client_order_id, 10, "99.90", "T-1")
    await trade.done(timeout_s=10)
    assert (trade.slippage, trade.slippage_bps) == (Decimal("-1.00"), pytest.approx(-10.0))


async def test_without_an_arrival_price_there_is_no_slippage(operator, trader):
    trader.arrival = None
    trade = await operator.submit(AAPL, "BUY", 10)
    assert (trade.average_price, trade.slippage) == (None, None)
    trader.execute(trade.client_order_id, 10, "99.90", "T-1")
    await trade.done(timeout_s=10)
    assert (trade.arrival_price, trade.slippage, trade.slippage_bps) == (None, None, None)


async def test_an_order_the_gate_denies_raises_why_and_stands_on_the_desk(operator, trader):
    trader.refusal = OrderDenied("notional above 25000", value="30000", remedy="ask for less")
    with pytest.raises(OrderDenied) as error:
        await operator.submit(AAPL, "BUY", 300)
    assert str(error.value) == "notional above 25000; got 30000; ask for less"
    await operator.until(lambda: operator.orders, timeout_s=10)
    (denied,) = operator.orders.values()
    assert denied.status is OrderStatus.DENIED


async def test_what_the_node_refuses_leaves_no_order_behind(operator, trader):
    trader.refusal = InputError("limit_price must be a multiple of 0.01", value="100.001")
    with pytest.raises(InputError, match=r"multiple of 0\.01"):
        await operator.submit(AAPL, "BUY", 1, order_type="LIMIT", limit_price="100.001")
    assert not operator.orders


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        (math.nan, "finite"),
        (math.inf, "finite"),
        ("NaN", "finite"),
        (Decimal("sNaN"), "finite"),
        (0.1 + 0.2, "exact"),
        (True, "must be a number"),
        (None, "must be a number"),
        ("many", "must be a number"),
        ("1_000", "must be a number"),
        ("\u0661\u0662", "must be a number"),
        ("", "must be a number"),
        (0, "positive"),
        (-5, "positive"),
        ("1e999999", "at most 1e10"),
    ],
)
async def test_a_quantity_that_is_none_is_refused_before_anything_is_sent(
    operator, trader, quantity, message
):
    with pytest.raises(InputError, match=message):
        await operator.submit(AAPL, "BUY", quantity)
    assert trader.requests == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"order_type": "LIMIT"}, "needs limit_price"),
        ({"limit_price": 1}, "has no limit_price"),
        ({"order_type": "LIMIT", "limit_price": math.nan}, "limit_price must be finite"),
        ({"order_type": "ICEBERG"}, "order_type must be one of"),
        ({"time_in_force": "FOREVER"}, "time_in_force must be one of"),
        ({"time_in_force": "GTD", "expires": datetime(2099, 1, 1)}, "time zone"),
        ({"time_in_force": "GTD", "expires": 12.5}, "time zone"),
        ({"algorithm": "TWAP", "parameters": {"horizon_secs": math.nan}}, "finite"),
        ({"algorithm": "TWAP", "parameters": {"horizon_secs": [1]}}, "names with text or numbers"),
        ({"algorithm": 7}, "algorithm must be text"),
        ({"parameters": {"a": 1}}, "for an execution algorithm"),
    ],
)
async def test_an_order_that_breaks_a_rule_is_refused_before_anything_is_sent(
    operator, trader, fields, message
):
    with pytest.raises(InputError, match=message):
        await operator.submit(AAPL, "BUY", 1, **fields)
    assert trader.requests == []


@pytest.mark.parametrize("side", ["buy", "HOLD", None])
async def test_a_side_that_is_none_is_refused(operator, side):
    with pytest.raises(InputError, match="side must be one of"):
        await operator.submit(AAPL, side, 1)


@pytest.mark.parametrize("instrument", ["", "ÄPFEL.PAPER", "x" * 129, None])
async def test_an_instrument_that_is_none_is_refused(operator, instrument):
    with pytest.raises(InputError, match="instrument must"):
        await operator.submit(instrument, "BUY", 1)


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, 301])
async def test_a_time_to_wait_that_is_none_is_refused(operator, trader, timeout_s):
    with pytest.raises(InputError, match="timeout_s must lie"):
        await operator.submit(AAPL, "BUY", 1, timeout_s=timeout_s)
    assert trader.requests == []
    assert not operator._book._expected


async def test_what_does_not_fit_into_a_frame_is_refused_and_the_connection_lives(operator, trader):
    with pytest.raises(InputError, match="at most 65536 bytes"):
        await operator.submit(AAPL, "BUY", 1, algorithm="X", parameters={"a": "x" * 70_000})
    assert (await operator.submit(AAPL, "BUY", 1)).status is OrderStatus.SUBMITTED


async def test_one_name_of_one_s_own_makes_one_order(operator, trader):
    first = await operator.submit(AAPL, "BUY", 5, command_id="rebalance-2026-11-25")
    second = await operator.submit(AAPL, "BUY", 5, command_id="rebalance-2026-11-25")
    assert first.client_order_id == second.client_order_id
    assert first.order is second.order
    assert len(trader.requests) == 1
    with pytest.raises(InputError, match="id must be its own"):
        await operator.submit(AAPL, "BUY", 6, command_id="rebalance-2026-11-25")
    assert len(trader.requests) == 1


async def test_many_orders_at_once_all_find_room(operator, trader):
    trades = await asyncio.gather(*(operator.submit(AAPL, "BUY", n + 1) for n in range(120)))
    assert len({trade.client_order_id for trade in trades}) == 120
    assert sorted(request.body.quantity for request in trader.requests) == list(range(1, 121))


# --- together -------------------------------------------------------------------------------


async def test_a_bracket_is_three_trades_and_its_exits_are_not_its_entry_s(operator, trader):
    trades = await operator.bracket(
        order(AAPL, "BUY", 10, order_type="LIMIT", limit_price=100),
        take_profit="110.00",
        stop_loss=95,
    )
    assert isinstance(trades, BracketTrade)
    body = trader.requests[0].body
    assert (body.take_profit.order_type, body.take_profit.limit_price) == ("LIMIT", 110)
    assert (body.stop_loss.order_type, body.stop_loss.trigger_price) == ("STOP_MARKET", 95)
    assert body.take_profit.side == body.stop_loss.side == "SELL"
    trader.execute(trades.entry.client_order_id, 10, "100.00", "T-1")
    trader.order(trades.take_profit.client_order_id, status="ACCEPTED")
    trader.execute(trades.take_profit.client_order_id, 10, "110.00", "T-2")
    trader.order(trades.stop_loss.client_order_id, status="CANCELED")
    await trades.done(timeout_s=10)
    assert [t.filled for t in trades] == [10, 10, 0]
    assert trades.entry.parts == ()
    assert trades.list_id == f"L-{trades.entry.client_order_id}"
    assert trades.stop_loss.status is OrderStatus.CANCELED


async def test_a_bracket_with_its_exits_exchanged_is_refused_before_anything_is_sent(
    operator, trader
):
    with pytest.raises(InputError, match="take-profit must lie beyond"):
        await operator.bracket(
            order(AAPL, "BUY", 10, order_type="LIMIT", limit_price=100),
            take_profit=95,
            stop_loss=110,
        )
    assert trader.requests == []


async def test_two_of_which_one_cancels_the_other_are_linked(operator, trader):
    first, second = await operator.oco(
        order(AAPL, "SELL", 10, order_type="LIMIT", limit_price=110),
        order(AAPL, "SELL", 10, order_type="STOP_MARKET", trigger_price=95),
    )
    await operator.until(lambda: first.order.linked, timeout_s=10)
    assert first.order.linked == (second.client_order_id,)


@pytest.mark.parametrize("count", [1, 3])
async def test_a_list_is_as_many_trades(operator, trader, count):
    trades = await operator.submit_list([order(AAPL, "BUY", n + 1) for n in range(count)])
    assert [trade.quantity for trade in trades] == [Decimal(n + 1) for n in range(count)]
    assert all(trade.status is OrderStatus.SUBMITTED for trade in trades)


# --- at work --------------------------------------------------------------------------------


async def test_a_trade_is_cancelled_and_changed_by_itself(operator, trader):
    trade = await operator.submit(AAPL, "BUY", 10, order_type="LIMIT", limit_price=100)
    assert await trade.modify(quantity=20, limit_price="99.50") is trade
    await operator.until(lambda: trade.quantity == 20, timeout_s=10)
    assert trade.order.limit_price == Decimal("99.50")
    cancelled = await trade.cancel()
    assert cancelled.ended == (trade.client_order_id,)
    await trade.done(timeout_s=10)
    assert (trade.status, trade.remaining) == (OrderStatus.CANCELED, 0)
    with pytest.raises(InputError, match="must still work"):
        await trade.cancel()


async def test_any_order_on_the_desk_is_cancelled_by_its_id_or_itself(operator, trader):
    for name in ("O-1", "O-2"):
        trader.order(name, side="BUY", order_type="LIMIT", quantity=Decimal(1), strategy="tilt")
    await operator.until(lambda: len(operator.orders) == 2, timeout_s=10)
    await operator.cancel("O-1")
    await operator.cancel(operator.orders["O-2"])
    trade = operator.trade("O-2")
    await trade.done(timeout_s=10)
    assert trade.status is OrderStatus.CANCELED
    with pytest.raises(InputError, match="must be on the desk"):
        operator.trade("O-9")


async def test_all_of_a_side_are_cancelled(operator, trader):
    buy = await operator.submit(AAPL, "BUY", 1, order_type="LIMIT", limit_price=1)
    sell = await operator.submit(AAPL, "SELL", 1, order_type="LIMIT", limit_price=999)
    assert (await operator.cancel_all(side="SELL")).ended == (sell.client_order_id,)
    assert (await operator.cancel_all()).ended == (buy.client_order_id,)


async def test_a_change_of_nothing_is_refused_before_anything_is_sent(operator, trader):
    with pytest.raises(InputError, match="must change something"):
        await operator.modify("O-1")


async def test_the_trade_of_an_algorithm_s_order_that_others_sent_knows_what_was_asked_for(
    operator, trader
):
    # Of 100: 25 filled, 10 of 25 filled and the rest given back, 25 that still work.
    given = {"side": "BUY", "order_type": "MARKET", "strategy": "tilt"}
    trader.order("O-1", quantity=Decimal(100), algorithm="TWAP", status="INITIALIZED", **given)
    for number in (1, 2, 3):
        trader.order(
            f"O-1-E{number}", quantity=Decimal(25), parent="O-1", status="ACCEPTED", **given
        )
    trader.execute("O-1-E1", 25, "100.00", "T-1")
    trader.execute("O-1-E2", 10, "100.00", "T-2")
    trader.order("O-1-E2", status="CANCELED")
    await operator.until(
        lambda: "O-1-E2" in operator.orders and operator.orders["O-1-E2"].is_done, timeout_s=10
    )
    trade = operator.trade("O-1")
    assert (trade.quantity, trade.filled, trade.remaining) == (100, 35, 65)
    assert trade.status is OrderStatus.PARTIALLY_FILLED


async def test_an_algorithm_s_order_that_ends_in_the_node_s_books_is_filled_by_its_slices(
    operator, trader
):
    trade = await operator.submit(
        AAPL, "BUY", 50, algorithm="VWAP", parameters={"horizon_secs": 2, "interval_secs": 1}
    )
    name = trade.client_order_id
    trader.order(
        f"{name}-E1", side="BUY", order_type="MARKET", quantity=Decimal(50), parent=name,
        status="SUBMITTED",
    )  # fmt: skip
    trader.execute(f"{name}-E1", 50, "100.02", "T-1")
    # Nautilus knows no other end for an order that no venue has seen.
    trader.order(name, status="CANCELED")
    await operator.until(lambda: trade.order.is_done, timeout_s=10)
    assert (trade.status, trade.filled, trade.slippage) == (
        OrderStatus.FILLED,
        50,
        Decimal("1.00"),
    )


async def test_what_was_filled_before_the_desk_looked_counts_as_the_node_tells_it(operator, trader):
    # Neither the slices nor their fills are on this desk; a denied one is nothing that was asked.
    trader.order(
        "O-1", side="BUY", order_type="MARKET", quantity=Decimal(500), filled=Decimal(100),
        average_price=Decimal("122.88"), status="PARTIALLY_FILLED", algorithm="TWAP",
    )  # fmt: skip
    trader.order(
        "O-1-E3", side="BUY", order_type="MARKET", quantity=Decimal(50), parent="O-1",
        status="DENIED",
    )  # fmt: skip
    await operator.until(lambda: "O-1-E3" in operator.orders, timeout_s=10)
    trade = operator.trade("O-1")
    assert (trade.quantity, trade.filled, trade.remaining) == (500, 100, 400)
    assert (trade.status, trade.average_price) == (
        OrderStatus.PARTIALLY_FILLED,
        Decimal("122.88"),
    )


async def test_a_slice_that_is_told_before_its_order_belongs_to_it(operator, trader):
    trader.order(
        "O-1-E1", side="BUY", order_type="MARKET", quantity=Decimal(25), parent="O-1",
        status="ACCEPTED",
    )  # fmt: skip
    trader.execute("O-1-E1", 25, "100.00", "T-1")
    trader.order("O-1", side="BUY", order_type="MARKET", quantity=Decimal(75), status="INITIALIZED")
    await operator.until(lambda: "O-1" in operator.orders, timeout_s=10)
    assert operator.trade("O-1").filled == 25


# --- who may --------------------------------------------------------------------------------


async def test_a_viewer_is_refused_before_anything_is_sent(root, operator, trader):
    async with await connect(root=root) as viewer:
        assert viewer.may(Permission.ORDERS_READ)
        assert not viewer.may(Permission.ORDERS_WRITE)
        before = viewer._link.send
        sent = []

        async def noted(frame):
            sent.append(frame)
            await before(frame)

        viewer._link.send = noted
        for asking in (
            viewer.submit(AAPL, "BUY", 1),
            viewer.bracket(order(AAPL, "BUY", 1), take_profit=2, stop_loss=1),
            viewer.oco(
                order(AAPL, "SELL", 1, order_type="LIMIT", limit_price=2),
                order(AAPL, "SELL", 1, order_type="STOP_MARKET", trigger_price=1),
            ),
            viewer.submit_list([order(AAPL, "BUY", 1)]),
            viewer.modify("O-1", quantity=1),
            viewer.cancel("O-1"),
            viewer.cancel_all(),
            viewer.halt("why"),
            viewer.reduce_only("why"),
            viewer.resume("why"),
            viewer.deploy("trend", "1"),
            viewer.strategies.pause("trend-001", cancel_orders=True),
            viewer.strategies.remove("trend-001"),
        ):
            with pytest.raises(AccessDenied, match="needs a role that has it"):
                await asking
        assert sent == []
        # What it asks by name the gateway refuses.
        with pytest.raises(AccessDenied):
            await viewer.command("orders.cancel", {"client_order_id": "O-1"})
    assert trader.requests == []


async def test_a_desk_that_has_not_connected_says_so_and_nothing_is_placed(root, operator):
    await operator.close()
    with pytest.raises(NotReachable, match="nothing was sent"):
        await operator.submit(AAPL, "BUY", 1)
    assert not operator.orders
    assert not operator._book._expected


async def test_without_a_node_nothing_was_placed(operator, trader):
    await trader.stop()
    with pytest.raises(NodeNotRunning):
        await operator.submit(AAPL, "BUY", 1)
    assert not operator.orders


@pytest.mark.parametrize("role", ["admin", "", 7])
async def test_a_role_that_is_none_is_refused(root, role):
    with pytest.raises(InputError, match="role must be viewer or operator"):
        await connect(root=root, role=role)


async def test_a_role_is_not_chosen_where_a_url_is(root):
    with pytest.raises(InputError, match="the token has it"):
        await connect(url="ws://127.0.0.1:1/stream", token="t", role="operator")


# --- answers that come late or never --------------------------------------------------------


async def test_a_late_answer_gives_an_unknown_trade_that_the_late_answer_makes_true(
    operator, trader
):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    trade = await operator.submit(AAPL, "BUY", 10, timeout_s=0.2)
    assert (trade.status, trade.is_done, trade.remaining) == (OrderStatus.UNKNOWN, False, 10)
    assert "no answer came within 0.2 s" in trade.reason
    assert trade.client_order_id not in operator.orders
    go_on.set()
    await operator.until(lambda: trade.status is OrderStatus.SUBMITTED, timeout_s=10)
    assert len(trader.requests) == 1


async def test_a_late_refusal_ends_the_trade_with_what_was_wrong(operator, trader):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    trade = await operator.submit(AAPL, "BUY", 10, timeout_s=0.2)
    trader.refusal = InputError("an instrument must be one that can be traded here", value=AAPL)
    go_on.set()
    await trade.done(timeout_s=10)
    assert trade.status is OrderStatus.DENIED
    assert isinstance(trade.error, InputError)
    assert "can be traded here" in trade.reason


async def test_a_command_whose_answer_does_not_come_says_under_which_id_to_look(operator, trader):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    trader.order("O-1", side="BUY", order_type="LIMIT", quantity=Decimal(1))
    asking = operator.command(
        "orders.cancel", {"client_order_id": "O-1"}, timeout_s=0.2, command_id="mine"
    )
    with pytest.raises(OutcomeUnknown) as error:
        await asking
    assert error.value.value == "mine"
    go_on.set()
    await operator.until(lambda: operator.orders["O-1"].is_done, timeout_s=10)
    # Asked again under its id it is answered, and not done again.
    again = await operator.command("orders.cancel", {"client_order_id": "O-1"}, command_id="mine")
    assert again["ended"] == ["O-1"]


async def test_waiting_for_a_trade_has_a_deadline(operator):
    trade = await operator.submit(AAPL, "BUY", 10)
    with pytest.raises(DeadlineExceeded):
        await trade.done(timeout_s=0.05)


async def test_waiting_for_a_trade_ends_with_the_desk(operator):
    trade = await operator.submit(AAPL, "BUY", 10)
    waiting = asyncio.create_task(trade.done())
    await asyncio.sleep(0)
    await operator.close()
    assert operator.connection is ConnectionState.DISCONNECTED
    with pytest.raises(NotReachable):
        await asyncio.wait_for(waiting, 5)


# --- how it looks ---------------------------------------------------------------------------


async def test_a_trade_shows_itself_in_one_line_and_in_a_table(operator, trader):
    trade = await operator.submit(AAPL, "BUY", 100, order_type="LIMIT", limit_price="100.10")
    trader.execute(trade.client_order_id, 40, "100.05", "T-1")
    await operator.until(lambda: trade.filled == 40, timeout_s=10)
    await operator.until(lambda: trade.order.average_price, timeout_s=10)
    assert repr(trade) == (
        f"<Trade {trade.client_order_id}: BUY 100 AAPL.PAPER LIMIT at 100.1: PARTIALLY_FILLED, "
        "40 of 100 @ 100.05, slippage +5.0 bps>"
    )
    assert "<td>40 of 100</td>" in trade._repr_html_()
    assert "SIMULATED" in trade._repr_html_()


def test_what_a_trade_shows_is_escaped():
    from nautilus_lab.client import Order

    trade = Trade(Order("<script>", instrument="<b>", reason="<i>"), desk=None)
    assert "<script>" not in trade._repr_html_()
    assert "<i>" not in trade._repr_html_()


async def test_the_id_of_a_trade_follows_from_its_command(operator):
    trade = await operator.submit(AAPL, "BUY", 1, command_id="x-1")
    assert (trade.client_order_id,) == order_ids("x-1")
