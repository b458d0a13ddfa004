"""Folding the write-ahead log into its file, away from the thread that writes."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)

# About as many pages as SQLite folds by itself at a time, at some eight pages a commit.
_COMMITS = 128
# Where nobody folds any more, the writer does so itself at this many pages: 16 MiB.
_AT_LAST_PAGES = 4_000


class Checkpoints:
    """Folds the log of one writer's file after every so many commits, on a thread of its own.

    SQLite folds within the commit that makes the log long enough, and waits for the disk there:
    milliseconds on the order path, more when the disk is busy. The thread takes that over. Its
    checkpoints are passive: they wait for nobody, and no writer waits for them. Under commits
    without a pause a log cannot begin anew, so it is still bound by the writer's own checkpoint,
    which comes later then and finds little left to do.

    Parameters
    ----------
    writer : sqlite3.Connection
        Who commits.
    connect : callable
        Makes a second connection to the same file.
    where : str
        The file, for the log.
    """

    def __init__(
        self, writer: sqlite3.Connection, connect: Callable[[], sqlite3.Connection], where: str
    ) -> None:
        writer.execute(f"PRAGMA wal_autocheckpoint = {_AT_LAST_PAGES:d}")
        self._connect = connect
        self._where = where
        self._commits = 0
        self._due = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Checkpoints({self._where!r})"

    def count(self) -> None:
        """Count a commit; it may be that a checkpoint is due."""
        self._commits += 1
        if self._commits < _COMMITS:
            return
        self._commits = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """End the thread; closing the last connection folds what is left."""
        if self._thread is not None:
            self._over = True
            self._due.set()
            self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        failed = False
        while True:
            self._due.wait()
            self._due.clear()
            if self._over:
                break
            try:
                if connection is None:
                    connection = self._connect()
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                failed = False
            except sqlite3.Error as error:
                if not failed:
                    _log.warning("the log of %s waits for its writer: %s", self._where, error)
                failed = True
        if connection is not None:
            connection.close()
