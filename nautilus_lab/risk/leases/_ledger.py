"""Where leases stand: one ledger for all nodes of a firm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from nautilus_lab.risk.leases._decisions import (
    Decision,
    LeaseEvent,
    released,
    renewed,
    rested,
    taken,
)
from nautilus_lab.risk.leases._lease import Ask, Grant, Lease, Moment


class Ledger(Protocol):
    """The leases of a firm. Each request is one transaction, and is done or not done."""

    def take(self, asks: Sequence[Ask], *, span_ns: int) -> tuple[Grant, ...]:
        """Begin leases for a new process of a node, under a token larger than all before."""
        ...

    def renew(self, token: int, asks: Sequence[Ask], *, span_ns: int) -> tuple[Grant, ...]:
        """Prolong them; raises `LeaseRefused` when the token is not the latest."""
        ...

    def rest(self, token: int, asks: Sequence[Ask]) -> None:
        """Give back all but what is used."""
        ...

    def release(self, node: str, *, by: str, reason: str) -> tuple[LeaseEvent, ...]:
        """Give up what a node holds that does not run."""
        ...

    def leases(self) -> tuple[Lease, ...]:
        """Return all, by limit and node."""
        ...


class LocalLedger:
    """A ledger in memory, for one process: for tests, and to try things out.

    Parameters
    ----------
    clock : callable
        Returns the `Moment` it is.

    Examples
    --------
    >>> at = Moment(wall_ns=0, boot_ns=0, boot="b")
    >>> ledger = LocalLedger(lambda: at)
    >>> ask = Ask(limit="max_gross_exposure", node="A", declared=1000, used=0, wanted=700)
    >>> (grant,) = ledger.take([ask], span_ns=10)
    >>> other = Ask(limit="max_gross_exposure", node="B", declared=1000, used=0, wanted=700)
    >>> grant.lease.amount, ledger.take([other], span_ns=10)[0].lease.amount
    (700, 300)
    """

    def __init__(self, clock: Callable[[], Moment]) -> None:
        self.events: list[LeaseEvent] = []
        self._clock = clock
        self._leases: dict[tuple[str, int], Lease] = {}  # limit, token -> lease
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"LocalLedger({len(self._leases)} leases)"

    def take(self, asks: Sequence[Ask], *, span_ns: int) -> tuple[Grant, ...]:
        """Begin leases; see `Ledger`."""
        return self._decide(
            lambda leases, token, now: taken(leases, asks, token=token, now=now, span_ns=span_ns)
        ).grants

    def renew(self, token: int, asks: Sequence[Ask], *, span_ns: int) -> tuple[Grant, ...]:
        """Prolong leases; see `Ledger`."""
        return self._decide(
            lambda leases, _, now: renewed(leases, asks, token=token, now=now, span_ns=span_ns)
        ).grants

    def rest(self, token: int, asks: Sequence[Ask]) -> None:
        """Give leases back; see `Ledger`."""
        self._decide(lambda leases, _, now: rested(leases, asks, token=token, now=now))

    def release(self, node: str, *, by: str, reason: str) -> tuple[LeaseEvent, ...]:
        """Give leases up; see `Ledger`."""
        return self._decide(
            lambda leases, token, now: released(
                leases, node, token=token, now=now, by=by, reason=reason
            )
        ).events

    def leases(self) -> tuple[Lease, ...]:
        """Return all, by limit and node."""
        with self._lock:
            return tuple(
                sorted(self._leases.values(), key=lambda one: (one.limit, one.node, one.token))
            )

    def _decide(self, decide: Callable[[Sequence[Lease], int, Moment], Decision]) -> Decision:
        with self._lock:
            token = 1 + max([one.token for one in self._leases.values()], default=0)
            decision = decide(tuple(self._leases.values()), token, self._clock())
            for one in decision.drop:
                del self._leases[one.limit, one.token]
            for one in decision.put:
                self._leases[one.limit, one.token] = one
            self.events += decision.events
        return decision
