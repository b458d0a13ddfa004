"""A statement of SQLAlchemy Core, compiled once and run through the driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ClauseElement

from nautilus_lab.exceptions import InputError

# dialect -> its INSERT with an ON CONFLICT clause; both spell it alike
_INSERTS: dict[str, Callable[[sa.Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class Statement:
    """What stands on the order path.

    Core compiles, caches and wraps on every call: an intent and its audit row together took
    185 us through `Connection.execute` and 43 us through the driver (medians, file on disk). So
    a statement is written in Core, for any dialect, and only run without it.

    Parameters
    ----------
    clause : ClauseElement
        The statement; its values are bound by name.
    dialect : Dialect
        What to compile it for.
    columns : sequence of str, optional
        Of an INSERT: the columns that get a value.

    Raises
    ------
    InputError
        When the dialect binds values by name.
    """

    def __init__(
        self, clause: ClauseElement, dialect: sa.Dialect, columns: Sequence[str] | None = None
    ) -> None:
        compiled = clause.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        names: Sequence[str] | None = getattr(compiled, "positiontup", None)
        if names is None:
            raise InputError(
                "a statement's dialect must bind values by position",
                value=f"{dialect.name} with {dialect.paramstyle}",
                remedy='make its engine with paramstyle="format"',
            )
        self._names = names
        self._values_of = attrgetter(*names) if len(names) > 1 else None

    def __repr__(self) -> str:
        return f"Statement({self.sql!r})"

    def __call__(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run the statement with `values` by name; there may be more than it needs."""
        return driver.execute(self.sql, [values[name] for name in self._names])

    def of(self, driver: sqlite3.Connection, record: object) -> sqlite3.Cursor:
        """Run the statement with the attributes of `record` by name; there are two at least."""
        assert self._values_of is not None
        return driver.execute(self.sql, self._values_of(record))


def insert(table: sa.Table, dialect: sa.Dialect) -> Statement:
    """Return the INSERT of a whole row."""
    return Statement(sa.insert(table), dialect, list(table.columns.keys()))


def insert_new(table: sa.Table, dialect: sa.Dialect) -> Statement:
    """Return the INSERT that leaves a row alone whose key is there already."""
    clause = _INSERTS[dialect.name](table).on_conflict_do_nothing()
    return Statement(clause, dialect, list(table.columns.keys()))


def merge(table: sa.Table, dialect: sa.Dialect, keep: Collection[str] = ()) -> sa.Insert:
    """Return the INSERT that gives the row with the same key new values, but for `keep`."""
    clause = _INSERTS[dialect.name](table)
    changed = [c.name for c in table.columns if not c.primary_key and c.name not in keep]
    merged: sa.Insert = clause.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: clause.excluded[name] for name in changed},
    )
    return merged


def upsert(table: sa.Table, dialect: sa.Dialect) -> Statement:
    """Return `merge` for the order path."""
    return Statement(merge(table, dialect), dialect, list(table.columns.keys()))


def count_up(table: sa.Table, dialect: sa.Dialect, counter: sa.Column[int]) -> Statement:
    """Return the INSERT that begins `counter` at 1, adds 1 from then on, and returns it."""
    one: sa.ColumnElement[int] = sa.literal_column("1")
    (key,) = table.primary_key
    clause = (
        _INSERTS[dialect.name](table)
        .values({key: sa.bindparam(key.name), counter: one})
        .on_conflict_do_update(index_elements=[key], set_={counter.name: counter + one})
        .returning(counter)
    )
    return Statement(clause, dialect)
