"""What a trader may do by its audit trail, which the latch may not be looser than."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from nautilus_lab.platform.rundir import STANDINGS, LatchState, Standing
from nautilus_lab.platform.store import AuditRow

# By kind, what has the state that held from then on.
_SAYS = {"trading.begun": "state", "trading.state": "state", "trading.resume": "to"}


def audited_standing(rows: Iterable[AuditRow]) -> Standing | None:
    """Return what a trader might do last, by rows of its trail, oldest first; None by no row.

    A resume is written down before it holds, and nothing else loosens.
    """
    found: Standing | None = None
    for row in rows:
        if row.kind in _SAYS:
            said = msgspec.json.decode(row.body).get(_SAYS[row.kind])
            found = said if said in STANDINGS else found
    return found


def loosened_unaudited(held: LatchState, audited: Standing | None) -> str:
    """Return why a latch may not be as loose as it is; empty when it may."""
    if audited is None or STANDINGS.index(held.state) >= STANDINGS.index(audited):
        return ""
    return f"the latch says {held.state}, and the audit trail {audited}: nobody resumed it"
