"""Every tampering with a chain is found, and named."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.audit import GENESIS, AuditTrail, next_row, verify
from nautilus_lab.platform.store import TradingStore

N = 30


def a_chain(length=N, chain="node", actor="ana"):
    rows, last = [], None
    for n in range(length):
        last = next_row(last, chain=chain, ts_ns=n, actor=actor, kind="note", body={"n": n})
        rows.append(last)
    return rows


CHAIN = a_chain()
places = st.integers(1, N)


def test_a_chain_that_was_not_touched_holds():
    verdict = verify(iter(CHAIN))
    assert verdict.ok
    assert (verdict.rows, verdict.head_seq, verdict.head) == (N, N, CHAIN[-1].hash)
    verdict.require()


def test_a_chain_that_has_not_begun_holds():
    assert verify([]) == verify(iter(()))
    assert (verify([]).rows, verify([]).head) == (0, GENESIS)


@given(places)
def test_the_rest_of_a_chain_is_verified_after_a_known_row(k):
    verdict = verify(CHAIN[k:], after=CHAIN[k - 1])
    assert (verdict.ok, verdict.rows, verdict.head) == (True, N - k, CHAIN[-1].hash)


@given(places, places)
def test_the_rest_of_a_chain_after_another_row_does_not_hold(k, j):
    assume(k != j)
    assume(k < N)
    assert not verify(CHAIN[k:], after=CHAIN[j - 1]).ok


@given(places)
def test_a_tail_that_is_cut_off_is_not_found_by_the_chain_alone(k):
    verdict = verify(CHAIN[:k])
    assert verdict.ok
    assert (verdict.head_seq, verdict.head) == (k, CHAIN[k - 1].hash)  # what an anchor compares


def test_a_broken_chain_raises_on_request_and_says_what_and_where():
    with pytest.raises(AuditError, match="row 2 is missing") as failure:
        verify([CHAIN[0], *CHAIN[2:]]).require()
    assert failure.value.value == "gap at row 2"


# --- rows in memory -----------------------------------------------------------------------


@given(
    places,
    st.sampled_from(["ts_ns", "actor", "kind", "body", "prev", "hash"]),
    st.integers(),
    st.text(),
    st.binary(min_size=32, max_size=32),
)
def test_an_edited_row_is_found(k, column, number, text, digest):
    row = CHAIN[k - 1]
    value = {int: number, str: text, bytes: digest}[type(getattr(row, column))]
    assume(value != getattr(row, column))
    rows = [*CHAIN[: k - 1], replace(row, **{column: value}), *CHAIN[k:]]
    verdict = verify(rows)
    assert (verdict.first_bad, verdict.kind, verdict.rows) == (k, "edit", k - 1)


@given(st.lists(places, min_size=1, max_size=5, unique=True))
def test_missing_rows_are_found_at_the_first(missing):
    assume(any(k not in missing for k in range(min(missing), N + 1)))
    rows = [row for row in CHAIN if row.seq not in missing]
    verdict = verify(rows)
    assert (verdict.first_bad, verdict.kind) == (min(missing), "gap")


@given(places, places)
def test_rows_that_changed_places_are_found(i, j):
    i, j = sorted((i, j))
    assume(i != j)
    rows = CHAIN.copy()
    rows[i - 1], rows[j - 1] = rows[j - 1], rows[i - 1]
    verdict = verify(rows)
    assert (verdict.first_bad, verdict.kind) == (i, "reorder")


@given(places, places)
def test_rows_that_changed_numbers_are_found(i, j):
    i, j = sorted((i, j))
    assume(i != j)
    rows = CHAIN.copy()
    rows[i - 1], rows[j - 1] = replace(rows[j - 1], seq=i), replace(rows[i - 1], seq=j)
    verdict = verify(rows)
    assert (verdict.first_bad, verdict.kind) == (i, "reorder")


@given(places)
def test_a_row_that_comes_twice_is_found(k):
    verdict = verify([*CHAIN[:k], CHAIN[k - 1], *CHAIN[k:]])
    assert (verdict.first_bad, verdict.kind) == (k + 1, "fork")


@given(st.integers(1, N - 1))
def test_a_row_written_anew_with_its_hash_is_found_at_the_next(k):
    before = CHAIN[k - 2] if k > 1 else None
    forged = next_row(before, chain="node", ts_ns=k, actor="mallory", kind="note", body={})
    verdict = verify([*CHAIN[: k - 1], forged, *CHAIN[k:]])
    assert (verdict.first_bad, verdict.kind) == (k + 1, "fork")


@given(st.integers(1, N - 1))
def test_a_tail_of_another_history_is_found(k):
    other = a_chain(actor="mallory")
    verdict = verify([*CHAIN[:k], *other[k:]])
    assert (verdict.first_bad, verdict.kind) == (k + 1, "fork")


@given(st.integers(2, N))
def test_a_row_of_another_chain_is_found(k):
    other = a_chain(chain="desk")
    verdict = verify([*CHAIN[: k - 1], other[k - 1], *CHAIN[k:]])
    assert (verdict.first_bad, verdict.kind) == (k, "edit")
    assert verdict.detail == f"row {k} is of chain desk, not node"


def test_rows_are_read_once_and_not_kept():
    read = 0

    def rows():
        nonlocal read
        for row in CHAIN:
            read += 1
            yield row

    assert verify(rows()).ok
    assert read == N


# --- the file, behind the store's back ----------------------------------------------------


@pytest.fixture(scope="module")
def written():
    """A closed store with a chain of N rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trading.db"
        with TradingStore.open(file) as store:
            store.append_audit(CHAIN)
        yield file


def verdict_after(written, *attacks):
    """Return the verdict on a copy of the file that `attacks` were run on."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy(written, folder))
        with closing(sqlite3.connect(file)) as raw, raw:
            for trigger in ("updated", "deleted", "chained"):
                raw.execute(f"DROP TRIGGER audit_is_{'not_' * (trigger != 'chained')}{trigger}")
            for statement, *values in attacks:
                raw.execute(statement, values)
        with TradingStore.open(file, read_only=True) as store:
            return verify(store.audit_rows())


def test_dropping_the_triggers_alone_changes_nothing(written):
    assert verdict_after(written).ok


in_the_file = settings(max_examples=40, deadline=None)


@in_the_file
@given(
    places,
    st.sampled_from(
        ["ts_ns = ts_ns + 1", "actor = 'bob'", "kind = 'x'", "body = '{}'", "prev = zeroblob(31)"]
    ),
)
@example(N, "body = body || ' '")
@example(1, "hash = zeroblob(32)")
def test_a_row_edited_in_the_file_is_found(written, k, change):
    verdict = verdict_after(written, (f"UPDATE audit SET {change} WHERE seq = ?", k))
    assert (verdict.first_bad, verdict.kind) == (k, "edit")


@in_the_file
@given(st.integers(1, N - 1), st.integers(1, 5))
def test_rows_deleted_from_the_file_are_found(written, k, count):
    assume(k + count <= N)
    verdict = verdict_after(
        written, ("DELETE FROM audit WHERE seq BETWEEN ? AND ?", k, k + count - 1)
    )
    assert (verdict.first_bad, verdict.kind) == (k, "gap")


@in_the_file
@given(st.integers(1, N - 1))
def test_a_deletion_hidden_by_new_numbers_is_found(written, k):
    verdict = verdict_after(
        written,
        ("DELETE FROM audit WHERE seq = ?", k),
        ("UPDATE audit SET seq = -seq WHERE seq > ?", k),
        ("UPDATE audit SET seq = -seq - 1 WHERE seq < 0",),
    )
    assert (verdict.first_bad, verdict.kind) == (k, "gap")


@in_the_file
@given(places, places)
def test_rows_swapped_in_the_file_are_found(written, i, j):
    i, j = sorted((i, j))
    assume(i != j)
    verdict = verdict_after(
        written,
        ("UPDATE audit SET seq = 0 WHERE seq = ?", i),
        ("UPDATE audit SET seq = ? WHERE seq = ?", i, j),
        ("UPDATE audit SET seq = ? WHERE seq = 0", j),
    )
    assert (verdict.first_bad, verdict.kind) == (i, "reorder")


@in_the_file
@given(places)
def test_a_row_put_in_between_is_found(written, k):
    before = CHAIN[k - 2] if k > 1 else None
    forged = next_row(before, chain="node", ts_ns=0, actor="mallory", kind="note", body={})
    verdict = verdict_after(
        written,
        ("UPDATE audit SET seq = -seq WHERE seq >= ?", k),
        ("UPDATE audit SET seq = 1 - seq WHERE seq < 0",),
        (
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(getattr(forged, name) for name in type(forged).__slots__),
        ),
    )
    assert (verdict.first_bad, verdict.kind) == (k + 1, "fork")


@in_the_file
@given(st.integers(1, N - 1))
def test_a_row_moved_to_another_chain_is_missed(written, k):
    verdict = verdict_after(written, ("UPDATE audit SET chain = 'x' WHERE seq = ?", k))
    assert (verdict.first_bad, verdict.kind) == (k, "gap")


def test_a_trail_refuses_to_go_on_from_a_last_row_that_was_edited(written, tmp_path):
    file = Path(shutil.copy(written, tmp_path))
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("DROP TRIGGER audit_is_not_updated")
        raw.execute("UPDATE audit SET actor = 'mallory' WHERE seq = ?", (N,))
    with (
        TradingStore.open(file) as store,
        pytest.raises(AuditError, match="hash of its content") as failure,
    ):
        AuditTrail(store)
    assert failure.value.value == f"row {N} of node"
