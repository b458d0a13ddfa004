"""Noticing that somebody wrote to a store."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from nautilus_lab.platform.store import _sqlite


class StoreWatch:
    """Tells whether a store was written since it was asked last, by any process.

    It asks the file's own counter of commits, some microseconds each time, and notices also that
    another file took its place. It reads nothing that is stored, and writes nothing.

    Parameters
    ----------
    path : Path
        The store's file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"StoreWatch({str(self._path)!r})"

    def changed(self) -> bool:
        """Whether it was written since the last call; True at the first, and while unreadable."""
        try:
            place = os.stat(self._path)
        except FileNotFoundError:
            appeared = self._seen is not None
            self.close()
            self._seen = None
            return appeared
        try:
            if self._connection is None or (place.st_dev, place.st_ino) != (self._seen or ())[:2]:
                self.close()
                self._connection = _sqlite.connect(
                    str(self._path), busy_timeout_ms=0, read_only=True, pooled=True
                )
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            # Whoever reads it in earnest finds out what is wrong, and says so.
            self.close()
            return True
        seen = (place.st_dev, place.st_ino, version)
        changed, self._seen = seen != self._seen, seen
        return changed

    def close(self) -> None:
        """Let go of the file; a later call takes it again."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
