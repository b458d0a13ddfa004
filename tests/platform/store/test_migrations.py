"""The migrations lead to the tables that the code uses."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.store import DeskStore, TradingStore, _schema, _tables, _trading_sql

SCHEMAS = [
    pytest.param(_schema.TRADING, TradingStore, _tables.trading, id="trading"),
    pytest.param(_schema.DESK, DeskStore, _tables.desk, id="desk"),
]


def scripts_of(schema):
    return ScriptDirectory(schema.folder, version_locations=[schema.folder])


@pytest.mark.parametrize(("schema", "kind", "metadata"), SCHEMAS)
def test_the_newest_migration_is_the_schema_the_code_names(schema, kind, metadata):
    assert scripts_of(schema).get_heads() == [schema.head]


@pytest.mark.parametrize(("schema", "kind", "metadata"), SCHEMAS)
def test_revisions_are_four_digits_and_ascend(schema, kind, metadata):
    revisions = [script.revision for script in scripts_of(schema).walk_revisions()][::-1]
    assert revisions == [f"{n:04d}" for n in range(1, len(revisions) + 1)]
    assert all(re.fullmatch(r"\d{4}", revision) for revision in revisions)


@pytest.mark.parametrize(("schema", "kind", "metadata"), SCHEMAS)
def test_a_migrated_file_has_the_tables_of_the_code(schema, kind, metadata, tmp_path):
    kind.open(tmp_path / "x.db").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = {
            name: connection.scalar(
                sa.text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name}
            )
            for name in metadata.tables
        }
    # what a comparison does not see: strictness, the missing row id
    wanted = sa.create_mock_engine("sqlite://", lambda clause: None)
    for name, table in metadata.tables.items():
        text = str(sa.schema.CreateTable(table).compile(dialect=wanted.dialect))
        assert " ".join(made[name].split()) == " ".join(text.split())
    engine.dispose()


@pytest.mark.parametrize(("schema", "kind", "metadata"), SCHEMAS)
def test_the_tables_can_be_made_on_postgresql_too(schema, kind, metadata):
    for table in metadata.sorted_tables:
        ddl = str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "STRICT" not in ddl
        assert "ROWID" not in ddl
    assert "BIGINT" in ddl


def test_every_statement_can_be_said_to_postgresql_too():
    writes = vars(_trading_sql.Writes(postgresql.dialect(paramstyle="format")))
    assert "ON CONFLICT (client_order_id) DO UPDATE" in writes["put_order"].sql
    assert all("%s" in statement.sql for statement in writes.values())
    with pytest.raises(InputError, match="bind values by position"):
        _trading_sql.Writes(postgresql.dialect())


def test_the_schemas_differ_in_what_marks_their_files():
    assert _schema.TRADING.application_id != _schema.DESK.application_id


def test_a_migration_that_fails_leaves_the_file_without_a_schema(tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "r0001_first.py").write_text(
        "from alembic import op\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (x)')\n    op.execute('NONSENSE')\n"
    )
    monkeypatch.setattr(_schema.Schema, "folder", folder)
    with pytest.raises(StoreError, match="must be able to do what it is asked"):
        TradingStore.open(tmp_path / "x.db")
    monkeypatch.undo()
    TradingStore.open(tmp_path / "x.db").close()  # nothing of it stayed


def test_a_missing_migration_is_an_error_of_ours(tmp_path, monkeypatch):
    (tmp_path / "none").mkdir()
    monkeypatch.setattr(_schema.Schema, "folder", tmp_path / "none")
    with pytest.raises(StoreError, match="migrated step by step"):
        TradingStore.open(tmp_path / "x.db")
