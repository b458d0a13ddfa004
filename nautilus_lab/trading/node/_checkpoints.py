"""The checkpoints of a node's audit trail: made while it runs, and what one that fails leads to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack

from nautilus_lab.config import AuditSettings
from nautilus_lab.exceptions import AuditError, LabError, StoreError
from nautilus_lab.platform.audit import (
    AuditFiles,
    AuditQueue,
    AuditTrail,
    Checkpoint,
    Checkpointer,
)
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.platform.rundir import RunDirectory
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._condition import NodeCondition
from nautilus_lab.trading.node._states import TradingStates

log = logging.getLogger(__name__)

_AUDIT = "audit"
_CHECKPOINTED = "an audit trail must be checkpointed"
_UNTOUCHED = "an audit trail must be as it was written"
_GUARDED = "the audit tables must have their guards"


class Checkpointing:
    """Has a node's audit trail checkpointed, and holds what it finds against the trader.

    A trail that gets no new checkpoints is amiss, and an alert; one that is not as it was
    checkpointed lets its trader do no more than reduce.

    Parameters
    ----------
    settings : AuditSettings
        How often.
    files : AuditFiles
        Where key and checkpoints are.
    trail : AuditTrail
        What is checkpointed.
    notes : AuditQueue
        Takes the rows that tell of key and checkpoints.
    rundir : RunDirectory
        Whose store is read again for each checkpoint.
    condition : NodeCondition
        Where it is said that something is amiss.
    on_alert : callable
        Called with what somebody has to look at.
    """

    def __init__(
        self,
        settings: AuditSettings,
        files: AuditFiles,
        trail: AuditTrail,
        notes: AuditQueue,
        *,
        rundir: RunDirectory,
        condition: NodeCondition,
        on_alert: Callable[[AlertRaised], None],
    ) -> None:
        self._settings = settings
        self._files = files
        self._trail = trail
        self._notes = notes
        self._rundir = rundir
        self._condition = condition
        self._on_alert = on_alert
        self._tampered = ""  # what of the audit trail is not as it was checkpointed

    def begin(self, stack: AsyncExitStack) -> None:
        """Have the trail guarded, and checkpointed until `stack` ends."""
        self._put_back_guards()
        files, audit, trail, notes = self._files, self._settings, self._trail, self._notes
        key = None
        try:
            key = files.key(make=True)
            notes.add("key.read", {"file": files.key_path.name, "key": key.name}, actor="node")
        except StoreError:
            log.exception("no checkpoints are made")  # and `_on_checkpoints` hears of it
        loop = asyncio.get_running_loop()
        checkpointer = Checkpointer(
            lambda: TradingStore.open(self._rundir.store, read_only=True),
            files.checkpoint_file(key),
            rows=lambda: trail.seq,
            every=audit.checkpoint_rows,
            every_s=audit.checkpoint_s,
            on_trouble=lambda error: loop.call_soon_threadsafe(self._on_checkpoints, error),
            on_begun=lambda last: loop.call_soon_threadsafe(
                self._note_checkpoint, last, files.seen_beside()
            ),
        )
        checkpointer.start()
        stack.callback(checkpointer.stop)
        stack.callback(notes.close)  # before the last checkpoint

    def look(self, states: TradingStates) -> None:
        """Let a trader whose audit trail was tampered with do no more than reduce."""
        why, self._tampered = self._tampered, ""
        if why:
            states.tighten("REDUCE_ONLY", reason=why[:500], by=_AUDIT, automatic=True)

    def _put_back_guards(self) -> None:
        """Put back what keeps the tables append-only: somebody took it away, and is told of."""
        if broken := self._trail.restore_guards(actor="node"):
            found = "; ".join(map(str, broken))
            log.critical("the audit tables were not guarded, and are again: %s", found)
            self._alert(_GUARDED, found, "find out who changed the file; nautilus-lab audit verify")

    def _on_checkpoints(self, error: LabError | None) -> None:
        if error is None:
            return self._condition.mended(_AUDIT)
        tampered = isinstance(error, AuditError)
        found = "was tampered with" if tampered else "has no new checkpoints"
        why = f"the audit trail {found}: {error}"
        log.error(why)
        self._condition.amiss(_AUDIT, why)
        self._alert(
            _UNTOUCHED if tampered else _CHECKPOINTED,
            str(error),
            error.remedy or "nautilus-lab audit verify",
        )
        if tampered:
            self._tampered = why

    def _alert(self, rule: str, detail: str, remedy: str) -> None:
        self._on_alert(
            AlertRaised(
                severity="critical", component="node", rule=rule, detail=detail, remedy=remedy
            )
        )

    def _note_checkpoint(self, last: Checkpoint, beside: dict[str, object]) -> None:
        """Have the chain tell of the files of checkpoints: who removes one must forge the chain."""
        seen = {"number": last.number, "seal": last.seal}
        self._notes.add("audit.begun", {"checkpoint": seen, "beside": beside}, actor="node")
