"""The risk page over a real desk of a stand-in of a node; what the page would show, without one."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from nautilus_lab.client import Desk
from nautilus_lab.config import StreamingSettings
from nautilus_lab.platform.messages import (
    AccountUpdated,
    LimitUpdated,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
)
from nautilus_lab.streaming import StreamingEngine
from nautilus_lab.widgets import RiskDashboard, _page, risk_dashboard
from tests.streaming.fake_node import FakeNode
from tests.widgets.conftest import until

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
async def node(root: Path) -> AsyncIterator[FakeNode]:
    async with FakeNode(root / ".lab") as node:
        engine = StreamingEngine(root / ".lab", settings=StreamingSettings(conflate_ms=10))
        await engine.start()
        yield node
        await engine.stop()


@pytest.fixture
async def dashboard(root: Path) -> AsyncIterator[RiskDashboard]:
    dashboard = risk_dashboard(Desk.find(root=root))
    yield dashboard
    await dashboard.close()
    await dashboard.desk.close()


def account(node: FakeNode, venue: str, cash: float, *, currency: str = "USD") -> None:
    node.put(
        AccountUpdated(
            venue=venue,
            currency=currency,
            cash=cash,
            equity=cash + 1_000.0,
            gross_exposure=3_000.0,
            net_exposure=1_000.0,
        ),
        f"trading.account.PAPER-001.{venue}",
    )


def book(node: FakeNode, equity: float) -> None:
    node.put(
        PnlUpdated(
            scope="account",
            currency="USD",
            realised=1.0,
            unrealised=equity - 1_000_001.0,
            commissions=2.0,
            total=equity - 1_000_000.0,
            equity=equity,
        ),
        "analytics.pnl.PAPER-001.account",
    )
    node.put(
        AccountUpdated(
            venue="PAPER",
            currency="USD",
            cash=900_000.0,
            equity=equity,
            gross_exposure=100_000.0,
            net_exposure=-50_000.0,
        ),
        "trading.account.PAPER-001.PAPER",
    )
    node.put(
        PositionUpdated(
            instrument="AAPL.PAPER",
            quantity=100.0,
            average_price=99.0,
            market_price=100.0,
            market_value=10_000.0,
            unrealised=100.0,
            realised=5.0,
        ),
        "trading.position.PAPER-001.tilt.AAPL.PAPER",
    )


async def test_without_a_node_the_page_says_so_and_finds_it_when_it_comes(root, dashboard):
    await until(lambda: "must run" in dashboard.age.state["detail"])
    state = dashboard.age.state
    assert state["headline"] == "No trading node is running"
    assert "nautilus-lab node start" in state["detail"]
    assert state["age_s"] is None
    async with FakeNode(root / ".lab") as node:
        engine = StreamingEngine(root / ".lab")
        await engine.start()
        book(node, 1_000_500.0)
        await until(lambda: dashboard.kpis.values.get("equity") == 1_000_500.0)
        assert dashboard.status.state["level"] == "ok"
        await engine.stop()


async def test_money_is_on_the_cards_and_the_equity_on_its_line(node, dashboard):
    book(node, 1_000_500.0)
    await until(lambda: dashboard.kpis.values.get("equity") == 1_000_500.0)
    assert dashboard.kpis.values["total"] == 500.0
    assert dashboard.kpis.values["net"] == -50_000.0
    assert dashboard.kpis.notes["total"] == "+0.050 % of start"
    assert dashboard.kpis.notes["gross"] == "10.0 % of equity"
    await until(lambda: dashboard.equity.base == 1_000_000.0)
    assert dashboard.equity.points[-1]["value"] == 1_000_500.0


async def test_the_accounts_of_several_venues_stand_in_a_table_and_add_up_on_the_cards(
    node, dashboard
):
    for venue, cash in (("ALPHA", 100.0), ("BETA", 20.0), ("PAPER", 3.0)):
        account(node, venue, cash)
    await until(lambda: len(dashboard.accounts.rows) == 3)
    assert {row["venue"]: row["cash"] for row in dashboard.accounts.rows} == {
        "ALPHA": 100.0,
        "BETA": 20.0,
        "PAPER": 3.0,
    }
    await until(lambda: dashboard.kpis.values.get("cash") == 123.0)
    assert (dashboard.kpis.values["gross"], dashboard.kpis.values["net"]) == (9_000.0, 3_000.0)


async def test_money_of_two_currencies_is_not_added_up(node, dashboard):
    account(node, "ALPHA", 100.0)
    account(node, "BETA", 20.0, currency="EUR")
    await until(lambda: len(dashboard.accounts.rows) == 2)
    await until(lambda: "cash" in dashboard.kpis.values)
    assert dashboard.kpis.values["cash"] is None


async def test_one_limit_of_several_scopes_has_a_row_of_each(node, dashboard):
    scopes = ("AAPL.PAPER", "AAPL.ALPHA", "AAPL", "Manual-000:AAPL.PAPER")
    for number, scope in enumerate(scopes):
        node.put(
            LimitUpdated(
                limit="max_position_notional",
                scope=scope,
                value=float(number),
                limit_value=10.0,
                utilisation=number / 10,
                level="ok",
            ),
            f"risk.limit.PAPER-001.max_position_notional.{scope}",
        )
    await until(lambda: len(dashboard.limits.rows) == 4)
    assert {row["scope"]: row["value"] for row in dashboard.limits.rows} == {
        scope: float(number) for number, scope in enumerate(scopes)
    }


async def test_limits_stand_the_worst_first_with_their_base_and_the_time_that_is_left(
    node, dashboard
):
    told = {
        "max_leverage": (1.23456, 1.5, 0.823, "warn", 2.0, 130.0),
        "margin": (1_234.56, 9_000.0, 0.137, "ok", None, None),
        "max_value_at_risk": (None, 9_000.0, None, "breach", None, None),
        "max_net_exposure": (9_500.0, 9_000.0, 1.05, "breach", 9_000.0, None),
    }
    for limit, (value, most, used, level, base, eta) in told.items():
        node.put(
            LimitUpdated(
                limit=limit, scope="account", value=value, limit_value=most, utilisation=used,
                level=level, base_value=base, eta_s=eta,
            ),
            f"risk.limit.PAPER-001.{limit}",
        )  # fmt: skip
    await until(lambda: len(dashboard.limits.rows) == 4)
    rows = [
        (row["id"], row["value"], row["most"], row["base"], row["utilisation"], row["left"])
        for row in dashboard.limits.rows
    ]
    assert rows == [
        ("max_value_at_risk", None, 9_000.0, None, "?", ""),
        ("max_net_exposure", 9_500.0, 9_000.0, None, 1.05, ""),
        ("max_leverage", 1.2346, 1.5, 2.0, 0.823, "~2 min"),
        ("margin", 1_235.0, 9_000.0, None, 0.137, ""),
    ]


async def test_what_is_simulated_is_marked_on_the_page_and_on_both_charts(node, dashboard):
    assert not dashboard.banner.simulated
    book(node, 1_000_500.0)
    await until(lambda: dashboard.banner.simulated)
    assert dashboard.equity.simulated
    assert dashboard.price.simulated


async def test_a_quote_moves_the_position_it_concerns_and_the_chosen_chart(node, dashboard):
    book(node, 1_000_000.0)
    await until(lambda: dashboard.positions.rows)
    node.quote("AAPL.PAPER", 101.0, 103.0)
    await until(lambda: dashboard.positions.rows[0]["price"] == 102.0)
    row = dashboard.positions.rows[0]
    assert row["value"] == pytest.approx(10_200.0)
    assert row["unrealised"] == pytest.approx(100 * (102.0 - 99.0))
    assert row["weight"] == pytest.approx(1.02)
    await until(lambda: dashboard.price.bars)
    assert dashboard.price.instrument == "AAPL.PAPER"
    assert dashboard.price.bars[-1]["close"] == 102.0


async def test_orders_fills_and_limits_come_into_their_grids(node, dashboard):
    node.event(
        OrderUpdated(
            client_order_id="O-1",
            strategy="tilt",
            instrument="AAPL.PAPER",
            side="BUY",
            order_type="MARKET",
            quantity=Decimal(10),
            status="FILLED",
            filled=Decimal(10),
        ),
        "trading.order.PAPER-001.tilt",
    )
    node.fill(1)
    node.put(
        LimitUpdated(
            limit="max_order_notional",
            scope="PAPER-001",
            value=90.0,
            limit_value=100.0,
            utilisation=0.9,
            level="warn",
        ),
        "risk.limit.PAPER-001.max_order_notional",
    )
    await until(lambda: dashboard.orders.rows and dashboard.fills.rows and dashboard.limits.rows)
    assert dashboard.orders.rows[0]["status"] == "FILLED"
    assert dashboard.fills.rows[0]["price"] == 100.25
    assert dashboard.limits.rows[0]["limit"] == "max order notional"
    assert dashboard.limits.rows[0]["utilisation"] == 0.9


async def test_a_page_that_opens_late_has_the_past_in_its_charts(node, root):
    for step in range(3):
        node.quote("AAPL.PAPER", 100.0 + step, 102.0 + step)
        book(node, 1_000_000.0 + step)
        await asyncio.sleep(1.05)
    late = risk_dashboard(Desk.find(root=root))
    await until(lambda: len(late.equity.points) >= 3)
    assert [p["value"] for p in late.equity.points[:2]] == [1_000_000.0, 1_000_001.0]
    await until(lambda: late.price.bars)
    await late.close()
    await late.desk.close()


async def test_a_node_that_dies_turns_the_page_down_and_says_why(node, dashboard):
    book(node, 1_000_000.0)
    await until(lambda: dashboard.status.state["level"] == "ok")
    await node.stop()
    await until(lambda: dashboard.status.state["level"] == "down")
    await until(lambda: "unreachable" in dashboard.age.state["detail"])
    await node.start()
    await until(lambda: dashboard.status.state["level"] == "ok")


async def test_a_value_that_cannot_be_shown_does_not_stop_the_page(dashboard, node, caplog):
    def broken() -> None:
        raise ZeroDivisionError("one bad value")

    dashboard._show_money, good = broken, dashboard._show_money
    book(node, 1_000_000.0)
    await until(lambda: "one bad value" in caplog.text)
    dashboard._show_money = good
    book(node, 1_000_700.0)
    await until(lambda: dashboard.kpis.values.get("equity") == 1_000_700.0)


async def test_a_kernel_of_voila_ends_when_its_page_is_gone(root, monkeypatch):
    ended = []
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    monkeypatch.setattr(_page, "_PING_S", 0.01)
    monkeypatch.setattr(_page, "_GONE_AFTER_S", 0.1)
    monkeypatch.setattr(_page.os, "_exit", ended.append)
    dashboard = risk_dashboard(Desk.find(root=root))
    await asyncio.sleep(0.3)
    assert ended == []  # nobody has come yet; the longer limit counts
    dashboard.pulse._heard(dashboard.pulse, {"kind": "ready"}, [])
    await until(lambda: ended)
    await dashboard.close()


async def test_a_kernel_of_a_notebook_never_ends_itself(root, monkeypatch):
    ended = []
    monkeypatch.setattr(_page, "_PING_S", 0.01)
    monkeypatch.setattr(_page, "_GONE_AFTER_S", 0.02)
    monkeypatch.setattr(_page.os, "_exit", ended.append)
    dashboard = risk_dashboard(Desk.find(root=root))
    dashboard.pulse._heard(dashboard.pulse, {"kind": "ready"}, [])
    await asyncio.sleep(0.2)
    assert ended == []
    await dashboard.close()
