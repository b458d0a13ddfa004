"""The ledger of a home under several processes at once."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from nautilus_lab.exceptions import LeaseRefused, StoreError
from nautilus_lab.risk.leases import Ask
from nautilus_lab.trading._leases import HomeLedger, boot_ns, this_boot

LIMIT = "max_gross_exposure"
FIRM = 100_000
SPAN_NS = 50_000_000
LOOK = """
    SELECT node, amount FROM firm_leases WHERE state != 'fenced' OR expires_boot_ns > ?
"""


def ask(node, wanted, used=0, needed=0):
    return Ask(limit=LIMIT, node=node, declared=FIRM, used=used, wanted=wanted, needed=needed)


def hammer(path, node, seed, rounds):
    """Take, use, grow, shrink and forget leases as a node that dies now and then."""
    chance = random.Random(seed)
    ledger = HomeLedger.open(path, busy_timeout_ms=20_000)
    token, amount, used = 0, 0, 0
    for _ in range(rounds):
        wanted = max(used, chance.randrange(0, FIRM + 1, 100))
        amount = min(amount, wanted)
        try:
            if not token:
                (grant,) = ledger.take([ask(node, wanted, used)], span_ns=SPAN_NS)
                token = grant.lease.token
            else:
                (grant,) = ledger.renew(token, [ask(node, wanted, used)], span_ns=SPAN_NS)
        except LeaseRefused:
            token = amount = 0
            continue
        assert grant.lease.amount >= amount
        amount = grant.lease.amount
        used = chance.randrange(0, max(1, amount)) if amount else 0
        if chance.random() < 0.1:
            token = amount = used = 0  # it dies and begins anew
    ledger.close()


@pytest.mark.processes
def test_four_processes_never_hold_more_than_the_limit_and_dying_ones_leave_it_so(tmp_path):
    path = tmp_path / "leases.db"
    HomeLedger.open(path).close()
    spawn = multiprocessing.get_context("spawn")
    # Two of them claim to be the same node.
    names = ("A", "B", "C", "C")
    nodes = [
        spawn.Process(target=hammer, args=(path, name, seed, 60)) for seed, name in enumerate(names)
    ]
    doomed = spawn.Process(target=hammer, args=(path, "D", 9, 100_000))
    for node in (*nodes, doomed):
        node.start()
    sums, killed = [], False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
            deadline = time.monotonic() + 90
            while not killed or any(node.is_alive() for node in nodes):
                assert time.monotonic() < deadline
                # Each look is one transaction: what stands there at one moment.
                rows = reader.execute(LOOK, (boot_ns(),)).fetchall()
                sums.append(sum(amount for _, amount in rows))
                if not killed and ("D" in dict(rows)):
                    os.kill(doomed.pid, signal.SIGKILL)
                    killed = True
    finally:
        doomed.kill()
        for node in (*nodes, doomed):
            node.join(30)
    assert [node.exitcode for node in nodes] == [0, 0, 0, 0]
    assert doomed.exitcode == -signal.SIGKILL
    assert FIRM / 2 < max(sums) <= FIRM  # they did fight for it
    with closing(sqlite3.connect(path)) as reader:
        tokens = [token for (token,) in reader.execute("SELECT token FROM firm_leases").fetchall()]
        assert len(set(tokens)) == len(tokens)
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(HomeLedger.open(path)) as ledger:
        time.sleep(SPAN_NS / 1e9)
        assert [e.happening for e in ledger.release("D", by="ana", reason="killed")] == ["released"]


def test_a_ledger_that_is_held_by_another_answers_in_time(tmp_path):
    path = tmp_path / "leases.db"
    ledger = HomeLedger.open(path, busy_timeout_ms=50)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="free to write"):
            ledger.take([ask("A", 1)], span_ns=SPAN_NS)
        other.execute("ROLLBACK")
    (grant,) = ledger.take([ask("A", 1)], span_ns=SPAN_NS)
    assert grant.lease.amount == 1
    ledger.close()


def test_a_ledger_that_was_lost_is_not_begun_anew_until_a_person_says_so(tmp_path):
    path = tmp_path / "leases.db"
    with closing(HomeLedger.open(path)) as ledger:
        ledger.take([ask("A", FIRM, FIRM)], span_ns=SPAN_NS)
    for file in tmp_path.glob("leases.db*"):
        file.unlink()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="that was begun must be there"):
            HomeLedger.open(path, read_only=read_only)
    assert not path.exists()
    (tmp_path / "firm.begun").unlink()
    with closing(HomeLedger.open(path)) as ledger:
        assert ledger.leases() == ()
    assert (tmp_path / "firm.begun").exists()


def copied(path, to):
    """Copy a ledger as a backup does: whole, whatever is in its log."""
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(to)) as other:
        one.backup(other)


def put_back(backup, path):
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    copied(backup, path)


def test_an_older_copy_that_is_put_back_is_refused_by_what_was_audited(tmp_path):
    path, backup = tmp_path / "leases.db", tmp_path / "backup.db"
    with closing(HomeLedger.open(path)) as ledger:
        ledger.take([ask("A", FIRM // 2, FIRM // 2)], span_ns=SPAN_NS)
        copied(path, backup)
        ledger.take([ask("B", FIRM // 2, FIRM // 2)], span_ns=SPAN_NS)
        begun, latest = ledger.begun, ledger.latest
    seen = []

    def audited(told):
        seen.append(told)
        return latest if told == begun else 0

    HomeLedger.open(path, audited=audited).close()  # the latest is what it is
    put_back(backup, path)
    with pytest.raises(StoreError, match="must not be older than what was given out") as error:
        HomeLedger.open(path, audited=audited)
    assert f"and {latest} was made" in str(error.value.value)
    assert "remove firm.begun" in error.value.remedy
    # A person who saw to what the nodes hold says so by that: it is another ledger then.
    (tmp_path / "firm.begun").unlink()
    with closing(HomeLedger.open(path, audited=audited)) as ledger:
        assert [one.node for one in ledger.leases()] == ["A"]
    assert seen[:2] == [begun, begun]
    assert seen[2] != begun


def test_an_older_copy_that_is_put_back_under_a_node_that_runs_is_refused(tmp_path):
    path, backup = tmp_path / "leases.db", tmp_path / "backup.db"
    with closing(HomeLedger.open(path)) as ledger:
        (grant,) = ledger.take([ask("A", 1_000)], span_ns=SPAN_NS)
        copied(path, backup)
        token = grant.lease.token
        ledger.renew(token, [ask("A", 5_000)], span_ns=SPAN_NS)
        copied(backup, path)  # into the same file
        with pytest.raises(StoreError, match="must not be older"):
            ledger.renew(token, [ask("A", 5_000)], span_ns=SPAN_NS)


def test_all_processes_of_a_machine_share_the_clock_and_the_boot():
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1) as pool:
        before = boot_ns()
        there = pool.apply(boot_ns)
        assert before <= there <= boot_ns()
        assert pool.apply(this_boot) == this_boot()
