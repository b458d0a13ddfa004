"""A desk of the past: as it was, visibly so, and nothing can be asked of it."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import FunctionType

import pytest

import nautilus_lab as nl
from nautilus_lab.client import Desk, connect, order
from nautilus_lab.client._past import PastDesk, instant_of
from nautilus_lab.client._view import View
from nautilus_lab.exceptions import DataError, InputError, LabError, LifecycleError
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import (
    AccountUpdated,
    Envelope,
    LimitUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
    StrategyUpdated,
    TradingStateUpdated,
)
from nautilus_lab.platform.recording import FlightRecorder, Recording
from nautilus_lab.platform.rundir import Home, Latch

SECOND = 1_000_000_000
# 2026-03-02 14:30:00 UTC
BEGIN = 1_772_461_800 * SECOND
ORDER = {
    "client_order_id": "O-1",
    "strategy": "HoldTargets-001",
    "instrument": "AAPL.PAPER",
    "side": "BUY",
    "order_type": "MARKET",
    "quantity": Decimal(10),
}


class Day:
    """Tells a recorder what a node would, at seconds after half past two."""

    def __init__(self, recorder):
        self.recorder = recorder
        self.seq = 0

    def event(self, second, body, topic):
        self.seq += 1
        self._tell(second, body, topic, self.seq)

    def state(self, second, body, topic):
        self._tell(second, body, topic, None)

    def quote(self, second, bid):
        at = BEGIN + second * SECOND
        self.recorder.quote("AAPL.PAPER", bid, bid + 0.1, 5.0, 6.0, ts=at, source_ts=7)

    def _tell(self, second, body, topic, seq):
        self.recorder.envelope(
            Envelope(
                id=f"{second}-{topic}",
                topic=topic,
                ts=BEGIN + second * SECOND,
                trader="PAPER-001",
                writer="node",
                epoch=1,
                seq=seq,
                simulated=True,
                body=body,
            )
        )


@pytest.fixture
def rundir(root):
    return Home(root / ".lab").make().trader("PAPER-001").make()


@pytest.fixture
def recorded(rundir):
    """Two minutes: an order at 10 s, filled at 20 s, a halt at 90 s."""
    with FlightRecorder(rundir.recording, trader="PAPER-001", epoch=1, simulated=True) as recorder:
        day = Day(recorder)
        day.event(0, NodeStateChanged(component="node", state="running"), "system.node.PAPER-001")
        day.state(0, TradingStateUpdated(state="ACTIVE"), "risk.state.PAPER-001")
        day.quote(1, 100.0)
        day.event(10, OrderUpdated(**ORDER, status="SUBMITTED"), "trading.order.PAPER-001.H")
        day.event(
            20,
            OrderFilled(
                trade_id="V-1",
                client_order_id="O-1",
                strategy="HoldTargets-001",
                instrument="AAPL.PAPER",
                side="BUY",
                quantity=Decimal(10),
                price=Decimal("100.1"),
            ),
            "trading.fill.PAPER-001.H",
        )
        filled = OrderUpdated(**ORDER, status="FILLED", filled=Decimal(10))
        day.event(20, filled, "trading.order.PAPER-001.H")
        day.state(
            21,
            PositionUpdated(
                instrument="AAPL.PAPER",
                quantity=10.0,
                average_price=100.1,
                market_price=100.05,
                market_value=1000.5,
                unrealised=-0.5,
                realised=0.0,
            ),
            "trading.position.PAPER-001.all.AAPL.PAPER",
        )
        day.state(
            22,
            AccountUpdated(
                venue="PAPER",
                currency="USD",
                cash=9_000.0,
                equity=10_000.5,
                gross_exposure=1000.5,
                net_exposure=1000.5,
            ),
            "trading.account.PAPER-001.PAPER",
        )
        day.state(
            22,
            PnlUpdated(
                scope="account",
                currency="USD",
                realised=0.0,
                unrealised=-0.5,
                commissions=0.0,
                total=-0.5,
                equity=10_000.5,
            ),
            "analytics.pnl.PAPER-001.account",
        )
        day.state(
            23,
            LimitUpdated(
                limit="max_order_notional",
                scope="order",
                value=1.0,
                limit_value=2.0,
                utilisation=0.5,
                level="ok",
            ),
            "risk.limit.PAPER-001.max_order_notional",
        )
        day.state(
            24,
            StrategyUpdated(strategy="HoldTargets-001", name="h", version="1", state="running"),
            "strategy.state.PAPER-001.HoldTargets-001",
        )
        day.quote(60, 101.0)
        day.state(90, TradingStateUpdated(state="HALTED", by="ana"), "risk.state.PAPER-001")
        day.quote(120, 102.0)
    return rundir.recording


async def past(root, at="2026-03-02 14:31"):
    return await connect(root=root, at=at)


async def test_it_is_the_desk_as_it_was_at_that_minute(root, recorded):
    desk = await past(root)
    assert desk.quotes["AAPL.PAPER"].bid == 101.0
    assert desk.positions["AAPL.PAPER"].quantity == 10.0
    assert desk.orders["O-1"].status.value == "FILLED"
    assert [fill.trade_id for fill in desk.orders["O-1"].fills] == ["V-1"]
    assert (desk.account.equity, desk.pnl.total) == (10_000.5, -0.5)
    assert desk.limits["max_order_notional"].utilisation == 0.5
    assert desk.trading_state.state.value == "ACTIVE"
    assert desk.strategies["HoldTargets-001"].state == "running"
    assert desk.node.state.value == "running"
    assert desk.trade("O-1").is_done


async def test_a_second_before_the_fill_there_was_none(root, recorded):
    desk = await past(root, "2026-03-02 14:30:19")
    assert desk.orders["O-1"].status.value == "SUBMITTED"
    assert list(desk.fills) == []
    assert desk.positions == {}
    assert desk.age_s == 9.0
    assert desk.quote_age_s == 18.0


async def test_it_can_be_told_from_the_present_at_a_glance(root, recorded):
    desk = await past(root)
    assert isinstance(desk, Desk)
    assert desk.past == datetime(2026, 3, 2, 14, 31, tzinfo=UTC)
    assert desk.connection is ConnectionState.DISCONNECTED
    assert repr(desk) == (
        "<Desk PAPER-001 of the PAST, as of 2026-03-02 14:31:00.000 UTC, read-only: "
        "node running, SIMULATED, data 0.0 s old then>"
    )
    assert "<b>PAST</b> as of 2026-03-02 14:31:00.000 UTC, read-only" in desk._repr_html_()


async def test_a_later_instant_moves_the_objects_that_were_handed_out(root, recorded):
    desk = await past(root)
    quote, heard = desk.quotes["AAPL.PAPER"], []
    desk.on_change(heard.append)
    await desk.forward(60)
    assert desk.past == datetime(2026, 3, 2, 14, 32, tzinfo=UTC)
    assert quote.bid == 102.0
    assert desk.trading_state.state.value == "HALTED"
    assert len(desk.fills) == 1
    assert [change.kind for change in heard] == ["snapshot"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
async def test_it_goes_forward_only(root, recorded, seconds):
    with pytest.raises(InputError, match="must be positive"):
        await (await past(root)).forward(seconds)


def limit(side, price):
    return order("AAPL.PAPER", side, 1, order_type="LIMIT", limit_price=price)


# Those that only look; every other method of a desk asks for something, and is refused.
LOOKS = {"changes", "close", "find", "may", "on_change", "trade"}
# name -> how to call it
ASKS = {
    "acknowledge": lambda d: d.acknowledge("A-1", note="now"),
    "ask_resume": lambda d: d.ask_resume("now"),
    "bracket": lambda d: d.bracket(limit("BUY", 1), take_profit=2, stop_loss="0.5"),
    "cancel": lambda d: d.cancel("O-1"),
    "cancel_all": lambda d: d.cancel_all(),
    "changed": lambda d: d.changed(),
    "command": lambda d: d.command("node.stop"),
    "deploy": lambda d: d.deploy("tilt", "1"),
    "halt": lambda d: d.halt("now"),
    "history": lambda d: d.history(),
    "kill": lambda d: d.kill("now"),
    "modify": lambda d: d.modify("O-1", quantity=5),
    "oco": lambda d: d.oco(limit("BUY", 1), limit("SELL", 2)),
    "open_alerts": lambda d: d.open_alerts(),
    "reconnect": lambda d: d.reconnect(),
    "reduce_only": lambda d: d.reduce_only("now"),
    "resume": lambda d: d.resume("now"),
    "submit": lambda d: d.submit("AAPL.PAPER", "BUY", 1),
    "submit_list": lambda d: d.submit_list([limit("BUY", 1)]),
    "until": lambda d: d.until(lambda: False),
}


def methods(kind):
    return {
        name
        for name, member in vars(kind).items()
        if not name.startswith("_") and isinstance(member, FunctionType | classmethod)
    }


def test_this_file_knows_every_method_of_a_desk():
    assert methods(Desk) | methods(View) == LOOKS | ASKS.keys()


@pytest.mark.parametrize("name", sorted(ASKS))
async def test_whatever_would_ask_the_node_is_refused(root, recorded, name):
    desk = await past(root)
    with pytest.raises(LifecycleError, match="there to be looked at"):
        await ASKS[name](desk)


@pytest.mark.parametrize("name", ["deploy", "pause", "remove", "replace", "resume", "start"])
async def test_strategies_of_the_past_cannot_be_steered(root, recorded, name):
    desk = await past(root)
    arguments = ("HoldTargets-001", "1") if name in ("deploy", "replace") else ("HoldTargets-001",)
    more = {"cancel_orders": True} if name == "pause" else {}
    with pytest.raises(LifecycleError, match="there to be looked at"):
        await getattr(desk.strategies, name)(*arguments, **more)


async def test_a_trade_of_the_past_cannot_be_cancelled(root, recorded):
    trade = (await past(root, "2026-03-02 14:30:19")).trade("O-1")
    with pytest.raises(LifecycleError, match="there to be looked at"):
        await trade.cancel()


async def test_a_halt_of_the_past_does_not_touch_the_latch_of_the_present(root, recorded, rundir):
    latch = Latch(rundir.latch, witness=rundir.store)
    latch.begin()
    with pytest.raises(LifecycleError):
        await (await past(root)).halt("now")
    assert latch.read().state == "ACTIVE"


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-02 14:31",
        "2026-03-02T14:31:00Z",
        "2026-03-02 15:31:00+01:00",
        datetime(2026, 3, 2, 14, 31),
        datetime(2026, 3, 2, 14, 31, tzinfo=UTC),
        datetime(2026, 3, 2, 9, 31, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_time_without_a_zone_is_utc(at):
    assert instant_of(at) == datetime(2026, 3, 2, 14, 31, tzinfo=UTC)


@pytest.mark.parametrize("at", ["2026-03-02", "20260302", "half past two", "", 14.31, 0, True])
async def test_what_is_no_instant_is_refused(root, recorded, at):
    with pytest.raises(InputError, match="a date and a time"):
        await past(root, at)


@pytest.mark.parametrize("at", ["2026-03-02 14:29", "9999-12-31 23:59"])
async def test_an_instant_outside_of_the_recording_names_what_it_covers(root, recorded, at):
    with pytest.raises(InputError, match="within the recording") as caught:
        await past(root, at)
    assert "it covers 2026-03-02 14:30:00.000 UTC to" in caught.value.remedy


async def test_a_trader_without_a_recording_is_a_clear_error(root, rundir):
    with pytest.raises(DataError, match="must have a recording"):
        await past(root)
    with pytest.raises(LabError):
        await connect("../etc", root=root, at="2026-03-02 14:31")


@pytest.mark.parametrize(
    "more", [{"url": "ws://127.0.0.1:1/stream"}, {"token": "x"}, {"role": "operator"}]
)
async def test_what_means_a_gateway_means_nothing_in_the_past(root, recorded, more):
    with pytest.raises(InputError, match="own recording"):
        await connect(root=root, at="2026-03-02 14:31", **more)


async def test_only_the_topics_that_are_wanted_are_shown(root, recorded):
    desk = await connect(root=root, at="2026-03-02 14:31", patterns=("market.>",))
    assert set(desk.quotes) == {"AAPL.PAPER"}
    assert desk.orders == {}


async def test_in_a_gap_it_says_why_and_that_no_node_answered(root, rundir):
    for epoch in (1, 2):
        with FlightRecorder(rundir.recording, trader="PAPER-001", epoch=epoch) as recorder:
            recorder.flush()
    (gap,) = Recording(rundir.recording).coverage().gaps
    middle = datetime.fromtimestamp((gap.begin_ns + gap.end_ns) / 2e9, UTC)
    desk = await past(root, middle)
    assert desk.gap == "no node ran"
    assert desk.node.state.value == "unreachable"
    assert "IN A GAP: no node ran" in repr(desk)
    assert "In a gap" in desk._repr_html_()


async def test_the_package_offers_it_and_it_closes_like_any_desk(root, recorded):
    async with await nl.connect(root=root, at="2026-03-02 14:31") as desk:
        assert isinstance(desk, PastDesk)
        with pytest.raises(LifecycleError):
            async with asyncio.timeout(1):
                await desk.changed()
    assert desk.quotes["AAPL.PAPER"].bid == 101.0


def test_a_client_of_the_present_loads_no_arrow():
    code = (
        "import sys, nautilus_lab.client, nautilus_lab.client._past;"
        "sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
