"""Engine 1: trading, seen from a notebook."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nautilus_lab.alerts import FoundAlerts, acknowledge, find_alerts
from nautilus_lab.config import Settings
from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import (
    ConfigError,
    InputError,
    LabError,
    NodeAlreadyRunning,
    NodeError,
    NodeNotRunning,
    NotReachable,
)
from nautilus_lab.platform.rundir import ProcessRecord, write_whole
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.leases import leased_limits
from nautilus_lab.risk.limits import LimitBook
from nautilus_lab.trading._handle import Node
from nautilus_lab.trading._logs import LogView, log_file
from nautilus_lab.trading._targets import Targets, as_targets
from nautilus_lab.trading._trader_limits import TraderLimits
from nautilus_lab.trading._trader_state import TraderState
from nautilus_lab.trading._trader_strategies import TraderStrategies
from nautilus_lab.trading.commands import LabStatus, NodeStatus, Stopped

if TYPE_CHECKING:
    from nautilus_lab.platform.store import AlertRow

_STATUS_S = 10.0
# What the last step takes for a node and its venues, and for a start that is given up first.
_KILL_S = 30.0
_MOST_TRADERS = 10_000


class TradingEngine(TraderStrategies, TraderState, TraderLimits):
    """Starts, finds and stops the trading node of a workspace.

    The node lives in a headless kernel of its own that a detached supervisor keeps alive: the
    notebook that started it, its kernel and JupyterLab itself may die, and it trades on.

    Parameters
    ----------
    settings : Settings
        The workspace; `settings.trading` says which trader, and what it trades.
    """

    name = "trading"

    def trader(self, trader_id: str) -> TradingEngine:
        """Return the engine of another trader of this workspace; all else is set as here.

        Raises
        ------
        ConfigError
            When the id is none: it is written like ``PAPER-002``.
        """
        return TradingEngine(_named(self.settings, trader_id))

    def new_trader_id(self) -> str:
        """Return a trader id that nobody has had, like ``PAPER-002``, and keep it for the caller.

        Its run directory is made, so that no other caller is given the same.
        """
        stem = self._rundir.trader_id.partition("-")[0]
        self._home.make()
        for number in range(1, _MOST_TRADERS):
            rundir = self._home.trader(f"{stem}-{number:03d}")
            if rundir == self._rundir:
                continue
            try:
                rundir.path.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return rundir.trader_id
        raise NodeError("a workspace has room for so many traders", value=_MOST_TRADERS)

    def health(self) -> Health:
        """Report whether the node's process runs; does not ask it."""
        record = ProcessRecord.read_or_set_aside(self._rundir.node)
        # A record with another address came here with a copied folder.
        if record is not None and record.alive and record.address == self._rundir.commands:
            return Health(
                state=State.RUNNING,
                detail=f"node {self._rundir.trader_id}, pid {record.pid}",
                since_ns=int(record.started * 1e9),
            )
        return Health(state=State.READY, detail="no node runs")

    @property
    def running(self) -> bool:
        """Whether the trader's node runs."""
        return self.health().state is State.RUNNING

    @property
    def supervised(self) -> bool:
        """Whether a supervisor of this workspace runs."""
        return self._channel.supervised

    async def start(
        self,
        *,
        targets: Mapping[str, float] | Targets | None = None,
        name: str = "targets",
        trader: str | None = None,
        limits: LimitBook | None = None,
    ) -> Node:
        """Start the node, or find it when it runs; returns when it trades.

        Parameters
        ----------
        targets : mapping of str to float, optional
            symbol -> fraction of equity to hold, for instance the weights of an `Allocation`.
            A node without any holds every stock of the venue in equal weights.
        name : str, default="targets"
            What the targets are called in tables and in the audit trail.
        trader : str, optional
            The name of a further trader to start beside those that run; `new_trader_id()` makes
            one up. Without it, this workspace's own trader is started or found.
        limits : LimitBook, optional
            What its gate asks and its monitor looks at, in place of `trading.limits` in
            ``lab.toml``; what has a setting of its own, as `trading.max_order_notional`, holds too.

        Raises
        ------
        InputError
            When a weight is negative, NaN, above 1, or they sum to more than 1.
        NodeAlreadyRunning
            When `trader` or `limits` is given and it runs already: it keeps the limits it has.
        ConfigError
            When `trading.limits` has one that is none.
        NodeError
            When the venue or the node could not start; carries the process' own words. The
            targets that were kept before are kept on then.
        """
        if limits is not None:
            self._require_stopped(trader)
            engine = TradingEngine(_limited(self.settings, limits))
            return await engine.start(targets=targets, name=name, trader=trader)
        if trader is not None and trader != self._rundir.trader_id:
            other = self.trader(trader)
            other._require_free()
            return await other._start(targets, name, new=True)
        if trader is not None:
            self._require_free()
        return await self._start(targets, name, new=trader is not None)

    async def _start(
        self, targets: Mapping[str, float] | Targets | None, name: str, *, new: bool
    ) -> Node:
        wanted = None
        if targets is not None:
            wanted = as_targets(targets, name=name, now_ns=time.time_ns())
        # Before anything is started over ones that are none.
        book = book_of(self.settings.trading.limits)
        try:
            leased_limits(book)
        except InputError as error:
            raise ConfigError(f"trading.limits: {error}") from None
        running = self.running
        before = None
        if wanted is not None and not running:
            before = _bytes_of(self._home.make().trader(self._rundir.trader_id).make().targets)
            wanted.write(self._rundir.targets)
        try:
            body = {"settings": self.settings.to_private_json(), "new": new}
            timeout_s = 3 * self.settings.trading.start_timeout_s
            status = NodeStatus.of(await self._channel.start("supervisor.start", body, timeout_s))
        except NodeError:
            if wanted is not None and not running:
                _put_back(self._rundir.targets, before)
            raise
        if wanted is not None and running:
            await self.hold(wanted)
        return Node(status.trader, status.pid, self)

    def _require_stopped(self, trader: str | None) -> None:
        engine = self if trader is None else self.trader(trader)
        if engine.running:
            raise NodeAlreadyRunning(
                "limits are given to a node as it starts",
                value=engine.settings.trading.trader_id,
                remedy="stop it first, or leave limits out: it keeps those it has",
            )

    def _require_free(self) -> None:
        if self.running:
            raise NodeAlreadyRunning(
                "a new trader needs a name that none has",
                value=self._rundir.trader_id,
                remedy="take lab.trading.new_trader_id(), or attach to it: "
                f'lab.trading.trader("{self._rundir.trader_id}").attach()',
            )

    async def restart(self) -> Node:
        """Stop the node and start it again, with the settings as they are now; venues stay.

        Raises
        ------
        NodeNotRunning
            When the trader is not kept.
        NodeError
            When it does not come back; carries the process' own words.
        """
        trading = self.settings.trading
        status = await self._channel.ask(
            "supervisor.restart",
            {"settings": self.settings.to_private_json()},
            2 * trading.stop_timeout_s + 2 * trading.start_timeout_s,
        )
        told = NodeStatus.of(status)
        return Node(told.trader, told.pid, self)

    async def traders(self) -> tuple[NodeStatus, ...]:
        """Return how every trader of the workspace is, running or not, by name."""
        kept = {status.trader: status for status in await self._kept()}
        return tuple([kept.get(name) or await self._alone(name) for name in self._home.trader_ids])

    async def _alone(self, trader_id: str) -> NodeStatus:
        """Return how a trader is that no supervisor answers for."""
        try:
            other = self.trader(trader_id)
            if other.running:
                return NodeStatus.of(await other._channel.ask_node("node.status", {}))
        except NotReachable as error:
            return NodeStatus(trader=trader_id, state="unreachable", detail=str(error))
        except LabError as error:
            return NodeStatus(trader=trader_id, state="stopped", detail=str(error))
        return NodeStatus(trader=trader_id, state="stopped")

    def logs(self, most: int = 50, *, of: str = "node", follow: bool = False) -> LogView:
        """Return the end of a log, shown as text in a notebook.

        Parameters
        ----------
        most : int, default=50
            How many lines.
        of : str, default="node"
            The process: ``"node"``, ``"venue"``, ``"gateway"``, ``"supervisor"``, ...
        follow : bool, default=False
            Whether ``async for line in ...`` goes on with what comes, at 20 lines a second at most.

        Raises
        ------
        InputError
            When no such process has left a log.
        """
        return LogView(log_file(self._home, self._rundir, of), most=most, follow=follow)

    async def attach(self) -> Node:
        """Return the node that runs.

        Raises
        ------
        NodeNotRunning
            When none does.
        """
        status = await self.status()
        if not status.pid:
            raise NodeNotRunning(
                "a trading node must be running",
                value=f"trader {status.trader} is {status.state}",
                remedy=f"{status.detail or 'it died'}; start it: await lab.trading.start()",
            )
        return Node(status.trader, status.pid, self)

    async def status(self) -> NodeStatus:
        """Ask the node how it is; its supervisor answers for one that died or is frozen.

        Raises
        ------
        NodeNotRunning
            When no node answers and no supervisor keeps one.
        """
        known = await self._as_supervised()
        if known is not None:
            return known
        return NodeStatus.of(await self._channel.ask_node("node.status", {}))

    async def stop(self) -> Stopped:
        """Stop the node and its venues; the last one takes supervisor and gateways along.

        The node is asked first; what does not stop in time gets SIGTERM, then its session is
        killed. The answer tells which of these it took, and how long.

        Raises
        ------
        NodeNotRunning
            When none runs.
        """
        rules = self.settings.supervisor
        timeout_s = self.settings.trading.stop_timeout_s + rules.terminate_timeout_s + _KILL_S
        body = {"trader": self._rundir.trader_id}
        told = await self._channel.ask("supervisor.stop", body, timeout_s)
        return msgspec.convert(told, Stopped)

    async def lab_status(self) -> LabStatus:
        """Ask the supervisor what it keeps; raises `NodeNotRunning` when there is none."""
        told = await self._channel.ask("supervisor.status", {}, _STATUS_S)
        return msgspec.convert(told, LabStatus)

    async def shut_down(self) -> tuple[Stopped, ...]:
        """Stop every trader of the workspace, the gateways and the supervisor.

        Returns
        -------
        tuple of Stopped
            How the processes of each trader ended, by the trader's name.

        Raises
        ------
        NodeNotRunning
            When no supervisor runs.
        DeadlineExceeded
            When it does not end in time.
        """
        told = await self._channel.shut_down()
        # A supervisor that was started by an earlier version answers with a word.
        stopped = () if isinstance(told, str) else msgspec.convert(told, tuple[Stopped, ...])
        return tuple(sorted(stopped, key=lambda one: one.trader))

    def alerts(self, *, open_only: bool = True, limit: int | None = 20) -> FoundAlerts:
        """Return what somebody should look at in this workspace, of every trader.

        Asks no process: they stand in ``desk.db``, those that the monitor has not taken over yet
        in the ``trading.db`` of their node.

        Parameters
        ----------
        open_only : bool, default=True
            Leave out what somebody has seen to, what is over, and what repeats another.
        limit : int or None, default=20
            At most so many, the latest; None for all.
        """
        return find_alerts(self._home, open_only=open_only, limit=limit)

    def acknowledge(self, alert_id: str, *, note: str = "") -> AlertRow:
        """Say that you have seen to an alert, which ends its climb; who said so first stays.

        Parameters
        ----------
        alert_id : str
            Which, of any trader of this workspace.
        note : str, default=""
            What was found or done, on one line.

        Raises
        ------
        InputError
            When the note is no such line.
        AuditError, StoreError
            When there is no such alert, or a store or the audit trail cannot be written.
        """
        settings = self.settings
        return acknowledge(
            self._home, alert_id, audit=settings.audit, root=settings.root, note=note
        )

    def __repr__(self) -> str:
        return f"TradingEngine({self._rundir.trader_id}: {self.health().detail})"

    # --- how ------------------------------------------------------------------------------

    async def _as_supervised(self) -> NodeStatus | None:
        kept = await self._kept()
        return next((one for one in kept if one.trader == self._rundir.trader_id), None)

    async def _kept(self) -> tuple[NodeStatus, ...]:
        if not self.supervised:
            return ()
        try:
            return (await self.lab_status()).traders
        except LabError:
            return ()  # then each node must answer for itself


def _named(settings: Settings, trader_id: str) -> Settings:
    # Validated anew: a name that is none must not become a folder.
    values = json.loads(settings.to_private_json())
    values["trading"]["trader_id"] = trader_id
    try:
        return Settings.model_validate_json(json.dumps(values))
    except ValueError:
        raise ConfigError(
            "a trader id must be capitals, a dash and a tag",
            value=trader_id,
            remedy='write it like "PAPER-002"',
        ) from None


def _limited(settings: Settings, limits: LimitBook) -> Settings:
    values = {"limits": tuple(limits.settings), "limit_levels": dataclasses.asdict(limits.levels)}
    trading = settings.trading.model_copy(update=values)
    return settings.model_copy(update={"trading": trading})


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, before)
