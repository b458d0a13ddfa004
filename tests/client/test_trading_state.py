"""What a desk knows and asks of the trading state, strategies, routes, alerts and bars."""

import asyncio
import os
import stat
from decimal import Decimal

import msgspec
import pytest

from nautilus_lab.client import Change, Permission, TradingState, connect
from nautilus_lab.exceptions import InputError, NodeNotRunning, NotReachable
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.messages import (
    AlertRaised,
    BarUpdated,
    OrderRouted,
    RouteLeg,
    StrategyUpdated,
    TradingStateUpdated,
)
from nautilus_lab.platform.rundir import Latch


@pytest.fixture
def latch(trader) -> Latch:
    return Latch(trader.run.latch, witness=trader.run.store)


# --- the trading state ----------------------------------------------------------------------


async def test_the_trading_state_is_one_object_that_keeps_up(operator, trader):
    status = operator.trading_state
    assert status.state is TradingState.UNKNOWN
    told = TradingStateUpdated(state="REDUCE_ONLY", since_ns=7, reason="a loss", by="stop-loss")
    trader.put(told, "risk.state.PAPER-001")
    await operator.until(lambda: status.state is TradingState.REDUCE_ONLY, timeout_s=10)
    assert (status.reason, status.by, status.since_ns) == ("a loss", "stop-loss", 7)
    assert operator.trading_state is status


async def test_halting_is_latched_by_the_owner_and_told_by_the_node(operator, trader, latch):
    status = await operator.halt("prices look wrong", cancel_orders=True)
    assert status.state is TradingState.HALTED
    assert status.reason == "prices look wrong"
    (request,) = trader.requests
    assert (request.body.cancel_orders, request.body.kill) == (True, False)
    held = latch.read()
    owner = Principal.owner().name
    assert (held.state, held.reason, held.by) == ("HALTED", "prices look wrong", owner)


async def test_killing_is_for_good(operator, trader, latch):
    assert (await operator.halt("a leak", kill=True)).state is TradingState.KILLED
    assert latch.read().state == "KILLED"


async def test_reducing_and_resuming_say_why_and_how_far(operator, trader, latch):
    assert (await operator.reduce_only("a loss")).state is TradingState.REDUCE_ONLY
    assert latch.read().state == "REDUCE_ONLY"
    assert (await operator.resume("it is understood")).state is TradingState.ACTIVE
    # Only the node loosens its latch: here that is a stand-in's, which has none.
    assert latch.read().state == "REDUCE_ONLY"
    assert trader.requests[-1].body.to == "ACTIVE"


async def test_trading_is_halted_although_no_node_and_no_gateway_answer(operator, trader, latch):
    await trader.stop()
    with pytest.raises(NodeNotRunning, match="the latch is written and trading is HALTED, but"):
        await operator.halt("the node hangs")
    assert latch.read().state == "HALTED"
    await operator.close()
    with pytest.raises(NotReachable):
        await operator.halt("for good", kill=True)
    assert latch.read().state == "KILLED"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines", "\x1b[31mred"])
async def test_a_reason_that_is_none_halts_nothing(operator, trader, latch, reason):
    for asking in (operator.halt(reason), operator.reduce_only(reason), operator.resume(reason)):
        with pytest.raises(InputError, match="a reason must have"):
            await asking
    assert trader.requests == []
    assert latch.read().state == "ACTIVE"


async def test_halting_goes_before_orders_that_wait_for_room(operator, trader):
    go_on = asyncio.Event()
    trader.before = lambda request: go_on.wait()
    waiting = [asyncio.create_task(operator.submit("AAPL.PAPER", "BUY", n + 1)) for n in range(60)]
    while len(trader.requests) < 24:
        await asyncio.sleep(0.01)
    status = await operator.halt("too much")
    assert status.state is TradingState.HALTED
    assert len([r for r in trader.requests if r.name == "orders.submit"]) == 24
    go_on.set()
    await asyncio.gather(*waiting)


async def test_the_operator_s_token_is_renewed_and_private(root, operator, trader):
    token = root / ".lab" / "operator.token"
    assert stat.S_IMODE(os.stat(token).st_mode) == 0o600
    assert operator.may(Permission.ORDERS_WRITE)
    assert operator.principal == Principal.owner()
    assert token.read_text() not in repr(operator)


# --- strategies -----------------------------------------------------------------------------


async def test_a_strategy_is_deployed_watched_and_taken_away(operator, trader):
    strategy = await operator.deploy("trend", "2", parameters={"fast": 5})
    assert (strategy.strategy, strategy.version, strategy.state) == ("trend-001", "2", "running")
    assert trader.requests[0].body.parameters == {"fast": 5}
    assert operator.strategies["trend-001"] is strategy
    assert repr(operator.strategies) == "<Strategies: trend-001 running>"
    paused = await operator.strategies.pause("trend-001", cancel_orders=True)
    assert paused is strategy
    assert strategy.state == "paused"
    assert trader.requests[1].body.cancel_orders is True
    for asking, state in (
        (operator.strategies.resume("trend-001"), "running"),
        (operator.strategies.stop("trend-001", cancel_orders=False), "stopped"),
        (operator.strategies.start("trend-001"), "running"),
        (operator.strategies.replace("trend-001", "3"), "running"),
    ):
        assert (await asking).state == state
    assert strategy.version == "3"
    await operator.strategies.remove("trend-001")
    assert "trend-001" not in operator.strategies
    assert await operator.strategies.versions() == [{"name": "trend", "version": "1"}]


async def test_a_strategy_keeps_up_with_what_the_node_tells(operator, trader):
    told = StrategyUpdated(
        strategy="trend-001",
        name="trend",
        version="2",
        state="failed",
        working_orders=3,
        realised=-5.0,
        unrealised=2.5,
        detail="ZeroDivisionError",
    )
    trader.put(told, "strategy.state.PAPER-001.trend-001")
    await operator.until(lambda: "trend-001" in operator.strategies, timeout_s=10)
    strategy = operator.strategies["trend-001"]
    assert (strategy.state, strategy.detail, strategy.working_orders) == (
        "failed",
        "ZeroDivisionError",
        3,
    )
    assert (strategy.realised, strategy.unrealised) == (-5.0, 2.5)
    assert list(operator.strategies) == ["trend-001"]


# --- what else a node tells -----------------------------------------------------------------


async def test_how_a_router_split_an_order_is_on_the_desk(operator, trader):
    leg = RouteLeg(
        venue="PAPER",
        client_order_id="O-1-1",
        quantity=Decimal(60),
        price=Decimal("100.01"),
        available=Decimal(80),
        fee_bps=1.0,
    )
    routed = OrderRouted(
        client_order_id="O-1",
        instrument="AAPL.PAPER",
        side="BUY",
        quantity=Decimal(60),
        legs=(leg,),
        expected_cost=Decimal("6001.20"),
        policy="price, then fee",
    )
    trader.event(routed, "trading.route.PAPER-001.O-1")
    await operator.until(lambda: operator.routes, timeout_s=10)
    route = operator.routes["O-1"]
    assert (route.legs, route.expected_cost) == ((leg,), Decimal("6001.20"))
    again = msgspec.structs.replace(routed, quantity=Decimal(20))
    trader.event(again, "trading.route.PAPER-001.O-1")
    await operator.until(lambda: operator.routes["O-1"].quantity == 20, timeout_s=10)
    assert [one.quantity for one in operator.decisions] == [60, 20]


async def test_alerts_come_each_once_and_oldest_first(operator, trader):
    for rule in ("first", "second"):
        alert = AlertRaised(severity="critical", component="node", rule=rule, remedy="look")
        trader.event(alert, "system.alert.PAPER-001")
    await operator.until(lambda: len(operator.alerts) == 2, timeout_s=10)
    assert [alert.rule for alert in operator.alerts] == ["first", "second"]
    assert operator.alerts[0].severity == "critical"


async def test_the_last_bar_of_each_kind_is_one_object_that_keeps_up(operator, trader):
    seen = []
    operator.on_change(seen.append)

    def closed(spec: str, close: float) -> None:
        body = BarUpdated(
            instrument="AAPL.PAPER",
            spec=spec,
            open=1.0,
            high=3.0,
            low=0.5,
            close=close,
            volume=9.0,
        )
        trader.put(body, f"market.bar.PAPER.AAPL.{spec}")

    closed("1-MINUTE-MID", 2.0)
    closed("5-MINUTE-MID", 2.5)
    while len(operator.bars) < 2:
        await operator.changed(timeout_s=10)
    bar = operator.bars["AAPL.PAPER-1-MINUTE-MID"]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1.0, 3.0, 0.5, 2.0, 9.0)
    closed("1-MINUTE-MID", 2.2)
    while bar.close != 2.2:
        await operator.changed(timeout_s=10)
    assert Change("bar", "AAPL.PAPER-5-MINUTE-MID") in seen


async def test_what_a_new_snapshot_does_not_know_is_not_there_any_more(operator, trader):
    await operator.deploy("trend", "2")
    told = TradingStateUpdated(state="ACTIVE", since_ns=7, reason="r", by="b")
    trader.put(told, "risk.state.PAPER-001")
    await operator.until(
        lambda: operator.strategies and operator.trading_state.state is TradingState.ACTIVE,
        timeout_s=10,
    )
    await trader.stop()
    trader.states.clear()
    trader.epoch, trader.seq = trader.epoch + 1, 0
    await trader.start()
    await operator.until(lambda: not operator.strategies, timeout_s=10)
    assert operator.trading_state.state is TradingState.UNKNOWN


async def test_the_owner_s_rights_are_those_of_every_role(root, operator):
    async with await connect(root=root, role="operator") as desk:
        assert all(desk.may(permission) for permission in Permission)
