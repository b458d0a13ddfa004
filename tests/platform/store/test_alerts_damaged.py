"""One row of an alert that cannot be read stops none of the others, and is told of."""

import sqlite3
from contextlib import closing

import pytest

from nautilus_lab.platform.store import AlertLedger, AlertPlan, DeskStore

RULE = "an alert in the store must be readable"
DAMAGE = {
    "severity": "severity = 'bogus'",
    "level": "level = 'zzz'",
    "text": "detail = CAST(x'ff' AS TEXT)",
    "rank": "rank = 77",
    "matter": "scope = CAST(x'ff' AS TEXT)",
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "desk.db"


@pytest.fixture
def desk(file):
    with DeskStore.open(file) as store:
        yield store


@pytest.fixture
def ledger(desk):
    return AlertLedger(desk)


def to(*channels, rank=1, climbs_ns=None, tighten=""):
    plan = AlertPlan(rank=rank, channels=channels, climbs_ns=climbs_ns, tighten=tighten)
    return lambda alert: plan


def raised(desk, ts_ns, rule="net must hold"):
    return desk.raise_alert("critical", "risk", rule, trader="T-1", scope=str(ts_ns), ts_ns=ts_ns)


def run(file, sql, *values):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(sql, values)


def taken(ledger, plan):
    """Return the ids of what is taken on, and of it what tells of damage."""
    rows = list(ledger.take(plan))  # may be none: what tells of damage comes next
    while found := ledger.take(plan):
        rows += found
    return [row.id for row in rows if row.rule != RULE], [row for row in rows if row.rule == RULE]


def begun(ledger, channel):
    found = []
    while (one := ledger.begin(channel)) is not None:
        found.append(one[1])
    return found


def aside(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT origin, name, content FROM set_aside").fetchall()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_alert_is_set_aside_and_the_others_are_taken_on(desk, ledger, file, damage):
    before, bad, after = raised(desk, 1), raised(desk, 2), raised(desk, 3)
    run(file, f"UPDATE alerts SET {damage} WHERE id = ?", bad.id)
    ids, (told,) = taken(ledger, to("pager"))
    assert ids == [before.id, after.id]
    assert (told.severity, told.rule, told.trader) == ("critical", RULE, "")
    assert bad.id in told.detail
    assert [one.id for one in begun(ledger, "pager")] == [before.id, after.id, told.id]
    ((origin, name, content),) = aside(file)
    assert (origin, name) == ("alerts", bad.id)
    assert b"rule='net must hold'" in content
    assert len(desk.alerts()) == 3


def test_two_damaged_alerts_are_one_alert_and_a_third_is_another(desk, ledger, file):
    first, second = raised(desk, 1), raised(desk, 2)
    run(file, "UPDATE alerts SET level = 'zzz'")
    ids, (told,) = taken(ledger, to("log"))
    assert ids == []
    assert first.id in told.detail
    assert second.id in told.detail
    third = raised(desk, 3)
    run(file, "UPDATE alerts SET level = 'zzz' WHERE id = ?", third.id)
    _, (again,) = taken(ledger, to("log"))
    assert third.id in again.detail
    assert again.repeat_of is None


def test_an_id_that_is_no_text_is_set_aside_too(desk, ledger, file):
    bad, good = raised(desk, 1), raised(desk, 2)
    run(file, "UPDATE alerts SET id = CAST(x'ff41' AS TEXT) WHERE id = ?", bad.id)
    ids, (told,) = taken(ledger, to("log"))
    assert ids == [good.id]
    assert r"\xffA" in told.detail


def test_a_damaged_alert_that_stands_stops_neither_taking_nor_climbing(desk, ledger, file):
    bad = raised(desk, 1)
    ledger.take(to("log", climbs_ns=5, tighten="HALTED"), now_ns=1)
    run(file, f"UPDATE alerts SET {DAMAGE['text']} WHERE id = ?", bad.id)
    other = raised(desk, 2)
    ledger.take(to("log", climbs_ns=5), now_ns=2)
    assert [one.id for one in ledger.climb(to("log", rank=2), now_ns=9)] == [other.id]
    assert ledger.to_tighten() == ()
    assert RULE in [one.rule for one in desk.alerts()]


def test_what_stands_of_a_component_is_read_past_a_damaged_row(desk, ledger, file):
    bad, good = raised(desk, 1), raised(desk, 2)
    run(file, "UPDATE alerts SET level = 'zzz' WHERE id = ?", bad.id)
    assert [one.id for one in ledger.standing("risk")] == [good.id]


@pytest.mark.parametrize(
    "damage",
    [
        "event = 'bogus'",
        "error = CAST(x'ff' AS TEXT)",
        "rank = -1",
        "attempts = 9223372036854775807",
        "alert_id = 'gone'",
        "alert_id = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_damaged_delivery_does_not_block_its_channel(desk, ledger, file, damage):
    bad, good = raised(desk, 1), raised(desk, 2)
    ledger.take(to("pager"), now_ns=1)
    run(file, f"UPDATE deliveries SET {damage} WHERE alert_id = ?", bad.id)
    assert [one.id for one in begun(ledger, "pager")] == [good.id]
    _, (told,) = taken(ledger, to("pager"))
    assert told.rule == RULE
    assert [one[0] for one in aside(file)] == ["deliveries"]


def test_a_delivery_whose_alert_is_damaged_does_not_block_its_channel(desk, ledger, file):
    bad, good = raised(desk, 1), raised(desk, 2)
    ledger.take(to("pager"), now_ns=1)
    run(file, "UPDATE alerts SET severity = 'bogus' WHERE id = ?", bad.id)
    assert [one.id for one in begun(ledger, "pager")] == [good.id]
    _, (told,) = taken(ledger, to("pager"))
    assert bad.id in told.detail
