"""A whole lab over Redis: node, gateway, history; and Redis killed under it."""

from __future__ import annotations

import asyncio

import pytest

import nautilus_lab as nl
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import TradingStore
from tests.platform.bus.redis_server import RedisServer, running

pytestmark = [pytest.mark.redis, pytest.mark.processes, pytest.mark.slow]


async def until(condition, seconds: float = 40.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


def ids_on(server: RedisServer) -> list[str]:
    with server.client() as client:
        return [fields["id"] for _, fields in client.xrange("nautilus-streams")]


async def test_trading_goes_on_without_redis_and_everything_is_there_afterwards(
    workspace, tmp_path
):
    with running(tmp_path / "own") as server:
        bus = {"url": server.url, "history": True, "persistence": "none"}
        lab = nl.Lab(bus=bus, trading={"seconds_per_day": 1})
        run = Home(lab.settings.home_path).trader("PAPER-001")

        def stored() -> list[str]:
            with TradingStore.open(run.store, read_only=True) as store:
                return [e.id for e in store.outbox_after("node", 0, 0, 1_000_000)]

        def kept() -> list[str]:
            return list(lab.streaming.history()["id"])

        await lab.trading.start()
        try:
            desk = await nl.connect()
            await until(lambda: desk.fills)
            server.kill()
            await until(lambda: desk.node.state.name == "DEGRADED")
            assert "message bus" in desk.node.detail
            before, fills = len(stored()), len(desk.fills)
            # The gateway asks the node itself for what its bus does not carry.
            await until(lambda: len(stored()) > before and len(desk.fills) > fills)
            server.start()
            await until(lambda: desk.node.state.name == "RUNNING", 60)
            await desk.close()
            record = ProcessRecord.read(Home(lab.settings.home_path).history_files.record)
            assert record.alive
            truth = stored()
            await until(lambda: set(truth) <= set(kept()))
            await until(lambda: set(truth) <= set(ids_on(server)))
        finally:
            await lab.trading.stop()
        everything = stored()
        told = [one for one in ids_on(server) if one in set(everything)]
        # Each once, in order; what the last second brought may wait for the next node.
        assert told == everything[: len(told)]
        assert len(set(kept())) == len(kept())
