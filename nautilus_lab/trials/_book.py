"""The file of the ledger: entries are added at its end, and nothing else is ever done to it.

SQLite keeps it: an entry is there whole or not at all whatever ends the process, and processes
that write at once wait for each other. Each entry has the hash of the one before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.exceptions import AuditError, LabError, StoreError, StoreUnwritable
from nautilus_lab.trials._entry import GENESIS, Entry, chained, sum_of

_WAIT_S = 60.0
_VERSION = 1
# The payload stands last: who reads only the heads does not read what lies beyond them.
_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,
    study TEXT NOT NULL,
    previous TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    head TEXT NOT NULL,
    payload BLOB NOT NULL
) STRICT
"""
_GUARDS = {
    f"entries_no_{verb}": (
        f"CREATE TRIGGER IF NOT EXISTS entries_no_{verb} BEFORE {verb.upper()} ON entries "
        "BEGIN SELECT RAISE(ABORT, 'the ledger of trials is only ever added to'); END"
    )
    for verb in ("update", "delete")
}
_UNWRITABLE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether the ledger is as it was written.

    Attributes
    ----------
    n_entries : int
    head : str
        Digest of the last entry: who notes it can tell later whether anything before it changed,
        or was cut off.
    faults : tuple of str
        What is wrong, each with its entry; empty when nothing is.
    """

    n_entries: int
    head: str
    faults: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def __repr__(self) -> str:
        said = "as written" if self.ok else f"NOT as written: {'; '.join(self.faults[:3])}"
        return f"Verification({self.n_entries:,} entries, {said}, head {self.head[:16]})"


class Book:
    """The entries of one ledger."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def require_writable(self) -> None:
        """Raise StoreUnwritable when nothing could be added now."""
        with self._open(write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")

    def append(self, study: str, head: str, payload: bytes) -> Entry:
        """Add an entry; it is on the disk when this returns.

        Raises
        ------
        StoreUnwritable
            When the file is locked by somebody who does not end, the disk full, or it may not be
            written; then nothing of the entry is there.
        StoreError
            When the file is no ledger.
        """
        summed = sum_of(payload)
        with self._open(write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                last = connection.execute(
                    "SELECT seq, digest FROM entries ORDER BY seq DESC LIMIT 1"
                ).fetchone()
                seq, previous = (1, GENESIS) if last is None else (last[0] + 1, last[1])
                digest = chained(previous, seq, study, head, summed)
                connection.execute(
                    "INSERT INTO entries (seq, study, previous, digest, head, payload) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (seq, study, previous, digest, head, payload),
                )
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return Entry(
            seq=seq, study=study, head=head, payload=payload, previous=previous, digest=digest
        )

    def entries(self, studies: Sequence[str] | None = None) -> Iterator[Entry]:
        """Yield entries in their order, each checked against its digest.

        Raises
        ------
        AuditError
            When one is not as it was written.
        """
        seqs = [seq for seq, study, _ in self.heads() if studies is None or study in studies]
        for seq in seqs:
            found = self.entry(seq)
            if found is not None:
                yield found

    def entry(self, seq: int) -> Entry | None:
        """Return one entry, checked; None when there is none."""
        if not self._exists():
            return None
        with self._open(write=False) as connection:
            found = self._entry(connection, seq)
        if found is not None and not found.sound:
            raise AuditError(
                "an entry of the ledger must be as it was written",
                value=f"entry {seq} of {self.path} was changed",
                remedy="take the file from a backup; nautilus-lab trials verify tells what changed",
            )
        return found

    def heads(self) -> list[tuple[int, str, str]]:
        """Return number, study and head of each entry, without what it holds."""
        if not self._exists():
            return []
        with self._open(write=False) as connection:
            rows = connection.execute("SELECT seq, study, head FROM entries ORDER BY seq")
            return [(int(seq), str(study), str(head)) for seq, study, head in rows]

    def verify(self, expected: str = "") -> Verification:
        """Check every entry and the chain; a digest that is expected must be in it."""
        if not self._exists():
            gone = (f"no entry has the digest {expected}",) if expected else ()
            return Verification(n_entries=0, head=GENESIS, faults=gone)
        faults, previous, n, met = [], GENESIS, 0, not expected
        with self._open(write=False) as connection:
            for (seq,) in connection.execute("SELECT seq FROM entries ORDER BY seq").fetchall():
                n += 1
                if seq != n:
                    faults.append(f"entry {n} is missing")
                    n = seq
                found = self._entry(connection, seq)
                if found is None:
                    faults.append(f"entry {seq} went away while it was read")
                    continue
                if not found.sound:
                    faults.append(f"entry {seq} was changed")
                if found.previous != previous:
                    faults.append(f"entry {seq} does not follow entry {seq - 1}")
                previous = found.digest
                met = met or found.digest.startswith(expected)
            guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
            kept = dict(guards.fetchall())
        for name, sql in _GUARDS.items():
            if kept.get(name, "").replace("IF NOT EXISTS ", "") != sql.replace(
                "IF NOT EXISTS ", ""
            ):
                faults.append(f"the guard {name} was taken away")
        if not met:
            faults.append(f"no entry has the digest {expected}")
        return Verification(n_entries=n, head=previous, faults=tuple(faults))

    def _exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _entry(self, connection: sqlite3.Connection, seq: int) -> Entry | None:
        row = connection.execute(
            "SELECT study, previous, digest, head, payload FROM entries WHERE seq = ?", (seq,)
        ).fetchone()
        if row is None:
            return None
        study, previous, digest, head, payload = row
        return Entry(
            seq=seq, study=study, head=head, payload=payload, previous=previous, digest=digest
        )

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """Connect for one use: a connection must not cross a fork, nor a thread."""
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            # Also to read: what a killed process left half is rolled back by the next to open it.
            # SQLite reads a file that may not be written all the same.
            uri = f"{self.path.absolute().as_uri()}?mode={'rwc' if write else 'rw'}"
            with closing(
                sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)
            ) as connection:
                if write:
                    connection.execute("PRAGMA synchronous = FULL")
                    self._make(connection)
                yield connection
        except LabError:
            raise
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        except sqlite3.Error as error:
            kind = getattr(error, "sqlite_errorcode", None)
            if kind is not None and kind & 0xFF in _UNWRITABLE:
                raise self._unwritable(str(error)) from error
            raise StoreError(
                "the ledger of trials must be readable",
                value=f"{self.path}: {error}",
                remedy="take the file from a backup",
            ) from error

    def _make(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == _VERSION:
            return
        if version > _VERSION:
            raise StoreError(
                f"the ledger must have format {_VERSION}",
                value=f"{self.path} has {version}",
                remedy="use the version of nautilus-lab that wrote it",
            )
        connection.execute("BEGIN IMMEDIATE")
        for statement in (_TABLE, *_GUARDS.values(), f"PRAGMA user_version = {_VERSION}"):
            connection.execute(statement)
        connection.execute("COMMIT")

    def _unwritable(self, why: str) -> StoreUnwritable:
        return StoreUnwritable(
            "the ledger of trials must be readable and writable",
            value=f"{self.path}: {why}",
            remedy="free the disk, or name another folder: Ledger(folder)",
        )
