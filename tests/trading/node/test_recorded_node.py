"""The past of a real node: looked at while it runs, after it was killed, and when none runs."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.recording import Recording
from nautilus_lab.platform.rundir import Home

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

FAST = {"seconds_per_day": 5.0, "replay_symbols": ("AAPL", "JPM")}


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(workspace, trading=FAST)
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def test_a_desk_of_the_past_is_what_the_desk_was(lab):
    root = lab.settings.root
    node = await lab.trading.start(targets={"AAPL": 0.2})
    desk = await connect(root=root)
    await until(lambda: desk.positions.get("AAPL.PAPER") and desk.pnl.equity > 0)
    await until(lambda: all(order.is_done for order in desk.orders.values()))
    await asyncio.sleep(1.0)
    then = datetime.now(UTC)
    was = (
        {name: order.status for name, order in desk.orders.items()},
        {fill.trade_id for fill in desk.fills},
        desk.positions["AAPL.PAPER"].quantity,
        desk.strategies["HoldTargets-001"].state,
        desk.trading_state.state,
    )
    await asyncio.sleep(2.5)  # until what was then is in a file
    os.kill(node.pid, signal.SIGKILL)
    await until(lambda: desk.node.epoch == 2 and desk.node.state.value == "running")
    past = await connect(root=root, at=then)
    assert (
        {name: order.status for name, order in past.orders.items()},
        {fill.trade_id for fill in past.fills},
        past.positions["AAPL.PAPER"].quantity,
        past.strategies["HoldTargets-001"].state,
        past.trading_state.state,
    ) == was
    assert past.node.state.value == "running"
    assert past.simulated
    # Nothing that was known is lost with the node that knew it.
    await asyncio.sleep(2.5)
    later = await connect(root=root, at=datetime.now(UTC) - timedelta(seconds=1.2))
    assert was[1] <= {fill.trade_id for fill in later.fills}
    assert later.node.epoch == 2
    await desk.close()
    await lab.trading.shut_down()
    again = await connect(root=root, at=then)  # needs nobody
    assert again.positions["AAPL.PAPER"].quantity == was[2]
    (gap,) = Recording(Home(lab.settings.home_path).trader("PAPER-001").recording).coverage().gaps
    assert gap.why == "the node was killed, and none ran"
    with pytest.raises(InputError, match="within the recording"):
        await connect(root=root, at=datetime.now(UTC) + timedelta(hours=1))
