"""The monitor as a process: killed in the middle, started twice, beside a real node."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from nautilus_lab import Lab
from nautilus_lab.alerts import find_alerts
from nautilus_lab.config import load_settings
from nautilus_lab.monitoring import verify_webhook
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import AlertLedger, DeskStore
from tests.monitoring.conftest import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture
async def process(home, webhook):
    """Starts monitors of their own; ends what is left of them."""
    started = []

    async def process(failpoint=""):
        hooks = {"pager": {"url": webhook.url, "secret": "sesame"}}
        settings = load_settings(home.path.parent, monitoring={"webhooks": hooks})
        files = home.monitor_files
        files.settings.touch(0o600)
        files.settings.write_bytes(settings.to_private_json().encode())
        argv = [sys.executable, "-m", "nautilus_lab.monitoring", "--settings", str(files.settings)]
        made = await asyncio.create_subprocess_exec(
            *argv,
            env=os.environ | ({"NL_FAILPOINT": failpoint} if failpoint else {}),
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(made)
        return made

    yield process
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.kill()
        await one.wait()
        one._transport.close()


def serves(home, made):
    record = ProcessRecord.read_or_set_aside(home.monitor_files.record)
    return record is not None and record.pid == made.pid


@pytest.mark.parametrize("place", ["before", "after"])
async def test_killed_beside_its_sending_it_loses_nothing_and_sends_the_same_again(
    process, home, node, webhook, place
):
    raised = node().alert()
    made = await process(f"monitor:monitor.{place}_send@3")  # the log, the bus, the webhook
    assert await made.wait() != 0
    with DeskStore.open(home.store) as desk:
        states = {one.channel: one.state for one in AlertLedger(desk).deliveries([raised])}
        assert "sending" in states.values()
    await process()
    await until(lambda: [r.told["alert"]["id"] for r in webhook.requests][-1:] == [raised])

    def told():
        with DeskStore.open(home.store, read_only=True) as desk:
            return {one.channel: one for one in AlertLedger(desk).deliveries([raised])}

    await until(lambda: {one.state for one in told().values()} == {"sent"})
    assert len({r.headers["Nautilus-Lab-Delivery"] for r in webhook.requests}) == 1
    attempts = [r.told["attempt"] for r in webhook.requests]
    assert attempts == sorted(set(attempts))
    assert told()["pager"].attempts == attempts[-1]


async def test_killed_again_and_again_under_a_stream_of_alerts_it_loses_none(
    process, home, node, webhook
):
    one, raised = node(), []
    for round_ in range(3):
        made = await process()
        raised += [one.alert(f"rule {round_} {n}") for n in range(10)]
        await until(lambda enough=5 + 10 * round_: len(webhook.requests) >= enough)
        made.send_signal(signal.SIGKILL)
        await made.wait()
    await process()
    await until(lambda: {r.told["alert"]["id"] for r in webhook.requests} == set(raised))
    for request in webhook.requests:
        verify_webhook("sesame", request.headers, request.body)


async def test_a_second_process_is_refused_and_a_stopped_one_leaves_in_order(
    process, home, webhook
):
    first = await process()
    await until(lambda: serves(home, first))
    second = await process()
    _, said = await second.communicate()
    assert second.returncode == 2
    assert b"the monitor of this lab may run once" in said
    assert serves(home, first)
    assert psutil.Process(first.pid).memory_info().rss < 150 * 2**20
    first.terminate()
    assert await first.wait() == 0
    assert not home.monitor_files.record.exists()


async def test_a_breach_on_a_real_node_is_at_the_webhook_and_one_that_is_killed_is_told(
    workspace, catalog, webhook
):
    lab = Lab(
        workspace,
        trading={
            "seconds_per_day": 600.0,
            "replay_symbols": ("AAPL", "MSFT"),
            "limits": ({"limit": "max_position_units", "max_units": 5, "mode": "monitor"},),
        },
        monitoring={"webhooks": {"pager": {"url": webhook.url, "secret": "sesame"}}},
    )
    home = Home(lab.settings.home_path)

    def told(rule):
        return [r for r in webhook.requests if r.told["alert"]["rule"].startswith(rule)]

    try:
        node = await lab.trading.start(targets={"AAPL": 0.1})
        await until(lambda: told("max_position_units"), 30)
        (breach, *_) = told("max_position_units")
        assert verify_webhook("sesame", breach.headers, breach.body)
        alert = breach.told["alert"]
        assert (alert["trader"], alert["component"], alert["level"]) == (
            "PAPER-001",
            "risk",
            "breach",
        )
        assert breach.at_ns - alert["raised_ns"] < 5e9
        assert alert["id"] in [one.id for one in find_alerts(home).alerts]
        assert lab.trading.acknowledge(alert["id"], note="seen").note == "seen"
        assert alert["id"] not in [one.id for one in lab.trading.alerts(limit=None).alerts]
        status = await lab.trading.lab_status()
        monitor = next(one for one in status.services if one.name == "monitor")
        # Both sides of it: the monitor that dies, and the node.
        os.kill(monitor.pid, signal.SIGKILL)
        await until(lambda: told("the monitor must stay up"), 30)
        os.kill(node.pid, signal.SIGKILL)
        await until(lambda: told("the node must stay up"), 30)
    finally:
        await lab.trading.shut_down()
    assert not home.monitor_files.record.exists()


async def test_without_a_supervisor_a_node_that_hangs_is_told_all_the_same(
    workspace, catalog, webhook
):
    lab = Lab(
        workspace,
        trading={"seconds_per_day": 600.0, "replay_symbols": ("AAPL",), "heartbeat_s": 0.2},
        monitoring={"webhooks": {"pager": {"url": webhook.url}}, "late_s": 3.0},
    )
    home = Home(lab.settings.home_path)

    def told(rule):
        return [r.told["event"] for r in webhook.requests if r.told["alert"]["rule"] == rule]

    node = await lab.trading.start(targets={"AAPL": 0.1})
    try:
        os.kill(ProcessRecord.read(home.supervisor).pid, signal.SIGKILL)
        await until(lambda: told("the supervisor must run")[-1:] == ["raised"], 30)
        os.kill(node.pid, signal.SIGSTOP)
        await until(lambda: told("a node must beat")[-1:] == ["raised"], 30)
        os.kill(node.pid, signal.SIGCONT)
        await until(lambda: told("a node must beat")[-1:] == ["recovered"], 30)
        await lab.trading.start(targets={"AAPL": 0.1})  # a new supervisor takes over what runs
        await until(lambda: told("the supervisor must run")[-1:] == ["recovered"], 30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(node.pid, signal.SIGCONT)
        await lab.trading.shut_down()
    # What is stopped on purpose is not missed.
    assert told("a node must beat")[-1] == "recovered"


def test_it_is_small():
    code = "import sys, nautilus_lab.monitoring.__main__; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pandas", "numpy", "nautilus_trader", "plotly", "scipy", "IPython"}
    assert not heavy & set(told.stdout.split())
