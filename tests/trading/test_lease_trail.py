"""What the trails of a home have of its ledger of leases."""

import shutil
from functools import partial

import pytest

from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.limits import Holdings, LimitBook, MaxGrossExposure
from nautilus_lab.trading._lease_trail import audited_change, ledger_facts
from nautilus_lab.trading._leases import HomeLedger
from nautilus_lab.trading.node._leases import LeaseKeeper


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home").make()


def audit(home, trader, *rows):
    with TradingStore.open(home.trader(trader).make().store) as store:
        trail = AuditTrail(store)
        for kind, facts in rows:
            trail.append(kind, facts, actor="leases")


def test_without_a_row_nothing_was_given_out(home):
    home.trader("PAPER-001").make()
    assert audited_change(home, "f00d") == 0
    audit(home, "PAPER-002", ("lease.granted", {"limit": "x", "token": "3"}))  # of an older version
    assert audited_change(home, "f00d") == 0


def test_the_latest_of_any_node_counts_and_of_this_ledger_alone(home):
    audit(
        home,
        "PAPER-001",
        ("lease.granted", ledger_facts("f00d", 5)),
        ("lease.shrunk", ledger_facts("f00d", 9)),
        ("limit.breach", {"limit": "x"}),
    )
    audit(home, "PAPER-002", ("lease.granted", ledger_facts("f00d", 12)))
    audit(home, "PAPER-003", ("lease.granted", ledger_facts("beef", 99)))
    assert audited_change(home, "f00d") == 12
    assert audited_change(home, "beef") == 99


def test_a_trail_that_cannot_be_read_is_passed_by_and_said(home, caplog):
    audit(home, "PAPER-001", ("lease.granted", ledger_facts("f00d", 5)))
    home.trader("PAPER-002").make().store.write_bytes(b"no database")
    assert audited_change(home, "f00d") == 5
    assert "what PAPER-002 was leased is not known" in caplog.text


async def test_a_node_that_begins_over_an_older_ledger_leases_nothing_and_says_why(home, tmp_path):
    told = []

    async def life(store):
        """Begin as a node does, lease once, and end as one that is killed."""
        keeper = LeaseKeeper(
            LimitBook((MaxGrossExposure(max_notional=1_000, per="firm"),)),
            node="PAPER-001",
            open_ledger=lambda: HomeLedger.open(home.leases, audited=partial(audited_change, home)),
            tell=lambda body, topic: told.append(body.detail),
            trail=AuditTrail(store),
        )
        leased = await keeper.renew(lambda: Holdings(positions=()))
        keeper.watch()
        keeper.close()
        return leased

    with TradingStore.open(home.trader("PAPER-001").make().store) as store:
        HomeLedger.open(home.leases).close()
        shutil.copy(home.leases, tmp_path / "backup.db")
        assert await life(store)
        for file in home.path.glob("leases.db*"):
            file.unlink()
        shutil.copy(tmp_path / "backup.db", home.leases)
        assert not await life(store)
        assert "must not be older than what was given out of it" in told[-1]
        (home.path / "firm.begun").unlink()  # a person saw to the books
        assert await life(store)
