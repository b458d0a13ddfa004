"""Rows that may wait: written together, kept while they cannot be, bounded a minute."""

import asyncio
import json
import sqlite3
from contextlib import closing, contextmanager

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.audit import AuditQueue, AuditTrail, because
from nautilus_lab.platform.store import TradingStore


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def store(tmp_path):
    with TradingStore.open(tmp_path / "trading.db", busy_timeout_ms=20) as store:
        yield store


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def queue(store, clock):
    return AuditQueue(AuditTrail(store), now_s=clock)


@contextmanager
def locked(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def kinds(store):
    return [(row.kind, row.actor) for row in store.audit_rows()]


def bodies(store):
    return [json.loads(row.body) for row in store.audit_rows()]


def test_without_a_loop_a_row_is_written_at_once(queue, store):
    queue.add("note", {"n": 1}, actor="ana")
    assert bodies(store) == [{"n": 1}]
    assert queue.waiting == 0


async def test_on_a_loop_rows_are_written_together_and_soon(queue, store, monkeypatch):
    groups = []
    append = store.append_audit
    monkeypatch.setattr(
        store, "append_audit", lambda rows: groups.append(len(rows)) or append(rows)
    )
    for number in range(5):
        queue.add("note", {"n": number}, actor="ana")
    assert store.audit_head() is None
    async with asyncio.timeout(5):
        while queue.waiting:
            await asyncio.sleep(0.01)
    assert groups == [5]
    assert [body["n"] for body in bodies(store)] == [0, 1, 2, 3, 4]


async def test_a_row_has_the_time_and_the_cause_of_when_it_was_added(queue, store):
    with because({"command": "risk.halt", "command_id": "c-1"}):
        queue.add("note", {"n": 1}, actor="ana")
    with because({"command": "another"}):
        queue.flush()
    (row,) = store.audit_rows()
    assert json.loads(row.body) == {"asked": {"command": "risk.halt", "command_id": "c-1"}, "n": 1}


def test_what_cannot_be_written_waits_and_the_gap_is_told_of(queue, store, clock, tmp_path):
    with locked(tmp_path / "trading.db"):
        queue.add("note", {"n": 1}, actor="ana")
        queue.add("note", {"n": 2}, actor="ana")
        assert queue.waiting == 2
    queue.tick()
    assert queue.waiting == 2  # a store that refused is left alone for a while
    clock.now += 11
    queue.tick()
    assert [kind for kind, _ in kinds(store)] == ["audit.gap", "note", "note"]
    assert bodies(store)[0]["refused"] == 1
    gap, first, _ = store.audit_rows()
    assert first.ts_ns < gap.ts_ns  # of when it happened
    assert queue._trail.verify().ok


def test_what_is_too_much_to_wait_is_counted(queue, store, clock, tmp_path, monkeypatch):
    monkeypatch.setattr("nautilus_lab.platform.audit._queue._MOST_WAITING", 3)
    with locked(tmp_path / "trading.db"):
        for number in range(8):
            queue.add("note", {"n": number}, actor="ana")
    queue.close()
    gap, *rest = bodies(store)
    assert gap["missed"] == {"note": {"ana": 5}}
    assert [body["n"] for body in rest] == [0, 1, 2]


def test_a_chain_that_somebody_else_writes_takes_nothing_more(queue, store, caplog):
    queue.add("note", {"n": 1}, actor="ana")
    AuditTrail(store).append("note", {"n": 2}, actor="another")
    queue.add("note", {"n": 3}, actor="ana")
    assert queue.waiting == 0
    assert "rows are lost with the chain" in caplog.text
    with pytest.raises(StoreError):
        queue._trail.append("note", {}, actor="ana")


def test_what_is_repeated_has_a_row_of_the_first_and_one_of_all_others(queue, store, clock):
    for _ in range(1_000):
        queue.repeated("session.refused", {"why": "expired"}, actor="unknown", key="expired")
    queue.repeated("session.refused", {"why": "forged"}, actor="unknown", key="forged")
    assert bodies(store) == [{"why": "expired"}, {"why": "forged"}]
    clock.now += 61
    queue.tick()
    *_, last = store.audit_rows()
    facts = json.loads(last.body)
    assert (facts["why"], facts["times"]) == ("expired", 999)
    assert facts["until_ns"] <= last.ts_ns
    queue.repeated("session.refused", {"why": "expired"}, actor="unknown", key="expired")
    assert len(bodies(store)) == 4  # a new minute
    clock.now += 61
    queue.tick()
    assert len(bodies(store)) == 4  # and nothing was repeated in it


def test_who_asks_for_something_else_each_time_fills_nothing_either(queue, store, clock):
    for number in range(10_000):
        queue.repeated("refused", {"n": number}, actor=f"m-{number}", key=number, most=10)
    clock.now += 61
    queue.tick()
    assert len(bodies(store)) == 12
    assert kinds(store)[-1] == ("refused", "others")
    assert bodies(store)[-1]["times"] == 10_000 - 10 - 1
    queue.repeated("opened", {"n": 1}, actor="ana", key="a token")  # others have their own room
    assert kinds(store)[-1] == ("opened", "ana")


def test_some_of_a_minute_can_have_rows_of_their_own(queue, store):
    for number in range(5):
        queue.repeated("order.cancel", {"n": number}, actor="strategy:S-1", whole=3)
    queue.close()
    assert [(body["n"], body.get("times")) for body in bodies(store)] == [
        *((0, None), (1, None), (2, None)),
        (0, 2),
    ]
