"""The journal of a trading store: order intents and what became of them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._rows import (
    OPEN_INTENTS,
    AuditRow,
    IntentState,
    JournalRow,
    OrderIntent,
    check_choice,
)
from nautilus_lab.platform.store._trading import _sql as sql
from nautilus_lab.platform.store._trading._connection import TradingConnection


class Intents(TradingConnection):
    """What was meant to be sent to a venue, each with the audit row that tells of it."""

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
