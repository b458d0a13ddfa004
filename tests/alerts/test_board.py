"""What is open is read whether a monitor runs or not, and what cannot be read is named."""

import pytest

from nautilus_lab.alerts import AlertBoard
from nautilus_lab.platform.commands import MonitorStanding
from nautilus_lab.platform.store import AlertLedger, AlertPlan

RUNS, DEAD = MonitorStanding(state="runs"), MonitorStanding(state="dead")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(home, clock):
    made = AlertBoard(home, now_s=clock)
    yield made
    made.close()


def said(found):
    return [one.rule for one in found.alerts]


def test_the_most_severe_is_first_and_of_that_the_latest_and_all_are_counted(board, desk):
    for at, (severity, rule) in enumerate(
        [("critical", "old"), ("info", "c"), ("warning", "b"), ("critical", "new"), ("info", "d")]
    ):
        desk.raise_alert(severity, "risk", rule, trader="T-1", ts_ns=at + 1)
    found = board.look("T-1", 3, RUNS)
    assert said(found) == ["new", "old", "b"]
    assert found.counts == {"critical": 2, "warning": 1, "info": 2}
    assert found.monitor == RUNS
    assert said(board.look("T-1", 500, RUNS)) == ["new", "old", "b", "d", "c"]


def test_a_trader_sees_its_own_and_the_labs_and_nobody_elses(board, desk):
    for trader in ("T-1", "T-2", ""):
        desk.raise_alert("critical", "risk", f"of {trader or 'the lab'}", trader=trader)
    assert set(said(board.look("T-1", 10, RUNS))) == {"of T-1", "of the lab"}
    assert len(board.look("", 10, RUNS).alerts) == 3


def test_what_is_seen_to_or_over_or_repeated_is_not_open(board, desk):
    for rule in ("a", "b", "c"):
        desk.raise_alert("critical", "risk", rule, level="breach")
    desk.raise_alert("critical", "risk", "c", level="breach")
    desk.raise_alert("info", "risk", "b", level="ok")
    ledger = AlertLedger(desk)
    ledger.take(lambda _: AlertPlan(rank=1, channels=(), climbs_ns=7))
    (a,) = [one for one in desk.alerts() if one.rule == "a"]
    ledger.acknowledge(a.id, by="ana")
    found = board.look("", 10, RUNS)
    (one,) = found.alerts
    assert (one.rule, one.count, one.rank, one.climbs_ns, one.taken) == ("c", 2, 1, 7, True)
    assert found.counts == {"critical": 1}


def test_without_a_monitor_what_nodes_raised_is_read_in_their_stores(board, node, clock):
    one = node()
    one.alert("a", scope="x")
    one.alert("a", scope="x")
    one.alert("b")
    assert said(board.look("T-1", 10, RUNS)) == []  # it is about to take them over
    found = board.look("T-1", 10, DEAD)
    assert sorted((a.rule, a.count, a.taken) for a in found.alerts) == [
        ("a", 2, False),
        ("b", 1, False),
    ]
    assert found.counts == {"critical": 2}
    one.alert("a", scope="x", level="ok", severity="info")
    clock.now += 1.0
    assert said(board.look("T-1", 10, DEAD)) == ["b"]


def test_what_a_monitor_took_over_before_it_died_is_there_once(board, node, home, desk):
    from nautilus_lab.alerts import find_alerts
    from nautilus_lab.platform.store import AlertCursor

    one = node()
    first = one.alert("a")
    (event,) = one.store.alerts()
    cursor = AlertCursor(writer="node", epoch=event.epoch, seq=event.seq, event_id=event.id)
    AlertLedger(desk).enter("T-1", find_alerts(home).alerts, [cursor])
    second = one.alert("b")
    assert {a.id for a in board.look("T-1", 10, DEAD).alerts} == {first, second}


def test_a_store_that_cannot_be_read_is_named_and_hides_no_other(board, node, home):
    raised = node().alert()
    home.store.write_bytes(b"not a database" * 100)
    found = board.look("T-1", 10, DEAD)
    assert [one.id for one in found.alerts] == [raised]
    assert list(found.unread) == ["desk.db"]


def test_stores_are_read_once_a_second_at_most_and_at_once_after_a_change_of_ones_own(
    board, desk, clock
):
    desk.raise_alert("critical", "risk", "a")
    assert said(board.look("", 10, RUNS)) == ["a"]
    desk.raise_alert("critical", "risk", "b")
    clock.now += 0.9
    assert said(board.look("", 10, RUNS)) == ["a"]
    clock.now += 0.2
    assert said(board.look("", 10, RUNS)) == ["b", "a"]
    desk.raise_alert("critical", "risk", "c")
    board.forget()
    assert said(board.look("", 10, RUNS)) == ["c", "b", "a"]


def test_what_was_not_written_since_is_not_read_again(board, desk, clock):
    desk.raise_alert("critical", "risk", "a")
    first = board.look("", 10, RUNS)
    clock.now += 60.0
    assert board.look("", 10, RUNS).as_of_ns == first.as_of_ns


def test_a_change_is_found_by_every_question_that_was_asked(board, desk, clock):
    questions = [("T-1", RUNS), ("", RUNS), ("T-1", DEAD)]
    for trader, monitor in questions:
        board.look(trader, 10, monitor)
    desk.raise_alert("critical", "risk", "a")
    clock.now += 1.1
    assert [said(board.look(trader, 10, monitor)) for trader, monitor in questions] == [["a"]] * 3


def test_long_text_is_cut(board, desk):
    desk.raise_alert("critical", "risk", "r", detail="x" * 50_000, remedy="y" * 50_000)
    (one,) = board.look("", 10, RUNS).alerts
    assert (len(one.detail), len(one.remedy)) == (1_000, 1_000)


def test_an_empty_home_has_no_alerts(board):
    found = board.look("", 10, DEAD)
    assert (found.alerts, found.counts, found.unread) == ((), {}, {})
