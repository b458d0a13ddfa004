"""A node that answers commands as a test says, on a loop of its own."""

import asyncio
import os
import threading

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading.commands import NODE_COMMANDS, NodeStatus


class Node:
    """Answers every command of a node's table; `answers` has what, by name."""

    def __init__(self, rundir):
        self.rundir = rundir
        self.asked = []  # (name, body, command id)
        self.answers = {
            "node.status": NodeStatus(trader=rundir.trader_id, state="running", pid=os.getpid())
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server = None

    async def _answer(self, request):
        self.asked.append((request.name, request.body, request.id))
        answer = self.answers.get(request.name)
        if callable(answer):
            answer = answer(request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def start(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    async def _start(self):
        handlers = dict.fromkeys((spec.name for spec in NODE_COMMANDS), self._answer)
        self._server = CommandServer(
            self.rundir.commands, NODE_COMMANDS, LocalOwner().verify, handlers
        )
        await self._server.start()

    def stop(self):
        stopping = self._server.stop(grace_s=0)
        asyncio.run_coroutine_threadsafe(stopping, self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def bodies(self):
        return [body for _, body, _ in self.asked]


@pytest.fixture
def home(workspace):
    return Home(load_settings().home_path).make()


@pytest.fixture
def rundir(home):
    return home.trader("PAPER-001").make()


@pytest.fixture
def node(rundir):
    node = Node(rundir)
    node.start()
    yield node
    node.stop()
