"""What every history promises."""

from __future__ import annotations

import threading

import msgspec
import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.store import GapRow, HistoryStore


def an_event(seq, topic="trading.order.T-1.tilt", *, trader="T-1", epoch=1, ts=None):
    body = messages.NodeStateChanged(component="node", state="running", reason=f"number {seq}")
    made = messages.envelope(body, topic, trader=trader, writer="node", epoch=epoch, seq=seq)
    return made if ts is None else msgspec.structs.replace(made, ts=ts)


A_GAP = GapRow(
    trader="T-1", writer="node", epoch=1, seq=3, next_epoch=1, next_seq=7, why="gone", ts_ns=5
)


@pytest.fixture
def history(stores):
    return stores.history()


def test_an_event_comes_back_as_it_was_added(history):
    event = an_event(1)
    assert history.add([event]) == 1
    assert history.events() == (event,)


def test_an_event_that_comes_again_stands_once(history):
    events = [an_event(n) for n in range(10)]
    assert history.add(events) == 10
    assert history.add([*events, an_event(11)]) == 1
    assert history.add([events[0]] * 5) == 0
    assert history.count() == 11


def test_one_of_another_life_with_the_same_number_is_another_event(history):
    history.add([an_event(1), an_event(1)])
    assert history.count() == 2


def test_events_come_back_by_time_and_not_as_they_were_added(history):
    late, early = an_event(2, ts=200), an_event(1, ts=100)
    history.add([late, early])
    assert history.events() == (early, late)


@pytest.mark.parametrize(
    ("pattern", "seen"),
    [
        (">", {1, 2, 3, 4}),
        ("trading.>", {1, 2, 4}),
        ("trading.order.*.tilt", {1}),
        ("trading.order.T-1.tilt", {1}),
        ("trading.*.T-1.tilt", {1, 2}),
        ("trading", set()),
        ("*.node.T-1", {3}),
        ("trading.order.T_1.*", {4}),  # an underscore is no wildcard
    ],
)
def test_events_are_found_by_pattern(history, pattern, seen):
    history.add(
        [
            an_event(1, "trading.order.T-1.tilt"),
            an_event(2, "trading.fill.T-1.tilt"),
            an_event(3, "system.node.T-1"),
            an_event(4, "trading.order.T_1.x"),
        ]
    )
    assert {event.seq for event in history.events(pattern)} == seen


def test_events_are_found_by_time_trader_and_number(history):
    history.add([an_event(n, ts=n, trader=f"T-{n % 2}") for n in range(1, 11)])
    found = history.events(start_ns=3, end_ns=9)
    assert [event.ts for event in found] == [3, 4, 5, 6, 7, 8]
    assert [event.ts for event in history.events(trader="T-1", limit=3)] == [1, 3, 5]
    with pytest.raises(InputError, match="limit"):
        history.events(limit=0)


def test_a_state_is_no_history_and_nothing_of_its_batch_is_stored(history):
    quote = messages.QuoteUpdated(instrument="AAPL.PAPER", bid=1.0, ask=2.0)
    told = messages.envelope(quote, "market.quote.PAPER.AAPL", trader="T-1", writer="node")
    with pytest.raises(InputError, match="keeps events"):
        history.add([an_event(1), told])
    assert history.count() == 0


def test_what_cannot_be_stored_leaves_nothing_behind(history):
    with pytest.raises(InputError, match="64 bits"):
        history.add([an_event(1), an_event(2, ts=2**63)], held={("T-1", "node"): (1, 2)})
    assert history.count() == 0
    assert history.positions() == {}


def test_positions_and_gaps_are_stored_with_the_events(history, stores):
    history.add([an_event(1)], held={("T-1", "node"): (1, 1)}, missing=[A_GAP])
    history.add([], held={("T-1", "node"): (2, 1), ("T-2", "node"): (1, 5)})
    history.close()
    again = stores.history()
    assert again.positions() == {("T-1", "node"): (2, 1), ("T-2", "node"): (1, 5)}
    assert again.gaps() == (A_GAP,)


def test_those_that_are_known_are_named(history):
    one, two = an_event(1), an_event(2)
    history.add([one])
    assert history.known([one.id, two.id]) == {one.id}
    assert history.known([]) == frozenset()


def test_several_threads_may_write_at_once(history):
    events = [an_event(n) for n in range(400)]
    writers = [
        threading.Thread(target=lambda part=part: [history.add([e]) for e in events[part::4]])
        for part in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert history.count() == 400


def test_a_closed_history_says_so(history):
    history.close()
    history.close()
    with pytest.raises(StoreError, match="must be open"):
        history.count()


def test_another_kind_of_store_is_refused_and_left_as_it_is(stores):
    stores.desk().close()
    before = stores.desk_file.read_bytes()
    with pytest.raises(StoreError, match="must be a history store"):
        HistoryStore.open(stores.desk_file)
    assert stores.desk_file.read_bytes() == before


def test_reading_makes_no_file(tmp_path):
    with pytest.raises(StoreError):
        HistoryStore.open(tmp_path / "none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []
