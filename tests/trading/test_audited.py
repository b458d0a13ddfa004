"""Each thing that an audit trail is to tell of, done on a real node: its row is there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.exceptions import AccessDenied, OrderDenied
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.audit import KINDS, NODE, AuditFiles, AuditKeeper, is_known
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

CANARY = "CANARY-90d3"
# what takes more than this to happen, and the tests that have it happen
ELSEWHERE = {
    "book.differs": "tests/trading/node/test_audited.py",
    "book.agrees": "tests/trading/node/test_audited.py",
    "operator.cell": "tests/trading/kernel/test_operator.py",
    "trading.resume_asked": "tests/trading/node/test_kill.py",
    "trading.resume": "tests/trading/node/test_resuming.py",
    "trading.resume_refused": "tests/trading/node/test_resuming.py",
    "limit.adjusted": "tests/trading/test_limits.py",
    "limit.proposed": "tests/trading/test_limits.py",
    "limit.withdrawn": "tests/trading/node/test_loosening.py",
    "equity.high_water": "tests/trading/node/test_high_water.py",
    "audit.guards": "tests/trading/node/test_audit_guards.py",
    "strategy.disabled": "tests/trading/node/test_limits.py",
    "strategy.enabled": "tests/trading/node/test_limits.py",
    "lease.granted": "tests/trading/node/test_leases.py",
    "lease.shrunk": "tests/trading/node/test_leases.py",
    "lease.expired": "tests/trading/node/test_leases.py",
    "lease.rested": "tests/trading/node/test_leases.py",
}
TRADING = {
    "seconds_per_day": 60.0,
    "quotes_per_second": 4.0,
    "replay_symbols": ("AAPL", "MSFT"),
    "limits": [{"limit": "max_gross_exposure", "max_notional": 10.0, "mode": "monitor"}],
}


@pytest.fixture
def lab(workspace, catalog, monkeypatch):
    monkeypatch.setenv("FRED_API_KEY", CANARY)
    lab = Lab(
        workspace,
        trading=TRADING,
        store={"busy_timeout_ms": 50},
        audit={"checkpoint_s": 0.2},
        supervisor={"restarts": 100},
    )
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.05)
    return found


@contextlib.contextmanager
def locked(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_each_of_them_has_its_row_and_no_other_kind_is_there(lab):
    await lab.trading.start(targets={"AAPL": 0.1})
    home = Home(lab.settings.home_path)
    rundir = home.trader("PAPER-001")

    def rows(kind=""):
        with TradingStore.open(rundir.store, read_only=True) as store:
            return [row for row in store.audit_rows() if row.kind.startswith(kind)]

    def facts(kind):
        return [json.loads(row.body) for row in rows(kind)]

    desk = await connect(root=lab.settings.root, role="operator")
    bought = await desk.submit("MSFT.PAPER", "BUY", 5)
    await until(lambda: bought.is_done)
    with pytest.raises(OrderDenied):
        await desk.submit("MSFT.PAPER", "BUY", 10_000_000)
    resting = await desk.submit("MSFT.PAPER", "BUY", 5, order_type="LIMIT", limit_price=1)
    await desk.cancel(resting)
    await until(lambda: rows("limit.breach"))
    # A paused strategy is given something to do.
    await desk.command("strategy.pause", {"strategy": "HoldTargets-001", "cancel_orders": False})
    await lab.trading.start(targets={"AAPL": 0.4})
    viewer = TokenIssuer(signing_key(home.signing_key)).issue(
        Principal("vic", frozenset({Role.VIEWER}))
    )
    client = CommandClient(rundir.commands)
    for token in (viewer, viewer, f"{CANARY}.{CANARY}.{CANARY}"):
        with pytest.raises(AccessDenied):
            await client.call("risk.halt", {"reason": "mischief"}, token=token)
    with locked(rundir.store):
        await asyncio.sleep(0.5)
        with contextlib.suppress(Exception):
            await desk.submit("MSFT.PAPER", "BUY", 5)
        with contextlib.suppress(AccessDenied):
            await client.call("risk.resume", {"reason": "mischief"}, token=viewer)
        await asyncio.sleep(0.5)
    await lab.trading.halt("the day is over")
    await until(lambda: rows("trading.state") and rows("audit.gap") and rows("command.refused"))
    await desk.close()
    await lab.trading.stop()

    found = {row.kind for row in rows()}
    wanted = {one.kind for one in KINDS if NODE in one.chains} - ELSEWHERE.keys()
    assert not {one for one in wanted if not any(k.startswith(one.rstrip("*")) for k in found)}
    assert not {kind for kind in found if not is_known(kind, NODE)}

    (mine,) = [one for one in facts("order.filled") if one["client_order_id"].startswith("M-")]
    assert (mine["instrument"], mine["side"], mine["quantity"]) == ("MSFT.PAPER", "BUY", "5")
    asked = next(one["asked"] for one in facts("order.intent") if "asked" in one)
    assert (asked["command"], "trader" in asked["roles"], bool(asked["token"])) == (
        *("orders.submit", True),
        True,
    )
    (cancel,) = [one for one in facts("order.cancel") if "asked" in one]
    assert cancel["client_order_id"] == resting.client_order_id
    refused = {(r.actor, json.loads(r.body)["command"]) for r in rows("command.refused")}
    assert {("vic", "risk.halt"), ("unknown", "risk.halt")} <= refused
    (begun,) = facts("trading.begun")
    (book,) = facts("limits.book")
    assert begun["book"] == book["sha256"]
    assert book["created"] == book["limits"]
    assert book["limits"]["max_gross_exposure"]["max_notional"] == "10.0"
    assert {"version", "code", "host", "pid", "epoch", "python"} <= begun.keys()
    report = AuditKeeper(AuditFiles.of(lab.settings), by="ana").inspect(note=False)
    assert report.ok, report
    secrets = [CANARY.encode(), viewer.rpartition(".")[2].encode()]
    secrets += [home.signing_key.read_bytes(), home.audit_key.read_bytes()]
    for path in (*rundir.path.rglob("*"), *home.logs.rglob("*")):
        if path.is_file() and path.name != "settings.json":
            data = path.read_bytes()
            assert not any(secret in data for secret in secrets), path


async def test_a_node_that_begins_again_says_what_of_its_limits_changed(lab, workspace):
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    await lab.trading.start(targets={"AAPL": 0.0})
    await lab.trading.shut_down()
    changed = Lab(workspace, trading={**TRADING, "limits": [], "max_order_notional": 1_234.0})
    await changed.trading.start(targets={"AAPL": 0.0})
    await changed.trading.shut_down()
    with TradingStore.open(rundir.store, read_only=True) as store:
        first, second = [json.loads(r.body) for r in store.audit_rows() if r.kind == "limits.book"]
    assert (first["since"], first["changed"], first["removed"]) == (0, {}, {})
    assert second["since"] > 0
    assert list(second["removed"]) == ["max_gross_exposure"]
    assert second["created"] == {}
    assert second["changed"]["max_order_notional"]["after"]["max_notional"] == "1234.0"
