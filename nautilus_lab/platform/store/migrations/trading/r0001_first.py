"""Orders, fills, journal, outbox, epochs, and the audit chain with its guards."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")

# dialect -> what keeps the audit table append-only and chained. A REPLACE deletes without firing
# the DELETE trigger unless recursive_triggers is on; the INSERT trigger stops it either way.
_GUARDS = {
    "sqlite": (
        """
        CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit BEGIN
            SELECT RAISE(ABORT, 'audit rows must not be changed');
        END
        """,
        """
        CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
            SELECT RAISE(ABORT, 'audit rows must not be deleted');
        END
        """,
        """
        CREATE TRIGGER audit_is_chained BEFORE INSERT ON audit BEGIN
            SELECT RAISE(ABORT, 'an audit row must follow the last one: wrong seq')
            WHERE NEW.seq IS NOT
                (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit WHERE chain = NEW.chain);
            SELECT RAISE(ABORT, 'an audit row must follow the last one: wrong prev')
            WHERE NEW.prev IS NOT COALESCE(
                (SELECT hash FROM audit WHERE chain = NEW.chain ORDER BY seq DESC LIMIT 1),
                zeroblob(32)
            );
            SELECT RAISE(ABORT, 'an audit hash must have 32 bytes')
            WHERE length(NEW.hash) IS NOT 32;
        END
        """,
    ),
}


def _envelope_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("source_ts_ns", _INT64),
        sa.Column("trader", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("epoch", _INT64, nullable=False),
        sa.Column("seq", _INT64, nullable=False),
        sa.Column("simulated", _FLAG, nullable=False),
    )


def upgrade() -> None:
    """Make the tables and the guards."""
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.Text, primary_key=True),
        sa.Column("venue_order_id", sa.Text),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("order_type", sa.Text, nullable=False),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("filled", sa.Text, nullable=False),
        sa.Column("limit_price", sa.Text),
        sa.Column("average_price", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        *_envelope_columns(),
        sqlite_strict=True,
    )
    op.create_table(
        "fills",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("trade_id", sa.Text, primary_key=True),
        sa.Column("client_order_id", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("price", sa.Text, nullable=False),
        sa.Column("commission", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        *_envelope_columns(),
        sqlite_strict=True,
    )
    op.create_index("fills_by_order", "fills", ["client_order_id"])
    op.create_table(
        "journal",
        sa.Column("id", _INT64, primary_key=True),
        sa.Column("client_order_id", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("journal_by_order", "journal", ["client_order_id"])
    op.create_table(
        "outbox",
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("epoch", _INT64, primary_key=True),
        sa.Column("seq", _INT64, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("seq", _INT64, primary_key=True),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "epochs",
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("epoch", _INT64, nullable=False),
        sqlite_strict=True,
    )
    for guard in _GUARDS[op.get_context().dialect.name]:
        op.execute(guard)
