"""What an attacker or a bad day might do to a trail beyond changing its rows."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.platform.audit import _explain, _piece, read_piece, verify
from nautilus_lab.platform.audit._explain import explain_break
from nautilus_lab.platform.store import TradingStore
from tests.platform.audit.conftest import BEGIN_NS
from tests.platform.audit.test_verify import CHAIN, a_chain

DAY_NS = 86_400 * 10**9
NOW_NS = BEGIN_NS + 1_000 * DAY_NS


def rows_of(trail, chain="node"):
    with TradingStore.open(trail.files.store, read_only=True) as store:
        return list(store.audit_rows(chain=chain))


def values_of(row):
    names = ("chain", "seq", "ts_ns", "actor", "kind", "body", "prev", "hash")
    return tuple(getattr(row, name) for name in names)


# --- what is put back ---------------------------------------------------------------------


def test_a_day_put_back_with_its_checkpoints_is_found_by_one_that_was_kept(trail, tmp_path):
    trail.write(10)
    trail.keeper.checkpoint()
    shutil.copytree(trail.files.rundir.path, tmp_path / "before")
    trail.write(10)
    kept = trail.keeper.checkpoint()[-1:]
    shutil.rmtree(trail.files.rundir.path)
    shutil.copytree(tmp_path / "before", trail.files.rundir.path)
    assert trail.inspect().ok  # nothing that is there can tell
    report = trail.inspect(anchors=kept)
    assert (report.chains[0].verdict.kind, report.chains[0].verdict.first_bad) == ("truncation", 11)
    assert "lacks one that was kept elsewhere" in report.troubles[0]


@pytest.mark.parametrize("what", ["gone", "emptied"])
def test_a_store_that_is_gone_where_checkpoints_are_was_taken(trail, what):
    trail.write(1)
    trail.keeper.checkpoint()
    trail.files.store.unlink()
    if what == "emptied":
        trail.files.store.touch()
    with pytest.raises(AuditError, match="checkpointed must have its store"):
        trail.inspect()


# --- the clock ----------------------------------------------------------------------------


def write_at(trail, *seconds):
    with trail.opened() as chain:
        for at in seconds:
            chain.append("note", {}, actor="ana", ts_ns=BEGIN_NS + at * 10**9)
    trail.keeper.checkpoint()


def test_a_clock_put_back_takes_no_row_out_of_a_hold(trail):
    write_at(trail, 10, 20, 1, 2, 40, 50)  # rows 3 and 4 were written between 20 and 40
    hold = trail.keeper.hold(
        "a matter", since_ns=BEGIN_NS + 25 * 10**9, until_ns=BEGIN_NS + 39 * 10**9
    )
    with TradingStore.open(trail.files.store) as store:
        _, limit, held_by = trail.keeper._archivable(store, NOW_NS)
    assert (limit, [one.id for one in held_by]) == (2, [hold.id])


def test_rows_of_a_clock_put_back_go_with_those_around_them(trail):
    write_at(trail, 10, 20, 1, 2, 40, 50)
    with TradingStore.open(trail.files.store) as store:
        assert trail.keeper._archivable(store, NOW_NS)[1] == 5
        assert trail.keeper._archivable(store, BEGIN_NS + 30 * 10**9)[1] == 2


# --- what a row may hold ------------------------------------------------------------------


def test_a_row_of_ten_megabytes_is_verified_and_exported(trail, tmp_path):
    with trail.opened() as chain:
        chain.append("note", {"text": "x" * 10_000_000}, actor="ana")
        chain.append("note", {"n": 2}, actor="ana")
    trail.keeper.checkpoint()
    piece = trail.keeper.export(tmp_path / "x.jsonl.gz")
    assert (piece.ok, piece.last, piece.authenticated) == (True, 2, True)
    assert trail.inspect().ok
    trail.tamper("UPDATE audit SET actor = 'eve' WHERE seq = 1")
    assert (trail.verdict().first_bad, trail.verdict().kind) == (1, "edit")


def test_null_characters_and_controls_are_kept_and_covered(trail, tmp_path):
    with trail.opened() as chain:
        chain.append("a\0b", {"\0": "\x1b[2J\u2028\ufeff"}, actor="\0ana\0")
    trail.keeper.checkpoint()
    (row,) = rows_of(trail)
    assert (row.kind, row.actor) == ("a\0b", "\0ana\0")
    assert trail.keeper.export(tmp_path / "x.jsonl").ok
    trail.tamper("UPDATE audit SET actor = 'a' WHERE seq = 1")
    assert trail.verdict().first_bad == 1


@pytest.mark.parametrize("where", ["actor", "kind", "key", "text"])
def test_half_a_character_is_refused_and_leaves_the_chain_as_it_was(trail, where):
    half = {"actor": "ana", "kind": "note", "key": "k", "text": "t", where: "a\ud800"}
    trail.write(1)
    with trail.opened() as chain:
        with pytest.raises(InputError, match="Unicode"):
            chain.append(half["kind"], {half["key"]: half["text"]}, actor=half["actor"])
        assert chain.append("note", {}, actor="ana").seq == 2
        assert chain.verify().ok


@pytest.mark.parametrize("seq", [2**63 - 1, -(2**63), "'x'", "1.5", "NULL", "x'00'"])
def test_numbers_that_are_none_end_no_verification(trail, seq):
    with TradingStore.open(trail.files.store) as store:
        store.append_audit(a_chain(1_500))
    with closing(sqlite3.connect(trail.files.store, isolation_level=None)) as raw:
        raw.execute("PRAGMA legacy_alter_table = ON")
        columns = "chain, seq, ts_ns, actor, kind, body, prev, hash"
        raw.execute(f"CREATE TABLE other ({columns})")
        raw.execute("INSERT INTO other SELECT * FROM audit")
        raw.execute("DROP TABLE audit")
        raw.execute("ALTER TABLE other RENAME TO audit")
        raw.execute(f"UPDATE audit SET seq = {seq} WHERE seq BETWEEN 1000 AND 1010")
    verdict = trail.verdict()
    assert not verdict.ok
    assert verdict.first_bad in (1, 2, 1000)
    assert "audit" in {one.name for one in trail.inspect().guards}


# --- explaining ---------------------------------------------------------------------------


def test_where_a_large_row_was_is_not_looked_for_without_end(monkeypatch):
    """Each place takes the whole row again, and its owner chose how large it is."""
    rows = a_chain(30)
    moved = [*rows[:4], rows[24], *rows[5:24], rows[4], *rows[25:]]
    renumbered = [(*values_of(row)[:1], n, *values_of(row)[2:]) for n, row in enumerate(moved, 1)]

    def explained(most):
        monkeypatch.setattr(_explain, "_MOST_HASHED", most)
        rest = iter(renumbered[5:])
        facts = {"chain": "node", "wanted": 5, "head": rows[3].hash, "known": 0, "anchor": None}
        return explain_break(renumbered[4], rest, **facts)[:2]

    assert explained(1 << 29) == (5, "reorder")
    assert explained(0) == (5, "reorder")  # by the row that followed it
    renumbered = [row for row in renumbered if row[1] not in (24, 26)]
    assert explained(1 << 29) == (5, "reorder")
    assert explained(1_000) == (5, "edit")


def test_rows_after_the_break_are_read_once(monkeypatch):
    read = []
    rows = [*CHAIN[:3], *CHAIN[4:]]
    assert verify(read.append(row.seq) or row for row in rows).kind == "gap"
    assert read == [row.seq for row in rows]


# --- files that are none ------------------------------------------------------------------


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(trail, tmp_path):
    trail.write(1)
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(StoreError, match="must be a file"):
        read_piece(tmp_path / "x.jsonl")
    os.mkfifo(trail.files.checkpoints)
    with pytest.raises(StoreError, match="Is a pipe"):
        trail.inspect()


def test_a_line_without_end_is_not_read_into_memory(trail, tmp_path, monkeypatch):
    monkeypatch.setattr(_piece, "_LONGEST", 1_000)
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"row"' + b" " * 5_000)
    with pytest.raises(AuditError, match="line 1 is none of a piece"):
        read_piece(path)


# --- a bad day ----------------------------------------------------------------------------


def test_what_was_found_is_told_also_when_it_cannot_be_written_down(trail):
    trail.write(3)
    trail.keeper.checkpoint()
    keeper = type(trail.keeper)(trail.files, by="ana", busy_timeout_ms=10)
    with closing(sqlite3.connect(trail.files.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        report = keeper.inspect()
    assert report.ok
    assert "free to write" in report.unnoted
    with trail.files.rundir.audit_lock:
        assert "may run once" in keeper.inspect().unnoted
    assert keeper.inspect().unnoted == ""


APPEND = """
import sys
from pathlib import Path
from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore

with TradingStore.open(Path(sys.argv[1])) as store:
    print("open", flush=True)
    sys.stdin.readline()
    done = 0
    for _ in range(300):
        try:
            AuditTrail(store).append("note", {}, actor=sys.argv[2])
            done += 1
        except AuditError:
            pass  # the other one was first
    print(done)
"""

FULL = """
import os, resource, signal, sys
from pathlib import Path
from tests.platform.audit.conftest import Trail
from nautilus_lab.exceptions import StoreError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trail = Trail(Path(sys.argv[1]))
what = sys.argv[2]
if what == "checkpoint":
    trail.write(5)
    most = trail.files.checkpoints.stat().st_size + 100
else:
    most = trail.files.store.stat().st_size
with trail.opened() as chain:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        if what == "checkpoint":
            trail.keeper.checkpoint()
        else:
            for _ in range(1_000):
                chain.append("note", {"text": "x" * 10_000}, actor="ana")
    except StoreError as error:
        print(type(error).__name__, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print(chain.append("after", {}, actor="ana").kind)
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.platform.audit.conftest import Trail

Trail(Path(sys.argv[1])).write(7)
os.kill(os.getpid(), signal.SIGKILL)
"""


def child(repository, code, *arguments, **settings):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_two_processes_that_append_at_once_leave_one_chain(trail, repository):
    trail.write(1)
    both = [child(repository, APPEND, trail.files.store, name) for name in ("one", "two")]
    for one in both:
        assert one.stdout.readline() == "open\n"
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    ended = [one.communicate(timeout=60) for one in both]
    done = [int(out) for out, _ in ended]
    assert all(done), ended
    rows = rows_of(trail)
    assert len(rows) == 1 + sum(done)
    assert verify(rows).ok
    assert [sum(row.actor == name for row in rows) for name in ("one", "two")] == done


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("what", ["append", "checkpoint"])
def test_a_disk_that_is_full_in_the_middle_leaves_a_trail_that_holds(
    trail, tmp_path, repository, what
):
    trail.write(20)
    trail.keeper.checkpoint()
    out, err = child(repository, FULL, tmp_path, what).communicate(timeout=60)
    assert "after" in out, err
    assert out.splitlines()[0].startswith("Store"), out
    report = trail.inspect()
    assert report.ok, report
    assert [one.size for one in trail.keeper.checkpoint()] == [len(rows_of(trail))]
    assert trail.inspect().ok
    kinds = [row.kind for row in rows_of(trail)]
    assert kinds[-1] == "after"
    assert ("audit.gap" in kinds) == (what == "append")


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_a_process_killed_before_its_checkpoint_leaves_rows_that_the_next_one_covers(
    trail, tmp_path, repository
):
    trail.write(3)
    trail.keeper.checkpoint()
    killed = child(repository, KILLED, tmp_path)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    report = trail.inspect()
    assert report.ok
    assert (report.chains[0].verdict.head_seq, report.chains[0].verdict.anchored) == (10, 3)
    trail.keeper.checkpoint()
    assert trail.verdict().anchored == 10
