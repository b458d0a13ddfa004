"""What orders tell since they have triggers, parents and lists; and which commands were done."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Give orders a column for the rest, none of it known of earlier ones; make the table."""
    op.add_column("orders", sa.Column("details", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "commands",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("begun_ns", _INT64, nullable=False),
        sa.Column("ended_ns", _INT64),
        sa.Column("result", sa.LargeBinary),
        sqlite_strict=True,
    )
    op.create_index("commands_by_time", "commands", ["begun_ns"])
