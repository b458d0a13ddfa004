"""Rows that may wait a moment: written together, and again later when they cannot be."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.platform.audit._cause import with_cause
from nautilus_lab.platform.audit._trail import AuditNote, AuditTrail

_log = logging.getLogger(__name__)

_SOON_S = 0.05
# A store that is locked holds up the caller's loop with each try.
_TRY_AGAIN_S = 10.0
_MOST_WAITING = 10_000
_MINUTE_S = 60.0
_OTHERS = "others"


@dataclass
class _Repeated:
    """What was counted of one thing in this minute."""

    first: AuditNote
    whole: int = 0  # how many have a row of their own
    more: int = 0
    until_ns: int = 0


class AuditQueue:
    """Takes rows for a trail without keeping anybody waiting; raises nothing.

    What is added on a running loop is written together within 50 ms, otherwise at once. While the
    trail cannot be written it waits here, each with its own time. What a process did not come to
    write before it was killed is lost: not for what must be written before it is done.

    What somebody from outside can have happen as often as they like is `repeated`: it takes a
    bounded number of rows a minute, whatever they do.

    Parameters
    ----------
    trail : AuditTrail
        Used from the thread that the queue is used from.
    now_s : callable, optional
        Seconds that only go up.

    Examples
    --------
    >>> from nautilus_lab.platform.store import TradingStore
    >>> with TradingStore.open(":memory:") as store:
    ...     queue = AuditQueue(AuditTrail(store, chain="gateway"))
    ...     for _ in range(1_000):
    ...         queue.repeated("session.refused", {"why": "it has expired"}, actor="unknown")
    ...     queue.close()
    ...     [row.body for row in store.audit_rows(chain="gateway")][-1].split(',"until_ns"')[0]
    '{"times":999'
    """

    def __init__(self, trail: AuditTrail, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._trail = trail
        self._now_s = now_s
        self._waiting: list[AuditNote] = []
        self._later: asyncio.TimerHandle | None = None
        self._try_after_s = float("-inf")
        self._minute_ends_s = float("-inf")
        # kind, actor, key -> what was counted of it in this minute
        self._counted: dict[tuple[str, str, Hashable], _Repeated] = {}

    def __repr__(self) -> str:
        return f"AuditQueue({self._trail!r}, {len(self._waiting)} waiting)"

    @property
    def waiting(self) -> int:
        """How many rows are to be written."""
        return len(self._waiting)

    def add(self, kind: str, body: Mapping[str, object], *, actor: str) -> None:
        """Have a row written soon; see `AuditTrail.append`."""
        self._add(AuditNote(kind=kind, body=with_cause(body), actor=actor, ts_ns=time.time_ns()))

    def repeated(
        self,
        kind: str,
        body: Mapping[str, object],
        *,
        actor: str,
        key: Hashable = "",
        whole: int = 1,
        most: int = 32,
    ) -> None:
        """Have a row written of the first of a minute, and one of how many more there were.

        Parameters
        ----------
        kind, body, actor
            See `AuditTrail.append`. The row of all others has the body of the first, ``"times"``
            and ``"until_ns"``.
        key : hashable, optional
            What else makes it the same thing: the reason.
        whole : int, default=1
            So many of a minute have a row of their own.
        most : int, default=32
            So many different things of this kind are told apart in a minute; all others are
            counted together, without a name.
        """
        self._end_minute()
        note = AuditNote(kind=kind, body=with_cause(body), actor=actor, ts_ns=time.time_ns())
        of = (kind, actor, key)
        if of not in self._counted and sum(known[0] == kind for known in self._counted) >= most:
            of, whole = (kind, _OTHERS, ""), 1
            note = AuditNote(kind=kind, body={"by": _OTHERS}, actor=_OTHERS, ts_ns=note.ts_ns)
        counted = self._counted.setdefault(of, _Repeated(note))
        if counted.whole < whole:
            counted.whole += 1
            return self._add(note)
        counted.more += 1
        counted.until_ns = note.ts_ns or 0

    def tick(self) -> None:
        """Write what waits if it is time to; call it now and then."""
        self._end_minute()
        if self._waiting and self._later is None:
            self.flush()

    def close(self) -> None:
        """Write all that is there, also what was counted."""
        self._minute_ends_s = float("-inf")
        self._end_minute()
        self._try_after_s = float("-inf")
        self.flush()

    def flush(self) -> None:
        """Write what waits, in one transaction; what cannot be written waits on."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if not self._waiting or self._now_s() < self._try_after_s:
            return
        notes, self._waiting = self._waiting, []
        begun_s = self._now_s()
        try:
            self._trail.append_many(notes)
        except AuditError:
            # Somebody else writes this chain: nothing of ours will ever be in it.
            _log.exception("%d rows are lost with the chain that they were for", len(notes))
        except StoreError as error:
            self._waiting = notes
            now_s = self._now_s()
            self._try_after_s = now_s + max(_TRY_AGAIN_S, 2 * (now_s - begun_s))
            _log.error("%d rows wait for the audit trail: %s", len(notes), error)

    def _add(self, note: AuditNote) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            return self._trail.miss(note.kind, actor=note.actor, why="too many rows waited")
        self._waiting.append(note)
        if self._later is not None:
            return
        try:
            self._later = asyncio.get_running_loop().call_later(_SOON_S, self.flush)
        except RuntimeError:
            self.flush()

    def _end_minute(self) -> None:
        now_s = self._now_s()
        if now_s < self._minute_ends_s:
            return
        counted, self._counted = self._counted, {}
        self._minute_ends_s = now_s + _MINUTE_S
        for one in counted.values():
            if one.more:
                first, more = one.first, {"times": one.more, "until_ns": one.until_ns}
                self._add(
                    AuditNote(kind=first.kind, body={**first.body, **more}, actor=first.actor)
                )
