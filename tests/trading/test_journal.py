"""What becomes of an intent is noted once the venue is known to have the order, or not."""

import asyncio
import signal
import subprocess
import sys

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._journal import StoreJournal


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


def intent(order_id, verdict="forwarded", command="submit"):
    return Intent(
        client_order_id=order_id,
        command=command,
        verdict=verdict,
        facts=lambda: {"strategy": "S-1", "quantity": "1"},
    )


def states(store):
    return [(row.client_order_id, row.state) for row in store.journal()]


def test_an_order_that_the_venue_took_or_refused_has_no_open_intent(store):
    journal = StoreJournal(AuditTrail(store), store)
    journal.write([intent("A"), intent("B")])
    journal.write([intent("A", command="modify"), intent("C", "denied")])
    assert [row.client_order_id for row in store.journal(open_only=True)] == ["A", "B", "A"]
    journal.settle("A", "ACCEPTED")
    journal.settle("A", "FILLED")  # known already
    journal.settle("B", "REJECTED")
    journal.settle("never heard of", "FILLED")
    assert states(store) == [
        ("A", "ACKNOWLEDGED"),
        ("B", "REJECTED"),
        ("A", "ACKNOWLEDGED"),
        ("C", "DENIED"),
    ]


def test_after_a_restart_the_venue_says_what_became_of_the_intents_before_it(store):
    StoreJournal(AuditTrail(store), store).write([intent("had"), intent("refused"), intent("lost")])
    journal = StoreJournal(AuditTrail(store), store)
    journal.write([intent("new")])
    journal.settle_earlier({"had": "FILLED", "refused": "REJECTED"})
    assert states(store) == [
        ("had", "ACKNOWLEDGED"),
        ("refused", "REJECTED"),
        ("lost", "REJECTED"),
        ("new", "INTENDED"),
    ]
    assert AuditTrail(store).verify().ok


async def test_on_a_running_loop_outcomes_are_noted_together_and_soon(store):
    journal = StoreJournal(AuditTrail(store), store)
    journal.write([intent("A"), intent("B")])
    journal.settle("A", "FILLED")
    journal.settle("B", "REJECTED")
    assert len(store.journal(open_only=True)) == 2
    async with asyncio.timeout(5):
        while store.journal(open_only=True):
            await asyncio.sleep(0.01)
    assert states(store) == [("A", "ACKNOWLEDGED"), ("B", "REJECTED")]


async def test_many_outcomes_do_not_wait(store):
    journal = StoreJournal(AuditTrail(store), store)
    journal.write([intent(f"O-{n}") for n in range(300)])
    for n in range(300):
        journal.settle(f"O-{n}", "FILLED")
    assert len(store.journal(open_only=True)) == 300 - 256
    journal.flush()
    assert store.journal(open_only=True) == ()


async def test_outcomes_that_cannot_be_written_are_kept_for_the_next_time(store, monkeypatch):
    journal = StoreJournal(AuditTrail(store), store)
    journal.write([intent("A"), intent("B")])
    with monkeypatch.context() as patch:

        def refuse(outcomes):
            raise StoreError("the disk is full")

        patch.setattr(store, "mark_many", refuse)
        journal.settle("A", "FILLED")
        journal.flush()
        assert len(store.journal(open_only=True)) == 2
    journal.settle("B", "FILLED")
    journal.flush()
    assert store.journal(open_only=True) == ()


def test_an_intent_and_its_audit_row_say_the_same(store):
    trail = AuditTrail(store)
    StoreJournal(trail, store).write([intent("A"), intent("B", "denied")])
    assert [row.kind for row in store.audit_rows()] == ["order.intent", "order.denied"]
    assert {row.actor for row in store.audit_rows()} == {"strategy:S-1"}
    assert [row.body["quantity"] for row in store.journal()] == ["1", "1"]
    assert trail.verify().rows == 2


def test_nothing_is_written_for_nothing(store):
    StoreJournal(AuditTrail(store), store).write([])
    assert store.journal() == ()


def test_of_several_intents_all_are_written_or_none(store):
    journal = StoreJournal(AuditTrail(store), store)
    bad = Intent(
        client_order_id="B",
        command="submit",
        verdict="forwarded",
        facts=lambda: {"strategy": "\ud800"},
    )
    with pytest.raises((StoreError, ValueError)):
        journal.write([intent("A"), bad])
    assert store.journal() == ()
    assert list(store.audit_rows()) == []
    journal.write([intent("A")])  # and writing goes on
    assert AuditTrail(store).verify().rows == 1


WRITER = """
import sys
from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._journal import StoreJournal

store = TradingStore.open(sys.argv[1])
journal = StoreJournal(AuditTrail(store), store)
for number in range(9):
    journal.write(
        [
            Intent(
                client_order_id=f"O-{number}",
                command="submit",
                verdict="forwarded",
                facts=lambda: {"strategy": "S-1"},
            )
        ]
    )
    print(number, flush=True)
"""


@pytest.mark.processes
def test_a_process_that_is_killed_within_a_transaction_leaves_nothing_of_it(tmp_path):
    path = tmp_path / "trading.db"
    ended = subprocess.run(
        [sys.executable, "-c", WRITER, path],
        env={"NL_FAILPOINT": "journal.in_transaction@6"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["0", "1", "2", "3", "4"]
    with TradingStore.open(path) as store:
        assert [row.client_order_id for row in store.journal()] == [f"O-{n}" for n in range(5)]
        trail = AuditTrail(store)
        assert trail.verify().rows == 5
        StoreJournal(trail, store).write([intent("next")])
        assert trail.verify().rows == 6
