"""Leases of firm limits, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_APPEND_ONLY = "a lease event is never changed"


def upgrade() -> None:
    """Make the tables, and keep the events as they are written."""
    op.create_table(
        "firm_leases",
        sa.Column("limit", sa.Text, primary_key=True),
        sa.Column("token", _INT64, primary_key=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("amount", _INT64, nullable=False),
        sa.Column("used", _INT64, nullable=False),
        sa.Column("needed", _INT64, nullable=False),
        sa.Column("declared", _INT64, nullable=False),
        sa.Column("expires_ns", _INT64, nullable=False),
        sa.Column("expires_boot_ns", _INT64, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lease_events",
        sa.Column("id", _INT64, primary_key=True),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("happening", sa.Text, nullable=False),
        sa.Column("limit", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("token", _INT64, nullable=False),
        sa.Column("amount", _INT64, nullable=False),
        sa.Column("used", _INT64, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lease_tokens",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("token", _INT64, nullable=False),
        sqlite_strict=True,
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER lease_events_no_{verb.lower()} BEFORE {verb} ON lease_events "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        )
