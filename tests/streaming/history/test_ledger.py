"""A history is whole: what the stream lacks comes from the traders' stores."""

from __future__ import annotations

import random
import shutil

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from tests.streaming.history.conftest import Kept, Trader


def numbers(*spans: tuple[int, int]) -> list[tuple[int, int]]:
    """(epoch, last) -> every number up to it."""
    return [(epoch, seq) for epoch, last in spans for seq in range(1, last + 1)]


def test_what_the_stream_brings_is_kept_once(trader, kept):
    events = trader().happen(5)
    kept.ledger.take(events)
    kept.ledger.take(events)
    kept.ledger.take(events[2:])
    assert kept.numbers == numbers((1, 5))
    assert kept.ledger.stored == 5
    assert kept.gaps == []


def test_what_the_stream_lost_is_fetched_from_the_trader_s_store(trader, kept):
    events = trader().happen(2_500)  # more than a page
    kept.ledger.take(events[:3])
    kept.ledger.take(events[-2:])
    assert kept.numbers == numbers((1, 2_500))
    assert kept.ledger.fetched == 2_495
    assert kept.gaps == []


def test_the_first_event_of_a_trader_brings_all_that_went_before(trader, kept):
    events = trader().happen(10)
    kept.ledger.take(events[-1:])
    assert kept.numbers == numbers((1, 10))


def test_the_end_of_an_epoch_that_nobody_heard_is_fetched(trader, kept):
    one = trader()
    kept.ledger.take(one.happen(3)[:1])
    one.happen(2)
    one.begin()
    kept.ledger.take(one.happen(2))
    assert kept.numbers == numbers((1, 5), (2, 2))
    assert kept.gaps == []


def test_a_resync_fetches_what_nobody_told_of(trader, kept):
    one, two = trader("PAPER-001"), trader("PAPER-002")
    one.happen(3)
    two.happen(4)
    assert kept.ledger.resync() == 7
    one.happen(1)
    assert kept.ledger.resync() == 1
    assert kept.ledger.resync() == 0
    assert kept.ledger.stored == 8


def test_what_a_resync_brought_changes_nothing_when_the_stream_brings_it(trader, kept):
    one = trader()
    events = one.happen(5)
    kept.ledger.resync()
    kept.ledger.take(events)
    kept.ledger.take(one.happen(1))
    assert kept.numbers == numbers((1, 6))
    assert kept.gaps == []


def test_what_nobody_has_is_written_down_as_a_gap(trader, kept, home):
    events = trader().happen(9)
    shutil.rmtree(home.trader("PAPER-001").path)
    kept.ledger.take(events[:2])
    kept.ledger.take(events[6:])
    (gap,) = kept.gaps
    assert (gap.epoch, gap.seq, gap.next_epoch, gap.next_seq) == (1, 2, 1, 7)
    assert kept.store.gaps() == (gap,)
    assert kept.ledger.gaps == 1
    assert kept.numbers == [(1, 1), (1, 2), (1, 7), (1, 8), (1, 9)]


def test_a_store_that_lost_its_events_too_makes_a_gap(trader, kept):
    one = trader()
    events = one.happen(4)
    kept.ledger.take(events[:1])
    later = messages.envelope(
        events[0].body, events[0].topic, trader=one.name, writer="node", epoch=1, seq=9
    )
    kept.ledger.take([later])
    (gap,) = kept.gaps
    assert (gap.seq, gap.next_seq) == (4, 9)
    assert "does not have them" in gap.why


def test_a_trader_that_begins_anew_is_kept_beside_its_earlier_life(trader, kept, home):
    first = trader()
    first.begin()
    kept.ledger.take(first.happen(3))
    first.store.close()
    shutil.move(first.run.path, first.run.path.with_name("moved-away"))
    second = Trader(home, "PAPER-001")
    kept.ledger.take(second.happen(3)[1:])
    assert kept.numbers == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    kept.ledger.take(second.happen(1))
    assert len(kept.numbers) == 7
    assert kept.gaps == []
    second.store.close()


def test_a_resync_of_a_trader_that_begins_anew_takes_all_of_its_new_life(trader, kept, home):
    first = trader()
    first.begin()
    kept.ledger.take(first.happen(3))
    first.store.close()
    shutil.move(first.run.path, first.run.path.with_name("moved-away"))
    second = Trader(home, "PAPER-001")
    second.happen(2)
    assert kept.ledger.resync() == 2
    second.store.close()


def test_events_without_a_number_are_kept_and_show_no_gap(kept):
    body = messages.AlertRaised(severity="warning", component="supervisor", rule="r")
    alert = messages.envelope(body, "system.alert.T-1", trader="T-1", writer="supervisor")
    kept.ledger.take([alert])
    kept.ledger.take([alert])
    assert kept.store.events() == (alert,)
    assert kept.gaps == []


@pytest.mark.parametrize("name", ["../../etc", "", "a/b", "x" * 300])
def test_a_trader_whose_name_is_a_path_leads_nowhere(kept, name):
    body = messages.NodeStateChanged(component="node", state="running")
    event = messages.envelope(body, "system.node.x", trader=name, writer="node", epoch=1, seq=5)
    kept.ledger.take([event])
    assert kept.store.events() == (event,)
    assert len(kept.gaps) == 1


def test_a_state_is_refused_and_nothing_of_its_batch_is_kept(trader, kept):
    events = trader().happen(2)
    kept.ledger.take(events[:1])
    quote = messages.QuoteUpdated(instrument="AAPL.PAPER", bid=1.0, ask=2.0)
    told = messages.envelope(quote, "market.quote.PAPER.AAPL", trader="T-1", writer="node")
    with pytest.raises(InputError):
        kept.ledger.take([events[1], told])
    assert kept.numbers == [(1, 1)]
    kept.ledger.take(events[1:])
    assert kept.numbers == [(1, 1), (1, 2)]
    assert kept.gaps == []


def test_a_history_that_cannot_be_written_raises(trader, kept, store):
    events = trader().happen(3)
    store.close()
    with pytest.raises(StoreError):
        kept.ledger.take(events)


def test_it_goes_on_where_it_was(trader, kept, store, home):
    one = trader()
    kept.ledger.take(one.happen(3))
    again = Kept(store, home)
    again.ledger.take(one.happen(2))
    assert again.ledger.fetched == 0
    assert again.numbers == numbers((1, 5))


def test_whatever_the_stream_loses_doubles_and_mixes_the_history_is_whole(trader, kept):
    """Traders, epochs, losses, repetitions: what is in the stores is in the history, once."""
    chance = random.Random(20200102)
    traders = [trader(f"PAPER-00{n}") for n in range(1, 4)]
    made, batch = [], []
    for _ in range(400):
        one = chance.choice(traders)
        if chance.random() < 0.01:
            one.begin()
        (event,) = one.happen()
        made.append(event)
        if chance.random() < 0.7:
            batch.append(event)
        if chance.random() < 0.1:
            batch += made[-20:]  # in order, as a redelivery is
        if chance.random() < 0.05:
            kept.ledger.take(batch)
            batch = []
    kept.ledger.take(batch)
    kept.ledger.resync()
    assert {e.id for e in kept.store.events()} == {e.id for e in made}
    assert kept.ledger.stored == kept.store.count() == len(made)
    assert kept.gaps == []
