"""Alerts of every process stand here: how far each climbed, and what of it was delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MATTER = ["trader", "component", "rule", "scope"]
_UNTAKEN = "taken_ns IS NULL"
_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Give alerts what the monitor notes; those that are there already count as delivered."""
    for column in (
        sa.Column("scope", sa.Text, nullable=False, server_default=""),
        sa.Column("level", sa.Text, nullable=False, server_default=""),
        sa.Column("source", sa.Text, nullable=False, server_default="desk.db"),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("repeat_of", sa.Text),
        sa.Column("count", _INT64, nullable=False, server_default="1"),
        sa.Column("last_ns", _INT64),
        sa.Column("taken_ns", _INT64),
        sa.Column("closed_ns", _INT64),
        sa.Column("rank", _INT64, nullable=False, server_default="0"),
        sa.Column("climbs_ns", _INT64),
        sa.Column("tighten", sa.Text, nullable=False, server_default=""),
    ):
        op.add_column("alerts", column)
    op.execute("UPDATE alerts SET taken_ns = ts_ns")
    op.create_index("alerts_by_rule", "alerts", ["trader", "rule", "scope"])
    for name, columns, which in (
        ("alerts_by_taking", ["ts_ns", "id"], _UNTAKEN),
        ("alerts_untaken", [*_MATTER, "ts_ns", "id"], _UNTAKEN),
        ("alerts_urgent", [*_MATTER, "ts_ns"], f"{_UNTAKEN} AND severity = 'critical'"),
    ):
        op.create_index(name, "alerts", columns, sqlite_where=sa.text(which))
    op.create_index("alerts_by_climb", "alerts", ["climbs_ns"])
    op.create_table(
        "deliveries",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("rank", _INT64, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", _INT64, nullable=False),
        sa.Column("created_ns", _INT64, nullable=False),
        sa.Column("next_ns", _INT64, nullable=False),
        sa.Column("ended_ns", _INT64),
        sa.Column("error", sa.Text, nullable=False),
        sa.CheckConstraint("severity IN ('critical', 'warning', 'info')"),
        sqlite_strict=True,
    )
    op.create_index(
        "deliveries_by_channel", "deliveries", ["channel", "state", "severity", "next_ns"]
    )
    op.create_table(
        "alert_steps",
        sa.Column("id", _INT64, primary_key=True),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("alert_steps_by_alert", "alert_steps", ["alert_id"])
    op.create_table(
        "set_aside",
        sa.Column("id", _INT64, primary_key=True),
        sa.Column("ts_ns", _INT64, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_cursors",
        sa.Column("trader", sa.Text, primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("epoch", _INT64, nullable=False),
        sa.Column("seq", _INT64, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sqlite_strict=True,
    )
