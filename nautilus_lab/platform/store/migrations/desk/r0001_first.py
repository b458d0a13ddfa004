"""Principals, and the ledger of notebook runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "principals",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("created_ns", _INT64, nullable=False),
        sa.Column("disabled", _FLAG, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("notebook", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("notebook_sha256", sa.Text, nullable=False),
        sa.Column("git_revision", sa.Text, nullable=False),
        sa.Column("kernel", sa.Text, nullable=False),
        sa.Column("data_manifest_hash", sa.Text, nullable=False),
        sa.Column("output_path", sa.Text, nullable=False),
        sa.Column("html_path", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_ns", _INT64, nullable=False),
        sa.Column("ended_ns", _INT64),
        sa.Column("seconds", sa.Double().with_variant(sa.REAL(), "sqlite")),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("attempt", _INT64, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("runs_by_notebook", "runs", ["notebook", "started_ns"])
