"""What the trails of a home have of its ledger of leases."""

import pytest

from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading._lease_trail import audited_change, ledger_facts


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
