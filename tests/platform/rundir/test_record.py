"""A record tells one process from every other, and a broken one says so."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import ProcessRecord


@pytest.fixture
def file(tmp_path):
    return tmp_path / "node.json"


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def test_a_record_comes_back_as_it_was_written(file):
    record = ProcessRecord.of_this_process(
        "node", address="ipc:///x/commands.sock", detail={"trader": "T-1"}
    )
    record.write(file)
    assert ProcessRecord.read(file) == record
    assert record.pid == os.getpid()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_there_is_no_record_where_there_is_no_file(file):
    assert ProcessRecord.read(file) is None


def test_this_process_is_alive(file):
    assert ProcessRecord.of_this_process("node").alive


_SAYS_WHO_IT_IS = """
import sys, time
from pathlib import Path
from nautilus_lab.platform.rundir import ProcessRecord
ProcessRecord.of_this_process("node").write(Path(sys.argv[1]))
print("written", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other(file):
    """Another process that wrote its record."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SAYS_WHO_IT_IS, file], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "written\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_alive_until_it_is_killed(file, other):
    record = ProcessRecord.read(file)
    assert record.pid == other.pid
    assert record.alive
    other.send_signal(signal.SIGKILL)
    while psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not record.alive  # dead, though nobody has fetched its exit code
    other.wait()
    assert not record.alive


def test_a_process_id_that_was_given_to_another_is_not_taken_for_the_first(file, other, sleeper):
    record = ProcessRecord.read(file)
    reused = msgspec.structs.replace(record, pid=sleeper.pid)
    assert psutil.pid_exists(reused.pid)
    assert not reused.alive


def test_a_clock_that_was_set_does_not_kill_a_process(file, other, monkeypatch):
    record = ProcessRecord.read(file)
    # the kernel moves the time of boot when the clock is set
    boot = psutil._pslinux.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3_600)
    assert record.alive


def test_a_record_of_an_older_version_is_told_by_its_start_time(file, sleeper):
    started = psutil.Process(sleeper.pid).create_time()
    old = {"name": "node", "pid": sleeper.pid, "started": started}
    file.write_bytes(msgspec.json.encode(old))
    assert ProcessRecord.read(file).alive
    file.write_bytes(msgspec.json.encode(old | {"started": started - 60}))
    assert not ProcessRecord.read(file).alive


def test_started_is_a_time_of_the_clock():
    assert 0 <= time.time() - ProcessRecord.of_this_process("node").started < 86_400


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_a_half_written_record_is_an_error_that_names_the_file(file, share):
    ProcessRecord.of_this_process("node").write(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StoreError, match="process record must be readable") as failure:
        ProcessRecord.read(file)
    assert failure.value.value == str(file)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"\xff\xfe",
        b'{"name": "node"}',
        b'{"name": "node", "pid": "1", "started": 1.0}',
        b'{"name": "node", "pid": 0, "started": 1.0}',
        b'{"name": "node", "pid": -7, "started": 1.0}',
        b'{"name": "node", "pid": 99999999999999999999, "started": 1.0}',
    ],
)
def test_what_is_no_record_is_an_error_of_ours(file, content):
    file.write_bytes(content)
    with pytest.raises(StoreError, match="process record must be readable"):
        ProcessRecord.read(file)


def test_a_folder_in_place_of_a_record_is_an_error_of_ours(file):
    file.mkdir()
    with pytest.raises(StoreError, match="process record must be readable"):
        ProcessRecord.read(file)


def test_a_field_that_a_newer_version_added_is_passed_over(file):
    file.write_bytes(b'{"name": "node", "pid": 1, "started": 1.0, "new": {"a": 1}}')
    assert ProcessRecord.read(file).name == "node"


def test_a_process_id_that_no_process_has_is_not_alive():
    assert not ProcessRecord(name="node", pid=2**31 - 1, started=1.0).alive


def test_a_record_that_was_copied_elsewhere_is_none_there(file, tmp_path):
    ProcessRecord.of_this_process("node").write(file)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / file.name).write_bytes(file.read_bytes())
    assert ProcessRecord.read(copy / file.name) is None
    assert ProcessRecord.read(file) is not None


def test_a_record_found_by_another_name_of_its_folder_is_the_same(file, tmp_path):
    ProcessRecord.of_this_process("node").write(file)
    link = tmp_path / "link"
    link.symlink_to(file.parent)
    assert ProcessRecord.read(link / file.name) == ProcessRecord.read(file)


def test_a_damaged_record_is_set_aside_with_a_warning(file, caplog):
    file.write_bytes(b"{half")
    assert ProcessRecord.read_or_set_aside(file) is None
    assert file.with_name(f"{file.name}.damaged").read_bytes() == b"{half"
    assert not file.exists()
    assert "must be readable" in caplog.text
