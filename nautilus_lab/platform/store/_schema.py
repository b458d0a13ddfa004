"""Bringing a store's file to the schema that the code knows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.store import _sqlite


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a kind of store looks like.

    Attributes
    ----------
    name : str
        Its folder of migrations.
    head : str
        The newest revision. Revisions are four digits and ascend, so that a file from a newer
        version is known as such without its migrations.
    application_id : int
        What marks a file as this kind of store.
    """

    name: str
    head: str
    application_id: int

    @property
    def folder(self) -> Path:
        """Where its migrations are."""
        return Path(__file__).parent / "migrations" / self.name


TRADING = Schema(name="trading", head="0004", application_id=0x4E4C_5452)  # "NLTR"
DESK = Schema(name="desk", head="0003", application_id=0x4E4C_444B)  # "NLDK"
HISTORY = Schema(name="history", head="0001", application_id=0x4E4C_4849)  # "NLHI"
LEASES = Schema(name="leases", head="0001", application_id=0x4E4C_4C53)  # "NLLS"


def prepare(
    connection: sa.Connection, schema: Schema, where: str, *, busy_timeout_ms: int, read_only: bool
) -> None:
    """Migrate the store behind `connection`, or see that it needs no migration.

    Nothing is written before it is known that the file is empty or ours.

    Raises
    ------
    StoreError
        When the file is of another kind or of a newer schema, or has to be migrated and may
        not be.
    """
    driver = driver_of(connection)
    revision = _revision(driver, schema, where)
    if read_only:
        if revision != schema.head:
            raise StoreError(
                "a store must be made or migrated by its writer before it is read",
                value=where,
                remedy="start that writer once; for a trading store it is the node",
            )
        return
    _sqlite.use_write_ahead_log(driver, busy_timeout_ms)
    if revision != schema.head:
        _migrate(connection, schema, where)


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    """Return the driver's own connection below `connection`."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # the one dialect that can be opened
    return driver


def _revision(driver: sqlite3.Connection, schema: Schema, where: str) -> str | None:
    found = _sqlite.identity(driver)
    if found is None:
        return None
    application_id, revision = found
    if application_id != schema.application_id:
        raise StoreError(
            f"the file must be a {schema.name} store",
            value=where,
            remedy="name another file; this one was left as it is",
        )
    if revision is None or not revision <= schema.head:
        raise StoreError(
            f"a {schema.name} store must not be newer than the code, whose schema is {schema.head}",
            value=f"{where} has schema {revision}",
            remedy="upgrade nautilus_lab; the file was left as it is",
        )
    return revision


def _migrate(connection: sa.Connection, schema: Schema, where: str) -> None:
    # Seldom needed, and slow to import.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    scripts = ScriptDirectory(schema.folder, version_locations=[schema.folder])
    connection.execution_options(write=True)
    try:
        # One transaction: another process that opens the file waits here, then finds it done.
        with connection.begin():
            current = _revision(driver_of(connection), schema, where)
            missing = list(scripts.iterate_revisions(schema.head, current or "base"))
            context = MigrationContext.configure(connection)
            for script in reversed(missing):
                with Operations.context(context):
                    script.module.upgrade()
                context.stamp(scripts, script.revision)
            _sqlite.mark(driver_of(connection), schema.application_id)
    except (CommandError, RevisionError) as error:
        raise StoreError(
            f"a {schema.name} store must be migrated step by step: {error}",
            value=where,
            remedy="install nautilus_lab again: a migration is missing",
        ) from None
    finally:
        connection.execution_options(write=False)
