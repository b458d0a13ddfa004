"""What a trader may do by its audit trail, which the latch may not be looser than."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from nautilus_lab.platform.rundir import STANDINGS, LatchState, Standing
from nautilus_lab.platform.store import AuditRow

# By kind, what has the state that held from then on.
_SAYS = {"trading.begun": "state", "trading.state": "state", "trading.resume": "to"}


@dataclass(frozen=True)
class AuditedStanding:
    """What a trader might do last, and whether what worked was to be cancelled with it."""

    state: Standing
    cancel_orders: bool = False


def audited_standing(rows: Iterable[AuditRow]) -> AuditedStanding | None:
    """Return what a trader might do last, by rows of its trail, oldest first; None by no row.

    A resume is written down before it holds, and nothing else loosens.
    """
    found: AuditedStanding | None = None
    for row in rows:
        if row.kind in _SAYS:
            facts = msgspec.json.decode(row.body)
            said = facts.get(_SAYS[row.kind])
            if said in STANDINGS:
                found = AuditedStanding(said, facts.get("cancel_orders") is True)
    return found


def loosened_unaudited(held: LatchState, audited: AuditedStanding | None) -> str:
    """Return why a latch may not be as loose as it is; empty when it may."""
    if audited is None or STANDINGS.index(held.state) >= STANDINGS.index(audited.state):
        return ""
    return f"the latch says {held.state}, and the audit trail {audited.state}: nobody resumed it"
