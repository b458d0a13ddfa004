"""The log is folded beside the writer, and by the writer where nobody else does it."""

import sqlite3
import threading
import time

import pytest

from nautilus_lab.platform.store import AuditRow, OrderIntent, TradingStore


def threads():
    return [one for one in threading.enumerate() if one.name == "checkpoints"]


def commit(store, times):
    for _ in range(times):
        store.begin_command(f"c-{time.monotonic_ns()}", "f")


def until(true, seconds=10):
    """Wait until `true()` holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def folded(path):
    """How many commands are in the file itself, without its log."""
    connection = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM commands").fetchone()[0]
    except sqlite3.DatabaseError:
        return 0
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trading.db"


def test_a_short_life_needs_no_thread(path):
    with TradingStore.open(path) as store:
        commit(store, 100)
        assert threads() == []
    assert folded(path) == 100  # closing folds what is left


def test_after_so_many_commits_the_file_has_them_while_the_writer_goes_on(path):
    with TradingStore.open(path) as store:
        commit(store, 200)
        until(lambda: folded(path) >= 128)
        commit(store, 10)
        (thread,) = threads()
    assert not thread.is_alive()
    assert folded(path) == 210


def test_a_reader_sees_every_commit_at_once(path):
    with TradingStore.open(path) as store, TradingStore.open(path, read_only=True) as reader:
        for number in range(300):
            audit = AuditRow(
                chain=f"c-{number}",
                seq=1,
                ts_ns=1,
                actor="a",
                kind="k",
                body="{}",
                prev=bytes(32),
                hash=bytes([1] * 32),
            )
            store.intend_many(
                [OrderIntent(client_order_id=f"O-{number}", command="submit", body={})], [audit]
            )
            assert len(reader.journal(client_order_id=f"O-{number}")) == 1


def test_stores_that_are_read_or_in_memory_have_no_thread(path):
    with TradingStore.open(path) as store, TradingStore.open(":memory:") as memory:
        commit(store, 1)
        commit(memory, 200)
        with TradingStore.open(path, read_only=True):
            assert threads() == []


def test_where_nobody_can_fold_it_is_said_once_and_the_writer_goes_on(path, caplog):
    with TradingStore.open(path) as store:

        def refuse():
            raise sqlite3.OperationalError("unable to open database file")

        store._checkpoints._connect = refuse
        commit(store, 600)
        until(lambda: "waits for its writer" in caplog.text)
        commit(store, 300)
    assert caplog.text.count("waits for its writer") == 1
    assert folded(path) == 900


def test_the_writer_folds_at_last(path):
    with TradingStore.open(path) as store:
        (pages,) = store._driver.execute("PRAGMA wal_autocheckpoint").fetchone()
        assert pages == 4_000
        assert repr(store._checkpoints) == f"Checkpoints({str(path)!r})"
