"""Checkpoints are made beside who writes, and what keeps them from being made is told."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing

import pytest

from nautilus_lab.exceptions import AuditError, InputError
from nautilus_lab.platform.audit import Checkpointer, SealKey, make_checkpoints
from nautilus_lab.platform.store import TradingStore

KEY = SealKey(b"k" * 64)


@pytest.fixture
def beside(trail):
    """Makes a checkpointer of the trail; what it was told is in its lists."""
    made = []

    def make(rows, **settings):
        troubles, begun = [], []
        checkpointer = Checkpointer(
            lambda: TradingStore.open(trail.files.store, read_only=True),
            settings.pop("file", trail.files.checkpoint_file(KEY)),
            rows=rows,
            on_trouble=troubles.append,
            on_begun=begun.append,
            **settings,
        )
        checkpointer.troubles, checkpointer.begun = troubles, begun
        made.append(checkpointer)
        checkpointer.start()
        return checkpointer

    yield make
    for one in made:
        one.stop()


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def sizes(trail):
    return [one.size for one in trail.files.checkpoint_file(KEY).read().checkpoints]


def test_what_was_there_is_covered_at_once_and_the_rest_by_rows_and_by_time(trail, beside):
    trail.write(7)
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, every=10, every_s=0.5)
        until(lambda: sizes(trail) == [7])
        until(lambda: [last.size for last in one.begun] == [7])  # told after it is on the disk
        for _ in range(5):
            chain.append("note", {}, actor="ana")
        until(lambda: 10 in sizes(trail))  # by rows
        until(lambda: sizes(trail)[-1] == 12)  # by time
        time.sleep(0.7)
        assert sizes(trail)[-1] == 12  # nothing new, no new one
        until(lambda: one.made == len(sizes(trail)))
    assert len(one.begun) == 1
    assert one.troubles == []


def test_a_last_one_is_made_when_it_ends(trail, beside):
    trail.write(3)
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, every_s=60)
        until(lambda: sizes(trail) == [3])
        chain.append("note", {}, actor="ana")
        one.stop()
        assert sizes(trail) == [3, 4]


def test_it_works_on_a_thread_of_its_own_with_a_connection_of_its_own(trail, beside):
    trail.write(2_000)
    seen = set()
    with trail.opened() as chain:

        def rows():
            seen.add(threading.current_thread().name)
            return chain.seq

        beside(rows, every=100)
        until(lambda: sizes(trail) and sizes(trail)[-1] == 2_000)
    assert seen == {"audit-checkpoints"}


def test_a_chain_that_was_cut_off_is_told_of_once_and_gets_no_more_checkpoints(trail, beside):
    trail.write(20)
    with TradingStore.open(trail.files.store, read_only=True) as store:
        make_checkpoints(store, trail.files.checkpoint_file(KEY))
    trail.tamper("DELETE FROM audit WHERE seq > 10")
    trail.write(1)
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, every_s=0.1)
        until(lambda: one.troubles)
        chain.append("note", {}, actor="ana")
        time.sleep(0.6)
    (trouble,) = one.troubles
    assert isinstance(trouble, AuditError)
    assert "cut off at its end" in str(trouble)
    assert sizes(trail) == [20]


def test_a_trigger_dropped_meanwhile_is_told_of_and_checkpoints_go_on(trail, beside):
    trail.write(3)
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, every_s=0.1)
        until(lambda: sizes(trail) == [3])
        with closing(sqlite3.connect(trail.files.store)) as raw:
            raw.execute("DROP TRIGGER audit_is_not_updated")
        chain.append("note", {}, actor="ana")
        until(lambda: one.troubles)
        assert sizes(trail)[-1] == 4
        chain.restore_guards(actor="ana")
        until(lambda: one.troubles[-1] is None)
    assert isinstance(one.troubles[0], AuditError)
    assert "audit_is_not_updated is missing" in str(one.troubles[0])
    assert len(one.troubles) == 2


@pytest.mark.parametrize("what", ["removed", "replaced"])
def test_a_store_that_is_taken_from_under_its_writer_is_told_of(trail, beside, what):
    """What is written then goes into a file without a name, and nobody else would see it."""
    trail.write(3)
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, every_s=0.1)
        until(lambda: sizes(trail) == [3])
        store = trail.files.store
        copy = store.with_name("copy.db")
        with closing(sqlite3.connect(store)) as raw:
            raw.execute("VACUUM INTO ?", (str(copy),))
        for end in ("", "-wal", "-shm"):
            store.with_name(store.name + end).unlink()
        if what == "replaced":
            copy.rename(store)
        chain.append("note", {}, actor="ana")
        until(lambda: one.troubles)
    assert isinstance(one.troubles[0], AuditError)
    assert "must stay in its place" in str(one.troubles[0])
    assert sizes(trail)[-1] == 4  # which gives the other one away
    if what == "replaced":
        assert trail.verdict().kind == "truncation"


def test_a_file_that_cannot_be_written_is_told_of_and_passes(trail, beside):
    trail.write(3)
    trail.files.checkpoints.mkdir()
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, every_s=0.1)
        until(lambda: one.troubles)
        assert "Is a directory" in str(one.troubles[0])
        trail.files.checkpoints.rmdir()
        until(lambda: one.troubles[-1] is None)
    assert sizes(trail) == [3]


def test_without_a_key_that_is_what_is_told(trail, beside):
    trail.write(3)
    with trail.opened() as chain:
        one = beside(lambda: chain.seq, file=trail.files.checkpoint_file(None))
        until(lambda: one.troubles)
    assert "needs a key" in str(one.troubles[0])


def test_stopping_one_that_never_began_is_harmless(trail):
    Checkpointer(lambda: None, trail.files.checkpoint_file(KEY), rows=lambda: 0).stop()


def test_checkpoints_each_zero_rows_are_refused(trail):
    trail.write(1)
    with (
        TradingStore.open(trail.files.store, read_only=True) as store,
        pytest.raises(InputError, match="at least 1"),
    ):
        make_checkpoints(store, trail.files.checkpoint_file(KEY), every=0)
