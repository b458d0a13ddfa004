"""One process: how it is started, ended step by step, and told from others."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from nautilus_lab.exceptions import DeadlineExceeded, NodeError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import ProcessRecord
from nautilus_lab.trading.supervisor import Child
from tests.trading.supervisor.conftest import gone, stand_in, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]


@pytest.fixture
def rundir(home):
    return home.trader("PAPER-001").make()


@pytest.fixture
async def start(rundir):
    children = []

    async def start(behave="{}"):
        (rundir.path / "behave.json").write_text(behave)
        child = stand_in(
            Child(
                name="node",
                module="none",
                arguments=[],
                record=rundir.node,
                output=rundir.logs / "node.out",
                failure=rundir.failure,
                lock=rundir.node_lock,
            )
        )
        children.append(child)
        await child.start(20)
        return child

    yield start
    for child in children:
        await child.kill()


def asking(rundir):
    return lambda: CommandClient(rundir.commands).call("node.stop", timeout_s=2)


async def test_a_process_that_does_as_it_is_asked_is_not_signalled(start, rundir):
    child = await start()
    ending = await child.stop(5, ask=asking(rundir), ask_s=10)
    assert (ending.process, ending.how) == ("node", "asked")
    assert 0 < ending.seconds < 5
    assert not rundir.node.exists()
    assert str(ending).startswith("node asked (")


@pytest.mark.parametrize(
    ("behave", "at_least"), [('{"ignores_stop": true}', 0.5), ('{"refuses_to_stop": true}', 0.0)]
)
async def test_a_process_that_does_not_stop_when_asked_gets_sigterm(
    start, rundir, behave, at_least
):
    child = await start(behave)
    ending = await child.stop(5, ask=asking(rundir), ask_s=0.5)
    assert ending.how == "terminated"
    assert at_least <= ending.seconds < 3
    assert gone(child._process.pid)


async def test_a_process_that_ignores_sigterm_is_killed_with_its_session(start, rundir):
    child = await start('{"ignores_stop": true, "ignores_sigterm": true, "leaves": true}')
    left = int((rundir.path / "left").read_text())
    ending = await child.stop(0.5, ask=asking(rundir), ask_s=0.5)
    assert ending.how == "killed"
    assert 1.0 <= ending.seconds < 4
    assert gone(left)


async def test_a_process_that_somebody_stopped_is_killed_within_the_deadlines(start, rundir):
    child = await start()
    os.kill(child.pid, signal.SIGSTOP)
    ending = await child.stop(0.3, ask=asking(rundir), ask_s=0.3)
    assert ending.how == "killed"
    assert ending.seconds < 4


async def test_what_a_process_leaves_behind_ends_with_it_however_it_ended(start, rundir):
    child = await start('{"leaves": true}')
    left = int((rundir.path / "left").read_text())
    assert not gone(left)
    assert (await child.stop(5, ask=asking(rundir), ask_s=5)).how == "asked"
    assert gone(left)


async def test_what_a_killed_process_left_behind_is_gone_before_the_next_one_starts(start, rundir):
    child = await start('{"leaves": true}')
    left = int((rundir.path / "left").read_text())
    os.kill(child.pid, signal.SIGKILL)
    await until(lambda: not child.alive)
    assert not gone(left)
    await child.start(20)
    assert gone(left)


async def test_a_process_with_the_same_id_and_another_birth_is_never_touched(start, rundir):
    innocent = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    try:
        record = ProcessRecord(
            name="node",
            pid=innocent.pid,
            started=psutil.Process(innocent.pid).create_time(),
            address=rundir.commands,
            born="another boot 17",
        )
        for other in (record, msgspec.structs.replace(record, born="", started=record.started - 9)):
            other.write(rundir.node)
            child = Child(
                name="node",
                module="none",
                arguments=[],
                record=rundir.node,
                output=rundir.logs / "node.out",
            )
            assert not child.adopt()
            assert (await child.stop(0.1)).how == "gone"
            await child.kill()
        child = await start()  # its record is in the way, and it starts all the same
        assert child.pid != innocent.pid
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


async def test_the_end_of_an_adopted_process_is_not_taken_for_the_one_that_has_its_id_now(
    start, rundir, monkeypatch
):
    child = await start()
    other = Child(
        name="node",
        module="none",
        arguments=[],
        record=rundir.node,
        output=rundir.logs / "node.out",
        lock=rundir.node_lock,
    )
    assert other.adopt()
    # As when the process died and the system gave its id to another one.
    monkeypatch.setattr(other._process, "_ident", (other.pid, 1.0))
    assert not other.alive
    assert (await other.stop(0.2)).how == "gone"
    assert child.alive


async def test_a_process_has_a_session_and_a_folder_of_its_own_and_no_parent_to_follow(
    start, rundir, monkeypatch
):
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    child = await start()
    process = psutil.Process(child.pid)
    assert os.getsid(child.pid) == child.pid
    assert process.cwd() == str(rundir.path)
    assert "JPY_PARENT_PID" not in process.environ()
    assert process.num_fds() < 40
    usage = child.usage()
    assert usage.rss_mib > 5
    assert usage.threads >= 1
    assert (rundir.logs / "node.out").stat().st_mode & 0o077 == 0
    told = Path(f"/proc/{child.pid}/status").read_text()
    assert "Umask:\t0077\n" in told


async def test_a_process_that_hangs_writes_where(start, rundir):
    child = await start('{"hangs": true}')
    with pytest.raises(DeadlineExceeded):  # the question is read, and hangs it
        await CommandClient(rundir.commands).call("node.status", timeout_s=0.5)
    begun = time.monotonic()
    assert await child.dump() == f"hanging; {rundir.logs / 'node.out'} tells where"
    assert time.monotonic() - begun < 1.5
    assert "hang_here" in (rundir.logs / "node.out").read_text()
    assert child.alive


async def test_a_stopped_process_is_told_as_such_and_not_let_run_again(start, caplog):
    child = await start()
    os.kill(child.pid, signal.SIGSTOP)
    await until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
    assert await child.dump() == "stopped by a signal"
    assert "stopped" in caplog.text
    assert psutil.Process(child.pid).status() == psutil.STATUS_STOPPED


async def test_the_words_of_a_process_that_cannot_start_are_its_own(start, rundir):
    with pytest.raises(NodeError, match="the catalog must be built"):
        await start('{"fails": "the catalog must be built"}')
