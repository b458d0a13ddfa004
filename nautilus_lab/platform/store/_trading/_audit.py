"""The audit chains of a trading store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import fields

from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.store import _sqlite
from nautilus_lab.platform.store._database import intact, translating
from nautilus_lab.platform.store._guards import BrokenGuard, broken_guards, restore_guards
from nautilus_lab.platform.store._projection import audit_row
from nautilus_lab.platform.store._rows import AuditArchived, AuditRow, AuditValues
from nautilus_lab.platform.store._trading import _sql as sql
from nautilus_lab.platform.store._trading._connection import TradingConnection, check_limit

_PAGE = 1_000
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class AuditChains(TradingConnection):
    """Chains of audit rows: appended to, read, and cut up to where they are archived."""

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
        check_limit(most)
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
