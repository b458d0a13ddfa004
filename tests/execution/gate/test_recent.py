"""What passed lately, counted without a search: as a search would count it."""

from bisect import bisect_right

from hypothesis import example, given
from hypothesis import strategies as st

from nautilus_lab.execution.gate import Recent
from nautilus_lab.execution.gate._recent import Times

SECOND = 1_000_000_000
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "take_back", "remove", "ask"]),
        st.integers(-3 * SECOND, 70 * SECOND) | st.integers(0, SECOND // 3),
    ),
    max_size=80,
)


@given(STEPS)
@example([("add", 0), ("add", 0), ("ask", SECOND), ("take_back", 0)])
@example([("add", 0), ("add", 0), ("ask", 60 * SECOND), ("take_back", 0)])
def test_rates_are_what_a_search_finds_whatever_the_clock_does(steps):
    times, kept, now = Times(), [], 0
    for what, step in steps:
        now += step
        if what == "add":
            times.add(now)
            kept = [*kept[: bisect_right(kept, now)], now]
        elif what == "take_back" and kept:
            times.take_back()
            kept.pop()
        elif what == "remove" and kept:
            times.remove(kept[0])
            del kept[0]
        within = [len([t for t in kept if now - w < t <= now]) for w in (SECOND, 60 * SECOND)]
        assert list(times.rates(now)) == within
        assert times.within(SECOND, now) == within[0]


def test_an_order_that_ended_without_a_fill_repeated_nothing():
    recent = Recent()
    recent.apply(("S", "A", True), 5)
    recent.apply(("S", "A", True), 6)
    recent.unapply(("S", "A", True), 5)
    assert recent.applied_within(("S", "A", True), 10, 7) == 1
    assert recent.applied_within(("S", "A", False), 10, 7) == 0


def test_what_a_strategy_did_is_counted_apart():
    recent = Recent()
    recent.add(None, "S", 1)
    recent.cancel("S", 2)
    recent.deny("S", 3)
    recent.reject("S", 4)
    recent.fill("S", 5)
    recent.add(None, "T", 6)
    counts = recent.counts("S", 1.0, 10)
    assert (counts.messages, counts.orders, counts.rejects, counts.fills) == (2, 2, 2, 1)
    assert recent.rates("", 10, cancels=True) == (3, 3)
    assert recent.rates("T", 10, cancels=False) == (1, 1)
    assert recent.rates("nobody", 10, cancels=True) == (0, 0)
