"""Alerts: what somebody should look at, and who did."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("trader", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_ns", _INT64),
        sqlite_strict=True,
    )
    op.create_index("alerts_by_time", "alerts", ["ts_ns"])
