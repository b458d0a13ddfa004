"""The signing key: made once, private, the same for everybody who asks."""

import os
import stat
import subprocess
import sys

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.access import signing_key


def test_a_key_is_made_once_and_stays(tmp_path):
    path = tmp_path / "signing.key"
    key = signing_key(path)
    assert len(key) == 64
    assert signing_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["signing.key"]


def test_two_homes_have_different_keys(tmp_path):
    assert signing_key(tmp_path / "a.key") != signing_key(tmp_path / "b.key")


@pytest.mark.processes
def test_processes_that_come_at_once_end_with_the_same_key(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from nautilus_lab.platform.access import signing_key\n"
        "sys.stdin.read(1)\n"
        "print(signing_key(Path(sys.argv[1])).hex())"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "signing.key")]
    processes = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)
    ]
    keys = {process.communicate(b"\n")[0] for process in processes}
    assert len(keys) == 1
    assert keys == {signing_key(tmp_path / "signing.key").hex().encode() + b"\n"}
    assert os.listdir(tmp_path) == ["signing.key"]


def test_the_first_of_two_keys_stays(tmp_path, monkeypatch):
    """Another process makes the key between the look and the making."""
    path = tmp_path / "signing.key"
    link = os.link

    def late(source, target):
        monkeypatch.setattr(os, "link", link)
        signing_key(path)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    key = signing_key(path)
    assert key == path.read_bytes()
    assert os.listdir(tmp_path) == ["signing.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "signing.key"
    signing_key(path)
    path.chmod(mode)
    with pytest.raises(StoreError, match=f"{mode:04o}"):
        signing_key(path)


def test_a_link_to_a_key_is_refused(tmp_path):
    signing_key(tmp_path / "real.key")
    (tmp_path / "signing.key").symlink_to(tmp_path / "real.key")
    with pytest.raises(StoreError):
        signing_key(tmp_path / "signing.key")


def test_a_short_key_is_refused(tmp_path):
    path = tmp_path / "signing.key"
    path.write_bytes(b"x" * 63)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="64 bytes"):
        signing_key(path)


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(StoreError, match="readable: Is a directory"):
        signing_key(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match="readable"):
        signing_key(tmp_path / "none" / "signing.key")
