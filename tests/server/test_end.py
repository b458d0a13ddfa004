"""However the terminal goes away, the workbench stops what it started."""

import asyncio
import os
import signal
import threading

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.server import Workbench


class Server:
    """Stands in for a web server that is slow to start."""

    def __init__(self):
        self.may_start = threading.Event()
        self.happened = []

    def start(self):
        self.may_start.wait(10)
        self.happened.append("started")

    def stop(self):
        self.happened.append("stopped")


def gone(line):
    raise OSError(5, "Input/output error")  # what a closed terminal says


def workbench(server):
    made = Workbench(load_settings(), lab_port=None, dashboards_port=0, say=gone)

    async def work():
        made._say("starting")
        await made._start(server)

    made._work = work
    return made


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
async def test_a_server_whose_start_is_interrupted_is_stopped_once_it_is_there(workspace, number):
    server = Server()
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(workbench(server).run())
    loop.call_later(0.1, os.kill, os.getpid(), number)
    loop.call_later(0.2, os.kill, os.getpid(), number)  # once more changes nothing
    loop.call_later(0.3, server.may_start.set)
    await asyncio.wait_for(running, 10)
    assert server.happened == ["started", "stopped"]
    for handled in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(handled)


async def test_a_workbench_that_is_to_outlive_its_terminal_does(workspace):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = Server()
        running = asyncio.create_task(workbench(server).run())
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.1)
        assert not running.done()
        os.kill(os.getpid(), signal.SIGTERM)
        server.may_start.set()
        await asyncio.wait_for(running, 10)
    finally:
        signal.signal(signal.SIGHUP, before)
        for handled in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(handled)
