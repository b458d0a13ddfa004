"""A store that cannot write: what reduces goes on by the spool, nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import time

import pytest

from nautilus_lab import Lab, connect
from nautilus_lab.exceptions import StoreError, StoreUnwritable
from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditFiles, AuditKeeper, AuditTrail, Spool, read_spool
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._journal import StoreJournal

FAST = {"seconds_per_day": 60.0, "quotes_per_second": 4.0, "replay_symbols": ("AAPL",)}
SOURCE = """
from pathlib import Path

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Quantity
from nautilus_trader.trading.strategy import Strategy

AAPL = InstrumentId.from_str("AAPL.PAPER")


class HandConfig(StrategyConfig, frozen=True, kw_only=True):
    orders: str


class Hand(Strategy):
    '''Does what a file names: BUY or SELL, one unit each time.'''

    def on_start(self):
        self.subscribe_quote_ticks(AAPL)

    def on_quote_tick(self, tick):
        path = Path(self.config.orders)
        if path.exists():
            side = OrderSide[path.read_text()]
            path.unlink()
            self.submit_order(self.order_factory.market(AAPL, side, Quantity.from_int(1)))
"""


# --- the journal --------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path):
    with TradingStore.open(tmp_path / "trading.db", busy_timeout_ms=50) as store:
        spool = Spool(tmp_path / "spool")
        trail = AuditTrail(store, spool=spool)
        made = StoreJournal(trail, store)
        made.store, made.trail, made.spool = store, trail, spool
        yield made
        spool.close()


@contextlib.contextmanager
def locked(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def intent(order_id, *, reduces=False, verdict="forwarded"):
    return Intent(
        client_order_id=order_id,
        command="submit",
        verdict=verdict,
        facts=lambda: {"strategy": "S-1", "quantity": "1"},
        reduces=reduces,
    )


def test_only_what_reduces_goes_on_while_the_store_is_locked(journal, tmp_path):
    with locked(tmp_path / "trading.db"):
        journal.write([intent("sell", reduces=True)])
        for refused in (
            [intent("buy", reduces=False)],
            [intent("one", reduces=True), intent("other", reduces=False)],
        ):
            with pytest.raises(StoreUnwritable, match="free to write"):
                journal.write(refused)
        assert not journal.fold()
        (entry,) = read_spool(tmp_path / "spool").entries
        assert [kept.client_order_id for kept in entry.intents] == ["sell"]
        journal.settle("sell", "FILLED")
    assert journal.fold()
    assert [(row.client_order_id, row.state) for row in journal.store.journal()] == [
        ("sell", "ACKNOWLEDGED")
    ]
    kinds = [row.kind for row in journal.store.audit_rows()]
    assert kinds == ["audit.gap", "order.intent"]
    assert journal.trail.verify().ok


def test_of_what_is_denied_meanwhile_the_first_are_kept_and_all_others_counted(journal, tmp_path):
    with locked(tmp_path / "trading.db"):
        begun = time.perf_counter()
        for number in range(50):
            journal.write([intent(f"no-{number}", verdict="denied")])
        assert time.perf_counter() - begun < 50 * 0.05  # the store is not asked each time
        assert len(read_spool(tmp_path / "spool").entries) == 20
    journal.write([intent("buy", reduces=False)])
    gap, *rows = journal.store.audit_rows()
    facts = json.loads(gap.body)
    assert (gap.kind, facts["missed"]) == ("audit.gap", {"order.denied": {"strategy:S-1": 30}})
    assert 0 < facts["since_ns"] <= facts["until_ns"] <= gap.ts_ns
    assert [row.kind for row in rows] == ["order.denied"] * 20 + ["order.intent"]
    assert [row.state for row in journal.store.journal()] == ["DENIED"] * 20 + ["INTENDED"]
    assert journal.trail.verify().ok
    with locked(tmp_path / "trading.db"):  # and in the next gap the first are kept again
        journal.write([intent("again", verdict="denied")])
        assert len(read_spool(tmp_path / "spool").entries) == 1


def test_a_denial_of_an_order_that_reduces_is_not_taken_for_it(journal, tmp_path):
    with locked(tmp_path / "trading.db"):
        journal.write([intent("sell", reduces=True)])
        journal.write([intent("sell", reduces=True, verdict="denied")])  # a change of it
    assert journal.fold()
    journal.settle("sell", "FILLED")
    assert [row.state for row in journal.store.journal()] == ["ACKNOWLEDGED", "DENIED"]


def test_a_store_that_refused_is_not_asked_again_by_each_order_that_reduces(journal, tmp_path):
    with locked(tmp_path / "trading.db"):
        journal.write([intent("first", reduces=True)])
        begun = time.perf_counter()
        for number in range(10):
            journal.write([intent(f"O-{number}", reduces=True)])
        assert time.perf_counter() - begun < 10 * 0.05
    journal.write([intent("after", reduces=False)])
    names = [row.client_order_id for row in journal.store.journal()]
    assert names == ["first", *(f"O-{n}" for n in range(10)), "after"]


def test_what_is_settled_after_it_was_folded_is_settled(journal, tmp_path):
    with locked(tmp_path / "trading.db"):
        journal.write([intent("sell", reduces=True)])
    journal.write([intent("buy", reduces=False)])
    journal.settle("sell", "REJECTED")
    journal.settle("buy", "FILLED")
    assert [row.state for row in journal.store.journal()] == ["REJECTED", "ACKNOWLEDGED"]


def test_where_the_spool_cannot_be_written_either_nothing_leaves(journal, tmp_path, monkeypatch):
    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", fail)
    with (
        locked(tmp_path / "trading.db"),
        pytest.raises(StoreError, match="No space left"),
    ):
        journal.write([intent("sell", reduces=True)])


# --- a node -------------------------------------------------------------------------------


async def until(condition, seconds=40.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.fixture
def lab(workspace, catalog):
    lab = Lab(
        workspace,
        trading=FAST,
        store={"busy_timeout_ms": 100},
        audit={"checkpoint_rows": 5, "checkpoint_s": 0.5},
        supervisor={"restarts": 100},
    )
    path = workspace / "hand.py"
    path.write_text(SOURCE)
    lab.trading.publish_strategy(path, "hand", "1")
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())


@pytest.mark.processes
@pytest.mark.timeout(150)
async def test_a_locked_store_lets_what_reduces_through_and_takes_it_in_afterwards(lab, workspace):
    node = await lab.trading.start(targets={"AAPL": 0.0})
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    files = AuditFiles.of(lab.settings)
    desk = await connect(root=lab.settings.root, role="operator")
    orders = workspace / "orders"
    hand = (await desk.deploy("hand", "1", parameters={"orders": str(orders)})).strategy

    def of_hand(status=None):
        return [
            o
            for o in desk.orders.values()
            if o.strategy == hand and (status is None or o.status.value == status)
        ]

    def told(side):
        orders.write_text(side)

    for count in (1, 2):
        told("BUY")
        await until(lambda count=count: len(of_hand("FILLED")) == count)
    with locked(rundir.store):
        told("SELL")
        await until(lambda: len(read_spool(files.spool).entries) == 1)
        told("BUY")
        await until(lambda: not orders.exists())
        await asyncio.sleep(0.5)
        # The purchase went nowhere, and that it was denied is kept.
        await until(lambda: len(read_spool(files.spool).entries) == 2)
        told("SELL")
        await until(lambda: len(read_spool(files.spool).entries) == 3)
        await asyncio.sleep(0.5)
        assert (await lab.trading.status()).pid == node.pid  # it lives, and holds what it knows
    await until(lambda: len(of_hand("FILLED")) == 4)
    await until(lambda: read_spool(files.spool).entries == ())
    with TradingStore.open(rundir.store, read_only=True) as store:
        rows = list(store.audit_rows())
        journal = store.journal()
    aside = [(row.kind, json.loads(row.body)) for row in rows if '"spooled":"' in row.body]
    assert [(kind, body["order"]["side"]) for kind, body in aside] == [
        ("order.intent", "SELL"),
        ("order.denied", "BUY"),
        ("order.intent", "SELL"),
    ]
    spooled = [body for kind, body in aside if kind == "order.intent"]
    sold = {body["client_order_id"] for body in spooled}
    assert len(sold) == 2
    assert sold <= {o.client_order_id for o in of_hand("FILLED")}
    # Whatever the venue has has its intent, and every intent its audit row.
    names = [row.client_order_id for row in journal]
    audited = [
        json.loads(row.body)["client_order_id"]
        for row in rows
        if row.kind in ("order.intent", "order.denied")
    ]
    assert names == audited
    assert {o.client_order_id for o in of_hand("FILLED")} <= set(names)
    await until(lambda: AuditKeeper(files, by="ana").inspect(note=False).ok)
    await desk.close()


@pytest.mark.processes
@pytest.mark.timeout(150)
async def test_a_node_killed_with_a_spool_takes_it_in_when_it_comes_back(lab, workspace):
    node = await lab.trading.start(targets={"AAPL": 0.0})
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    files = AuditFiles.of(lab.settings)
    desk = await connect(root=lab.settings.root, role="operator")
    orders = workspace / "orders"
    hand = (await desk.deploy("hand", "1", parameters={"orders": str(orders)})).strategy

    def filled():
        mine = [o for o in desk.orders.values() if o.strategy == hand]
        return [o for o in mine if o.status.value == "FILLED"]

    orders.write_text("BUY")
    await until(lambda: len(filled()) == 1)
    with locked(rundir.store):
        orders.write_text("SELL")
        await until(lambda: len(read_spool(files.spool).entries) == 1)
        await asyncio.sleep(1.0)  # the venue has filled it, and the node could not store that
        os.kill(node.pid, signal.SIGKILL)
    await until(lambda: desk.node.epoch is not None and desk.node.epoch >= 2, 60)
    await until(lambda: desk.node.state.value == "running", 60)
    await until(lambda: len(filled()) == 2)
    with TradingStore.open(rundir.store, read_only=True) as store:
        spooled = [row for row in store.audit_rows() if '"spooled":"' in row.body]
        names = [row.client_order_id for row in store.journal()]
        fills = [fill.body.client_order_id for fill in store.fills()]
    (row,) = spooled
    sold = json.loads(row.body)["client_order_id"]
    assert names.count(sold) == fills.count(sold) == 1
    await until(lambda: AuditKeeper(files, by="ana").inspect(note=False).ok)
    await desk.close()


@pytest.mark.processes
@pytest.mark.timeout(150)
async def test_a_node_checkpoints_its_trail_and_reduces_only_once_it_was_tampered_with(lab):
    await lab.trading.start(targets={"AAPL": 0.1})
    rundir = Home(lab.settings.home_path).trader("PAPER-001")
    files = AuditFiles.of(lab.settings)
    keeper = AuditKeeper(files, by="ana")
    await until(lambda: files.checkpoints.exists() and keeper.inspect(note=False).ok)

    def has_begun():
        with TradingStore.open(rundir.store, read_only=True) as store:
            return any(row.kind == "audit.begun" for row in store.audit_rows())

    await until(has_begun)
    await lab.trading.stop()
    report = keeper.inspect(note=False)
    assert report.ok
    assert all(one.verdict.anchored == one.verdict.head_seq for one in report.chains)
    with contextlib.closing(sqlite3.connect(rundir.store, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER audit_is_not_deleted")
        raw.execute("DELETE FROM audit WHERE chain = 'node' AND seq > 3")
    await lab.trading.start(targets={"AAPL": 0.1})
    await until(lambda: lab.trading.may.state == "REDUCE_ONLY")
    assert "audit trail" in lab.trading.may.reason
    assert "audit trail" in (await lab.trading.status()).detail
    report = keeper.inspect(note=False)
    assert report.guards == ()  # it has put them back
    verdict = report.chains[0].verdict
    assert verdict.kind in ("truncation", "fork")
    assert verdict.first_bad <= 5
    with TradingStore.open(rundir.store, read_only=True) as store:
        (row,) = [row for row in store.audit_rows() if row.kind == "audit.guards"]
    assert "audit_is_not_deleted" in row.body
