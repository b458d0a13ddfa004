"""The file of the ledger: several processes at once, kills, a full disk, a hand that changes it."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from nautilus_lab.exceptions import AuditError, StoreError, StoreUnwritable
from nautilus_lab.trials import Ledger

RECORDER = """
    import sys
    import numpy as np, pandas as pd
    from nautilus_lab.trials import Ledger

    folder, who, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    study = Ledger(folder=folder).study("together")
    values = pd.Series(np.random.default_rng(1).normal(0, 0.01, 2_000))
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(count):
        run = study.record(f"{who} {n}", values, parameters={"who": who, "n": n})
        print(run.id, flush=True)
"""


def recorder(folder, who, count):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RECORDER), str(folder), who, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )


def begin(process):
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.processes
def test_three_processes_at_once_lose_nothing_and_tear_nothing(tmp_path):
    folder = tmp_path / "trials"
    processes = [recorder(folder, who, 40) for who in "abc"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        begin(process)
    told = [line for process in processes for line in process.communicate()[0].split()]
    assert all(process.returncode == 0 for process in processes)
    ledger = Ledger(folder=folder)
    table = ledger.runs()
    assert sorted(told, key=int) == table.index.to_list() == [str(n) for n in range(1, 121)]
    assert sorted(table["name"]) == sorted(f"{who} {n}" for who in "abc" for n in range(40))
    assert ledger.verify().ok


@pytest.mark.processes
def test_what_was_recorded_stays_when_the_process_is_killed_and_nothing_half(tmp_path):
    folder = tmp_path / "trials"
    told = 0
    for round_ in range(5):
        process = recorder(folder, f"round {round_}", 100_000)
        assert process.stdout.readline() == "ready\n"
        begin(process)
        process.stdout.readline()
        time.sleep(0.02 * (round_ + 1))
        process.send_signal(signal.SIGKILL)
        told += 1 + len(process.communicate()[0].splitlines())
    ledger = Ledger(folder=folder)
    found = ledger.verify()
    assert found.ok
    # What was told to be recorded is there; of what was not, at most the one under way each time.
    assert told - 5 <= found.n_entries <= told + 5
    assert ledger.runs()["name"].nunique() == found.n_entries
    ledger.study("together").record("after", ledger.run(1).returns)
    assert ledger.verify().n_entries == found.n_entries + 1


@pytest.mark.processes
def test_a_disk_that_is_full_leaves_the_ledger_as_it_was(ledger, study, noise):
    study.record("before", noise())
    full = """
        import resource, signal, sys
        import numpy as np, pandas as pd
        from nautilus_lab.exceptions import StoreUnwritable
        from nautilus_lab.trials import Ledger

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            study = Ledger(folder=sys.argv[1]).study("momentum")
            study.record("large", pd.Series(np.arange(500_000.0)))
        except StoreUnwritable as error:
            print(error)
            sys.exit(7)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(full), str(ledger.folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert ended.returncode == 7, ended.stderr
    assert "readable and writable" in ended.stdout
    assert ledger.verify().ok
    assert ledger.runs()["name"].to_list() == ["before"]


def test_a_folder_that_cannot_be_made_is_told_before_any_work(tmp_path, noise):
    (tmp_path / "file").write_text("", "utf-8")
    ledger = Ledger(folder=tmp_path / "file" / "trials")
    called = []
    with pytest.raises(StoreUnwritable, match="Not a directory"):
        ledger.study("a").run(lambda data: called.append(1), noise().to_frame())
    assert not called


def test_a_ledger_that_may_only_be_read_is_read_and_refuses_more(ledger, study, noise, monkeypatch):
    study.record("a", noise())
    connect = sqlite3.connect

    def read_only(where, **settings):
        # As a file system that is mounted read-only; root may write to any other.
        connection = connect(where, **settings)
        connection.execute("PRAGMA query_only = ON")
        return connection

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert len(ledger.runs()) == 1
    with pytest.raises(StoreUnwritable, match="readonly"):
        study.record("b", noise(seed=2))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_read_and_refuses_more(ledger, study, noise):
    study.record("a", noise())
    ledger.folder.chmod(0o555)
    (ledger.folder / "trials.db").chmod(0o444)
    try:
        assert len(ledger.runs()) == 1
        with pytest.raises(StoreUnwritable):
            study.record("b", noise(seed=2))
    finally:
        ledger.folder.chmod(0o755)


def test_a_ledger_that_somebody_holds_is_waited_for_and_then_told(
    ledger, study, noise, monkeypatch
):
    monkeypatch.setattr("nautilus_lab.trials._book._WAIT_S", 0.05)
    study.record("a", noise())
    other = sqlite3.connect(ledger.folder / "trials.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnwritable, match="locked"):
        study.record("b", noise(seed=2))
    other.execute("ROLLBACK")
    other.close()
    study.record("b", noise(seed=2))
    assert len(ledger.runs()) == 2


def hand(ledger, *statements, guarded=False):
    path = ledger.folder / "trials.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if not guarded:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS entries_no_{verb}")
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def three(ledger, study, noise):
    for n in range(3):
        study.record(f"{n}", noise(seed=n))
    return ledger


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE entries SET study = 'fresh' WHERE seq = 2", "entry 2 was changed"),
        (
            "UPDATE entries SET head = replace(head, '\"seed\":null', '\"seed\":1') WHERE seq = 1",
            "entry 1 was changed",
        ),
        ("UPDATE entries SET payload = substr(payload, 2) WHERE seq = 3", "entry 3 was changed"),
        ("DELETE FROM entries WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM entries WHERE seq = 1", "entry 1 is missing"),
    ],
)
def test_whatever_is_changed_is_seen(three, statement, fault):
    hand(three, statement)
    found = three.verify()
    assert not found.ok
    assert fault in found.faults
    assert "the guard entries_no_update was taken away" in found.faults
    assert "NOT as written" in repr(found)


def test_what_was_changed_is_not_counted_but_refused(three):
    hand(three, "UPDATE entries SET payload = substr(payload, 2) WHERE seq = 3")
    with pytest.raises(AuditError, match="entry 3"):
        three.deflated_sharpe("1")
    with pytest.raises(AuditError):
        three.run(3)
    assert three.run(1).name == "0"


def test_the_file_itself_refuses_to_change_or_forget(three):
    for statement in ("UPDATE entries SET study = 'x'", "DELETE FROM entries"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
            hand(three, statement, guarded=True)
    assert three.verify().ok


def test_an_end_that_was_cut_off_is_seen_by_who_noted_the_head(three):
    head = three.verify().head
    hand(three, "DELETE FROM entries WHERE seq = 3")
    assert three.verify(head).faults[-1] == f"no entry has the digest {head}"
    assert three.verify(three.verify().head[:12]).faults == (
        "the guard entries_no_update was taken away",
        "the guard entries_no_delete was taken away",
    )


def test_a_study_with_its_trials_swapped_is_seen(three):
    hand(
        three,
        "UPDATE entries SET seq = 9 WHERE seq = 1",
        "UPDATE entries SET seq = 1 WHERE seq = 2",
        "UPDATE entries SET seq = 2 WHERE seq = 9",
    )
    assert not three.verify().ok


def test_a_torn_file_is_told_and_not_read_as_empty(three):
    path = three.folder / "trials.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreError):
        three.runs()


def test_a_file_that_is_no_ledger_is_told(three):
    (three.folder / "trials.db").write_bytes(b"not a database at all, but as long as one" * 200)
    with pytest.raises(StoreError, match="not a database"):
        three.runs()
    with pytest.raises(StoreError, match="not a database"):
        three.study("a").record("a", three_returns())


def three_returns():
    import pandas as pd

    return pd.Series(np.random.default_rng(1).normal(size=30))


def test_a_ledger_of_a_later_version_is_not_written(three):
    hand(three, "PRAGMA user_version = 2", guarded=True)
    with pytest.raises(StoreError, match="must have format 1"):
        three.study("a").record("a", three_returns())


@pytest.mark.parametrize("head", ["{}", "{{", "null"])
def test_studies_of_a_changed_head_are_refused(three, head):
    hand(three, f"UPDATE entries SET head = '{head}' WHERE seq = 1")
    with pytest.raises(AuditError, match="entry 1"):
        three.studies()


def test_a_folder_whose_name_is_too_long_is_told_to_readers_too(tmp_path):
    with pytest.raises(StoreUnwritable, match="readable"):
        Ledger(folder=tmp_path / ("a" * 300)).runs()
