"""Files of checkpoints that became large: kept beside, bound to each other, read across."""

import errno
import os
import random
import tempfile

import pytest

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.audit import CheckpointFile, MerkleTree, SealKey
from nautilus_lab.platform.audit import _checkpoint_file as module

KEY = SealKey(b"k" * 32)
SMALL = 3_000  # bytes: a few checkpoints


@pytest.fixture
def make(tmp_path):
    def made(key=KEY, rotate_bytes=SMALL):
        path = tmp_path / "checkpoints.jsonl"
        return CheckpointFile(path, trader="T-1", key=key, rotate_bytes=rotate_bytes)

    return made


def add(file, count, chain="node"):
    for _ in range(count):
        with file.appending() as appender:
            last = appender.last(chain)
            tree = MerkleTree() if last is None else last.tree
            tree.extend([bytes([len(appender.chains)]) * 32])
            appender.add(chain, tree, b"h" * 32)


def numbers(read):
    assert not read.trouble
    return [one.number for one in read.checkpoints]


def test_a_file_that_became_large_is_kept_and_the_next_one_begun(make, tmp_path):
    file = make()
    add(file, 40)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) > 3
    assert kept[-1] == "checkpoints.jsonl"
    assert kept[0].startswith("checkpoints-00000000")
    assert all(path.stat().st_size < SMALL + 1_500 for path in tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    assert numbers(make().read()) == [*range(1, 41)]
    # Each names the seal of the last line of the file before.
    for before, after in zip(file.paths, file.paths[1:], strict=False):
        last, first = before.read_bytes().splitlines()[-1], after.read_bytes().splitlines()[0]
        seal = last.rpartition(b'"seal":"')[2].rstrip(b'"}')
        assert b'"prev":"' + seal in first


def test_another_process_goes_on_wherever_the_first_one_is(make):
    one, other = make(), make()
    for _ in range(15):
        add(one, 1)
        add(other, 2, chain="operators")
    assert numbers(make().read()) == [*range(1, 46)]
    assert make().last("node").size == 15
    assert make().last("operators").size == 30
    later = make()
    add(later, 1)
    assert later.latest.number == 46


def test_what_was_done_to_a_kept_file_is_found(make, tmp_path):
    add(make(), 40)
    kept = [path for path in make().paths if path.name != "checkpoints.jsonl"]
    whole = {path: path.read_bytes() for path in kept}
    chance = random.Random(7)
    for number in range(60):
        path = chance.choice(kept)
        data = whole[path]
        if number % 3 == 0:
            changed = bytearray(data)
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
        elif number % 3 == 1:
            path.write_bytes(data[: chance.randrange(len(data))])
        else:
            path.unlink()
        assert make().read().trouble, (number, path.name)
        with pytest.raises(AuditError, match="as it was sealed"):
            add(make(), 1)
        path.write_bytes(data)
    assert numbers(make().read()) == [*range(1, 41)]


@pytest.mark.parametrize("left", [None, b""])
def test_that_the_last_file_is_gone_is_found_and_nothing_takes_its_place(make, left):
    add(make(), 40)
    make().path.unlink()
    if left is not None:
        make().path.write_bytes(left)
    assert "is gone" in make().read().trouble
    for _ in range(2):
        with pytest.raises(AuditError, match="is gone"):
            add(make(), 1)
    assert "is gone" in make().read().trouble


def test_a_writer_whose_file_is_taken_away_adds_nothing(make, tmp_path):
    file = make()
    add(file, 12)
    file.path.unlink()
    with pytest.raises(AuditError, match=r"gone|shorter"):
        add(file, 1)


@pytest.mark.parametrize("place", ["link", "replace"])
def test_a_process_that_dies_while_it_begins_the_next_loses_nothing(make, monkeypatch, place):
    file = make()
    while file.path.parent and (not file.path.exists() or file.path.stat().st_size < SMALL):
        add(file, 1)
    count = len(file.read().checkpoints)

    class Died(BaseException):
        pass

    def die(*_):
        raise Died

    monkeypatch.setattr(os, place, die)
    with pytest.raises(Died):
        add(file, 1)
    monkeypatch.undo()
    assert numbers(make().read()) == [*range(1, count + 1)]
    again = make()
    add(again, 20)
    assert numbers(make().read()) == [*range(1, count + 21)]


@pytest.mark.parametrize("place", ["link", "replace", "mkstemp"])
def test_where_no_other_file_can_be_begun_the_file_grows_on(make, monkeypatch, caplog, place):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(tempfile if place == "mkstemp" else os, place, refuse)
    file = make()
    add(file, 20)
    assert file.path.stat().st_size > 2 * SMALL
    assert numbers(make().read()) == [*range(1, 21)]
    assert caplog.text.count("checkpoints go on in") == 1


@pytest.mark.parametrize("place", ["link", "replace", "mkstemp"])
def test_a_full_disk_is_tried_again_later_and_the_next_file_begun_once_there_is_room(
    make, monkeypatch, caplog, place
):
    full = True
    of = tempfile if place == "mkstemp" else os
    works = getattr(of, place)

    def may_fail(*asked, **more):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return works(*asked, **more)

    monkeypatch.setattr(of, place, may_fail)
    file = make()
    add(file, 20)
    assert caplog.text.count("checkpoints go on in") == 1  # and not at each line
    full = False
    add(file, 1)
    assert file.path.stat().st_size > 2 * SMALL  # not yet
    monkeypatch.setattr(module, "_AGAIN_S", 0.0)
    full, file._stays_until = True, 0.0
    add(file, 2)
    assert caplog.text.count("checkpoints go on in") == 3
    full = False
    add(file, 1)
    assert file.path.stat().st_size < SMALL
    assert len(file.paths) == 2
    assert numbers(make().read()) == [*range(1, 25)]
    later = make()
    add(later, 20)
    assert numbers(make().read()) == [*range(1, 45)]
