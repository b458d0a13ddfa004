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


# --- what may be cut off ------------------------------------------------------------------

NOTE = "INSERT INTO audit_archived SELECT chain, seq, hash, 'a', hash, 1 FROM audit WHERE seq = {}"


@pytest.mark.parametrize(
    ("attack", "answer"),
    [
        ((NOTE.format(3),), "must not be the last row"),
        ((NOTE.format(1).replace("seq, hash", "seq, zeroblob(32)"),), "must be a row of the chain"),
        ((NOTE.format(1).replace("chain, seq", "chain, 9"),), "must be a row of the chain"),
        ((NOTE.format(2), NOTE.format(1)), "must be more than before"),
        ((NOTE.format(2), NOTE.format(2)), "must be more than before"),
        ((NOTE.format(2), "UPDATE audit_archived SET seq = 3"), "must not be changed"),
        ((NOTE.format(2), "DELETE FROM audit_archived"), "must not be deleted"),
        ((NOTE.format(2), "DELETE FROM audit"), "must not be deleted"),
        ((NOTE.format(2), "DELETE FROM audit WHERE seq = 3"), "must not be deleted"),
        (("INSERT INTO audit_spools VALUES ('s', 1, 1)", "DELETE FROM audit_spools"), "spools"),
        (
            ("INSERT INTO audit_spools VALUES ('s', 1, 1)", "UPDATE audit_spools SET id = 't'"),
            "spools",
        ),
    ],
)
def test_nothing_is_cut_off_but_what_is_noted_as_archived(file, attack, answer):
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA recursive_triggers = ON")
        before = connection.execute("SELECT * FROM audit").fetchall()
        *first, last = attack
        connection.execute("BEGIN")
        for statement in first:
            connection.execute(statement)
        with pytest.raises(sqlite3.IntegrityError, match=answer):
            connection.execute(last)
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT * FROM audit").fetchall() == before


def test_what_is_archived_can_be_cut_off_and_the_chain_goes_on(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(NOTE.format(2))
        assert connection.execute("DELETE FROM audit WHERE seq <= 2").rowcount == 2
        with pytest.raises(sqlite3.IntegrityError, match="wrong seq"):
            connection.execute(
                "INSERT INTO audit SELECT chain, 1, ts_ns, actor, kind, body, zeroblob(32), hash "
                "FROM audit WHERE seq = 3"
            )
