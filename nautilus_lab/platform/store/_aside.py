"""Rows of alerts that do not read as what was written: set aside one by one, and told of."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.store._rows import AlertRow
from nautilus_lab.platform.store._tables import alerts, set_aside

READ_RULE = "an alert in the store must be readable"
_LONGEST_NAME = 64
_LONGEST_WHY = 200
_MOST_NAMES = 20


class Damaged(Exception):
    """A row does not read as what was written; never leaves the stores."""


@contextmanager
def noticing_damage() -> Iterator[None]:
    """Raise `Damaged` for what is wrong with a row, and leave be what is wrong with the file."""
    try:
        yield
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Damaged(str(error)) from None
    except DBAPIError as error:
        # What is no text is the driver's own complaint, and has no code; what SQLite says has one.
        ours = isinstance(error.orig, sqlite3.OperationalError)
        if not ours or hasattr(error.orig, "sqlite_errorcode"):
            raise
        raise Damaged(str(error.orig)) from None


def read[T](
    connection: sa.Connection,
    table: sa.Table,
    wanted: sa.Select[Any],
    made: Callable[[sa.RowMapping], T],
    now_ns: int,
) -> list[T]:
    """Return what is `made` of the rows that are `wanted` of `table`.

    What does not read as a row is moved to the table of what was set aside, and a critical alert
    raised that names it, all in the transaction of `connection`.
    """
    try:
        with noticing_damage():
            return [made(row) for row in connection.execute(wanted).mappings().all()]
    except Damaged:
        pass
    number = sa.literal_column(f"{table.name}.rowid", sa.Integer)
    numbers = connection.scalars(wanted.with_only_columns(number, maintain_column_froms=True))
    whole, damaged = [], []
    for one in numbers.all():
        try:
            with noticing_damage():
                row = connection.execute(sa.select(table).where(number == one)).mappings().one()
                whole.append(made(row))
        except Damaged as error:
            damaged.append((one, str(error)))
    put_aside(connection, table, damaged, now_ns)
    return whole


def put_aside(
    connection: sa.Connection,
    table: sa.Table,
    damaged: Sequence[tuple[int, str]],
    now_ns: int,
) -> None:
    """Move rows, each given by its number and what is wrong with it, and raise one alert."""
    if not damaged:
        return
    named = [(_put(connection, table, one, why, now_ns), why) for one, why in damaged]
    more = len(named) - _MOST_NAMES
    told = "; ".join(f"{name} ({why})" for name, why in named[:_MOST_NAMES])
    alert = AlertRow(
        id=new_id(),
        ts_ns=now_ns,
        severity="critical",
        component="monitor",
        trader="",
        rule=READ_RULE,
        detail=_plain(f"set aside from {table.name}: {told}{f'; {more} more' * (more > 0)}"),
        remedy="see the table set_aside of desk.db, and who else writes to that file",
        # One more is another matter, and no repeat.
        scope=named[0][0],
    )
    connection.execute(sa.insert(alerts), asdict(alert))


def _put(connection: sa.Connection, table: sa.Table, number: int, why: str, now_ns: int) -> str:
    this = sa.literal_column(f"{table.name}.rowid", sa.Integer) == number
    key = next(iter(table.primary_key))
    # Bytes: whatever stands there is read and kept as it is.
    raw = sa.type_coerce(sa.cast(key, sa.LargeBinary), sa.LargeBinary)
    name = connection.scalar(sa.select(raw).where(this)) or b""
    text = _plain(name.decode("utf-8", "backslashreplace"))[:_LONGEST_NAME] or f"row {number}"
    content: sa.ColumnElement[str] = sa.literal("")
    for column in table.columns:
        content = content + f"{column.name}=" + sa.func.quote(column, type_=sa.Text) + "\n"
    kept = sa.select(
        sa.literal(now_ns),
        sa.literal(table.name),
        sa.literal(text),
        sa.literal(_plain(why)[:_LONGEST_WHY]),
        sa.cast(content, sa.LargeBinary),
    ).where(this)
    names = ["ts_ns", "origin", "name", "why", "content"]
    connection.execute(sa.insert(set_aside).from_select(names, kept.select_from(table)))
    connection.execute(sa.delete(table).where(this))
    return text


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
