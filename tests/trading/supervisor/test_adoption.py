"""What a supervisor takes for its own, and a start that is stopped; without a node."""

import asyncio
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.engine import State
from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.trading import TradingEngine
from nautilus_lab.trading.supervisor import Child, Supervisor, TraderKeeper


@pytest.fixture
def rundir(workspace):
    return Home(load_settings().home_path).make().trader("PAPER-001").make()


def child(rundir, *, code="import time; time.sleep(60)", **settings):
    """A child that runs `code`, in place of a module of the package."""
    (rundir.path / "fake.py").write_text(textwrap.dedent(code), "utf-8")
    made = Child(
        name="node",
        module="fake",
        arguments=[],
        record=rundir.node,
        output=rundir.path / "fake.out",
        **settings,
    )
    made._argv = [sys.executable, str(rundir.path / "fake.py")]
    return made


def test_a_record_that_came_with_a_copied_folder_is_of_somebody_elses_node(workspace, rundir):
    engine = TradingEngine(load_settings())
    home = Home(rundir.path.parents[1])
    ProcessRecord.of_this_process("node", address=rundir.commands).write(rundir.node)
    assert engine.health().state is State.RUNNING
    ProcessRecord.of_this_process("supervisor", address=home.supervisor_commands).write(
        home.supervisor
    )
    assert engine.supervised
    copy = workspace / "copy"
    shutil.copytree(rundir.path.parents[1], copy / ".lab")
    theirs = Home(copy / ".lab").trader("PAPER-001")
    assert not child(theirs, lock=theirs.node_lock).adopt()
    other = TradingEngine(load_settings(copy))
    assert other.health().state is State.READY
    assert not other.supervised


@pytest.mark.processes
def test_settings_that_came_with_a_moved_folder_make_nothing_where_it_was(workspace, rundir):
    rundir.settings.write_text(load_settings().to_private_json(), "utf-8")
    ProcessRecord.of_this_process("node", address=rundir.commands).write(rundir.node)
    home = Home(rundir.path.parents[1])
    hold = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX)"
    code = f"{hold}; print(flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(rundir.node_lock.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:  # its end closes the input, which ends the process
        holder.stdout.readline()
        assert TraderKeeper.adopt(home, "PAPER-001").node.pid == os.getpid()
        moved = home.path.with_name("moved")
        home.path.rename(moved)
        assert TraderKeeper.adopt(Home(moved), "PAPER-001") is None
        assert not home.path.exists()


@pytest.mark.processes
async def test_a_start_that_is_not_wanted_any_more_is_given_up_and_leaves_nothing(rundir):
    made = child(rundir)
    starting = asyncio.create_task(made.start(30))
    while not made.pid:
        await asyncio.sleep(0.01)
    made.unwanted = True
    with pytest.raises(NodeError, match="must not be stopped while it starts"):
        await starting
    assert not made.alive


@pytest.mark.processes
async def test_a_node_that_an_earlier_supervisor_left_half_started_is_waited_for(rundir):
    earlier = child(rundir, lock=rundir.node_lock)
    earlier._argv = [
        *(sys.executable, "-c"),
        textwrap.dedent(
            f"""
            import time
            from pathlib import Path
            from nautilus_lab.platform.rundir import Home, ProcessRecord
            rundir = Home(Path({str(rundir.path.parents[1])!r})).trader("PAPER-001")
            with rundir.node_lock:
                time.sleep(0.5)
                ProcessRecord.of_this_process("node").write(rundir.node)
                time.sleep(60)
            """
        ),
    ]
    first = asyncio.create_task(earlier.start(30))
    while not rundir.node_lock.held_elsewhere:
        await asyncio.sleep(0.01)
    second = child(rundir, code="raise SystemExit(2)", lock=rundir.node_lock)
    await second.start(30)
    await first
    assert second.pid == earlier.pid
    await second.stop(5)
    assert not earlier.alive


async def test_a_folder_that_is_gone_is_the_childs_one_clear_error(rundir):
    made = child(rundir)
    shutil.rmtree(rundir.path)
    with pytest.raises(NodeError, match="the node must start: No such file"):
        await made.start(5)


async def test_a_supervisor_whose_folder_is_taken_away_ends(workspace):
    home = Home(workspace / ".lab")
    running = asyncio.create_task(Supervisor(home).run())
    while not home.supervisor.exists():
        await asyncio.sleep(0.01)
    shutil.rmtree(home.path)
    await asyncio.wait_for(running, 10)


async def test_a_status_of_what_a_supervisor_keeps_says_that_it_is_halted(workspace, rundir):
    home = Home(workspace / ".lab")
    supervisor = Supervisor(home)
    running = asyncio.create_task(supervisor.run())
    while not home.supervisor.exists():
        await asyncio.sleep(0.01)
    keeper = supervisor._keepers["PAPER-001"] = TraderKeeper(load_settings())
    keeper.halted = "the node died more than 3 times in 10 minutes"
    status = await TradingEngine(load_settings()).status()
    assert (status.state, status.detail) == ("faulted", keeper.halted)
    supervisor.end()
    await running
