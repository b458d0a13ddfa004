"""A node whose disk is full: nothing leaves, it says so, it can be halted, and it gets over it."""

import asyncio
import contextlib
import os
import subprocess

import pytest

from nautilus_lab import Lab
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

FAST = {"seconds_per_day": 30.0, "quotes_per_second": 2.0, "replay_symbols": ("AAPL",)}
BUY = {"instrument": "AAPL.PAPER", "side": "BUY", "quantity": "1"}


@pytest.fixture
def disk(workspace):
    """A small disk of its own for the lab's home."""
    home = workspace / ".lab"
    home.mkdir(mode=0o700)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,mode=700", "tmpfs", home])
    if made.returncode:
        pytest.skip("this machine lets nobody mount")
    yield home
    subprocess.run(["umount", "-l", home], check=True)


def fill(path):
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


async def until(condition, seconds=40.0):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.2)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
async def test_a_full_disk_stops_orders_is_told_of_and_passes(workspace, disk, catalog):
    lab = Lab(workspace, trading=FAST, supervisor={"restarts": 100})
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    trading = lab.trading
    node = await trading.start(targets={"AAPL": 0.0})
    try:
        fill(disk / "filler")
        with pytest.raises(StoreError, match="room to write"):
            await trading.command("orders.submit", BUY)

        async def says_so():
            return "a store needs room to write" in (await trading.status()).detail

        await until(says_so)
        told = await trading.halt("the disk is full")
        assert (told.state, told.latched, told.node) == ("HALTED", False, "told")
        (disk / "filler").unlink()

        async def is_well():
            status = await trading.status()
            return (status.state, status.detail) == ("running", "")

        await until(is_well)
        assert (await trading.status()).pid == node.pid
        assert trading.may.state == "HALTED"  # the latch has it now

        async def is_audited():
            with TradingStore.open(rundir.store, read_only=True) as store:
                assert store.orders() == ()
                return any(
                    row.kind == "trading.state" and '"HALTED"' in row.body
                    for row in store.audit_rows()
                )

        await until(is_audited)
    finally:
        await trading.shut_down()
