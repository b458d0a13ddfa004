"""What every desk store promises."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.store import PrincipalRow, RunRow


def a_run(**changes):
    facts = {
        "run_id": new_id(),
        "notebook": "notebooks/start_here.ipynb",
        "parameters": {"symbols": ["AAPL", "MSFT"], "window": 252, "share": 0.25, "note": "é"},
        "notebook_sha256": "ab" * 32,
        "git_revision": "f00",
        "kernel": "python3",
        "data_manifest_hash": "cd" * 32,
        "started_ns": 1_795_000_000_000_000_000,
    }
    return RunRow(**facts | changes)


@pytest.fixture
def desk(stores):
    return stores.desk()


# --- runs ---------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_added(desk):
    run = a_run(attempt=2)
    desk.add_run(run)
    assert desk.run(run.run_id) == run
    assert desk.runs() == (run,)


def test_a_run_that_ended_says_how(desk):
    run = a_run()
    desk.add_run(run)
    ended = desk.finish_run(
        run.run_id,
        status="succeeded",
        seconds=12.5,
        output_path="runs/x.ipynb",
        html_path="runs/x.html",
        ended_ns=run.started_ns + 13,
    )
    assert ended == replace(
        run,
        status="succeeded",
        seconds=12.5,
        output_path="runs/x.ipynb",
        html_path="runs/x.html",
        ended_ns=run.started_ns + 13,
    )
    assert desk.run(run.run_id) == ended


def test_a_failed_run_keeps_its_error(desk):
    run = a_run(status="queued")
    desk.add_run(run)
    ended = desk.finish_run(run.run_id, status="failed", seconds=0, error="cell 3: KeyError")
    assert (ended.status, ended.error) == ("failed", "cell 3: KeyError")
    assert ended.ended_ns > run.started_ns


def test_a_run_ends_once(desk):
    run = a_run()
    desk.add_run(run)
    ended = desk.finish_run(run.run_id, status="interrupted", seconds=1.0)
    with pytest.raises(StoreError, match="not have ended"):
        desk.finish_run(run.run_id, status="succeeded", seconds=2.0)
    assert desk.run(run.run_id) == ended


def test_a_run_that_is_not_there_cannot_end(desk):
    with pytest.raises(StoreError, match="must be there") as refusal:
        desk.finish_run("x", status="failed", seconds=1.0)
    assert refusal.value.value == "x"
    assert desk.run("x") is None


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ("running", 1.0),
        ("queued", 1.0),
        ("failed", -1.0),
        ("failed", float("nan")),
        ("failed", float("inf")),
        ("lost", 1.0),
    ],
)
def test_an_end_that_is_none_is_refused(desk, status, seconds):
    run = a_run()
    desk.add_run(run)
    with pytest.raises(InputError):
        desk.finish_run(run.run_id, status=status, seconds=seconds)
    assert desk.run(run.run_id) == run


def test_runs_come_latest_first_and_can_be_chosen(desk):
    runs = [
        a_run(started_ns=n, notebook=f"{'ab'[n % 2]}.ipynb", status=("running", "queued")[n // 2])
        for n in range(4)
    ]
    for run in (runs[2], runs[0], runs[3], runs[1]):
        desk.add_run(run)
    assert desk.runs() == tuple(runs[::-1])
    assert desk.runs(limit=2) == (runs[3], runs[2])
    assert desk.runs(notebook="a.ipynb") == (runs[2], runs[0])
    assert desk.runs(status="queued") == (runs[3], runs[2])
    assert desk.runs(status="failed") == ()


def test_a_choice_of_runs_that_is_none_is_refused(desk):
    with pytest.raises(InputError, match="status of a run"):
        desk.runs(status="lost")
    with pytest.raises(InputError, match="limit must be positive"):
        desk.runs(limit=0)


def test_a_run_whose_id_is_taken_is_refused(desk):
    run = a_run()
    desk.add_run(run)
    with pytest.raises(StoreError, match="an id of its own"):
        desk.add_run(replace(run, notebook="other.ipynb"))
    assert desk.runs() == (run,)


@pytest.mark.parametrize("run_id", ["", "x", "2b1b7f0e-5a64-4b0e-9d0c-0a9d6b2f1c11"])
def test_a_run_id_is_a_uuid_of_version_seven(desk, run_id):
    with pytest.raises(InputError, match="UUID of version 7"):
        desk.add_run(a_run(run_id=run_id))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_parameters_that_are_no_json_are_refused(desk, value):
    with pytest.raises(InputError, match="parameters of a run must be JSON"):
        desk.add_run(a_run(parameters={"x": value}))
    assert desk.runs() == ()


def test_a_status_that_no_run_has_is_refused():
    with pytest.raises(InputError, match="queued, running, succeeded, failed, interrupted"):
        a_run(status="lost")


# --- principals ---------------------------------------------------------------------------


def test_a_principal_comes_back_as_it_was_put(desk):
    ana = PrincipalRow(name="ana", roles=("trader", "viewer"), created_ns=5)
    desk.put_principal(ana)
    assert desk.principal("ana") == ana
    assert desk.principal("bob") is None


def test_a_principal_is_changed_and_keeps_when_it_was_added(desk):
    desk.put_principal(PrincipalRow(name="ana", roles=("trader",), created_ns=5))
    desk.put_principal(PrincipalRow(name="ana", roles=(), created_ns=9, disabled=True))
    assert desk.principal("ana") == PrincipalRow(name="ana", roles=(), created_ns=5, disabled=True)


def test_principals_come_by_name_with_the_disabled(desk):
    for name, disabled in (("cem", False), ("ana", True), ("bob", False)):
        desk.put_principal(PrincipalRow(name=name, roles=(), created_ns=1, disabled=disabled))
    assert [principal.name for principal in desk.principals()] == ["ana", "bob", "cem"]


def test_a_principal_without_a_name_is_refused(desk):
    with pytest.raises(InputError, match="must have a name"):
        desk.put_principal(PrincipalRow(name="", roles=(), created_ns=1))


# --- alerts -------------------------------------------------------------------------------


def test_an_alert_comes_back_as_it_was_raised(desk):
    raised = desk.raise_alert(
        "critical",
        "supervisor",
        "a node must stay up",
        detail="it fell 3 times in 10 minutes",
        remedy="see its log",
        trader="PAPER-001",
    )
    assert desk.alerts() == (raised,)
    assert raised.acknowledged_by is None


def test_alerts_come_latest_first_and_can_be_chosen(desk):
    old = desk.raise_alert("info", "supervisor", "a", trader="A-1", ts_ns=10)
    new = desk.raise_alert("warning", "supervisor", "b", trader="B-1", ts_ns=20)
    assert desk.alerts() == (new, old)
    assert desk.alerts(trader="A-1") == (old,)
    assert desk.alerts(severity="warning") == (new,)
    assert desk.alerts(since_ns=20) == (new,)
    assert desk.alerts(limit=1) == (new,)


@pytest.mark.parametrize(
    "told", [("loud", "supervisor", "a"), ("info", "", "a"), ("info", "supervisor", "")]
)
def test_an_alert_that_says_nothing_is_refused(desk, told):
    with pytest.raises(InputError):
        desk.raise_alert(*told)
    assert desk.alerts() == ()


def test_a_choice_of_alerts_that_is_none_is_refused(desk):
    with pytest.raises(InputError, match="severity of an alert"):
        desk.alerts(severity="loud")
    with pytest.raises(InputError, match="limit must be positive"):
        desk.alerts(limit=0)


# --- the store itself ---------------------------------------------------------------------


def test_what_one_process_wrote_another_sees(stores):
    one, other = stores.desk(), stores.desk()
    run = a_run()
    one.add_run(run)
    assert other.run(run.run_id) == run


def test_a_reader_cannot_write(stores):
    stores.desk()
    with pytest.raises(StoreError, match="cannot be written"):
        stores.desk(read_only=True).add_run(a_run())


def test_a_closed_store_says_so(desk):
    desk.close()
    desk.close()
    assert "closed" in repr(desk)
    with pytest.raises(StoreError, match="must be open"):
        desk.runs()
    with pytest.raises(StoreError, match="must be open"):
        desk.add_run(a_run())


def test_any_thread_may_use_it(desk):
    failures = []

    def add() -> None:
        try:
            for _ in range(20):
                desk.add_run(a_run())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(desk.runs()) == 80


_ADDER = """
import sys
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.store import DeskStore, RunRow
with DeskStore.open(sys.argv[1], busy_timeout_ms=30_000) as desk:
    for n in range(50):
        run = RunRow(run_id=new_id(), notebook=sys.argv[2], parameters={"n": n},
            notebook_sha256="", git_revision="", kernel="", data_manifest_hash="", started_ns=n)
        desk.add_run(run)
        desk.finish_run(run.run_id, status="succeeded", seconds=0.0)
"""


def test_several_processes_may_write_at_once(stores):
    desk = stores.desk()
    adders = [
        subprocess.Popen([sys.executable, "-c", _ADDER, stores.desk_file, name])
        for name in ("a", "b", "c")
    ]
    assert [adder.wait() for adder in adders] == [0, 0, 0]
    assert len(desk.runs(status="succeeded")) == 150
    for name in ("a", "b", "c"):
        numbers = [run.parameters["n"] for run in desk.runs(notebook=name)]
        assert numbers == list(range(49, -1, -1))


def test_text_that_is_no_unicode_is_an_input_error(desk):
    with pytest.raises(InputError, match="valid Unicode"):
        desk.add_run(a_run(notebook="\ud800"))
    with pytest.raises(InputError, match="valid Unicode"):
        desk.principal("\ud800")
