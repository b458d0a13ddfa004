"""The ledger of a home's leases: the arithmetic of `risk.leases` over its store."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, cast

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import write_whole
from nautilus_lab.platform.store import LeaseChange, LeaseEventRow, LeaseRow, LeaseStore
from nautilus_lab.risk.leases import (
    Ask,
    Decision,
    Grant,
    Lease,
    LeaseEvent,
    LeaseState,
    Moment,
    released,
    renewed,
    rested,
    taken,
)

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_ns() -> int:
    """Return nanoseconds since the machine booted, its sleep included where it can be told."""
    return time.clock_gettime_ns(_CLOCK) if _CLOCK is not None else time.monotonic_ns()


# Without it, on a machine that sleeps, a lease would seem to last while everybody slept.
_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def this_boot() -> str:
    """Return which boot this is; where nobody says, the time it was at, to ten seconds."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return f"at {round((time.time_ns() - boot_ns()) / 1e10)}"


def witness_of(ledger: Path) -> Path:
    """Return the file that is there once a ledger was begun."""
    return ledger.with_name("firm.begun")


def require_ledger(ledger: Path) -> None:
    """Require that a ledger which was begun is still there; raises `StoreError`."""
    # The witness first: another process may be making both.
    if witness_of(ledger).exists() and not ledger.exists():
        raise StoreError(
            "a ledger of leases that was begun must be there",
            value=str(ledger),
            remedy="put it back; or stop every node of the home, see to it that what they hold "
            f"together is within the firm's limits, and remove {witness_of(ledger).name}",
        )


class HomeLedger:
    """The leases in a home's ``leases.db``; a `nautilus_lab.risk.leases.Ledger`.

    Parameters
    ----------
    store : LeaseStore
        The file.
    witness : Path, optional
        The file that is there since the ledger was begun.
    clock : callable, optional
        Returns the `Moment` it is; asked within the transaction.
    """

    def __init__(
        self,
        store: LeaseStore,
        witness: Path | None = None,
        clock: Callable[[], Moment] | None = None,
    ) -> None:
        self._store = store
        self._witness = witness
        boot = this_boot()
        self._clock = clock or (
            lambda: Moment(wall_ns=time.time_ns(), boot_ns=boot_ns(), boot=boot)
        )

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        busy_timeout_ms: int = 5_000,
        read_only: bool = False,
        audited: Callable[[str], int] = lambda begun: 0,
    ) -> Self:
        """Open the ledger at `path`; see `LeaseStore.open`.

        Parameters
        ----------
        path : Path or str
            The file.
        busy_timeout_ms : int, default=5000
            How long another process is waited for.
        read_only : bool, default=False
            Whether it is only looked at.
        audited : callable, optional
            Takes what `begun` says and returns the latest change that was audited since: the
            ledger must have it. `audited_change` of a home.

        Raises
        ------
        StoreError
            As `LeaseStore.open` does; where the ledger was lost: a new one would know nothing of
            what nodes use, and give out all of it again; and where it is older than it was.
        """
        require_ledger(Path(path))
        store = LeaseStore.open(path, busy_timeout_ms=busy_timeout_ms, read_only=read_only)
        if not read_only and not witness_of(Path(path)).exists():
            try:
                # After the ledger: who dies in between must not have lost one that never was.
                name = os.urandom(8).hex()
                write_whole(witness_of(Path(path)), f"a ledger was begun here: {name}\n".encode())
            except BaseException:
                store.close()
                raise
        ledger = cls(store, witness_of(Path(path)))
        try:
            store.require_change(audited(ledger.begun))
        except BaseException:
            store.close()
            raise
        return ledger

    def __repr__(self) -> str:
        return f"HomeLedger({self._store!r})"

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        self._store.close()

    @property
    def begun(self) -> str:
        """Which ledger this is: another one once a person had it begun anew."""
        try:
            told = self._witness.read_bytes() if self._witness is not None else b""
        except FileNotFoundError:
            told = b""
        return hashlib.sha256(told).hexdigest()[:16]

    @property
    def latest(self) -> int:
        """The number of the last change that was seen; they only go up."""
        return self._store.latest

    def take(self, asks: Sequence[Ask], *, span_ns: int) -> tuple[Grant, ...]:
        """Begin leases for a new process of a node, under a token larger than all before."""
        return self._decide(
            lambda leases, token, now: taken(leases, asks, token=token, now=now, span_ns=span_ns),
            new_token=True,
        ).grants

    def renew(self, token: int, asks: Sequence[Ask], *, span_ns: int) -> tuple[Grant, ...]:
        """Prolong them; raises `LeaseRefused` when the token is not the latest."""
        return self._decide(
            lambda leases, _, now: renewed(leases, asks, token=token, now=now, span_ns=span_ns)
        ).grants

    def rest(self, token: int, asks: Sequence[Ask]) -> None:
        """Give back all but what is used."""
        self._decide(lambda leases, _, now: rested(leases, asks, token=token, now=now))

    def release(self, node: str, *, by: str, reason: str) -> tuple[LeaseEvent, ...]:
        """Give up what a node holds that does not run."""
        return self._decide(
            lambda leases, token, now: released(
                leases, node, token=token, now=now, by=by, reason=reason
            ),
            new_token=True,
        ).events

    def leases(self) -> tuple[Lease, ...]:
        """Return all, by limit and node."""
        return tuple(map(_lease_of, self._store.leases()))

    @property
    def now(self) -> Moment:
        """What time it is, as leases have it."""
        return self._clock()

    def _decide(
        self,
        decide: Callable[[Sequence[Lease], int, Moment], Decision],
        *,
        new_token: bool = False,
    ) -> Decision:
        def change(rows: tuple[LeaseRow, ...], token: int) -> tuple[Decision, LeaseChange]:
            now = self._clock()
            made = decide(tuple(map(_lease_of, rows)), token, now)
            return made, LeaseChange(
                put=[_row_of(one) for one in made.put],
                drop=[_row_of(one) for one in made.drop],
                events=[_event_of(one, now.wall_ns) for one in made.events],
            )

        return self._store.change(change, new_token=new_token)


def _lease_of(row: LeaseRow) -> Lease:
    return Lease(
        limit=row.limit,
        node=row.node,
        token=row.token,
        amount=row.amount,
        used=row.used,
        needed=row.needed,
        declared=row.declared,
        expires=Moment(wall_ns=row.expires_ns, boot_ns=row.expires_boot_ns, boot=row.boot),
        state=cast(LeaseState, row.state),
    )


def _row_of(lease: Lease) -> LeaseRow:
    return LeaseRow(
        limit=lease.limit,
        token=lease.token,
        node=lease.node,
        amount=lease.amount,
        used=lease.used,
        needed=lease.needed,
        declared=lease.declared,
        expires_ns=lease.expires.wall_ns,
        expires_boot_ns=lease.expires.boot_ns,
        boot=lease.expires.boot,
        state=lease.state,
    )


def _event_of(event: LeaseEvent, now_ns: int) -> LeaseEventRow:
    lease = event.lease
    return LeaseEventRow(
        ts_ns=now_ns,
        happening=event.happening,
        limit=lease.limit,
        node=lease.node,
        token=lease.token,
        amount=lease.amount,
        used=lease.used,
        by=event.by,
        reason=event.reason,
    )
