"""What becomes of an intent is noted once the venue is known to have the order, or not."""

import pytest

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
        body={"strategy": "S-1", "quantity": "1"},
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
