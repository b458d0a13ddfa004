"""What somebody should look at, from wherever it was raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, LabError, MessageError
from nautilus_lab.platform.messages import AlertRaised, Envelope, Severity
from nautilus_lab.platform.rundir import Home, RunDirectory

if TYPE_CHECKING:
    from nautilus_lab.platform.store import AlertRow


@dataclass(frozen=True, kw_only=True)
class FoundAlert:
    """One alert.

    Attributes
    ----------
    id : str
        UUID version 7, so that ids sort by time.
    ts_ns : int
        When it was raised, UNIX nanoseconds UTC.
    severity : {"info", "warning", "critical"}
        How much it presses.
    component, trader : str
        Who raised it, and whose matter it is; empty for the lab's own.
    rule, detail, remedy : str
        What must hold, what was found instead, and what to do.
    source : str
        The store it stands in, within the home: ``"desk.db"``, which the supervisor writes, or
        ``"traders/PAPER-001/trading.db"``, a node's own, which is read only: nobody can
        acknowledge what stands there.
    acknowledged_by, acknowledged_ns : str or None, int or None
        Who has seen to it, and when; None while nobody has.
    """

    id: str
    ts_ns: int
    severity: Severity
    component: str
    trader: str
    rule: str
    detail: str
    remedy: str
    source: str
    acknowledged_by: str | None = None
    acknowledged_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class FoundAlerts:
    """The alerts of a workspace.

    Attributes
    ----------
    alerts : tuple of FoundAlert
        The latest first.
    unread : dict of str to LabError
        store -> why it could not be read; what stands there is missing above.
    """

    alerts: tuple[FoundAlert, ...]
    unread: dict[str, LabError]


def find_alerts(
    home: Home, *, trader: str | None = None, open_only: bool = True, limit: int | None = None
) -> FoundAlerts:
    """Return what the supervisor and every node of a home raised; asks no process.

    Parameters
    ----------
    home : Home
        Whose stores are read.
    trader : str, optional
        Only what is this one's matter.
    open_only : bool, default=True
        Leave out what somebody has seen to.
    limit : int, optional
        At most so many.

    Raises
    ------
    InputError
        When `limit` is not positive, or `trader` is no plain name.
    """
    # Late: to halt takes no database.
    from nautilus_lab.platform.store import DeskStore

    if limit is not None and not limit > 0:
        raise InputError("limit must be positive", value=limit, remedy="ask for 1 or more")
    found: list[FoundAlert] = []
    unread: dict[str, LabError] = {}
    if home.store.exists():
        try:
            with DeskStore.open(home.store, read_only=True) as desk:
                rows = desk.alerts(trader=trader, open_only=open_only, limit=limit)
            found += map(_of_the_desk, rows)
        except LabError as error:
            unread[home.store.name] = error
    for rundir in map(home.trader, home.trader_ids if trader is None else (trader,)):
        if not rundir.store.exists():
            continue
        source = str(rundir.store.relative_to(home.path))
        try:
            found += _of_a_node(rundir, source, limit)
        except LabError as error:
            unread[source] = error
    found.sort(key=lambda one: (one.ts_ns, one.id), reverse=True)
    return FoundAlerts(alerts=tuple(found[:limit]), unread=unread)


def _of_the_desk(row: AlertRow) -> FoundAlert:
    return FoundAlert(
        id=row.id,
        ts_ns=row.ts_ns,
        severity=row.severity,
        component=row.component,
        trader=row.trader,
        rule=row.rule,
        detail=row.detail,
        remedy=row.remedy,
        source="desk.db",
        acknowledged_by=row.acknowledged_by,
        acknowledged_ns=row.acknowledged_ns,
    )


def _of_a_node(rundir: RunDirectory, source: str, limit: int | None) -> list[FoundAlert]:
    from nautilus_lab.platform.store import TradingStore

    with TradingStore.open(rundir.store, read_only=True) as store:
        return [_of_an_event(event, source) for event in store.alerts(limit=limit)]


def _of_an_event(event: Envelope, source: str) -> FoundAlert:
    body = event.body
    if not isinstance(body, AlertRaised):
        raise MessageError("an alert's topic must carry an alert", value=event.topic)
    return FoundAlert(
        id=event.id,
        ts_ns=event.ts,
        severity=body.severity,
        component=body.component,
        trader=event.trader,
        rule=body.rule,
        detail=body.detail,
        remedy=body.remedy,
        source=source,
    )
