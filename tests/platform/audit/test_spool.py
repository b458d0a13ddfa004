"""What the store could not take is on the disk at once, and comes into the chain once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.platform.audit import AuditTrail, Spool, canonical_json, read_spool
from nautilus_lab.platform.store import OrderIntent, TradingStore


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    yield spool
    spool.close()


def reopened(spool):
    spool.close()
    return Spool(spool.path)


def test_what_is_added_is_read_back_by_the_next_process(spool, sell):
    first = spool.add((sell("A"), sell("B")), actor="strategy:S", why="full", ts_ns=7)
    second = spool.add((sell("C", note="é"),), actor="ana", why="locked", ts_ns=8)
    again = reopened(spool)
    assert again.entries == (first, second)
    assert (again.id, again.pending, again.trouble) == (spool.id, 2, "")
    assert again.entries[0].order_intents() == (sell("A"), sell("B"))
    assert again.entries[1].order_intents()[0].text == sell("C", note="é").text
    assert read_spool(spool.path).entries == again.entries
    again.close()


def test_its_chain_is_what_anybody_computes(spool, sell):
    spool.add((sell("A"),), actor="a", why="w", ts_ns=7)
    spool.add((sell("B"),), actor="a", why="w", ts_ns=8)
    head, *lines = spool.path.read_bytes().rstrip(b"\0").splitlines()
    assert len(lines) == 2
    prev = hashlib.sha256(head).hexdigest()
    for line in lines:
        facts = json.loads(line)
        own = facts["hash"]
        assert facts["prev"] == prev
        bare = line.replace(own.encode(), b"0" * 64)
        assert hashlib.sha256(bare).hexdigest() == own
        prev = own


def test_its_room_is_taken_before_it_is_needed(spool, sell):
    taken = spool.path.stat()
    assert taken.st_blocks * 512 >= 1 << 20
    for number in range(50):
        spool.add((sell(f"O-{number}"),), actor="a", why="w")
    assert (spool.path.stat().st_blocks, spool.path.stat().st_size) == (
        taken.st_blocks,
        taken.st_size,
    )
    assert stat.S_IMODE(taken.st_mode) == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_full_since_takes_entries_until_the_room_is_used_up(tmp_path, sell):
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(disk)]
    if subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        spool = Spool(disk / "spool")
        with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

        def fill():
            while True:
                spool.add((sell("O", note="x" * 2_000),), actor="a", why="full")

        with pytest.raises(StoreError, match="No space left on device"):
            fill()
        count = spool.pending
        assert count > 400
        assert len(read_spool(spool.path).entries) == count
        (disk / "filler").unlink()
        assert spool.add((sell("after"),), actor="a", why="w").number == count + 1
        assert len(read_spool(spool.path).entries) == count + 1
        spool.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_cut_or_changed_anywhere_is_never_read_as_another(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder / "spool")
    sell = OrderIntent(client_order_id="O", command="submit", body={"side": "SELL"})
    written = [spool.add((sell,), actor="a", why="w", ts_ns=n) for n in range(4)]
    spool.close()
    raw = bytearray(spool.path.read_bytes())
    used = len(bytes(raw).rstrip(b"\0"))
    at = data.draw(st.integers(0, used - 1))
    if data.draw(st.booleans()):
        raw[at] ^= data.draw(st.integers(1, 255))
    else:
        raw[at:used] = bytes(used - at)
    spool.path.write_bytes(raw)
    found = read_spool(spool.path)
    assert list(found.entries) == written[: len(found.entries)]
    if len(found.entries) < 4 and raw[at:used].strip(b"\0"):
        assert found.trouble or found.torn


def test_half_an_entry_is_written_over_by_the_next(spool, sell):
    spool.add((sell("A"),), actor="a", why="w")
    spool.add((sell("B", note="x" * 500),), actor="a", why="w")
    data = spool.path.read_bytes()
    used = len(data.rstrip(b"\0"))
    spool.close()
    spool.path.write_bytes(data[: used - 9] + bytes(len(data) - used + 9))
    again = Spool(spool.path)
    assert (again.pending, again.trouble) == (1, "")
    again.add((sell("C"),), actor="a", why="w")
    found = read_spool(spool.path)
    assert [e.intents[0].client_order_id for e in found.entries] == ["A", "C"]
    assert (found.trouble, found.torn) == ("", 0)
    again.close()


def test_an_entry_that_could_not_be_synced_is_not_there(spool, sell, monkeypatch):
    spool.add((sell("A"),), actor="a", why="w")

    def fail(handle):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(StoreError, match="Input/output error"):
            spool.add((sell("B"),), actor="a", why="w")
    assert spool.pending == 1
    assert [e.intents[0].client_order_id for e in read_spool(spool.path).entries] == ["A"]
    spool.add((sell("C"),), actor="a", why="w")
    assert [e.intents[0].client_order_id for e in reopened(spool).entries] == ["A", "C"]


def test_a_damaged_spool_takes_nothing_more_and_is_kept(spool, sell):
    spool.add((sell("A"),), actor="a", why="w")
    spool.add((sell("B"),), actor="a", why="w")
    spool.close()
    data = spool.path.read_bytes()
    spool.path.write_bytes(data.replace(b'"client_order_id":"B"', b'"client_order_id":"X"'))
    again = Spool(spool.path)
    assert (again.pending, again.trouble) == (1, "entry 2 is not as it was written")
    with pytest.raises(StoreError, match="as it was written"):
        again.add((sell("C"),), actor="a", why="w")
    kept = again.retire()
    assert b'"client_order_id":"X"' in kept.read_bytes()
    assert again.add((sell("C"),), actor="a", why="w").number == 1
    again.close()


def test_a_spool_that_cannot_be_made_is_one_clear_error(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        Spool(tmp_path / "none" / "spool")
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="symbolic links"):
        Spool(tmp_path / "link")


# --- folded into the chain ----------------------------------------------------------------


def broken(trail):
    trail._store._driver.execute("PRAGMA query_only = ON")


def mended(trail):
    trail._store._driver.execute("PRAGMA query_only = OFF")


def test_what_was_set_aside_comes_into_the_chain_before_the_next_row(trail, sell):
    folded = []
    with trail.opened() as chain:
        chain.on_fold = lambda intents, numbers: folded.append((intents, numbers))
        chain.append("note", {}, actor="ana")
        broken(chain)
        with pytest.raises(StoreError, match="cannot be written") as failure:
            chain.intend_many([sell("A")], actor="strategy:S")
        chain.set_aside([sell("A")], actor="strategy:S", why=failure.value.rule)
        chain.set_aside([sell("B"), sell("C")], actor="strategy:S", why="locked")
        with pytest.raises(StoreError):
            chain.append("note", {}, actor="ana")
        with pytest.raises(StoreError):
            chain.fold()
        assert chain._store.journal() == ()
        mended(chain)
        assert chain.append("after", {}, actor="ana").seq == 6
        store, rows = chain._store, list(chain._store.audit_rows())
        assert [row.kind for row in rows] == [
            *("note", "audit.gap", "order.intent", "order.intent", "order.intent", "after")
        ]
        gap = json.loads(rows[1].body)
        assert (gap["spooled"], gap["why"]) == (2, failure.value.rule)
        assert gap["refused"] >= 2
        assert [row.client_order_id for row in store.journal(open_only=True)] == ["A", "B", "C"]
        assert [row.ts_ns for row in store.journal()] == [row.ts_ns for row in rows[2:5]]
        assert rows[2].ts_ns < rows[1].ts_ns  # when it was spooled, not when it was folded
        body = json.loads(rows[3].body)
        assert body["order"] == sell("B").body
        assert body["spooled"] == f"{gap['spool']}/2"
        assert rows[3].body == canonical_json(body)
        assert [(len(i), n) for i, n in folded] == [(3, (1, 2, 3))]
        assert chain.verify().ok
        assert not chain.waiting
    kept = list(trail.files.spool.parent.glob("spool-*"))
    assert [len(read_spool(path).entries) for path in kept] == [2]
    assert trail.inspect().spooled == 0


def test_a_gap_in_which_nothing_was_set_aside_is_told_of_as_well(trail):
    with trail.opened() as chain:
        broken(chain)
        for _ in range(3):
            with pytest.raises(StoreError):
                chain.append("note", {}, actor="ana")
        mended(chain)
        chain.append("note", {}, actor="ana")
        gap, note = chain._store.audit_rows()
        assert (gap.kind, note.kind) == ("audit.gap", "note")
        assert json.loads(gap.body)["spooled"] == 0
        chain.append("note", {}, actor="ana")
        assert chain.seq == 3


def test_a_writer_that_was_replaced_sets_nothing_aside(trail, sell):
    with trail.opened() as chain:
        with TradingStore.open(trail.files.store) as other:
            AuditTrail(other).append("note", {}, actor="successor")
        with pytest.raises(AuditError):
            chain.append("note", {}, actor="ana")
        with pytest.raises(AuditError, match="one writer"):
            chain.set_aside([sell("A")], actor="a", why="w")
        assert read_spool(trail.files.spool).entries == ()


def test_a_trail_without_a_spool_says_so(sell):
    with (
        TradingStore.open(":memory:") as store,
        pytest.raises(StoreError, match="needs a spool"),
    ):
        AuditTrail(store).set_aside([sell("A")], actor="a", why="w")


def test_a_spool_that_was_folded_and_not_moved_takes_nothing_until_it_is(trail, sell, monkeypatch):
    with trail.opened() as chain:
        broken(chain)
        chain.set_aside([sell("A")], actor="a", why="w")
        mended(chain)

        def fail(*paths):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail)
            assert chain.fold() == 1
            assert not chain.waiting
            chain.append("note", {}, actor="ana")
            with pytest.raises(StoreError, match="No space"):
                chain.set_aside([sell("B")], actor="a", why="w")
        chain.set_aside([sell("C")], actor="a", why="w")
        chain.append("note", {}, actor="ana")
        assert [row.client_order_id for row in chain._store.journal()] == ["A", "C"]


def test_a_damaged_spool_is_folded_as_far_as_it_holds_and_told_of(trail, sell):
    with trail.opened() as chain:
        chain.append("note", {}, actor="ana")
        for name in "AB":
            chain.set_aside([sell(name)], actor="a", why="w")
    data = trail.files.spool.read_bytes()
    trail.files.spool.write_bytes(data.replace(b'"client_order_id":"B"', b'"client_order_id":"X"'))
    assert any("entry 2" in trouble for trouble in trail.inspect().troubles)
    with trail.opened() as chain:
        assert chain.fold() == 1
        assert [row.client_order_id for row in chain._store.journal()] == ["A"]
        gap = json.loads(list(chain._store.audit_rows())[1].body)
        assert gap["trouble"] == "entry 2 is not as it was written"
    (kept,) = trail.files.spool.parent.glob("spool-*")
    assert b'"client_order_id":"X"' in kept.read_bytes()


# A process whose store refuses, then takes; it ends itself at a named place.
CHILD = """
import sys
from pathlib import Path
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.audit import AuditTrail, Spool
from nautilus_lab.platform.store import OrderIntent, TradingStore

store = TradingStore.open(sys.argv[1])
trail = AuditTrail(store, spool=Spool(Path(sys.argv[2])))
trail.append("note", {}, actor="ana")
store._driver.execute("PRAGMA query_only = ON")
for number in range(5):
    intent = OrderIntent(client_order_id=f"O-{number}", command="submit", body={"side": "SELL"})
    try:
        trail.intend_many([intent], actor="strategy:S")
    except StoreError as error:
        trail.set_aside([intent], actor="strategy:S", why=error.rule)
    print(number, flush=True)
store._driver.execute("PRAGMA query_only = OFF")
trail.append("after", {}, actor="ana")
print("folded", flush=True)
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    "place",
    [
        "audit.spool_before_sync@3",
        "audit.spool_after_sync@3",
        "audit.before_fold",
        "journal.in_transaction",
        "audit.after_fold",
        "audit.spool_before_move",
    ],
)
def test_a_process_killed_anywhere_loses_nothing_that_went_out_and_folds_it_once(trail, place):
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, trail.files.store, trail.files.spool],
        env={**os.environ, "NL_FAILPOINT": place},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    went_out = [f"O-{word}" for word in ended.stdout.split()]
    for _ in range(3):  # and again: it is folded once
        with trail.opened() as chain:
            chain.fold()
            journal = [row.client_order_id for row in chain._store.journal()]
            audited = [
                json.loads(row.body)["client_order_id"]
                for row in chain._store.audit_rows()
                if row.kind == "order.intent"
            ]
            assert journal == audited
            assert journal[: len(went_out)] == went_out
            assert len(journal) == len(set(journal)) <= len(went_out) + 1
            assert [row.kind for row in chain._store.audit_rows()].count("audit.gap") <= 1
            assert chain.verify().ok
    assert trail.inspect().spooled == 0
