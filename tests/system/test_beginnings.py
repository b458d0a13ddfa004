"""How a lab begins on a Redis that must not be used, or is not there; and one that saves."""

import asyncio

import psutil
import pytest

from nautilus_lab.exceptions import NodeError
from tests.system.lab import until

pytestmark = [pytest.mark.processes, pytest.mark.redis, pytest.mark.timeout(120)]

EVICTS = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
SAVES = ("--appendonly", "yes", "--appendfsync", "everysec")


async def test_a_redis_that_evicts_is_refused_and_nothing_is_left_running(lab):
    lab.redis.arguments = EVICTS
    lab.redis.start()
    with pytest.raises(NodeError, match="must not evict") as caught:
        await lab.start()
    assert "allkeys-lru" in str(caught.value.value)
    assert "CONFIG SET maxmemory-policy noeviction" in caught.value.remedy
    assert "Traceback" not in str(caught.value)

    def ours() -> list[str]:
        lines = (" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
        return [line for line in lines if str(lab.root) in line and "redis-server" not in line]

    await until(lambda: not ours(), 10)
    assert not lab.trading.supervised
    lab.redis.kill()


async def test_a_redis_that_is_not_there_delays_nothing_and_is_told_from_the_start(lab):
    await lab.start()
    assert (await lab.status()).state == "degraded"
    assert "Redis must answer" in (await lab.status()).detail
    seen = await lab.desk()
    async with lab.flow() as flow:
        await flow.sends(20)
        await seen.degraded_by("events wait in the store")
        await until(lambda: len(seen.told) >= 20)
        lab.redis.arguments = SAVES
        lab.redis.start()
        await flow.sends(10)
    assert flow.refused == []
    await lab.runs()
    await lab.settled()
    await seen.has(lab.fills())
    states = [e.body.state for e in lab.stored() if e.topic == "system.node.PAPER-001"]
    assert states == ["starting", "running", "degraded", "running"]
    await until(lambda: seen.desk.node.state.value == "running")
    await seen.desk.close()


async def test_a_redis_that_comes_back_from_its_disk_has_every_event_once(lab):
    seen = await lab.desk()
    before = lab.streamed()
    async with lab.flow() as flow:
        await flow.sends(10)
        lab.redis.kill()
        await flow.sends(20)
        lab.redis.start()
        # It has what it saved, and its group: the history goes on where it was.
        assert set(before) <= set(lab.streamed())
        await flow.sends(10)
    assert flow.refused == []
    await lab.runs()
    await lab.settled()
    await seen.has(lab.fills())
    await until(lambda: lab.history.detail["behind"] == "0")
    assert lab.history.detail["restarts"] == "0"
    await seen.desk.close()
    await asyncio.wait_for(lab.trading.shut_down(), 60)
    # What was told at the end is there, too.
    assert lab.streamed() == [event.id for event in lab.stored()]
    assert lab.stored()[-1].body.state == "stopped"
