"""What keeps the audit tables append-only: whoever takes it away is found, and it is put back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore

TRIGGERS = {
    "audit_is_not_updated": "UPDATE ON audit",
    "audit_is_not_deleted": "DELETE ON audit",
    "audit_is_chained": "INSERT ON audit",
    "audit_archived_is_not_updated": "UPDATE ON audit_archived",
    "audit_archived_is_not_deleted": "DELETE ON audit_archived",
    "audit_archived_is_true": "INSERT ON audit_archived",
    "audit_spools_is_not_updated": "UPDATE ON audit_spools",
    "audit_spools_is_not_deleted": "DELETE ON audit_spools",
    "equity_is_not_updated": "UPDATE ON equity",
    "equity_is_not_deleted": "DELETE ON equity",
}


@pytest.fixture
def file(stores):
    AuditTrail(stores.trading()).append("note", {"n": 1}, actor="ana")
    stores.close()
    return stores.trading_file


def attack(file, *statements):
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


def broken(file):
    with TradingStore.open(file, read_only=True) as store:
        return [(one.what, one.name, one.fault) for one in store.broken_guards()]


def put_back(file):
    with TradingStore.open(file) as store:
        trail = AuditTrail(store)
        found = trail.restore_guards(actor="node")
        assert trail.verify().ok
        return found, trail.head


def test_the_guards_of_a_new_file_are_those_that_its_migrations_made(file):
    assert broken(file) == []
    with closing(sqlite3.connect(file)) as raw:
        made = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert {name for (name,) in made} == TRIGGERS.keys()


def test_a_guarded_file_gets_no_row(file):
    found, head = put_back(file)
    assert (found, head.kind) == ((), "note")


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_that_was_dropped_is_found_and_put_back(file, name):
    attack(file, f"DROP TRIGGER {name}")
    assert broken(file) == [("trigger", name, "missing")]
    (found,), head = put_back(file)
    assert (str(found), head.kind) == (f"the trigger {name} is missing", "audit.guards")
    assert f'"name":"{name}"' in head.body
    assert '"left":[]' in head.body
    assert broken(file) == []
    assert put_back(file)[0] == ()


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_that_does_nothing_under_the_same_name_is_found_and_put_back(file, name):
    idle = f"CREATE TRIGGER {name} BEFORE {TRIGGERS[name]} BEGIN SELECT 1; END"
    attack(file, f"DROP TRIGGER {name}", idle)
    assert broken(file) == [("trigger", name, "altered")]
    (found,), head = put_back(file)
    assert found.found == idle
    assert idle in head.body
    assert broken(file) == []


@pytest.mark.parametrize(
    "idle",
    [
        "CREATE TRIGGER quiet BEFORE INSERT ON audit WHEN NEW.kind = 'order.denied' "
        "BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER quiet AFTER INSERT ON orders BEGIN DELETE FROM audit; END",
        'CREATE TRIGGER "a ""b" AFTER INSERT ON audit_spools BEGIN SELECT 1; END',
    ],
)
def test_a_trigger_that_does_not_belong_there_is_found_and_removed(file, idle):
    attack(file, idle)
    ((what, _, fault),) = broken(file)
    assert (what, fault) == ("trigger", "unknown")
    assert put_back(file)[0][0].found == idle
    assert broken(file) == []


def test_an_index_that_does_not_belong_there_is_found_and_removed(file):
    attack(file, "CREATE UNIQUE INDEX once ON audit (kind)")
    assert broken(file) == [("index", "once", "unknown")]
    put_back(file)
    assert broken(file) == []


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("ALTER TABLE audit ADD COLUMN seen INTEGER", "audit"),
        ("ALTER TABLE audit_archived RENAME COLUMN ts_ns TO at_ns", "audit_archived"),
        ("ALTER TABLE audit_spools ADD COLUMN note TEXT DEFAULT 'x'", "audit_spools"),
    ],
)
def test_a_table_that_was_altered_is_found_and_left_as_it_is(file, statement, name):
    attack(file, statement)
    assert broken(file) == [("table", name, "altered")]
    with TradingStore.open(file) as store:
        told = []
        store.restore_guards(lambda broken, left: told.append(left) or ())
    assert [[one.name for one in left] for left in told] == [[name]]
    assert broken(file) == [("table", name, "altered")]


def test_a_table_made_anew_without_its_types_is_found(file):
    columns = "chain, seq, ts_ns, actor, kind, body, prev, hash"
    attack(
        file,
        f"CREATE TABLE other ({columns}, PRIMARY KEY (chain, seq)) WITHOUT ROWID",
        "INSERT INTO other SELECT * FROM audit",
        "PRAGMA legacy_alter_table = ON",
        "DROP TABLE audit",
        "ALTER TABLE other RENAME TO audit",
    )
    found = broken(file)
    assert ("table", "audit", "altered") in found
    assert ("trigger", "audit_is_not_updated", "missing") in found


def test_a_view_in_the_place_of_the_table_is_found(file):
    attack(
        file,
        "PRAGMA legacy_alter_table = ON",
        "ALTER TABLE audit RENAME TO kept",
        "CREATE VIEW audit AS SELECT * FROM kept WHERE kind <> 'order.denied'",
    )
    found = broken(file)
    assert ("table", "audit", "missing") in found
    assert ("view", "audit", "unknown") in found


def test_only_space_between_words_is_no_difference(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        (text,) = raw.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'audit_is_not_updated'"
        ).fetchone()
        raw.execute("DROP TRIGGER audit_is_not_updated")
        raw.execute(" ".join(text.split()))
    assert broken(file) == []


def test_text_that_is_not_unicode_in_the_place_of_a_guard_is_told_of(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute(
            "UPDATE sqlite_master SET sql = CAST(replace(sql, 'must', x'ff') AS TEXT) "
            "WHERE name = 'audit_is_not_updated'"
        )
    assert broken(file) == [("trigger", "audit_is_not_updated", "altered")]
    put_back(file)
    assert broken(file) == []


def test_a_process_that_cannot_write_the_row_puts_nothing_back(file):
    attack(file, "DROP TRIGGER audit_is_not_updated")
    with TradingStore.open(file) as store:
        trail = AuditTrail(store)
        with pytest.raises(RuntimeError):
            store.restore_guards(lambda broken, left: (_ for _ in ()).throw(RuntimeError("no")))
        assert [one.name for one in store.broken_guards()] == ["audit_is_not_updated"]
        assert trail.verify().ok
