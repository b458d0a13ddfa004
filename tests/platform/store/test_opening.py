"""Opening a store: what is made, what is refused, and what is left alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.store import DeskStore, TradingStore

BOTH = pytest.mark.parametrize("kind", [TradingStore, DeskStore])
HEADS = {TradingStore: "0004", DeskStore: "0003"}


def rows_of(file, query):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


@BOTH
def test_a_new_file_is_made_whole_and_in_write_ahead_mode(kind, tmp_path):
    file = tmp_path / "x.db"
    kind.open(file).close()
    assert rows_of(file, "PRAGMA journal_mode") == [("wal",)]
    assert rows_of(file, "SELECT version_num FROM alembic_version") == [(HEADS[kind],)]
    assert rows_of(file, "PRAGMA integrity_check") == [("ok",)]


@BOTH
def test_opening_again_changes_nothing(kind, tmp_path):
    file = tmp_path / "x.db"
    kind.open(file).close()
    before = file.read_bytes()
    kind.open(file).close()
    assert file.read_bytes() == before


@BOTH
def test_a_path_may_hold_any_character(kind, tmp_path):
    folder = tmp_path / "50% off? #1 & «é» 'x'"
    folder.mkdir()
    kind.open(folder / "x y.db").close()
    assert [file.name for file in folder.iterdir()] == ["x y.db"]


@BOTH
def test_a_path_may_be_text_relative_or_a_url(kind, tmp_path):
    kind.open("x.db").close()
    kind.open(str(tmp_path / "y.db")).close()
    kind.open(f"sqlite:///{tmp_path}/z.db").close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.db", "y.db", "z.db"]


@BOTH
@pytest.mark.parametrize("where", ["postgresql://desk@db/lab", "http://x/y", "://", "", "a\0b"])
def test_what_is_no_file_is_refused(kind, where, tmp_path):
    with pytest.raises(InputError, match="must be a"):
        kind.open(where)
    assert list(tmp_path.iterdir()) == []


@BOTH
@pytest.mark.parametrize("milliseconds", [-1, float("nan"), 600_001])
def test_a_time_out_that_is_none_is_refused(kind, milliseconds, tmp_path):
    with pytest.raises(InputError, match="busy_timeout_ms must lie in"):
        kind.open(tmp_path / "x.db", busy_timeout_ms=milliseconds)
    assert list(tmp_path.iterdir()) == []


@BOTH
@pytest.mark.parametrize(
    "content",
    [b"not a database, and longer than a header" * 100, b"SQLite format 3\0" + b"x" * 4080],
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(kind, content, tmp_path):
    file = tmp_path / "x.db"
    file.write_bytes(content)
    with pytest.raises(StoreError, match="must be"):
        kind.open(file)
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


@BOTH
def test_somebody_elses_database_is_refused_and_left_alone(kind, tmp_path):
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"must be a (trading|desk) store"):
        kind.open(file)
    assert file.read_bytes() == before


def test_a_desk_store_is_no_trading_store_nor_the_other_way_round(tmp_path):
    DeskStore.open(tmp_path / "desk.db").close()
    TradingStore.open(tmp_path / "trading.db").close()
    with pytest.raises(StoreError, match="must be a trading store"):
        TradingStore.open(tmp_path / "desk.db")
    with pytest.raises(StoreError, match="must be a desk store"):
        DeskStore.open(tmp_path / "trading.db")


@BOTH
@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema_is_refused_and_left_alone(kind, read_only, tmp_path):
    file = tmp_path / "x.db"
    kind.open(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="must not be newer than the code") as refusal:
        kind.open(file, read_only=read_only)
    assert "9999" in refusal.value.value
    assert "upgrade" in refusal.value.remedy
    assert file.read_bytes() == before


@BOTH
def test_a_reader_makes_no_file(kind, tmp_path):
    with pytest.raises(StoreError, match="must be there"):
        kind.open(tmp_path / "x.db", read_only=True)
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="made or migrated by its writer"):
        kind.open(tmp_path / "empty.db", read_only=True)
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [("empty.db", 0)]


@BOTH
def test_an_empty_file_becomes_a_store(kind, tmp_path):
    (tmp_path / "x.db").touch()
    kind.open(tmp_path / "x.db").close()
    assert rows_of(tmp_path / "x.db", "PRAGMA integrity_check") == [("ok",)]


@BOTH
def test_a_folder_that_is_not_there_is_refused_and_not_made(kind, tmp_path):
    with pytest.raises(StoreError, match="its folder be writable"):
        kind.open(tmp_path / "absent" / "x.db")
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_a_folder_in_place_of_a_file_is_refused(kind, tmp_path):
    with pytest.raises(StoreError, match="must be a file"):
        kind.open(tmp_path)


_OPEN_AS_NOBODY = """
import os, sys
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.store import DeskStore, TradingStore
TradingStore.open(":memory:").close()  # all that is imported late
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)  # root may read everything
for kind in (TradingStore, DeskStore):
    try:
        kind.open(sys.argv[1])
    except StoreError as error:
        print(type(error).__name__, error.rule)
"""


@pytest.mark.parametrize("mode", [0o000, 0o555])
def test_a_folder_that_may_not_be_written_is_refused(mode, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(0o755)
    folder.chmod(mode)
    try:
        run = subprocess.run(
            [sys.executable, "-c", _OPEN_AS_NOBODY, folder / "x.db"],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o700)
    rule = "StoreError a store's file must be there, or its folder be writable"
    assert run.stdout.splitlines() == [rule] * 2, run.stderr
    assert list(folder.iterdir()) == []


_OPEN_TOGETHER = """
import sys
from nautilus_lab.platform.store import DeskStore, TradingStore
kind = {"TradingStore": TradingStore, "DeskStore": DeskStore}[sys.argv[1]]
import alembic.runtime.migration  # so that the race is about the file
print("ready", flush=True)
sys.stdin.readline()
kind.open(sys.argv[2]).close()
"""


@BOTH
def test_several_processes_may_open_a_new_store_at_once(kind, tmp_path):
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN_TOGETHER, kind.__name__, tmp_path / "x.db"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        opener.stdin.write("go\n")
        opener.stdin.flush()
    for opener in openers:
        _, complaint = opener.communicate()
        assert (opener.returncode, complaint) == (0, "")
    assert rows_of(tmp_path / "x.db", "SELECT version_num FROM alembic_version") == [(HEADS[kind],)]
    assert rows_of(tmp_path / "x.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_failed_opening_leaves_no_connection_open(tmp_path):
    file = tmp_path / "x.db"
    file.write_bytes(b"no database" * 1_000)
    before = len(os.listdir("/proc/self/fd"))
    for kind in (TradingStore, DeskStore):
        with pytest.raises(StoreError):
            kind.open(file)
    assert len(os.listdir("/proc/self/fd")) == before


@BOTH
def test_a_write_ahead_log_left_by_a_dead_process_is_taken_over(kind, tmp_path):
    file = tmp_path / "x.db"
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys; from nautilus_lab.platform.store import *;"
            f"store = {kind.__name__}.open(sys.argv[1]); os._exit(9)",
            file,
        ],
        check=False,
    )
    assert (tmp_path / "x.db-wal").stat().st_size
    kind.open(file, read_only=True).close()
    kind.open(file).close()
    assert rows_of(file, "PRAGMA integrity_check") == [("ok",)]
