"""The trading page over a real gateway and a node's stand-in: what it shows, asks and refuses."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from nautilus_lab.client import Desk
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import AccessDenied, InputError, OrderDenied
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.messages import (
    AccountUpdated,
    AlertRaised,
    HealthUpdated,
    OrderRouted,
    PnlUpdated,
    QuoteUpdated,
    RouteLeg,
    StrategyUpdated,
    TradingStateUpdated,
)
from nautilus_lab.platform.rundir import Home, Latch
from nautilus_lab.streaming import StreamingEngine
from nautilus_lab.widgets import TradingDashboard, _page, trading_dashboard
from tests.client.trading_node import TradingNode
from tests.widgets.conftest import until

pytestmark = pytest.mark.usefixtures("hasty")

SCRIPT = "<img src=x onerror=alert(1)>"
FORM = {
    "instrument": "AAPL.PAPER",
    "side": "BUY",
    "quantity": "10",
    "order_type": "LIMIT",
    "limit_price": "99.50",
    "time_in_force": "GTC",
}


@pytest.fixture
async def node(root: Path) -> AsyncIterator[TradingNode]:
    async with TradingNode(root / ".lab") as node:
        yield node


@pytest.fixture
async def gateway(root: Path, node: TradingNode) -> AsyncIterator[StreamingEngine]:
    settings = StreamingSettings(conflate_ms=10, heartbeat_s=0.2)
    engine = StreamingEngine(root / ".lab", settings=settings)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def open_page(root, gateway):
    """Open a page of the workspace's owner, a viewer, or whoever a token speaks for."""
    opened: list[TradingDashboard] = []

    async def open_one(*, role: str = "operator", roles: frozenset[Role] | None = None):
        if roles is None:
            desk = Desk.find(root=root, role=role)
        else:
            token = TokenIssuer(signing_key(root / ".lab" / "signing.key")).issue(
                Principal("ada", roles)
            )
            desk = Desk.find("PAPER-001", url=gateway.url, token=token)
        page = trading_dashboard(desk)
        opened.append(page)
        await until(lambda: page.status.state["level"] == "ok" and page.status.state["who"])
        return page

    yield open_one
    for page in opened:
        await page.close()
        await page.desk.close()


@pytest.fixture
async def page(open_page) -> TradingDashboard:
    return await open_page()


@pytest.fixture
async def viewer(open_page) -> TradingDashboard:
    return await open_page(role="viewer")


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What widgets send to their pages, as the pages get it."""
    messages = []

    def remember(self, content, buffers=None):
        messages.append((self, json.loads(json.dumps(content, allow_nan=False))))

    monkeypatch.setattr("ipywidgets.Widget.send", remember)
    return messages


def order(node, name, **fields) -> None:
    """The node tells of a new order."""
    given = {"side": "BUY", "order_type": "LIMIT", "quantity": Decimal(1), "status": "ACCEPTED"}
    node.order(name, **given | fields)


def says(widget, **content) -> None:
    """A page says something to its widget."""
    widget._heard(widget, content, [])


async def answer(sent, widget) -> dict:
    """Wait for what a widget answers; every answer is taken once."""

    def found():
        return [m for m in sent if m[0] is widget and m[1]["kind"] == "answer"]

    await until(found)
    first = found()[0]
    sent.remove(first)
    return first[1]


def row(grid, row_id) -> dict:
    return next((r for r in grid.rows if r["id"] == row_id), {})


# --- what is shown ----------------------------------------------------------------------------


async def test_an_order_of_somebody_else_works_and_ends_with_the_reason_of_its_venue(page, node):
    order(
        node,
        "O-1",
        side="SELL",
        quantity=Decimal("0.25"),
        limit_price=Decimal("1.08321"),
        by="ann",
    )
    await until(lambda: page.working.rows)
    shown = page.working.rows[0]
    assert (shown["by"], shown["quantity"], shown["price"]) == ("ann", 0.25, 1.08321)
    assert shown["cancel"] == "cancel"
    node.order("O-1", status="REJECTED", reason=SCRIPT)
    await until(lambda: page.ended.rows)
    assert page.working.rows == []
    assert page.ended.rows[0]["status"] == "REJECTED"
    assert page.ended.rows[0]["reason"] == SCRIPT  # as text; the browser's test shows that it is


async def test_an_order_is_told_with_all_that_works_for_it(page, node):
    order(
        node,
        "O-1",
        quantity=Decimal(100),
        status="INITIALIZED",
        algorithm="SMART",
        arrival_price=Decimal(100),
    )
    for number, quantity in ((1, 60), (2, 40)):
        order(node, f"O-1-{number}", quantity=Decimal(quantity), parent="O-1")
    node.execute("O-1-1", 60, "100.10", "T-1")
    await until(lambda: row(page.working, "O-1").get("filled") == 60.0)
    assert row(page.working, "O-1")["status"] == "PARTIALLY_FILLED"
    assert row(page.working, "O-1-2")["type"].endswith("part")
    # Nautilus ends the parent of a routed order before its legs have traded.
    node.order("O-1", status="CANCELED")
    await until(lambda: page.desk.orders["O-1"].is_done)
    assert row(page.working, "O-1")["filled"] == 60.0
    node.execute("O-1-2", 40, "100.20", "T-2")
    await until(lambda: row(page.ended, "O-1"))
    whole = row(page.ended, "O-1")
    assert (whole["status"], whole["filled"]) == ("FILLED", 100.0)
    assert whole["average"] == pytest.approx(100.14)
    assert whole["slippage"] == pytest.approx(14.0)
    assert page.working.rows == []


async def test_an_order_that_trails_says_by_how_much_and_where_its_trigger_stands(page, node):
    order(
        node,
        "O-1",
        side="SELL",
        order_type="TRAILING_STOP_MARKET",
        trailing_offset=Decimal(500),
        offset_type="BASIS_POINTS",
        trigger_price=Decimal("69.20"),
    )
    await until(lambda: row(page.working, "O-1"))
    shown = row(page.working, "O-1")
    assert (shown["type"], shown["trigger"]) == ("trailing stop · 500 bp", 69.2)
    node.order("O-1", trigger_price=Decimal("69.40"))
    await until(lambda: row(page.working, "O-1")["trigger"] == 69.4)


async def test_what_people_earned_by_hand_and_all_together_stand_with_the_strategies(page, node):
    trend = StrategyUpdated(strategy="trend-001", name="trend", version="1", state="running")
    node.put(trend, "strategy.state.PAPER-001.trend-001")
    order(node, "O-1", strategy="Manual-000")
    for scope, total in (("Manual-000", -12.5), ("trend-001", 40.0), ("account", 27.5)):
        money = PnlUpdated(
            scope=scope, currency="USD", realised=total + 2.0, unrealised=0.0, commissions=2.0,
            total=total, equity=0.0,
        )  # fmt: skip
        node.put(money, f"analytics.pnl.PAPER-001.{scope}")
    await until(lambda: row(page.strategies, "account").get("pnl") == 27.5)
    shown = {r["strategy"]: (r["pnl"], r["working"], r["act"]) for r in page.strategies.rows}
    assert shown == {
        "trend-001": (40.0, 0, "pause"),
        "Manual-000": (-12.5, 1, ""),
        "Σ all": (27.5, 1, ""),
    }


async def test_the_ticket_offers_the_instruments_of_the_first_venue_first(page, node):
    for venue in ("PAPER", "ALPHA"):  # as the trader's settings have them
        account = AccountUpdated(
            venue=venue, currency="USD", cash=0.0, equity=0.0, gross_exposure=0.0, net_exposure=0.0
        )
        node.put(account, f"trading.account.PAPER-001.{venue}")
    for name in ("AAPL.ALPHA", "MSFT.PAPER"):
        symbol, venue = name.split(".")
        node.put(QuoteUpdated(instrument=name, bid=1.0, ask=2.0), f"market.quote.{venue}.{symbol}")
    await until(lambda: "AAPL.ALPHA" in page.ticket.instruments)
    names = page.ticket.instruments
    assert names[-1] == "AAPL.ALPHA"
    assert names[:-1] == sorted(n for n in names if n.endswith(".PAPER"))


async def test_the_two_sides_of_a_trade_with_oneself_are_two_fills(page, node):
    for name, side in (("O-1", "BUY"), ("O-2", "SELL")):
        order(node, name, side=side, quantity=Decimal(5))
        node.execute(name, 5, "100", "T-1")
    await until(lambda: len(page.fills.rows) == 2)
    assert {fill["side"] for fill in page.fills.rows} == {"BUY", "SELL"}


async def test_every_venue_of_the_chosen_symbol_is_shown_and_where_it_is_best(page, node, sent):
    for venue, bid, ask in (("PAPER", 99.9, 100.1), ("ALPHA", 99.95, 100.1), ("BETA", 99.8, 100.0)):
        node.quote(f"AAPL.{venue}", bid, ask)
    node.quote("MSFT.PAPER", 50.0, 50.1)
    await until(lambda: len(page.ticket.instruments) == 4)
    assert page.markets.rows == []  # nothing is chosen yet
    says(page.ticket, kind="chosen", instrument="AAPL.PAPER")
    assert {r["venue"]: r["best"] for r in page.markets.rows} == {
        "PAPER": "",
        "ALPHA": "bid",
        "BETA": "ask",
    }
    market = [m for w, m in sent if w is page.ticket and m["kind"] == "market"][-1]
    assert (market["name"], market["bid"], market["ask"]) == ("AAPL.PAPER", 99.9, 100.1)
    says(page.ticket, kind="chosen", instrument="MSFT.PAPER")
    assert [r["venue"] for r in page.markets.rows] == ["PAPER"]


async def test_decisions_of_the_router_and_alerts_are_told_with_their_reasons(page, node):
    leg = RouteLeg(
        venue="ALPHA",
        client_order_id="O-1-1",
        quantity=Decimal(500),
        price=Decimal("154.68"),
        available=Decimal(500),
        fee_bps=0.5,
    )
    node.event(
        OrderRouted(
            client_order_id="O-1",
            instrument="MSFT.PAPER",
            side="BUY",
            quantity=Decimal(600),
            legs=(leg,),
            expected_cost=Decimal("77340.00"),
            policy="best price after fees",
            unplaced=Decimal(100),
            passed_over=("BETA: stale: 12 s old",),
        ),
        "trading.route.PAPER-001.Manual-000",
    )
    node.event(
        AlertRaised(severity="critical", component="node", rule="it froze", detail=SCRIPT),
        "system.alert.PAPER-001",
    )
    await until(lambda: page.routes.rows and page.alerts.rows)
    assert page.routes.rows[0]["legs"] == "500 ALPHA at 154.68, fee 0.5 bp"
    assert page.routes.rows[0]["over"] == "100 unplaced; BETA: stale: 12 s old"
    assert page.alerts.rows[0]["text"] == f"node: it froze: {SCRIPT}"


async def test_a_decision_is_shown_although_the_next_one_came_before_the_page_looked(
    page, node, monkeypatch
):
    monkeypatch.setattr(_page, "_REFRESH_S", 0.5)
    await asyncio.sleep(0.1)  # the last of the short ones
    first = OrderRouted(
        client_order_id="O-1",
        instrument="MSFT.PAPER",
        side="BUY",
        quantity=Decimal(700),
        legs=(),
        expected_cost=Decimal("77340.00"),
        policy="best price after fees",
    )
    for quantity in (700, 200, 50):
        node.event(
            msgspec.structs.replace(first, quantity=Decimal(quantity)),
            "trading.route.PAPER-001.MSFT.PAPER",
        )
    told = ["buy 700 MSFT", "buy 200 MSFT", "buy 50 MSFT"]
    await until(lambda: len(page.routes.rows) >= len(told))
    assert [row["what"] for row in page.routes.rows] == told
    page.show_all()
    assert [row["what"] for row in page.routes.rows] == told


async def test_a_part_that_fell_silent_is_not_said_to_run(page, node):
    beat = HealthUpdated(component="node", state="running", loop_lag_ms=3.5, rss_mib=400.0)
    node.put(beat, "system.health.PAPER-001")
    await until(lambda: row(page.health, "node"))
    assert (row(page.health, "node")["state"], row(page.health, "node")["lag"]) == ("running", 3.5)
    assert row(page.health, "gateway")["state"] == "connected"
    await node.stop()
    await until(lambda: row(page.health, "node")["state"] != "running")
    assert page.ticket.closed.startswith("the node is ")
    await node.start()
    await until(lambda: page.ticket.closed == "")


async def test_without_a_gateway_nothing_can_be_sent(page, gateway):
    await gateway.stop()
    await until(lambda: page.ticket.closed == "not connected")
    assert row(page.health, "gateway")["state"] == "reconnecting"


async def test_a_halt_that_somebody_else_ordered_is_shown_with_its_reason(page, node):
    assert page.controls.state["state"] == "UNKNOWN"  # this node has not said
    told = TradingStateUpdated(state="HALTED", since_ns=1_000_000_000, reason=SCRIPT, by="ann")
    node.put(told, "risk.state.PAPER-001")
    await until(lambda: page.controls.state["state"] == "HALTED")
    assert page.controls.state["reason"] == SCRIPT
    assert page.controls.state["since"] == 1.0
    assert page.ticket.notice.startswith("HALTED")
    assert page.ticket.closed == ""  # the node decides, not what a page knows


async def test_five_hundred_working_orders_are_all_there_and_a_change_sends_one(page, node, sent):
    for number in range(500):
        order(node, f"O-{number}")
    await until(lambda: len(page.working.rows) == 500)
    sent.clear()
    node.order("O-250", status="PENDING_CANCEL")
    await until(lambda: row(page.working, "O-250")["status"] == "PENDING_CANCEL")
    told = [m for w, m in sent if w is page.working]
    assert [[r["id"] for r in m["rows"]] for m in told] == [["O-250"]]


# --- what is asked ----------------------------------------------------------------------------


async def test_the_ticket_sends_exactly_what_stands_in_it(page, node, sent):
    says(page.ticket, kind="submit", fields=FORM | {"post_only": "on", "reduce_only": ""})
    await until(lambda: node.requests)
    asked = node.requests[0].body
    assert (asked.instrument, asked.side, asked.quantity) == ("AAPL.PAPER", "BUY", Decimal(10))
    assert (asked.order_type, asked.limit_price) == ("LIMIT", Decimal("99.50"))
    assert (asked.post_only, asked.reduce_only, asked.algorithm) == (True, False, None)
    (name,) = node.orders
    node.order(name, status="ACCEPTED")
    told = await answer(sent, page.ticket)
    assert (told["text"], told["level"]) == ("accepted", "ok")


async def test_a_fill_is_answered_with_what_was_paid(page, node, sent):
    async def fill(request):
        (name,) = node.orders
        node.execute(name, 10, "100.25", "T-1")

    node.after = fill
    market = {k: v for k, v in FORM.items() if k != "limit_price"} | {"order_type": "MARKET"}
    says(page.ticket, kind="submit", fields=market)
    told = await answer(sent, page.ticket)
    assert (told["text"], told["level"]) == ("filled 10 of 10 at 100.2500", "ok")


async def test_a_refusal_is_answered_with_its_reason(page, node, sent):
    node.refusal = OrderDenied("HALTED: a drill", remedy="wait")
    says(page.ticket, kind="submit", fields=FORM)
    told = await answer(sent, page.ticket)
    assert "HALTED: a drill" in told["text"]
    assert told["level"] == "down"
    await until(lambda: page.ended.rows)
    assert page.ended.rows[0]["reason"] == "HALTED: a drill"


async def test_a_bracket_has_its_exits_and_cancelling_the_entry_asks_for_it_alone(page, node, sent):
    says(page.ticket, kind="submit", fields=FORM | {"take_profit": "110", "stop_loss": "90"})
    await until(lambda: len(page.working.rows) == 3)
    asked = node.requests[0]
    assert asked.name == "orders.bracket"
    assert asked.body.take_profit.limit_price == Decimal(110)
    assert asked.body.stop_loss.trigger_price == Decimal(90)
    entry = next(iter(node.orders))
    # The node takes the exits along; what the stand-in answers is one order.
    says(page.working, kind="press", id=entry, key="cancel")
    told = await answer(sent, page.working)
    assert (told["text"], told["of"]) == ("1 cancelled", entry)
    await until(lambda: row(page.ended, entry))


async def test_an_algorithm_is_told_its_parameters_as_numbers(page, node, sent):
    fields = {k: v for k, v in FORM.items() if k != "limit_price"}
    fields |= {"order_type": "MARKET", "algorithm": "VWAP"}
    given = {"horizon_secs": "600", "interval_secs": "30", "profile": "0.4, 0.6", "catch_up": ""}
    says(page.ticket, kind="submit", fields=fields, parameters=given | {"min_slice": ""})
    await until(lambda: node.requests)
    assert node.requests[0].body.algorithm == "VWAP"
    assert node.requests[0].body.parameters == {
        "horizon_secs": 600.0,
        "interval_secs": 30.0,
        "profile": "0.4, 0.6",
        "catch_up": False,
    }


@pytest.mark.parametrize(
    ("fields", "says_so"),
    [
        ({"quantity": ""}, "an order needs its quantity"),
        ({"quantity": "nan"}, "quantity must be finite"),
        ({"quantity": "ten"}, "quantity must be a number"),
        ({"quantity": "-1"}, "quantity must be positive"),
        ({"quantity": "1" * 200}, "text of at most 128 characters"),
        ({"limit_price": ""}, "a LIMIT order needs limit_price"),
        ({"limit_price": "inf"}, "limit_price must be finite"),
        ({"side": "HOLD"}, "side must be one of those known"),
        ({"order_type": "FREE"}, "order_type must be one of those known"),
        ({"trigger_price": "5"}, "a LIMIT order has no trigger_price"),
        ({"take_profit": "110"}, "a bracket has two exits"),
        ({"take_profit": "90", "stop_loss": "110"}, "must lie beyond its entry"),
        ({"time_in_force": "GTD", "minutes": "nan"}, "must end within a year"),
        ({"algorithm": "MAGIC"}, "an algorithm must be one that the ticket has"),
        ({"algorithm": "POV"}, "POV needs rate"),
        ({"post_only": "maybe"}, "a box is ticked or not"),
        ({"instrument": 5}, "a field holds text"),
        (None, "a ticket sends its fields by their names"),
    ],
)
async def test_what_is_filled_in_wrongly_is_answered_and_not_sent(
    page, node, sent, fields, says_so
):
    says(page.ticket, kind="submit", fields=fields and FORM | fields, parameters={})
    told = await answer(sent, page.ticket)
    assert says_so in told["text"]
    assert told["level"] == "down"
    assert node.requests == []


async def test_an_order_whose_answer_was_lost_is_said_to_be_unknown_until_it_is_found(
    page, node, sent, gateway
):
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def think(request):
        asked.set()
        await go_on.wait()

    node.before = think
    says(page.ticket, kind="submit", fields=FORM)
    await asked.wait()
    await gateway.stop()
    told = await answer(sent, page.ticket)
    assert told["text"].startswith("no answer: it may have been placed, or not")
    assert told["level"] == "warn"
    await until(lambda: page.working.rows)
    assert page.working.rows[0]["status"] == "UNKNOWN"
    go_on.set()
    await gateway.start()
    await until(lambda: page.working.rows and page.working.rows[0]["status"] == "SUBMITTED")
    assert (await answer(sent, page.ticket))["text"] == "submitted"
    assert len(node.requests) == 1


async def test_an_order_that_was_never_placed_is_found_out_to_be_none(page, node, sent, gateway):
    async def die(request):
        await gateway.stop()
        raise InputError("the node was killed over it")

    node.before = die
    says(page.ticket, kind="submit", fields=FORM)
    assert (await answer(sent, page.ticket))["level"] == "warn"
    await gateway.start()
    await until(lambda: page.ended.rows)
    assert page.ended.rows[0]["status"] == "DENIED"
    assert "it was not placed" in (await answer(sent, page.ticket))["text"]
    assert page.working.rows == []


async def test_what_goes_wrong_in_the_page_itself_is_said_and_never_called_done(
    page, sent, monkeypatch, caplog
):
    async def broken(*arguments, **more):
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr(page.desk, "submit", broken)
    says(page.ticket, kind="submit", fields=FORM)
    told = await answer(sent, page.ticket)
    assert told["level"] == "warn"
    assert "whether it was done is not known" in told["text"]
    assert "a slip" in caplog.text


async def test_trading_is_halted_and_resumed_with_a_reason_only(page, node, sent):
    says(page.controls, kind="act", action="halt", reason="  ")
    assert "say why" in (await answer(sent, page.controls))["text"]
    assert node.requests == []
    says(page.controls, kind="act", action="halt", reason="a drill")
    told = (await answer(sent, page.controls))["text"]
    assert told == "trading is HALTED; 0 orders left working"
    assert page.controls.state["state"] == "HALTED"
    says(page.controls, kind="act", action="resume", reason="it is over")
    assert (await answer(sent, page.controls))["text"] == "trading is ACTIVE"
    says(page.controls, kind="act", action="reduce_only", reason="a loss")
    assert (await answer(sent, page.controls))["text"] == "trading is REDUCE ONLY"
    says(page.controls, kind="act", action="fire_everyone", reason="no")
    assert "what its buttons say" in (await answer(sent, page.controls))["text"]


async def test_a_halt_that_only_the_latch_has_heard_of_is_told_as_that(page, node, sent, root):
    await node.stop()
    says(page.controls, kind="act", action="halt", reason="the node hangs")
    told = await answer(sent, page.controls)
    assert told["text"].startswith("the latch is written and trading is HALTED, but")
    run = Home(root / ".lab").trader("PAPER-001")
    assert Latch(run.latch, witness=run.store).read().state == "HALTED"
    await node.start()


async def test_a_halt_leaves_every_order_working_and_says_how_many(page, node, sent):
    for name, kind in (("O-1", "STOP_MARKET"), ("O-2", "LIMIT")):
        order(node, name, order_type=kind)
    await until(lambda: page.controls.state["working"] == 2)
    says(page.controls, kind="act", action="halt", reason="prices look wrong")
    told = await answer(sent, page.controls)
    assert told["text"] == "trading is HALTED; 2 orders left working"
    assert not node.requests[-1].body.cancel_orders
    assert {r["id"]: r["status"] for r in page.working.rows} == {
        "O-1": "ACCEPTED",
        "O-2": "ACCEPTED",
    }


async def test_halt_and_cancel_all_says_how_many_orders_it_ended(page, node, sent):
    for number in range(3):
        order(node, f"O-{number}")
    await until(lambda: page.controls.state["working"] == 3)
    says(page.controls, kind="act", action="halt_and_cancel", reason="the feed is wrong")
    told = await answer(sent, page.controls)
    assert told["text"] == "trading is HALTED; 3 orders cancelled"
    assert node.requests[-1].body.cancel_orders
    assert page.controls.state["working"] == 0


async def test_kill_cancels_what_works_and_takes_two_to_resume(page, node, sent):
    order(node, "O-1")
    await until(lambda: page.working.rows)
    says(page.controls, kind="act", action="kill", reason="")
    assert "say why" in (await answer(sent, page.controls))["text"]
    says(page.controls, kind="act", action="kill", reason="the feed is wrong")
    told = await answer(sent, page.controls)
    assert (told["text"], told["level"]) == ("trading is KILLED; 1 order cancelled", "ok")
    assert node.requests[-1].body.kill
    says(page.controls, kind="act", action="ask_resume", reason="the feed is mended")
    assert "somebody else resumes it" in (await answer(sent, page.controls))["text"]
    assert node.trading.state == "KILLED"


async def test_halt_and_cancel_all_says_what_has_not_ended_yet(page, node, sent):
    order(node, "O-1")
    order(node, "O-2")
    node.stubborn = {"O-2"}
    await until(lambda: page.controls.state["working"] == 2)
    says(page.controls, kind="act", action="halt_and_cancel", reason="the feed is wrong")
    told = await answer(sent, page.controls)
    assert told == {
        "kind": "answer",
        "level": "warn",
        "text": "trading is HALTED; 1 order cancelled, 1 not yet",
        "of": "",
    }


async def test_everything_is_cancelled_without_a_reason(page, node, sent):
    for number in range(3):
        order(node, f"O-{number}")
    says(page.controls, kind="act", action="cancel_all")
    assert (await answer(sent, page.controls))["text"] == "3 cancelled"
    await until(lambda: len(page.ended.rows) == 3)


async def test_a_strategys_button_does_what_its_state_allows(page, node, sent):
    def tell(state):
        body = StrategyUpdated(
            strategy="trend-001", name="trend", version="2", state=state, detail=SCRIPT
        )
        node.put(body, "strategy.state.PAPER-001.trend-001")

    tell("running")
    await until(lambda: page.strategies.rows)
    shown = page.strategies.rows[0]
    assert (shown["act"], shown["stop"], shown["version"]) == ("pause", "stop", "trend 2")
    assert shown["detail"] == SCRIPT
    says(page.strategies, kind="press", id="trend-001", key="act")
    assert (await answer(sent, page.strategies))["text"] == "trend-001 is paused"
    assert (node.requests[-1].name, node.requests[-1].body.cancel_orders) == (
        "strategy.pause",
        True,
    )
    await until(lambda: page.strategies.rows[0]["act"] == "resume")
    says(page.strategies, kind="press", id="trend-001", key="act")
    assert (await answer(sent, page.strategies))["text"] == "trend-001 is running"
    says(page.strategies, kind="press", id="trend-001", key="stop")
    assert (await answer(sent, page.strategies))["text"] == "trend-001 is stopped"
    await until(lambda: page.strategies.rows[0]["act"] == "start")
    assert page.strategies.rows[0]["stop"] == ""
    says(page.strategies, kind="press", id="trend-001", key="stop")  # a button that is not there
    says(page.strategies, kind="press", id="trend-001", key="act")
    assert (await answer(sent, page.strategies))["text"] == "trend-001 is running"
    assert [r.name.rpartition(".")[2] for r in node.requests] == [
        "pause",
        "resume",
        "stop",
        "start",
    ]


# --- who may ----------------------------------------------------------------------------------


async def test_a_viewers_page_has_no_button_and_forged_messages_reach_no_node(viewer, node, sent):
    order(node, "O-1")
    body = StrategyUpdated(strategy="trend-001", name="trend", version="2", state="running")
    node.put(body, "strategy.state.PAPER-001.trend-001")
    await until(lambda: viewer.working.rows and viewer.strategies.rows)
    assert viewer.ticket.closed == "this page may not send orders"
    assert viewer.controls.actions == []
    assert viewer.working.rows[0]["cancel"] == ""
    assert (viewer.strategies.rows[0]["act"], viewer.strategies.rows[0]["stop"]) == ("", "")
    assert viewer.status.state["who"].endswith("looks only")
    # What a page can change of its widgets changes nothing.
    viewer.ticket.closed = ""
    viewer.controls.actions = ["cancel_all", "halt", "resume"]
    viewer.working.columns = [{"key": "id", "kind": "action"}]
    viewer.working.rows = [{"id": "O-1", "cancel": "cancel"}]
    says(viewer.ticket, kind="submit", fields=FORM)
    assert "orders:write needs a role" in (await answer(sent, viewer.ticket))["text"]
    for action, needs in (
        ("cancel_all", "orders:cancel"),
        ("reduce_only", "risk:halt"),
        ("halt", "risk:halt"),
        ("kill", "risk:halt"),
        ("ask_resume", "risk:resume"),
        ("resume", "risk:resume"),
    ):
        says(viewer.controls, kind="act", action=action, reason="forged")
        told = await answer(sent, viewer.controls)
        assert f"{needs} needs a role" in told["text"]
    says(viewer.working, kind="press", id="O-1", key="id")
    says(viewer.working, kind="press", id="O-1", key="cancel")
    says(viewer.strategies, kind="press", id="trend-001", key="act")
    # Past what the page offers, each callback asks again who asks.
    for widget, asked in (
        (viewer.working, viewer._cancel("O-1")),
        (viewer.strategies, viewer._steer("trend-001", "act")),
    ):
        await widget.attempt(asked)
        assert "needs a role" in (await answer(sent, widget))["text"]
    # And so does the desk, and the gateway behind it.
    with pytest.raises(AccessDenied):
        await viewer.desk.cancel("O-1")
    with pytest.raises(AccessDenied):
        await viewer.desk.command("risk.halt", {"reason": "forged"})
    assert node.requests == []
    assert node.trading.state == "ACTIVE"


async def test_a_trader_may_halt_and_only_a_risk_officer_resumes(open_page, node, sent):
    trader = await open_page(roles=frozenset({Role.TRADER}))
    may = ["cancel_all", "reduce_only", "halt", "halt_and_cancel", "kill"]
    assert trader.controls.actions == may
    assert trader.ticket.closed == ""
    says(trader.controls, kind="act", action="halt", reason="a drill")
    assert (await answer(sent, trader.controls))["text"].startswith("trading is HALTED")
    says(trader.controls, kind="act", action="resume", reason="forged")
    assert "risk:resume needs a role" in (await answer(sent, trader.controls))["text"]
    assert node.trading.state == "HALTED"
    officer = await open_page(roles=frozenset({Role.RISK_OFFICER}))
    assert officer.controls.actions == [*may, "ask_resume", "resume"]
    assert officer.ticket.closed == "this page may not send orders"
    says(officer.controls, kind="act", action="resume", reason="it is over")
    assert (await answer(sent, officer.controls))["text"] == "trading is ACTIVE"
    assert officer.status.state["who"] == "ada · may halt"
