"""The epochs of writers, and the events that they tell: the outbox."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import EVENTS, Envelope, OrderFilled, OrderUpdated
from nautilus_lab.platform.store import _sqlite
from nautilus_lab.platform.store._database import translating
from nautilus_lab.platform.store._projection import FACTS, fill_row, order_row
from nautilus_lab.platform.store._rows import AuditRow
from nautilus_lab.platform.store._trading import _sql as sql
from nautilus_lab.platform.store._trading._connection import TradingConnection, check_limit

_log = logging.getLogger(__name__)


class Events(TradingConnection):
    """Events as their writers number them; an order's and a fill's also become their row."""

    def begin_epoch(self, writer: str) -> int:
        """Begin the next epoch of `writer` and return its number; the first is 1.

        From here on events of an earlier epoch of `writer` are refused, so that a node that was
        believed dead cannot write among those of its successor. The number is on the disk when
        this returns: not even a loss of power lets two epochs share one.
        """
        doing = "beginning an epoch"
        self._mine()
        with (
            translating(self._where, doing),
            _sqlite.synced(self._driver),
            self._transaction(doing) as driver,
        ):
            ((epoch,),) = self._writes.next_epoch(driver, {"writer": writer}).fetchall()
        return int(epoch)

    def latest_epoch(self, writer: str) -> int:
        """Return the epoch that `writer` is in; 0 when it never began one."""
        with self._reading("reading the epoch") as connection:
            return connection.scalar(sql.latest_epoch(writer)) or 0

    def record(self, event: Envelope) -> Envelope | None:
        """Store an event and give it its number.

        Parameters
        ----------
        event : Envelope
            An event without `seq`, of its writer's present epoch. An `OrderUpdated` also becomes
            the order's row, an `OrderFilled` a fill's.

        Returns
        -------
        Envelope or None
            The event with the `seq` it was stored under; None for a fill whose trade id is
            already stored for its venue: then nothing was written.

        Raises
        ------
        InputError
            When it is a state, or has a number already.
        StoreError
            When the epoch is not the writer's present one, or the store cannot write.
        """
        return self.record_many((event,))[0]

    def record_many(
        self,
        events: Sequence[Envelope],
        *,
        audit: Callable[[Sequence[Envelope]], Sequence[AuditRow]] = lambda stored: (),
    ) -> tuple[Envelope | None, ...]:
        """Store several events in one transaction, all or none; see `record`.

        Parameters
        ----------
        events : sequence of Envelope
            What is stored, in this order.
        audit : callable, optional
            Takes those that were stored and returns the audit rows that tell of them; they are
            appended in the same transaction.

        Raises
        ------
        AuditError
            When these rows do not follow the chain's last row.
        """
        for event in events:
            if not isinstance(event.body, EVENTS) or event.seq is not None:
                raise InputError(
                    "what is recorded must be an event without a number",
                    value=f"{type(event.body).__name__} with seq {event.seq}",
                    remedy="publish states on the bus; let the store number the events",
                )
        with self._transaction("recording events") as driver:
            told = tuple([self._record(driver, event) for event in events])
            self._append(driver, audit([event for event in told if event is not None]))
            return told

    def _record(self, driver: sqlite3.Connection, event: Envelope) -> Envelope | None:
        writes, body = self._writes, event.body
        key = {"writer": event.writer, "epoch": event.epoch}
        present, last = writes.position(driver, key).fetchone() or (0, None)
        if event.epoch != present:
            raise StoreError(
                f"an event must belong to the present epoch of {event.writer}, which is {present}",
                value=f"epoch {event.epoch}",
                remedy="begin an epoch when the writer starts; end a writer that was replaced",
            )
        numbered = msgspec.structs.replace(event, seq=(last or 0) + 1)
        if isinstance(body, OrderFilled):
            row = fill_row(numbered, body)
            if not writes.add_fill(driver, row).rowcount:
                self._compare_fill(driver, row)
                return None
        elif isinstance(body, OrderUpdated):
            writes.put_order(driver, order_row(numbered, body))
        stored = {
            "seq": numbered.seq,
            "topic": event.topic,
            "ts_ns": event.ts,
            "envelope": messages.encode(numbered),
        }
        writes.add_event(driver, key | stored)
        return numbered

    def _compare_fill(self, driver: sqlite3.Connection, row: dict[str, object]) -> None:
        # A replay is quiet; the same trade with other facts is a fault, the venue's or ours.
        stored = dict(zip(FACTS, self._writes.fill(driver, row).fetchone(), strict=True))
        came = {name: row[name] for name in FACTS}
        if stored != came:
            _log.warning(
                "trade %s of %s was reported again with other facts and dropped: %s, now %s",
                row["trade_id"],
                row["venue"],
                stored,
                came,
            )

    def latest_seq(self, writer: str, epoch: int) -> int:
        """Return the number of the last event of `writer` in `epoch`; 0 when there is none."""
        with self._reading("reading the last number") as connection:
            return connection.scalar(sql.latest_seq(writer, epoch)) or 0

    def outbox_after(
        self, writer: str, epoch: int, seq: int, limit: int = 1_000
    ) -> tuple[Envelope, ...]:
        """Return the events of `writer` after (`epoch`, `seq`), later epochs included.

        Parameters
        ----------
        writer : str
            Whose events.
        epoch, seq : int
            The last event the caller has; (0, 0) for all.
        limit : int, default=1000
            At most so many, the oldest.

        Raises
        ------
        MessageError
            When a stored event cannot be read back.
        """
        check_limit(limit)
        with self._reading("reading the outbox") as connection:
            stored = connection.scalars(sql.events_after(writer, epoch, seq, limit)).all()
        return tuple([messages.decode(data) for data in stored])

    def event_id(self, writer: str, epoch: int, seq: int) -> str | None:
        """Return the id of an event; None when there is none of that number."""
        with self._reading("reading an event") as connection:
            data = connection.scalar(sql.one_event(writer, epoch, seq))
        return None if data is None else messages.decode(data).id
