"""Files that are whole or not there, whoever is killed over writing them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.latch import write_whole


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_written_for_its_owner_alone_and_nothing_else_is_left(tmp_path):
    write_whole(tmp_path / "x", b"one")
    write_whole(tmp_path / "x", b"two")
    assert (tmp_path / "x").read_bytes() == b"two"
    assert mode_of(tmp_path / "x") == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_file_may_be_given_another_mode(tmp_path):
    write_whole(tmp_path / "x", b"", mode=0o640)
    assert mode_of(tmp_path / "x") == 0o640


def test_writing_replaces_a_link_and_not_what_it_leads_to(tmp_path):
    (tmp_path / "other").write_text("untouched")
    (tmp_path / "x").symlink_to(tmp_path / "other")
    write_whole(tmp_path / "x", b"new")
    assert (tmp_path / "other").read_text() == "untouched"
    assert not (tmp_path / "x").is_symlink()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_whole(tmp_path / "x", b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as failure:
        write_whole(tmp_path / "x", b"new")
    assert failure.value.value == str(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_file_in_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        write_whole(tmp_path / "absent" / "x", b"")


def test_the_folder_is_synced_after_the_file_is_in_it(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noting(handle):
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), sorted(os.listdir(tmp_path))))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    write_whole(tmp_path / "x", b"latched")
    # a rename that is not synced is gone after a loss of power, and with it the kill latch
    assert [folder for folder, _ in synced] == [False, True]
    assert synced[1][1] == ["x"]


_WRITES_FOR_EVER = """
import sys
from pathlib import Path
from nautilus_lab.platform.latch import write_whole
print("ready", flush=True)
n = 0
while True:
    n += 1
    write_whole(Path(sys.argv[1]), str(n % 10).encode() * 100_000)
"""


def test_a_reader_sees_the_old_file_or_the_new_even_when_the_writer_is_killed(tmp_path):
    file = tmp_path / "x"
    write_whole(file, b"0" * 100_000)
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITES_FOR_EVER, file], stdout=subprocess.PIPE, text=True
    )
    writer.stdout.readline()
    seen = set()
    for _ in range(300):
        content = file.read_bytes()
        assert len(content) == 100_000
        assert len(set(content)) == 1
        seen.add(content[0])
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert len(set(file.read_bytes())) == 1
    assert len(seen) > 1
