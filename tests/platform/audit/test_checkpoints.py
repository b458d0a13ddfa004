"""Checkpoints: sealed, bound to each other, in a file that only grows."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import subprocess
import sys

import msgspec
import pytest

from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.platform.audit import (
    CheckpointFile,
    MerkleTree,
    SealKey,
    leaf_hash,
    make_checkpoints,
)
from nautilus_lab.platform.store import TradingStore

KEY = SealKey(b"k" * 64)


@pytest.fixture
def file(tmp_path):
    return CheckpointFile(tmp_path / "checkpoints.jsonl", trader="T-1", key=KEY)


def fill(file, count=3):
    tree = MerkleTree()
    for number in range(count):
        tree.add(leaf_hash(bytes([number])))
        with file.appending() as appender:
            appender.add("node", tree, leaf_hash(bytes([number])))
    return file.read().checkpoints


def test_a_seal_is_the_mac_that_anybody_with_the_key_computes(file):
    (one, _) = fill(file, 2)
    facts = json.loads(msgspec.json.encode(one))
    seal = facts.pop("seal")
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hmac.new(KEY.secret, text.encode(), hashlib.sha256).hexdigest() == seal
    assert (facts["number"], facts["size"], facts["prev"]) == (1, 1, "0" * 64)
    assert facts["root"] == leaf_hash(b"\x00").hex()


def test_each_is_bound_to_the_one_before(file):
    made = fill(file)
    assert [one.number for one in made] == [1, 2, 3]
    assert [one.prev for one in made] == ["0" * 64, made[0].seal, made[1].seal]
    assert file.last("node") == made[-1]
    assert file.last("other") is None
    assert made[-1].tree.root.hex() == made[-1].root


def test_the_file_is_its_users_alone(file):
    fill(file, 1)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_another_process_goes_on_where_the_first_ended(file):
    fill(file, 2)
    other = CheckpointFile(file.path, trader="T-1", key=KEY)
    with other.appending() as appender:
        appender.add("node", MerkleTree(), bytes(32))
    with file.appending() as appender:  # which sees what the other appended
        assert appender.last("node").number == 3
        appender.add("node", MerkleTree(), bytes(32))
    assert [one.number for one in file.read().checkpoints] == [1, 2, 3, 4]
    assert file.read().trouble == ""


LINE_EDITS = {
    "a digit of the root": lambda lines: [lines[0], flipped(lines[1], '"root":"'), lines[2]],
    "a digit of the seal": lambda lines: [lines[0], flipped(lines[1], '"seal":"'), lines[2]],
    "the size": lambda lines: [lines[0], lines[1].replace('"size":2', '"size":9'), lines[2]],
    "a line taken out": lambda lines: [lines[0], lines[2]],
    "the first line taken out": lambda lines: lines[1:],
    "lines swapped": lambda lines: [lines[0], lines[2], lines[1]],
    "a line twice": lambda lines: [lines[0], lines[1], lines[1], lines[2]],
    "white space": lambda lines: [lines[0], lines[1].replace(",", ", ", 1), lines[2]],
    "no JSON": lambda lines: [lines[0], "{", lines[2]],
    "another trader's": lambda lines: [
        lines[0],
        lines[1].replace('"trader":"T-1"', '"trader":"T-2"'),
        lines[2],
    ],
    "a field more": lambda lines: [lines[0], lines[1].replace("{", '{"x":1,', 1), lines[2]],
}


def flipped(line, after):
    at = line.index(after) + len(after)
    return line[:at] + ("1" if line[at] == "0" else "0") + line[at + 1 :]


@pytest.mark.parametrize("edit", LINE_EDITS)
def test_whatever_is_changed_in_the_file_is_found_and_nothing_is_added_to_it(file, edit):
    fill(file)
    lines = file.path.read_text().splitlines()
    file.path.write_text("".join(line + "\n" for line in LINE_EDITS[edit](lines)))
    data = file.path.read_bytes()
    fresh = CheckpointFile(file.path, trader="T-1", key=KEY)
    found = fresh.read()
    assert found.trouble
    assert len(found.checkpoints) < 3
    with pytest.raises(AuditError, match="as it was sealed"), fresh.appending() as appender:
        appender.add("node", MerkleTree(), bytes(32))
    with pytest.raises(AuditError, match="as it was sealed"):
        fresh.last("node")
    assert file.path.read_bytes() == data


def test_a_file_that_got_shorter_is_noticed_by_who_appends(file):
    fill(file)
    lines = file.path.read_bytes().splitlines(keepends=True)
    file.path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(AuditError, match="as it was sealed") as failure, file.appending():
        pass
    assert "shorter" in failure.value.value
    # To who reads it for the first time it is whole: the chain, or a kept copy, tells.
    assert CheckpointFile(file.path, trader="T-1", key=KEY).read().trouble == ""


def test_another_key_seals_nothing_of_this_file(file):
    fill(file)
    thief = CheckpointFile(file.path, trader="T-1", key=SealKey(b"x" * 64))
    assert "sealed by the key" in thief.read().trouble
    with pytest.raises(AuditError), thief.appending():
        pass


def test_without_the_key_they_can_be_read_and_not_made(file):
    fill(file)
    reader = CheckpointFile(file.path, trader="T-1", key=None)
    assert len(reader.read().checkpoints) == 3
    with pytest.raises(StoreError, match="needs a key"), reader.appending() as appender:
        appender.add("node", MerkleTree(), bytes(32))


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_line_that_a_loss_of_power_cut_off_is_written_over(file, cut):
    fill(file)
    file.path.write_bytes(file.path.read_bytes()[:-cut])
    fresh = CheckpointFile(file.path, trader="T-1", key=KEY)
    assert fresh.read().torn
    assert (len(fresh.read().checkpoints), fresh.read().trouble) == (2, "")
    with fresh.appending() as appender:
        appender.add("node", MerkleTree(), bytes(32))
    assert [one.number for one in fresh.read().checkpoints] == [1, 2, 3]
    assert not fresh.read().torn


def test_what_fails_while_appending_leaves_the_file_as_it_was(file):
    fill(file, 1)
    data = file.path.read_bytes()

    def fail_after_adding():
        with file.appending() as appender:
            appender.add("node", MerkleTree(), bytes(32))
            MerkleTree(1)

    with pytest.raises(InputError, match="one peak"):
        fail_after_adding()
    assert file.path.read_bytes() == data
    assert [one.number for one in fill(file, 1)] == [1, 2]


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path):
    nowhere = CheckpointFile(tmp_path / "none" / "x", trader="T-1", key=KEY)
    with pytest.raises(StoreError, match="readable and writable"), nowhere.appending():
        pass
    assert nowhere.read().checkpoints == ()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="readable and writable"):
        CheckpointFile(tmp_path / "folder", trader="T-1", key=KEY).read()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with (
        pytest.raises(StoreError, match="readable and writable"),
        CheckpointFile(tmp_path / "link", trader="T-1", key=KEY).appending(),
    ):
        pass


def test_a_short_key_is_refused_and_no_key_shows():
    with pytest.raises(InputError, match="32 bytes"):
        SealKey(b"x" * 31)
    assert "kkk" not in repr(KEY)
    assert KEY.name not in KEY.secret.decode()


# --- of a store ---------------------------------------------------------------------------


def test_one_is_made_each_so_many_rows_and_one_for_the_rest(trail):
    trail.write(25)
    with TradingStore.open(trail.files.store, read_only=True) as store:
        file = trail.files.checkpoint_file(KEY)
        made = make_checkpoints(store, file, every=10)
        assert [one.size for one in made] == [10, 20, 25]
        rows = list(store.audit_rows())
        assert [one.head for one in made] == [rows[n - 1].hash.hex() for n in (10, 20, 25)]
        assert make_checkpoints(store, file, every=10) == ()
    trail.write(6)
    with TradingStore.open(trail.files.store, read_only=True) as store:
        assert [o.size for o in make_checkpoints(store, file, every=10, rest=False)] == [30]
        assert [o.size for o in make_checkpoints(store, file, every=10)] == [31]
        tree = MerkleTree()
        tree.extend([row.hash for row in store.audit_rows()])
        assert file.last("node").root == tree.root.hex()


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM audit WHERE seq > 15",
        "DELETE FROM audit",
        "UPDATE audit SET hash = zeroblob(32) WHERE seq = 20",
        "UPDATE audit SET body = '{}' WHERE seq = 22",
        "DELETE FROM audit WHERE seq = 21",
        "DELETE FROM audit WHERE seq = 20",
    ],
)
def test_nothing_is_vouched_for_that_does_not_continue_the_last_one(trail, tampering):
    trail.write(20)
    file = trail.files.checkpoint_file(KEY)
    with TradingStore.open(trail.files.store, read_only=True) as store:
        make_checkpoints(store, file, every=10)
    trail.write(5)
    trail.tamper(tampering)
    before = file.path.read_bytes()
    with TradingStore.open(trail.files.store) as store:
        fresh = trail.files.checkpoint_file(KEY)
        with pytest.raises(AuditError):
            make_checkpoints(store, fresh, every=10)
    assert file.path.read_bytes() == before


KILLED = """
import sys
from pathlib import Path
from nautilus_lab.platform.audit import CheckpointFile, SealKey, make_checkpoints
from nautilus_lab.platform.store import TradingStore

store = TradingStore.open(sys.argv[1], read_only=True)
file = CheckpointFile(Path(sys.argv[2]), trader="T-1", key=SealKey(b"k" * 64))
print("ready", flush=True)
n = 0
while True:
    n += 1
    # a checkpoint of every row of its own, again and again from the beginning of the file
    make_checkpoints(store, file, every=1)
    Path(sys.argv[2]).rename(sys.argv[2] + f".{n}")
    file = CheckpointFile(Path(sys.argv[2]), trader="T-1", key=SealKey(b"k" * 64))
"""


@pytest.mark.processes
def test_a_process_killed_while_it_checkpoints_leaves_a_file_that_is_gone_on_with(trail):
    trail.write(40)
    for pause in (0.0, 0.01, 0.05):
        path = trail.files.checkpoints
        worker = subprocess.Popen(
            [sys.executable, "-c", KILLED, trail.files.store, path],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout.readline() == "ready\n"
        try:
            worker.wait(pause)
        except subprocess.TimeoutExpired:
            worker.kill()
        worker.kill()
        worker.communicate()
        file = trail.files.checkpoint_file(KEY)
        assert file.read().trouble == ""
        with TradingStore.open(trail.files.store, read_only=True) as store:
            make_checkpoints(store, file, every=1)
        assert [one.size for one in file.read().checkpoints] == list(range(1, 41))
        os.unlink(path)
