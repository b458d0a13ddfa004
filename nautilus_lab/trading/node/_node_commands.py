"""What a node answers of itself: how it is, what it has, what happened; and its stop."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from nautilus_lab.platform.audit import AuditQueue
from nautilus_lab.platform.commands import Handler, Request
from nautilus_lab.platform.messages import Envelope, Snapshot
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.platform.telemetry import resource_use
from nautilus_lab.trading.commands import EventsAfter, NodeStatus
from nautilus_lab.trading.node._condition import NodeCondition
from nautilus_lab.trading.node._deployments import Deployments
from nautilus_lab.trading.node._desk import Desk

log = logging.getLogger(__name__)

_MOST_EVENTS = 1_000  # a page of them; who wants more asks again


class NodeCommands:
    """Answers who asks the node how it is, and who asks it to stop.

    Parameters
    ----------
    desk : Desk
        What it has.
    condition : NodeCondition
        How it is.
    store : TradingStore
        What happened.
    notes : AuditQueue
        Takes who asked it to stop.
    deployments : Deployments
        Whose target weights are named.
    source_ts : callable
        Returns the time of the market that it trades; None before it has one.
    stop : callable
        Called when it is asked to stop.
    """

    def __init__(
        self,
        desk: Desk,
        condition: NodeCondition,
        store: TradingStore,
        notes: AuditQueue,
        deployments: Deployments,
        *,
        source_ts: Callable[[], int | None],
        stop: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._condition = condition
        self._store = store
        self._notes = notes
        self._deployments = deployments
        self._source_ts = source_ts
        self._stop = stop

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands that are about the node itself."""
        return {
            "node.status": self._status,
            "node.snapshot": self._snapshot,
            "node.events": self._events,
            "node.stop": self._asked_to_stop,
        }

    async def _status(self, request: Request) -> NodeStatus:
        desk = self._desk
        return NodeStatus(
            trader=desk.trader,
            state=self._condition.state.value,
            detail=self._condition.detail,
            pid=os.getpid(),
            epoch=desk.epoch,
            orders=desk.order_count,
            fills=desk.fill_count,
            targets=self._deployments.targets,
            equity=desk.accounts.equity,
            rss_mib=round(resource_use().rss_mib, 1),
            source_ts=self._source_ts(),
        )

    async def _snapshot(self, request: Request) -> Snapshot:
        return self._desk.snapshot()

    async def _events(self, request: Request) -> list[Envelope]:
        asked: EventsAfter = request.body
        after = self._store.outbox_after(
            self._desk.writer, asked.epoch, asked.seq, limit=_MOST_EVENTS
        )
        return list(after)

    async def _asked_to_stop(self, request: Request) -> str:
        log.info("asked to stop by %s", request.principal.name)
        self._notes.add("node.stop", {"epoch": self._desk.epoch}, actor=request.principal.name)
        self._stop()
        return "stopping"
