"""The statements that write to a trading store, and the queries that read from it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nautilus_lab.platform.store._projection import FACTS
from nautilus_lab.platform.store._rows import OPEN_INTENTS
from nautilus_lab.platform.store._statement import Statement, count_up, insert, insert_new, upsert
from nautilus_lab.platform.store._tables import (
    Int64,
    audit,
    audit_archived,
    audit_spools,
    commands,
    epochs,
    equity,
    fills,
    journal,
    orders,
    outbox,
    strategy_days,
)

# Nautilus' names of the states that an order does not leave
_CLOSED = ("DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED")

_writer: sa.BindParameter[str] = sa.bindparam("writer")
_epoch: sa.BindParameter[int] = sa.bindparam("epoch")


class Writes:
    """Every statement that writes, or reads in order to write, compiled for one dialect."""

    def __init__(self, dialect: sa.Dialect) -> None:
        last = (
            sa.select(sa.func.max(outbox.c.seq))
            .where(outbox.c.writer == _writer, outbox.c.epoch == _epoch)
            .scalar_subquery()
        )
        fill = sa.select(*(fills.c[name] for name in FACTS)).where(
            fills.c.venue == sa.bindparam("venue"), fills.c.trade_id == sa.bindparam("trade_id")
        )
        mark = (
            sa.update(journal)
            .where(
                journal.c.id == sa.bindparam("intent"),
                journal.c.state.in_([sa.literal_column(f"'{s}'") for s in sorted(OPEN_INTENTS)]),
            )
            .values(state=sa.bindparam("state"))
        )
        self.writers = Statement(sa.select(epochs.c.writer).order_by(epochs.c.writer), dialect)
        at = sa.tuple_(sa.bindparam("epoch", type_=Int64), sa.bindparam("seq", type_=Int64))
        is_alert = outbox.c.topic.like(sa.literal_column("'system.alert.%'"))
        # Only of an alert is the event itself read: most are orders and fills.
        self.events_and_alerts = Statement(
            sa.select(outbox.c.epoch, outbox.c.seq, sa.case((is_alert, outbox.c.envelope)))
            .where(outbox.c.writer == _writer, sa.tuple_(outbox.c.epoch, outbox.c.seq) > at)
            .order_by(outbox.c.epoch, outbox.c.seq),
            dialect,
        )
        self.next_epoch = count_up(epochs, dialect, epochs.c.epoch)
        # the writer's present epoch, and the last number in the epoch asked for, if any
        self.position = Statement(
            sa.select(epochs.c.epoch, last).where(epochs.c.writer == _writer), dialect
        )
        self.add_event = insert(outbox, dialect)
        self.put_order = upsert(orders, dialect)
        self.add_fill = insert_new(fills, dialect)
        self.fill = Statement(fill, dialect)
        self.add_intent = Statement(
            sa.insert(journal).returning(journal.c.id),
            dialect,
            [column.name for column in journal.columns if not column.primary_key],
        )
        self.mark = Statement(mark, dialect)
        self.add_audit = insert(audit, dialect)
        self.note_archived = insert(audit_archived, dialect)
        self.cut_audit = Statement(
            sa.delete(audit).where(
                audit.c.chain == sa.bindparam("chain"), audit.c.seq <= sa.bindparam("seq")
            ),
            dialect,
        )
        self.note_spool = insert(audit_spools, dialect)
        self.audit_page = Statement(
            sa.select(audit)
            .where(audit.c.chain == sa.bindparam("chain"), audit.c.seq >= sa.bindparam("seq"))
            .order_by(audit.c.seq)
            .limit(sa.bindparam("most"))
            .offset(sa.literal_column("0")),
            dialect,
        )
        self.add_command = insert_new(commands, dialect)
        self.command = Statement(
            sa.select(commands).where(commands.c.id == sa.bindparam("id")), dialect
        )
        # an end is noted once: what was answered first is what is repeated
        self.end_command = Statement(
            sa.update(commands)
            .where(commands.c.id == sa.bindparam("command"), commands.c.ended_ns.is_(None))
            .values(ended_ns=sa.bindparam("ended_ns"), result=sa.bindparam("result")),
            dialect,
        )
        self.forget_commands = Statement(_forget_commands(), dialect)
        self.add_equity = insert_new(equity, dialect)
        self.put_strategy_day = upsert(strategy_days, dialect)


def _forget_commands() -> sa.Delete:
    # Those that are too old, and of the others the oldest beyond so many.
    first_kept = (
        sa.select(commands.c.begun_ns)
        .order_by(commands.c.begun_ns.desc())
        .limit(sa.literal_column("1"))
        .offset(sa.bindparam("most"))
        .scalar_subquery()
    )
    return sa.delete(commands).where(
        sa.or_(commands.c.begun_ns < sa.bindparam("before_ns"), commands.c.begun_ns <= first_kept)
    )


def latest_epoch(writer: str) -> sa.Select[int]:
    """Select the epoch that `writer` is in."""
    return sa.select(epochs.c.epoch).where(epochs.c.writer == writer)


def latest_seq(writer: str, epoch: int) -> sa.Select[int | None]:
    """Select the number of the last event of `writer` in `epoch`."""
    return sa.select(sa.func.max(outbox.c.seq)).where(
        outbox.c.writer == writer, outbox.c.epoch == epoch
    )


def events_after(writer: str, epoch: int, seq: int, limit: int) -> sa.Select[bytes]:
    """Select the encoded events of `writer` after (`epoch`, `seq`), the oldest first."""
    return (
        sa.select(outbox.c.envelope)
        .where(
            outbox.c.writer == writer,
            sa.tuple_(outbox.c.epoch, outbox.c.seq) > sa.tuple_(epoch, seq),
        )
        .order_by(outbox.c.epoch, outbox.c.seq)
        .limit(limit)
    )


def latest_alerts(limit: int | None) -> sa.Select[bytes]:
    """Select the encoded alerts of every writer, the latest first."""
    return (
        sa.select(outbox.c.envelope)
        .where(outbox.c.topic.startswith("system.alert.", autoescape=True))
        .order_by(outbox.c.ts_ns.desc())
        .limit(limit)
    )


def one_event(writer: str, epoch: int, seq: int) -> sa.Select[bytes]:
    """Select an encoded event."""
    return sa.select(outbox.c.envelope).where(
        outbox.c.writer == writer, outbox.c.epoch == epoch, outbox.c.seq == seq
    )


def latest_orders(working_only: bool, limit: int | None) -> sa.Select[*tuple[Any, ...]]:
    """Select the rows of orders, the most recent first."""
    newest_first = (orders.c.ts_ns.desc(), orders.c.epoch.desc(), orders.c.seq.desc())
    wanted = sa.select(orders).order_by(*newest_first).limit(limit)
    return wanted.where(orders.c.status.not_in(_CLOSED)) if working_only else wanted


def one_order(client_order_id: str) -> sa.Select[*tuple[Any, ...]]:
    """Select the row of an order."""
    return sa.select(orders).where(orders.c.client_order_id == client_order_id)


def all_fills(client_order_id: str | None) -> sa.Select[*tuple[Any, ...]]:
    """Select the rows of fills as they happened."""
    wanted = sa.select(fills).order_by(fills.c.ts_ns, fills.c.epoch, fills.c.seq)
    if client_order_id is None:
        return wanted
    return wanted.where(fills.c.client_order_id == client_order_id)


def intents(open_only: bool, client_order_id: str | None) -> sa.Select[*tuple[Any, ...]]:
    """Select the rows of the journal as they were written."""
    wanted = sa.select(journal).order_by(journal.c.id)
    if open_only:
        wanted = wanted.where(journal.c.state.in_(sorted(OPEN_INTENTS)))
    if client_order_id is not None:
        wanted = wanted.where(journal.c.client_order_id == client_order_id)
    return wanted


def audit_head(chain: str) -> sa.Select[*tuple[Any, ...]]:
    """Select the last row of `chain`."""
    return sa.select(audit).where(audit.c.chain == chain).order_by(audit.c.seq.desc()).limit(1)


def audit_chains() -> sa.Select[str]:
    """Select the ids of the chains."""
    return sa.select(audit.c.chain).distinct().order_by(audit.c.chain)


def audit_tail(chain: str, kind: str, limit: int) -> sa.Select[*tuple[Any, ...]]:
    """Select the last rows of `chain`, the last first, whose kind begins with `kind`."""
    wanted = (
        sa.select(audit).where(audit.c.chain == chain).order_by(audit.c.seq.desc()).limit(limit)
    )
    return wanted.where(audit.c.kind.startswith(kind, autoescape=True)) if kind else wanted


def audit_archives(chain: str) -> sa.Select[*tuple[Any, ...]]:
    """Select what of `chain` is archived, the oldest first."""
    return (
        sa.select(audit_archived)
        .where(audit_archived.c.chain == chain)
        .order_by(audit_archived.c.seq)
    )


def spool_entries(spool: str) -> sa.Select[int]:
    """Select how many entries of `spool` the chain has."""
    return sa.select(audit_spools.c.entries).where(audit_spools.c.id == spool)
