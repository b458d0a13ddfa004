"""The supervisor's own process: detached, alone, adopting; its children stand in."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import NodeAlreadyRunning, NodeNotRunning
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.trading import TradingEngine, _channel
from tests.trading.supervisor.conftest import gone, kill, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(90)]

DETACHED = Path(__file__).with_name("detached.py")


@pytest.fixture
def engine(workspace, repository, monkeypatch):
    """An engine whose supervisor's children stand in."""
    launched = subprocess.run

    def launch(argv, **options):
        if argv[1:4] != ["-P", "-m", "nautilus_lab.trading.supervisor"]:
            return launched(argv, **options)
        environment = {**os.environ, "PYTHONPATH": str(repository)}
        return launched([argv[0], str(DETACHED), *argv[4:]], env=environment, **options)

    monkeypatch.setattr(_channel.subprocess, "run", launch)
    settings = load_settings(
        trading={"stop_timeout_s": 2, "start_timeout_s": 20},
        supervisor={"heartbeat_s": 0.2, "terminate_timeout_s": 1},
    )
    engine = TradingEngine(settings)
    yield engine
    if engine.supervised:
        asyncio.run(engine.shut_down())


@pytest.fixture
def home(engine):
    return Home(engine.settings.home_path)


def supervisor_of(home):
    return ProcessRecord.read(home.supervisor)


async def test_a_supervisor_belongs_to_nobody_and_signals_of_a_terminal_do_not_end_it(engine, home):
    await engine.start()
    process = psutil.Process(supervisor_of(home).pid)
    assert process.ppid() != os.getpid()
    assert os.getsid(process.pid) != os.getsid(0)
    assert process.cwd() == "/"
    for number in (signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    status = await engine.lab_status()
    assert status.pid == process.pid
    assert [t.state for t in status.traders] == ["running"]
    assert {s.name for s in status.services} == {"gateway", "monitor", "PAPER-001 venue PAPER"}
    assert all(s.pid and s.rss_mib > 5 for s in status.services)


async def test_sigterm_to_a_supervisor_stops_all_it_keeps(engine, home):
    node = await engine.start()
    venue = ProcessRecord.read(home.trader("PAPER-001").venue).pid
    os.kill(supervisor_of(home).pid, signal.SIGTERM)
    await until(lambda: gone(node.pid) and gone(venue) and not home.supervisor.exists())
    await until(lambda: not engine.supervised)


async def test_a_second_supervisor_of_a_home_ends_at_once_and_says_why(engine, home, repository):
    await engine.start()
    first = supervisor_of(home).pid
    second = subprocess.run(
        [sys.executable, str(DETACHED), "--home", str(home.path)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert second.returncode == 2
    assert "may run once" in second.stderr
    assert str(first) in second.stderr
    assert supervisor_of(home).pid == first
    assert (await engine.status()).state == "running"


async def test_many_starts_at_once_come_to_one_supervisor_and_one_node(engine, home):
    nodes = await asyncio.gather(*(TradingEngine(engine.settings).start() for _ in range(4)))
    assert len({node.pid for node in nodes}) == 1


async def test_a_killed_supervisor_leaves_all_alive_and_the_next_one_adopts_it(engine, home):
    node = await engine.start()
    before = (await engine.lab_status()).services
    await kill(supervisor_of(home).pid)
    assert not engine.supervised
    assert (await engine.status()).pid == node.pid
    assert (await engine.start()).pid == node.pid
    async with asyncio.timeout(10):
        while [s.pid for s in (await engine.lab_status()).services] != [s.pid for s in before]:
            await asyncio.sleep(0.1)
    # What it adopted it also ends, and leaves nothing that only the living need.
    stopped = await engine.stop()
    assert [e.how for e in stopped.endings] == ["asked", "terminated"]
    await until(lambda: gone(node.pid) and not home.supervisor.exists())
    assert all(gone(s.pid) for s in before)
    rundir = home.trader("PAPER-001")
    assert not [p for folder in (home.path, rundir.path) for p in folder.iterdir() if p.is_socket()]
    assert not rundir.kernel_connection.exists()
    assert rundir.settings.exists()


async def test_a_node_that_died_while_no_supervisor_looked_is_brought_back_by_the_next(
    engine, home
):
    node = await engine.start()
    await engine.start(trader="PAPER-002")
    await kill(supervisor_of(home).pid)
    await kill(node.pid)
    await engine.trader("PAPER-002").start()  # any command that needs a supervisor brings one
    await until(lambda: engine.running)
    assert (await engine.status()).restarts == 1


async def test_traders_of_one_lab_have_names_of_their_own_and_end_one_by_one(engine, home):
    names = await asyncio.gather(*(asyncio.to_thread(engine.new_trader_id) for _ in range(8)))
    assert len(set(names)) == 8
    first = await engine.start()
    second = await engine.start(trader=names[0])
    with pytest.raises(NodeAlreadyRunning, match="a name that none has"):
        await engine.start(trader=names[0])
    told = {t.trader: t for t in await engine.traders()}
    assert told["PAPER-001"].pid == first.pid
    assert told[names[0]].pid == second.pid
    assert told[names[1]].state == "stopped"
    await engine.stop()
    assert engine.supervised
    assert (await second.status()).state == "running"
    await second.stop()
    await until(lambda: not home.supervisor.exists())
    with pytest.raises(NodeNotRunning):
        await engine.stop()


async def test_a_stop_of_a_frozen_node_has_a_deadline_and_says_that_it_killed(engine, home):
    node = await engine.start()
    os.kill(node.pid, signal.SIGSTOP)
    async with asyncio.timeout(10):
        stopped = await engine.stop()
    assert (stopped.endings[0].process, stopped.endings[0].how) == ("node", "killed")
    assert gone(node.pid)


async def test_a_home_that_is_moved_away_takes_its_processes_along_to_their_end(engine, home):
    node = await engine.start()
    supervisor = supervisor_of(home).pid
    moved = home.path.with_name("moved")
    home.path.rename(moved)
    await until(lambda: gone(node.pid) and gone(supervisor))
    # Where it is now, it is a lab that nothing runs in, and its latch and books are with it.
    assert not TradingEngine(load_settings(home.path.parent)).running
    assert (moved / "traders" / "PAPER-001" / "settings.json").exists()


async def test_a_copied_home_has_nothing_running_and_its_start_leaves_the_original_alone(
    engine, home, workspace
):
    node = await engine.start()
    copy = workspace / "copy"
    copy.mkdir()
    shutil.copytree(home.path, copy / ".lab", ignore=shutil.ignore_patterns("*.sock", "kernel-*"))
    other = TradingEngine(engine.settings.model_copy(update={"root": copy}))
    assert not other.running
    assert not other.supervised
    theirs = await other.start()
    assert theirs.pid != node.pid
    assert (await engine.status()).pid == node.pid
    await other.shut_down()
    assert (await engine.status()).pid == node.pid


async def test_a_shut_down_tells_how_every_trader_ended(engine):
    for name in ("PAPER-002", "PAPER-001"):
        await engine.trader(name).start()
    told = await engine.shut_down()
    assert [one.trader for one in told] == ["PAPER-001", "PAPER-002"]
    for one in told:
        assert "node" in {ending.process for ending in one.endings}
    assert not engine.supervised


async def test_what_a_supervisor_prints_and_logs_is_in_private_files(engine, home):
    await engine.start()
    assert "supervisor" in json.loads(home.supervisor.read_text())["name"]
    for path in (home.logs / "supervisor.log", home.logs / "supervisor.out"):
        assert path.stat().st_mode & 0o077 == 0
