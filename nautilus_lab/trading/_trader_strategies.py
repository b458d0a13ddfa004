"""What a trader's node runs and holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nautilus_lab.trading._targets import Targets, as_targets
from nautilus_lab.trading._trader import COMMAND_S, Trader

if TYPE_CHECKING:
    from nautilus_lab.strategies.nautilus import StrategyVersion


class TraderStrategies(Trader):
    """The target weights that are traded, and the strategies that can be."""

    async def hold(self, weights: Mapping[str, float] | Targets, *, name: str = "targets") -> None:
        """Trade towards `weights` from now on, also after a restart; raises as `start` does."""
        await self.publish_targets(as_targets(weights, name=name, now_ns=time.time_ns()))

    async def publish_targets(self, table: Targets) -> None:
        """Have the node trade a table that a run made: dated, complete, hashed.

        Parameters
        ----------
        table : TargetTable
            Made by `target_table`.

        Raises
        ------
        InputError
            When it is stale, partial, changed, of the future, or older than the one traded.
        NodeNotRunning
            When no node runs.
        """
        body = msgspec.structs.asdict(table.check())
        await self._channel.ask_node("node.targets", body, COMMAND_S)

    def publish_strategy(
        self, path: Path | str, name: str, version: str, *, strategy: str = ""
    ) -> StrategyVersion:
        """Register a Python file as a version of a strategy; nothing is executed.

        Any node of this workspace can run it from then on: ``await desk.deploy(name, version)``.

        Parameters
        ----------
        path : path
            The file, with one class that is a `Strategy` of Nautilus.
        name, version : str
            What it is deployed by: ``"pairs-trade"``, ``"1.2"``.
        strategy : str, optional
            Which class, of a file that has several.

        Raises
        ------
        InputError
            When file, name or version break a rule, or the version was another file.
        """
        # Late: it takes Nautilus along.
        from nautilus_lab.strategies.nautilus import StrategyRegistry

        registry = StrategyRegistry(self._home.make().strategies)
        return registry.publish(Path(path), name, version, strategy=strategy)

    @property
    def targets(self) -> Targets | None:
        """The table of target weights that is kept for the trader; None when there is none."""
        return Targets.read(self._rundir.targets)
