"""The paper venue's memory: every event it ever told anybody, on disk first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.paper._wire import VenueEvent, pack
from nautilus_lab.platform.failpoint import reach

# of the events' spelling; 0 is a file before there were several order types
_VERSION = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Ledger:
    """An append-only log of venue events and a few named facts, in one SQLite file.

    The standard library's sqlite3 is used as it is: the venue stands for a broker, whose books
    are none of the lab's stores. What `append` wrote survives the end of the process at any
    moment; a loss of power may take the last moments with it (WAL, synchronous NORMAL).

    Raises
    ------
    StoreError
        When the file is none that this version can read and write.
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
            self._require_version()
        except sqlite3.Error as error:
            self._db.close()
            raise self._broken(error) from None
        except StoreError:
            self._db.close()
            raise
        path.chmod(0o600)

    def events(self, after: int = 0, *, most: int = -1) -> Iterator[VenueEvent]:
        """Yield the events after number `after`, oldest first, `most` of them or all.

        Raises
        ------
        StoreError
            When the file cannot be read, or an event is missing from it.
        """
        expected = after + 1
        try:
            rows = self._db.execute(
                "SELECT seq, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, most)
            )
            for seq, body in rows:
                if seq != expected:
                    raise StoreError(
                        "the venue's events must be numbered without gaps",
                        value=f"{expected} is missing from {self.path}",
                        remedy="restore the file from a copy",
                    )
                expected += 1
                yield _events.decode(body)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise self._broken(error) from None

    def append(self, events: Sequence[VenueEvent], facts: Mapping[str, str] | None = None) -> None:
        """Write `events`, and facts that hold with them, in one transaction.

        They are durable when this returns; when it raises, none of them is there.
        """
        reach("venue.before_append")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO event VALUES (?, ?)", [(e.seq, pack(e)) for e in events]
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO fact VALUES (?, ?)", list((facts or {}).items())
            )
            reach("venue.before_commit")
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._broken(error) from None
        reach("venue.after_append")

    def fact(self, name: str) -> str | None:
        """Return the fact `name`; None when it was never set."""
        try:
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from None
        return None if row is None else str(row[0])

    def settled(self, name: str, value: str) -> str:
        """Return the fact `name`, which is `value` from now on if it was never set."""
        try:
            self._db.execute("INSERT OR IGNORE INTO fact VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise self._broken(error) from None
        return self.fact(name) or value

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _require_version(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (empty,) = self._db.execute("SELECT NOT EXISTS (SELECT 1 FROM event)").fetchone()
        if version == 0 and empty:
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise StoreError(
                "a venue's book must be one that this version of nautilus_lab can read",
                value=f"{self.path} has version {version}, not {_VERSION}",
                remedy="run the version that wrote it, or begin anew: move its folder away",
            )

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"the paper venue's ledger must be readable and writable: {error}",
            value=str(self.path),
            remedy="restore it, or begin with a fresh account: move its whole folder away",
        )


_events = msgspec.msgpack.Decoder(VenueEvent)
