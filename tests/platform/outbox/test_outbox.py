"""Events are stored, then published: at least once, in order, whatever the bus does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from decimal import Decimal

import pytest

from nautilus_lab.exceptions import BusError, InputError, StoreError
from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.failpoint import FailpointReached, arm
from nautilus_lab.platform.messages import NodeStateChanged, OrderFilled, QuoteUpdated
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import TradingStore

TOPIC = "system.node.T-1"


class Wire:
    """A bus that remembers, and refuses while it is down or after so many."""

    def __init__(self) -> None:
        self.taken = []
        self.down = False
        self.refuse_after = None
        self.attempts = 0

    def publish(self, envelope):
        self.attempts += 1
        if self.down or (self.refuse_after is not None and len(self.taken) >= self.refuse_after):
            raise BusError("the bus must be open")
        self.taken.append(envelope)

    @property
    def numbers(self):
        return [event.seq for event in self.taken]


@pytest.fixture
def store() -> Iterator[TradingStore]:
    with TradingStore.open(":memory:") as opened:
        yield opened


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def outbox(store, wire):
    return an_outbox(store, wire)


def an_outbox(store, bus, **settings):
    epoch = store.begin_epoch("node")
    return Outbox(store, bus, trader="T-1", writer="node", epoch=epoch, **settings)


def a_state(n=0):
    return NodeStateChanged(component="node", state="running", reason=str(n))


def a_fill(trade_id="T-1"):
    return OrderFilled(
        trade_id=trade_id,
        client_order_id="O-1",
        strategy="tilt",
        instrument="AAPL.PAPER",
        side="BUY",
        quantity=Decimal(1),
        price=Decimal("101.25"),
    )


def test_an_event_is_stored_before_it_is_published(store):
    stored_when_published = []

    class Looking(Wire):
        def publish(self, envelope):
            stored_when_published.append(store.outbox_after("node", 0, 0) == (envelope,))

    an_outbox(store, Looking()).publish(a_state(), TOPIC)
    assert stored_when_published == [True]


def test_what_is_published_is_what_is_stored(store, wire, outbox):
    event = outbox.publish(a_state(), TOPIC, source_ts=7)
    assert wire.taken == [event] == list(store.outbox_after("node", 0, 0))
    assert (event.topic, event.trader, event.writer, event.epoch, event.seq) == (
        TOPIC,
        "T-1",
        "node",
        1,
        1,
    )
    assert (event.source_ts, event.simulated, event.body) == (7, False, a_state())
    assert (outbox.seq, outbox.pending) == (1, 0)


def test_events_are_simulated_where_the_outbox_says_so(store, wire):
    outbox = an_outbox(store, wire, simulated=True)
    assert outbox.publish(a_state(), TOPIC).simulated
    assert not outbox.publish(a_state(), TOPIC, simulated=False).simulated


def test_a_fill_that_is_stored_already_is_not_published_again(wire, outbox):
    assert outbox.publish(a_fill(), "trading.fill.T-1.tilt").seq == 1
    assert outbox.publish(a_fill(), "trading.fill.T-1.tilt") is None
    assert outbox.publish(a_state(), TOPIC).seq == 2
    assert wire.numbers == [1, 2]


def test_what_the_store_refuses_is_not_published(store, wire, outbox):
    store.begin_epoch("node")  # a successor took over
    with pytest.raises(StoreError, match="present epoch"):
        outbox.publish(a_state(), TOPIC)
    assert wire.attempts == 0


def test_a_state_has_no_place_in_an_outbox(wire, outbox):
    with pytest.raises(InputError, match="must be an event"):
        outbox.publish(QuoteUpdated(instrument="A.B", bid=1, ask=2), "market.quote.B.A")
    assert wire.attempts == 0


@pytest.mark.parametrize("topic", ["", ".", "a..b", "a.*", "a.>", "a.b\n"])
def test_a_topic_that_no_bus_takes_is_refused_before_it_is_stored(store, outbox, topic):
    with pytest.raises(InputError, match="topic must be dotted"):
        outbox.publish(a_state(), topic)
    assert store.latest_seq("node", 1) == 0


# --- several at once ----------------------------------------------------------------------


def several(outbox, *bodies):
    return outbox.publish_many([outbox.event(body, TOPIC) for body in bodies])


def test_several_events_are_stored_in_one_transaction_and_published_in_their_order(store):
    stored_when_published = []

    class Looking(Wire):
        def publish(self, envelope):
            super().publish(envelope)
            stored_when_published.append(len(store.outbox_after("node", 0, 0)))

    wire = Looking()
    outbox = an_outbox(store, wire)
    told = several(outbox, a_state(0), a_fill(), a_fill(), a_state(1))
    assert stored_when_published == [3, 3, 3]
    assert [event and event.seq for event in told] == [1, 2, None, 3]
    assert wire.taken == list(store.outbox_after("node", 0, 0))
    assert (outbox.seq, outbox.pending) == (3, 0)


def test_of_several_events_all_are_stored_or_none(store, wire, outbox):
    events = [outbox.event(a_state(n), TOPIC) for n in range(3)]
    store.begin_epoch("node")  # a successor took over
    with pytest.raises(StoreError, match="present epoch"):
        outbox.publish_many(events)
    assert (store.outbox_after("node", 0, 0), wire.attempts, outbox.seq) == ((), 0, 0)


def test_several_fills_that_are_stored_already_are_nothing(wire, outbox):
    outbox.publish(a_fill(), TOPIC)
    assert several(outbox, a_fill(), a_fill()) == (None, None)
    assert (wire.numbers, outbox.pending) == ([1], 0)


def test_several_events_never_overtake_one_that_waits(wire, outbox):
    wire.down = True
    several(outbox, a_state(0), a_state(1))
    wire.down, wire.refuse_after = False, 3
    several(outbox, a_state(2), a_state(3))
    assert (wire.numbers, outbox.pending) == ([1, 2, 3], 1)
    wire.refuse_after = None
    assert outbox.relay() == 1
    assert wire.numbers == [1, 2, 3, 4]


def test_an_event_bears_the_time_at_which_it_was_made(outbox):
    event = outbox.event(a_state(), TOPIC, source_ts=7)
    (told,) = outbox.publish_many([event])
    assert (told.ts, told.source_ts, told.id) == (event.ts, 7, event.id)


# --- the bus is down ----------------------------------------------------------------------


def test_what_the_bus_refuses_stays_stored_and_goes_out_by_relay(store, wire, outbox):
    wire.down = True
    events = [outbox.publish(a_state(n), TOPIC) for n in range(3)]
    assert [event.seq for event in events] == [1, 2, 3]
    assert (wire.taken, outbox.pending) == ([], 3)
    assert outbox.relay() == 0
    wire.down = False
    assert outbox.relay() == 3
    assert wire.taken == events == list(store.outbox_after("node", 0, 0))
    assert (outbox.pending, outbox.relay()) == (0, 0)


def test_a_later_event_never_overtakes_one_that_waits(wire, outbox):
    wire.down = True
    outbox.publish(a_state(), TOPIC)
    wire.down = False
    outbox.publish(a_state(), TOPIC)
    assert wire.numbers == [1, 2]


def test_relaying_stops_at_the_first_refusal_and_goes_on_from_there(wire, outbox):
    wire.down = True
    for n in range(5):
        outbox.publish(a_state(n), TOPIC)
    wire.down, wire.refuse_after = False, 2
    assert outbox.relay() == 2
    assert (wire.numbers, outbox.pending) == ([1, 2], 3)
    wire.refuse_after = None
    assert outbox.relay() == 3
    assert wire.numbers == [1, 2, 3, 4, 5]


def test_relaying_takes_at_most_so_many(wire, outbox):
    wire.down = True
    for n in range(600):
        outbox.publish(a_state(n), TOPIC)
    wire.down = False
    assert outbox.relay(10) == 10
    assert outbox.relay() == 256
    assert outbox.relay(10_000) == 334
    assert wire.numbers == list(range(1, 601))


def test_publishing_after_a_long_outage_catches_up_by_batches(wire, outbox):
    wire.down = True
    for n in range(600):
        outbox.publish(a_state(n), TOPIC)
    wire.down = False
    outbox.publish(a_state(), TOPIC)
    assert (wire.numbers, outbox.pending) == (list(range(1, 257)), 345)


def test_a_bus_that_is_down_is_asked_once_for_each_event(wire, outbox):
    wire.down = True
    for n in range(4):
        outbox.publish(a_state(n), TOPIC)
    assert wire.attempts == 4


def test_an_outage_is_said_once(wire, outbox, caplog):
    with caplog.at_level(logging.WARNING):
        for down in (True, True, False, True):
            wire.down = down
            outbox.publish(a_state(), TOPIC)
    assert [record.getMessage() for record in caplog.records] == [
        "the bus refuses events, they wait in the store: the bus must be open"
    ] * 2


def test_an_error_that_is_not_the_buss_is_not_hidden_and_loses_nothing(store):
    class Broken(Wire):
        def publish(self, envelope):
            raise ZeroDivisionError

    outbox = an_outbox(store, Broken())
    with pytest.raises(ZeroDivisionError):
        outbox.publish(a_state(), TOPIC)
    assert (outbox.pending, store.latest_seq("node", 1)) == (1, 1)


def test_a_successor_starts_with_nothing_pending(store, wire, outbox):
    wire.down = True
    outbox.publish(a_state(), TOPIC)
    wire.down = False
    successor = an_outbox(store, wire)
    assert (successor.pending, successor.publish(a_state(), TOPIC).seq) == (0, 1)
    assert outbox.relay() == 1  # its own, not the successor's
    assert [(event.epoch, event.seq) for event in wire.taken] == [(2, 1), (1, 1)]


# --- handlers that publish ----------------------------------------------------------------


def test_an_event_published_by_a_handler_follows_the_one_it_answers(store):
    bus = LocalBus()
    outbox = an_outbox(store, bus)
    seen = []

    def answer(event):
        seen.append((event.seq, event.body.reason))
        if event.body.reason == "0":
            outbox.publish(a_state("answer"), TOPIC)

    bus.subscribe("system.>", answer)
    outbox.publish(a_state(0), TOPIC)
    outbox.publish(a_state(1), TOPIC)
    assert seen == [(1, "0"), (2, "answer"), (3, "1")]
    assert outbox.pending == 0


def test_an_event_published_by_a_handler_during_an_outage_waits_its_turn(store, wire, outbox):
    take = wire.publish

    def publish(envelope):
        take(envelope)
        if envelope.body.reason == "0":
            wire.down = True
            outbox.publish(a_state("answer"), TOPIC)

    wire.publish = publish
    outbox.publish(a_state(0), TOPIC)
    assert (wire.numbers, outbox.pending) == ([1], 1)
    wire.down = False
    assert outbox.relay() == 1
    assert wire.numbers == [1, 2]


def test_events_recorded_past_the_outbox_go_out_in_their_place(store, wire, outbox):
    from nautilus_lab.platform.messages import envelope

    store.record(envelope(a_state(), TOPIC, trader="T-1", writer="node", epoch=1))
    outbox.publish(a_state(), TOPIC)
    assert wire.numbers == [1, 2]


def test_an_outbox_shows_what_waits(wire, outbox):
    wire.down = True
    outbox.publish(a_state(), TOPIC)
    assert repr(outbox) == "Outbox(T-1/node, epoch 1, seq 1, 1 pending)"


def test_what_was_stored_and_not_published_is_published_next(store, wire, outbox):
    arm("outbox.before_publish:raise")
    try:
        with pytest.raises(FailpointReached):
            outbox.publish(a_state(1), TOPIC)
    finally:
        arm("")
    assert (outbox.seq, outbox.pending, wire.numbers) == (1, 1, [])
    outbox.publish(a_state(2), TOPIC)
    assert (outbox.pending, wire.numbers) == (0, [1, 2])
