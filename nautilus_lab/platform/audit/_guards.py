"""What is said of a trail whose tables are no longer kept append-only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.store import BrokenGuard, TradingStore

_MOST_TOLD = 4_000  # characters of what somebody put in the place of a guard


def guards_facts(broken: Sequence[BrokenGuard], left: Sequence[BrokenGuard]) -> dict[str, object]:
    """Return what the row of guards that were put back says: of those, and of those that stay."""
    return {"broken": [_facts(one) for one in broken], "left": [one.name for one in left]}


def _facts(guard: BrokenGuard) -> dict[str, object]:
    told: dict[str, object] = {"what": guard.what, "name": guard.name, "fault": guard.fault}
    if not guard.found:
        return told
    sha256 = hashlib.sha256(guard.found.encode()).hexdigest()
    return told | {"found": guard.found[:_MOST_TOLD], "sha256": sha256}


def require_guards(broken: Sequence[BrokenGuard]) -> None:
    """Raise unless nothing is broken.

    Raises
    ------
    AuditError
        Naming what is.
    """
    if broken:
        raise AuditError(
            "what keeps the audit tables append-only must be as it was made",
            value="; ".join(map(str, broken)),
            remedy="find out who changed it; a node puts triggers back as it begins, and notes it",
        )


def require_in_place(store: TradingStore) -> None:
    """Raise unless the file that is open is the one that whoever looks will find.

    Raises
    ------
    AuditError
        When another one has its name, or none has.
    """
    if not store.is_in_place:
        raise AuditError(
            "the store of a trail must stay in its place while it is written",
            value=f"{store!r} was moved, removed or replaced",
            remedy="stop its process, keep both files as they are, and put the one back that the "
            "checkpoints tell of",
        )
