"""The supervisor: one per lab, detached, the parent of everything that must outlive a notebook."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import ConfigError, LabError, NodeError, NodeNotRunning
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer, Handler, Request
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.trading.commands import (
    SUPERVISOR_COMMANDS,
    LabStatus,
    NodeStatus,
    StartTrader,
    StopTrader,
)
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget
from nautilus_lab.trading.supervisor._trader import TraderKeeper

log = logging.getLogger(__name__)

_WATCH_EVERY_S = 0.5
_GATEWAY_START_S = 20.0
# With nothing to keep, a supervisor waits this long for a first order before it leaves.
_IDLE_S = 30.0


class Supervisor:
    """Starts and keeps traders and the stream gateway; ends itself when nothing is left.

    A new supervisor adopts what an earlier one left running.

    Parameters
    ----------
    home : Home
        Whose processes it keeps.
    """

    def __init__(self, home: Home) -> None:
        self.home = home.make()
        self._keepers: dict[str, TraderKeeper] = {}  # trader id -> its keeper
        self._gateway: Child | None = None
        self._gateway_budget = RestartBudget()
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
                self.home.supervisor.unlink(missing_ok=True)

    def end(self) -> None:
        """Stop everything and return from `run`."""
        self._done.set()

    # --- commands -------------------------------------------------------------------------

    def _handlers(self) -> dict[str, Handler]:
        return {
            "supervisor.status": self._status,
            "supervisor.start": self._start,
            "supervisor.stop": self._stop,
            "supervisor.shutdown": self._shutdown,
        }

    async def _status(self, request: Request) -> LabStatus:
        traders = await asyncio.gather(*(k.status() for k in self._keepers.values()))
        record = ProcessRecord.read(self.home.gateway)
        return LabStatus(
            pid=os.getpid(),
            gateway=record.address if record is not None and record.alive else "",
            traders=tuple(traders),
        )

    async def _start(self, request: Request) -> NodeStatus:
        asked: StartTrader = request.body
        try:
            settings = Settings.model_validate_json(asked.settings)
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
        trader = settings.trading.trader_id
        self._busy += 1
        try:
            while (keeper := self._keepers.get(trader)) is not None and keeper.ended:
                # What is being stopped must be gone, or it would be found half alive.
                await keeper.stop()
                self._forget(keeper)
            if keeper is None or not (keeper.node.alive or keeper.busy or keeper.awaited):
                # Known before it starts: a stop meanwhile finds it.
                keeper = self._keepers[trader] = TraderKeeper(settings)
            keeper.awaited += 1
            try:
                status = await keeper.start()
            finally:
                keeper.awaited -= 1
                if not (keeper.node.alive or keeper.awaited):
                    self._forget(keeper)
            if not keeper.ended:
                await self._start_gateway(settings)
            return status
        finally:
            self._busy -= 1

    async def _start_gateway(self, settings: Settings) -> None:
        streaming = settings.streaming
        if self._gateway is None:
            arguments = ["--home", str(self.home.path), "--host", streaming.host]
            self._gateway = Child(
                name="gateway",
                module="nautilus_lab.streaming",
                arguments=[*arguments, "--port", str(streaming.port)],
                record=self.home.gateway,
                output=self.home.logs / "gateway.out",
                lock=self.home.gateway_lock,
            )
        if not self._gateway.alive:
            await self._gateway.start(_GATEWAY_START_S)

    async def _stop(self, request: Request) -> str:
        asked: StopTrader = request.body
        keeper = self._keepers.get(asked.trader)
        if keeper is None:
            raise NodeNotRunning(
                "only a trader that runs can be stopped",
                value=asked.trader,
                remedy=f"running: {', '.join(self._keepers) or 'none'}",
            )
        await keeper.stop()
        self._forget(keeper)
        self._soon(self._leave_if_idle)
        return "stopped"

    def _forget(self, keeper: TraderKeeper) -> None:
        if self._keepers.get(keeper.trader) is keeper:
            del self._keepers[keeper.trader]

    async def _shutdown(self, request: Request) -> str:
        await self._stop_all()
        self._soon(self._done.set)
        return "stopped"

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
                keeper = TraderKeeper.adopt(self.home, trader)
            except LabError:
                log.exception("trader %s could not be adopted", trader)
                continue
            if keeper is not None:
                log.info("adopted trader %s", trader)
                self._keepers[trader] = keeper

    async def _watch(self) -> None:
        idle = 0.0
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            if not self.home.supervisor.exists():
                # Nobody could find us again, nor what we keep.
                log.error("the folder of this lab is gone: everything ends")
                return self._done.set()
            try:
                for keeper in list(self._keepers.values()):
                    await keeper.watch()
                await self._watch_gateway()
            except Exception:
                # A watch that ends here would bring nothing back ever again.
                log.exception("looking after the processes failed")
            idle = idle + _WATCH_EVERY_S if not self._keepers and not self._busy else 0.0
            if idle > _IDLE_S:
                log.info("nothing to keep")
                self._done.set()

    async def _watch_gateway(self) -> None:
        if self._busy or not self._keepers:
            return
        settings = next(iter(self._keepers.values())).settings
        if self._gateway is None:
            await self._try_gateway(settings)
        elif not self._gateway.alive and self._gateway_budget.take():
            log.warning("the gateway died and is brought back")
            await self._try_gateway(settings)

    async def _try_gateway(self, settings: Settings) -> None:
        try:
            await self._start_gateway(settings)
        except LabError as error:
            log.error("the gateway could not be started: %s", error)

    async def _stop_all(self) -> None:
        keepers, self._keepers = list(self._keepers.values()), {}
        await asyncio.gather(*(keeper.stop() for keeper in keepers))
        if self._gateway is not None:
            await self._gateway.stop(5.0)
            self._gateway = None
