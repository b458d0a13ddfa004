"""The audit trail of one gateway: who came in, who did not, and what nobody let them ask."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping

from nautilus_lab.client.protocol import CloseCode
from nautilus_lab.config import AuditSettings, StreamingSettings
from nautilus_lab.exceptions import AccessDenied, LabError, StoreError
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.audit import (
    AuditFiles,
    AuditQueue,
    AuditTrail,
    Checkpoint,
    Checkpointer,
    SealKey,
    origin,
)
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

_log = logging.getLogger(__name__)

_UNKNOWN = "unknown"
_BUSY_MS = 100  # a gateway's loop waits for nobody
_OPEN_AGAIN_S = 10.0
# of a minute: as many as a gateway has viewers, each with a token of its own
_MOST_SESSIONS = 2_000
_MOST_ASKERS = 256


class GatewayAudit:
    """Writes the chain of one gateway, in a database that it alone writes.

    What somebody from outside can repeat takes a bounded number of rows a minute: the first of a
    kind has a row, the others are counted in one more.

    A gateway whose trail cannot be written serves all the same, and says so in its log: who only
    looks risks nothing, and what a viewer orders is audited by the node, which does nothing
    without. Once it can be written again a row ``"audit.gap"`` says since when, and what has no
    row.

    Parameters
    ----------
    home : Home
        Whose gateway.
    audit : AuditSettings
        Where checkpoints go, and how often.
    number : int, default=1
        Which of the home's gateways.
    """

    def __init__(self, home: Home, audit: AuditSettings, *, number: int = 1) -> None:
        self.files = AuditFiles.of_gateway(home, audit, number=number)
        self._audit = audit
        self._name = home.gateway_files(number).name
        self._store: TradingStore | None = None
        self._queue: AuditQueue | None = None
        self._checkpointer: Checkpointer | None = None
        self._missed: Counter[tuple[str, str]] = Counter()  # kind, actor; while it is not open
        self._open_after_s = float("-inf")

    # --- life --------------------------------------------------------------------------------

    def start(self, url: str, settings: StreamingSettings) -> None:
        """Open the trail, if that can be done now, and write down what begins."""
        self._open()
        plain = {name: str(value) for name, value in settings.model_dump(mode="json").items()}
        self._add("gateway.begun", {**origin(), "url": url, "settings": plain})

    def stop(self) -> None:
        """Write what is left, and a last checkpoint; harmless when it is not open."""
        self._add("gateway.ended", {})
        if self._queue is not None:
            self._queue.close()
            self._queue = None
        if self._checkpointer is not None:
            self._checkpointer.stop()
            self._checkpointer = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def tick(self) -> None:
        """Write what waits, and try again to open what could not be; call it now and then."""
        if self._queue is None and time.monotonic() >= self._open_after_s:
            self._open()
        if self._queue is not None:
            self._queue.tick()

    # --- what happened -----------------------------------------------------------------------

    def opened(self, principal: Principal, peer: str) -> None:
        """Note that somebody came in."""
        facts = {**_who(principal), "peer": peer}
        self._repeated(
            "session.opened",
            facts,
            actor=principal.name,
            key=principal.token_id,
            most=_MOST_SESSIONS,
        )

    def refused(self, code: int, why: str, peer: str, principal: Principal | None) -> None:
        """Note that a connection was ended for cause; without a principal it never came in."""
        name = CloseCode(code).name if code in CloseCode else str(code)
        facts: dict[str, object] = {"code": name, "why": why, "peer": peer}
        if principal is None:
            self._repeated("session.refused", facts, actor=_UNKNOWN, key=name)
        else:
            facts |= _who(principal)
            self._repeated(
                "session.ended", facts, actor=principal.name, key=name, most=_MOST_SESSIONS
            )

    def turned_away(self, status: int, why: str) -> None:
        """Note that a connection was not even made."""
        facts = {"status": status, "why": why}
        self._repeated("connection.refused", facts, actor=_UNKNOWN, key=status)

    def denied(
        self, principal: Principal | None, command: str, trader: str, error: AccessDenied
    ) -> None:
        """Note that somebody asked for what they may not."""
        facts: dict[str, object] = {"command": command, "trader": trader, "why": error.rule}
        actor = _UNKNOWN
        if principal is not None:
            actor, facts = principal.name, facts | _who(principal)
        key = (command, trader)
        self._repeated("command.refused", facts, actor=actor, key=key, most=_MOST_ASKERS)

    def key_read(self, name: str, trouble: str = "") -> None:
        """Note that the key of access tokens was read, or could not be; never its value."""
        facts = {"file": name, "trouble": trouble} if trouble else {"file": name}
        self._repeated("key.read", facts, actor=self._name, key=trouble)

    # --- the trail ---------------------------------------------------------------------------

    def _add(self, kind: str, facts: Mapping[str, object]) -> None:
        if self._queue is None:
            self._missed[kind, self._name] += 1
        else:
            self._queue.add(kind, facts, actor=self._name)

    def _repeated(
        self, kind: str, facts: Mapping[str, object], *, actor: str, key: object, most: int = 32
    ) -> None:
        if self._queue is None:
            self._missed[kind, actor if actor == self._name else _UNKNOWN] += 1
        else:
            self._queue.repeated(kind, facts, actor=actor, key=str(key), most=most)

    def _open(self) -> None:
        self._open_after_s = time.monotonic() + _OPEN_AGAIN_S
        try:
            self.files.make()
            store = TradingStore.open(self.files.store, busy_timeout_ms=_BUSY_MS)
            try:
                trail = AuditTrail(store, chain=self.files.chain)
                for broken in trail.restore_guards(actor=self._name):
                    _log.critical("the audit tables were not guarded, and are again: %s", broken)
            except BaseException:
                store.close()
                raise
        except (LabError, OSError) as error:
            return _log.error("the gateway serves without its audit trail: %s", error)
        self._store, self._queue = store, AuditQueue(trail)
        missed, self._missed = self._missed, Counter()
        for (kind, actor), times in missed.items():
            trail.miss(kind, actor=actor, why="the trail could not be opened", times=times)
        self._begin_checkpoints(trail)

    def _begin_checkpoints(self, trail: AuditTrail) -> None:
        key: SealKey | None = None
        try:
            key = self.files.key(make=True)
        except StoreError as error:
            _log.error("no checkpoints of the gateway's trail are made: %s", error)
        loop = asyncio.get_running_loop()
        self._checkpointer = Checkpointer(
            lambda: TradingStore.open(self.files.store, read_only=True),
            self.files.checkpoint_file(key),
            rows=lambda: trail.seq,
            every=self._audit.checkpoint_rows,
            every_s=self._audit.checkpoint_s,
            on_trouble=_tell_trouble,
            on_begun=lambda last: loop.call_soon_threadsafe(self._note_checkpoint, last),
        )
        self._checkpointer.start()

    def _note_checkpoint(self, last: Checkpoint) -> None:
        """Have the chain tell of the file of checkpoints: who removes it must forge the chain."""
        self._add("audit.begun", {"checkpoint": {"number": last.number, "seal": last.seal}})


def _tell_trouble(error: LabError | None) -> None:
    if error is not None:
        _log.critical("the gateway's audit trail is not checkpointed, or not guarded: %s", error)


def _who(principal: Principal) -> dict[str, object]:
    return {"roles": sorted(role.value for role in principal.roles), "token": principal.token_id}
