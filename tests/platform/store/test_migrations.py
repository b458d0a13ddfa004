"""The migrations lead to the tables that the code uses."""

from __future__ import annotations

import importlib
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.audit import AuditTrail, next_row
from nautilus_lab.platform.messages import OrderUpdated
from nautilus_lab.platform.store import (
    AuditArchived,
    DeskStore,
    HistoryStore,
    LeaseStore,
    TradingStore,
    _schema,
    _tables,
)
from nautilus_lab.platform.store._file import StoreFile
from nautilus_lab.platform.store._trading import _sql as trading_sql

SCHEMAS = [
    pytest.param(_schema.TRADING, TradingStore, _tables.trading, id="trading"),
    pytest.param(_schema.DESK, DeskStore, _tables.desk, id="desk"),
    pytest.param(_schema.HISTORY, HistoryStore, _tables.history, id="history"),
    pytest.param(_schema.LEASES, LeaseStore, _tables.leases, id="leases"),
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
    writes = vars(trading_sql.Writes(postgresql.dialect(paramstyle="format")))
    assert "ON CONFLICT (client_order_id) DO UPDATE" in writes["put_order"].sql
    assert all(("%s" in s.sql) == bool(s._names) for s in writes.values())
    with pytest.raises(InputError, match="bind values by position"):
        trading_sql.Writes(postgresql.dialect())


def test_the_schemas_differ_in_what_marks_their_files():
    assert _schema.TRADING.application_id != _schema.DESK.application_id


def test_a_migration_that_fails_leaves_the_file_without_a_schema(tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "r0001_first.py").write_text(
        "from alembic import op\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (x)')\n"
    )
    (folder / "r0002_second.py").write_text(
        "from alembic import op\nrevision, down_revision = '0002', '0001'\n"
        "def upgrade():\n    op.execute('NONSENSE')\n"
    )
    (folder / "r0003_third.py").write_text(
        "revision, down_revision = '0003', '0002'\ndef upgrade():\n    pass\n"
    )
    monkeypatch.setattr(_schema.Schema, "folder", folder)
    with pytest.raises(StoreError, match="must be able to do what it is asked"):
        DeskStore.open(tmp_path / "x.db")
    monkeypatch.undo()
    DeskStore.open(tmp_path / "x.db").close()  # nothing of it stayed


def test_a_missing_migration_is_an_error_of_ours(tmp_path, monkeypatch):
    (tmp_path / "none").mkdir()
    monkeypatch.setattr(_schema.Schema, "folder", tmp_path / "none")
    with pytest.raises(StoreError, match="migrated step by step"):
        TradingStore.open(tmp_path / "x.db")


# --- from one schema to the next ----------------------------------------------------------


def made_at(schema, kind, file, monkeypatch):
    """Make a store as the code of that schema did."""
    with monkeypatch.context() as patch:
        patch.setattr(_schema, schema.name.upper(), schema)
        if issubclass(kind, StoreFile):
            patch.setattr(kind, "_schema", schema)
        else:
            patch.setattr(importlib.import_module(kind.__module__), schema.name.upper(), schema)
        kind.open(file).close()


@pytest.fixture
def first_trading(tmp_path, monkeypatch):
    """A trading store of the first schema, with an order and a fill that it wrote."""
    file = tmp_path / "trading.db"
    made_at(replace(_schema.TRADING, head="0001"), TradingStore, file, monkeypatch)
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("INSERT INTO epochs VALUES ('node', 1)")
        raw.execute(
            "INSERT INTO orders VALUES ('O-1', 'V-1', 'tilt', 'AAPL.PAPER', 'BUY', 'LIMIT', '100',"
            " '40', '101.50', '101.25', 'PARTIALLY_FILLED', '', 'id-1', 'trading.order.T-1.tilt',"
            " 7, NULL, 'T-1', 'node', 1, 1, 1)"
        )
        raw.execute(
            "INSERT INTO fills VALUES ('PAPER', 'X-1', 'O-1', 'tilt', 'AAPL.PAPER', 'BUY', '40',"
            " '101.250', '0.41', 'USD', 'id-2', 'trading.fill.T-1.tilt', 8, NULL, 'T-1', 'node',"
            " 1, 2, 1)"
        )
        raw.execute(
            "INSERT INTO journal (client_order_id, command, body, ts_ns, state)"
            " VALUES ('O-1', 'submit', '{}', 6, 'ACKNOWLEDGED')"
        )
    return file


def test_what_the_first_schema_held_is_read_back_after_its_migration(first_trading, order):
    with pytest.raises(StoreError, match="migrated by its writer"):
        TradingStore.open(first_trading, read_only=True)
    with TradingStore.open(first_trading) as store:
        (told,) = store.orders()
        assert told.body == OrderUpdated(
            client_order_id="O-1",
            venue_order_id="V-1",
            strategy="tilt",
            instrument="AAPL.PAPER",
            side="BUY",
            order_type="LIMIT",
            quantity=Decimal("100"),
            filled=Decimal("40"),
            limit_price=Decimal("101.50"),
            average_price=Decimal("101.25"),
            status="PARTIALLY_FILLED",
        )
        assert (told.ts, told.seq, told.simulated) == (7, 1, True)
        assert [fill.body.trade_id for fill in store.fills()] == ["X-1"]
        assert len(store.journal()) == 1
        assert store.latest_epoch("node") == 1
        epoch = store.begin_epoch("node")
        store.record(order("O-2", epoch=epoch, by="ana"))
        assert [o.body.by for o in store.orders()] == ["ana", ""]
    with TradingStore.open(first_trading, read_only=True) as reader:
        assert len(reader.orders()) == 2


def test_the_audit_chain_stays_guarded_after_a_migration(first_trading):
    with TradingStore.open(first_trading) as store:
        AuditTrail(store).append("node.started", {}, actor="node")
    with (
        closing(sqlite3.connect(first_trading, isolation_level=None)) as raw,
        pytest.raises(sqlite3.IntegrityError, match="must not be changed"),
    ):
        raw.execute("UPDATE audit SET actor = 'nobody'")


def test_a_migration_that_fails_leaves_the_older_file_as_it_was(
    first_trading, tmp_path, monkeypatch
):
    folder = tmp_path / "broken"
    shutil.copytree(_schema.TRADING.folder, folder)
    (folder / "r0002_details_commands.py").write_text(
        "from alembic import op\nrevision, down_revision = '0002', '0001'\n"
        "def upgrade():\n    op.execute('ALTER TABLE orders ADD COLUMN details TEXT')\n"
        "    op.execute('NONSENSE')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(_schema.Schema, "folder", folder)
        with pytest.raises(StoreError, match="must be able to do what it is asked"):
            TradingStore.open(first_trading)
    with TradingStore.open(first_trading) as store:
        assert len(store.orders()) == 1


def test_runs_of_the_first_desk_schema_are_there_after_its_migration(tmp_path, monkeypatch):
    file = tmp_path / "desk.db"
    made_at(replace(_schema.DESK, head="0001"), DeskStore, file, monkeypatch)
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("""INSERT INTO principals VALUES ('ana', '["trader"]', 1, 0)""")
    with DeskStore.open(file) as store:
        assert store.principal("ana").roles == ("trader",)
        assert store.alerts() == ()


def test_the_chain_of_an_earlier_schema_goes_on_and_can_be_archived(tmp_path, monkeypatch):
    file = tmp_path / "trading.db"
    made_at(replace(_schema.TRADING, head="0002"), TradingStore, file, monkeypatch)
    rows, last = [], None
    for number in range(4):
        last = next_row(last, chain="node", ts_ns=number, actor="ana", kind="note", body={})
        rows.append(last)
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        for row in rows:
            values = (row.chain, row.seq, row.ts_ns, row.actor, row.kind, row.body)
            raw.execute("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?)", (*values, row.prev, row.hash))
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)
    with TradingStore.open(file) as store:
        trail = AuditTrail(store)
        assert trail.append("note", {}, actor="ana").seq == 5
        assert trail.verify().rows == 5
        note = {"file": "a.jsonl.gz", "sha256": bytes(32), "ts_ns": 1}
        archived = AuditArchived(chain="node", seq=2, hash=rows[1].hash, **note)
        assert store.cut_audit(archived) == 2
        assert trail.verify().ok
        assert store.audit_archives() == (archived,)


def test_alerts_of_the_second_desk_schema_count_as_delivered(tmp_path, monkeypatch):
    file = tmp_path / "desk.db"
    made_at(replace(_schema.DESK, head="0002"), DeskStore, file, monkeypatch)
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute(
            "INSERT INTO alerts VALUES ('a', 7, 'warning', 'supervisor', '', 'it must', '', '', "
            "NULL, NULL)"
        )
    with DeskStore.open(file) as store:
        (alert,) = store.alerts(open_only=True)
        assert (alert.taken_ns, alert.source, alert.count) == (7, "desk.db", 1)
