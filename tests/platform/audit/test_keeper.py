"""Exported, archived, held and discarded: the chain stays verifiable, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys

import msgspec
import pytest

from nautilus_lab.exceptions import AuditError, InputError, NodeAlreadyRunning, StoreError
from nautilus_lab.platform.audit import AuditKeeper, SealKey, read_piece
from nautilus_lab.platform.store import TradingStore
from tests.platform.audit.conftest import BEGIN_NS, Trail

DAY_NS = 86_400 * 10**9
NOW_NS = BEGIN_NS + 10 * DAY_NS


@pytest.fixture
def kept(trail):
    """A trail of 100 rows a second apart, with a checkpoint after each 25."""
    for _ in range(4):
        trail.write(25)
        trail.keeper.checkpoint()
    return trail


def rows_of(trail, chain="node"):
    with TradingStore.open(trail.files.store, read_only=True) as store:
        return list(store.audit_rows(chain=chain))


def kinds(trail):
    return [row.kind for row in rows_of(trail, "operators")]


def at(row):
    """An age in days such that only rows before `row` are older."""
    return (NOW_NS - BEGIN_NS - row * 10**9) / DAY_NS


# --- exports ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trail.jsonl", "trail.jsonl.gz"])
def test_an_export_is_verified_without_the_store(kept, tmp_path, name):
    piece = kept.keeper.export(tmp_path / name)
    assert (piece.first, piece.last, piece.ok, piece.authenticated) == (1, 100, True, True)
    assert (piece.verdict.anchored, piece.trader, piece.chain) == (100, "T-1", "node")
    alone = read_piece(tmp_path / name)
    assert (alone.ok, alone.authenticated, alone.head) == (True, False, rows_of(kept)[-1].hash)
    assert kinds(kept) == ["audit.exported"]
    assert kept.inspect().ok


def test_an_export_of_some_rows_reaches_from_checkpoint_to_checkpoint(kept, tmp_path):
    piece = kept.keeper.export(tmp_path / "x.jsonl", first=30, last=60)
    assert (piece.first, piece.last, piece.ok) == (26, 75, True)
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert lines[0]["base"]["size"] == 25
    assert lines[1]["row"][0] == 26
    assert [line["checkpoint"]["size"] for line in lines if "checkpoint" in line] == [50, 75]
    own = rows_of(kept)[25]
    assert lines[1]["row"][-1] == own.hash.hex()


def test_rows_that_have_no_checkpoint_yet_get_one_before_they_are_exported(kept, tmp_path):
    kept.write(5)
    assert kept.keeper.export(tmp_path / "x.jsonl").verdict.anchored == 105


@pytest.mark.parametrize(("first", "last"), [(0, 5), (101, None), (5, 4), (1, 101), (-3, None)])
def test_rows_that_are_not_there_are_not_exported(kept, tmp_path, first, last):
    with pytest.raises(InputError, match="rows of the store"):
        kept.keeper.export(tmp_path / "x.jsonl", first=first, last=last)
    assert not (tmp_path / "x.jsonl").exists()


def test_a_chain_that_is_not_there_is_not_exported(kept, tmp_path):
    with pytest.raises(InputError, match="rows of the store"):
        kept.keeper.export(tmp_path / "x.jsonl", chain="nobody")


def test_a_file_that_is_there_is_not_written_over(kept, tmp_path):
    (tmp_path / "x.jsonl").write_text("mine")
    with pytest.raises(InputError, match="not there yet"):
        kept.keeper.export(tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["home", "x.jsonl"]


def test_a_file_that_cannot_be_written_is_one_clear_error(kept, tmp_path):
    with pytest.raises(StoreError, match="must be writable"):
        kept.keeper.export(tmp_path / "none" / "x.jsonl")


EDITS = {
    "a row's text": (lambda t: t.replace('{\\"n\\":40,', '{\\"n\\":41,'), 40, "edit"),
    "a row gone": (lambda t: without(t, '{"row":[40,'), 40, "gap"),
    "two rows swapped": (lambda t: swapped(t, '{"row":[40,', '{"row":[41,'), 40, "reorder"),
    "the end gone": (lambda t: "".join(t.splitlines(True)[:60]), 58, "truncation"),
    "rows before the end gone": (lambda t: without(t, '{"row":[100,'), 100, "truncation"),
}


def without(text, start):
    return "".join(line for line in text.splitlines(True) if not line.startswith(start))


def swapped(text, one, other):
    lines = text.splitlines(True)
    i, j = (next(n for n, line in enumerate(lines) if line.startswith(s)) for s in (one, other))
    lines[i], lines[j] = lines[j], lines[i]
    return "".join(lines)


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_changed_in_an_export_is_found_and_named(kept, tmp_path, edit):
    path = tmp_path / "x.jsonl"
    kept.keeper.export(path)
    change, first_bad, kind = EDITS[edit]
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    piece = read_piece(path)
    assert (piece.verdict.first_bad, piece.verdict.kind) == (first_bad, kind)
    with pytest.raises(AuditError):
        piece.require()


def test_a_forged_checkpoint_in_an_export_is_found_with_the_key(kept, tmp_path):
    path = tmp_path / "x.jsonl"
    kept.keeper.export(path)
    forged = without(path.read_text(), '{"checkpoint"')
    thief = SealKey(b"x" * 64)
    lines = forged.splitlines(True)
    tree = kept.keeper.checkpoints()[-2].tree
    made = thief.checkpoint(
        trader="T-1", chain="node", number=1, tree=tree, head=rows_of(kept)[-1].hash, ts_ns=1
    )
    lines.insert(-1, json.dumps({"checkpoint": json.loads(msgspec.json.encode(made))}) + "\n")
    path.write_text("".join(lines))
    assert not read_piece(path, key=kept.files.key()).ok


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b'{"row":[1,2,"a","b","c","d","e"]}\n',
        b'{"audit_piece":2}\n',
        b"\xff\xfe",
        b'{"end":1}\n',
        gzip.compress(b"{}\n", mtime=0),
    ],
)
def test_what_is_no_piece_is_said_to_be_none(tmp_path, data):
    for name in ("x.jsonl", "x.jsonl.gz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AuditError, match="must be a piece"):
            read_piece(tmp_path / name)


def test_a_compressed_piece_that_was_cut_is_said_to_be_damaged(kept, tmp_path):
    path = tmp_path / "x.jsonl.gz"
    kept.keeper.export(path)
    data = path.read_bytes()
    for cut in (1, 20, len(data) // 2, len(data) - 5):
        path.write_bytes(data[:-cut])
        with pytest.raises(AuditError, match="must be a piece"):
            read_piece(path)
    with pytest.raises(StoreError, match="readable"):
        read_piece(tmp_path / "none.jsonl")


# --- archives -----------------------------------------------------------------------------


def test_old_rows_go_into_an_archive_and_the_trail_still_holds(kept):
    before = rows_of(kept)
    done = kept.keeper.archive(older_than_days=at(60), now_ns=NOW_NS)
    assert (done.first, done.last, done.rows, done.held_by) == (1, 50, 50, ())
    assert rows_of(kept) == before[50:]
    report = kept.inspect()
    assert report.ok, report
    assert report.chains[0].archived == 50
    piece = read_piece(done.path, key=kept.files.key())
    assert (piece.ok, piece.authenticated, piece.last) == (True, True, 50)
    assert kinds(kept) == ["audit.archived"]
    with kept.opened() as chain:
        assert chain.verify().ok
        assert chain.append("note", {}, actor="ana").seq == 101
    assert kept.inspect().ok


def test_one_archive_follows_the_other(kept):
    assert kept.keeper.archive(older_than_days=at(30), now_ns=NOW_NS).last == 25
    assert kept.keeper.archive(older_than_days=at(30), now_ns=NOW_NS) is None
    done = kept.keeper.archive(older_than_days=at(80), now_ns=NOW_NS)
    assert (done.first, done.last) == (26, 75)
    assert kept.inspect().ok


def test_the_last_row_stays_for_the_next_to_follow(kept):
    done = kept.keeper.archive(older_than_days=0, now_ns=NOW_NS)
    assert done.last == 75
    assert rows_of(kept)[0].seq == 76


def test_nothing_that_is_young_is_archived(kept):
    assert kept.keeper.archive(older_than_days=10, now_ns=NOW_NS) is None
    for days in (-1, float("nan"), 40_000):
        with pytest.raises(InputError, match="an age"):
            kept.keeper.archive(older_than_days=days)


def test_a_trail_that_does_not_hold_is_not_archived(kept):
    kept.tamper("UPDATE audit SET body = '{}' WHERE seq = 90")
    with pytest.raises(AuditError):
        kept.keeper.archive(older_than_days=at(60), now_ns=NOW_NS)
    assert len(rows_of(kept)) == 100
    assert os.listdir(kept.files.archives) == []


def test_while_the_node_runs_nothing_is_archived(kept):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from nautilus_lab.platform.rundir import RunDirectory\n"
        "with RunDirectory(Path(sys.argv[1]), 'T-1').node_lock:\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    node = subprocess.Popen(
        [sys.executable, "-c", code, kept.files.rundir.path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert node.stdout.readline() == "held\n"
        with pytest.raises(NodeAlreadyRunning):
            kept.keeper.archive(older_than_days=at(60), now_ns=NOW_NS)
        assert kept.keeper.hold("a matter").id == "H-1"  # this may be done
    finally:
        node.kill()
        node.communicate()


ARCHIVE = """
import sys
from pathlib import Path
from tests.platform.audit.conftest import Trail
from tests.platform.audit.test_keeper import NOW_NS, at

trail = Trail(Path(sys.argv[1]))
trail.keeper.archive(older_than_days=at(60), now_ns=NOW_NS)
"""


@pytest.mark.processes
def test_a_process_killed_while_it_cuts_leaves_all_rows_and_the_next_one_finishes(
    kept, tmp_path, repository
):
    before = rows_of(kept)
    ended = subprocess.run(
        [sys.executable, "-c", ARCHIVE, tmp_path],
        env={**os.environ, "NL_FAILPOINT": "audit.in_cut"},
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert rows_of(kept) == before
    assert kept.verdict().ok
    (trouble,) = kept.inspect().troubles  # it died before it came to that
    assert "no checkpoint covers operators" in trouble
    assert kept.keeper.archive(older_than_days=at(60), now_ns=NOW_NS).last == 50
    assert rows_of(kept) == before[50:]
    assert kept.inspect().ok


def archived(kept):
    kept.keeper.archive(older_than_days=at(30), now_ns=NOW_NS)
    kept.keeper.archive(older_than_days=at(60), now_ns=NOW_NS)
    return sorted(kept.files.archives.iterdir())


def test_an_archive_that_is_gone_is_a_gap(kept):
    first, second = archived(kept)
    second.unlink()
    verdict = kept.verdict()
    assert (verdict.first_bad, verdict.kind) == (26, "gap")
    first.unlink()
    assert kept.verdict().first_bad == 1


def test_a_row_edited_in_an_archive_is_found(kept):
    first, _ = archived(kept)
    text = gzip.decompress(first.read_bytes()).decode()
    first.write_bytes(gzip.compress(text.replace('{\\"n\\":7,', '{\\"n\\":8,').encode()))
    assert (kept.verdict().first_bad, kept.verdict().kind) == (7, "edit")


def test_an_archive_that_only_has_other_bytes_is_told_of(kept):
    first, _ = archived(kept)
    first.write_bytes(gzip.compress(gzip.decompress(first.read_bytes()), 1))
    assert any("its bytes are others" in one for one in kept.inspect().troubles)


def test_archives_that_changed_places_are_found(kept):
    first, second = archived(kept)
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    assert (kept.verdict().first_bad, kept.verdict().kind) == (1, "fork")


def test_a_damaged_archive_is_found(kept):
    first, _ = archived(kept)
    first.write_bytes(first.read_bytes()[:-30])
    assert kept.verdict().first_bad == 1


def test_rows_deleted_under_the_cover_of_a_false_note_are_found(kept):
    row = rows_of(kept)[39]
    kept.tamper(
        "INSERT INTO audit_archived VALUES ('node', 40, "
        f"x'{row.hash.hex()}', 'node-x.jsonl.gz', zeroblob(32), 1)",
        "DELETE FROM audit WHERE seq <= 40",
    )
    report = kept.inspect()
    assert (report.chains[0].verdict.first_bad, report.chains[0].verdict.kind) == (1, "gap")
    assert any("where no checkpoint is" in one for one in report.troubles)


# --- holds --------------------------------------------------------------------------------


def test_what_is_held_is_not_archived_until_it_is_released(kept):
    hold = kept.keeper.hold("Doe v. Lab", since_ns=BEGIN_NS + 40 * 10**9)
    assert (hold.id, hold.by, hold.holds) == ("H-1", "ana", True)
    done = kept.keeper.archive(older_than_days=at(90), now_ns=NOW_NS)
    assert (done.last, [one.id for one in done.held_by]) == (25, ["H-1"])
    released = kept.keeper.release("H-1", "settled")
    assert (released.holds, released.why_released, released.released_by) == (
        False,
        "settled",
        "ana",
    )
    assert kept.keeper.archive(older_than_days=at(90), now_ns=NOW_NS).last == 75
    assert kept.keeper.holds() == (released,)
    assert kept.inspect().ok


def test_a_hold_of_another_time_holds_nothing_here(kept):
    kept.keeper.hold("later", since_ns=NOW_NS)
    kept.keeper.hold("earlier", until_ns=BEGIN_NS)
    done = kept.keeper.archive(older_than_days=at(60), now_ns=NOW_NS)
    assert (done.last, done.held_by) == (50, ())


def test_holds_are_placed_with_a_reason_and_released_once(kept):
    for reason in ("", " "):
        with pytest.raises(InputError, match="needs a reason"):
            kept.keeper.hold(reason)
    with pytest.raises(InputError, match="ends after it begins"):
        kept.keeper.hold("x", since_ns=2, until_ns=1)
    hold = kept.keeper.hold("x")
    with pytest.raises(InputError, match="needs a reason"):
        kept.keeper.release(hold.id, "")
    kept.keeper.release(hold.id, "over")
    for name in (hold.id, "H-9", ""):
        with pytest.raises(InputError, match="must be a hold"):
            kept.keeper.release(name, "again")


def test_a_hold_can_be_placed_on_a_trail_that_does_not_hold(kept):
    kept.tamper("UPDATE audit SET body = '{}' WHERE seq = 20")
    assert kept.keeper.hold("who did that?").holds


# --- discarded ----------------------------------------------------------------------------


def test_archives_that_are_old_enough_can_be_discarded_and_the_rest_is_verified(kept):
    first, second = archived(kept)
    assert kept.keeper.discard(older_than_days=at(40), now_ns=NOW_NS) == (first.name,)
    assert (first.exists(), second.exists()) == (False, True)
    report = kept.inspect()
    assert report.ok, report
    assert kinds(kept)[-1] == "audit.discarded"
    assert kept.keeper.discard(older_than_days=at(40), now_ns=NOW_NS) == ()
    assert kept.keeper.discard(older_than_days=at(60), now_ns=NOW_NS) == (second.name,)
    assert kept.inspect().ok


def test_what_is_held_is_not_discarded(kept):
    first, _ = archived(kept)
    kept.keeper.hold("a matter", until_ns=BEGIN_NS + 5 * 10**9)
    assert kept.keeper.discard(older_than_days=at(60), now_ns=NOW_NS) == ()
    assert first.exists()


def test_an_archive_removed_by_hand_is_not_taken_for_one_that_was_discarded(kept):
    _, second = archived(kept)
    kept.keeper.discard(older_than_days=at(40), now_ns=NOW_NS)
    second.unlink()
    assert kept.verdict().first_bad == 26
    kept.tamper(
        "INSERT INTO audit SELECT 'operators', seq + 1, ts_ns, actor, 'audit.discarded', "
        f'\'{{"file":"{second.name}","sha256":"00"}}\', hash, hash FROM audit '
        "WHERE chain = 'operators' ORDER BY seq DESC LIMIT 1"
    )
    assert not kept.inspect().ok


# --- the keeper ---------------------------------------------------------------------------


def test_a_trader_without_a_store_has_no_trail(tmp_path):
    trail = Trail(tmp_path)
    with pytest.raises(StoreError, match="must have a store"):
        AuditKeeper(trail.files, by="ana")
    trail.write(1)
    with pytest.raises(InputError, match="must be named"):
        AuditKeeper(trail.files, by=" ")


def test_two_that_work_on_a_trail_at_once_do_not_meet(kept):
    with kept.files.rundir.audit_lock, pytest.raises(NodeAlreadyRunning, match="may run once"):
        kept.keeper.hold("x")
    assert kept.keeper.hold("x").id == "H-1"
