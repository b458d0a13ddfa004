"""What came over the bus, how far each writer was followed, and what nobody could supply."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("trader", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("epoch", _INT64, nullable=False),
        sa.Column("seq", _INT64),
        sa.Column("simulated", _FLAG, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("events_by_time", "events", ["ts_ns"])
    op.create_index("events_by_number", "events", ["trader", "writer", "epoch", "seq"])
    op.create_table(
        "positions",
        sa.Column("trader", sa.Text, primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("epoch", _INT64, nullable=False),
        sa.Column("seq", _INT64, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "gaps",
        sa.Column("id", _INT64, primary_key=True),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("trader", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("epoch", _INT64, nullable=False),
        sa.Column("seq", _INT64, nullable=False),
        sa.Column("next_epoch", _INT64, nullable=False),
        sa.Column("next_seq", _INT64, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
