import asyncio
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import nautilus_lab.client as client
from nautilus_lab.client import (
    Change,
    ConnectionState,
    Desk,
    NodeState,
    OrderStatus,
    connect,
    glance,
)
from nautilus_lab.client._book import Book
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import (
    AccessDenied,
    ConfigError,
    DeadlineExceeded,
    InputError,
    LifecycleError,
    NodeNotRunning,
    NotReachable,
)
from nautilus_lab.platform.connection import Backoff
from nautilus_lab.platform.messages import (
    AccountUpdated,
    LimitBreach,
    LimitUpdated,
    NodeStateChanged,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
)
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.streaming import StreamingEngine
from tests.streaming.fake_node import FakeNode

ORDER = {
    "client_order_id": "O-1",
    "strategy": "tilt",
    "instrument": "AAPL.PAPER",
    "side": "BUY",
    "order_type": "MARKET",
    "quantity": Decimal(10),
}
ORDERS = "trading.order.PAPER-001.tilt"


async def until(desk: Desk, condition) -> None:
    """Wait for changes until `condition` holds."""
    while not condition():
        await desk.changed(timeout_s=10)


def position(quantity: float, price: float, **values: float) -> PositionUpdated:
    return PositionUpdated(
        **{
            "instrument": "AAPL.PAPER",
            "quantity": quantity,
            "average_price": price,
            "market_price": 110.0,
            "market_value": quantity * 110.0,
            "unrealised": quantity * (110.0 - price),
            "realised": 0.0,
            **values,
        }
    )


# --- finding a node -------------------------------------------------------------------------


async def test_without_a_gateway_connect_says_how_to_start_a_node(root):
    with pytest.raises(NodeNotRunning, match="stream gateway must run") as error:
        await connect(root=root)
    assert "await lab.trading.start()" in error.value.remedy
    assert "nautilus-lab node start" in error.value.remedy


async def test_without_a_node_connect_says_how_to_start_one(root, gateway, node):
    await node.stop()
    with pytest.raises(NodeNotRunning, match="node of trader PAPER-001 must run") as error:
        await connect(root=root)
    assert "nautilus-lab node start" in error.value.remedy
    await node.start()


async def test_a_trader_that_never_ran_is_a_node_that_does_not_run(root, gateway):
    with pytest.raises(NodeNotRunning) as error:
        await connect("LIVE-9", root=root)
    assert error.value.value == "LIVE-9"


async def test_a_gateway_that_was_killed_counts_as_none(root):
    home = root / ".lab"
    home.mkdir(mode=0o700)
    (home / "gateway.json").write_text('{"name":"gateway","pid":999999,"started":1.0}')
    with pytest.raises(NodeNotRunning):
        await connect(root=root)


async def test_a_gateway_that_is_being_started_again_is_waited_for(root, node):
    home = Home(root / ".lab")
    ProcessRecord.of_this_process("supervisor", address="ipc:///none").write(home.supervisor)
    looking = asyncio.create_task(connect(root=root, timeout_s=20))
    await asyncio.sleep(0.3)
    engine = StreamingEngine(root / ".lab", settings=StreamingSettings(heartbeat_s=0.2))
    await engine.start()
    async with await looking as desk:
        assert desk.connection is ConnectionState.CONNECTED
    await engine.stop()
    with pytest.raises(DeadlineExceeded, match="the supervisor has none at the moment"):
        await connect(root=root, timeout_s=0.5)


async def test_a_url_and_a_token_reach_a_gateway_without_its_workspace(gateway, root, node):
    token = (root / ".lab" / "gateway.token").read_text()
    async with await connect(url=gateway.url, token=token) as desk:
        assert desk.trader == "PAPER-001"
        assert desk.node.is_up


async def test_a_token_may_come_from_the_environment(gateway, root, monkeypatch):
    monkeypatch.setenv("NL_TOKEN", (root / ".lab" / "gateway.token").read_text())
    async with await connect(url=gateway.url) as desk:
        assert desk.connection is ConnectionState.CONNECTED


async def test_a_wrong_token_is_refused_once_and_never_shown(gateway):
    with pytest.raises(AccessDenied) as error:
        await connect(url=gateway.url, token="secret-nonsense")
    assert "secret-nonsense" not in str(error.value)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/stream", "nonsense"])
async def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(InputError, match="url must be"):
        await connect(url=url, token="t")


async def test_nobody_at_a_url_ends_in_the_deadline_with_the_last_failure():
    with pytest.raises(DeadlineExceeded, match="gateway must answer"):
        await connect(url="ws://127.0.0.1:9/stream", token="t", timeout_s=0.3)


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan])
async def test_a_timeout_must_be_positive(timeout_s):
    with pytest.raises(InputError, match="timeout_s must be positive"):
        await connect(timeout_s=timeout_s)


async def test_an_unknown_setting_of_the_workspace_is_told(root):
    (root / "lab.toml").write_text("[streaming]\nspeed = 9\n")
    with pytest.raises(ConfigError, match=r"streaming\.speed"):
        await connect(root=root)


# --- what is on the desk --------------------------------------------------------------------


async def test_a_quote_is_one_object_that_keeps_up(desk, node):
    node.quote("AAPL.PAPER", 100.0, 100.5)
    await until(desk, lambda: "AAPL.PAPER" in desk.quotes)
    quote = desk.quotes["AAPL.PAPER"]
    assert (quote.bid, quote.ask, quote.mid, quote.simulated) == (100.0, 100.5, 100.25, True)
    node.quote("AAPL.PAPER", 101.0, 101.5)
    await until(desk, lambda: quote.bid == 101.0)
    assert desk.quotes["AAPL.PAPER"] is quote


async def test_an_order_is_followed_to_its_end_with_its_fills(desk, node):
    node.event(OrderUpdated(**ORDER, status="SUBMITTED"), ORDERS)
    await until(desk, lambda: "O-1" in desk.orders)
    order = desk.orders["O-1"]
    assert (order.status, order.is_done, order.remaining) == (OrderStatus.SUBMITTED, False, 10)
    node.fill(1)
    node.event(
        OrderUpdated(**ORDER, status="FILLED", filled=Decimal(10), average_price=Decimal("100.25")),
        ORDERS,
    )
    await until(desk, lambda: order.is_done)
    assert (order.status, order.remaining) == (OrderStatus.FILLED, 0)
    assert [fill.trade_id for fill in order.fills] == ["T-1"]
    assert order.average_price == Decimal("100.25")


async def test_orders_of_a_snapshot_in_parts_are_as_they_are_now(gateway, node, root):
    for number in range(800):
        for status in ("SUBMITTED", "ACCEPTED", "FILLED"):
            body = OrderUpdated(**ORDER | {"client_order_id": f"O-{number}", "status": status})
            node.event(body, ORDERS)
    statuses = set()
    async with await connect(root=root) as desk:
        desk.on_change(
            lambda change: statuses.update(order.status for order in desk.orders.values())
        )
        node.fill(1)
        await until(desk, lambda: desk.fills)
        assert len(desk.orders) == 800
        # None is what it was before it was filled, not even for a moment.
        assert statuses == {OrderStatus.FILLED}


async def test_a_status_of_a_newer_node_is_unknown_and_breaks_nothing(desk, node):
    node.event(OrderUpdated(**ORDER, status="TELEPORTED"), ORDERS)
    await until(desk, lambda: "O-1" in desk.orders)
    assert desk.orders["O-1"].status is OrderStatus.UNKNOWN


async def test_a_position_is_the_net_of_the_strategies(desk, node):
    node.put(position(10, 100.0, realised=5.0), "trading.position.PAPER-001.tilt.AAPL.PAPER")
    node.put(position(30, 104.0), "trading.position.PAPER-001.trend.AAPL.PAPER")
    await until(desk, lambda: desk.positions and desk.positions["AAPL.PAPER"].quantity == 40)
    held = desk.positions["AAPL.PAPER"]
    assert held.average_price == pytest.approx((10 * 100 + 30 * 104) / 40)
    assert held.unrealised == pytest.approx(10 * 10 + 30 * 6)
    assert held.market_value == pytest.approx(40 * 110)
    assert (held.realised, held.is_flat) == (5.0, False)
    assert held.by_strategy == {"tilt": 10, "trend": 30}


async def test_opposite_positions_have_no_average_price(desk, node):
    node.put(position(10, 100.0), "trading.position.PAPER-001.tilt.AAPL.PAPER")
    node.put(position(-10, 104.0), "trading.position.PAPER-001.trend.AAPL.PAPER")
    await until(desk, lambda: desk.positions and len(desk.positions["AAPL.PAPER"].by_strategy) == 2)
    assert desk.positions["AAPL.PAPER"].is_flat
    assert math.isnan(desk.positions["AAPL.PAPER"].average_price)


async def test_money_limits_and_breaches_are_there_by_name(desk, node):
    node.put(
        AccountUpdated(
            venue="PAPER",
            currency="USD",
            cash=1.0,
            equity=2.0,
            gross_exposure=3.0,
            net_exposure=4.0,
        ),
        "trading.account.PAPER-001.PAPER",
    )
    for scope, total in (("aaa", 1.0), ("account", 7.0)):
        node.put(
            PnlUpdated(
                scope=scope,
                currency="USD",
                realised=1.0,
                unrealised=2.0,
                commissions=3.0,
                total=total,
                equity=10.0,
            ),
            f"analytics.pnl.PAPER-001.{scope}",
        )
    node.put(
        LimitUpdated(
            limit="notional",
            scope="PAPER-001",
            value=80.0,
            limit_value=100.0,
            utilisation=0.8,
            level="warn",
        ),
        "risk.limit.PAPER-001.notional",
    )
    node.event(
        LimitBreach(
            limit="notional", scope="PAPER-001", value=120.0, limit_value=100.0, action="deny"
        ),
        "risk.breach.PAPER-001.notional",
    )
    await until(desk, lambda: desk.breaches and desk.limits and desk.pnls and desk.accounts)
    assert (desk.account.cash, desk.account.net_exposure) == (1.0, 4.0)
    assert desk.pnl.total == 7.0
    assert desk.limits["notional"].utilisation == 0.8
    assert desk.breaches[-1].value == 120.0


async def test_a_desk_that_saw_nothing_yet_has_infinite_age_and_no_money(root):
    desk = Desk(trader="PAPER-001", locate=lambda: None)
    assert math.isinf(desk.age_s)
    assert math.isnan(desk.pnl.equity)
    assert math.isnan(desk.account.cash)


async def test_age_grows_while_the_node_is_silent_and_falls_when_it_speaks(desk, node):
    node.quote("AAPL.PAPER", 100.0, 100.5)
    await until(desk, lambda: desk.quotes)
    await asyncio.sleep(0.5)
    assert desk.age_s >= 0.5
    assert desk.quote_age_s >= 0.5
    node.quote("AAPL.PAPER", 101.0, 101.5)
    await desk.changed()
    assert desk.age_s < 0.5


async def test_the_nodes_own_word_on_its_state_is_followed(desk, node):
    node.event(
        NodeStateChanged(component="node", state="degraded", reason="venue is slow"),
        "system.node.PAPER-001",
    )
    await until(desk, lambda: desk.node.state is NodeState.DEGRADED)
    assert desk.node.is_up


async def test_history_is_asked_of_the_gateway(desk, node):
    node.quote("AAPL.PAPER", 100.0, 102.0)
    await until(desk, lambda: desk.quotes)
    (series,) = await desk.history("market.quote.PAPER.AAPL")
    assert (series.simulated, series.points[-1][1]) == (True, 101.0)
    with pytest.raises(InputError, match="seconds must be positive"):
        await desk.history(">", seconds=math.nan)


# --- hearing of changes ---------------------------------------------------------------------


async def test_changes_name_what_changed_and_end_with_the_desk(desk, node):
    seen = []

    async def listen() -> None:
        async for change in desk.changes():
            seen.append(change)

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    node.quote("AAPL.PAPER", 100.0, 100.5)
    node.fill(3)
    await until(desk, lambda: desk.fills and desk.quotes)
    await asyncio.sleep(0.05)
    await desk.close()
    await asyncio.wait_for(listening, 5)
    assert {Change("fill", "T-3"), Change("quote", "AAPL.PAPER")} <= set(seen)


async def test_a_handler_that_fails_is_logged_and_does_not_starve_the_next(desk, node, caplog):
    seen = []
    desk.on_change(lambda change: 1 / 0)
    stop = desk.on_change(seen.append)
    node.fill(1)
    await until(desk, lambda: desk.fills)
    assert Change("fill", "T-1") in seen
    assert "ZeroDivisionError" in caplog.text
    stop()
    stop()
    node.fill(2)
    await until(desk, lambda: len(desk.fills) == 2)
    assert Change("fill", "T-2") not in seen


async def test_waiting_for_a_change_has_a_deadline(desk):
    with pytest.raises(DeadlineExceeded):
        await desk.changed(timeout_s=0.05)


async def test_a_closed_desk_keeps_what_it_saw_and_waits_for_nothing(desk, node):
    node.quote("AAPL.PAPER", 100.0, 100.5)
    await until(desk, lambda: desk.quotes)
    await desk.close()
    assert desk.connection is ConnectionState.DISCONNECTED
    assert desk.quotes["AAPL.PAPER"].bid == 100.0
    with pytest.raises(NotReachable):
        await desk.changed()
    with pytest.raises(LifecycleError):
        await desk.history(">")
    await desk.close()


# --- coming back ----------------------------------------------------------------------------


@pytest.fixture
def hasty(desk: Desk) -> Desk:
    desk._link.backoff = Backoff(base_s=0.02, cap_s=0.1, attempts=60)
    return desk


async def test_a_new_gateway_on_another_port_is_found_and_no_fill_is_missed_or_doubled(
    hasty, node, root, gateway
):
    for number in range(5):
        node.fill(number)
    await until(hasty, lambda: len(hasty.fills) == 5)
    order_free_quote = node.quote("AAPL.PAPER", 100.0, 100.5)
    await until(hasty, lambda: hasty.quotes)
    quote = hasty.quotes["AAPL.PAPER"]
    await gateway.stop()
    await until(hasty, lambda: hasty.connection is ConnectionState.RECONNECTING)
    for number in range(5, 12):
        node.fill(number)
    node.states[order_free_quote.topic] = node.quote("AAPL.PAPER", 105.0, 105.5)
    second = StreamingEngine(
        root / ".lab", settings=StreamingSettings(conflate_ms=20, heartbeat_s=0.2)
    )
    await second.start()
    await until(hasty, lambda: len(hasty.fills) >= 12)
    assert [fill.trade_id for fill in hasty.fills] == [f"T-{n}" for n in range(12)]
    assert hasty.connection is ConnectionState.CONNECTED
    assert quote.bid == 105.0
    assert hasty.quotes["AAPL.PAPER"] is quote
    await second.stop()


async def test_a_node_that_restarts_keeps_fills_and_drops_what_it_no_longer_holds(desk, node, root):
    node.put(position(10, 100.0), "trading.position.PAPER-001.tilt.AAPL.PAPER")
    node.event(OrderUpdated(**ORDER, status="ACCEPTED"), ORDERS)
    node.fill(1)
    await until(desk, lambda: desk.fills and desk.positions and desk.orders)
    held, order = desk.positions["AAPL.PAPER"], desk.orders["O-1"]
    await node.stop()
    await until(desk, lambda: desk.node.state is NodeState.UNREACHABLE)
    async with FakeNode(root / ".lab", log=node.log) as successor:
        await until(desk, lambda: desk.node.epoch == 2)
        successor.fill(2)
        await until(desk, lambda: len(desk.fills) == 2)
    assert [fill.trade_id for fill in desk.fills] == ["T-1", "T-2"]
    assert "AAPL.PAPER" not in desk.positions
    assert held.is_flat
    assert order.status is OrderStatus.ACCEPTED


async def test_an_order_that_a_store_begun_anew_does_not_know_becomes_unknown(desk, node, root):
    for _ in range(5):
        node.event(OrderUpdated(**ORDER, status="ACCEPTED"), ORDERS)
    await until(desk, lambda: "O-1" in desk.orders)
    order = desk.orders["O-1"]
    await node.stop()
    async with FakeNode(root / ".lab") as stranger:  # the same epoch, fewer events
        await until(desk, lambda: order.status is OrderStatus.UNKNOWN)
        stranger.fill(9)
        await until(desk, lambda: desk.fills)
    assert not order.is_done


async def test_after_the_last_attempt_the_desk_is_in_error_until_it_is_told_to_reconnect(
    desk, node, root, gateway
):
    desk._link.backoff = Backoff(base_s=0.01, cap_s=0.01, attempts=2)
    await gateway.stop()
    await until(desk, lambda: desk.connection is ConnectionState.ERROR)
    with pytest.raises(NotReachable):
        await desk.changed()
    with pytest.raises(NodeNotRunning):
        await desk.reconnect()
    await gateway.start()
    await desk.reconnect()
    assert desk.connection is ConnectionState.CONNECTED


async def test_a_gateway_that_falls_silent_is_left(hasty, gateway):
    gateway._gateway._beating.cancel()
    await until(hasty, lambda: hasty.connection is ConnectionState.RECONNECTING)


# --- how it looks ---------------------------------------------------------------------------


async def test_the_repr_is_one_line_with_state_and_without_the_token(desk, root, node):
    node.quote("AAPL.PAPER", 1.0, 2.0)
    await until(desk, lambda: desk.quotes)
    token = (root / ".lab" / "gateway.token").read_text()
    text = repr(desk)
    assert "PAPER-001: connected, node running, SIMULATED, data 0." in text
    assert "\n" not in text
    assert token not in text
    assert token not in repr(desk._link.locate())
    assert token not in desk._repr_html_()


async def test_the_html_repr_escapes_what_it_shows():
    desk = Desk(trader="<script>alert(1)</script>", locate=lambda: None)
    assert "<script>" not in desk._repr_html_()


# --- for scripts ----------------------------------------------------------------------------


async def test_a_glance_gives_the_desk_as_it_is_and_lets_go(gateway, node, root):
    node.quote("AAPL.PAPER", 100.0, 100.5)
    await asyncio.sleep(0.1)
    desk = await asyncio.to_thread(glance, root=root)
    assert desk.quotes["AAPL.PAPER"].ask == 100.5
    assert desk.connection is ConnectionState.DISCONNECTED


async def test_a_glance_at_much_waits_for_all_of_its_parts(gateway, node, root):
    for number in range(800):
        body = OrderUpdated(**ORDER | {"client_order_id": f"O-{number}", "status": "FILLED"})
        node.event(body, ORDERS)
    for number in range(100):
        node.fill(number)
    desk = await asyncio.to_thread(glance, root=root)
    assert len(desk.fills) == 100
    assert len(desk.orders) == 800


async def test_a_glance_where_a_loop_runs_says_what_to_write(root):
    with pytest.raises(LifecycleError, match="for scripts") as error:
        glance(root=root)
    assert "await nl.connect()" in error.value.remedy


def test_the_client_is_light_to_import():
    heavy = ["pandas", "numpy", "nautilus_trader", "sqlalchemy", "pydantic", "IPython", "zmq"]
    code = f"import nautilus_lab.client, sys; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "[]"


def test_all_names_of_the_client_are_there():
    assert sorted(client.__all__) == client.__all__
    assert all(hasattr(client, name) for name in client.__all__)
    assert Path(client.__file__).name == "__init__.py"


async def test_a_failure_of_its_own_does_not_end_a_desk_unseen(hasty, node, monkeypatch, caplog):
    follow, failures = Book.follow, [ZeroDivisionError("a bad frame")]

    def fails_once(book, frame):
        if failures:
            raise failures.pop()
        return follow(book, frame)

    monkeypatch.setattr(Book, "follow", fails_once)
    node.fill(1)
    await until(hasty, lambda: len(hasty.fills) == 1)
    assert "a bad frame" in caplog.text
    assert hasty.connection is ConnectionState.CONNECTED
