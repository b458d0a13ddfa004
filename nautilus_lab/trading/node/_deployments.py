"""The strategies a node runs: deployed, steered and replaced while it trades."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.orders import Order
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
from nautilus_lab.platform.messages import AlertRaised, Event, State
from nautilus_lab.strategies.nautilus import (
    HoldTargets,
    StrategyRegistry,
    StrategyVersion,
    TakesTargets,
)
from nautilus_lab.trading._targets import TargetTable
from nautilus_lab.trading.commands import NewTargets, ShowTargets
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._call_watch import CallWatch, HeldUp
from nautilus_lab.trading.node._deployed import DeployedFile, Deployment, Standing
from nautilus_lab.trading.node._deploying import (
    deployment_of,
    facts_of,
    require_parameters,
    require_same,
)
from nautilus_lab.trading.node._guard import Guard
from nautilus_lab.trading.node._stage import Stage
from nautilus_lab.trading.node._strategies_told import StrategiesTold
from nautilus_lab.trading.node._strategy_orders import StrategyOrders
from nautilus_lab.trading.node._tables import Tables

log = logging.getLogger(__name__)

_MOST = 100
_FIRST = DeployStrategy(name="hold-targets", version="1")
# What the node's own strategy was called before there were others: its orders bear this id.
_FIRST_ID = "HoldTargets-001"
_RUNS: frozenset[Standing] = frozenset({"running", "paused"})
_PAUSED = "STRATEGY_PAUSED"
# Imports of large libraries on a busy machine take some of it.
_LOAD_S = 60.0


@dataclass(eq=False)
class _Running:
    """A strategy on the stage."""

    strategy: Strategy
    guard: Guard


class Deployments:
    """Runs strategies by name and version, each in a guard of its own.

    What is deployed is on the disk before it is answered, and comes back after a restart as it
    was: what was paused is paused, what had failed stays failed. A strategy keeps its id for good,
    so its orders and positions stay its own; an id is never given again.

    A strategy that raises ends alone: it is called no more, its working orders are cancelled or
    kept as its deployment says, and everybody is told. So does one in whose code an earlier life
    of the node was stuck when it ended.

    Until a strategy has started, nothing that it asks for is done: one that cannot start has done
    nothing. Nor is what it asks for when it is stopped.

    Parameters
    ----------
    kernel : NautilusKernel
        The kernel of a node, before it runs.
    registry : StrategyRegistry
        What can be deployed.
    path : path
        Where is kept what is deployed: ``RunDirectory.deployed``.
    tables : Tables
        The target weights that strategies trade.
    trader : str
        The trader's id.
    tell : callable
        Takes an event and its topic: ``Desk.tell``.
    publish : callable
        Takes a state and its topic: ``Desk.state``.
    audit : callable
        Called as ``audit(kind, facts, actor=...)``: ``AuditTrail.append``.
    hand_over : callable
        Takes a function and its arguments and calls it on the node's thread, later:
        ``loop.call_soon_threadsafe``.
    accounts : Accounts, optional
        Whose share of the profit is told.
    defaults : mapping, optional
        Name of a strategy -> parameters that it has where a deployment gives none.
    watch : CallWatch, optional
        Knows when the node is in a strategy's code, and in whose an earlier life was stuck.
    """

    def __init__(
        self,
        kernel: Any,
        registry: StrategyRegistry,
        path: Path,
        *,
        tables: Tables,
        trader: str,
        tell: Callable[[Event, str], None],
        publish: Callable[[State, str], None],
        audit: Callable[..., object],
        hand_over: Callable[..., object],
        accounts: Accounts | None = None,
        defaults: Mapping[str, Mapping[str, object]] | None = None,
        watch: CallWatch | None = None,
        on_denied: Callable[[Order, str], None] = lambda order, reason: None,
    ) -> None:
        self._registry = registry
        self._file = DeployedFile(path)
        self._tables = tables
        self._trader = trader
        self._tell = tell
        self._audit = audit
        self._hand_over = hand_over
        self._defaults = defaults or {}
        self._watch = watch if watch is not None else CallWatch()
        self._on_denied = on_denied
        self._stage = Stage(kernel)
        self._running: dict[str, _Running] = {}  # strategy id -> what runs
        self._orders = StrategyOrders(kernel, hand_over)
        self._telling = StrategiesTold(
            trader=trader,
            tell=tell,
            publish=publish,
            orders=self._orders,
            accounts=accounts if accounts is not None else Accounts({}),
            detail=self._detail,
        )
        self._untold: list[AlertRaised] = []  # until the node can be heard
        self._told: dict[str, str] = {}  # strategy id -> hash of the table whose end was told
        self._loading = asyncio.Lock()  # one load at a time; stopping never waits for one
        # Nautilus tells handlers apart by their text, which of a bound method is its object's.
        kernel.msgbus.subscribe("events.order.*", lambda event: self._orders.end_late(event))

    def __repr__(self) -> str:
        states = ", ".join(f"{one.strategy} {one.state}" for one in self._file)
        return f"Deployments({states or 'none'})"

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

    # --- the life of the node -----------------------------------------------------------------

    def restore(self) -> None:
        """Bring back what was deployed; before the node runs, after its orders were brought back.

        The first time there is nothing: then the strategy that holds target weights is deployed.
        One that cannot be loaded has failed; the node starts without it.

        Raises
        ------
        StoreError
            When nobody knows what is deployed, or what was found cannot be written.
        InputError, StoreError
            When the table of the node's own strategy is none that can be traded.
        """
        if not self._file.read():
            self._file.new_number()
            found = self._registry.find(_FIRST.name, _FIRST.version)
            self._file.put(deployment_of(_FIRST_ID, _FIRST, found, by="node"))
        self._tables.open(_FIRST_ID)
        self._leave_out(self._watch.take())
        for deployment in self._file:
            if deployment.state in _RUNS:
                self._bring_back(deployment)

    @property
    def owners(self) -> dict[str, str]:
        """Strategy -> who had it run, of those that a person had run and that still do."""
        return {o.strategy: o.by for o in self._file if o.state == "running" and o.by != "node"}

    def begin(self) -> None:
        """Tell how every strategy is; once the node trades and knows its venues' orders."""
        for deployment in self._file:
            if (running := self._running.get(deployment.strategy)) is not None:
                self._give_table(deployment.strategy, running)
            self._telling.say(deployment, deployment.state, deployment.reason)
            if deployment.state == "failed" and deployment.when_it_falls == "cancel":
                self._orders.end_all(deployment.strategy)
        while self._untold:
            self._tell(self._untold.pop(0), f"system.alert.{self._trader}")
        self.publish()

    def rest(self) -> None:
        """Let strategies do nothing more, before the node stops: orders and positions stay."""
        for running in self._running.values():
            running.guard.hold()

    def publish(self) -> None:
        """Tell the states of all strategies; call it four times a second. Never raises."""
        try:
            for deployment in self._file:
                self._tell_run_out(deployment)
                self._telling.publish(deployment)
        except Exception:
            log.exception("the states of strategies could not be told")

    def _leave_out(self, stuck: HeldUp | None) -> None:
        """Take the strategy for failed that held up the node until it was killed."""
        known = self._file.get(stuck.strategy) if stuck is not None else None
        if stuck is None or known is None or known.state not in _RUNS:
            return
        reason = f"{stuck.where} did not return, and the node had to be killed"
        log.error("%s is left out: %s", known.strategy, reason)
        fallen = replace(known, state="failed", reason=reason, by="node")
        self._audit("strategy.fell", facts_of(fallen), actor="node")
        self._file.put(fallen)
        self._untold.append(
            AlertRaised(
                severity="critical",
                component=known.strategy,
                rule="a strategy must not hold up the node",
                detail=f"{reason}; its orders are "
                f"{'cancelled' if known.when_it_falls == 'cancel' else 'kept'}",
                remedy="mend it and replace it, or start it again; its positions are as they were",
            )
        )

    def _bring_back(self, deployment: Deployment) -> None:
        try:
            if deployment.strategy != _FIRST_ID:
                self._tables.open(deployment.strategy)
            found = self._registry.find(deployment.name, deployment.version)
            require_same(deployment, found)
            with self._watch.calling(deployment.strategy, "its source"):
                kind, config = self._registry.load(found)
            running = self._made(deployment, kind, config)
            self._note(deployment, found, "loaded")
            self._stage.add(running.strategy)
        except LabError as error:
            log.exception("%s cannot be brought back", deployment.strategy)
            self._file.put(replace(deployment, state="failed", reason=str(error)))
            return
        self._running[deployment.strategy] = running

    # --- commands -----------------------------------------------------------------------------

    async def _deploy(self, request: Request) -> StrategyView:
        asked: DeployStrategy = request.body
        require_parameters(asked.parameters)
        found = self._registry.find(asked.name, asked.version)
        kind, config = await self._load(found)
        self._require_room()
        self._require_one_holder(kind, but="")
        strategy = f"{asked.name}-{self._file.new_number():03d}"
        deployment = deployment_of(strategy, asked, found, by=request.principal.name)
        self._tables.open(strategy)
        self._note(deployment, found, "deployed")
        self._set_going(deployment, kind, config)
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
        self._require_one_holder(kind, but=before.strategy)
        deployment = replace(before, state="running", reason="", by=request.principal.name)
        self._tables.open(before.strategy)
        self._note(deployment, found, "started")
        self._set_going(deployment, kind, config)
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
        self._require_one_holder(kind, but=before.strategy)
        self._note(after, found, "replaced")
        if after.state in _RUNS:
            self._set_going(after, kind, config, self._running.get(before.strategy))
        else:
            self._made(after, kind, config)  # whether it could
            self._file.put(after)
        self._telling.say(after, "replaced", f"version {before.version} by {after.version}")
        return self._telling.tell(after)

    async def _stop(self, request: Request) -> StrategyView:
        asked: QuietStrategy = request.body
        before = self._known(asked.strategy)
        self._require_state(before, _RUNS, "stopped")
        after = replace(before, state="stopped", reason="", by=request.principal.name)
        failure = self._try_to_keep(after)
        running = self._running.pop(before.strategy)
        running.guard.hold()
        self._stage.remove(running.strategy)
        return self._quieted(after, asked, failure)

    async def _pause(self, request: Request) -> StrategyView:
        asked: QuietStrategy = request.body
        before = self._known(asked.strategy)
        self._require_state(before, _RUNS, "paused")
        after = replace(before, state="paused", reason="", by=request.principal.name)
        failure = self._try_to_keep(after)
        self._running[before.strategy].guard.close(_PAUSED)
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
        self._give_table(after.strategy, running)
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
        self._give_table(strategy, running)
        return f"{strategy} trades towards {taken.name}, {taken.hash[:12]}"

    async def _show_targets(self, request: Request) -> TargetTable | None:
        asked: ShowTargets = request.body or ShowTargets()
        return self._tables.current(self._taker(asked.strategy))

    # --- on and off the stage -------------------------------------------------------------------

    def _set_going(
        self,
        deployment: Deployment,
        kind: type[Strategy],
        config: type[StrategyConfig],
        old: _Running | None = None,
    ) -> None:
        """Start a strategy in place of `old`; when it cannot, all is as it was before.

        Nothing is awaited here: nothing else happens in the node meanwhile. What the new one asks
        for as it starts is done once it has started and the disk says so; until then the old one
        can go on as if nothing had been.
        """
        strategy = deployment.strategy
        try:
            new = self._made(deployment, kind, config)
            new.guard.hold()
            if old is not None:
                old.guard.muted = True
                self._stage.set_aside(old.strategy)
            try:
                self._enter(deployment, new)
                self._file.put(deployment)
            except BaseException:
                new.guard.muted = True
                self._stage.remove(new.strategy)
                if old is not None:
                    self._stage.put_back(old.strategy)
                    old.guard.muted = old.guard.error is not None
                raise
        except BaseException as error:
            self._note_refusal(deployment, error)
            raise
        self._running[strategy] = new
        if old is not None:
            self._stage.remove(old.strategy)
        if deployment.state == "running":
            self._orders.spare(strategy)
        new.guard.release()

    def _enter(self, deployment: Deployment, new: _Running) -> None:
        """Add and start a strategy; raises `StrategyFailed` when it does not."""
        self._stage.add(new.strategy)
        self._stage.start(new.strategy)
        self._give_table(deployment.strategy, new)
        if (error := new.guard.error) is not None:
            raise StrategyFailed(
                f"a strategy must start: {type(error).__name__}: {error}",
                value=f"{deployment.name} {deployment.version}",
                remedy="see the node's log; nothing that it asked for was done",
            ) from error

    def _made(
        self, deployment: Deployment, kind: type[Strategy], config: type[StrategyConfig]
    ) -> _Running:
        """Return a strategy that is on no stage yet."""
        strategy = deployment.strategy
        guard = Guard(
            lambda where, error: self._on_fall(strategy, guard, where, error),
            self._hand_over,
            strategy=strategy,
            watch=self._watch,
            on_denied=self._on_denied,
        )
        if deployment.state == "paused":
            guard.close(_PAUSED)
        given = {**self._defaults.get(deployment.name, {}), **deployment.parameters}
        if issubclass(kind, HoldTargets):
            given |= self._tables.parameters(strategy)
        with self._watch.calling(strategy, "__init__"):
            return _Running(self._stage.make(kind, config, strategy, given, guard), guard)

    def _on_fall(self, strategy: str, guard: Guard, where: str, error: BaseException) -> None:
        # Not now: Nautilus is in the middle of calling it.
        self._hand_over(self._fall, strategy, guard, where, error)

    def _fall(self, strategy: str, guard: Guard, where: str, error: BaseException) -> None:
        """Deal with a strategy that raised; it is muted already. Never raises."""
        running = self._running.get(strategy)
        known = self._file.get(strategy)
        if running is None or running.guard is not guard or known is None:
            return  # it fell as it started, and was taken out, or is replaced already
        reason = f"{where} raised {type(error).__name__}: {error}"
        log.error("%s fell: %s", strategy, reason, exc_info=error)
        fallen = replace(known, state="failed", reason=reason, by=strategy)
        del self._running[strategy]
        cancels = known.when_it_falls == "cancel"
        alert = AlertRaised(
            severity="critical",
            component=strategy,
            rule="a strategy must not raise",
            detail=f"{reason}; its orders are {'cancelled' if cancels else 'kept'}",
            remedy="mend it and replace it, or start it again; its positions are as they were",
        )
        tellings: list[Callable[[], object]] = [
            lambda: self._stage.remove(running.strategy),
            lambda: self._orders.end_all(strategy) if cancels else None,
            lambda: self._file.know(fallen),
            lambda: self._file.put(fallen),
            lambda: self._audit("strategy.fell", facts_of(fallen), actor=strategy),
            lambda: self._telling.say(fallen, "failed", reason),
            lambda: self._tell(alert, f"system.alert.{self._trader}"),
            lambda: self._telling.publish(fallen),
        ]
        for telling in tellings:
            try:
                telling()
            except Exception:
                log.exception("%s fell, and not all that follows could be done", strategy)

    def _give_table(self, strategy: str, running: _Running) -> None:
        """Let a strategy that takes target weights trade those that it has been given."""
        taker = running.strategy
        if not isinstance(taker, TakesTargets):
            return
        weights, valid_until_ns = self._tables.weights(strategy)
        if weights is None and isinstance(taker, HoldTargets):
            weights = self._tables.equal
        if weights is not None:
            taker.hold(weights, valid_until_ns=valid_until_ns)

    @property
    def targets(self) -> str:
        """What the target weights of the node's own strategy are called."""
        return self._tables.name(_FIRST_ID)

    # --- telling --------------------------------------------------------------------------------

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

    def _detail(self, deployment: Deployment) -> str:
        running = self._running.get(deployment.strategy)
        denied = running.guard.denied if running is not None else 0
        return (
            deployment.reason
            or self._tables.run_out(deployment.strategy)
            or (f"{denied} of its orders were denied" if denied else "")
        )

    def _tell_run_out(self, deployment: Deployment) -> None:
        """Raise an alert once for each table that ran out under a strategy that trades it."""
        strategy = deployment.strategy
        detail = self._tables.run_out(strategy)
        table = self._tables.current(strategy)
        if not detail or table is None or self._told.get(strategy) == table.hash:
            return
        if deployment.state not in _RUNS:
            return
        self._told[strategy] = table.hash
        self._tell(
            AlertRaised(
                severity="warning",
                component=strategy,
                rule="a table of target weights must be valid to be traded",
                detail=f"{detail}; {strategy} sends no orders until there is a new one",
                remedy="run the notebook that makes it, and publish what it makes",
            ),
            f"system.alert.{self._trader}",
        )

    def _note(self, deployment: Deployment, found: StrategyVersion, what: str) -> None:
        """Write down what code is about to be run."""
        facts = facts_of(deployment) | {"hash": found.content_hash}
        self._audit(f"strategy.{what}", facts, actor=deployment.by)

    def _note_refusal(self, deployment: Deployment, error: BaseException) -> None:
        log.warning("%s could not be set going: %s", deployment.strategy, error)
        facts = facts_of(deployment) | {"why": str(error)}
        try:
            self._audit("strategy.refused", facts, actor=deployment.by)
        except LabError:
            log.exception("nobody could be told that %s did not start", deployment.strategy)

    # --- what must hold ---------------------------------------------------------------------------

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

    def _require_one_holder(self, kind: type[Strategy], *, but: str) -> None:
        """Require that no two strategies hold shares of the same equity."""
        if not issubclass(kind, HoldTargets):
            return
        for strategy, running in self._running.items():
            if strategy != but and isinstance(running.strategy, HoldTargets):
                raise InputError(
                    "one strategy at a time may hold the account's target weights",
                    value=f"{strategy} runs",
                    remedy="replace it, or stop it first",
                )

    def _taker(self, wanted: str) -> str:
        """Return the strategy that a table is for."""
        if wanted:
            return self._known(wanted).strategy
        takers = [s for s, r in self._running.items() if isinstance(r.strategy, TakesTargets)]
        takers = takers or [one.strategy for one in self._file if one.name == _FIRST.name]
        if len(takers) != 1:
            raise InputError(
                "a table must name the strategy that shall trade it where several, or none, would",
                value=", ".join(takers) or "none",
                remedy="make it with strategy=...",
            )
        return takers[0]
