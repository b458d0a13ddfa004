"""What viewers ask about alerts, which are a lab's and not one node's: the gateway answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from nautilus_lab.alerts import AlertBoard, answer_acknowledge, monitor_standing
from nautilus_lab.config import AuditSettings
from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands import (
    ACKNOWLEDGE,
    ASK_ALERTS,
    AcknowledgedAlert,
    Handler,
    MonitorStanding,
    OpenAlerts,
    Request,
)
from nautilus_lab.platform.rundir import Home

ALERT_COMMANDS = frozenset({ASK_ALERTS.name, ACKNOWLEDGE.name})

_ASK_AGAIN_S = 1.0  # the monitor, however many look

T = TypeVar("T")


class AlertDesk:
    """Answers viewers from the stores of the home, whether or not a node or a monitor runs.

    Stores are read and written on a thread of their own: the stream waits for none of it.

    Parameters
    ----------
    home : Home
        Whose alerts.
    audit : AuditSettings
        Where the checkpoints of traders' audit trails go.
    root : Path, optional
        What the paths of `audit` are relative to.
    """

    def __init__(self, home: Home, audit: AuditSettings, *, root: Path = Path()) -> None:
        self._home = home
        self._audit = audit
        self._root = root
        self._board = AlertBoard(home)
        self._thread: ThreadPoolExecutor | None = None
        self._asking: asyncio.Task[MonitorStanding] | None = None
        self._asked_s = float("-inf")

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What answers each of `ALERT_COMMANDS`."""
        return {ASK_ALERTS.name: self._open, ACKNOWLEDGE.name: self._acknowledge}

    def close(self) -> None:
        """Let go of the stores; what is being written is written first."""
        if self._thread is not None:
            self._thread.submit(self._board.close)
            self._thread.shutdown()
            self._thread = None

    async def _open(self, request: Request) -> OpenAlerts:
        asked = request.body
        if asked.trader and asked.trader not in self._home.trader_ids:
            raise InputError("a trader must have a run directory in this home", value=asked.trader)
        monitor = await self._monitor()
        return await self._on_store(partial(self._board.look, asked.trader, asked.most, monitor))

    async def _acknowledge(self, request: Request) -> AcknowledgedAlert:
        def acknowledge() -> AcknowledgedAlert:
            try:
                return answer_acknowledge(self._home, request, audit=self._audit, root=self._root)
            finally:
                self._board.forget()

        return await self._on_store(acknowledge)

    async def _monitor(self) -> MonitorStanding:
        """Return how the monitor is, asked once for all who look at the same time."""
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked_s > _ASK_AGAIN_S):
            self._asked_s = now
            self._asking = asyncio.create_task(monitor_standing(self._home), name="ask monitor")
        # Who goes away must not take the answer of the others along.
        return await asyncio.shield(self._asking)

    async def _on_store(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="alerts")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
