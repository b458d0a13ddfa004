"""What dead processes leave is taken away, and nothing of the living."""

import os
import socket
import time

import pytest

from nautilus_lab.platform.rundir import Lock, ProcessRecord
from nautilus_lab.trading.supervisor import clean


@pytest.fixture
def rundir(home):
    return home.trader("PAPER-001").make()


def long_ago(path, seconds=7_200):
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def a_socket(path, *, listens):
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    if listens:
        made.listen()
    return made


def dead(path):
    ProcessRecord(name=path.stem, pid=2**22 - 3, started=1.0, born="another boot 1").write(path)
    return path


def test_records_sockets_connection_files_and_drafts_of_the_dead_are_removed(home, rundir):
    (rundir.recording / "day").mkdir(parents=True)
    (home.strategies / "mine" / ".new-abc").mkdir(parents=True)
    for name in ("commands.sock", "kernel-1"):
        a_socket(rundir.path / name, listens=False).close()
    a_socket(home.path / "gateway.sock", listens=False).close()
    rundir.kernel_connection.write_text("{}")
    left = [
        dead(rundir.node),
        dead(rundir.venue),
        dead(home.gateway),
        dead(home.path / "gateway-2.json"),
        rundir.kernel_connection,
        rundir.path / "commands.sock",
        rundir.path / "kernel-1",
        home.path / "gateway.sock",
        long_ago(_file(rundir.recording / "day" / "part.draft")),
        long_ago(_file(rundir.path / ".targets.json.abcdefgh")),
        long_ago(home.strategies / "mine" / ".new-abc"),
        long_ago(_folder(home.path / "traders" / "PAPER-009")),
    ]
    kept = [
        _file(rundir.latch),
        _file(rundir.store),
        _file(rundir.venue_book),
        _file(rundir.settings),
        _file(rundir.path / "wanted"),
        _file(rundir.recording / "day" / "fresh.draft"),
        _file(rundir.path / ".targets.json.ijklmnop"),
        _file(rundir.logs / "node.log"),
        _file(home.store),
        _file(home.path / "signing.key"),
        _folder(home.path / "traders" / "PAPER-008"),
    ]
    removed = clean(home)
    assert {home.path / name for name in removed} == set(left)
    assert all(path.exists() for path in kept)
    assert clean(home) == ()


def test_what_a_living_process_holds_is_not_touched(home, rundir):
    with a_socket(rundir.path / "commands.sock", listens=True):
        ProcessRecord.of_this_process("node", address=rundir.commands).write(rundir.node)
        assert clean(home) == ()
        assert rundir.node.exists()


@pytest.mark.processes
def test_sockets_of_a_trader_one_of_whose_processes_runs_are_not_touched(home, rundir):
    import subprocess
    import sys

    rundir.kernel_connection.write_text("{}")
    a_socket(rundir.path / "commands.sock", listens=False).close()
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True)"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{code}; sys.stdin.read()", str(rundir.node_lock.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        holder.stdout.readline()
        assert Lock(rundir.node_lock.path, "it").held_elsewhere
        assert clean(home) == ()
    assert len(clean(home)) == 2


def test_a_trader_that_somebody_keeps_is_not_looked_at(home, rundir):
    dead(rundir.node)
    assert clean(home, besides={"PAPER-001"}) == ()
    assert rundir.node.exists()


def _file(path):
    path.write_bytes(b"")
    return path


def _folder(path):
    path.mkdir(parents=True)
    return path
