"""What is critical waits behind nothing that is less."""

import random
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from nautilus_lab.platform.store import AlertLedger, AlertPlan, AlertRow, DeskStore


@pytest.fixture
def desk(tmp_path):
    with DeskStore.open(tmp_path / "desk.db") as store:
        yield store


@pytest.fixture
def ledger(desk):
    return AlertLedger(desk)


def to(*channels):
    plan = AlertPlan(rank=1, channels=channels)
    return lambda alert: plan


def an_alert(n, severity="warning", *, scope=None, level="", rule="net must hold"):
    return AlertRow(
        id=f"a-{n:06d}",
        ts_ns=n,
        severity=severity,
        component="risk",
        trader="T-1",
        rule=rule,
        detail="",
        remedy="",
        scope=str(n) if scope is None else scope,
        level=level,
    )


def test_what_is_critical_is_delivered_first_and_then_the_rest_by_severity(ledger):
    kinds = ["info", "warning", "critical", "info", "critical", "warning"]
    ledger.enter("T-1", [an_alert(n, kind) for n, kind in enumerate(kinds)])
    ledger.take(to("pager"), now_ns=1)
    begun = [ledger.begin("pager")[1].severity for _ in kinds]
    assert begun == ["critical"] * 2 + ["warning"] * 2 + ["info"] * 2
    assert ledger.begin("pager") is None


def test_a_critical_one_that_is_tried_again_later_holds_up_nothing(ledger):
    ledger.enter("T-1", [an_alert(1, "critical"), an_alert(2)])
    ledger.take(to("pager"), now_ns=1)
    urgent, _ = ledger.begin("pager", now_ns=1)
    ledger.note(replace(urgent, state="pending", next_ns=9))
    assert ledger.next_delivery_ns("pager") == 1
    assert ledger.begin("pager", now_ns=2)[1].severity == "warning"
    assert ledger.begin("pager", now_ns=2) is None
    assert ledger.next_delivery_ns("pager") == 9
    assert ledger.begin("pager", now_ns=9)[1].severity == "critical"


@pytest.mark.parametrize("storm", ["warning", "critical"])
def test_a_critical_one_behind_a_storm_is_among_the_first_that_are_taken_on(ledger, storm):
    same = {"scope": "x", "level": "breach"} if storm == "critical" else {}
    ledger.enter("T-1", [an_alert(n, storm, **same) for n in range(2_000)])
    ledger.enter("T-1", [an_alert(5_000, "critical", rule="gross must hold")])
    taken = ledger.take(to("pager"))
    assert "a-005000" in [row.id for row in taken]
    assert len(taken) == 250
    assert [row.ts_ns for row in taken] == sorted(row.ts_ns for row in taken)


def test_of_one_matter_nothing_is_taken_on_before_what_came_earlier(ledger, desk):
    chance = random.Random(7)
    levels = {"warn": "warning", "breach": "critical", "ok": "info"}
    rows = []
    for n in range(3_000):
        level = chance.choice(list(levels))
        rows.append(an_alert(n, levels[level], scope=f"s{chance.randrange(40)}", level=level))
    ledger.enter("T-1", rows)
    seen: dict[str, int] = {}
    count = 0
    while taken := ledger.take(to("log")):
        for row in taken:
            assert seen.get(row.scope, -1) < row.ts_ns
            seen[row.scope] = row.ts_ns
        count += len(taken)
    assert count == len(rows)
    last = {row.scope: row.level for row in rows}
    standing = {row.scope: row.level for row in desk.alerts(open_only=True)}
    assert standing == {scope: level for scope, level in last.items() if level != "ok"}


def test_what_is_looked_for_is_found_by_an_index(ledger, tmp_path):
    ledger.enter("T-1", [an_alert(1, "critical")])
    asked = []
    with closing(sqlite3.connect(tmp_path / "desk.db")) as connection:
        for sql in (
            "SELECT rowid, min(ts_ns) FROM alerts WHERE taken_ns IS NULL "
            "AND severity = 'critical' GROUP BY trader, component, rule, scope",
            "SELECT rowid FROM alerts WHERE taken_ns IS NULL ORDER BY ts_ns, id LIMIT 1",
            "SELECT rowid FROM deliveries WHERE channel = 'x' AND state = 'pending' "
            "AND severity = 'critical' AND next_ns <= 1 ORDER BY next_ns LIMIT 1",
        ):
            (plan,) = connection.execute("EXPLAIN QUERY PLAN " + sql).fetchall()
            asked.append(plan[3])
    assert all("USING" in one and "INDEX" in one for one in asked), asked


@pytest.fixture
def steps(desk):
    """Count what SQLite's machine does, in hundreds of its instructions."""

    @contextmanager
    def counting():
        done = []
        with closing(desk._engine.raw_connection()) as pooled:
            driver = pooled.driver_connection
        driver.set_progress_handler(lambda: done.append(1), 100)
        yield done
        driver.set_progress_handler(None, 0)

    return counting


def test_a_storm_makes_taking_on_no_more_work(ledger, steps):
    work = []
    for more in (1_000, 5_000):
        begun = 10**6 * len(work)
        ledger.enter("T-1", [an_alert(begun + n) for n in range(more)])
        ledger.enter("T-1", [an_alert(begun + more, "critical")])
        with steps() as done:
            ledger.take(to("pager", "log"))
            taken, alert = ledger.begin("pager")
        assert (alert.severity, taken.severity) == ("critical", "critical")
        work.append(len(done))
    few, many = work
    assert 100 < many < 1.2 * few, work
