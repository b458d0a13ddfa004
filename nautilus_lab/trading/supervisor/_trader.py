"""Keeping one trader's venue and node alive."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import LabError, NodeError, StoreError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home, RunDirectory, write_whole
from nautilus_lab.trading.commands import NodeStatus
from nautilus_lab.trading.supervisor._connection import write_connection_file
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget

log = logging.getLogger(__name__)


class TraderKeeper:
    """Starts a trader's paper venue and node, brings them back when they die, and stops them.

    The venue comes first and goes last: it outlives the node, as a broker would. Past the
    restart budget the trader is left halted, and says so.
    """

    def __init__(self, settings: Settings, *, budget: RestartBudget | None = None) -> None:
        trading = settings.trading
        self.settings = settings
        self.trader = trading.trader_id
        self.halted = ""
        self.awaited = 0  # how many ask for its start now
        self.ended = False  # whether it was told to stop; it starts nothing after that
        self.budget = budget or RestartBudget()
        self.rundir: RunDirectory = Home(settings.home_path).make().trader(self.trader).make()
        arguments = ["--settings", str(self.rundir.settings)]
        self.venue = Child(
            name="venue",
            module="nautilus_lab.execution.paper",
            arguments=arguments,
            record=self.rundir.venue,
            output=self.rundir.logs / "venue.out",
            failure=self.rundir.failure,
            lock=self.rundir.venue_lock,
        )
        self.node = Child(
            name="node",
            module="nautilus_lab.trading.node",
            arguments=["-f", str(self.rundir.kernel_connection), *arguments],
            record=self.rundir.node,
            output=self.rundir.logs / "node.out",
            failure=self.rundir.failure,
            lock=self.rundir.node_lock,
        )
        self._lock = asyncio.Lock()
        self._wanted = False
        self._failed_last = ""  # why the last attempt to bring it back failed

    @classmethod
    def adopt(cls, home: Home, trader_id: str) -> TraderKeeper | None:
        """Return a keeper of processes that run already; None when there are none."""
        path: Path = home.trader(trader_id).settings
        if not path.is_file():
            return None
        try:
            settings = Settings.model_validate_json(path.read_bytes())
        except (ValueError, OSError) as error:
            raise StoreError(
                f"a trader's settings must be readable: {error}", value=str(path)
            ) from None
        if settings.home_path != home.path:
            return None  # they came here with a copied or moved folder
        keeper = cls(settings)
        found = [keeper.venue.adopt(), keeper.node.adopt()]
        keeper._wanted = all(found)
        return keeper if any(found) else None

    @property
    def busy(self) -> bool:
        """Whether a start, a stop or a restart is under way."""
        return self._lock.locked()

    async def start(self) -> NodeStatus:
        """Start venue and node; returns when the node trades. A running one is left as it is."""
        trading = self.settings.trading
        async with self._lock:
            self._require_wanted()
            self.halted = ""
            write_whole(self.rundir.settings, self.settings.model_dump_json().encode())
            await self.venue.start(trading.start_timeout_s)
            try:
                await self._start_node()
            except LabError:
                await self.venue.stop(trading.stop_timeout_s)
                raise
            self._require_wanted()
            self._wanted = True
        return await self.status()

    async def stop(self) -> None:
        """Stop the node, then the venue, for good; a start that is under way is given up."""
        self.ended = self.node.unwanted = self.venue.unwanted = True
        async with self._lock:
            self._wanted = False
            await self.node.stop(self.settings.trading.stop_timeout_s)
            await self.venue.stop(5.0)

    async def watch(self) -> None:
        """Bring back what died; called twice a second."""
        if not self._wanted or self.halted or self.ended or self._lock.locked():
            return
        if self.venue.alive and self.node.alive:
            return
        async with self._lock:
            dead = "venue" if not self.venue.alive else "node"
            if not self.budget.take():
                self.halted = (
                    f"the {dead} died more than {self.budget.most} times "
                    f"in {self.budget.window_s / 60:g} minutes{self._failed_last}"
                )
                log.error("trader %s is halted: %s", self.trader, self.halted)
                return
            log.warning("the %s of %s died and is brought back", dead, self.trader)
            try:
                if not self.venue.alive:
                    await self.venue.start(self.settings.trading.start_timeout_s)
                if not self.node.alive:
                    await self._start_node()
            except LabError as error:
                log.error("bringing back %s failed: %s", self.trader, error)
                self._failed_last = f"; the last time: {error}"

    async def status(self) -> NodeStatus:
        """Return how the node is, in its own words when it answers."""
        if not self.node.alive:
            state = "faulted" if self.halted else "starting" if self.busy else "stopped"
            return NodeStatus(
                trader=self.trader, state=state, detail=self.halted, restarts=self.budget.total
            )
        try:
            answer = await CommandClient(self.rundir.commands).call("node.status", timeout_s=2.0)
        except LabError as error:
            state, detail = ("starting", "") if self.busy else ("unreachable", str(error))
            return NodeStatus(trader=self.trader, state=state, detail=detail, pid=self.node.pid)
        status = NodeStatus.of(answer)
        return msgspec.structs.replace(
            status, restarts=self.budget.total, detail=self.halted or status.detail
        )

    def _require_wanted(self) -> None:
        if self.ended:
            raise NodeError(
                "a trader must not be stopped while it starts",
                value=self.trader,
                remedy="start it again",
            )

    async def _start_node(self) -> None:
        if not self.node.alive:
            write_connection_file(self.rundir.kernel_connection)
        await self.node.start(self.settings.trading.start_timeout_s)
