"""A real node under a real supervisor: its console, its signals, its logs, its freezing."""

import asyncio
import os
import signal

import pytest
from jupyter_client.asynchronous import AsyncKernelClient

from nautilus_lab import Lab
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore, TradingStore
from tests.trading.supervisor.conftest import gone, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(
        workspace,
        trading={
            "seconds_per_day": 5.0,
            "replay_symbols": ("AAPL", "MSFT"),
            "operator_console": True,
        },
        supervisor={"missed_beats": 2, "heartbeat_s": 0.5},
    )
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())


@pytest.fixture
def rundir(lab):
    return Home(lab.settings.home_path).trader("PAPER-001")


async def test_a_node_trades_on_beside_an_operator_and_through_every_stray_signal(lab, rundir):
    node = await lab.trading.start(targets={"AAPL": 0.3})
    client = AsyncKernelClient()
    client.load_connection_file(str(rundir.kernel_connection))
    client.start_channels()
    await client.wait_for_ready(timeout=20)

    async def run(code):
        seen = []
        reply = await client.execute_interactive(
            code, output_hook=seen.append, timeout=40, allow_stdin=False
        )
        return reply["content"], seen

    content, seen = await run("print(status.state, snapshot.simulated); status.trader")
    assert content["status"] == "ok", content
    printed = "".join(m["content"]["text"] for m in seen if m["msg_type"] == "stream")
    assert "OPERATOR CONSOLE of PAPER-001, SIMULATED" in printed
    assert "running True" in printed
    # A cell that blocks takes no quote from the node.
    blocking = asyncio.ensure_future(run("import time; time.sleep(3)"))
    await asyncio.sleep(0.5)
    before = await lab.trading.command("node.snapshot")
    await asyncio.sleep(1.5)
    after = await lab.trading.command("node.snapshot")
    quotes = [{s["topic"]: s["ts"] for s in one["states"]} for one in (before, after)]
    topic = next(name for name in quotes[0] if name.startswith("market.quote."))
    assert 1e9 < quotes[1][topic] - quotes[0][topic] < 3e9
    assert not blocking.done()
    assert (await blocking)[0]["status"] == "ok"
    for channel in (client.shell_channel, client.control_channel):
        for kind, asked in (("interrupt_request", {}), ("shutdown_request", {"restart": False})):
            channel.send(client.session.msg(kind, asked))
    os.killpg(node.pid, signal.SIGINT)
    os.kill(node.pid, signal.SIGHUP)
    client.stop_channels()
    await asyncio.sleep(1)
    status = await lab.trading.status()
    assert (status.pid, status.state) == (node.pid, "running")
    assert status.threads > 5
    assert status.open_files > 10
    # Every log is a file of its own, private, and can be read.
    for name in ("node", "nautilus", "venue", "gateway", "supervisor"):
        view = lab.trading.logs(of=name)
        assert view.path.stat().st_size >= 0
        assert view.path.parent.stat().st_mode & 0o077 == 0
    stopped = await node.stop()
    assert stopped.endings[0].how == "asked"
    with TradingStore.open(rundir.store, read_only=True) as store:
        cells = [row for row in store.audit_rows() if row.kind == "operator.cell"]
        assert len(cells) == 2
        assert AuditTrail(store).verify().ok


async def test_a_frozen_node_is_brought_back_and_every_trace_of_it_is_told(lab, rundir):
    node = await lab.trading.start(targets={"AAPL": 0.3})
    os.kill(node.pid, signal.SIGSTOP)
    await until(lambda: gone(node.pid), 30)
    async with asyncio.timeout(30):
        while (await lab.trading.status()).state != "running":
            await asyncio.sleep(0.2)
    status = await lab.trading.status()
    assert (status.epoch, status.restarts) == (2, 1)
    home = Home(lab.settings.home_path)
    with DeskStore.open(home.store, read_only=True) as store:
        (row,) = (alert for alert in store.alerts() if alert.component == "supervisor")
    assert "froze (stopped by a signal) and is brought back" in row.detail
    assert "does not answer: thread" in (home.logs / "supervisor.log").read_text()
