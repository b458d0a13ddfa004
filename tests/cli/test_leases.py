"""Leases from the command line, without any node."""

import json
import time

import pytest

from nautilus_lab.cli import main
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.leases import Ask
from nautilus_lab.trading._leases import HomeLedger

LIMIT = "max_gross_exposure"


def ask(node, wanted, used=0):
    return Ask(limit=LIMIT, node=node, declared=1_000_000, used=used, wanted=wanted)


@pytest.fixture
def ledger(home):
    ledger = HomeLedger.open(home.leases)
    yield ledger
    ledger.close()


def shell(capsys, *verbs, code=0):
    assert main([*verbs]) == code
    told = capsys.readouterr()
    return told.out if code == 0 else told.err


def test_without_a_ledger_there_are_no_leases_and_no_file_is_made(home, capsys):
    assert shell(capsys, "leases") == "no leases: no node holds part of a firm limit\n"
    assert shell(capsys, "leases", "log") == "no lease has changed yet\n"
    assert not home.leases.exists()


def test_a_ledger_that_was_lost_is_no_empty_table(ledger, home, capsys):
    home.leases.unlink()
    assert "must be there" in shell(capsys, "leases", code=2)
    assert "must be there" in shell(capsys, "leases", "log", code=2)


def test_the_table_says_who_may_use_how_much_until_when(ledger, capsys):
    ledger.take([ask("PAPER-001", 600_000, 250_050)], span_ns=3_600 * 10**9)
    ledger.take([ask("PAPER-002", 600_000)], span_ns=1)
    rows = [line.split() for line in shell(capsys, "leases").splitlines()[1:]]
    assert [(row[0], row[1], row[2], row[3], row[4], row[5], row[-1]) for row in rows] == [
        (LIMIT, "PAPER-001", "6,000.00", "2,500.50", "10,000.00", "1", "held"),
        (LIMIT, "PAPER-002", "4,000.00", "0.00", "10,000.00", "2", "doubt"),
    ]
    found = json.loads(shell(capsys, "leases", "--json"))
    assert [one["amount"] for one in found] == [6_000.0, 4_000.0]


def test_a_dead_nodes_lease_is_released_with_a_reason_and_audited(ledger, rundir, capsys):
    TradingStore.open(rundir.store).close()
    rundir.interest.write_bytes(b"{}")
    ledger.take([ask("PAPER-001", 600_000, 250_000)], span_ns=1)
    assert "needs a reason" in shell(capsys, "leases", "release", "PAPER-001", " ", code=2)
    out = shell(capsys, "leases", "release", "PAPER-001", "closed by phone")
    assert out == f"PAPER-001 gave up 6,000.00 of {LIMIT}, of which it used 2,500.00\n"
    assert not rundir.interest.exists()
    log = shell(capsys, "leases", "log", "--node", "PAPER-001", "-n", "1")
    assert "released" in log
    assert "closed by phone" in log
    with TradingStore.open(rundir.store, read_only=True) as store:
        (row,) = store.audit_tail(5, chain="operators")
    assert row.kind == "lease.released"
    body = json.loads(row.body)
    assert (body["reason"], body["used"]) == ("closed by phone", "2500.00")
    (grant,) = ledger.take([ask("PAPER-002", 1_000_000)], span_ns=10**9)
    assert grant.lease.amount == 1_000_000


def test_one_that_runs_is_not_released(ledger, capsys):
    ledger.take([ask("PAPER-001", 600_000)], span_ns=3_600 * 10**9)
    said = shell(capsys, "leases", "release", "PAPER-001", "in a hurry", code=2)
    assert "released once it has expired" in said
    (lease,) = ledger.leases()
    assert (lease.state, lease.amount) == ("held", 600_000)
    assert lease.expires.wall_ns > time.time_ns()


def test_what_a_dead_node_rested_is_forgotten_without_a_lease_too(rundir, capsys):
    TradingStore.open(rundir.store).close()
    rundir.interest.write_bytes(b"{}")
    with rundir.node_lock:
        said = shell(capsys, "leases", "release", "PAPER-001", "too soon", code=2)
        assert "node of trader PAPER-001" in said
        assert rundir.interest.exists()
    out = shell(capsys, "leases", "release", "PAPER-001", "closed by phone")
    assert out == "what PAPER-001 rested is forgotten; it held no lease\n"
    assert not rundir.interest.exists()
    with TradingStore.open(rundir.store, read_only=True) as store:
        (row,) = store.audit_tail(5, chain="operators")
    assert row.kind == "interest.released"


def test_a_node_that_holds_nothing_is_none_to_release(home, ledger, capsys):
    said = shell(capsys, "leases", "release", "PAPER-009", "a slip", code=2)
    assert "must hold a lease" in said
