"""The paper venue's memory: every event it ever told anybody, on disk first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.paper._wire import VenueEvent, pack

_TABLES = """
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Ledger:
    """An append-only log of venue events and a few named facts, in one SQLite file.

    The standard library's sqlite3 is used as it is: the venue stands for a broker, whose books
    are none of the lab's stores.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._broken(error) from None
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            self._db.close()
            raise self._broken(error) from None
        path.chmod(0o600)

    def events(self, after: int = 0) -> Iterator[VenueEvent]:
        """Yield the events after number `after`, oldest first.

        Raises
        ------
        StoreError
            When the file cannot be read, or an event is missing from it.
        """
        expected = after + 1
        try:
            rows = self._db.execute(
                "SELECT seq, body FROM event WHERE seq > ? ORDER BY seq", (after,)
            )
            for seq, body in rows:
                if seq != expected:
                    raise StoreError(
                        "the venue's events must be numbered without gaps",
                        value=f"{expected} is missing from {self.path}",
                        remedy="restore the file from a copy",
                    )
                expected += 1
                yield msgspec.msgpack.decode(body, type=VenueEvent)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise self._broken(error) from None

    def append(self, events: Sequence[VenueEvent]) -> None:
        """Write `events` in one transaction; they are durable when this returns."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO event VALUES (?, ?)", [(e.seq, pack(e)) for e in events]
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._broken(error) from None

    def fact(self, name: str) -> str | None:
        """Return the fact `name`; None when it was never set."""
        try:
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from None
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Write the fact `name`, durable when this returns."""
        try:
            self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"the paper venue's ledger must be readable and writable: {error}",
            value=str(self.path),
            remedy="restore it, or begin with a fresh account: move its whole folder away",
        )
