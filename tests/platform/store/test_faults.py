"""What breaks around a store ends in one clear error, and nothing is half-written."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date

import pytest

from nautilus_lab.exceptions import MessageError, StoreError
from nautilus_lab.platform.audit import AuditTrail, next_row
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.store import (
    AuditArchived,
    DeskStore,
    HistoryStore,
    OrderIntent,
    PrincipalRow,
    RunRow,
    TradingStore,
)


def audit_row(last=None):
    return next_row(last, chain="node", ts_ns=1, actor="a", kind="k", body={})


def a_run(**changes):
    facts = {
        "run_id": new_id(),
        "notebook": "notebooks/start_here.ipynb",
        "parameters": {},
        "notebook_sha256": "",
        "git_revision": "",
        "kernel": "python3",
        "data_manifest_hash": "",
        "started_ns": 1,
    }
    return RunRow(**facts | changes)


# --- foreign errors -----------------------------------------------------------------------

# every public method that reaches the file -> how to call it
TRADING_CALLS = {
    "add_equity": lambda s: s.add_equity([]),
    "alerts": lambda s: s.alerts(),
    "append_audit": lambda s: s.append_audit([audit_row()]),
    "audit_archives": lambda s: s.audit_archives(),
    "audit_chains": lambda s: s.audit_chains(),
    "audit_head": lambda s: s.audit_head(),
    "audit_pages": lambda s: list(s.audit_pages()),
    "audit_rows": lambda s: list(s.audit_rows()),
    "audit_tail": lambda s: s.audit_tail(1),
    "alerts_since": lambda s: s.alerts_since({}),
    "begin_command": lambda s: s.begin_command("C-1", "print"),
    "begin_epoch": lambda s: s.begin_epoch("node"),
    "broken_guards": lambda s: s.broken_guards(),
    "cut_audit": lambda s: s.cut_audit(
        AuditArchived(chain="node", seq=1, hash=bytes(32), file="a", sha256=bytes(32), ts_ns=1)
    ),
    "day_highs": lambda s: s.day_highs("USD", 0),
    "equity": lambda s: s.equity(),
    "event_id": lambda s: s.event_id("node", 1, 1),
    "fills": lambda s: s.fills(),
    "first_fills": lambda s: s.first_fills(),
    "finish_command": lambda s: s.finish_command("C-1", b""),
    "fold_spool": lambda s: s.fold_spool(
        "S-1", 1, [OrderIntent(client_order_id="O-1", command="submit", body={})], [audit_row()]
    ),
    "forget_commands": lambda s: s.forget_commands(before_ns=0, most=1),
    "intend": lambda s: s.intend("O-1", "submit", {}, audit_row()),
    "intend_many": lambda s: s.intend_many(
        [OrderIntent(client_order_id="O-1", command="submit", body={})], [audit_row()]
    ),
    "journal": lambda s: s.journal(),
    "latest_epoch": lambda s: s.latest_epoch("node"),
    "latest_seq": lambda s: s.latest_seq("node", 1),
    "mark": lambda s: s.mark(1, "SENT"),
    "mark_many": lambda s: s.mark_many([(1, "SENT")]),
    "order": lambda s: s.order("O-1"),
    "orders": lambda s: s.orders(),
    "outbox_after": lambda s: s.outbox_after("node", 0, 0),
    "put_strategy_days": lambda s: s.put_strategy_days(date(2026, 3, 2), {"tilt": 1.0}, 1),
    "strategy_days": lambda s: s.strategy_days(date(2026, 3, 2)),
    "restore_guards": lambda s: s.restore_guards(lambda broken, left: ()),
    "spool_entries": lambda s: s.spool_entries("S-1"),
    "record": None,  # needs an event: below
    "record_many": None,
}
DESK_CALLS = {
    "add_run": lambda s: s.add_run(a_run()),
    "alert_ids": lambda s: s.alert_ids(trader=None),
    "alerts": lambda s: s.alerts(),
    "finish_run": lambda s: s.finish_run(new_id(), status="failed", seconds=1.0),
    "principal": lambda s: s.principal("ana"),
    "principals": lambda s: s.principals(),
    "put_principal": lambda s: s.put_principal(PrincipalRow(name="a", roles=(), created_ns=1)),
    "raise_alert": lambda s: s.raise_alert("info", "node", "it must run"),
    "run": lambda s: s.run("x"),
    "runs": lambda s: s.runs(),
}
HISTORY_CALLS = {
    "add": lambda s: s.add([], held={("T-1", "node"): (1, 1)}),
    "count": lambda s: s.count(),
    "events": lambda s: s.events(),
    "gaps": lambda s: s.gaps(),
    "known": lambda s: s.known(["x"]),
    "positions": lambda s: s.positions(),
}


def public_methods(kind):
    # reading and writing are what the others, and the ledger of alerts, begin with; who has the
    # file's name is not asked of the database
    beside = {"open", "close", "reading", "writing", "is_in_place"}
    return {name for name in dir(kind) if not name.startswith("_")} - beside


def test_the_calls_below_are_all_there_are():
    assert set(TRADING_CALLS) == public_methods(TradingStore)
    assert set(DESK_CALLS) == public_methods(DeskStore)
    assert set(HISTORY_CALLS) == public_methods(HistoryStore)


@pytest.mark.parametrize("name", TRADING_CALLS)
def test_no_error_of_the_driver_leaves_a_trading_store(name, tmp_path, order):
    store = TradingStore.open(tmp_path / "x.db")
    store.begin_epoch("node")
    call = TRADING_CALLS[name] or (
        (lambda s: s.record(order())) if name == "record" else lambda s: s.record_many([order()])
    )
    store._driver.close()  # the disk is gone, as it were
    with pytest.raises(StoreError) as failure:
        call(store)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert str(tmp_path) in failure.value.value
    store.close()


@pytest.mark.parametrize("name", DESK_CALLS)
def test_no_error_of_the_driver_leaves_a_desk_store(name, tmp_path):
    store = DeskStore.open(tmp_path / "x.db")
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("DROP TABLE runs")
        connection.execute("DROP TABLE principals")
        connection.execute("DROP TABLE alerts")
    with pytest.raises(StoreError) as failure:
        DESK_CALLS[name](store)
    assert failure.value.__cause__ is None
    assert "no such table" in failure.value.value
    store.close()


@pytest.mark.parametrize("name", HISTORY_CALLS)
def test_no_error_of_the_driver_leaves_a_history(name, tmp_path):
    store = HistoryStore.open(tmp_path / "x.db")
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        for table in ("events", "positions", "gaps"):
            connection.execute(f"DROP TABLE {table}")
    with pytest.raises(StoreError) as failure:
        HISTORY_CALLS[name](store)
    assert failure.value.__cause__ is None
    assert "no such table" in failure.value.value
    store.close()


# --- another process holds the file -------------------------------------------------------


def test_a_write_lock_held_elsewhere_ends_in_one_error_and_no_row(stores, order):
    store = stores.trading(busy_timeout_ms=50)
    store.begin_epoch("node")
    with stores.behind() as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="within its busy time-out") as failure:
            store.record(order())
        assert "database is locked" in failure.value.value
        assert "busy_timeout_ms" in failure.value.remedy
        assert store.orders() == ()  # reading goes on
        other.execute("ROLLBACK")
    assert store.record(order()).seq == 1


def test_a_write_waits_for_a_lock_that_is_given_back(stores):
    desk = stores.desk()
    other = sqlite3.connect(stores.desk_file, isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        giving_back = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
        giving_back.start()
        desk.put_principal(PrincipalRow(name="ana", roles=(), created_ns=1))
        giving_back.join()
    assert [principal.name for principal in desk.principals()] == ["ana"]


# --- the disk is full ---------------------------------------------------------------------


def test_a_full_disk_stops_writing_and_harms_nothing(stores, order):
    store = stores.trading()
    epoch = store.begin_epoch("node")
    trail = AuditTrail(store)
    (pages,) = store._driver.execute("PRAGMA page_count").fetchone()
    store._driver.execute(f"PRAGMA max_page_count = {pages + 8}")
    intents = events = 0

    def write_on() -> None:
        nonlocal intents, events
        while True:
            trail.intend(f"O-{intents}", "submit", {"note": "x" * 200}, actor="node")
            intents += 1
            store.record(order(f"O-{intents}", epoch=epoch))
            events += 1

    with pytest.raises(StoreError, match="needs room to write") as failure:
        write_on()
    assert "free some space" in failure.value.remedy
    assert store.trouble == "a store needs room to write"
    assert intents > 3
    assert store._driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert len(store.journal()) == len(list(store.audit_rows())) == intents
    assert len(store.orders()) == store.latest_seq("node", epoch) == events

    store._driver.execute("PRAGMA max_page_count = 100000")  # somebody made room
    trail.intend("O-again", "submit", {}, actor="node")
    assert store.trouble == ""
    assert store.record(order(epoch=epoch)).seq == events + 1
    verdict = trail.verify()
    assert (verdict.ok, verdict.rows) == (True, intents + 1)


def test_a_full_disk_while_a_store_is_made_leaves_nothing_of_it(tmp_path, monkeypatch):
    from nautilus_lab.platform.store import _sqlite

    connect = _sqlite.connect

    def cramped(*args, **settings):
        connection = connect(*args, **settings)
        connection.execute("PRAGMA max_page_count = 5")
        return connection

    monkeypatch.setattr(_sqlite, "connect", cramped)
    with pytest.raises(StoreError, match="needs room to write"):
        TradingStore.open(tmp_path / "x.db")
    monkeypatch.undo()
    TradingStore.open(tmp_path / "x.db").close()


# --- the process is killed ----------------------------------------------------------------

_WRITER = """
import sys
from decimal import Decimal
from nautilus_lab.platform import messages
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore

store = TradingStore.open(sys.argv[1])
epoch = store.begin_epoch("node")
trail = AuditTrail(store)
print("ready", epoch, flush=True)
n = 0
while True:
    order = f"O-{epoch}-{n}"
    intent = trail.intend(order, "submit", {"quantity": Decimal(100)}, actor="node")
    body = messages.OrderUpdated(
        client_order_id=order, strategy="tilt", instrument="AAPL.PAPER", side="BUY",
        order_type="MARKET", quantity=Decimal(100), status="SUBMITTED",
    )
    event = messages.envelope(body, "trading.order.T", trader="T", writer="node", epoch=epoch)
    print(intent, trail.seq, store.record(event).seq, flush=True)
    n += 1
"""


def test_a_killed_writer_loses_nothing_it_was_told_is_stored(stores):
    chance = random.Random(20_261_122)
    acknowledged = []  # (epoch, intent, audit seq, event seq)
    for round_ in range(1, 5):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, stores.trading_file],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout.readline() == f"ready {round_}\n"
        lines = [writer.stdout.readline() for _ in range(chance.randrange(20, 250))]
        writer.send_signal(signal.SIGKILL)
        lines += writer.communicate()[0].splitlines(keepends=True)
        assert writer.returncode == -signal.SIGKILL
        whole = [line for line in lines if line.endswith("\n")]
        acknowledged += [(round_, *map(int, line.split())) for line in whole]

        store = stores.trading(read_only=True)
        assert store._driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        verdict = AuditTrail(store).verify()
        assert verdict.ok, verdict
        intents = {row.id: row.client_order_id for row in store.journal()}
        assert len(intents) == verdict.rows  # both or neither
        assert sorted(intents) == list(range(1, len(intents) + 1))
        stored = store.outbox_after("node", 0, 0, limit=1_000_000)
        for epoch in range(1, round_ + 1):
            numbers = [event.seq for event in stored if event.epoch == epoch]
            assert numbers == list(range(1, len(numbers) + 1))
        assert {event.body.client_order_id for event in store.orders()} == {
            event.body.client_order_id for event in stored
        }
        for epoch, intent, audit_seq, event_seq in acknowledged:
            assert intents[intent].startswith(f"O-{epoch}-")
            assert audit_seq <= verdict.head_seq
            assert event_seq <= store.latest_seq("node", epoch)
        store.close()
    assert len(acknowledged) > 100


_KILLS_ITSELF = """
import os, signal, sys
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore

store = TradingStore.open(sys.argv[1])
trail = AuditTrail(store)
trail.intend("O-1", "submit", {}, actor="node")

def at(statement):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

store._driver.set_trace_callback(at)
trail.intend("O-2", "submit", {}, actor="node")
"""


@pytest.mark.parametrize(
    "point", ["BEGIN IMMEDIATE", "INSERT INTO journal", "INSERT INTO audit", "COMMIT"]
)
def test_an_intent_cut_off_at_any_point_is_not_there(stores, point):
    run = subprocess.run(
        [sys.executable, "-c", _KILLS_ITSELF, stores.trading_file, point], check=False
    )
    assert run.returncode == -signal.SIGKILL
    store = stores.trading()
    assert [row.client_order_id for row in store.journal()] == ["O-1"]
    trail = AuditTrail(store)
    assert (trail.seq, trail.verify().ok) == (1, True)
    assert trail.intend("O-2", "submit", {}, actor="node") == 2


def test_an_interrupt_amid_a_transaction_leaves_nothing_and_the_store_usable(store, order):
    store.begin_epoch("node")

    events = [order("O-1"), order("O-2")]
    real, calls = store._writes.add_event, []

    def second_time(driver, values):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(driver, values)

    store._writes.add_event = second_time
    with pytest.raises(KeyboardInterrupt):
        store.record_many(events)
    store._writes.add_event = real
    assert store.outbox_after("node", 0, 0) == store.orders() == ()
    assert store.record(events[0]).seq == 1


# --- the file is damaged ------------------------------------------------------------------


def test_a_flipped_byte_is_an_error_of_ours_or_a_broken_chain_never_another_row(stores):
    trail = AuditTrail(stores.trading())
    for n in range(40):
        trail.append("note", {"n": n, "text": "as it was written"}, actor="ana")
    stores.close()
    whole = stores.trading_file.read_bytes()
    store = stores.trading(read_only=True)
    rows = list(store.audit_rows())
    store.close()
    chance = random.Random(7)
    outcomes = {"error": 0, "found": 0, "elsewhere": 0}
    for _ in range(150):
        place = chance.randrange(100, len(whole))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        stores.trading_file.write_bytes(damaged)
        try:
            with TradingStore.open(stores.trading_file, read_only=True) as store:
                verdict = AuditTrail(store).verify()
                if verdict.ok:
                    # a tail that is cut off is what a chain cannot see
                    assert list(store.audit_rows()) == rows[: verdict.rows]
        except StoreError:
            outcomes["error"] += 1
        else:
            outcomes["elsewhere" if verdict.ok else "found"] += 1
    assert min(outcomes.values()) > 0, outcomes


@pytest.mark.parametrize(
    ("damage", "read"),
    [
        ("UPDATE orders SET quantity = 'many'", lambda store: store.orders()),
        ("UPDATE fills SET price = ''", lambda store: store.fills()),
        ("UPDATE journal SET body = '{'", lambda store: store.journal()),
    ],
)
def test_a_row_that_was_never_written_is_not_read_as_one(stores, order, fill, damage, read):
    store = stores.trading()
    epoch = store.begin_epoch("node")
    store.record_many([order(epoch=epoch), fill(epoch=epoch)])
    AuditTrail(store).intend("O-1", "submit", {}, actor="node")
    with stores.behind() as raw:
        raw.execute(damage)
    with pytest.raises(StoreError, match="must be intact") as failure:
        read(store)
    assert "never written" in failure.value.value


def test_an_event_that_cannot_be_read_back_is_a_message_error(stores, order):
    store = stores.trading()
    store.begin_epoch("node")
    store.record(order())
    with stores.behind() as raw:
        raw.execute("UPDATE outbox SET envelope = x'00'")
    with pytest.raises(MessageError, match="bytes must be an envelope"):
        store.outbox_after("node", 0, 0)


def test_a_run_that_was_never_written_is_not_read_as_one(stores):
    desk = stores.desk()
    desk.add_run(a_run())
    with stores.behind(stores.desk_file) as raw:
        raw.execute("UPDATE runs SET status = 'lost'")
    with pytest.raises(StoreError, match="must be intact"):
        desk.runs()
