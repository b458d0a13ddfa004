"""Folders that are their owner's alone, files that are whole, sockets whose path fits."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import socket_path
from nautilus_lab.platform.rundir._private import private_folder

AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
NOBODY = 65_534


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


# --- folders ------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_folder_is_its_owners_alone_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        made = private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert made == tmp_path / "a" / "b"
    assert mode_of(made) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o500])
def test_a_folder_that_was_open_to_others_is_closed(tmp_path, mode):
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(mode)
    assert mode_of(private_folder(tmp_path / "a")) == 0o700


def test_making_a_folder_again_keeps_what_is_in_it(tmp_path):
    (private_folder(tmp_path / "a") / "x").touch()
    assert [file.name for file in private_folder(tmp_path / "a").iterdir()] == ["x"]


def test_a_link_in_place_of_a_folder_is_refused_and_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="a real folder of its user") as refusal:
        private_folder(tmp_path / "a")
    assert refusal.value.value == str(tmp_path / "a")
    assert mode_of(tmp_path / "elsewhere") == 0o755


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "absent")
    with pytest.raises(StoreError, match="a run directory must be"):
        private_folder(tmp_path / "a")
    assert not (tmp_path / "absent").exists()


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a").write_text("mine")
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(StoreError, match="must be writable"):
            private_folder(path)
    assert (tmp_path / "a").read_text() == "mine"


@AS_ROOT
def test_somebody_elses_folder_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "a").mkdir(mode=0o755)
    os.chown(tmp_path / "a", NOBODY, NOBODY)
    with pytest.raises(StoreError, match="a real folder of its user"):
        private_folder(tmp_path / "a")
    assert mode_of(tmp_path / "a") == 0o755


_MAKE_AS_NOBODY = """
import os, sys
from pathlib import Path
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir._private import private_folder
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    private_folder(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(0o755)
    tmp_path.chmod(0o555)
    try:
        said = subprocess.run(
            [sys.executable, "-c", _MAKE_AS_NOBODY, tmp_path / "a"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    finally:
        tmp_path.chmod(0o700)
    assert "must be writable: Permission denied" in said
    assert str(tmp_path / "a") in said


# --- sockets ------------------------------------------------------------------------------


@pytest.fixture
def long_folder(tmp_path):
    folder = tmp_path / ("very-" * 25 + "long")
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(socket_path(folder, "x.sock").parent, ignore_errors=True)


def test_a_socket_is_in_its_folder_when_its_path_fits():
    with tempfile.TemporaryDirectory(prefix="nl-", dir="/tmp") as folder:
        assert socket_path(Path(folder), "x.sock") == Path(folder) / "x.sock"


def test_a_socket_whose_path_is_too_long_is_in_a_short_private_folder(long_folder):
    path = socket_path(long_folder, "x.sock")
    assert path.parent != long_folder
    assert mode_of(path.parent) == 0o700
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))  # the system agrees that it fits
        path.unlink()


def test_every_process_finds_the_same_socket_whatever_its_environment(
    long_folder, monkeypatch, tmp_path
):
    here = socket_path(long_folder, "x.sock")
    assert socket_path(long_folder, "y.sock").parent == here.parent
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    tempfile.tempdir, before = None, tempfile.tempdir
    try:
        assert socket_path(long_folder, "x.sock") == here
    finally:
        tempfile.tempdir = before


def test_a_folder_has_the_same_sockets_by_whatever_name_it_is_called(
    long_folder, monkeypatch, tmp_path
):
    here = socket_path(long_folder, "x.sock")
    monkeypatch.chdir(tmp_path)
    assert socket_path(Path(long_folder.name), "x.sock") == here
    (tmp_path / "link").symlink_to(tmp_path)
    assert socket_path(tmp_path / "link" / long_folder.name, "x.sock") == here


def test_two_folders_have_sockets_of_their_own(long_folder):
    other = long_folder / "other"
    ours = socket_path(long_folder, "x.sock")
    theirs = socket_path(other, "x.sock")
    shutil.rmtree(theirs.parent)
    assert ours.parent != theirs.parent


def test_a_short_folder_that_was_put_there_by_another_is_refused(long_folder, tmp_path):
    short = socket_path(long_folder, "x.sock").parent
    short.rmdir()
    short.symlink_to(tmp_path)
    try:
        with pytest.raises(StoreError, match="a real folder of its user"):
            socket_path(long_folder, "x.sock")
    finally:
        short.unlink()
