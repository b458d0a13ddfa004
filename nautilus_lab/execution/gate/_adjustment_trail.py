"""Whether where dynamic limits stand, as a file has it, is what the audit trail tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nautilus_lab.execution.gate._adjustment_file import KeptAdjustments
from nautilus_lab.risk.adjustment import AdjustmentState, Loosening

# What a row has of a request beside who asked, in the order of `_terms_of`.
_TERMS = ("limit", "to_percent", "standing_percent", "expires_ns")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedAdjustment:
    """A row of the audit trail about a limit that adjusts itself.

    Attributes
    ----------
    kind : str
        ``"limit.adjusted"``, ``"limit.proposed"``.
    actor : str
        Who did it.
    facts : mapping
        What the row says.
    """

    kind: str
    actor: str
    facts: Mapping[str, Any]


def no_looser(
    states: Mapping[str, AdjustmentState],
    keys: Iterable[str],
    rows: Sequence[AuditedAdjustment],
) -> dict[str, AdjustmentState]:
    """Return where limits stand, none looser than the trail had it last.

    The file is written before the trail, or could not be written: the tighter of both holds.

    Parameters
    ----------
    states : mapping of str to AdjustmentState
        By key, as the file has them; none for a limit that it does not know.
    keys : iterable of str
        The limits that there are.
    rows : sequence of AuditedAdjustment
        Of the trail, oldest first.
    """
    last = {row.facts.get("limit"): row for row in rows if row.kind == "limit.adjusted"}
    found = dict(states)
    for key in keys:
        told = last[key].facts.get("rule_after_percent") if key in last else None
        state = states.get(key, AdjustmentState())
        if isinstance(told, int) and 1 <= told < state.percent:
            found[key] = replace(state, percent=told)
    return found


def unaudited(kept: KeptAdjustments, rows: Callable[[], Sequence[AuditedAdjustment]]) -> str:
    """Return what of the people's decisions in a file is not in the trail; empty when all is.

    A request and what was granted are audited before they are kept: one that is not there was put
    into the file by another hand.

    Parameters
    ----------
    kept : KeptAdjustments
        What the file says.
    rows : callable
        Returns the rows of the trail; not called when nobody asked for anything.
    """
    granted = [state.loosening for state in kept.states.values() if state.loosening is not None]
    if not granted and not kept.requests:
        return ""
    asked: dict[object, tuple[object, ...]] = {}  # request -> its terms
    approved: dict[object, str] = {}  # request -> who granted it
    for row in rows():
        facts, request = row.facts, row.facts.get("request")
        if row.kind == "limit.proposed":
            asked[request] = (row.actor, *map(facts.get, _TERMS))
        elif row.kind == "limit.withdrawn":
            asked.pop(request, None)
        elif facts.get("change") == "approved":
            approved[request] = row.actor
        elif facts.get("change") in ("revoked", "expired"):
            approved.pop(request, None)
    for one in (*granted, *kept.requests):
        if asked.get(one.request_id) != _terms_of(one):
            return f"nobody asked for {one.request_id} of {one.limit}, by the audit trail"
    for one in granted:
        if approved.get(one.request_id) != one.decided_by:
            return f"nobody granted {one.request_id} of {one.limit}, by the audit trail"
    return ""


def _terms_of(one: Loosening) -> tuple[object, ...]:
    to, standing = round(100 * one.to), round(100 * one.standing)
    return one.requester, one.limit, to, standing, one.expires_ns
