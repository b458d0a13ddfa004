"""The file itself keeps the audit table append-only and chained."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.audit import GENESIS, AuditTrail, next_row

COLUMNS = "chain, seq, ts_ns, actor, kind, body, prev, hash"


@pytest.fixture
def file(stores):
    trail = AuditTrail(stores.trading())
    for n in range(3):
        trail.append("note", {"n": n}, actor="ana")
    stores.close()
    return stores.trading_file


@pytest.mark.parametrize(
    ("attack", "answer"),
    [
        ("UPDATE audit SET body = '{}'", "must not be changed"),
        ("UPDATE audit SET seq = 9 WHERE seq = 3", "must not be changed"),
        ("UPDATE OR REPLACE audit SET seq = 2 WHERE seq = 3", "must not be changed"),
        ("DELETE FROM audit", "must not be deleted"),
        ("DELETE FROM audit WHERE seq = 3", "must not be deleted"),
        ("INSERT INTO audit SELECT * FROM audit WHERE seq = 3", "wrong seq"),
        ("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 3", "wrong seq"),
        ("REPLACE INTO audit SELECT * FROM audit WHERE seq = 1", "wrong seq"),
        ("INSERT OR IGNORE INTO audit SELECT * FROM audit WHERE seq = 1", "wrong seq"),
        (
            "INSERT INTO audit SELECT * FROM audit WHERE seq = 3 "
            "ON CONFLICT DO UPDATE SET body = '{}'",
            "wrong seq",
        ),
        (
            f"INSERT INTO audit ({COLUMNS}) SELECT chain, 5, ts_ns, actor, kind, body, hash, hash "
            "FROM audit WHERE seq = 3",
            "wrong seq",
        ),
        (
            f"INSERT INTO audit ({COLUMNS}) SELECT chain, 4, ts_ns, actor, kind, body, prev, hash "
            "FROM audit WHERE seq = 3",
            "wrong prev",
        ),
        (
            f"INSERT INTO audit ({COLUMNS}) SELECT chain, 4, ts_ns, actor, kind, body, hash, x'00' "
            "FROM audit WHERE seq = 3",
            "32 bytes",
        ),
        (
            f"INSERT INTO audit ({COLUMNS}) SELECT 'new', 2, ts_ns, actor, kind, body, prev, hash "
            "FROM audit WHERE seq = 1",
            "wrong seq",
        ),
        (
            f"INSERT INTO audit ({COLUMNS}) SELECT 'new', 1, ts_ns, actor, kind, body, hash, hash "
            "FROM audit WHERE seq = 1",
            "wrong prev",
        ),
    ],
)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_another_programme_cannot_change_the_chain_by_accident(file, attack, answer, recursive):
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {recursive}")
        before = connection.execute("SELECT * FROM audit").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match=answer):
            connection.execute(attack)
        assert connection.execute("SELECT * FROM audit").fetchall() == before


def test_the_stores_own_connection_fires_triggers_on_replace(store):
    assert store._driver.execute("PRAGMA recursive_triggers").fetchone() == (1,)


def test_a_row_that_does_not_follow_is_an_audit_error(store):
    first = next_row(None, chain="node", ts_ns=1, actor="a", kind="k", body={})
    store.append_audit([first])
    for row in (
        first,
        next_row(None, chain="node", ts_ns=2, actor="a", kind="k", body={}),
        next_row(
            next_row(None, chain="node", ts_ns=3, actor="a", kind="k", body={}),
            chain="node",
            ts_ns=4,
            actor="a",
            kind="k",
            body={},
        ),
    ):
        with pytest.raises(AuditError, match="must follow the last one"):
            store.append_audit([row])
    assert list(store.audit_rows()) == [first]


def test_the_first_row_of_a_chain_follows_thirty_two_zero_bytes(store):
    store.append_audit([next_row(None, chain="node", ts_ns=1, actor="a", kind="k", body={})])
    assert store.audit_head().prev == GENESIS == bytes(32)
