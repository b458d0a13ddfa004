"""What an account was worth and when, and what each strategy had earned as a day began."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")

# dialect -> what keeps what was once told of an account as it was told
_GUARDS = {
    "sqlite": (
        """
        CREATE TRIGGER equity_is_not_updated BEFORE UPDATE ON equity BEGIN
            SELECT RAISE(ABORT, 'what an account was worth must not be changed');
        END
        """,
        """
        CREATE TRIGGER equity_is_not_deleted BEFORE DELETE ON equity BEGIN
            SELECT RAISE(ABORT, 'what an account was worth must not be deleted');
        END
        """,
    ),
}


def upgrade() -> None:
    """Make the tables; of the time before nothing is known."""
    op.create_table(
        "equity",
        sa.Column("trader", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("ts_ns", _INT64, primary_key=True),
        sa.Column("moment", sa.Text, nullable=False),
        sa.Column("equity", sa.Text),
        sa.Column("high", sa.Text),
        sa.Column("day_start", sa.Text),
        sa.Column("high_water", sa.Text),
        sa.Column("unvalued", sa.Text, nullable=False),
        sa.Column("strategies", sa.Text, nullable=False),
        sa.Column("epoch", _INT64, nullable=False),
        sa.Column("simulated", _FLAG, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "strategy_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("strategy", sa.Text, primary_key=True),
        sa.Column("earned", sa.Text),
        sa.Column("ts_ns", _INT64, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    for guard in _GUARDS[op.get_context().dialect.name]:
        op.execute(guard)
