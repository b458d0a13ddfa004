"""Processes that belong to no trader: brought back when they die or freeze, then given up."""

import os
import signal

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.platform.rundir import ProcessRecord
from nautilus_lab.trading.supervisor import Child, Heartbeat, RestartBudget, Service
from nautilus_lab.trading.supervisor._services import measurer_of, services_of
from tests.trading.supervisor.conftest import gone, kill, stand_in, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]


@pytest.fixture
async def service(home, impatient, alert):
    """A service that answers commands as a node does, which stands in."""
    rundir = home.trader("PAPER-001").make()
    child = stand_in(
        Child(
            name="node",
            module="none",
            arguments=[],
            record=rundir.node,
            output=rundir.logs / "node.out",
            lock=rundir.node_lock,
        )
    )
    service = Service(
        child,
        budget=RestartBudget(most=1),
        alert=alert,
        commands=rundir.commands,
        heart=Heartbeat(every_s=0.0, missed=2),
    )
    await service.start()
    yield service
    await child.kill()


async def watch_until(service, condition):
    while not condition():
        await service.watch()


async def test_one_that_dies_is_brought_back_once_and_then_given_up(service, alert):
    first = service.child.pid
    await kill(first)
    await watch_until(service, lambda: service.child.pid not in (0, first))
    assert service.status().restarts == 1
    await kill(service.child.pid)
    for _ in range(3):
        await service.watch()
    assert service.child.pid == 0
    assert [(one[0], one[1]) for one in alert.told] == [
        ("warning", "the node must stay up"),
        ("critical", "the node must stay up"),
    ]
    await service.start()  # somebody asks for it
    assert service.child.alive


async def test_one_that_freezes_is_killed_and_brought_back(service, alert):
    first = service.child.pid
    os.kill(first, signal.SIGSTOP)
    await watch_until(service, lambda: service.child.pid not in (0, first))
    assert gone(first)
    assert alert.told[0][2] == "it froze (stopped by a signal) and is brought back"


async def test_one_that_answers_is_left_alone(service, alert):
    first = service.child.pid
    for _ in range(5):
        await service.watch()
    assert (service.child.pid, alert.told) == (first, [])


def test_there_are_as_many_gateways_as_the_settings_ask_for_and_each_is_asked(home, alert):
    settings = load_settings(streaming={"gateways": 3})
    services = services_of(home, settings, alert)
    assert [s.name for s in services] == ["gateway", "gateway-2", "gateway-3", "monitor"]
    assert [s._client.address for s in services[:3]] == [
        home.gateway_files(n).commands for n in (1, 2, 3)
    ]


@pytest.mark.timeout(60)
async def test_a_real_gateway_that_freezes_is_brought_back(home, impatient, alert):
    (service, _) = services_of(home, load_settings(), alert)
    service._heart = Heartbeat(every_s=0.0, missed=2)
    try:
        await service.start()
        await until(lambda: ProcessRecord.read(home.gateway) is not None)
        first = service.child.pid
        await service.watch()
        assert service.child.pid == first
        os.kill(first, signal.SIGSTOP)
        await watch_until(service, lambda: service.child.pid not in (0, first))
    finally:
        await service.stop()


def test_what_measures_is_kept_only_where_a_limit_needs_it(home, alert):
    limits = ({"limit": "max_value_at_risk", "max_loss": 1.0},)
    assert measurer_of(home, load_settings(), alert) is None
    off = {"limits": limits, "measures": {"enabled": False}}
    assert measurer_of(home, load_settings(trading=off), alert) is None
    kept = measurer_of(home, load_settings(trading={"limits": limits}), alert)
    assert kept.name == "measurer"
