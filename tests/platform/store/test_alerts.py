"""What becomes of alerts: one that is told, repeats that are counted, and how they end."""

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.store import AlertCursor, AlertLedger, AlertPlan, AlertRow, DeskStore

HOUR_NS = 3_600 * 10**9


@pytest.fixture
def desk(tmp_path):
    with DeskStore.open(tmp_path / "desk.db") as store:
        yield store


@pytest.fixture
def ledger(desk):
    return AlertLedger(desk)


def to(*channels, rank=1, climbs_ns=100, tighten=""):
    plan = AlertPlan(rank=rank, channels=channels, climbs_ns=climbs_ns, tighten=tighten)
    return lambda alert: plan


def raised(desk, *, level="breach", rule="gross must hold", ts_ns=1, trader="T-1", scope="x"):
    return desk.raise_alert(
        "info" if level == "ok" else "critical",
        "risk",
        rule,
        trader=trader,
        scope=scope,
        level=level,
        ts_ns=ts_ns,
    )


def told(ledger, alert):
    return [(one.channel, one.event, one.rank) for one in ledger.deliveries([alert.id])]


def stored(desk, alert):
    return next(one for one in desk.alerts() if one.id == alert.id)


def test_a_new_alert_is_told_everywhere_its_plan_says(desk, ledger):
    alert = raised(desk)
    (taken,) = ledger.take(to("log", "pager"), now_ns=7)
    assert (taken.id, taken.rank, taken.climbs_ns, taken.taken_ns) == (alert.id, 1, 100, 7)
    assert stored(desk, alert) == taken
    assert told(ledger, alert) == [("log", "raised", 1), ("pager", "raised", 1)]
    assert ledger.take(to("log")) == ()


def test_what_is_entered_twice_is_one(desk, ledger):
    row = AlertRow(
        id="a",
        ts_ns=1,
        severity="info",
        component="c",
        trader="T-1",
        rule="r",
        detail="",
        remedy="",
    )
    cursor = AlertCursor(writer="node", epoch=1, seq=4, event_id="a")
    ledger.enter("T-1", [row], [cursor])
    ledger.take(to("log"), now_ns=7)
    ledger.enter("T-1", [row])
    assert desk.alerts()[0].taken_ns == 7
    assert ledger.cursors("T-1") == (cursor,)
    assert ledger.cursors("T-2") == ()


def test_the_same_again_is_counted_and_not_told(desk, ledger):
    first = raised(desk)
    ledger.take(to("log"))
    storm = [raised(desk, ts_ns=n) for n in range(2, 202)]
    taken = ledger.take(to("log"))
    assert {one.repeat_of for one in taken} == {first.id}
    assert all(told(ledger, one) == [] for one in storm)
    counted = stored(desk, first)
    assert (counted.count, counted.last_ns) == (201, 201)
    assert [one.id for one in desk.alerts(open_only=True)] == [first.id]


@pytest.mark.parametrize("other", [{"rule": "net must hold"}, {"trader": "T-2"}, {"scope": "y"}])
def test_another_rule_trader_or_scope_is_another_alert(desk, ledger, other):
    raised(desk)
    second = raised(desk, ts_ns=2, **other)
    ledger.take(to("log"))
    assert told(ledger, second) == [("log", "raised", 1)]


def test_another_level_takes_the_place_of_the_first_and_climbs_on_where_it_was(desk, ledger):
    warn = raised(desk, level="warn")
    ledger.take(to("log", climbs_ns=100), now_ns=1)
    ledger.climb(to("log", rank=2, climbs_ns=300), now_ns=100)
    breach = raised(desk, level="breach", ts_ns=2)
    (taken,) = ledger.take(to("log", rank=1, climbs_ns=900), now_ns=200)
    assert (taken.rank, taken.climbs_ns) == (2, 300)
    assert stored(desk, warn).closed_ns == 200
    assert [one.id for one in desk.alerts(open_only=True)] == [breach.id]


def test_going_back_and_forth_does_not_put_the_climb_off(desk, ledger):
    for n, level in enumerate(("warn", "breach", "warn", "breach", "warn"), start=1):
        raised(desk, level=level, ts_ns=n)
        ledger.take(to("log", climbs_ns=100 * n), now_ns=n)
    assert ledger.next_climb_ns() == 100


def test_a_recovery_closes_it_and_is_told_wherever_it_was_told(desk, ledger):
    alert = raised(desk)
    ledger.take(to("log", "pager"), now_ns=1)
    ledger.climb(to("log", "boss", rank=2), now_ns=100)
    over = raised(desk, level="ok", ts_ns=2)
    (taken,) = ledger.take(to("log"), now_ns=200)
    assert taken.closed_ns == 200
    assert [name for name, _, _ in told(ledger, over)] == ["boss", "log", "pager"]
    assert {event for _, event, _ in told(ledger, over)} == {"recovered"}
    closed = stored(desk, alert)
    assert (closed.closed_ns, closed.climbs_ns) == (200, None)
    assert ledger.climb(to("log"), now_ns=10**6) == ()
    assert desk.alerts(open_only=True) == ()
    again = raised(desk, ts_ns=3)
    ledger.take(to("log"))
    assert told(ledger, again) == [("log", "raised", 1)]


def test_the_recovery_of_one_scope_is_not_that_of_another(desk, ledger):
    raised(desk, scope="x")
    other = raised(desk, scope="y", ts_ns=2)
    raised(desk, scope="x", level="ok", ts_ns=3)
    ledger.take(to("log"))
    assert [one.id for one in desk.alerts(open_only=True)] == [other.id]


def test_what_comes_after_it_was_acknowledged_is_new(desk, ledger):
    first = raised(desk)
    ledger.take(to("log"))
    ledger.acknowledge(first.id, by="ana")
    second = raised(desk, ts_ns=2)
    ledger.take(to("log"))
    assert told(ledger, second) == [("log", "raised", 1)]


def test_what_comes_after_an_hour_of_silence_is_new(desk, ledger):
    raised(desk, ts_ns=1)
    ledger.take(to("log"))
    soon = raised(desk, ts_ns=HOUR_NS)
    ledger.take(to("log"))
    late = raised(desk, ts_ns=2 * HOUR_NS + 1)
    ledger.take(to("log"))
    assert told(ledger, soon) == []
    assert told(ledger, late) == [("log", "raised", 1)]


def test_what_nobody_acknowledges_climbs_one_rank_at_a_time(desk, ledger):
    alert = raised(desk)
    ledger.take(to("log", climbs_ns=100), now_ns=1)
    assert ledger.climb(to("boss", rank=2, climbs_ns=300), now_ns=99) == ()
    (climbed,) = ledger.climb(to("boss", rank=2, climbs_ns=300, tighten="HALTED"), now_ns=100)
    assert (climbed.rank, climbed.tighten) == (2, "HALTED")
    assert told(ledger, alert)[-1] == ("boss", "escalated", 2)
    assert ledger.climb(to("boss", rank=3), now_ns=299) == ()
    assert [one.id for one in ledger.to_tighten()] == [alert.id]
    ledger.tightened([alert.id], "T-1 is HALTED")
    assert ledger.to_tighten() == ()
    assert [step.what for step in ledger.steps(alert.id)] == ["taken", "escalated", "tightened"]


def test_acknowledging_ends_the_climb_and_who_did_first_stays(desk, ledger):
    alert = raised(desk)
    ledger.take(to("log", climbs_ns=100, tighten="HALTED"))
    seen = ledger.acknowledge(alert.id, by="ana", note="on it")
    assert (seen.acknowledged_by, seen.note, seen.climbs_ns) == ("ana", "on it", None)
    assert ledger.acknowledge(alert.id, by="ben", note="me too") == seen
    assert ledger.climb(to("boss"), now_ns=10**9) == ()
    assert ledger.to_tighten() == ()
    assert desk.alerts(open_only=True) == ()
    assert [(s.what, s.by, s.text) for s in ledger.steps(alert.id)][-1] == (
        "acknowledged",
        "ana",
        "on it",
    )


def test_acknowledging_a_repeat_is_acknowledging_what_it_repeats(desk, ledger):
    first, second = raised(desk), raised(desk, ts_ns=2)
    ledger.take(to("log"))
    assert ledger.acknowledge(second.id, by="ana").id == first.id
    assert desk.alerts(open_only=True) == ()


@pytest.mark.parametrize("note", ["a\nb", "\x1b[2J", "x" * 501])
def test_a_note_is_one_printable_line(desk, ledger, note):
    alert = raised(desk)
    with pytest.raises(InputError, match="printable"):
        ledger.acknowledge(alert.id, by="ana", note=note)
    assert desk.alerts(open_only=True) == (alert,)


def test_nobody_cannot_acknowledge_nor_can_what_is_not_there_be(desk, ledger):
    alert = raised(desk)
    with pytest.raises(InputError, match="by somebody"):
        ledger.acknowledge(alert.id, by="")
    with pytest.raises(StoreError, match="must be there to be acknowledged"):
        ledger.acknowledge("nothing", by="ana")


def test_a_delivery_that_nobody_saw_end_is_begun_again_with_the_next_attempt(desk, ledger):
    raised(desk)
    ledger.take(to("pager"), now_ns=1)
    begun, _ = ledger.begin("pager", now_ns=2)
    assert (begun.state, begun.attempts) == ("sending", 1)
    assert ledger.begin("pager", now_ns=3) is None  # what another is at
    assert ledger.resume(["pager"], now_ns=4) == 0
    again, _ = ledger.begin("pager", now_ns=5)
    assert (again.id, again.attempts) == (begun.id, 2)


def test_what_waits_for_a_channel_that_is_gone_is_dropped_and_counted(desk, ledger):
    alert = raised(desk)
    ledger.take(to("pager", "log"), now_ns=1)
    assert ledger.resume(["log"], now_ns=4) == 1
    states = {one.channel: one.state for one in ledger.deliveries([alert.id])}
    assert states == {"pager": "dropped", "log": "pending"}


def test_nothing_is_due_before_its_time(desk, ledger):
    raised(desk)
    ledger.take(to("pager"), now_ns=10)
    assert ledger.next_delivery_ns("pager") == 10
    assert ledger.begin("pager", now_ns=9) is None
    assert ledger.begin("other", now_ns=10) is None
    assert ledger.begin("pager", now_ns=10) is not None
    assert ledger.next_delivery_ns("pager") is None


def test_a_storm_climbs_in_parts_so_that_others_can_write_meanwhile(desk, ledger):
    for number in range(600):
        desk.raise_alert("critical", "risk", f"rule {number}", ts_ns=number)
    while ledger.take(to("log", climbs_ns=100), now_ns=1):
        pass
    parts = []
    while climbed := ledger.climb(to("log", rank=2, climbs_ns=900), now_ns=100):
        parts.append({one.rule for one in climbed})
    assert max(map(len, parts)) <= 250
    assert sum(map(len, parts)) == 600
    assert set().union(*parts) == {f"rule {number}" for number in range(600)}
