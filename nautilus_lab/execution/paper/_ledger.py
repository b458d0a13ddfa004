"""The paper venue's memory: every event it ever told anybody, on disk first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.paper._archive import BookState
from nautilus_lab.execution.paper._money import Balances
from nautilus_lab.execution.paper._wire import (
    WORKING,
    VenueEvent,
    VenueFill,
    VenueOrder,
    number_of_order,
    pack,
)
from nautilus_lab.platform.failpoint import reach

# of the tables and of the events' spelling; 0 is a file before there were several order types
_VERSION = 2

# `event` is what happened and never changes. `latest` says which event is the last of each order:
# it makes a start as fast for an old book as for a young one, and can be made from `event` anew.
_TABLES = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, ts INTEGER NOT NULL,
    fills INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS fill_of ON event (number, seq) WHERE fills;
CREATE INDEX IF NOT EXISTS fill_at ON event (ts, seq) WHERE fills;
CREATE TABLE IF NOT EXISTS latest (
    number INTEGER PRIMARY KEY, client_order_id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL, ts INTEGER NOT NULL, works INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS changed_at ON latest (ts);
CREATE INDEX IF NOT EXISTS working ON latest (number) WHERE works;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_LATEST = "SELECT body FROM latest JOIN event USING (seq)"


class Ledger:
    """An append-only log of venue events and a few named facts, in one SQLite file.

    It is the `Archive` of the venue's book. The standard library's sqlite3 is used as it is: the
    venue stands for a broker, whose books are none of the lab's stores. What `append` wrote
    survives the end of the process at any moment; a loss of power may take the last moments
    with it (WAL, synchronous NORMAL).

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
            self._require_version()
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            # Tables and version in one transaction: a start that is killed leaves both or none.
            self._db.executescript(f"BEGIN; PRAGMA user_version = {_VERSION}; {_TABLES} COMMIT")
            path.chmod(0o600)
        except sqlite3.Error as error:
            self._db.close()
            raise self._broken(error) from None
        except StoreError:
            self._db.close()
            raise

    # --- what is written ------------------------------------------------------------------

    def append(self, events: Sequence[VenueEvent], facts: Mapping[str, str] | None = None) -> None:
        """Write `events`, and facts that hold with them, in one transaction.

        They are durable when this returns; when it raises, none of them is there.
        """
        reach("venue.before_append")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
                [
                    (e.seq, e.order.number, e.order.ts_last, e.fill is not None, pack(e))
                    for e in events
                ],
            )
            self._db.executemany(
                "INSERT INTO latest VALUES (?, ?, ?, ?, ?) ON CONFLICT (number)"
                " DO UPDATE SET seq = excluded.seq, ts = excluded.ts, works = excluded.works",
                [_latest(event) for event in {e.order.number: e for e in events}.values()],
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

    # --- what is read ---------------------------------------------------------------------

    def events(self, after: int = 0, *, most: int = -1) -> Iterator[VenueEvent]:
        """Yield the events after number `after`, oldest first, `most` of them or all.

        Raises
        ------
        StoreError
            When the file cannot be read, or an event is missing from it.
        """
        query = "SELECT body FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
        for expected, event in enumerate(self._read(query, after, most), after + 1):
            if event.seq != expected:
                raise self._gap(expected)
            yield event

    def state(self, deposited: Decimal) -> BookState:
        """Return what a book goes on with that began with `deposited` USD.

        Raises
        ------
        StoreError
            When the file cannot be read, or an event is missing from it.
        """
        last, number, fills = self._row(
            "SELECT ifnull(max(seq), 0), count(*), total(fills) FROM event"
        )
        if last != number:
            raise self._gap(number)
        latest, newest, orders = self._row(
            "SELECT ifnull(max(seq), 0), ifnull(max(number), 0), count(*) FROM latest"
        )
        balances = self.fact("balances")
        if (latest, newest) != (last, orders) or bool(fills) != (balances is not None):
            raise self._broken("its parts are of different times")
        try:
            there = Balances(cash=deposited, balance=deposited, holdings={})
            if balances is not None:
                there = msgspec.json.decode(balances, type=Balances)
        except msgspec.DecodeError as error:
            raise self._broken(error) from None
        working = [e.order for e in self._read(f"{_LATEST} WHERE works ORDER BY latest.number")]
        return BookState(
            seq=number, orders=orders, fills=int(fills), balances=there, working=working
        )

    def order(self, *, client_order_id: str = "", venue_order_id: str = "") -> VenueOrder | None:
        """Return one order by either of its ids; None when there never was one."""
        if client_order_id:
            found = list(self._read(f"{_LATEST} WHERE client_order_id = ?", client_order_id))
        else:
            number = number_of_order(venue_order_id)
            found = list(self._read(f"{_LATEST} WHERE latest.number = ?", number))
        return found[0].order if found else None

    def orders(self, since_ns: int) -> list[VenueOrder]:
        """Return the orders that changed at `since_ns` or later, in the order they came."""
        query = f"{_LATEST} WHERE latest.ts >= ? ORDER BY latest.number"
        return [event.order for event in self._read(query, _bounded(since_ns))]

    def fills(self, since_ns: int) -> list[VenueFill]:
        """Return the fills at `since_ns` or later, oldest first."""
        query = "SELECT body FROM event WHERE fills AND ts >= ? ORDER BY seq"
        return [e.fill for e in self._read(query, _bounded(since_ns)) if e.fill is not None]

    def fills_of(self, venue_order_id: str) -> list[VenueFill]:
        """Return the fills of one order, oldest first."""
        query = "SELECT body FROM event WHERE fills AND number = ? ORDER BY seq"
        return [
            e.fill for e in self._read(query, number_of_order(venue_order_id)) if e.fill is not None
        ]

    def fact(self, name: str) -> str | None:
        """Return the fact `name`; None when it was never set."""
        try:
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from None
        return None if row is None else str(row[0])

    # --- how ------------------------------------------------------------------------------

    def _read(self, query: str, *values: int | str) -> Iterator[VenueEvent]:
        try:
            for (body,) in self._db.execute(query, values):
                yield _events.decode(body)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise self._broken(error) from None

    def _row(self, query: str) -> tuple[int, ...]:
        try:
            row: tuple[int, ...] = self._db.execute(query).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from None
        return row

    def _require_version(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (empty,) = self._db.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()
        if version != _VERSION and not (version == 0 and empty):
            raise StoreError(
                "a venue's book must be one that this version of nautilus_lab can read",
                value=f"{self.path} has version {version}, not {_VERSION}",
                remedy="run the version that wrote it, or begin anew: move its folder away",
            )

    def _gap(self, missing: int) -> StoreError:
        return StoreError(
            "the venue's events must be numbered without gaps",
            value=f"{missing} is missing from {self.path}",
            remedy="restore the file from a copy",
        )

    def _broken(self, error: Exception | str) -> StoreError:
        return StoreError(
            f"the paper venue's ledger must be readable and writable: {error}",
            value=str(self.path),
            remedy="restore it, or begin with a fresh account: move its whole folder away",
        )


def _latest(event: VenueEvent) -> tuple[str | int, ...]:
    order = event.order
    works = order.status in WORKING
    return order.number, order.client_order_id, event.seq, order.ts_last, works


def _bounded(ts: int) -> int:
    """Hold a time to what SQLite has numbers for."""
    return min(max(ts, -(2**63)), 2**63 - 1)


_events = msgspec.msgpack.Decoder(VenueEvent)
