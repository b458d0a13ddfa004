"""A trail of real files, and the hand of somebody who owns them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nautilus_lab.platform.audit import AuditFiles, AuditKeeper, AuditTrail, Spool
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import OrderIntent, TradingStore

BEGIN_NS = 1_700_000_000 * 10**9  # rows of tests are a second apart from here on


class Trail:
    """The files of one trader's trail in a home of its own."""

    def __init__(self, folder: Path, trader: str = "T-1") -> None:
        self.home = Home(folder / "home").make()
        rundir = self.home.trader(trader).make()
        self.files = AuditFiles(
            rundir=rundir,
            checkpoints=rundir.audit / "checkpoints.jsonl",
            key_path=self.home.audit_key,
        ).make()

    @contextmanager
    def opened(self) -> Iterator[AuditTrail]:
        with TradingStore.open(self.files.store) as store:
            spool = Spool(self.files.spool)
            try:
                yield AuditTrail(store, spool=spool)
            finally:
                spool.close()

    def write(self, rows: int) -> None:
        """Append rows as a node does."""
        with self.opened() as trail:
            for _ in range(rows):
                number = trail.seq + 1
                at = BEGIN_NS + number * 10**9
                trail.append("note", {"n": number, "text": "é"}, actor="ana", ts_ns=at)

    @property
    def keeper(self) -> AuditKeeper:
        return AuditKeeper(self.files, by="ana")

    def inspect(self, **settings):
        return self.keeper.inspect(note=False, **settings)

    def verdict(self, chain: str = "node"):
        return next(one.verdict for one in self.inspect().chains if one.chain == chain)

    def tamper(self, *statements: str) -> None:
        """Change the file behind its guards, which its owner can drop."""
        with closing(sqlite3.connect(self.files.store, isolation_level=None)) as raw:
            named = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            guards = raw.execute(named).fetchall()
            for name, _ in guards:
                raw.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                raw.execute(statement)
            for _, text in guards:
                raw.execute(text)


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path)


@pytest.fixture
def sell():
    def make(client_order_id: str = "O-1", **changes) -> OrderIntent:
        body = {"side": "SELL", "quantity": "10", "strategy": "S-1", **changes}
        return OrderIntent(client_order_id=client_order_id, command="submit", body=body)

    return make
