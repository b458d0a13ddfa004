"""What people ask of limits that adjust themselves: a loosening, another's approval, its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from nautilus_lab.exceptions import LifecycleError
from nautilus_lab.execution.gate import Gate, LimitWatch
from nautilus_lab.platform.commands import (
    Handler,
    LimitsView,
    LooseningRow,
    OneLoosening,
    ProposeLoosening,
    Request,
)
from nautilus_lab.risk.adjustment import AdjustmentRecord, Loosening

_Audit: TypeAlias = Callable[[str, Mapping[str, object], str], None]


class LooseningDesk:
    """Answers the commands that loosen limits and end that.

    Who asks does not approve. What is granted is audited and on the disk before it holds; what is
    taken back holds at once. While the trader is HALTED or KILLED nothing is granted.

    Parameters
    ----------
    watch : LimitWatch
        Whose limits they are.
    gate : Gate
        What the trader may do.
    clock : Clock
        The kernel's.
    audit, audit_later : callable
        Called as ``audit(kind, facts, actor)``: now, or raising; as soon as it can be written.
    view : callable
        Returns what a command is answered with.
    changed : callable
        Called when something is looser or tighter.
    """

    def __init__(
        self,
        watch: LimitWatch,
        gate: Gate,
        clock: Any,
        *,
        audit: _Audit,
        audit_later: _Audit,
        view: Callable[[], LimitsView],
        changed: Callable[[], object],
    ) -> None:
        self._watch = watch
        self._gate = gate
        self._clock = clock
        self._audit = audit
        self._audit_later = audit_later
        self._view = view
        self._changed = changed

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands."""
        return {
            "limits.propose": self._propose,
            "limits.approve": self._approve,
            "limits.revoke": self._revoke,
        }

    def rows(self) -> tuple[LooseningRow, ...]:
        """Return what was granted, and what waits for a decision."""
        adjusting, now_ns = self._watch.adjusting, self._clock.timestamp_ns()
        found = [*adjusting.granted.values(), *adjusting.requests.values()]
        return tuple(
            LooseningRow(
                request=one.request_id,
                limit=one.limit,
                to=one.to,
                requester=one.requester,
                reason=one.reason,
                expires_ns=one.expires_ns,
                approved_by=one.decided_by,
            )
            for one in found
            if now_ns < one.expires_ns
        )

    async def _propose(self, request: Request) -> LimitsView:
        asked: ProposeLoosening = request.body
        by = request.principal.name
        self._watch.adjusting.propose(
            asked.limit,
            to=asked.to,
            requester=by,
            reason=asked.reason,
            lasts_s=asked.lasts_s,
            now_ns=self._clock.timestamp_ns(),
            note=lambda made: self._audit("limit.proposed", _asked(made), by),
        )
        return self._view()

    async def _approve(self, request: Request) -> LimitsView:
        asked: OneLoosening = request.body
        by, state = request.principal.name, self._gate.state.look()
        if state in ("HALTED", "KILLED"):
            raise LifecycleError(
                "no limit is loosened while the trader may not trade",
                value=state,
                remedy="resume trading first",
            )

        def note(records: Sequence[AdjustmentRecord]) -> None:
            for record in records:
                self._audit("limit.adjusted", facts_of(record), by)

        self._watch.adjusting.approve(
            asked.request, by=by, now_ns=self._clock.timestamp_ns(), note=note
        )
        self._watch.take()
        self._changed()
        return self._view()

    async def _revoke(self, request: Request) -> LimitsView:
        asked: OneLoosening = request.body
        by, adjusting = request.principal.name, self._watch.adjusting
        waits = adjusting.requests.get(asked.request)
        records = adjusting.revoke(asked.request, by=by, now_ns=self._clock.timestamp_ns())
        self._watch.take()
        self._changed()
        # It holds already: that it cannot be written down yet must keep nothing loose.
        if waits is not None:
            self._audit_later("limit.withdrawn", _asked(waits), by)
        for record in records:
            self._audit_later("limit.adjusted", facts_of(record), by)
        return self._view()


def facts_of(record: AdjustmentRecord) -> dict[str, object]:
    """Return a change as the audit trail has it: parts in whole percents, inputs as JSON."""
    plain = record.plain
    return {
        "limit": record.limit,
        "change": record.change,
        "before_percent": round(100 * record.before),
        "after_percent": round(100 * record.after),
        "rule_before_percent": round(100 * record.rule_before),
        "rule_after_percent": round(100 * record.rule_after),
        "assessed": "" if record.assessed is None else repr(plain["assessed"]),
        "inputs": msgspec.json.encode(plain["inputs"]).decode(),
        "reason": record.reason,
        "rule": record.rule,
        "bounds": record.bounds,
        "at_ns": record.ts_ns,
        "request": record.request_id,
        "requester": record.requester,
    }


def _asked(request: Loosening) -> dict[str, object]:
    return {
        "limit": request.limit,
        "request": request.request_id,
        "to_percent": round(100 * request.to),
        "standing_percent": round(100 * request.standing),
        "requester": request.requester,
        "reason": request.reason,
        "expires_ns": request.expires_ns,
    }
