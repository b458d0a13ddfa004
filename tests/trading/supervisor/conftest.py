"""Real processes that stand in for nodes, venues and gateways."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading.supervisor import Child, TraderKeeper, _process, _service, _trader

STANDIN = Path(__file__).with_name("standin.py")


def stand_in(child):
    """Have a child run the stand-in in place of its module."""
    child._argv = [sys.executable, "-P", str(STANDIN), child.name.split()[0], str(child._record)]
    return child


@pytest.fixture
def standins(monkeypatch):
    """Every child that is made runs the stand-in."""
    made = _process.Child.__init__

    def make(self, **settings):
        made(self, **settings)
        stand_in(self)

    monkeypatch.setattr(_process.Child, "__init__", make)


@pytest.fixture
def home(workspace):
    return Home(load_settings().home_path).make()


class Alerted:
    """An alert sink that keeps what it is told."""

    def __init__(self):
        self.told = []

    async def __call__(self, severity, rule, *, detail="", remedy="", trader=""):
        self.told.append((severity, rule, detail, remedy, trader))


@pytest.fixture
def alert():
    return Alerted()


@pytest.fixture
def impatient(monkeypatch):
    """A process that does not answer is not waited for as long as it would be."""
    monkeypatch.setattr(_trader, "_ASK_S", 0.5)
    monkeypatch.setattr(_service, "_ASK_S", 0.5)


@pytest.fixture
async def keep(standins, impatient, alert):
    """Makes a keeper whose processes stand in; ends what is left of them."""
    keepers = []

    def keep(trader="PAPER-001", *, behave=None, **rules):
        settings = load_settings(
            trading={"trader_id": trader, "stop_timeout_s": 1, "start_timeout_s": 20},
            supervisor={"heartbeat_s": 0.1, "terminate_timeout_s": 1, **rules},
        )
        keeper = TraderKeeper(settings, alert=alert)
        if behave is not None:
            (keeper.rundir.path / "behave.json").write_text(json.dumps(behave))
        keepers.append(keeper)
        return keeper

    yield keep
    for keeper in keepers:
        (keeper.rundir.path / "behave.json").unlink(missing_ok=True)
        for child in keeper.children:
            if not child.alive:
                child.adopt()
        await keeper.stop()


def told(rundir):
    """What a stand-in was told, without the heartbeats."""
    path = rundir.path / "told.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [one for one in map(json.loads, lines) if one[0] != "node.status"]


def gone(pid):
    """Whether a process is gone with all of its threads; whether or not it was waited for."""
    with contextlib.suppress(ChildProcessError):
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, pid, how) is not None
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def watch_until(keeper, condition, seconds=30.0):
    """Do what a supervisor does, until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await keeper.watch()
            await asyncio.sleep(0.02)


async def kill(pid):
    assert pid > 0
    os.kill(pid, signal.SIGKILL)
    await until(lambda: gone(pid))


__all__ = ["Child", "gone", "kill", "stand_in", "told", "until", "watch_until"]
