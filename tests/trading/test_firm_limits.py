"""Two nodes of one home, each in a process of its own, that share a limit of the firm."""

import asyncio
import json
import os
import signal

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.cli import main
from nautilus_lab.exceptions import InputError, OrderDenied
from nautilus_lab.platform.rundir import Home, ProcessRecord

pytestmark = [pytest.mark.processes, pytest.mark.timeout(170)]

FAST = {"seconds_per_day": 600.0, "replay_symbols": ("JPM",)}
FIRM = 20_000.0
LIMITS = ({"limit": "max_gross_exposure", "max_notional": FIRM, "per": "firm"},)
JPM = "JPM.PAPER"  # at some 140 on the first day of the replay
NONE = {"JPM": 0.0}


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(
        workspace,
        trading=FAST | {"limits": LIMITS},
        firm={"lease_s": 2.0, "lease_step": 0.2},
        supervisor={"restarts": 0},
    )
    yield lab
    if Home(lab.settings.home_path).supervisor.exists():
        asyncio.run(lab.trading.shut_down())


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def bought(desk, units):
    """Buy, again and again as long as only the lease denies; return the last denial, if any."""
    try:
        trade = await desk.submit(JPM, "BUY" if units > 0 else "SELL", abs(units))
    except OrderDenied as error:
        return str(error)
    await until(lambda: trade.is_done)
    return "" if trade.status.value == "FILLED" else trade.status.value


async def until_bought(desk, units):
    async with asyncio.timeout(20):
        while denied := await bought(desk, units):
            assert "over the lease of" in denied
            await asyncio.sleep(0.1)


def leases(lab):
    return {one.node: one for one in lab.trading.leases()}


async def test_what_one_node_used_the_other_gets_once_it_was_given_back(lab, capsys):
    await lab.trading.start(targets=NONE)
    await lab.trading.start(targets=NONE, trader="PAPER-002")
    root = lab.settings.root
    one = await connect("PAPER-001", root=root, role="operator")
    two = await connect("PAPER-002", root=root, role="operator")
    try:
        # What rests on one node, the other does not trade with.
        resting = await one.submit(JPM, "BUY", 1, order_type="LIMIT", limit_price=100)
        path = Home(lab.settings.home_path).trader("PAPER-001").interest
        await until(lambda: b"JPM.PAPER" in path.read_bytes())
        await asyncio.sleep(1)  # two turns of the other node
        with pytest.raises(OrderDenied, match=r"SELF_TRADE: .* of another node of this home"):
            await two.submit(JPM, "SELL", 1, order_type="LIMIT", limit_price=100)
        await one.cancel(resting)
        await until(lambda: resting.is_done)
        # More than the lease that each begins with: it is denied, asked for, and granted.
        await until_bought(one, 120)
        await until(lambda: leases(lab)["PAPER-001"].used > 14_000)
        denied = await bought(two, 70)
        assert "MAX_GROSS_EXPOSURE" in denied
        assert "over the lease of" in denied
        await asyncio.sleep(2.5)  # for longer than a lease: it stays so
        assert "over the lease of" in await bought(two, 70)
        total = sum(lease.amount for lease in lab.trading.leases())
        assert total <= FIRM
        assert await bought(one, -120) == ""
        await until_bought(two, 70)
        assert sum(lease.amount for lease in lab.trading.leases()) <= FIRM

        # A node that dies takes what it held with it, until a person says otherwise.
        with pytest.raises(InputError, match="once it has expired"):
            lab.trading.release_leases("PAPER-002", "too soon")
        record = ProcessRecord.read(Home(lab.settings.home_path).trader("PAPER-002").node)
        os.kill(record.pid, signal.SIGKILL)
        await until(lambda: leases(lab)["PAPER-002"].state == "doubt")
        assert "over the lease of" in await bought(one, 120)
    finally:
        await one.close()
        await two.close()

    def shell(*verbs):
        code = main(["--root", str(root), *verbs])
        return code, capsys.readouterr().out

    code, table = await asyncio.to_thread(shell, "leases")
    assert code == 0
    assert [line.split()[-1] for line in table.splitlines()] == ["state", "held", "doubt"]
    code, told = await asyncio.to_thread(shell, "leases", "release", "PAPER-002", "sold by phone")
    assert code == 0
    assert told.startswith("PAPER-002 gave up")
    code, rows = await asyncio.to_thread(
        shell, "audit", "log", "--trader", "PAPER-002", "--chain", "operators", "--json"
    )
    assert [row["kind"] for row in json.loads(rows)] == ["lease.released"]
    one = await connect("PAPER-001", root=root, role="operator")
    try:
        await until_bought(one, 120)
    finally:
        await one.close()
