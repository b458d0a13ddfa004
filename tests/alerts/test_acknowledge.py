"""Who has seen to an alert stands in the chain of hashes of its trader, before it holds."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from nautilus_lab.alerts import _acknowledge as module
from nautilus_lab.alerts import acknowledge, find_alerts
from nautilus_lab.exceptions import InputError, LabError, NodeAlreadyRunning, StoreError
from nautilus_lab.platform.audit import OPERATORS, AuditFiles, AuditKeeper, is_known
from nautilus_lab.platform.store import DeskStore, TradingStore


@pytest.fixture
def seen(home, settings):
    def seen(alert, **more):
        return acknowledge(home, alert, audit=settings.audit, root=settings.root, **more)

    return seen


@pytest.fixture
def rows(home):
    def rows(trader="T-1"):
        with TradingStore.open(home.trader(trader).store, read_only=True) as store:
            return list(store.audit_rows(chain=OPERATORS))

    return rows


def test_who_acknowledged_what_and_what_was_said_has_a_row_that_verifies(
    seen, rows, node, settings
):
    raised = node().alert(scope="account")
    told = seen(raised, by="ana", note="reduced")
    (row,) = rows()
    assert (row.kind, row.actor) == ("alert.acknowledged", "ana")
    assert is_known(row.kind, OPERATORS)
    body = json.loads(row.body)
    assert (body["alert"], body["rule"], body["scope"]) == (raised, "gross must hold", "account")
    assert (body["note"], body["escalation"], body["raised_ns"]) == ("reduced", "L0", told.ts_ns)
    # It was so before it held.
    assert row.ts_ns <= told.acknowledged_ns
    report = AuditKeeper(AuditFiles.of(settings, "T-1"), by="ben").inspect(note=False)
    assert report.ok, report


def test_whoever_comes_second_changes_nothing_and_has_no_row(seen, rows, node):
    raised = node().alert()
    first = seen(raised, by="ana", note="on it")
    assert seen(raised, by="ben", note="me too") == first
    assert [row.actor for row in rows()] == ["ana"]


def test_what_cannot_stand_in_the_trail_is_not_acknowledged(seen, home, desk):
    rundir = home.trader("T-1").make()
    rundir.store.write_bytes(b"not a database" * 100)
    raised = desk.raise_alert("critical", "supervisor", "a node must live", trader="T-1").id
    with pytest.raises(LabError):
        seen(raised, by="ana")
    (left,) = desk.alerts(open_only=True)
    assert (left.id, left.acknowledged_by) == (raised, None)


def test_an_alert_of_the_labs_own_stands_in_every_trail_that_can_be_written(
    seen, rows, home, desk, node, caplog
):
    for name in ("T-1", "T-2"):
        node(name)
    home.trader("T-3").make().store.write_bytes(b"not a database" * 100)
    raised = desk.raise_alert("critical", "monitor", "the supervisor must run").id
    assert seen(raised, by="ana").acknowledged_by == "ana"
    found = [json.loads(row.body)["alert"] for name in ("T-1", "T-2") for row in rows(name)]
    assert found == [raised, raised]
    assert "not in the trail of T-3" in caplog.text


def test_where_no_trader_ever_ran_it_stands_with_the_alert(seen, home, desk):
    raised = desk.raise_alert("warning", "history", "a stream must be read").id
    assert seen(raised, by="ana", note="soon").note == "soon"
    assert not home.trader_ids


@pytest.mark.parametrize("note", ["two\nlines", "x" * 501, "\x1b[2J"])
def test_a_note_that_is_refused_leaves_no_row(seen, rows, node, note):
    raised = node().alert()
    with pytest.raises(InputError, match="printable"):
        seen(raised, by="ana", note=note)
    assert rows() == []


def test_what_is_not_there_cannot_be_acknowledged(seen, rows, node):
    node().alert()
    with pytest.raises(StoreError, match="must be there"):
        seen("nothing", by="ana")
    assert rows() == []


def test_of_a_repeat_the_first_is_meant_and_named(seen, rows, node, home):
    from nautilus_lab.platform.store import AlertLedger, AlertPlan

    one = node()
    first, second = one.alert(), one.alert()
    rows_of = find_alerts(home).alerts
    with DeskStore.open(home.store) as desk:
        ledger = AlertLedger(desk)
        ledger.enter("T-1", rows_of)
        ledger.take(lambda _: AlertPlan(rank=1, channels=()))
    assert seen(second, by="ana").id == first
    (row,) = rows()
    assert json.loads(row.body)["alert"] == first
    assert json.loads(row.body)["escalation"] == "L1"


def test_the_row_says_which_command_asked_for_it(seen, rows, node):
    raised = node().alert()
    seen(raised, by="ana", cause={"command": "alerts.acknowledge", "token": "T-9"})
    (row,) = rows()
    assert json.loads(row.body)["asked"] == {"command": "alerts.acknowledge", "token": "T-9"}


def test_two_who_write_to_the_same_trail_do_so_in_turn(seen, rows, node, home):
    one = node()
    raised = [one.alert(f"rule {n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda alert: seen(alert, by="ana"), raised))
    assert [row.id for row in told] == raised
    assert sorted(json.loads(row.body)["alert"] for row in rows()) == sorted(raised)


def test_a_trail_that_somebody_else_holds_for_long_takes_nothing(seen, node, home, monkeypatch):
    monkeypatch.setattr(module, "_IN_TURN_S", 0.05)
    raised = node().alert()
    code = (
        "import sys; from pathlib import Path; from nautilus_lab.platform.rundir import Home; "
        f"lock = Home(Path({str(home.path)!r})).trader('T-1').audit_lock; lock.acquire(); "
        "print('held', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(NodeAlreadyRunning):
            seen(raised, by="ana")
        other.stdin.close()
    assert seen(raised, by="ana").acknowledged_by == "ana"
