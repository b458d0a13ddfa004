"""The commands that deploy, steer and replace the strategies of a node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from msgspec.structs import replace
from nautilus_trader.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError, LabError, StrategyFailed
from nautilus_lab.platform.commands import (
    DeployStrategy,
    Handler,
    OneStrategy,
    QuietStrategy,
    ReplaceStrategy,
    Request,
    StrategyView,
)
from nautilus_lab.strategies.nautilus import StrategyRegistry, StrategyVersion
from nautilus_lab.trading._targets import TargetTable
from nautilus_lab.trading.commands import NewTargets, ShowTargets
from nautilus_lab.trading.node._deployed import RUNS, DeployedFile, Deployment, Standing
from nautilus_lab.trading.node._deploying import (
    FIRST,
    deployment_of,
    facts_of,
    require_parameters,
    require_same,
)
from nautilus_lab.trading.node._strategies_running import PAUSED, StrategiesRunning
from nautilus_lab.trading.node._strategies_told import StrategiesTold
from nautilus_lab.trading.node._strategy_orders import StrategyOrders
from nautilus_lab.trading.node._tables import Tables

log = logging.getLogger(__name__)

_MOST = 100
# Imports of large libraries on a busy machine take some of it.
_LOAD_S = 60.0


class StrategyCommands:
    """Answers who deploys, steers and replaces strategies, and who gives them target weights.

    Parameters
    ----------
    registry : StrategyRegistry
        What can be deployed.
    running : StrategiesRunning
        What runs.
    file : DeployedFile
        Where is kept what is deployed.
    tables : Tables
        The target weights that strategies trade.
    orders : StrategyOrders
        What works of them.
    telling : StrategiesTold
        Tells what became of them.
    audit : callable
        Called as ``audit(kind, facts, actor=...)``: ``AuditTrail.append``.
    """

    def __init__(
        self,
        registry: StrategyRegistry,
        running: StrategiesRunning,
        file: DeployedFile,
        tables: Tables,
        orders: StrategyOrders,
        telling: StrategiesTold,
        *,
        audit: Callable[..., object],
    ) -> None:
        self._registry = registry
        self._running = running
        self._file = file
        self._tables = tables
        self._orders = orders
        self._telling = telling
        self._audit = audit
        self._loading = asyncio.Lock()  # one load at a time; stopping never waits for one

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands of `STRATEGY_SPECS`."""
        return {
            "node.targets": self._new_targets,
            "targets.show": self._show_targets,
            "strategy.list": self._list,
            "strategy.versions": self._versions,
            "strategy.deploy": self._deploy,
            "strategy.replace": self._replace,
            "strategy.start": self._start,
            "strategy.stop": self._stop,
            "strategy.pause": self._pause,
            "strategy.resume": self._resume,
            "strategy.remove": self._remove,
        }

    async def _deploy(self, request: Request) -> StrategyView:
        asked: DeployStrategy = request.body
        require_parameters(asked.parameters)
        found = self._registry.find(asked.name, asked.version)
        kind, config = await self._load(found)
        self._require_room()
        self._running.require_one_holder(kind, but="")
        strategy = f"{asked.name}-{self._file.new_number():03d}"
        deployment = deployment_of(strategy, asked, found, by=request.principal.name)
        self._tables.open(strategy)
        self._running.note(deployment, found, "deployed")
        self._running.set_going(deployment, kind, config)
        self._telling.say(deployment, "deployed", "")
        return self._telling.tell(deployment)

    async def _start(self, request: Request) -> StrategyView:
        asked: OneStrategy = request.body
        before = self._known(asked.strategy)
        self._require_state(before, ("stopped", "failed"), "started")
        found = self._registry.find(before.name, before.version)
        require_same(before, found)
        kind, config = await self._load(found)
        before = self._known(asked.strategy, unchanged_since=before)
        self._running.require_one_holder(kind, but=before.strategy)
        deployment = replace(before, state="running", reason="", by=request.principal.name)
        self._tables.open(before.strategy)
        self._running.note(deployment, found, "started")
        self._running.set_going(deployment, kind, config)
        return self._telling.tell(deployment)

    async def _replace(self, request: Request) -> StrategyView:
        asked: ReplaceStrategy = request.body
        by = request.principal.name
        before = self._known(asked.strategy)
        given = before.parameters if asked.parameters is None else asked.parameters
        require_parameters(given)
        found = self._registry.find(before.name, asked.version)
        kind, config = await self._load(found)
        before = self._known(asked.strategy, unchanged_since=before)
        after = replace(
            before,
            version=found.version,
            content_hash=found.content_hash,
            parameters=dict(given),
            # One that fell is replaced to run again; one that was stopped was meant to be.
            state="running" if before.state == "failed" else before.state,
            reason="",
            by=by,
        )
        self._running.require_one_holder(kind, but=before.strategy)
        self._running.note(after, found, "replaced")
        if after.state in RUNS:
            self._running.set_going(after, kind, config, self._running.get(before.strategy))
        else:
            self._running.make(after, kind, config)  # whether it could
            self._file.put(after)
        self._telling.say(after, "replaced", f"version {before.version} by {after.version}")
        return self._telling.tell(after)

    async def _stop(self, request: Request) -> StrategyView:
        asked: QuietStrategy = request.body
        before = self._known(asked.strategy)
        self._require_state(before, RUNS, "stopped")
        after = replace(before, state="stopped", reason="", by=request.principal.name)
        failure = self._try_to_keep(after)
        self._running.take_off(before.strategy)
        return self._quieted(after, asked, failure)

    async def _pause(self, request: Request) -> StrategyView:
        asked: QuietStrategy = request.body
        before = self._known(asked.strategy)
        self._require_state(before, RUNS, "paused")
        after = replace(before, state="paused", reason="", by=request.principal.name)
        failure = self._try_to_keep(after)
        self._running[before.strategy].guard.close(PAUSED)
        return self._quieted(after, asked, failure)

    async def _resume(self, request: Request) -> StrategyView:
        asked: OneStrategy = request.body
        before = self._known(asked.strategy)
        self._require_state(before, ("paused",), "resumed")
        after = replace(before, state="running", reason="", by=request.principal.name)
        self._audit("strategy.resumed", facts_of(after), actor=after.by)
        self._file.put(after)
        self._orders.spare(after.strategy)
        running = self._running[after.strategy]
        running.guard.open()
        # What was denied meanwhile must not keep it from trading now.
        self._running.give_table(after.strategy, running)
        return self._telling.tell(after)

    async def _remove(self, request: Request) -> str:
        asked: OneStrategy = request.body
        known = self._known(asked.strategy)
        self._require_state(known, ("stopped", "failed"), "removed")
        if working := self._orders.working(asked.strategy):
            raise InputError(
                "a strategy must have no working order to be removed",
                value=f"{len(working)} of {asked.strategy}",
                remedy="cancel them: orders.cancel_all",
            )
        gone = replace(known, state="stopped", reason="removed", by=request.principal.name)
        self._audit("strategy.removed", facts_of(gone), actor=gone.by)
        self._file.remove(asked.strategy)
        self._orders.spare(asked.strategy)
        self._telling.say(gone, "stopped", "removed")
        self._telling.publish(gone)
        return f"{asked.strategy} is removed; its id is not given again"

    async def _list(self, request: Request) -> list[StrategyView]:
        return [self._telling.view(deployment) for deployment in self._file]

    async def _versions(self, request: Request) -> list[StrategyVersion]:
        return list(self._registry.versions())

    async def _new_targets(self, request: Request) -> str:
        asked: NewTargets = request.body
        table = TargetTable(**{name: getattr(asked, name) for name in asked.__struct_fields__})
        strategy = self._taker(table.strategy)
        taken = self._tables.take(strategy, table, by=request.principal.name)
        if (running := self._running.get(strategy)) is None:
            return f"{taken.name} is kept; {strategy} trades it once it is started"
        self._running.give_table(strategy, running)
        return f"{strategy} trades towards {taken.name}, {taken.hash[:12]}"

    async def _show_targets(self, request: Request) -> TargetTable | None:
        asked: ShowTargets = request.body or ShowTargets()
        return self._tables.current(self._taker(asked.strategy))

    # --- what follows, and what must hold -------------------------------------------------------

    def _quieted(
        self, deployment: Deployment, asked: QuietStrategy, failure: LabError | None
    ) -> StrategyView:
        if asked.cancel_orders:
            self._orders.end_all(deployment.strategy)
        view = self._telling.tell(deployment)
        if failure is not None:
            # It is quiet now, but nobody can promise that it stays so.
            raise failure
        return view

    def _try_to_keep(self, deployment: Deployment) -> LabError | None:
        """Audit and keep a state that is stricter; what stands in the way is returned."""
        try:
            self._audit(f"strategy.{deployment.state}", facts_of(deployment), actor=deployment.by)
            self._file.put(deployment)
        except LabError as error:
            log.exception("that %s is %s is not kept", deployment.strategy, deployment.state)
            self._file.know(deployment)
            return error
        return None

    async def _load(self, found: StrategyVersion) -> tuple[type[Strategy], type[StrategyConfig]]:
        """Execute a version's source beside the loop: it may import for seconds."""
        try:
            async with self._loading, asyncio.timeout(_LOAD_S):
                return await asyncio.to_thread(self._registry.load, found)
        except TimeoutError:
            raise StrategyFailed(
                f"a strategy's source must be executed within {_LOAD_S:g} s",
                value=f"{found.name} {found.version}",
                remedy="it goes on in a thread that nobody can end: restart the node",
            ) from None

    def _known(self, strategy: str, unchanged_since: Deployment | None = None) -> Deployment:
        """Return a deployment; raises `InputError` when there is none, or it was changed."""
        found = self._file.get(strategy)
        if found is not None and unchanged_since is not None and found is not unchanged_since:
            raise InputError(
                "a strategy must be left alone while its code is loaded",
                value=f"{strategy} is {found.state} now",
                remedy="ask again",
            )
        if found is None:
            known = ", ".join(one.strategy for one in self._file)
            raise InputError(
                "a strategy must be deployed",
                value=strategy,
                remedy=f"one of {known or 'none'}",
            )
        return found

    def _require_state(self, deployment: Deployment, states: Iterable[Standing], verb: str) -> None:
        if deployment.state not in states:
            raise InputError(
                f"a strategy must be {' or '.join(sorted(states))} to be {verb}",
                value=f"{deployment.strategy} is {deployment.state}",
                remedy="look at the list of strategies",
            )

    def _require_room(self) -> None:
        if len(tuple(self._file)) >= _MOST:
            raise InputError(
                f"a node may have at most {_MOST} deployed strategies",
                value=_MOST,
                remedy="remove some that are stopped",
            )

    def _taker(self, wanted: str) -> str:
        """Return the strategy that a table is for."""
        if wanted:
            return self._known(wanted).strategy
        takers = self._running.takers or [
            one.strategy for one in self._file if one.name == FIRST.name
        ]
        if len(takers) != 1:
            raise InputError(
                "a table must name the strategy that shall trade it where several, or none, would",
                value=", ".join(takers) or "none",
                remedy="make it with strategy=...",
            )
        return takers[0]
