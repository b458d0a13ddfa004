"""The door to SQLAlchemy: opening a store, its transactions, and what its errors become."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.store import _sqlite


def engine_for(where: str, *, busy_timeout_ms: int, read_only: bool, pooled: bool) -> sa.Engine:
    """Return the engine of the store at `where`; connects to nothing yet.

    Transactions of ``engine.execution_options(write=True)`` take the write lock as they begin.
    """
    if not 0 <= busy_timeout_ms <= 600_000:
        raise InputError("busy_timeout_ms must lie in [0, 600000]", value=busy_timeout_ms)
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: _sqlite.connect(
            where, busy_timeout_ms=busy_timeout_ms, read_only=read_only, pooled=pooled
        ),
        poolclass=QueuePool if pooled else NullPool,
    )

    @sa.event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql(_sqlite.BEGIN_WRITE if write else _sqlite.BEGIN_READ)

    return engine


def place_of(where: Path | str) -> str:
    """Return the file that `where` names: a path, ``:memory:`` or a ``sqlite:`` URL.

    Raises
    ------
    InputError
        When it is neither.
    """
    text = str(where)
    if "\0" in text or not text:
        raise InputError("a store's path must be a path", value=repr(text))
    if isinstance(where, Path) or "://" not in text:
        return text if text == _sqlite.MEMORY else str(Path(text).absolute())
    try:
        url = sa.make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "sqlite":
        raise InputError("a store must be a SQLite file", value=text, remedy="pass its path")
    return place_of(url.database or _sqlite.MEMORY)


@contextmanager
def translating(where: str, doing: str) -> Iterator[None]:
    """Turn what the database raises inside into errors of ours.

    Raises
    ------
    StoreError
        In place of any error of SQLAlchemy or the driver.
    InputError
        When a value cannot be stored: text that is not Unicode, an integer over 64 bits.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _sqlite.translated(error, where, doing) from None
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise _sqlite.translated(error.orig, where, doing) from None
        raise _unknown(error, where, doing) from None
    except SQLAlchemyError as error:
        raise _unknown(error, where, doing) from None
    except UnicodeDecodeError:
        # from the driver, which meets it even in the words of SQLite's own complaint
        raise _broken(where, f"text that is not Unicode while {doing}") from None
    except UnicodeEncodeError as error:
        raise InputError(
            f"text in a store must be valid Unicode: {error.reason}", value=repr(error.object)
        ) from None
    except OverflowError:
        raise InputError(
            "an integer in a store must fit 64 bits", value=f"{where}, {doing}"
        ) from None


@contextmanager
def intact(where: str) -> Iterator[None]:
    """Turn a row that does not read as what was written into a `StoreError`."""
    try:
        yield
    except (TypeError, ValueError, ArithmeticError) as error:
        raise _broken(where, f"a row that was never written: {error}") from None


def _broken(where: str, what: str) -> StoreError:
    return StoreError(
        "a store must be intact",
        value=f"{where}: {what}",
        remedy="stop what writes to it, copy it away, and restore a backup",
    )


def _unknown(error: Exception, where: str, doing: str) -> StoreError:
    return StoreError(
        "a store must be able to do what it is asked",
        value=f"{where}: {error} while {doing}",
        remedy="check that the installed sqlalchemy is the one of the lock",
    )
