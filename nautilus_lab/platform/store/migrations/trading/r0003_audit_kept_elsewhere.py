"""Rows of an audit chain that are archived may go, and what a spool held comes in once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# dialect -> what keeps both tables to their use. A row is deleted only when a later one of its
# chain is noted as archived; that note follows the chain, is never changed, and never the last row.
_GUARDS = {
    "sqlite": (
        "DROP TRIGGER audit_is_not_deleted",
        """
        CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
        WHEN OLD.seq > COALESCE(
            (SELECT MAX(seq) FROM audit_archived WHERE chain = OLD.chain), 0
        )
        BEGIN
            SELECT RAISE(ABORT, 'audit rows must not be deleted');
        END
        """,
        """
        CREATE TRIGGER audit_archived_is_not_updated BEFORE UPDATE ON audit_archived BEGIN
            SELECT RAISE(ABORT, 'notes of archived audit rows must not be changed');
        END
        """,
        """
        CREATE TRIGGER audit_archived_is_not_deleted BEFORE DELETE ON audit_archived BEGIN
            SELECT RAISE(ABORT, 'notes of archived audit rows must not be deleted');
        END
        """,
        """
        CREATE TRIGGER audit_archived_is_true BEFORE INSERT ON audit_archived BEGIN
            SELECT RAISE(ABORT, 'what is noted as archived must be a row of the chain')
            WHERE NEW.hash IS NOT
                (SELECT hash FROM audit WHERE chain = NEW.chain AND seq = NEW.seq);
            SELECT RAISE(ABORT, 'what is noted as archived must not be the last row')
            WHERE NEW.seq >= (SELECT MAX(seq) FROM audit WHERE chain = NEW.chain);
            SELECT RAISE(ABORT, 'what is noted as archived must be more than before')
            WHERE NEW.seq <= COALESCE(
                (SELECT MAX(seq) FROM audit_archived WHERE chain = NEW.chain), 0
            );
        END
        """,
        """
        CREATE TRIGGER audit_spools_is_not_updated BEFORE UPDATE ON audit_spools BEGIN
            SELECT RAISE(ABORT, 'notes of spools must not be changed');
        END
        """,
        """
        CREATE TRIGGER audit_spools_is_not_deleted BEFORE DELETE ON audit_spools BEGIN
            SELECT RAISE(ABORT, 'notes of spools must not be deleted');
        END
        """,
    ),
}


def upgrade() -> None:
    """Make the tables and their guards, and let the chain be cut where it is archived."""
    op.create_table(
        "audit_archived",
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("seq", _INT64, primary_key=True),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_spools",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("entries", _INT64, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sqlite_strict=True,
    )
    for guard in _GUARDS[op.get_context().dialect.name]:
        op.execute(guard)
