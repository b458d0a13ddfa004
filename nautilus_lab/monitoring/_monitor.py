"""The monitor: one per lab, beside its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from nautilus_lab.alerts import answer_acknowledge
from nautilus_lab.config import Settings
from nautilus_lab.exceptions import InputError, LabError, LifecycleError
from nautilus_lab.monitoring._channel import Channel, Notice
from nautilus_lab.monitoring._channels import channels_of, serve_bus
from nautilus_lab.monitoring._commands import MONITOR_COMMANDS
from nautilus_lab.monitoring._courier import Courier
from nautilus_lab.monitoring._escalation import CHANNEL_RULE, Escalation
from nautilus_lab.monitoring._heartbeats import NODE_RULE, SUPERVISOR_RULE, Heartbeats
from nautilus_lab.monitoring._intake import Intake
from nautilus_lab.platform.access import KeyFileVerifier, LocalOwner
from nautilus_lab.platform.commands import (
    AcknowledgedAlert,
    CommandServer,
    LevelStatus,
    MonitorStatus,
    Request,
)
from nautilus_lab.platform.messages import Severity, new_id
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import AlertLedger, AlertRow, DeliveryRow, DeskStore
from nautilus_lab.platform.telemetry import LimitedLog, resource_use
from nautilus_lab.trading import tighten

_log = logging.getLogger(__name__)
_trouble = LimitedLog(_log)

_NAME = "monitor"
_LOOK_S = 0.5  # at heartbeats, and at who climbs
_ALL_S = 1.0  # at every store, whether it seems written or not
_TELL_S = 2.0
_STEP_NS = 1_000_000_000  # what a clock is set back by; less is slewing
_DRAIN_S = 2.5
_SHOUT_S = 5.0
_AGAIN_S = 5.0
_OURS = ("log", "bus")  # channels that reach no person by themselves
_LONGEST_REASON = 400
UNREAD_RULE = "a trader's alerts must be readable"
_STORE_RULE = "the monitor must be able to write its store"
_LOOK_RULE = "the monitor must be able to look for alerts"
_OLD_RULE = "an alert must be told while it is news"

T = TypeVar("T")


class Monitor:
    """Delivers what every process of a lab raised, and lets climb what nobody answers.

    Parameters
    ----------
    settings : Settings
        Of the workspace.
    channels : mapping of str to Channel, optional
        In place of those that the settings ask for.
    """

    def __init__(
        self, settings: Settings, *, channels: Mapping[str, Channel] | None = None
    ) -> None:
        self.settings = settings
        self.home = Home(settings.home_path)
        self.files = self.home.monitor_files
        self.lost = asyncio.Event()  # set when the folder of the lab is gone
        self._given = channels
        self._rules = settings.monitoring
        self._open: contextlib.AsyncExitStack | None = None
        self._couriers: dict[str, Courier] = {}
        self._unraised: list[Callable[[], object]] = []
        # trader, to what -> when to try again (monotonic)
        self._tighten_after_s: dict[tuple[str, str], float] = {}
        self._clock_ns = _ahead_ns()
        self._taken = 0
        self._trouble = ""
        self._trouble_s = 0.0
        self._shouted = False

    def __repr__(self) -> str:
        return f"Monitor({self.home.path}, {', '.join(self._couriers) or 'not started'})"

    async def start(self) -> None:
        """Begin, on the running loop.

        Raises
        ------
        NodeAlreadyRunning
            When this lab has a monitor already.
        ConfigError, AccessDenied
            When the bus of the settings must not be used.
        StoreError
            When the desk's store cannot be opened.
        """
        if self._open is not None:
            raise LifecycleError("a monitor starts once", remedy="stop it first")
        self.home.make()
        async with contextlib.AsyncExitStack() as stack:
            lock = self.files.lock
            lock.acquire()
            stack.callback(lock.release)
            await self._begin(stack)
            self._open = stack.pop_all()

    async def _begin(self, stack: contextlib.AsyncExitStack) -> None:
        # One thread for all stores: theirs is the thread that opened them, and they wait in turn.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stores")
        stack.callback(self._thread.shutdown)
        opened = partial(
            DeskStore.open, self.home.store, busy_timeout_ms=self.settings.store.busy_timeout_ms
        )
        self._desk = await self._on_store(opened)
        stack.callback(self._desk.close)
        self._ledger = AlertLedger(self._desk)
        self._intake = Intake(self.home, self._ledger, on_unread=self._unread)
        stack.push_async_callback(self._on_store, self._intake.close)
        channels = self._given
        if channels is None:
            channels = channels_of(self.settings, bus=serve_bus(self.settings))
        for channel in channels.values():
            stack.callback(channel.close)
        self._escalation = Escalation(self._rules, tuple(channels))
        await self._resume(channels)
        server = CommandServer(
            self.files.commands,
            MONITOR_COMMANDS,
            # Its owner needs no token; others speak by those that the lab signed.
            LocalOwner(KeyFileVerifier(self.home.signing_key)).verify,
            {"monitor.status": self._status, "alerts.acknowledge": self._acknowledge},
        )
        await server.start()
        stack.push_async_callback(server.stop)
        works = [self._follow(), self._look(), self._tell()]
        works += [courier.run() for courier in self._couriers.values()]
        self._tasks = [asyncio.create_task(work) for work in works]
        stack.push_async_callback(self._end_tasks)
        self._record().write(self.files.record)
        stack.callback(self.files.record.unlink, missing_ok=True)
        _log.info("alerts go to %s", ", ".join(self._couriers))

    async def _resume(self, channels: Mapping[str, Channel]) -> None:
        """Go on where an earlier monitor ended."""
        dropped = await self._on_store(partial(self._ledger.resume, tuple(channels)))
        if dropped:
            _log.warning("%d deliveries are dropped, their channels are not configured", dropped)
        known = await self._on_store(partial(self._ledger.standing, _NAME))
        self._heartbeats = Heartbeats(
            self.home,
            late_s=self._rules.late_s,
            late=tuple(a.trader for a in known if a.rule in (NODE_RULE, SUPERVISOR_RULE)),
        )
        troubled = {alert.scope for alert in known if alert.rule == CHANNEL_RULE}
        for name, channel in channels.items():
            self._couriers[name] = Courier(
                channel,
                self._ledger,
                self._on_store,
                undelivered_s=self._rules.undelivered_s,
                give_up_s=self._rules.give_up_hours * 3_600,
                on_trouble=self._channel_trouble,
                troubled=name in troubled,
            )

    async def stop(self) -> None:
        """Deliver what is due, as far as that goes in some seconds, and end."""
        if self._open is not None:
            stack, self._open = self._open, None
            try:
                await self._drain()
            finally:
                await stack.aclose()
            _log.info("the monitor stopped")

    async def _drain(self) -> None:
        deadline = time.monotonic() + _DRAIN_S
        try:
            await self._on_store(self._raise_all)
            await self._take(None)
            for name, courier in self._couriers.items():
                while time.monotonic() < deadline:
                    due = await self._on_store(partial(self._ledger.next_delivery_ns, name))
                    if not courier.busy and (due is None or due > time.time_ns()):
                        break
                    await asyncio.sleep(0.02)
        except LabError as error:
            _log.error("what was raised last could not be delivered: %s", error)

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _on_store(self, work: Callable[[], T]) -> T:
        working = asyncio.get_running_loop().run_in_executor(self._thread, work)
        # A thread cannot be ended: who is cancelled waits for what it began.
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise

    # --- works ----------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Take on what is new, soon after it was written."""
        poll_s = self._rules.poll_ms / 1e3
        next_all_s = 0.0
        while True:
            now_s = time.monotonic()
            traders: set[str] | None = None
            try:
                if now_s >= next_all_s:
                    next_all_s = now_s + _ALL_S
                    await self._on_store(self._intake.find_traders)
                    self._intake.changed()
                else:
                    traders = self._intake.changed()
                if traders is None or traders:
                    await self._take(traders)
                    self._mended()
            except LabError as error:
                await self._amiss(error)
                await asyncio.sleep(_LOOK_S)
            except Exception as error:
                # A monitor that ends here would tell nobody anything any more.
                _log.exception("looking for alerts failed")
                failed = LabError(_LOOK_RULE, value=repr(error), remedy="its log says where")
                await self._amiss(failed, rule=_LOOK_RULE)
                await asyncio.sleep(_LOOK_S)
            await asyncio.sleep(poll_s)

    async def _take(self, traders: set[str] | None) -> None:
        # People are told without another way to the thread and back, the log a moment later.
        ready = [n for n, one in self._couriers.items() if n not in _OURS and one.waits]

        def take() -> tuple[tuple[AlertRow, ...], dict[str, tuple[DeliveryRow, AlertRow] | None]]:
            self._intake.read(traders)
            rows = self._ledger.take(self._escalation.begin)
            begun: dict[str, tuple[DeliveryRow, AlertRow] | None] = {}
            try:
                for name in ready if rows else ():
                    begun[name] = self._ledger.begin(name)
            except LabError as error:
                # What was begun is delivered, the rest waits in the store for its courier.
                _trouble.warning("a delivery could not be begun: %s", error)
            return rows, begun

        rows, begun = await self._on_store(take)
        for name, one in begun.items():
            if one is not None:
                self._couriers[name].hand(one)
        if not rows:
            return
        self._taken += len(rows)
        self._wake()
        if old := sum(self._escalation.is_old(row) for row in rows):
            self._raise(
                "warning",
                _OLD_RULE,
                detail=f"{old} were raised more than {self._rules.give_up_hours:g} hours ago, "
                "and told to the log only",
                remedy="nautilus-lab alerts",
            )

    def _wake(self) -> None:
        # They wait in turn for the store: people first, then the log.
        for courier in reversed(self._couriers.values()):
            courier.wake()

    async def _look(self) -> None:
        """Watch heartbeats, and let climb what is overdue."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._follow_clock()
                for heard in await self._on_store(self._heartbeats.look):
                    _log.warning("%s: %s, %s", heard.trader or "lab", heard.rule, heard.detail)
                    self._raise(
                        "info" if heard.level == "ok" else "critical",
                        heard.rule,
                        detail=heard.detail,
                        remedy=heard.remedy,
                        trader=heard.trader,
                        level=heard.level,
                    )
                await self._on_store(self._raise_all)
                await self._climb()
            except LabError as error:
                _trouble.warning("the monitor's round failed: %s", error)
            except Exception:
                _log.exception("the monitor's round failed")

    async def _follow_clock(self) -> None:
        """Have nobody wait longer because somebody set the machine's clock back."""
        ahead = _ahead_ns()
        back = self._clock_ns - ahead
        if back >= _STEP_NS:
            await self._on_store(partial(self._ledger.set_back, back))
            _log.warning("the clock was set back by %.1f s: what waits goes with it", back / 1e9)
            self._wake()
        self._clock_ns = ahead

    async def _climb(self) -> None:
        def climb() -> tuple[tuple[AlertRow, ...], tuple[AlertRow, ...]]:
            climbed = self._ledger.climb(self._escalation.climb)
            return climbed, self._ledger.to_tighten()

        while True:
            climbed, tightening = await self._on_store(climb)
            if climbed:
                self._wake()
            # A storm asks the same of one trader thousands of times.
            asked: dict[tuple[str, str], list[AlertRow]] = {}
            for alert in tightening:
                asked.setdefault((alert.trader, alert.tighten), []).append(alert)
            await asyncio.gather(*map(self._tighten, asked.values()))
            if not climbed:
                return

    async def _tighten(self, alerts: Sequence[AlertRow]) -> None:
        alert = alerts[0]
        asked = alert.trader, alert.tighten
        if time.monotonic() < self._tighten_after_s.get(asked, 0.0):
            return
        done = "nothing to tighten: it is the lab's own"
        if alert.trader:
            reason = f"nobody acknowledged an alert up to L{alert.rank}: {alert.rule} ({alert.id})"
            reason = "".join(c if c.isprintable() else " " for c in reason[:_LONGEST_REASON])
            try:
                told = await tighten(
                    self.home.trader(alert.trader),
                    alert.tighten,  # type: ignore[arg-type]  # one of the settings' words
                    reason=reason,
                    cancel_orders=self._escalation.level(alert.rank).cancel_orders,
                    by=_NAME,
                )
            except InputError as error:
                done = f"nothing to tighten: {error.rule}"  # its folder is gone
            except LabError as error:
                _log.error("%s could not be tightened: %s", alert.trader, error)
                self._tighten_after_s[asked] = time.monotonic() + _AGAIN_S
                self._raise(
                    "critical",
                    "a trader whose alerts nobody answers must be tightened",
                    detail=f"{alert.tighten}: {error}",
                    remedy=error.remedy,
                    trader=alert.trader,
                )
                return
            else:
                done = str(told)
            _log.warning("%s", done)
        await self._on_store(partial(self._ledger.tightened, [one.id for one in alerts], done))

    async def _tell(self) -> None:
        """Keep the process record true; end when it is gone, and with it the lab."""
        told: Mapping[str, str] = {}
        while True:
            await asyncio.sleep(_TELL_S)
            if not self.files.record.exists():
                _log.error("the folder of this lab is gone: the monitor ends")
                return self.lost.set()
            record = self._record()
            if record.detail != told:
                told = record.detail
                try:
                    record.write(self.files.record)
                except LabError as error:
                    _log.warning("the process record cannot be written: %s", error)

    def _record(self) -> ProcessRecord:
        status = [courier.status for courier in self._couriers.values()]
        return ProcessRecord.of_this_process(
            _NAME,
            address=self.files.commands,
            detail={
                "taken": str(self._taken),
                "late": ", ".join(sorted(name or "supervisor" for name in self._heartbeats.late)),
                "trouble": self._trouble,
            }
            | {f"channel {one.name}": one.trouble or f"{one.sent} sent" for one in status},
        )

    # --- its own alerts -------------------------------------------------------------------

    def _raise(self, severity: Severity, rule: str, **more: Any) -> None:
        """Raise an alert of the monitor's own; one that cannot be stored yet waits for that."""
        at = time.time_ns()
        self._unraised.append(
            partial(self._desk.raise_alert, severity, _NAME, rule, ts_ns=at, **more)
        )

    def _raise_all(self) -> None:
        while self._unraised:
            self._unraised[0]()
            del self._unraised[0]

    def _unread(self, trader: str, error: LabError | None) -> None:
        ok = error is None
        self._raise(
            "info" if ok else "critical",
            UNREAD_RULE,
            detail="they are again" if ok else str(error),
            remedy="" if error is None else error.remedy,
            trader=trader,
            level="ok" if ok else "breach",
        )

    async def _channel_trouble(self, name: str, what: str) -> None:
        self._raise(
            "critical" if what else "info",
            CHANNEL_RULE,
            detail=what or "it delivers again",
            remedy="nautilus-lab alerts test; then see the settings of the channel" if what else "",
            scope=name,
            level="breach" if what else "ok",
        )

    def _mended(self) -> None:
        if self._trouble:
            _log.info("the store of alerts can be written again")
        self._trouble, self._shouted = "", False

    async def _amiss(self, error: LabError, *, rule: str = _STORE_RULE) -> None:
        """Say once over every channel, past the store, that alerts cannot be taken on."""
        if not self._trouble:
            _log.error("alerts cannot be taken on: %s", error)
            self._trouble_s = time.monotonic()
        self._trouble = str(error)
        if self._shouted or time.monotonic() - self._trouble_s < _SHOUT_S:
            return
        self._shouted = True
        alert = AlertRow(
            id=new_id(),
            ts_ns=time.time_ns(),
            severity="critical",
            component=_NAME,
            trader="",
            rule=rule,
            detail=str(error),
            remedy=error.remedy,
        )
        notice = Notice(delivery=alert.id, event="raised", attempt=1, alert=alert)
        await asyncio.gather(
            *(courier.channel.send(notice) for courier in self._couriers.values()),
            return_exceptions=True,
        )

    # --- commands -------------------------------------------------------------------------

    async def _status(self, request: Request) -> MonitorStatus:
        return MonitorStatus(
            pid=os.getpid(),
            taken=self._taken,
            channels=tuple(courier.status for courier in self._couriers.values()),
            late=tuple(sorted(name or "supervisor" for name in self._heartbeats.late)),
            trouble=self._trouble,
            rss_mib=round(resource_use().rss_mib, 1),
            levels=tuple(self._level(rank) for rank in range(5)),
        )

    def _level(self, rank: int) -> LevelStatus:
        level = self._escalation.level(rank)
        return LevelStatus(
            rank=rank,
            channels=self._escalation.told_at(rank),
            tighten=level.tighten,
            cancel_orders=level.cancel_orders,
        )

    async def _acknowledge(self, request: Request) -> AcknowledgedAlert:
        audit, root = self.settings.audit, self.settings.root
        # Not on the thread of the stores: no delivery waits for somebody's audit trail.
        return await asyncio.to_thread(
            answer_acknowledge, self.home, request, audit=audit, root=root
        )


def _ahead_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
