"""The store of leases: who may use how much of a firm's limits, shared by all its nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TypeVar

import sqlalchemy as sa

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.store import _sqlite
from nautilus_lab.platform.store._database import intact, translating
from nautilus_lab.platform.store._file import StoreFile
from nautilus_lab.platform.store._schema import LEASES, driver_of
from nautilus_lab.platform.store._statement import count_up, merge
from nautilus_lab.platform.store._tables import firm_leases, lease_events, lease_tokens

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseRow:
    """A lease as it stands in the store; amounts are whole hundredths.

    Attributes
    ----------
    limit, node : str
        Of what, and whose.
    token : int
        Of the process that holds it.
    amount, used, needed, declared : int
        What it may use, uses, would need; the limit as it was told.
    expires_ns, expires_boot_ns, boot : int, int, str
        When it ends: UNIX nanoseconds; nanoseconds since a boot, and which.
    state : str
        How it stands.
    """

    limit: str
    token: int
    node: str
    amount: int
    used: int
    needed: int
    declared: int
    expires_ns: int
    expires_boot_ns: int
    boot: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseEventRow:
    """What became of a lease; never changed.

    Attributes
    ----------
    ts_ns : int
        When, UNIX nanoseconds UTC.
    happening : str
        ``"granted"``, ``"shrunk"``, ``"expired"``, ...
    limit, node, token, amount, used
        Of the lease, as it was after that.
    by, reason : str
        Who did it, and why if a person did.
    """

    ts_ns: int
    happening: str
    limit: str
    node: str
    token: int
    amount: int
    used: int
    by: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseChange:
    """What a transaction writes.

    Attributes
    ----------
    put, drop : sequence of LeaseRow
        To be there with these values; to be there no more.
    events : sequence of LeaseEventRow
        To be added.
    """

    put: Sequence[LeaseRow] = ()
    drop: Sequence[LeaseRow] = ()
    events: Sequence[LeaseEventRow] = ()


def _file_at(where: str) -> tuple[int, int] | None:
    """Return which file a path leads to; None for none."""
    try:
        found = os.stat(where)
    except OSError:
        return None
    return found.st_dev, found.st_ino


# Only a file that somebody put back is older than what was seen of it.
_OLDER = "a ledger of leases must not be older than what was given out of it"
_NOT_OLDER = (
    "put the latest one back; or stop every node of the home, see to it that what they hold "
    "together is within the firm's limits, and remove firm.begun"
)


class LeaseStore(StoreFile):
    """The leases of a home, in one file.

    Any process and any thread may use it. A change is one short transaction that takes the write
    lock before it reads, so that nobody decides on what another one is changing; it is on the disk
    when it returns, for a limit must hold over a loss of power too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as d, LeaseStore.open(f"{d}/leases.db") as store:
    ...     store.change(lambda rows, token: (len(rows), LeaseChange()))
    0
    """

    _schema = LEASES

    def __init__(self, engine: sa.Engine, where: str) -> None:
        super().__init__(engine, where)
        self._file = _file_at(where)
        self._latest = 0  # the last change that was seen
        self._next_token = count_up(lease_tokens, engine.dialect, lease_tokens.c.token)

    def change(
        self,
        decide: Callable[[tuple[LeaseRow, ...], int], tuple[T, LeaseChange]],
        *,
        new_token: bool = False,
    ) -> T:
        """Read all leases, have it decided what becomes of them, and write that.

        Parameters
        ----------
        decide : callable
            Takes the leases and a token, and returns an answer and what is to be written. It runs
            within the transaction: what it raises undoes all of it.
        new_token : bool, default=False
            Whether the token is one that was never given out; 0 is given otherwise.

        Returns
        -------
        object
            The answer.

        Raises
        ------
        StoreError
            When the store cannot write, its file is not the one that was opened, or has not all
            that was seen of it. Whether a commit that failed was made is not known.
        """
        doing = "changing leases"
        if _file_at(self._where) != self._file:
            raise StoreError(
                "a ledger of leases must stay where it is while nodes run",
                value=f"{self._where} was moved or taken away",
                remedy="put it back, or stop every node of the home and start them again",
            )
        engine = self._open().execution_options(write=True)
        with translating(self._where, doing), engine.connect() as connection:
            driver = driver_of(connection)
            memory = self._where == _sqlite.MEMORY
            with nullcontext() if memory else _sqlite.synced(driver), connection.begin():
                self._require_latest(connection)
                token = 0
                if new_token:
                    ((token,),) = self._next_token(driver, {"name": "leases"}).fetchall()
                answer, change = decide(self._rows(connection), int(token))
                for row in change.drop:
                    connection.execute(
                        sa.delete(firm_leases).where(
                            firm_leases.c.limit == row.limit, firm_leases.c.token == row.token
                        )
                    )
                for row in change.put:
                    connection.execute(merge(firm_leases, connection.dialect), asdict(row))
                if change.events:
                    events = [asdict(event) for event in change.events]
                    connection.execute(sa.insert(lease_events), events)
                latest = _last_change(connection)
        self._latest = max(self._latest, latest)
        return answer

    @property
    def latest(self) -> int:
        """The number of the last change that was seen; they only go up."""
        return self._latest

    def require_change(self, number: int) -> None:
        """Require that the store has the change `number`, now and from now on.

        Raises
        ------
        StoreError
            When it has not: an older copy of the file was put back.
        """
        self._latest = max(self._latest, number)
        with self.reading("reading lease events") as connection:
            self._require_latest(connection)

    def _require_latest(self, connection: sa.Connection) -> None:
        found = _last_change(connection)
        if found < self._latest:
            raise StoreError(
                _OLDER,
                value=f"{self._where} ends with change {found}, and {self._latest} was made",
                remedy=_NOT_OLDER,
            )

    def leases(self) -> tuple[LeaseRow, ...]:
        """Return all leases, by limit, node and token."""
        with self.reading("reading leases") as connection:
            return self._rows(connection)

    def events(
        self, *, limit: str | None = None, node: str | None = None, most: int | None = None
    ) -> tuple[LeaseEventRow, ...]:
        """Return what became of leases, the latest first.

        Parameters
        ----------
        limit, node : str, optional
            Only of these.
        most : int, optional
            At most so many.
        """
        if most is not None and not most > 0:
            raise InputError("most must be positive", value=most)
        table = lease_events.c
        wanted = sa.select(*[table[name] for name in LeaseEventRow.__slots__])
        wanted = wanted.order_by(table.id.desc()).limit(most)
        if limit is not None:
            wanted = wanted.where(table.limit == limit)
        if node is not None:
            wanted = wanted.where(table.node == node)
        with self.reading("reading lease events") as connection:
            rows = connection.execute(wanted).mappings().all()
        with intact(self._where):
            return tuple([LeaseEventRow(**row) for row in rows])

    def _rows(self, connection: sa.Connection) -> tuple[LeaseRow, ...]:
        columns = firm_leases.c
        wanted = sa.select(firm_leases).order_by(columns.limit, columns.node, columns.token)
        with intact(self._where):
            return tuple([LeaseRow(**row) for row in connection.execute(wanted).mappings()])


def _last_change(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.max(lease_events.c.id))).scalar() or 0)
