"""For how long nobody who may trade was attached, as gateways tell it."""

import contextlib
import os

import pytest

from nautilus_lab.client import Attendance as Told
from nautilus_lab.client import GatewayStatus
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer, CommandTable
from nautilus_lab.platform.rundir import ProcessRecord
from nautilus_lab.streaming._status import GATEWAY_COMMANDS
from nautilus_lab.trading.supervisor import Attendance


class Gateway:
    """Answers how many operators look at PAPER-001."""

    def __init__(self, files):
        self.files = files
        self.operators = 0
        self.asked = 0
        self.server = CommandServer(
            files.commands,
            CommandTable(GATEWAY_COMMANDS.spec("gateway.status")),
            LocalOwner().verify,
            {"gateway.status": self.status},
        )

    async def status(self, request):
        self.asked += 1
        one = Told(trader="PAPER-001", viewers=5, operators=self.operators)
        other = Told(trader="PAPER-002", viewers=1, operators=1)
        return GatewayStatus(number=1, pid=os.getpid(), url="ws://x", traders=(one, other))


@pytest.fixture
async def open_gateway(home):
    async with contextlib.AsyncExitStack() as stack:

        async def open_gateway(number):
            gateway = Gateway(home.gateway_files(number))
            ProcessRecord.of_this_process("gateway").write(gateway.files.record)
            await gateway.server.start()
            stack.push_async_callback(gateway.server.stop)
            return gateway

        yield open_gateway


async def test_time_counts_from_the_last_operator_of_any_gateway(home, open_gateway):
    now = [100.0]
    first, second = await open_gateway(1), await open_gateway(2)
    attendance = Attendance(home, "PAPER-001", clock=lambda: now[0])
    second.operators = 1
    assert await attendance.alone_s() == 0
    now[0] += 5
    assert await attendance.alone_s() == 0
    second.operators = 0
    now[0] += 5
    assert await attendance.alone_s() == 5  # viewers, and those of another trader, do not count
    first.operators = 1
    now[0] += 5
    assert await attendance.alone_s() == 0


async def test_gateways_are_asked_at_most_every_two_seconds(home, open_gateway):
    now = [100.0]
    gateway = await open_gateway(1)
    attendance = Attendance(home, "PAPER-001", clock=lambda: now[0])
    for _ in range(4):
        await attendance.alone_s()
        now[0] += 0.5
    assert gateway.asked == 1
    await attendance.alone_s()
    assert gateway.asked == 2


async def test_where_no_gateway_answers_nobody_is_attached(home):
    now = [100.0]
    attendance = Attendance(home, "PAPER-001", clock=lambda: now[0])
    now[0] += 60
    assert await attendance.alone_s() == 60
    attendance.begin()
    assert await attendance.alone_s() == 0
