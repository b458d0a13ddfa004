"""What is SQLite's own: how a connection is made, how a write begins, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from nautilus_lab.exceptions import AuditError, StoreError, StoreUnwritable

MEMORY = ":memory:"
_RESTORE = "move it away, and restore a backup"
# A deferred transaction that reads and then writes fails at once when another writer came
# between, whatever the time-out is; an immediate one waits its turn.
BEGIN_READ = "BEGIN"
BEGIN_WRITE = "BEGIN IMMEDIATE"

# SQLite's name of an error, its beginning -> what must hold, and what to do
_MEANINGS = (
    (
        "SQLITE_BUSY",
        "a store must be free to write within its busy time-out",
        "another process holds it: try again, or raise store.busy_timeout_ms",
    ),
    ("SQLITE_LOCKED", "a store must be free to write within its busy time-out", "try again"),
    (
        "SQLITE_FULL",
        "a store needs room to write",
        "free some space on its disk; nothing was half-written",
    ),
    (
        "SQLITE_NOTADB",
        "a store must be a SQLite database",
        "move the file away, or name another one",
    ),
    (
        "SQLITE_CORRUPT",
        "a store must be intact",
        "stop what writes to it, copy it away, and restore a backup",
    ),
    (
        "SQLITE_CANTOPEN",
        "a store's file must be there, or its folder be writable",
        "make the run directory first, or set `home` in lab.toml to a folder of yours",
    ),
    ("SQLITE_PERM", "a store's file must be its user's", "check who owns the folder"),
    (
        "SQLITE_READONLY",
        "a store that is opened to be read cannot be written",
        "open it without read_only, from its one writer",
    ),
    ("SQLITE_IOERR", "a store's disk must answer", "check the disk"),
)

# what may pass: the same write can be tried again
_FOR_NOW = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR")


def connect(
    where: str, *, busy_timeout_ms: int, read_only: bool, pooled: bool
) -> sqlite3.Connection:
    """Connect to the file `where` and set what holds per connection; writes nothing."""
    if os.path.isdir(where):  # of which SQLite says that its disk does not answer
        raise StoreError("a store must be a file", value=f"{where} is a folder", remedy=_RESTORE)
    mode = "ro" if read_only else "rwc"
    if read_only and where != MEMORY and _lies_still(where):
        mode += "&immutable=1"
    connection = sqlite3.connect(
        # The URI form is what makes "read only" mean that not even a missing file is created.
        MEMORY if where == MEMORY else f"file:{quote(os.fsencode(where))}?mode={mode}",
        uri=True,
        timeout=busy_timeout_ms / 1e3,
        check_same_thread=not pooled,  # a pool lends a connection to one thread at a time
        isolation_level=None,  # transactions begin where this package says so
    )
    try:
        # NORMAL: a commit survives the death of the process; one fsync a checkpoint, not a commit.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA recursive_triggers = ON")
    except BaseException:
        connection.close()  # not a database, or a broken one
        raise
    return connection


def file_of(where: str) -> tuple[int, int] | None:
    """Return which file has the name `where` now, whatever was opened by it; None when none has."""
    try:
        found = os.stat(where)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _lies_still(where: str) -> bool:
    """Whether a file lies where nothing can be written, and no writer has it open.

    A reader of a write-ahead log makes files beside it; where it cannot, on a medium that can
    only be read, the file is read as it is.
    """
    if any(os.path.exists(where + end) for end in ("-wal", "-shm")):
        return False
    as_whom = os.access in os.supports_effective_ids
    return not os.access(os.path.dirname(where) or ".", os.W_OK, effective_ids=as_whom)


def identity(connection: sqlite3.Connection) -> tuple[int, str | None] | None:
    """Return the application id and the schema revision of the file; None for an empty one."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return None
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    revision = None
    if "alembic_version" in tables:
        (revision,) = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
    return application_id, revision


def mark(connection: sqlite3.Connection, application_id: int) -> None:
    """Say in the file whose it is; part of the transaction it is called in."""
    connection.execute(f"PRAGMA application_id = {application_id:d}")


def use_write_ahead_log(connection: sqlite3.Connection, busy_timeout_ms: int) -> None:
    """Let readers and the writer not wait for each other; kept in the file from then on."""
    deadline = time.monotonic() + busy_timeout_ms / 1e3
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            # Two that change the mode at once are told so at once: the time-out is not asked.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.005)
        else:
            break
    if mode not in ("wal", "memory"):
        raise StoreError(
            "a store's file system must allow a write-ahead log",
            value=f"journal mode {mode}",
            remedy="put the lab's home on a local disk",
        )


@contextmanager
def synced(connection: sqlite3.Connection) -> Iterator[None]:
    """Make the commits inside survive a loss of power too."""
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def translated(error: sqlite3.Error, where: str, doing: str) -> StoreError:
    """Say what `error` means for a store."""
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_CONSTRAINT_TRIGGER":
        return AuditError(
            str(error), value=where, remedy="verify the chain; it has one writer at a time"
        )
    if name.startswith("SQLITE_CANTOPEN") and os.path.exists(where):
        return StoreError(
            "a store's file must be readable by its user, and its folder writable",
            value=f"{where}: {error} while {doing}",
            remedy="check the owner and mode of both, or copy the file with those beside it",
        )
    for beginning, rule, remedy in _MEANINGS:
        if name.startswith(beginning):
            kind = StoreUnwritable if beginning in _FOR_NOW else StoreError
            return kind(rule, value=f"{where}: {error} while {doing}", remedy=remedy)
    return StoreError(
        "a store must be able to do what it is asked",
        value=f"{where}: {error} while {doing}",
        remedy="check the file with: sqlite3 FILE 'PRAGMA integrity_check'",
    )
