"""What was told about a trader that day besides breaches: alerts, and limits that were adjusted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nautilus_lab.platform.messages import AlertRaised, Envelope
from nautilus_lab.platform.store import AlertRow, AuditRow, DeskStore
from nautilus_lab.reports._times import moment

_ADJUSTED = "limit.adjusted"
_LONGEST = 31_900  # characters, of the 32,000 of a cell


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjustment:
    """One change of one limit's bound, as the audit trail has it.

    Attributes
    ----------
    time : datetime
        When, tz-aware.
    limit, change : str
        Which limit, and what happened: ``"tightened"``, ``"approved"``; ``"unreadable"`` where
        the row says nothing that could have been written.
    before, after : float
        The part of the base that held and that holds; NaN where the trail does not say.
    by : str
        Who.
    reason : str
        Why.
    row : int
        Its number in the audit trail.
    """

    time: datetime
    limit: str
    change: str
    before: float
    after: float
    by: str
    reason: str
    row: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldAlert:
    """An alert that was raised that day, or that somebody saw to.

    Attributes
    ----------
    time : datetime
        When it was raised, tz-aware.
    severity, component, rule, detail : str
        How much it presses, who says so, what must hold, and what was found instead.
    source : str
        The store it stands in: ``"trading.db"``, ``"desk.db"``.
    seen_by : str
        Who has seen to it until then; empty for nobody.
    seen_at : datetime or None
        When.
    id : str
        The id of its event; the monitor's copy in ``desk.db`` has the same.
    """

    time: datetime
    severity: str
    component: str
    rule: str
    detail: str
    source: str
    seen_by: str = ""
    seen_at: datetime | None = None
    id: str = ""


def fitted(text: str) -> str:
    """Return what somebody wrote as a cell takes it; who writes much must not stop the report."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def adjustments(rows: Iterable[AuditRow], window: tuple[int, int]) -> Iterator[Adjustment]:
    """Yield the adjustments of limits among the rows of an audit trail."""
    for row in rows:
        if row.kind != _ADJUSTED or not window[0] <= row.ts_ns < window[1]:
            continue
        said = _said(row)
        yield Adjustment(
            time=moment(row.ts_ns),
            limit=fitted(str(said.get("limit", ""))),
            change=fitted(str(said.get("change", ""))),
            before=_part(said.get("before_percent")),
            after=_part(said.get("after_percent")),
            by=row.actor,
            reason=fitted(str(said.get("reason", ""))),
            row=row.seq,
        )


def alerts_of_node(events: Iterable[Envelope], window: tuple[int, int]) -> Iterator[ToldAlert]:
    """Yield the alerts among a node's events."""
    for one in events:
        if isinstance(body := one.body, AlertRaised) and window[0] <= one.ts < window[1]:
            yield ToldAlert(
                time=moment(one.ts),
                severity=body.severity,
                component=fitted(body.component),
                rule=fitted(body.rule),
                detail=fitted(body.detail),
                source="trading.db",
                id=one.id,
            )


def alerts_of_desk(path: Path, trader: str, window: tuple[int, int]) -> Iterator[ToldAlert]:
    """Yield what others raised about a trader, or about the lab, or saw to that day.

    Raises
    ------
    StoreError
        When the store cannot be read.
    """
    with DeskStore.open(path, read_only=True) as desk:
        rows = desk.alerts()
    for row in rows:
        if row.trader in (trader, "") and row.ts_ns < window[1] and _of_the_day(row, window):
            seen = row.acknowledged_ns
            known = seen is not None and seen < window[1]
            yield ToldAlert(
                time=moment(row.ts_ns),
                severity=row.severity,
                component=fitted(row.component),
                rule=fitted(row.rule),
                detail=fitted(row.detail),
                source=path.name,
                seen_by=(row.acknowledged_by or "") if known else "",
                seen_at=moment(seen) if seen is not None and known else None,
                id=row.id,
            )


def _of_the_day(row: AlertRow, window: tuple[int, int]) -> bool:
    seen = row.acknowledged_ns
    return row.ts_ns >= window[0] or (seen is not None and window[0] <= seen < window[1])


def _said(row: AuditRow) -> dict[str, Any]:
    try:
        said = json.loads(row.body)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        return said
    # Somebody changed it. A report that ended here would hide that, and all else of the day.
    return {"change": "unreadable", "reason": "see: nautilus-lab audit verify"}


def _part(percent: object) -> float:
    return percent / 100 if isinstance(percent, int) else math.nan
