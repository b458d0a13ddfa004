"""Engine 1: trading, seen from a notebook."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import (
    DeadlineExceeded,
    LabError,
    NodeError,
    NodeNotRunning,
    NotReachable,
)
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home, ProcessRecord, is_answered, write_whole
from nautilus_lab.trading._targets import Targets, as_targets
from nautilus_lab.trading.commands import LabStatus, NodeStatus

if TYPE_CHECKING:
    from nautilus_lab.client import Desk

_SUPERVISOR_START_S = 15.0
_SUPERVISOR_STOP_S = 30.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Node:
    """A trading node that runs somewhere else; this object may be lost freely.

    Attributes
    ----------
    trader : str
        The trader id.
    pid : int
        The node's process when it was started or attached to.
    engine : TradingEngine
        What it was started with.
    """

    trader: str
    pid: int
    engine: TradingEngine

    async def status(self) -> NodeStatus:
        """Ask the node how it is."""
        return await self.engine.status()

    async def connect(self) -> Desk:
        """Open a desk on the node: live orders, positions, quotes, P&L."""
        from nautilus_lab.client import connect

        return await connect(self.trader, root=self.engine.settings.root)

    async def hold(self, weights: Mapping[str, float], *, name: str = "targets") -> None:
        """Trade towards `weights` (symbol -> fraction of equity) from now on."""
        await self.engine.hold(weights, name=name)

    async def stop(self) -> None:
        """Stop the node and its venue; positions and working orders stay in the venue's book."""
        await self.engine.stop()

    def __repr__(self) -> str:
        return f"Node({self.trader}, pid {self.pid})"


class TradingEngine:
    """Starts, finds and stops the trading node of a workspace.

    The node lives in a headless kernel of its own that a detached supervisor keeps alive: the
    notebook that started it, its kernel and JupyterLab itself may die, and it trades on.

    Parameters
    ----------
    settings : Settings
        The workspace; `settings.trading` says which trader, and what it trades.
    """

    name = "trading"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._home = Home(settings.home_path)
        self._rundir = self._home.trader(settings.trading.trader_id)

    def health(self) -> Health:
        """Report whether the node's process runs; does not ask it."""
        try:
            record = ProcessRecord.read(self._rundir.node)
        except LabError as error:
            return Health(state=State.FAULTED, detail=str(error))
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
        record = ProcessRecord.read(self._home.supervisor)
        if record is None or record.address != self._home.supervisor_commands:
            return False
        return record.alive

    async def start(
        self, *, targets: Mapping[str, float] | Targets | None = None, name: str = "targets"
    ) -> Node:
        """Start the node, or find it when it runs; returns when it trades.

        Parameters
        ----------
        targets : mapping of str to float, optional
            symbol -> fraction of equity to hold, for instance the weights of an `Allocation`.
            A node without any holds every stock of the venue in equal weights.
        name : str, default="targets"
            What the targets are called in tables and in the audit trail.

        Raises
        ------
        InputError
            When a weight is negative, NaN, above 1, or they sum to more than 1.
        NodeError
            When the venue or the node could not start; carries the process' own words. The
            targets that were kept before are kept on then.
        """
        wanted = None
        if targets is not None:
            wanted = as_targets(targets, name=name, now_ns=time.time_ns())
        running = self.running
        before = None
        if wanted is not None and not running:
            before = _bytes_of(self._home.make().trader(self._rundir.trader_id).make().targets)
            wanted.write(self._rundir.targets)
        try:
            status = NodeStatus.of(await self._start_supervised())
        except NodeError:
            if wanted is not None and not running:
                _put_back(self._rundir.targets, before)
            raise
        if wanted is not None and running:
            await self.hold(wanted)
        return Node(status.trader, status.pid, self)

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
        return NodeStatus.of(await self._ask_node("node.status", {}))

    async def hold(self, weights: Mapping[str, float] | Targets, *, name: str = "targets") -> None:
        """Trade towards `weights` from now on, also after a restart; raises as `start` does."""
        targets = as_targets(weights, name=name, now_ns=time.time_ns())
        await self._ask_node("node.targets", {"weights": targets.weights, "name": targets.name})

    async def stop(self) -> None:
        """Stop the node and its venue; the last one takes the supervisor and gateway along.

        Raises
        ------
        NodeNotRunning
            When none runs.
        """
        timeout_s = 2 * self.settings.trading.stop_timeout_s + 10
        body: dict[str, object] = {"trader": self.settings.trading.trader_id}
        await self._ask("supervisor.stop", body, timeout_s)

    async def lab_status(self) -> LabStatus:
        """Ask the supervisor what it keeps; raises `NodeNotRunning` when there is none."""
        return msgspec.convert(await self._ask("supervisor.status", {}, 10.0), LabStatus)

    async def shut_down(self) -> None:
        """Stop every trader of the workspace, the gateway and the supervisor.

        Raises
        ------
        NodeNotRunning
            When no supervisor runs.
        DeadlineExceeded
            When it does not end in time.
        """
        record = ProcessRecord.read(self._home.supervisor)
        await self._ask("supervisor.shutdown", {}, 60.0)
        deadline = time.monotonic() + _SUPERVISOR_STOP_S
        while record is not None and record.alive:
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    "the supervisor must end when it is told to",
                    value=f"process {record.pid} after {_SUPERVISOR_STOP_S:g} s",
                    remedy=f"see {self._home.logs / 'supervisor.log'}; kill that process",
                )
            await asyncio.sleep(0.05)

    def __repr__(self) -> str:
        return f"TradingEngine({self._rundir.trader_id}: {self.health().detail})"

    # --- how ------------------------------------------------------------------------------

    async def _start_supervised(self) -> object:
        body: dict[str, object] = {"settings": self.settings.model_dump_json()}
        deadline = time.monotonic() + _SUPERVISOR_START_S
        while True:
            await self._ensure_supervisor()
            try:
                return await self._ask(
                    "supervisor.start", body, 3 * self.settings.trading.start_timeout_s
                )
            except NodeNotRunning:
                # One that stopped its last trader is about to leave: wait for that, once more.
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)

    async def _as_supervised(self) -> NodeStatus | None:
        if not self.supervised:
            return None
        try:
            kept = (await self.lab_status()).traders
        except LabError:
            return None  # then the node must answer for itself
        return next((one for one in kept if one.trader == self._rundir.trader_id), None)

    async def _ensure_supervisor(self) -> None:
        if self.supervised:
            return
        output = self._home.logs / "supervisor.out"
        self._home.make()
        await asyncio.to_thread(self._launch_supervisor)
        deadline = time.monotonic() + _SUPERVISOR_START_S
        while not self.supervised:
            if time.monotonic() > deadline:
                raise NodeError(
                    "the supervisor must start",
                    value=f"not there after {_SUPERVISOR_START_S:g} s",
                    remedy=f"see {output}",
                )
            await asyncio.sleep(0.05)

    def _launch_supervisor(self) -> None:
        path = self._home.logs / "supervisor.out"
        try:
            with path.open("ab") as output:
                subprocess.run(
                    [
                        *(sys.executable, "-m", "nautilus_lab.trading.supervisor", "--detach"),
                        *("--home", str(self._home.path)),
                        *("--log-level", self.settings.log_level),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    check=True,
                )
        except (OSError, subprocess.CalledProcessError) as error:
            raise NodeError(
                f"the supervisor must start: {error}", value=str(path), remedy=f"see {path}"
            ) from None

    async def _ask(self, name: str, body: dict[str, object], timeout_s: float) -> object:
        """Ask the supervisor; one that dies meanwhile is not waited for."""
        asked = asyncio.ensure_future(
            self._call(self._home.supervisor_commands, name, body, timeout_s)
        )
        try:
            died = False
            while not asked.done():
                await asyncio.wait((asked,), timeout=_LOOK_EVERY_S)
                # An answer that is on its way has one more look's time to come.
                if died and not asked.done():
                    raise NodeError(
                        "the supervisor must live until it has answered",
                        value=name,
                        remedy=f"ask again; see {self._home.logs / 'supervisor.log'}",
                    )
                died = not self.supervised
            return await asked
        finally:
            asked.cancel()

    async def _ask_node(self, name: str, body: dict[str, object]) -> object:
        return await self._call(self._rundir.commands, name, body, 5.0)

    async def _call(
        self, address: str, name: str, body: dict[str, object], timeout_s: float
    ) -> object:
        try:
            return await CommandClient(address).call(name, body or None, timeout_s=timeout_s)
        except NodeNotRunning:
            raise
        except NotReachable:
            if is_answered(address):
                raise  # it is there, and busy or frozen
            raise NodeNotRunning(
                "a trading node must be running",
                value=f"trader {self._rundir.trader_id}",
                remedy="start one: await lab.trading.start(), or nautilus-lab node start",
            ) from None


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, before)
