"""The limits of a running book that adjust themselves: asked at each look, kept over a restart."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate._adjustment_file import KeptAdjustments, read_kept, write_kept
from nautilus_lab.execution.gate._adjustment_trail import (
    AuditedAdjustment,
    no_looser,
    unaudited,
)
from nautilus_lab.execution.gate._foretelling import Foretelling
from nautilus_lab.risk.adjustment import (
    AdjustmentRecord,
    AdjustmentState,
    LimitAdjuster,
    Loosening,
    Signals,
    reject,
    signals_of,
)
from nautilus_lab.risk.limits import Holdings, LimitBook, LimitReport

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_KEEP_EVERY_NS = 60 * _NS
_MOST_REQUESTS = 20
# Of the audit trail: where each limit moved last, and what people decided within a day or so.
_MOST_MOVES = 1_000
_MOST_DECISIONS = 50_000
_LOST = AdjustmentState(percent=1)  # whatever the floor is

# Takes what people decided, before it holds; what raises here does not come to hold.
Note: TypeAlias = Callable[[Sequence[AdjustmentRecord]], object]


class Adjusting:
    """Keeps where the dynamic limits of a running book stand, and what people asked for.

    What tightens holds also when it cannot be kept; what loosens is on the disk before it holds,
    so that a restart never finds a looser limit than there was. A file that is lost or cannot be
    read makes every limit begin at its floor.

    Parameters
    ----------
    limits : LimitBook
        With base bounds and rules.
    path : Path, optional
        The file it is kept in; in memory alone without one.
    must_exist : bool, default=False
        Whether a file that is missing is one that was lost, and not that of a new trader.
    wait_s : float, default=0
        How long a rule may be without its inputs before that tightens to the floor, from where it
        takes a day to come back. It has no say so long, and who looks must let nothing increase
        what it is of.
    audited : callable, optional
        Takes the beginning of a kind and how many rows at most, and returns those rows of the
        audit trail, oldest first: what the file says is held against them. Not asked without one.

    Attributes
    ----------
    lost : str
        Why what was kept could not be read; empty when it could.
    requests : dict of str to Loosening
        What was asked for and nobody decided on, by id.
    """

    def __init__(
        self,
        limits: LimitBook,
        *,
        path: Path | None = None,
        must_exist: bool = False,
        wait_s: float = 0.0,
        audited: Callable[[str, int], Sequence[AuditedAdjustment]] | None = None,
    ) -> None:
        self._path = path
        self._places = {one.key: place for place, one in limits.adjusted.items()}
        self._foretelling = Foretelling(limits)
        self._wait_ns = round(wait_s * _NS)
        # key -> which input its rule lacks
        self._waiting = dict.fromkeys(self._places, "its rule was not asked yet")
        self._missing_ns: dict[str, int] = {}  # key -> since when its rule lacks an input
        self._kept_ns = 0
        self._why: dict[str, str] = {}
        kept, self.lost = KeptAdjustments(), ""
        if path is not None and self._places:
            kept, self.lost = read_kept(path, must_exist=must_exist)
            if audited is not None and not self.lost:
                kept, self.lost = self._as_audited(kept, audited)
        lost = dict.fromkeys(self._places, _LOST) if self.lost else {}
        states = {key: state for key, state in kept.states.items() if key in self._places} | lost
        self.requests = {one.request_id: one for one in kept.requests if one.limit in self._places}
        self._adjuster = LimitAdjuster(limits, states=states)

    def __repr__(self) -> str:
        return f"Adjusting({self._adjuster!r})"

    def _as_audited(
        self, kept: KeptAdjustments, audited: Callable[[str, int], Sequence[AuditedAdjustment]]
    ) -> tuple[KeptAdjustments, str]:
        if why := unaudited(kept, lambda: audited("limit.", _MOST_DECISIONS)):
            return KeptAdjustments(), why
        states = no_looser(kept.states, self._places, audited("limit.adjusted", _MOST_MOVES))
        return KeptAdjustments(states=states, requests=kept.requests), ""

    def __bool__(self) -> bool:
        return bool(self._places)

    @property
    def book(self) -> LimitBook:
        """The book as it holds; another one after a change."""
        return self._adjuster.book

    @property
    def standing(self) -> dict[int, tuple[str, float]]:
        """Place in the book -> what the limit goes by, and the part of its base that holds."""
        return {self._places[key]: (key, part) for key, part in self._adjuster.parts.items()}

    @property
    def waiting(self) -> dict[int, str]:
        """The place of each whose rule lacks an input, and may still get it -> which."""
        return {self._places[key]: lacks for key, lacks in self._waiting.items()}

    @property
    def granted(self) -> dict[str, Loosening]:
        """By key: what was granted, while it holds."""
        return {
            key: state.loosening
            for key, state in self._adjuster.states.items()
            if state.loosening is not None
        }

    @property
    def expires_ns(self) -> int | None:
        """When the next of what was granted is over."""
        return min((one.expires_ns for one in self.granted.values()), default=None)

    def why(self, key: str) -> str:
        """Return why a limit is not at its base; empty when it is."""
        if key in self._waiting:
            return f"nothing increases: {self._waiting[key]}"
        part = self._adjuster.parts.get(key, 1.0)
        if key in self.granted:
            one = self.granted[key]
            return f"loosened by {one.requester} and {one.decided_by}: {one.reason}"
        return "" if part == 1 else self._why.get(key, "as it stood before the restart")

    def at_floor(self, key: str) -> bool:
        """Whether a limit is as tight as its rule may make it, and tighter than its base."""
        floor = self._adjuster.dynamic[key].bounds.floor
        return self._adjuster.parts[key] <= floor < 1

    # --- looking --------------------------------------------------------------------------

    def look(self, holdings: Holdings) -> tuple[AdjustmentRecord, ...]:
        """Ask the rules about what is held, and return what changed."""
        now_ns = holdings.now_ns
        signals = signals_of(holdings) | self._foretelling.signals(now_ns)
        self._waiting = dict(self._without_inputs(signals, now_ns))
        self._forget_requests(now_ns)
        before, held = self._adjuster.states, self._adjuster.parts
        records = self._adjuster.look(signals, now_ns, but=self._waiting)
        if records or now_ns - self._kept_ns >= _KEEP_EVERY_NS:
            records = self._keep_or_take_back(before, held, records, now_ns)
        for record in records:
            self._why[record.limit] = f"{record.change} to {record.after:.0%}: {record.reason}"
        return records

    def _without_inputs(self, signals: Signals, now_ns: int) -> Iterator[tuple[str, str]]:
        for key, one in self._adjuster.dynamic.items():
            told = one.assess(signals, now_ns)
            if not told.failed:
                self._missing_ns.pop(key, None)
            # A clock that goes back does not wait anew for ever.
            elif abs(now_ns - self._missing_ns.setdefault(key, now_ns)) < self._wait_ns:
                yield key, f"its rule lacks an input: {told.reason}"

    def observe(self, report: LimitReport, now_ns: int) -> None:
        """Take in how much is used, for the rules that read how probable a breach is."""
        self._foretelling.observe(report, now_ns)

    @property
    def foretells(self) -> bool:
        """Whether a rule reads how probable a breach is."""
        return bool(self._foretelling)

    def _keep_or_take_back(
        self,
        before: Mapping[str, AdjustmentState],
        held: Mapping[str, float],
        records: tuple[AdjustmentRecord, ...],
        now_ns: int,
    ) -> tuple[AdjustmentRecord, ...]:
        try:
            self._write()
            self._kept_ns = now_ns
            return records
        except StoreError:
            self._kept_ns = 0  # the next look tries again
            log.exception("where limits stand is kept in memory only; none gets looser")
        now = self._adjuster.parts
        looser = {key for key in held if now[key] > held[key]}
        self._adjuster.take_back({key: before[key] for key in looser})
        return tuple(record for record in records if record.limit not in looser)

    def _forget_requests(self, now_ns: int) -> None:
        for request_id, one in tuple(self.requests.items()):
            if now_ns >= one.expires_ns:
                del self.requests[request_id]

    # --- people ---------------------------------------------------------------------------

    def propose(
        self,
        key: str,
        *,
        to: float,
        requester: str,
        reason: str,
        lasts_s: float,
        now_ns: int,
        note: Callable[[Loosening], object],
    ) -> Loosening:
        """Ask that a limit be looser; noted and kept, and not looser yet.

        Raises
        ------
        InputError
            As `DynamicLimit.propose` does, and when too much is asked for already.
        StoreError
            When it cannot be noted or kept; it was not asked for then.
        """
        self._forget_requests(now_ns)
        if len(self.requests) >= _MOST_REQUESTS:
            raise InputError(
                f"at most {_MOST_REQUESTS} requests wait for a decision",
                value=len(self.requests),
                remedy="approve them, or take them back: nautilus-lab limits revoke REQUEST",
            )
        request = self._adjuster.propose(
            key,
            request_id=secrets.token_hex(4),
            to=to,
            requester=requester,
            reason=reason,
            lasts_s=lasts_s,
            now_ns=now_ns,
        )
        note(request)
        self.requests[request.request_id] = request
        try:
            self._write()
        except StoreError:
            del self.requests[request.request_id]
            raise
        return request

    def approve(
        self, request_id: str, *, by: str, now_ns: int, note: Note
    ) -> tuple[AdjustmentRecord, ...]:
        """Grant what was asked for: noted, kept, and only then looser.

        Raises
        ------
        InputError
            When there is no such request, or as `DynamicLimit.approve` does.
        AccessDenied
            When the requester approves.
        LifecycleError
            When it is over.
        StoreError
            When it cannot be noted or kept; nothing is looser then.
        """
        request = self._request(request_id)
        before = self._adjuster.states
        records = self._adjuster.approve(request, by=by, now_ns=now_ns)
        try:
            note(records)
            del self.requests[request_id]
            self._write()
        except BaseException:
            self.requests[request_id] = request
            self._adjuster.take_back(before)
            raise
        return records

    def revoke(self, request_id: str, *, by: str, now_ns: int) -> tuple[AdjustmentRecord, ...]:
        """End what was granted, or take back what was asked for; it tightens, and so holds at once.

        Raises
        ------
        InputError
            When there is no such request.
        """
        if request_id in self.requests:
            reject(self.requests.pop(request_id), by=by, now_ns=now_ns)
            self._write_or_log()
            return ()
        key = next((k for k, one in self.granted.items() if one.request_id == request_id), None)
        if key is None:
            self._request(request_id)
        records = self._adjuster.revoke(str(key), by=by, now_ns=now_ns)
        self._write_or_log()
        return records

    def revoke_all(self, *, by: str, now_ns: int) -> tuple[AdjustmentRecord, ...]:
        """End all that was granted, as a trader that is halted does."""
        found: list[AdjustmentRecord] = []
        for one in self.granted.values():
            if one.holds(now_ns):
                found += self.revoke(one.request_id, by=by, now_ns=now_ns)
        return tuple(found)

    def _request(self, request_id: str) -> Loosening:
        if request_id not in self.requests:
            raise InputError(
                "a request must be one that waits",
                value=request_id,
                remedy=f"there are {', '.join(self.requests) or 'none'}",
            )
        return self.requests[request_id]

    # --- the file -------------------------------------------------------------------------

    def _write(self) -> None:
        if self._path is not None and self._places:
            kept = KeptAdjustments(
                states=dict(self._adjuster.states), requests=tuple(self.requests.values())
            )
            write_kept(self._path, kept)

    def _write_or_log(self) -> None:
        try:
            self._write()
        except StoreError:
            # What a restart would find is looser for as long as it was granted, and no longer.
            self._kept_ns = 0
            log.exception("what was taken back is kept in memory only")
