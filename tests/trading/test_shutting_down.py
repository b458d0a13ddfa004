"""Ending all of a lab while it is ending by itself."""

import subprocess
import sys

import psutil
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import OutcomeUnknown
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.trading._channel import Channel


@pytest.fixture
def leaving(workspace, monkeypatch):
    """A supervisor that leaves while it is asked to, and so never answers."""
    home = Home(load_settings().home_path).make()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        started = psutil.Process(process.pid).create_time()
        record = ProcessRecord(name="supervisor", pid=process.pid, started=started)
        record.write(home.supervisor)

        async def ask(self, name, body, timeout_s):
            process.kill()
            raise OutcomeUnknown("the process stopped while the command ran", value=name)

        monkeypatch.setattr(Channel, "ask", ask)
        yield home
        process.kill()


async def test_what_leaves_by_itself_has_been_shut_down(leaving):
    assert await Channel(load_settings()).shut_down() == ()


async def test_what_is_not_known_stays_so_where_there_is_nobody_to_look_at(leaving):
    leaving.supervisor.unlink()
    with pytest.raises(OutcomeUnknown):
        await Channel(load_settings()).shut_down()
