"""The store of one trader: orders, fills, journal, outbox and audit chain."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import sqlalchemy as sa

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.messages import EVENTS, Envelope, OrderFilled, OrderUpdated
from nautilus_lab.platform.store import _sqlite
from nautilus_lab.platform.store import _trading_sql as sql
from nautilus_lab.platform.store._checkpoints import Checkpoints
from nautilus_lab.platform.store._database import engine_for, intact, place_of, translating
from nautilus_lab.platform.store._guards import BrokenGuard, broken_guards, restore_guards
from nautilus_lab.platform.store._projection import (
    FACTS,
    audit_row,
    fill_event,
    fill_row,
    order_event,
    order_row,
)
from nautilus_lab.platform.store._rows import (
    OPEN_INTENTS,
    AuditArchived,
    AuditRow,
    AuditValues,
    CommandRow,
    IntentState,
    JournalRow,
    OrderIntent,
    check_choice,
)
from nautilus_lab.platform.store._schema import TRADING, driver_of, prepare

_log = logging.getLogger(__name__)

_PAGE = 1_000
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_COMMAND = tuple(field.name for field in fields(CommandRow))


class TradingStore:
    """What a trader did, in one file, written by its node alone.

    The one rule: a store is used from the thread that opened it, which for a node is the thread
    of its event loop; every method is short enough for that. Others read the same file through
    a store of their own, opened with ``read_only=True``.

    Every method that writes is one transaction: all of it is there after it returned, whatever
    happens to the process then, and nothing of it when it raised. A loss of power may take the
    last commits with it, never the order or the integrity of what is left; see
    ``docs/platform/store.md``.

    Attributes
    ----------
    trouble : str
        The rule that the last write broke; empty when it was written.

    Examples
    --------
    >>> from nautilus_lab.platform.messages import NodeStateChanged, envelope
    >>> with TradingStore.open(":memory:") as store:
    ...     epoch = store.begin_epoch("node")
    ...     body = NodeStateChanged(component="node", state="running")
    ...     event = envelope(body, "system.node.T-1", trader="T-1", writer="node", epoch=epoch)
    ...     store.record(event).seq
    1
    """

    def __init__(
        self,
        engine: sa.Engine,
        connection: sa.Connection,
        where: str,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = connection
        self._driver = driver_of(connection)
        self._where = where
        self._checkpoints = checkpoints
        self._thread = threading.get_ident()
        self._writes = sql.Writes(engine.dialect)
        self._file = _sqlite.file_of(where)
        self.trouble = ""

    @classmethod
    def open(
        cls, path: Path | str, *, busy_timeout_ms: int = 5_000, read_only: bool = False
    ) -> Self:
        """Open the store at `path`; make or migrate it when that is needed.

        Parameters
        ----------
        path : path or str
            The file; ``":memory:"`` for a store that ends with the process; or a ``sqlite:`` URL.
        busy_timeout_ms : int, default=5000
            How long a write waits for another process to finish its own, milliseconds.
        read_only : bool, default=False
            Write nothing, not even a missing file.

        Raises
        ------
        StoreError
            When the file cannot be opened, is no trading store, or is of a newer schema. It is
            left as it was.
        InputError
            When an argument is out of bounds.
        """
        where = place_of(path)
        engine = engine_for(
            where, busy_timeout_ms=busy_timeout_ms, read_only=read_only, pooled=False
        )
        with translating(where, "opening it"):
            connection = engine.connect()
            try:
                prepare(
                    connection,
                    TRADING,
                    where,
                    busy_timeout_ms=busy_timeout_ms,
                    read_only=read_only,
                )
                checkpoints = None
                if not read_only and where != _sqlite.MEMORY:
                    checkpoints = Checkpoints(
                        driver_of(connection),
                        lambda: _sqlite.connect(
                            where, busy_timeout_ms=busy_timeout_ms, read_only=False, pooled=False
                        ),
                        where,
                    )
                return cls(engine, connection, where, checkpoints)
            except BaseException:
                connection.close()
                raise

    def __repr__(self) -> str:
        state = "closed" if self._connection is None else "open"
        return f"TradingStore({self._where!r}, {state})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        if self._connection is not None:
            with translating(self._where, "closing it"):
                connection = self._mine()
                if self._checkpoints is not None:
                    self._checkpoints.close()
                connection.close()
                self._engine.dispose()
            self._connection = None

    # --- events ---------------------------------------------------------------------------

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
        _check_limit(limit)
        with self._reading("reading the outbox") as connection:
            stored = connection.scalars(sql.events_after(writer, epoch, seq, limit)).all()
        return tuple([messages.decode(data) for data in stored])

    def alerts(self, *, limit: int | None = None) -> tuple[Envelope, ...]:
        """Return what the trader's processes raised (`AlertRaised`), the latest first.

        It reads the whole outbox, which has no index of topics: not for an order path.

        Parameters
        ----------
        limit : int, optional
            At most so many.

        Raises
        ------
        MessageError
            When a stored event cannot be read back.
        """
        _check_limit(limit)
        with self._reading("reading the alerts") as connection:
            stored = connection.scalars(sql.latest_alerts(limit)).all()
        return tuple([messages.decode(data) for data in stored])

    def alerts_since(
        self, positions: Mapping[str, tuple[int, int]]
    ) -> tuple[tuple[Envelope, ...], dict[str, tuple[int, int]]]:
        """Return the alerts after `positions`, of each writer the oldest first, and what follows.

        Parameters
        ----------
        positions : mapping of str to (int, int)
            writer -> the epoch and number of the last event that the caller saw; a writer that
            is not named is read from its beginning.

        Returns
        -------
        tuple of Envelope, dict
            The alerts, and the positions to ask with the next time.

        Raises
        ------
        MessageError
            When a stored event cannot be read back.
        """
        found: list[bytes] = []
        after = dict(positions)
        with self._reading("reading new alerts"):
            for (writer,) in self._writes.writers(self._driver, {}).fetchall():
                epoch, seq = after.get(writer, (0, 0))
                values = {"writer": writer, "epoch": epoch, "seq": seq}
                for epoch, seq, alert in self._writes.events_and_alerts(self._driver, values):
                    after[writer] = (epoch, seq)
                    if alert is not None:
                        found.append(alert)
        return tuple([messages.decode(data) for data in found]), after

    def event_id(self, writer: str, epoch: int, seq: int) -> str | None:
        """Return the id of an event; None when there is none of that number."""
        with self._reading("reading an event") as connection:
            data = connection.scalar(sql.one_event(writer, epoch, seq))
        return None if data is None else messages.decode(data).id

    def orders(
        self, *, working_only: bool = False, limit: int | None = None
    ) -> tuple[Envelope, ...]:
        """Return the last event of each order, the most recent first.

        Parameters
        ----------
        working_only : bool, default=False
            Leave out what is filled, cancelled, expired, rejected or denied.
        limit : int, optional
            At most so many.
        """
        _check_limit(limit)
        with self._reading("reading the orders") as connection:
            rows = connection.execute(sql.latest_orders(working_only, limit)).mappings().all()
        with intact(self._where):
            return tuple([order_event(row) for row in rows])

    def order(self, client_order_id: str) -> Envelope | None:
        """Return the last event of an order; None when there is none of that id."""
        with self._reading("reading an order") as connection:
            row = connection.execute(sql.one_order(client_order_id)).mappings().first()
        if row is None:
            return None
        with intact(self._where):
            return order_event(row)

    def fills(self, *, client_order_id: str | None = None) -> tuple[Envelope, ...]:
        """Return every fill, or those of one order, as they happened."""
        with self._reading("reading the fills") as connection:
            rows = connection.execute(sql.all_fills(client_order_id)).mappings().all()
        with intact(self._where):
            return tuple([fill_event(row) for row in rows])

    # --- intents --------------------------------------------------------------------------

    def intend(
        self, client_order_id: str, command: str, body: dict[str, object], audit: AuditRow
    ) -> int:
        """Store an order intent and the audit row that tells of it, both or neither.

        It stands on the order path, between the check and the venue. `AuditTrail.intend` makes
        the audit row and calls this.

        Parameters
        ----------
        client_order_id, command, body
            See `OrderIntent`.
        audit : AuditRow
            The next row of its chain; the intent takes its time.

        Returns
        -------
        int
            The intent's number in the journal.

        Raises
        ------
        InputError
            When `body` has no canonical JSON: a float, a NaN.
        AuditError
            When `audit` does not follow the chain's last row.
        StoreError
            When the store cannot write.
        """
        intent = OrderIntent(client_order_id=client_order_id, command=command, body=body)
        return self.intend_many((intent,), (audit,))[0]

    def intend_many(
        self, intents: Sequence[OrderIntent], audit: Sequence[AuditRow]
    ) -> tuple[int, ...]:
        """Store several intents, each with its audit row, in one transaction; see `intend`."""
        with self._transaction("writing an intent") as driver:
            return self._intend(driver, intents, audit)

    def fold_spool(
        self,
        spool: str,
        entries: int,
        intents: Sequence[OrderIntent],
        audit: Sequence[AuditRow],
        before: Sequence[AuditRow] = (),
    ) -> tuple[int, ...]:
        """Store what a spool kept while nothing could be written, once, in one transaction.

        Parameters
        ----------
        spool : str
            The spool's id; one that is noted already is refused.
        entries : int
            How many entries it has.
        intents, audit
            As `intend_many` takes them; each intent has the time of its audit row.
        before : sequence of AuditRow
            Audit rows that precede them.

        Raises
        ------
        StoreError
            When that spool was folded before, or the store cannot write.
        """
        note = {"id": spool, "entries": entries, "ts_ns": time.time_ns()}
        with self._transaction("folding a spool") as driver:
            self._writes.note_spool(driver, note)
            self._append(driver, before)
            return self._intend(driver, intents, audit)

    def spool_entries(self, spool: str) -> int | None:
        """Return how many entries of a spool were folded; None when it was not."""
        with self._reading("reading what was folded") as connection:
            return connection.scalar(sql.spool_entries(spool))

    def _intend(
        self,
        driver: sqlite3.Connection,
        intents: Sequence[OrderIntent],
        audit: Sequence[AuditRow],
    ) -> tuple[int, ...]:
        if len(intents) != len(audit):
            raise InputError(
                "every intent must come with its audit row",
                value=f"{len(intents)} intents, {len(audit)} audit rows",
            )
        rows = [
            {
                "client_order_id": intent.client_order_id,
                "command": intent.command,
                "body": intent.text,
                "ts_ns": told.ts_ns,
                "state": intent.state,
            }
            for intent, told in zip(intents, audit, strict=True)
        ]
        ids = [self._writes.add_intent(driver, row).fetchall()[0][0] for row in rows]
        reach("journal.in_transaction")
        self._append(driver, audit)
        return tuple(ids)

    def mark(self, intent_id: int, state: IntentState) -> None:
        """Say what became of an intent.

        Raises
        ------
        StoreError
            When there is no such intent, or its outcome is known already.
        """
        self.mark_many(((intent_id, state),))

    def mark_many(self, outcomes: Iterable[tuple[int, IntentState]]) -> None:
        """Say what became of several intents, in one transaction, all or none; see `mark`."""
        with self._transaction("marking intents") as driver:
            for intent_id, state in outcomes:
                check_choice("the state of an intent", state, IntentState)
                if not self._writes.mark(driver, {"intent": intent_id, "state": state}).rowcount:
                    raise StoreError(
                        f"an intent must be there and be one of {', '.join(sorted(OPEN_INTENTS))}",
                        value=intent_id,
                        remedy="read it back with journal()",
                    )

    def journal(
        self, *, open_only: bool = False, client_order_id: str | None = None
    ) -> tuple[JournalRow, ...]:
        """Return the intents as they were written.

        Parameters
        ----------
        open_only : bool, default=False
            Only those whose outcome is not known: what recovery has to ask the venue about.
        client_order_id : str, optional
            Only those of one order.
        """
        with self._reading("reading the journal") as connection:
            rows = connection.execute(sql.intents(open_only, client_order_id)).mappings().all()
        with intact(self._where):
            return tuple([JournalRow(**{**row, "body": json.loads(row["body"])}) for row in rows])

    # --- commands -------------------------------------------------------------------------

    def begin_command(
        self, command_id: str, fingerprint: str, *, name: str = "", principal: str = ""
    ) -> CommandRow | None:
        """Note that a command begins; return its row when it was begun before.

        `nautilus_lab.platform.commands.StoreCommandLog` says what a row means.
        """
        row = {
            "id": command_id,
            "fingerprint": fingerprint,
            "name": name,
            "principal": principal,
            "begun_ns": time.time_ns(),
            "ended_ns": None,
            "result": None,
        }
        with self._transaction("noting a command") as driver:
            if self._writes.add_command(driver, row).rowcount:
                return None
            found = self._writes.command(driver, row).fetchone()
            return CommandRow(**dict(zip(_COMMAND, found, strict=True)))

    def finish_command(self, command_id: str, result: bytes) -> None:
        """Note how a command ended; one that is not there, or has ended, is left as it is."""
        row = {"command": command_id, "ended_ns": time.time_ns(), "result": result}
        with self._transaction("noting the end of a command") as driver:
            self._writes.end_command(driver, row)

    def forget_commands(self, *, before_ns: int, most: int) -> int:
        """Forget the commands begun before `before_ns`, keep `most` of the others; say how many.

        A forgotten command that comes again is done again: keep them for longer than anybody
        asks twice.
        """
        _check_limit(most)
        with self._transaction("forgetting commands") as driver:
            forgotten = self._writes.forget_commands(driver, {"before_ns": before_ns, "most": most})
            return int(forgotten.rowcount)

    # --- audit ----------------------------------------------------------------------------

    def append_audit(self, rows: Sequence[AuditRow], *, durable: bool = False) -> None:
        """Append `rows` to their chain, all or none.

        Parameters
        ----------
        rows : sequence of AuditRow
            They share one commit.
        durable : bool, default=False
            Wait until they are on the disk, so that not even a loss of power takes them.

        Raises
        ------
        AuditError
            When they do not follow the chain's last row.
        """
        doing = "appending to the audit chain"
        self._mine()
        waiting = _sqlite.synced(self._driver) if durable else nullcontext()
        with waiting, self._transaction(doing) as driver:
            self._append(driver, rows)

    def _append(self, driver: sqlite3.Connection, rows: Sequence[AuditRow]) -> None:
        for row in rows:
            self._writes.add_audit.of(driver, row)

    def audit_head(self, *, chain: str = "node") -> AuditRow | None:
        """Return the last row of a chain; None for one that has not begun."""
        with self._reading("reading the audit chain") as connection:
            row = connection.execute(sql.audit_head(chain)).one_or_none()
        with intact(self._where):
            return None if row is None else audit_row(row)

    def audit_chains(self) -> tuple[str, ...]:
        """Return the ids of the chains in this store, sorted."""
        with self._reading("reading the audit chains") as connection:
            return tuple(connection.scalars(sql.audit_chains()))

    def audit_rows(self, from_seq: int = 1, *, chain: str = "node") -> Iterator[AuditRow]:
        """Yield a chain's rows from `from_seq` on, a page at a time: it may be of any length."""
        for page in self.audit_pages(from_seq, chain=chain):
            with intact(self._where):
                rows = [audit_row(row) for row in page]
            yield from rows

    def audit_tail(self, most: int, *, chain: str = "node", kind: str = "") -> tuple[AuditRow, ...]:
        """Return the last rows of a chain, oldest first.

        Parameters
        ----------
        most : int
            At most so many.
        chain : str, default="node"
            The chain's id.
        kind : str, optional
            Only rows whose kind begins so.
        """
        _check_limit(most)
        with self._reading("reading the end of the audit chain") as connection:
            rows = connection.execute(sql.audit_tail(chain, kind, most)).all()
        with intact(self._where):
            return tuple([audit_row(row) for row in reversed(rows)])

    def audit_pages(
        self, from_seq: int | None = None, *, chain: str = "node", size: int = _PAGE
    ) -> Iterator[list[AuditValues]]:
        """Yield a chain's rows as their columns, `size` at a time; for who verifies all of them.

        A column may hold whatever somebody put there, and text that is not Unicode comes with
        surrogates in its place.

        Parameters
        ----------
        from_seq : int, optional
            Where to begin; with whatever row is the lowest when not given.
        chain : str, default="node"
            The chain's id.
        size : int, default=1000
            Rows a page.
        """
        key: dict[str, object] = {"chain": chain, "most": size}
        seq = _LOWEST if from_seq is None else from_seq
        driver = self._driver
        while True:
            self._mine()
            with translating(self._where, "reading the audit chain"):
                try:
                    page = self._writes.audit_page(driver, key | {"seq": seq}).fetchall()
                except (sqlite3.OperationalError, UnicodeDecodeError) as error:
                    if "decode" not in str(error).lower():
                        raise
                    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
                    try:
                        page = self._writes.audit_page(driver, key | {"seq": seq}).fetchall()
                    finally:
                        driver.text_factory = str
            if page:
                yield page
            last = page[-1][1] if page else None
            # What is no number, or the highest, was never written: nothing comes after it.
            if len(page) < size or not isinstance(last, int) or last >= _HIGHEST:
                return
            seq = last + 1

    def audit_archives(self, *, chain: str = "node") -> tuple[AuditArchived, ...]:
        """Return up to where a chain is archived, the oldest note first."""
        with self._reading("reading what is archived") as connection:
            rows = connection.execute(sql.audit_archives(chain)).mappings().all()
        with intact(self._where):
            return tuple([AuditArchived(**row) for row in rows])

    def cut_audit(self, archived: AuditArchived) -> int:
        """Note that a chain is archived up to a row and delete it up to there; say how many.

        One transaction: the store has all of the rows, or the note and none of them.

        Raises
        ------
        AuditError
            When the note does not fit the chain, or would take its last row.
        """
        row = {field.name: getattr(archived, field.name) for field in fields(AuditArchived)}
        with self._transaction("cutting the audit chain") as driver:
            self._writes.note_archived(driver, row)
            reach("audit.in_cut")
            return int(self._writes.cut_audit(driver, row).rowcount)

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is open still has its name: else what is written is lost."""
        return self._file == _sqlite.file_of(self._where)

    def broken_guards(self) -> tuple[BrokenGuard, ...]:
        """Return what keeps the audit tables append-only and is not as it was made."""
        with self._reading("reading the guards of the audit tables"):
            return broken_guards(self._driver)

    def restore_guards(
        self, seal: Callable[[Sequence[BrokenGuard], Sequence[BrokenGuard]], Sequence[AuditRow]]
    ) -> tuple[BrokenGuard, ...]:
        """Put back what of the guards is not as it was made, and append what tells of it.

        Parameters
        ----------
        seal : callable
            Takes what was broken and what could not be put back; returns the audit rows that are
            appended in the same transaction. Not called when nothing was broken.

        Returns
        -------
        tuple of BrokenGuard
            What was broken.
        """
        with self._transaction("restoring the guards of the audit tables") as driver:
            broken = broken_guards(driver)
            if broken:
                restore_guards(driver, broken)
                self._append(driver, seal(broken, broken_guards(driver)))
        return broken

    # --- transactions ---------------------------------------------------------------------

    def _mine(self) -> sa.Connection:
        if self._connection is None:
            raise StoreError(
                "a store must be open to be used",
                value=self._where,
                remedy="open it again: TradingStore.open(path)",
            )
        if threading.get_ident() != self._thread:
            raise StoreError(
                "a trading store must be used from the thread that opened it",
                value=threading.current_thread().name,
                remedy="open one of its own for this thread, with read_only=True",
            )
        return self._connection

    @contextmanager
    def _reading(self, doing: str) -> Iterator[sa.Connection]:
        connection = self._mine()
        with translating(self._where, doing), connection.begin():
            yield connection

    def _transaction(self, doing: str) -> _Transaction:
        self._mine()
        return _Transaction(self, self._driver, self._where, doing, self._checkpoints)


class _Transaction:
    """Commits what is done inside, or nothing of it; its errors are ours.

    A class of its own, since it stands on the order path: two context managers made of generators
    take longer than the statements inside.
    """

    __slots__ = ("_checkpoints", "_doing", "_driver", "_store", "_where")

    def __init__(
        self,
        store: TradingStore,
        driver: sqlite3.Connection,
        where: str,
        doing: str,
        checkpoints: Checkpoints | None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._where = where
        self._doing = doing
        self._checkpoints = checkpoints

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._driver.execute(_sqlite.BEGIN_WRITE)
        except sqlite3.Error as error:
            failed = _sqlite.translated(error, self._where, self._doing)
            self._store.trouble = failed.rule
            raise failed from None
        return self._driver

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._driver.execute("COMMIT")
            except BaseException as failed:
                error = failed
        if error is None:
            self._store.trouble = ""
            if self._checkpoints is not None:
                self._checkpoints.count()
            return
        # On a full disk SQLite has rolled back by itself.
        if self._driver.in_transaction:
            self._driver.rollback()
        try:
            with translating(self._where, self._doing):
                raise error
        except StoreError as failed:
            self._store.trouble = failed.rule
            raise


def _check_limit(limit: int | None) -> None:
    if limit is not None and not limit > 0:
        raise InputError("limit must be positive", value=limit)
