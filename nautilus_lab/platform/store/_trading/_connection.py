"""What a trading store stands on: one connection, one thread, whole transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

import sqlalchemy as sa

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.store import _sqlite
from nautilus_lab.platform.store._checkpoints import Checkpoints
from nautilus_lab.platform.store._database import translating
from nautilus_lab.platform.store._rows import AuditRow
from nautilus_lab.platform.store._schema import driver_of
from nautilus_lab.platform.store._trading import _sql as sql


class TradingConnection:
    """The connection that everything which a trading store keeps is written and read by."""

    def __init__(
        self,
        engine: sa.Engine,
        connection: sa.Connection,
        where: str,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = connection
        self._driver = driver_of(connection)
        self._where = where
        self._checkpoints = checkpoints
        self._thread = threading.get_ident()
        self._writes = sql.Writes(engine.dialect)
        self._file = _sqlite.file_of(where)
        self.trouble = ""

    def _mine(self) -> sa.Connection:
        if self._connection is None:
            raise StoreError(
                "a store must be open to be used",
                value=self._where,
                remedy="open it again: TradingStore.open(path)",
            )
        if threading.get_ident() != self._thread:
            raise StoreError(
                "a trading store must be used from the thread that opened it",
                value=threading.current_thread().name,
                remedy="open one of its own for this thread, with read_only=True",
            )
        return self._connection

    @contextmanager
    def _reading(self, doing: str) -> Iterator[sa.Connection]:
        connection = self._mine()
        with translating(self._where, doing), connection.begin():
            yield connection

    def _transaction(self, doing: str) -> Transaction:
        self._mine()
        return Transaction(self, self._driver, self._where, doing, self._checkpoints)

    # Whatever is written may have its audit rows with it, in the same transaction.
    def _append(self, driver: sqlite3.Connection, rows: Sequence[AuditRow]) -> None:
        for row in rows:
            self._writes.add_audit.of(driver, row)


class Transaction:
    """Commits what is done inside, or nothing of it; its errors are ours.

    A class of its own, since it stands on the order path: two context managers made of generators
    take longer than the statements inside.
    """

    __slots__ = ("_checkpoints", "_doing", "_driver", "_store", "_where")

    def __init__(
        self,
        store: TradingConnection,
        driver: sqlite3.Connection,
        where: str,
        doing: str,
        checkpoints: Checkpoints | None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._where = where
        self._doing = doing
        self._checkpoints = checkpoints

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._driver.execute(_sqlite.BEGIN_WRITE)
        except sqlite3.Error as error:
            failed = _sqlite.translated(error, self._where, self._doing)
            self._store.trouble = failed.rule
            raise failed from None
        return self._driver

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._driver.execute("COMMIT")
            except BaseException as failed:
                error = failed
        if error is None:
            self._store.trouble = ""
            if self._checkpoints is not None:
                self._checkpoints.count()
            return
        # On a full disk SQLite has rolled back by itself.
        if self._driver.in_transaction:
            self._driver.rollback()
        try:
            with translating(self._where, self._doing):
                raise error
        except StoreError as failed:
            self._store.trouble = failed.rule
            raise


def check_limit(limit: int | None) -> None:
    """Require that at least one row is asked for; None is all of them."""
    if limit is not None and not limit > 0:
        raise InputError("limit must be positive", value=limit)
