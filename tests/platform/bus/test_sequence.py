"""Finding lost events by their numbers."""

from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import Gap, SequenceTracker


def _event(epoch, seq, writer="node", trader="T-1"):
    body = messages.NodeStateChanged(component="node", state="running")
    return messages.envelope(
        body, f"system.node.{trader}", trader=trader, writer=writer, epoch=epoch, seq=seq
    )


def test_events_in_order_show_no_gap(event):
    tracker = SequenceTracker()
    assert [tracker.observe(event(seq)) for seq in (5, 6, 7)] == [None] * 3


def test_a_gap_names_the_last_event_held_and_the_one_that_showed_it(event):
    tracker = SequenceTracker()
    tracker.observe(event(5))
    assert tracker.observe(event(8)) == Gap(
        trader="PAPER-001", writer="node", epoch=1, seq=5, next_epoch=1, next_seq=8
    )


def test_a_gap_shows_until_it_is_filled(event):
    tracker = SequenceTracker()
    tracker.observe(event(5))
    assert tracker.observe(event(8)).seq == 5
    assert tracker.observe(event(9)).seq == 5
    assert tracker.observe(event(6)) is None  # from the store
    assert tracker.observe(event(9)).seq == 6
    tracker.note("PAPER-001", "node", 1, 9)
    assert tracker.observe(event(10)) is None


def test_a_new_epoch_is_a_gap_even_at_its_first_event(event):
    """The end of the old epoch may be missing too, and only the store knows."""
    tracker = SequenceTracker()
    tracker.observe(event(5, epoch=1))
    gap = tracker.observe(event(1, epoch=2))
    assert (gap.epoch, gap.seq, gap.next_epoch, gap.next_seq) == (1, 5, 2, 1)
    tracker.note("PAPER-001", "node", 2, 1)
    assert tracker.observe(event(2, epoch=2)) is None


def test_late_and_repeated_events_are_held_and_show_no_gap(event):
    tracker = SequenceTracker()
    tracker.observe(event(5, epoch=2))
    assert tracker.observe(event(5, epoch=2)) is None
    assert tracker.observe(event(9, epoch=1)) is None
    assert tracker.holds(event(5, epoch=2))
    assert tracker.holds(event(9, epoch=1))
    assert not tracker.holds(event(6, epoch=2))


def test_writers_and_traders_are_counted_apart(event):
    tracker = SequenceTracker()
    tracker.observe(event(5))
    assert tracker.observe(event(90, writer="supervisor")) is None
    assert tracker.observe(event(1, trader="PAPER-002")) is None
    assert tracker.observe(event(6)) is None


def test_states_carry_no_number_and_show_no_gap(event, quote):
    tracker = SequenceTracker()
    tracker.observe(event(5))
    assert tracker.observe(quote(1)) is None
    assert not tracker.holds(quote(1))
    assert tracker.observe(event(6)) is None


def test_a_snapshot_begins_the_count(event):
    tracker = SequenceTracker()
    tracker.note("PAPER-001", "node", 1, 40)
    assert tracker.holds(event(40))
    assert tracker.observe(event(42)).seq == 40


def test_an_older_position_changes_nothing(event):
    tracker = SequenceTracker()
    tracker.note("PAPER-001", "node", 2, 40)
    tracker.note("PAPER-001", "node", 1, 90)
    assert tracker.observe(event(41, epoch=2)) is None


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    fates=st.lists(st.sampled_from(["arrives", "is lost", "arrives twice"]), min_size=48),
)
def test_a_reader_that_asks_for_what_is_missing_holds_everything_once(lengths, fates):
    """Whatever is lost or repeated on the way, across restarts of the writer."""
    store = [_event(epoch, seq) for epoch, n in enumerate(lengths, 1) for seq in range(1, n + 1)]
    tracker, held = SequenceTracker(), []
    tracker.note("T-1", "node", 1, 0)
    for envelope, fate in zip(store, fates, strict=False):
        for _ in range({"arrives": 1, "is lost": 0, "arrives twice": 2}[fate]):
            if tracker.holds(envelope):
                continue
            if (gap := tracker.observe(envelope)) is None:
                held.append(envelope)
                continue
            for missing in store[: store.index(envelope) + 1]:
                if (missing.epoch, missing.seq) > (gap.epoch, gap.seq):
                    held.append(missing)
                    tracker.note(missing.trader, missing.writer, missing.epoch, missing.seq)
    assert held == store[: len(held)]
    arrived = [e for e, fate in zip(store, fates, strict=False) if fate != "is lost"]
    assert set(arrived) <= set(held)
