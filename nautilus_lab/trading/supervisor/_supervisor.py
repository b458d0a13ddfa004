"""The supervisor: one per lab, detached, the parent of everything that must outlive a notebook."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import (
    ConfigError,
    LabError,
    NodeAlreadyRunning,
    NodeError,
    NodeNotRunning,
)
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer, Handler, Request
from nautilus_lab.platform.rundir import Home, ProcessRecord, socket_file
from nautilus_lab.trading.commands import (
    SUPERVISOR_COMMANDS,
    LabStatus,
    NodeStatus,
    RestartTrader,
    StartTrader,
    Stopped,
    StopTrader,
)
from nautilus_lab.trading.supervisor._alerts import Alerts, DeskAlerts
from nautilus_lab.trading.supervisor._cleaning import clean
from nautilus_lab.trading.supervisor._output import rotate_output
from nautilus_lab.trading.supervisor._service import Service
from nautilus_lab.trading.supervisor._services import measurer_of, services_of
from nautilus_lab.trading.supervisor._trader import TraderKeeper

log = logging.getLogger(__name__)

_WATCH_EVERY_S = 0.5
_CLEAN_EVERY_S = 60.0
# With nothing to keep, a supervisor waits this long for a first order before it leaves.
_IDLE_S = 30.0


class Supervisor:
    """Starts and keeps traders and what serves them; ends itself when nothing is left.

    A new supervisor first removes what dead processes left, then adopts what an earlier one
    left running.

    Parameters
    ----------
    home : Home
        Whose processes it keeps.
    alert : Alerts, optional
        Told of every death; the lab's shared store when not given.
    """

    def __init__(self, home: Home, *, alert: Alerts | None = None) -> None:
        self.home = home.make()
        self._alert = alert or DeskAlerts(self.home)
        self._keepers: dict[str, TraderKeeper] = {}  # trader id -> its keeper
        self._looking: dict[str, asyncio.Task[None]] = {}  # trader id or service -> its watch
        self._services: tuple[Service, ...] = ()
        self._done = asyncio.Event()
        self._busy = 0

    async def run(self) -> None:
        """Serve until told to end, or until nothing is left to keep.

        Raises
        ------
        NodeAlreadyRunning
            When this home has a supervisor.
        """
        with self.home.supervisor_lock:
            clean(self.home)
            server = CommandServer(
                self.home.supervisor_commands,
                SUPERVISOR_COMMANDS,
                LocalOwner().verify,
                self._handlers(),
            )
            self._adopt()
            await server.start()
            record = ProcessRecord.of_this_process(
                "supervisor", address=self.home.supervisor_commands
            )
            record.write(self.home.supervisor)
            watch = asyncio.create_task(self._watch())
            try:
                await self._done.wait()
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
                await self._stop_all()
                await server.stop()
                clean(self.home)
                socket_file(self.home.supervisor_commands).unlink(missing_ok=True)
                self.home.supervisor.unlink(missing_ok=True)

    def end(self) -> None:
        """Stop everything and return from `run`."""
        self._done.set()

    # --- commands -------------------------------------------------------------------------

    def _handlers(self) -> dict[str, Handler]:
        return {
            "supervisor.status": self._status,
            "supervisor.start": self._start,
            "supervisor.restart": self._restart,
            "supervisor.stop": self._stop,
            "supervisor.shutdown": self._shutdown,
        }

    async def _status(self, request: Request) -> LabStatus:
        keepers = list(self._keepers.values())
        traders = await asyncio.gather(*(k.status() for k in keepers))
        services = [service.status() for service in self._services]
        gateways = (s.address for s in services if s.name.startswith("gateway") and s.address)
        for keeper in keepers:
            services += keeper.services()
        return LabStatus(
            pid=os.getpid(),
            gateway=next(gateways, ""),
            traders=tuple(traders),
            services=tuple(services),
        )

    async def _start(self, request: Request) -> NodeStatus:
        asked: StartTrader = request.body
        settings = self._settings(asked.settings)
        trader = settings.trading.trader_id
        self._busy += 1
        try:
            while (keeper := self._keepers.get(trader)) is not None and keeper.ended:
                # What is being stopped must be gone, or it would be found half alive.
                await keeper.stop()
                self._forget(keeper)
            if keeper is None or not (keeper.node.alive or keeper.busy or keeper.awaited):
                # Known before it starts: a stop meanwhile finds it.
                if keeper is not None:
                    keeper.ended = True  # what still runs of it is found again
                keeper = self._keepers[trader] = TraderKeeper(settings, alert=self._alert)
            elif asked.new:
                raise NodeAlreadyRunning(
                    "a new trader needs a name that none has",
                    value=trader,
                    remedy=f"take {self._free_name(trader)}, or attach to it",
                )
            keeper.awaited += 1
            try:
                status = await keeper.start()
            finally:
                keeper.awaited -= 1
                if not (keeper.node.alive or keeper.awaited):
                    self._forget(keeper)
                    self._soon(self._leave_if_idle)
            if not keeper.ended:
                await self._start_services(settings)
            return status
        finally:
            self._busy -= 1

    async def _restart(self, request: Request) -> NodeStatus:
        asked: RestartTrader = request.body
        settings = self._settings(asked.settings)
        keeper = self._keeper(settings.trading.trader_id)
        self._busy += 1
        try:
            status = await keeper.restart(settings)
            if (measurer := self._add_measurer(settings)) is not None:
                await measurer.start()
            return status
        finally:
            self._busy -= 1

    def _settings(self, text: str) -> Settings:
        try:
            settings = Settings.model_validate_json(text)
        except ValueError as error:
            raise ConfigError(f"settings must be valid: {error}") from None
        if settings.home_path != self.home.path:
            raise NodeError(
                "a supervisor keeps the traders of one home",
                value=str(settings.home_path),
                remedy=f"this one keeps {self.home.path}",
            )
        if self._done.is_set():
            raise NodeNotRunning(
                "a supervisor that leaves starts nothing",
                value=os.getpid(),
                remedy="ask again when it is gone",
            )
        return settings

    def _free_name(self, trader: str) -> str:
        stem = trader.partition("-")[0]
        taken = {*self.home.trader_ids, *self._keepers}
        return next(name for n in range(1, 10_000) if (name := f"{stem}-{n:03d}") not in taken)

    async def _start_services(self, settings: Settings) -> None:
        if not self._services:
            self._services = services_of(self.home, settings, self._alert)
        self._add_measurer(settings)
        await asyncio.gather(*(service.start() for service in self._services))

    def _add_measurer(self, settings: Settings) -> Service | None:
        """Keep what measures for limits from the first trader on whose limits need it."""
        if any(service.name == "measurer" for service in self._services):
            return None
        measurer = measurer_of(self.home, settings, self._alert)
        if measurer is not None:
            self._services = (*self._services, measurer)
        return measurer

    async def _stop(self, request: Request) -> Stopped:
        asked: StopTrader = request.body
        keeper = self._keeper(asked.trader)
        told = await keeper.stop()
        self._forget(keeper)
        self._soon(self._leave_if_idle)
        return told

    def _keeper(self, trader: str) -> TraderKeeper:
        keeper = self._keepers.get(trader)
        if keeper is None:
            raise NodeNotRunning(
                "only a trader that runs can be stopped",
                value=trader,
                remedy=f"running: {', '.join(self._keepers) or 'none'}",
            )
        return keeper

    def _forget(self, keeper: TraderKeeper) -> None:
        if self._keepers.get(keeper.trader) is keeper:
            del self._keepers[keeper.trader]

    async def _shutdown(self, request: Request) -> tuple[Stopped, ...]:
        told = await self._stop_all()
        self._soon(self._done.set)
        return told

    def _leave_if_idle(self) -> None:
        if not self._keepers and not self._busy:
            self._done.set()

    def _soon(self, act: Callable[[], object]) -> None:
        # After the answer is on its way; by then somebody may have asked for a start.
        asyncio.get_running_loop().call_later(0.1, act)

    # --- in the background ----------------------------------------------------------------

    def _adopt(self) -> None:
        for trader in self.home.trader_ids:
            try:
                keeper = TraderKeeper.adopt(self.home, trader, alert=self._alert)
            except LabError:
                log.exception("trader %s could not be adopted", trader)
                continue
            if keeper is not None:
                log.info("adopted trader %s", trader)
                self._keepers[trader] = keeper

    async def _watch(self) -> None:
        idle = since_cleaned = 0.0
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            if not self.home.supervisor.exists():
                # Nobody could find us again, nor what we keep.
                log.error("the folder of this lab is gone: everything ends")
                return self._done.set()
            rotate_output(self.home.logs / "supervisor.out")
            # Each by itself: bringing one trader back must not keep another waiting.
            for trader, keeper in self._keepers.items():
                self._look(trader, keeper.watch)
            self._look("services", self._watch_services)
            since_cleaned += _WATCH_EVERY_S
            if since_cleaned >= _CLEAN_EVERY_S:
                since_cleaned = 0.0
                self._look("what is left behind", self._clean)
            idle = idle + _WATCH_EVERY_S if not self._keepers and not self._busy else 0.0
            if idle > _IDLE_S:
                log.info("nothing to keep")
                self._done.set()

    def _look(self, what: str, watch: Callable[[], Awaitable[None]]) -> None:
        if (task := self._looking.get(what)) is None or task.done():
            self._looking[what] = asyncio.create_task(self._safely(watch))

    @staticmethod
    async def _safely(watch: Callable[[], Awaitable[None]]) -> None:
        try:
            await watch()
        except Exception:
            # A watch that ends here would bring nothing back ever again.
            log.exception("looking after the processes failed")

    async def _clean(self) -> None:
        if not self._busy:
            await asyncio.to_thread(clean, self.home, besides=frozenset(self._keepers))

    async def _watch_services(self) -> None:
        if self._busy or not self._keepers:
            return
        if not self._services:
            # Of an earlier supervisor: found again, or missing and started.
            settings = next(iter(self._keepers.values())).settings
            self._services = services_of(self.home, settings, self._alert)
            for keeper in self._keepers.values():
                self._add_measurer(keeper.settings)
            for service in self._services:
                service.child.adopt()
        for service in self._services:
            await service.watch()

    async def _stop_all(self) -> tuple[Stopped, ...]:
        keepers, self._keepers = list(self._keepers.values()), {}
        told = await asyncio.gather(*(keeper.stop() for keeper in keepers))
        await asyncio.gather(*self._looking.values(), return_exceptions=True)
        services, self._services = self._services, ()
        await asyncio.gather(*(service.stop() for service in services))
        return tuple(told)
