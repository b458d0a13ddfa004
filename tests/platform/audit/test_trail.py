"""A trail appends to one chain, alone, and intents go with their row or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.platform.audit import AuditTrail, canonical_json
from nautilus_lab.platform.store import OrderIntent, TradingStore


@pytest.fixture
def store(tmp_path) -> Iterator[TradingStore]:
    with TradingStore.open(tmp_path / "trading.db") as opened:
        yield opened


def test_rows_follow_each_other_from_one(store):
    trail = AuditTrail(store)
    assert (trail.seq, trail.head) == (0, None)
    rows = [trail.append("note", {"n": n}, actor="ana") for n in range(3)]
    assert [row.seq for row in rows] == [1, 2, 3]
    assert list(store.audit_rows()) == rows
    assert (trail.seq, trail.head) == (3, rows[-1])
    assert trail.verify().rows == 3


def test_a_row_says_who_did_what_and_when(store):
    before = time.time_ns()
    row = AuditTrail(store).append("limit.set", {"notional": Decimal("5.0")}, actor="ana")
    assert (row.actor, row.kind, row.body) == ("ana", "limit.set", '{"notional":"5.0"}')
    assert before <= row.ts_ns <= time.time_ns()
    assert AuditTrail(store, chain="b").append("k", {}, actor="a", ts_ns=7).ts_ns == 7


def test_a_trail_goes_on_where_the_last_one_ended(store):
    AuditTrail(store).append("note", {}, actor="ana")
    trail = AuditTrail(store)
    assert trail.append("note", {}, actor="ana").seq == 2
    assert trail.verify().ok


def test_two_chains_in_one_store_do_not_meet(store):
    node, desk = AuditTrail(store), AuditTrail(store, chain="desk")
    for _ in range(2):
        node.append("note", {}, actor="a")
        desk.append("note", {}, actor="a")
    assert (node.seq, desk.seq) == (2, 2)
    assert node.verify().ok
    assert desk.verify().ok
    assert node.head.hash != desk.head.hash


def test_a_chain_needs_a_name(store):
    with pytest.raises(InputError, match="must have a name"):
        AuditTrail(store, chain="")


def test_an_intent_is_told_of_in_the_chain(store):
    trail = AuditTrail(store)
    number = trail.intend("O-1", "submit", {"quantity": Decimal(100)}, actor="tilt")
    (intent,) = store.journal()
    assert (intent.id, intent.ts_ns) == (number, trail.head.ts_ns)
    assert (trail.head.kind, trail.head.actor) == ("order.intent", "tilt")
    assert json.loads(trail.head.body) == {
        "client_order_id": "O-1",
        "command": "submit",
        "order": {"quantity": "100"},
    }


def test_a_denied_order_is_kept_and_told_of_as_such(store):
    trail = AuditTrail(store)
    intents = [
        OrderIntent(client_order_id="O-1", command="submit", body={}),
        OrderIntent(client_order_id="O-2", command="submit", body={"limit": 1}, state="DENIED"),
    ]
    assert trail.intend_many(intents, actor="tilt") == (1, 2)
    assert [row.kind for row in store.audit_rows()] == ["order.intent", "order.denied"]
    assert [row.state for row in store.journal()] == ["INTENDED", "DENIED"]
    assert trail.seq == 2
    assert trail.verify().ok


def test_no_intents_are_no_rows(store):
    trail = AuditTrail(store)
    assert trail.intend_many([], actor="tilt") == ()
    trail.append("note", {}, actor="ana")
    assert trail.intend_many([], actor="tilt") == ()
    assert trail.seq == 1


def test_a_body_that_is_refused_leaves_the_trail_where_it_was(store):
    trail = AuditTrail(store)
    trail.append("note", {}, actor="ana")
    with pytest.raises(InputError, match="must not be a float"):
        trail.append("note", {"x": 0.1}, actor="ana")
    with pytest.raises(InputError, match="must be finite"):
        trail.intend("O-1", "submit", {"x": Decimal("NaN")}, actor="ana")
    assert trail.append("note", {}, actor="ana").seq == 2
    assert trail.verify().rows == 2


def test_a_write_that_failed_does_not_break_the_chain(store):
    trail = AuditTrail(store)
    trail.append("note", {}, actor="ana")
    store._driver.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="cannot be written"):
        trail.append("note", {}, actor="ana")
    with pytest.raises(StoreError, match="cannot be written"):
        trail.intend("O-1", "submit", {}, actor="ana")
    assert (trail.seq, store.journal()) == (1, ())
    store._driver.execute("PRAGMA query_only = OFF")
    trail.intend("O-1", "submit", {}, actor="ana")
    assert trail.append("note", {}, actor="ana").seq == 4
    assert [row.kind for row in store.audit_rows()] == ["note", "audit.gap", "order.intent", "note"]
    assert trail.verify().ok


def test_a_write_that_failed_after_all_was_done_is_seen(store, monkeypatch):
    trail = AuditTrail(store)
    trail.append("note", {}, actor="ana")
    append = store.append_audit

    def appended_but_not_known(rows):
        append(rows)
        raise StoreError("a store's disk must answer")

    monkeypatch.setattr(store, "append_audit", appended_but_not_known)
    with pytest.raises(StoreError, match="disk must answer"):
        trail.append("note", {"n": 2}, actor="ana")
    monkeypatch.undo()
    assert trail.append("note", {"n": 3}, actor="ana").seq == 4
    assert [row.kind for row in store.audit_rows()] == ["note", "note", "audit.gap", "note"]
    assert trail.verify().ok


def test_a_trail_that_was_overtaken_writes_no_more(store):
    old, new = AuditTrail(store), AuditTrail(store)
    new.append("note", {"by": "new"}, actor="a")
    with pytest.raises(AuditError, match="must follow the last one"):
        old.append("note", {"by": "old"}, actor="a")
    with pytest.raises(AuditError, match="one writer at a time"):
        old.intend("O-1", "submit", {}, actor="a")
    assert store.journal() == ()
    assert new.append("note", {"by": "new"}, actor="a").seq == 2
    assert new.verify().ok


def test_a_trail_overtaken_while_it_could_not_write_writes_no_more(store):
    old = AuditTrail(store)
    store._driver.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError):
        old.append("note", {"by": "old"}, actor="a")
    store._driver.execute("PRAGMA query_only = OFF")
    AuditTrail(store).append("note", {"by": "new"}, actor="a")
    with pytest.raises(AuditError, match="one writer at a time"):
        old.append("note", {"by": "old"}, actor="a")
    assert [json.loads(row.body) for row in store.audit_rows()] == [{"by": "new"}]


def test_a_trail_shows_its_chain_and_length(store):
    trail = AuditTrail(store)
    trail.append("note", {}, actor="ana")
    assert repr(trail) == "AuditTrail('node', 1 rows)"


def test_the_row_of_an_intent_is_spelled_as_any_other(store):
    intent = OrderIntent(
        client_order_id='O-"1"', command="submit", body={"b": 1, "a": "\u00fc", "c": [None, {}]}
    )
    trail = AuditTrail(store)
    trail.intend_many([intent], actor="ana")
    facts = {"client_order_id": 'O-"1"', "command": "submit", "order": intent.body}
    assert trail.head.body == canonical_json(facts)
    assert store.journal()[0].body == intent.body
