"""The store of leases: one transaction a change, whole or not at all."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.platform.store import (
    DeskStore,
    LeaseChange,
    LeaseEventRow,
    LeaseRow,
    LeaseStore,
)

ROW = LeaseRow(
    limit="max_gross_exposure",
    token=1,
    node="PAPER-001",
    amount=700,
    used=500,
    needed=0,
    declared=1_000,
    expires_ns=10,
    expires_boot_ns=20,
    boot="b",
    state="held",
)
EVENT = LeaseEventRow(
    ts_ns=5,
    happening="granted",
    limit="max_gross_exposure",
    node="PAPER-001",
    token=1,
    amount=700,
    used=500,
    by="PAPER-001",
    reason="",
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "leases.db"


@pytest.fixture
def store(path):
    with LeaseStore.open(path) as store:
        yield store


def put(store, *rows, drop=(), events=()):
    store.change(lambda _, token: (None, LeaseChange(put=rows, drop=drop, events=events)))


def test_what_is_put_is_there_changed_and_dropped(store):
    other = replace(ROW, token=2, node="PAPER-002")
    put(store, other, ROW)
    assert store.leases() == (ROW, other)
    more = replace(ROW, amount=800, state="doubt")
    put(store, more, drop=[other])
    assert store.leases() == (more,)


def test_a_change_is_decided_on_what_is_there(store):
    put(store, ROW)
    assert store.change(lambda rows, token: (rows, LeaseChange())) == (ROW,)


def test_a_token_is_never_given_out_twice_and_only_when_asked_for(store, path):
    def token(which, *, new):
        return which.change(lambda rows, token: (token, LeaseChange()), new_token=new)

    assert [token(store, new=True), token(store, new=False), token(store, new=True)] == [1, 0, 2]
    with LeaseStore.open(path) as another:
        assert token(another, new=True) == 3


def test_what_raises_within_undoes_all_of_it(store):
    put(store, ROW, events=[EVENT])

    def fail(rows, token):
        raise InputError("no", value=token)

    with pytest.raises(InputError):
        store.change(fail, new_token=True)
    with pytest.raises(StoreError):  # an event that cannot be written takes its lease with it
        put(store, replace(ROW, amount=1), events=[replace(EVENT, happening=None)])
    assert store.leases() == (ROW,)
    assert store.change(lambda rows, token: (token, LeaseChange()), new_token=True) == 1


def test_events_are_kept_the_latest_first_and_never_changed(store, path):
    later = replace(EVENT, ts_ns=6, node="PAPER-002", happening="expired")
    put(store, events=[EVENT])
    put(store, events=[later])
    assert store.events() == (later, EVENT)
    assert store.events(node="PAPER-001") == (EVENT,)
    assert store.events(limit="none") == ()
    assert store.events(most=1) == (later,)
    with pytest.raises(InputError, match="most must be positive"):
        store.events(most=0)
    for change in ("UPDATE lease_events SET amount = 1", "DELETE FROM lease_events"):
        with (
            closing(sqlite3.connect(path)) as raw,
            pytest.raises(sqlite3.IntegrityError, match="never changed"),
        ):
            raw.execute(change)


def test_a_store_that_another_holds_is_unwritable_and_says_so(store, path):
    with (
        LeaseStore.open(path, busy_timeout_ms=10) as hasty,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="free to write"):
            put(hasty, ROW)
        other.execute("ROLLBACK")
        put(hasty, ROW)
    assert store.leases() == (ROW,)


def test_a_file_that_was_taken_away_is_written_by_nobody(store, path):
    put(store, ROW)
    for name in path.parent.glob("leases.db*"):
        name.unlink()
    with pytest.raises(StoreError, match="moved or taken away"):
        put(store, ROW)
    LeaseStore.open(path).close()  # another one in its place is another ledger
    with pytest.raises(StoreError, match="moved or taken away"):
        put(store, ROW)


def test_another_store_is_refused_and_left_alone(tmp_path):
    DeskStore.open(tmp_path / "desk.db").close()
    with pytest.raises(StoreError, match="leases store"):
        LeaseStore.open(tmp_path / "desk.db")


def test_who_reads_makes_no_file(path):
    with pytest.raises(StoreError):
        LeaseStore.open(path, read_only=True)
    assert not path.exists()


def test_a_closed_store_says_so(path):
    store = LeaseStore.open(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="must be open"):
        store.leases()


def test_the_error_of_a_trigger_is_one_of_ours(store):
    put(store, events=[EVENT])
    engine = store._engine
    from nautilus_lab.platform.store._database import translating

    with (
        pytest.raises(AuditError, match="never changed"),
        translating("x", "testing"),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM lease_events")
