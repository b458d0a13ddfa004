"""Keeping one trader's venues and node alive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import LabError, NodeError, StoreError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home, RunDirectory, write_whole
from nautilus_lab.trading.commands import Ending, NodeStatus, ServiceStatus, Stopped
from nautilus_lab.trading.supervisor._alerts import Alerts, DeskAlerts
from nautilus_lab.trading.supervisor._attendance import Attendance
from nautilus_lab.trading.supervisor._connection import write_connection_file
from nautilus_lab.trading.supervisor._heartbeat import Heartbeat
from nautilus_lab.trading.supervisor._output import keep_latest
from nautilus_lab.trading.supervisor._policy import Policy, tell, tighten
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget
from nautilus_lab.trading.supervisor._service import status_of
from nautilus_lab.trading.supervisor._wanted import Wanted

log = logging.getLogger(__name__)

_ASK_S = 2.0
_STATUS_S = 2.0
_VENUE_STOP_S = 5.0
_NAUTILUS_LOGS = 10  # of at most 10 MB each; the node that starts writes up to six


class TraderKeeper:
    """Starts a trader's paper venues and node, brings them back when they die, and stops them.

    The venues come first and go last: they outlive the node, as a broker would. A node that
    lives but does not answer is killed and brought back as well. Past the restart budget the
    trader is halted, by its latch, and somebody is told.

    Parameters
    ----------
    settings : Settings
        What the trader's processes run with.
    alert : Alerts, optional
        Told of every death; the lab's shared store when not given.
    """

    def __init__(self, settings: Settings, *, alert: Alerts | None = None) -> None:
        self.trader = settings.trading.trader_id
        self.halted = ""
        self.awaited = 0  # how many ask for its start now
        self.ended = False  # whether it was told to stop; it starts nothing after that
        home = Home(settings.home_path).make()
        self.rundir: RunDirectory = home.trader(self.trader).make()
        self.venues: tuple[Child, ...] = ()
        self.node = Child(
            name="node",
            module="nautilus_lab.trading.node",
            arguments=[
                *("-f", str(self.rundir.kernel_connection)),
                *("--settings", str(self.rundir.settings)),
            ],
            record=self.rundir.node,
            output=self.rundir.logs / "node.out",
            failure=self.rundir.failure,
            lock=self.rundir.node_lock,
        )
        self._alert = alert or DeskAlerts(home)
        self._attendance = Attendance(home, self.trader)
        self._lock = asyncio.Lock()
        self._wanted = False
        # Tells the next supervisor what to make of a node that is gone.
        self._marker = self.rundir.path / "wanted"
        self._restarts: tuple[float, ...] = ()  # UNIX seconds
        self._left_alone = False  # whether the policy for that was followed already
        self._failed_last = ""  # why the last attempt to bring it back failed
        self._follow(settings)

    @classmethod
    def adopt(
        cls, home: Home, trader_id: str, *, alert: Alerts | None = None
    ) -> TraderKeeper | None:
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
        keeper = cls(settings, alert=alert)
        found = [child.adopt() for child in keeper.children]
        # A node that was there is wanted back, also when it died while nobody looked.
        if (wanted := Wanted.read(keeper._marker)) is not None:
            keeper._wanted, keeper.halted = True, wanted.halted
            keeper._restarts = wanted.restarts
            for at in wanted.restarts:
                keeper.budget.count(time.time() - at)
        return keeper if any(found) else None

    @property
    def children(self) -> tuple[Child, ...]:
        """The venues, then the node."""
        return (*self.venues, self.node)

    @property
    def busy(self) -> bool:
        """Whether a start, a stop or a restart is under way."""
        return self._lock.locked()

    # --- what it is asked -----------------------------------------------------------------

    async def start(self) -> NodeStatus:
        """Start venues and node; returns when the node trades. A running one is left as it is."""
        trading = self.settings.trading
        async with self._lock:
            self._require_wanted()
            self.halted = ""
            self._write_settings()
            try:
                for venue in self.venues:
                    await venue.start(trading.start_timeout_s)
                await self._start_node()
            except LabError:
                await self._stop_venues()
                raise
            self._require_wanted()
            self._want()
        return await self.status()

    async def restart(self, settings: Settings) -> NodeStatus:
        """Stop the node and start it again with `settings`, and all attempts to bring it back.

        The venues stay; those that the settings name no more end, new ones begin.
        """
        async with self._lock:
            self._require_wanted()
            self.halted = ""
            await self._stop_node()
            for venue in self._follow(settings):
                await venue.stop(_VENUE_STOP_S)
            self._write_settings()
            for venue in self.venues:
                await venue.start(settings.trading.start_timeout_s)
            await self._start_node()
            self._require_wanted()
            self._want()
        return await self.status()

    async def stop(self) -> Stopped:
        """Stop the node, then the venues, for good; a start that is under way is given up."""
        self.ended = True
        for child in self.children:
            child.unwanted = True
        async with self._lock:
            self._wanted = False
            self._marker.unlink(missing_ok=True)
            endings = [await self._stop_node(), *await self._stop_venues()]
            self.rundir.heartbeat.end()
        told = Stopped(trader=self.trader, endings=tuple(e for e in endings if e.how != "gone"))
        log.info("%s", told)
        return told

    async def status(self) -> NodeStatus:
        """Return how the node is, in its own words when it answers."""
        if not self.node.alive:
            state = "faulted" if self.halted else "starting" if self.busy else "stopped"
            return NodeStatus(
                trader=self.trader, state=state, detail=self.halted, restarts=self.budget.total
            )
        usage = self.node.usage()
        try:
            answer = await CommandClient(self.rundir.commands).call(
                "node.status", timeout_s=_STATUS_S
            )
        except LabError as error:
            state, detail = ("starting", "") if self.busy else ("unreachable", str(error))
            status = NodeStatus(trader=self.trader, state=state, detail=detail, pid=self.node.pid)
        else:
            status = NodeStatus.of(answer)
        return msgspec.structs.replace(
            status,
            restarts=self.budget.total,
            detail=self.halted or status.detail,
            cpu_percent=usage.cpu_percent,
            rss_mib=usage.rss_mib,
            threads=usage.threads,
            open_files=usage.open_files,
        )

    def services(self) -> tuple[ServiceStatus, ...]:
        """Return how the venues are."""
        return tuple(
            status_of(venue, f"{self.trader} {venue.name}", restarts=0) for venue in self.venues
        )

    # --- what it does by itself -----------------------------------------------------------

    async def watch(self) -> None:
        """Bring back what died or froze, and follow the policies; called twice a second."""
        for child in self.children:
            child.rotate()
        if self._left:
            return
        if dead := [child for child in self.children if not child.alive]:
            return await self._bring_back(dead, "died")
        if self._heart.due:
            await self._heart.ask(self._ask)
            if self._heart.frozen and self.node.alive and not self._lock.locked():
                return await self._bring_back([self.node], "froze")
        await self._look_for_people()

    @property
    def _left(self) -> bool:
        """Whether there is nothing to look after, or somebody else is at it."""
        return not self._wanted or bool(self.halted) or self.ended or self._lock.locked()

    async def _ask(self) -> object:
        seconds = max(self.settings.supervisor.heartbeat_s, _ASK_S)
        client = CommandClient(self.rundir.commands, ack_timeout_s=min(seconds, 60.0))
        return await client.call("node.status", timeout_s=seconds)

    async def _bring_back(self, lost: Sequence[Child], how: str) -> None:
        async with self._lock:
            names = " and ".join(child.name for child in lost)
            begun = time.monotonic()
            if self.node in lost and self.node.alive:
                how = f"{how} ({await self.node.dump()})"
                await self.node.kill()
            if not self.budget.take():
                return await self._halt(f"the {names} {how}")
            self._restarts = (*self._restarts, time.time())[-self.budget.most :]
            self._note()
            rules = self.settings.supervisor
            policy: Policy = rules.when_node_dies if self.node in lost else "keep"
            tightened = tighten(self.rundir, policy, f"the {names} {how}")
            held = f", {policy}ed by its latch" if tightened else ""
            await self._alert(
                "warning",
                f"the {names} must stay up",
                detail=f"it {how} and is brought back{held}",
                trader=self.trader,
            )
            try:
                for child in self.venues:
                    if not child.alive and not self.ended:
                        await child.start(self.settings.trading.start_timeout_s)
                if not self.node.alive and not self.ended:
                    await self._start_node()
            except LabError as error:
                log.error("bringing back %s failed: %s", self.trader, error)
                self._failed_last = f"; the last time: {error}"
            else:
                self._failed_last = ""
                log.info("%s is back after %.1f s", self.trader, time.monotonic() - begun)

    async def _halt(self, what: str) -> None:
        rules = self.settings.supervisor
        self.halted = (
            f"{what} more than {rules.restarts} times "
            f"in {rules.restart_window_s / 60:g} minutes{self._failed_last}"
        )
        tighten(self.rundir, "halt", self.halted)
        self._note()
        await self._alert(
            "critical",
            "a trader must not die again and again",
            detail=self.halted,
            remedy="see its logs; then start it, and resume trading: nautilus-lab node start",
            trader=self.trader,
        )
        if self.node.alive:
            await tell(self.rundir, "halt", self.halted)

    async def _look_for_people(self) -> None:
        rules = self.settings.supervisor
        if rules.when_unattended == "keep":
            return
        alone_s = await self._attendance.alone_s()
        if alone_s < rules.unattended_s:
            self._left_alone = False
        elif not self._left_alone:
            self._left_alone = True
            reason = f"nobody who may trade was attached for {rules.unattended_s:g} s"
            if tighten(self.rundir, rules.when_unattended, reason):
                await tell(self.rundir, rules.when_unattended, reason)
                await self._alert(
                    "warning",
                    "somebody must be attached",
                    detail=f"{reason}: {rules.when_unattended}",
                    remedy="connect a desk, then resume trading",
                    trader=self.trader,
                )

    # --- how ------------------------------------------------------------------------------

    def _follow(self, settings: Settings) -> list[Child]:
        """Go by `settings` from now on; returns the venues that they name no more."""
        rules = settings.supervisor
        self.settings = settings
        self.budget = RestartBudget(most=rules.restarts, window_s=rules.restart_window_s)
        self._restarts = ()
        self._heart = Heartbeat(every_s=rules.heartbeat_s, missed=rules.missed_beats)
        before = {venue.name: venue for venue in self.venues}
        named = {venue.name: venue for venue in venues_of(settings, self.rundir)}
        self.venues = tuple(before.get(name, venue) for name, venue in named.items())
        return [venue for name, venue in before.items() if name not in named]

    def _write_settings(self) -> None:
        write_whole(self.rundir.settings, self.settings.to_private_json().encode())

    def _want(self) -> None:
        self._wanted = True
        self._attendance.begin()
        self._note()

    def _note(self) -> None:
        try:
            Wanted(halted=self.halted, restarts=self._restarts).write(self._marker)
        except LabError as error:
            log.error("what %s is to be could not be noted: %s", self.trader, error)

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
            keep_latest(self.rundir.logs, "nautilus_*.log", _NAUTILUS_LOGS)
        await self.node.start(self.settings.trading.start_timeout_s)
        self._heart.forget()

    async def _stop_node(self) -> Ending:
        return await self.node.stop(
            self.settings.supervisor.terminate_timeout_s,
            ask=lambda: CommandClient(self.rundir.commands).call("node.stop", timeout_s=_ASK_S),
            ask_s=self.settings.trading.stop_timeout_s,
        )

    async def _stop_venues(self) -> list[Ending]:
        return list(await asyncio.gather(*(v.stop(_VENUE_STOP_S) for v in self.venues)))


def venues_of(settings: Settings, rundir: RunDirectory) -> tuple[Child, ...]:
    """Return the processes of a trader's venues, not started."""
    made = []
    for venue in settings.trading.venues:
        files = rundir.venue_of(venue.name)
        made.append(
            Child(
                name=f"venue {venue.name}",
                module="nautilus_lab.execution.paper",
                arguments=["--settings", str(rundir.settings), *_venue_argument(venue.name)],
                record=files.record,
                output=files.output,
                failure=rundir.failure,
                lock=files.lock,
            )
        )
    return tuple(made)


def _venue_argument(name: str) -> tuple[str, ...]:
    return () if name == "PAPER" else ("--venue", name)
