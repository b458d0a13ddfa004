"""What a node writes down beside intents: settings, limits, fills, cancels, what differs."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab import Lab
from nautilus_lab.execution.gate import send_cancel
from nautilus_lab.platform.audit import AuditQueue, AuditTrail
from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.messages import OrderFilled
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.limits import LimitBook, MaxGrossExposure, MaxPositionUnits
from nautilus_lab.trading.node._audited import (
    OrdersAudited,
    fill_note,
    limits_note,
    settings_note,
)
from nautilus_lab.trading.node._guard import Guard
from nautilus_lab.trading.node._host import NodeHost

SECRET = "CANARY-5e77"


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


@pytest.fixture
def trail(store):
    return AuditTrail(store)


def rows(store):
    return [(row.kind, row.actor, json.loads(row.body)) for row in store.audit_rows()]


# --- as a node begins -------------------------------------------------------------------------


def settings(workspace, **changes):
    return Lab(workspace, **changes).settings


def test_settings_are_a_hash_and_names_and_no_value(workspace):
    url = f"rediss://ada:{SECRET}@redis.example:6380/0"
    note = settings_note(settings(workspace, trading={"heartbeat_s": 2.5}, bus={"url": url}))
    assert {"bus.url", "trading.heartbeat_s"} <= set(note.body["changed"])
    assert "trading.max_order_notional" not in note.body["changed"]
    assert SECRET not in str(note.body)
    assert "2.5" not in str(note.body)


def test_the_hash_is_of_the_settings_and_not_of_their_secrets(workspace):
    def made(secret, **trading):
        url = f"redis://ada:{secret}@localhost/0"
        return settings_note(settings(workspace, bus={"url": url}, trading=trading)).body["sha256"]

    assert made("one") == made("other")
    assert made("one") != made("one", heartbeat_s=2.5)


def test_limits_are_written_down_with_what_changed_since_the_last_time(trail, store):
    def begin(*limits):
        trail.append_many((limits_note(LimitBook(limits), store),))
        return rows(store)[-1][2]

    gross = MaxGrossExposure(max_fraction=1.5)
    first = begin(gross, MaxPositionUnits(max_units=10), MaxPositionUnits(max_units=5))
    assert list(first["created"]) == [
        "max_gross_exposure",
        "max_position_units",
        *("max_position_units 2",),
    ]
    assert (first["since"], first["removed"], first["changed"]) == (0, {}, {})
    trail.append("note", {}, actor="ana")
    second = begin(MaxGrossExposure(max_fraction=2.0), MaxPositionUnits(max_units=10))
    assert second["since"] == 1
    assert list(second["removed"]) == ["max_position_units 2"]
    assert second["changed"] == {
        "max_gross_exposure": {
            "before": {"limit": "max_gross_exposure", "max_fraction": "1.5"},
            "after": {"limit": "max_gross_exposure", "max_fraction": "2.0"},
        }
    }
    assert second["sha256"] != first["sha256"]
    third = begin(MaxGrossExposure(max_fraction=2.0), MaxPositionUnits(max_units=10))
    assert third["sha256"] == second["sha256"]
    assert (third["created"], third["removed"], third["changed"]) == ({}, {}, {})


@pytest.mark.parametrize("body", [{}, {"limits": "none"}, {"limits": None}])
def test_a_node_begins_also_when_the_last_limits_were_tampered_with(trail, store, caplog, body):
    trail.append("limits.book", body, actor="mallory")
    note = limits_note(LimitBook([MaxGrossExposure(max_fraction=1.5)]), store)
    assert list(note.body["created"]) == ["max_gross_exposure"]
    assert "row 1 of the audit trail tells of no limits" in caplog.text


# --- fills ------------------------------------------------------------------------------------


def fill(trade_id="T-1"):
    return OrderFilled(
        trade_id=trade_id,
        client_order_id="O-1",
        strategy="S-1",
        instrument="AAPL.PAPER",
        side="BUY",
        quantity=Decimal("10"),
        price=Decimal("187.25"),
        commission=Decimal("0.35"),
        currency="USD",
    )


@pytest.fixture
def outbox(store, trail):
    epoch = store.begin_epoch("node")
    return Outbox(
        store,
        LocalBus(),
        trader="T-1",
        writer="node",
        epoch=epoch,
        record=lambda events: trail.record_many(events, fill_note),
    )


def test_a_fill_has_one_row_however_often_a_venue_reports_it(outbox, store, trail):
    for _ in range(3):
        outbox.publish(fill(), "trading.fill.T-1.S-1")
    ((kind, actor, facts),) = rows(store)
    assert (kind, actor) == ("order.filled", "venue:PAPER")
    assert facts == {
        "client_order_id": "O-1",
        "commission": "0.35",
        "currency": "USD",
        "event": "1/1",
        "instrument": "AAPL.PAPER",
        "price": "187.25",
        "quantity": "10",
        "side": "BUY",
        "strategy": "S-1",
        "trade_id": "T-1",
    }
    many = [outbox.event(fill(f"T-{n}"), "trading.fill.T-1.S-1") for n in range(1, 5)]
    outbox.publish_many(many)
    assert [facts["event"] for _, _, facts in rows(store)] == ["1/1", "1/2", "1/3", "1/4"]
    trail.append("note", {}, actor="ana")
    assert trail.verify().ok


def test_a_fill_and_its_row_are_stored_both_or_neither(outbox, store, trail, monkeypatch):
    def fail(driver, rows):
        raise RuntimeError("the process' last moment")

    monkeypatch.setattr(store, "_append", fail)
    with pytest.raises(RuntimeError):
        outbox.publish(fill(), "trading.fill.T-1.S-1")
    assert (store.fills(), rows(store)) == ((), [])
    monkeypatch.undo()
    outbox.publish(fill(), "trading.fill.T-1.S-1")
    assert len(store.fills()) == len(rows(store)) == 1
    assert trail.verify().ok


# --- cancels, and strategies that may send none ------------------------------------------------


def resting(node):
    """Have a deployed strategy send an order that rests; returns it."""
    node.publish("1")
    name = node.ask(
        "strategy.deploy", name="script", version="1", parameters={"on": {"quote": "buy"}}
    ).strategy
    node.quote()
    (order,) = [o for o in node.engine.kernel.cache.orders() if o.strategy_id.value == name]
    return order


def test_a_cancel_has_a_row_that_says_who_cancelled(node, store, trail):
    audited = OrdersAudited(AuditQueue(trail))
    node.gate._on_cancel = audited.on_cancel
    order = resting(node)
    send_cancel(node.engine.kernel, order)
    node.strategy(order.strategy_id.value).cancel_order(order)
    (first, *_) = rows(store)
    assert first[:2] == ("order.cancel", "node")
    assert first[2]["client_order_id"] == order.client_order_id.value
    assert first[2]["strategy"] == order.strategy_id.value


def test_a_strategy_that_goes_on_while_it_may_not_takes_two_rows_a_minute(node, store, trail):
    queue = AuditQueue(trail)
    audited = OrdersAudited(queue)
    order = resting(node)
    strategy = node.strategy(order.strategy_id.value)
    guard = Guard(lambda where, error: None, on_denied=audited.on_closed)
    guard.close("PAUSED")
    made = [
        strategy.order_factory.limit(
            order.instrument_id, OrderSide.BUY, Quantity.from_int(7), Price.from_str("1.00")
        )
        for _ in range(50)
    ]
    for one in made:
        guard.deny(strategy, one)
    queue.close()
    (kind, actor, first), (_, _, others) = rows(store)
    assert (kind, actor) == ("order.denied", f"strategy:{order.strategy_id.value}")
    assert first["client_order_id"] == made[0].client_order_id.value
    assert first["order"]["reason"] == "PAUSED"
    assert (others["times"], "until_ns" in others) == (49, True)


# --- what a venue has another amount of ---------------------------------------------------------


def test_what_differs_is_written_down_once_and_that_it_agrees_again(workspace, store, trail):
    host = NodeHost(settings(workspace))
    host._notes = AuditQueue(trail)
    for differing in ({"AAPL.PAPER"}, {"AAPL.PAPER"}, {"AAPL.PAPER", "MSFT.PAPER"}, set(), set()):
        host._on_differing(frozenset(differing))
    host._on_differing(frozenset({"AAPL.PAPER"}), "after the start")
    told = [(kind, facts["differing"], facts["when"]) for kind, _, facts in rows(store)]
    assert told == [
        ("book.differs", ["AAPL.PAPER"], "while it trades"),
        ("book.differs", ["AAPL.PAPER", "MSFT.PAPER"], "while it trades"),
        ("book.agrees", [], "while it trades"),
    ]
