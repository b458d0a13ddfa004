"""What of an audit trail cannot be read is one typed error that names the file and what to do."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nautilus_lab.cli import main
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.audit import AuditFiles, AuditTrail
from nautilus_lab.platform.store import TradingStore

NOBODY = 65_534


@pytest.fixture
def files(home, rundir, capsys):
    with TradingStore.open(rundir.store) as store:
        AuditTrail(store).append("note", {}, actor="ana")
    assert main(["audit", "checkpoint"]) == 0
    capsys.readouterr()
    return AuditFiles(
        rundir=rundir, checkpoints=rundir.audit / "checkpoints.jsonl", key_path=home.audit_key
    )


def run(files, statement):
    with closing(sqlite3.connect(files.store, isolation_level=None)) as raw:
        raw.execute(statement)


def in_its_place(path, data=None):
    path.unlink()
    path.mkdir() if data is None else path.write_bytes(data)


BROKEN = {
    "no store": (lambda f: f.store.unlink(), "AuditError", "must have its store", "trading.db"),
    "an empty store": (
        lambda f: in_its_place(f.store, b""),
        *("AuditError", "must have its store", "trading.db is empty"),
    ),
    "garbage": (
        lambda f: in_its_place(f.store, b"garbage" * 999),
        *("StoreError", "must be a SQLite database", "trading.db"),
    ),
    "half a store": (
        lambda f: in_its_place(f.store, f.store.read_bytes()[:5000]),
        *("StoreError", "must be intact", "trading.db"),
    ),
    "a folder": (
        lambda f: in_its_place(f.store),
        *("StoreError", "a store must be a file", "trading.db is a folder"),
    ),
    "another version": (
        lambda f: run(f, "UPDATE alembic_version SET version_num = '9999'"),
        *("StoreError", "must not be newer", "has schema 9999"),
    ),
    "another kind": (
        lambda f: run(f, "PRAGMA application_id = 7"),
        *("StoreError", "must be a trading store", "trading.db"),
    ),
    "a folder of checkpoints": (
        lambda f: in_its_place(f.checkpoints),
        *("StoreError", "Is a directory", "checkpoints.jsonl"),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_is_one_error_in_words_and_in_json(files, capsys, what):
    break_it, kind, rule, value = BROKEN[what]
    break_it(files)
    assert main(["audit", "verify", "--no-note"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    first, got, do = said.err.splitlines()
    assert first.startswith(f"{kind}: ")
    assert rule in first
    assert value in got
    assert do.startswith("  do:   ")
    assert main(["audit", "verify", "--no-note", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["error"]["kind"]) == (False, kind)
    assert rule in told["error"]["rule"]
    assert value in told["error"]["value"]
    assert told["error"]["remedy"]


@pytest.mark.parametrize("text", [b"", b"\n", b'{"latest":[]}', b"\xff", b"[1]", b"[" * 10**5])
@pytest.mark.parametrize("folder", [False, True])
def test_an_anchor_that_is_none_is_no_anchor(files, tmp_path, capsys, text, folder):
    kept = tmp_path / "kept.json"
    kept.mkdir() if folder else kept.write_bytes(text)
    assert main(["audit", "verify", "--anchor", str(kept), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert "kept checkpoints must be" in error["rule"]
    assert "kept.json" in error["value"]
    assert "audit checkpoint --json" in error["remedy"]


def test_a_checkpoint_file_of_garbage_is_named_with_what_is_wrong(files, capsys):
    files.checkpoints.write_bytes(b"\xff\xfe garbage\n")
    assert main(["audit", "verify", "--no-note", "--json"]) == 1
    troubles = json.loads(capsys.readouterr().out)["troubles"]
    assert f"the file of checkpoints: what follows is no checkpoint; {files.checkpoints}" in (
        troubles
    )


@contextmanager
def as_somebody_else():
    """Be nobody: to root no permission is denied."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def open_folder():
    """A folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_store_that_may_not_be_read_is_said_to_be_another_users(files, open_folder):
    copy = open_folder / "trading.db"
    shutil.copy(files.store, copy)
    copy.chmod(0)
    with as_somebody_else(), pytest.raises(StoreError, match="readable by its user"):
        TradingStore.open(copy, read_only=True)


def test_a_store_in_a_folder_that_cannot_be_written_is_read_all_the_same(files, open_folder):
    """As from a medium that an auditor was given: no file can be made beside it."""
    copy = open_folder / "trading.db"
    shutil.copy(files.store, copy)
    copy.chmod(0o444)
    open_folder.chmod(0o555)
    with as_somebody_else(), TradingStore.open(copy, read_only=True) as store:
        assert [row.kind for row in store.audit_rows()] == ["note"]
        assert store.broken_guards() == ()
    assert os.listdir(open_folder) == ["trading.db"]
