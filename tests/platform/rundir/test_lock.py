"""One holder, and the lock dies with it."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from nautilus_lab.exceptions import NodeAlreadyRunning, StoreError
from nautilus_lab.platform.rundir import Lock

_HOLDS = """
import sys, time
from pathlib import Path
from nautilus_lab.platform.rundir import Lock
Lock(Path(sys.argv[1]), "the node").acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def lock(tmp_path):
    made = Lock(tmp_path / "node.lock", "the node of trader T-1")
    yield made
    made.release()


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, tmp_path / "node.lock"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_is_taken_once(lock):
    lock.acquire()
    with pytest.raises(NodeAlreadyRunning, match="the node of trader T-1 may run once"):
        Lock(lock.path, lock.what).acquire()


def test_a_refusal_names_the_process_that_holds_it(lock, holder):
    with pytest.raises(NodeAlreadyRunning) as refusal:
        lock.acquire()
    assert refusal.value.value == f"process {holder.pid} holds {lock.path}"
    assert "stop that one first" in refusal.value.remedy


def test_a_refused_lock_leaves_no_handle_open(lock, holder):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(NodeAlreadyRunning):
            lock.acquire()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_lock_given_back_can_be_taken_again(lock):
    for _ in range(2):
        lock.acquire()
        lock.release()
        lock.release()
    with lock:
        assert lock.path.read_text() == str(os.getpid())
    with Lock(lock.path, "another"):
        pass


def test_the_file_of_a_lock_is_its_owners_alone(lock):
    with lock:
        assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600


def test_a_killed_holder_holds_nothing(lock, holder):
    assert lock.held_elsewhere
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not lock.held_elsewhere
    lock.acquire()
    assert lock.path.read_text() == str(os.getpid())


def test_a_lock_that_nobody_ever_took_is_not_held(lock):
    assert not lock.held_elsewhere
    assert not lock.path.exists()  # looking makes nothing


def test_asking_leaves_the_lock_where_it_is(lock, holder):
    assert [lock.held_elsewhere for _ in range(3)] == [True] * 3
    assert holder.poll() is None


def test_a_lock_of_ones_own_is_not_held_elsewhere(lock):
    with lock:
        assert not lock.held_elsewhere
        assert not Lock(lock.path, lock.what).held_elsewhere


@pytest.fixture
def asker(lock):
    """Somebody in the very act of asking who holds the lock."""
    lock.path.touch()
    handle = os.open(lock.path, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_SH)
    yield handle
    os.close(handle)


def test_one_who_asks_is_not_taken_for_the_holder(lock, asker):
    assert not lock.held_elsewhere


def test_one_who_asks_does_not_keep_the_holder_to_be_from_its_lock(lock, asker):
    done = threading.Timer(0.05, fcntl.flock, (asker, fcntl.LOCK_UN))
    done.start()
    with lock:
        assert lock.path.read_text() == str(os.getpid())
    done.join()


def test_a_child_of_the_holder_does_not_keep_the_lock(lock, tmp_path):
    code = f"""
import multiprocessing, os, sys, time
from pathlib import Path
from nautilus_lab.platform.rundir import Lock
lock = Lock(Path({str(lock.path)!r}), "the node")
lock.acquire()
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(holder.stdout.readline())
    try:
        assert lock.held_elsewhere
        holder.kill()
        holder.wait()
        # The child lets go as the first thing it does, once the machine lets it do anything.
        deadline = time.monotonic() + 10
        while lock.held_elsewhere and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not lock.held_elsewhere
        lock.acquire()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()


_FORKS_AND_ASKS = """
import os, sys
from pathlib import Path
from nautilus_lab.exceptions import NodeAlreadyRunning
from nautilus_lab.platform.rundir import Lock
with Lock(Path(sys.argv[1]), "the node"):
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
    try:
        Lock(Path(sys.argv[1]), "another").acquire()
    except NodeAlreadyRunning as error:
        print(error.rule)
"""


def test_a_child_that_ends_does_not_free_its_parents_lock(lock):
    run = subprocess.run(
        [sys.executable, "-c", _FORKS_AND_ASKS, lock.path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "another may run once\n"


def test_a_lock_in_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path):
    with pytest.raises(StoreError, match="a lock must be writable") as failure:
        Lock(tmp_path / "absent" / "node.lock", "the node").acquire()
    assert str(tmp_path / "absent") in failure.value.value
