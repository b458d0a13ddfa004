"""The tables, as the code uses them now; the migrations say how they came about."""

from __future__ import annotations

import sqlalchemy as sa

# SQLite's strict tables know INTEGER only, which holds 64 bits there.
Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.Integer(), "sqlite")

trading = sa.MetaData()
desk = sa.MetaData()
history = sa.MetaData()
leases = sa.MetaData()


def _envelope_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("ts_ns", Int64, nullable=False),
        sa.Column("source_ts_ns", Int64),
        sa.Column("trader", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("epoch", Int64, nullable=False),
        sa.Column("seq", Int64, nullable=False),
        sa.Column("simulated", Flag, nullable=False),
    )


# Money and quantities are text: SQLite has no decimals, and a float would lose digits.
orders = sa.Table(
    "orders",
    trading,
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
    # what else the event tells, as canonical JSON; only what is not at its default
    sa.Column("details", sa.Text, nullable=False, server_default="{}"),
    sqlite_strict=True,
)

fills = sa.Table(
    "fills",
    trading,
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
    sa.Index("fills_by_order", "client_order_id"),
    sqlite_strict=True,
)

journal = sa.Table(
    "journal",
    trading,
    sa.Column("id", Int64, primary_key=True),
    sa.Column("client_order_id", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Index("journal_by_order", "client_order_id"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    trading,
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("epoch", Int64, primary_key=True),
    sa.Column("seq", Int64, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

audit = sa.Table(
    "audit",
    trading,
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("seq", Int64, primary_key=True),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Up to which row each chain may be cut: what came before stands in that file.
audit_archived = sa.Table(
    "audit_archived",
    trading,
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("seq", Int64, primary_key=True),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("ts_ns", Int64, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# How many entries of each spool the chain has, written with them.
audit_spools = sa.Table(
    "audit_spools",
    trading,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("entries", Int64, nullable=False),
    sa.Column("ts_ns", Int64, nullable=False),
    sqlite_strict=True,
)

epochs = sa.Table(
    "epochs",
    trading,
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("epoch", Int64, nullable=False),
    sqlite_strict=True,
)

commands = sa.Table(
    "commands",
    trading,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("begun_ns", Int64, nullable=False),
    sa.Column("ended_ns", Int64),
    sa.Column("result", sa.LargeBinary),
    sa.Index("commands_by_time", "begun_ns"),
    sqlite_strict=True,
)

# What the account was worth, and when; rows are only added.
equity = sa.Table(
    "equity",
    trading,
    sa.Column("trader", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("ts_ns", Int64, primary_key=True),
    sa.Column("moment", sa.Text, nullable=False),
    sa.Column("equity", sa.Text),
    sa.Column("high", sa.Text),
    sa.Column("day_start", sa.Text),
    sa.Column("high_water", sa.Text),
    sa.Column("unvalued", sa.Text, nullable=False),
    # strategy -> its profit of the day, as canonical JSON; null where it is not known
    sa.Column("strategies", sa.Text, nullable=False),
    sa.Column("epoch", Int64, nullable=False),
    sa.Column("simulated", Flag, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What each strategy had earned since ever as a UTC day began; of no strategy, that a node saw it.
strategy_days = sa.Table(
    "strategy_days",
    trading,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("strategy", sa.Text, primary_key=True),
    sa.Column("earned", sa.Text),
    sa.Column("ts_ns", Int64, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

principals = sa.Table(
    "principals",
    desk,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("created_ns", Int64, nullable=False),
    sa.Column("disabled", Flag, nullable=False),
    sqlite_strict=True,
)

runs = sa.Table(
    "runs",
    desk,
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
    sa.Column("started_ns", Int64, nullable=False),
    sa.Column("ended_ns", Int64),
    sa.Column("seconds", sa.Double().with_variant(sa.REAL(), "sqlite")),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("attempt", Int64, nullable=False),
    sa.Index("runs_by_notebook", "notebook", "started_ns"),
    sqlite_strict=True,
)

# Of one of these one alert is open at a time.
_MATTER = ("trader", "component", "rule", "scope")

alerts = sa.Table(
    "alerts",
    desk,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("trader", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("acknowledged_ns", Int64),
    sa.Column("scope", sa.Text, nullable=False, server_default=""),
    sa.Column("level", sa.Text, nullable=False, server_default=""),
    sa.Column("source", sa.Text, nullable=False, server_default="desk.db"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("repeat_of", sa.Text),
    sa.Column("count", Int64, nullable=False, server_default="1"),
    sa.Column("last_ns", Int64),
    sa.Column("taken_ns", Int64),
    sa.Column("closed_ns", Int64),
    sa.Column("rank", Int64, nullable=False, server_default="0"),
    sa.Column("climbs_ns", Int64),
    sa.Column("tighten", sa.Text, nullable=False, server_default=""),
    sa.Index("alerts_by_time", "ts_ns"),
    sa.Index("alerts_by_rule", "trader", "rule", "scope"),
    # What nobody took on yet is soon taken: these stay small, however many alerts there were.
    sa.Index("alerts_by_taking", "ts_ns", "id", sqlite_where=sa.text("taken_ns IS NULL")),
    sa.Index("alerts_untaken", *_MATTER, "ts_ns", "id", sqlite_where=sa.text("taken_ns IS NULL")),
    sa.Index(
        "alerts_urgent",
        *_MATTER,
        "ts_ns",
        sqlite_where=sa.text("taken_ns IS NULL AND severity = 'critical'"),
    ),
    sa.Index("alerts_by_climb", "climbs_ns"),
    sqlite_strict=True,
)

# What is to be told where, and what became of that.
deliveries = sa.Table(
    "deliveries",
    desk,
    sa.Column("alert_id", sa.Text, primary_key=True),
    sa.Column("rank", Int64, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", Int64, nullable=False),
    sa.Column("created_ns", Int64, nullable=False),
    sa.Column("next_ns", Int64, nullable=False),
    sa.Column("ended_ns", Int64),
    sa.Column("error", sa.Text, nullable=False),
    # One of another severity would never be due.
    sa.CheckConstraint("severity IN ('critical', 'warning', 'info')"),
    sa.Index("deliveries_by_channel", "channel", "state", "severity", "next_ns"),
    sqlite_strict=True,
)

alert_steps = sa.Table(
    "alert_steps",
    desk,
    sa.Column("id", Int64, primary_key=True),
    sa.Column("alert_id", sa.Text, nullable=False),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("alert_steps_by_alert", "alert_id"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

# Rows of the tables above that did not read as what was written, as their bytes were.
set_aside = sa.Table(
    "set_aside",
    desk,
    sa.Column("id", Int64, primary_key=True),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

# How far the alerts of each writer of a trader's store were taken over.
alert_cursors = sa.Table(
    "alert_cursors",
    desk,
    sa.Column("trader", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("epoch", Int64, nullable=False),
    sa.Column("seq", Int64, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sqlite_strict=True,
)

# Not unique by number: a trader whose run directory was moved away counts from 1 again.
events = sa.Table(
    "events",
    history,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("trader", sa.Text, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("epoch", Int64, nullable=False),
    sa.Column("seq", Int64),
    sa.Column("simulated", Flag, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
    sa.Index("events_by_time", "ts_ns"),
    sa.Index("events_by_number", "trader", "writer", "epoch", "seq"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

positions = sa.Table(
    "positions",
    history,
    sa.Column("trader", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("epoch", Int64, nullable=False),
    sa.Column("seq", Int64, nullable=False),
    sqlite_strict=True,
)

gaps = sa.Table(
    "gaps",
    history,
    sa.Column("id", Int64, primary_key=True),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("trader", sa.Text, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("epoch", Int64, nullable=False),
    sa.Column("seq", Int64, nullable=False),
    sa.Column("next_epoch", Int64, nullable=False),
    sa.Column("next_seq", Int64, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

# Amounts are whole hundredths of the account's currency: their sums must be exact.
firm_leases = sa.Table(
    "firm_leases",
    leases,
    sa.Column("limit", sa.Text, primary_key=True),
    sa.Column("token", Int64, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("amount", Int64, nullable=False),
    sa.Column("used", Int64, nullable=False),
    sa.Column("needed", Int64, nullable=False),
    sa.Column("declared", Int64, nullable=False),
    sa.Column("expires_ns", Int64, nullable=False),
    sa.Column("expires_boot_ns", Int64, nullable=False),
    sa.Column("boot", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

lease_events = sa.Table(
    "lease_events",
    leases,
    sa.Column("id", Int64, primary_key=True),
    sa.Column("ts_ns", Int64, nullable=False),
    sa.Column("happening", sa.Text, nullable=False),
    sa.Column("limit", sa.Text, nullable=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("token", Int64, nullable=False),
    sa.Column("amount", Int64, nullable=False),
    sa.Column("used", Int64, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

# The last token that was given out; it only goes up, whatever becomes of the leases.
lease_tokens = sa.Table(
    "lease_tokens",
    leases,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("token", Int64, nullable=False),
    sqlite_strict=True,
)
