"""A node whose audit tables are no longer guarded says so, and guards them again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack, closing

import pytest

from nautilus_lab.config import AuditSettings
from nautilus_lab.platform.audit import AuditFiles, AuditKeeper, AuditQueue, AuditTrail
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._checkpoints import Checkpointing
from nautilus_lab.trading.node._condition import NodeCondition

NAME = "audit_is_not_updated"


class Tightened:
    """What states are told."""

    def __init__(self):
        self.to = []

    def tighten(self, state, *, reason, by, automatic):
        self.to.append((state, reason))


@pytest.fixture
def files(tmp_path):
    rundir = Home(tmp_path / "home").make().trader("T-1").make()
    return AuditFiles(
        rundir=rundir,
        checkpoints=rundir.audit / "checkpoints.jsonl",
        key_path=tmp_path / "home" / "audit.key",
    ).make()


@pytest.fixture
def store(files):
    with TradingStore.open(files.store) as store:
        AuditTrail(store).append("note", {}, actor="ana")
        yield store


def drop(files):
    with closing(sqlite3.connect(files.store)) as raw:
        raw.execute(f"DROP TRIGGER {NAME}")


def begin(files, store, stack, alerts):
    trail = AuditTrail(store)
    checkpointing = Checkpointing(
        AuditSettings(checkpoint_s=0.1),
        files,
        trail,
        AuditQueue(trail),
        rundir=files.rundir,
        condition=NodeCondition("node"),
        on_alert=alerts.append,
    )
    checkpointing.begin(stack)
    return checkpointing, trail


async def test_what_was_taken_away_while_no_node_ran_is_put_back_and_told_of(files, store):
    drop(files)
    assert not AuditKeeper(files, by="ana").inspect(note=False).ok
    alerts = []
    async with AsyncExitStack() as stack:
        begin(files, store, stack, alerts)
    row = next(row for row in store.audit_rows() if row.kind == "audit.guards")
    (told,) = json.loads(row.body)["broken"]
    assert (row.actor, told["name"], told["fault"]) == ("node", NAME, "missing")
    (alert,) = alerts
    assert (alert.severity, alert.rule) == ("critical", "the audit tables must have their guards")
    assert NAME in alert.detail
    assert AuditKeeper(files, by="ana").inspect(note=False).ok


async def test_what_is_taken_away_while_it_runs_lets_it_do_no_more_than_reduce(files, store):
    alerts, states = [], Tightened()
    async with AsyncExitStack() as stack:
        checkpointing, trail = begin(files, store, stack, alerts)
        drop(files)
        trail.append("note", {}, actor="ana")
        async with asyncio.timeout(20):
            while not alerts:
                await asyncio.sleep(0.01)
        checkpointing.look(states)
    assert "must be as it was written" in alerts[0].rule
    ((state, reason),) = states.to
    assert state == "REDUCE_ONLY"
    assert NAME in reason
