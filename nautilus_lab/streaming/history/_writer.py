"""The history writer: the consumer of `dashboard-group`, as one process of a lab."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import ConfigError, LabError, LifecycleError
from nautilus_lab.platform.bus import RedisBus, StreamGroup
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import AlertRaised, HealthUpdated, envelope
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import DeskStore, GapRow, HistoryStore
from nautilus_lab.platform.telemetry import LoopLag, resource_use
from nautilus_lab.streaming.history._ledger import Ledger

_log = logging.getLogger(__name__)

_NAME = "history"
_TOPIC = "system.health.history"
_SILENT_S = 60.0  # alerts of one rule are at least so far apart


class HistoryWriter:
    """Keeps every event of a Redis stream in `history.db`, each once.

    An event is acknowledged when it is on the disk, so the death of this process at any moment
    loses and doubles nothing. What the stream lost is fetched from the traders' own stores: when
    a writer's numbers skip, when entries went away unread, and at each start.

    Parameters
    ----------
    settings : Settings
        Of the workspace; `bus.url` names a Redis.
    heartbeat_s : float, default=2.0
        How often it tells how it is: on the bus, and in its process record.

    Raises
    ------
    ConfigError
        When `bus.url` names no Redis.
    """

    def __init__(self, settings: Settings, *, heartbeat_s: float = 2.0) -> None:
        if settings.bus.url == "ipc":
            raise ConfigError(
                "the history writer reads the stream of a Redis",
                value="bus.url = ipc",
                remedy='set it to "redis://127.0.0.1:6379/0", or bus.history to false',
            )
        self.settings = settings
        self.home = Home(settings.home_path)
        self.files = self.home.history_files
        self._heartbeat_s = heartbeat_s
        self._lag = LoopLag()
        self._resync = asyncio.Event()
        self._alerts: dict[str, float] = {}  # rule -> until when it is not told again (monotonic)
        self._tasks: list[asyncio.Task[None]] = []
        self._open: contextlib.AsyncExitStack | None = None

    async def start(self) -> None:
        """Begin, on the running loop; a Redis that is not there is waited for.

        Raises
        ------
        NodeAlreadyRunning
            When this lab has a history writer already.
        ConfigError, AccessDenied
            When Redis is there and must not be used, or does not let us in.
        StoreError
            When the history cannot be opened.
        """
        if self._open is not None:
            raise LifecycleError("a history writer starts once", remedy="stop it first")
        self.home.make()
        async with contextlib.AsyncExitStack() as stack:
            lock = self.files.lock
            lock.acquire()
            stack.callback(lock.release)
            self._begin(stack)
            self._open = stack.pop_all()

    def _begin(self, stack: contextlib.AsyncExitStack) -> None:
        busy_timeout_ms = self.settings.store.busy_timeout_ms
        store = HistoryStore.open(self.files.store, busy_timeout_ms=busy_timeout_ms)
        stack.callback(store.close)
        self._desk = DeskStore.open(self.home.store, busy_timeout_ms=busy_timeout_ms)
        stack.callback(self._desk.close)
        self._ledger = Ledger(store, self.home, on_gap=self._gap_stays)
        self._bus = RedisBus.serve(self.settings.bus, on_alert=self._alert)
        stack.callback(self._bus.close)
        self._loop = asyncio.get_running_loop()
        self._group = StreamGroup(
            self.settings.bus,
            owner=f"{socket.gethostname()}:{os.path.realpath(self.home.path)}",
            take=self._ledger.take,
            on_gap=lambda why: self._resync.set(),
            on_state=self._is,
            on_alert=self._alert,
        )
        self._resync.set()
        self._group.start()
        stack.push_async_callback(self._group.close)
        self._lag.start()
        stack.callback(self._lag.stop)
        self._tell()
        stack.callback(self.files.record.unlink, missing_ok=True)
        self._tasks = [
            asyncio.create_task(self._beat(), name="history heartbeat"),
            asyncio.create_task(self._catch_up(), name="history resync"),
        ]
        stack.push_async_callback(self._end_tasks)
        _log.info("the history of %s goes to %s", self._bus.address, self.files.store)

    async def stop(self) -> None:
        """Finish what is being stored, and end; harmless when stopped."""
        if self._open is not None:
            stack, self._open = self._open, None
            await stack.aclose()
            _log.info("the history writer stopped")

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def facts(self) -> dict[str, str]:
        """How it is, in words, as its process record tells it."""
        group, ledger = self._group, self._ledger
        return {
            "state": group.state.value,
            "trouble": group.trouble,
            "stored": str(ledger.stored),
            "fetched": str(ledger.fetched),
            "gaps": str(ledger.gaps),
            "behind": "" if group.behind is None else str(group.behind),
            "dead": str(group.dead),
            "deleted": str(group.deleted),
            "passed": str(group.passed),
            "restarts": str(group.restarts),
        }

    # --- works --------------------------------------------------------------------------------

    async def _beat(self) -> None:
        told: dict[str, str] = {}
        while True:
            await asyncio.sleep(self._heartbeat_s)
            facts = self.facts
            use = resource_use()
            self._bus.publish(
                envelope(
                    HealthUpdated(
                        component=_NAME,
                        state="degraded" if facts["trouble"] else "running",
                        detail=facts["trouble"],
                        pid=os.getpid(),
                        loop_lag_ms=self._lag.lag_ms,
                        rss_mib=use.rss_mib,
                        bus=facts["state"],
                    ),
                    _TOPIC,
                    trader="",
                    writer=_NAME,
                )
            )
            if facts != told:
                try:
                    self._tell()
                    told = facts
                except LabError as error:
                    _log.warning("the process record cannot be written: %s", error)

    def _tell(self) -> None:
        record = ProcessRecord.of_this_process(
            _NAME, address=str(self._bus.address), detail=self.facts
        )
        record.write(self.files.record)

    async def _catch_up(self) -> None:
        """Fetch from the traders' stores what the stream may have lost, whenever it may have."""
        while True:
            await self._resync.wait()
            self._resync.clear()
            working = asyncio.ensure_future(asyncio.to_thread(self._ledger.resync))
            try:
                if fetched := await asyncio.shield(working):
                    _log.info("%d events were fetched from the stores of traders", fetched)
            except asyncio.CancelledError:
                await asyncio.wait([working])  # a thread cannot be ended; its store stays open
                raise
            except LabError as error:
                _log.error("the stores of traders could not be compared: %s", error)
                self._loop.call_later(self._heartbeat_s, self._resync.set)

    # --- what is told -------------------------------------------------------------------------

    def _is(self, state: ConnectionState) -> None:
        _log.info("the stream is %s", state.value)

    def _gap_stays(self, gap: GapRow) -> None:
        alert = AlertRaised(
            severity="critical",
            component=_NAME,
            rule="a history must be whole",
            detail=f"events of {gap.trader}/{gap.writer} between {gap.epoch}:{gap.seq} and "
            f"{gap.next_epoch}:{gap.next_seq} are missing: {gap.why}",
            remedy="bring the trader's run directory back, then start the history writer again",
        )
        self._loop.call_soon_threadsafe(self._alert, alert)

    def _alert(self, alert: AlertRaised) -> None:
        now = time.monotonic()
        if now < self._alerts.get(alert.rule, 0.0):
            return  # the counts in the process record go on
        self._alerts[alert.rule] = now + _SILENT_S
        try:
            self._desk.raise_alert(
                alert.severity, _NAME, alert.rule, detail=alert.detail, remedy=alert.remedy
            )
        except LabError as error:
            _log.error("an alert could not be raised: %s; it was: %s", error, alert)
