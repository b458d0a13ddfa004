"""Saying that somebody has seen to an alert."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.alerts._find import of_a_node
from nautilus_lab.config import AuditSettings
from nautilus_lab.exceptions import LabError, NodeAlreadyRunning, StoreError
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.rundir import Home

if TYPE_CHECKING:
    from nautilus_lab.platform.audit import AuditKeeper
    from nautilus_lab.platform.store import AlertLedger, AlertRow

_log = logging.getLogger(__name__)

_KIND = "alert.acknowledged"
_IN_TURN_S = 2.0  # for who else appends to the same trail
_AGAIN_S = 0.02


def acknowledge(
    home: Home,
    alert_id: str,
    *,
    audit: AuditSettings,
    root: Path = Path(),
    by: str | None = None,
    note: str = "",
    cause: Mapping[str, object] | None = None,
) -> AlertRow:
    """Say that somebody has seen to an alert, which ends its climb; who said so first stays.

    It asks no process: the store's owner has the right, and the monitor reads the same store. It
    stands in the audit trail of the alert's trader before it holds; of an alert of the lab's own
    in that of every trader. What cannot be written there is not acknowledged, and goes on climbing.

    Parameters
    ----------
    home : Home
        Whose alert.
    alert_id : str
        Which; one that stands in a node's own store yet is taken over first.
    audit : AuditSettings
        Where the checkpoints of audit trails go.
    root : Path, optional
        What the paths of `audit` are relative to.
    by : str, optional
        Who; the user of this process when not given.
    note : str, default=""
        What was found or done, on one line.
    cause : mapping, optional
        The command that asked for it, for the audit trail: see `because`.

    Raises
    ------
    InputError
        When the note is no such line.
    AuditError, StoreError
        When there is no such alert, or a store or an audit trail cannot be written.
    """
    who = by or Principal.owner().name
    with _taken_over(home, alert_id) as ledger:
        alert = ledger.to_acknowledge(alert_id, by=who, note=note)
        if alert.acknowledged_ns is not None:
            return alert
        _note(home, alert, audit=audit, root=root, by=who, note=note, cause=cause)
        return ledger.acknowledge(alert_id, by=who, note=note)


@contextmanager
def _taken_over(home: Home, alert_id: str) -> Iterator[AlertLedger]:
    """Open the ledger with the alert in it, wherever it was raised."""
    from nautilus_lab.platform.store import AlertLedger, DeskStore

    if home.store.exists():
        with DeskStore.open(home.store) as desk:
            if alert_id in desk.alert_ids(trader=None, only=alert_id):
                yield AlertLedger(desk)
                return
    for rundir in map(home.trader, home.trader_ids):
        if not rundir.store.exists():
            continue
        try:
            rows = of_a_node(home, rundir, None)
        except LabError:
            continue  # it is looked for elsewhere; `find_alerts` tells what cannot be read
        if found := [row for row in rows if row.id == alert_id]:
            with DeskStore.open(home.store) as desk:
                ledger = AlertLedger(desk)
                ledger.enter(rundir.trader_id, found)
                yield ledger
                return
    raise StoreError(
        "an alert must be there to be acknowledged",
        value=alert_id,
        remedy="see which there are: nautilus-lab alerts",
    )


def _note(
    home: Home,
    alert: AlertRow,
    *,
    audit: AuditSettings,
    root: Path,
    by: str,
    note: str,
    cause: Mapping[str, object] | None,
) -> None:
    """Write into the trails whose matter it is; raises when none of them takes it."""
    from nautilus_lab.platform.audit import AuditFiles, AuditKeeper

    facts: dict[str, object] = {
        "alert": alert.id,
        "trader": alert.trader,
        "component": alert.component,
        "rule": alert.rule,
        "scope": alert.scope,
        "level": alert.level,
        "severity": alert.severity,
        "escalation": f"L{alert.rank}",
        "raised_ns": alert.ts_ns,
        "note": note,
    }
    if cause is not None:
        facts["asked"] = dict(cause)
    traders = (alert.trader,) if alert.trader else home.trader_ids
    # A trader that never ran has no trail; what became of the alert stands in `desk.db` then.
    there = [name for name in traders if home.trader(name).store.exists()]
    failed: list[LabError] = []
    for name in there:
        files = AuditFiles.of_trader(home, audit, name, root=root)
        try:
            _append(AuditKeeper(files, by=by), facts)
        except LabError as error:
            _log.error("who acknowledged %s is not in the trail of %s: %s", alert.id, name, error)
            failed.append(error)
    if failed and len(failed) == len(there):
        raise failed[0]


def _append(keeper: AuditKeeper, facts: Mapping[str, object]) -> None:
    """Append a row; two people may acknowledge at once, from a page and from a shell."""
    until_s = time.monotonic() + _IN_TURN_S
    while True:
        try:
            return keeper.note(_KIND, facts)
        except NodeAlreadyRunning:
            if time.monotonic() >= until_s:
                raise
            time.sleep(_AGAIN_S)
