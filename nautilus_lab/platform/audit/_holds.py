"""Legal holds: rows that may not be archived or discarded, whatever their age."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.store import AuditRow

HOLD, RELEASE = "audit.hold", "audit.release"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A hold on the rows of some time; it is placed and released by rows of the trail itself.

    Attributes
    ----------
    id : str
        What it is called: ``"H-3"``, after the row that placed it.
    reason, by : str
        Why, and who placed it.
    since_ns, until_ns : int
        It holds the rows from the one to the other, both included, UNIX nanoseconds UTC.
    placed_ns : int
        When it was placed.
    released_ns : int or None
        When it was released; None while it holds.
    released_by, why_released : str
        Who did, and why.
    """

    id: str
    reason: str
    by: str
    since_ns: int
    until_ns: int
    placed_ns: int
    released_ns: int | None = None
    released_by: str = ""
    why_released: str = ""

    @property
    def holds(self) -> bool:
        """Whether it was not released."""
        return self.released_ns is None

    def covers(self, first_ns: int, last_ns: int) -> bool:
        """Whether it holds something of this time."""
        return self.holds and self.since_ns <= last_ns and first_ns <= self.until_ns


def holds_of(rows: Iterable[AuditRow]) -> tuple[Hold, ...]:
    """Return the holds that rows of the trail tell of, the released ones too, oldest first.

    Raises
    ------
    AuditError
        When a row about holds says what none that was ever written says.
    """
    holds: dict[str, Hold] = {}
    for row in rows:
        try:
            if row.kind == HOLD:
                placed = _placed(row)
                holds[placed.id] = placed
            elif row.kind == RELEASE:
                facts = json.loads(row.body)
                holds[facts["hold"]] = replace(
                    holds[facts["hold"]],
                    released_ns=row.ts_ns,
                    released_by=row.actor,
                    why_released=facts["reason"],
                )
        except (ValueError, TypeError, LookupError, RecursionError):
            raise AuditError(
                "a row about holds must say which and why",
                value=f"row {row.seq} of {row.chain}",
                remedy="nautilus-lab audit verify",
            ) from None
    return tuple(holds.values())


def _placed(row: AuditRow) -> Hold:
    facts = json.loads(row.body)
    return Hold(
        id=f"H-{row.seq}",
        reason=facts["reason"],
        by=row.actor,
        since_ns=int(facts["since_ns"]),
        until_ns=int(facts["until_ns"]),
        placed_ns=row.ts_ns,
    )
