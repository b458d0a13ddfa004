"""The strategies a node runs: brought back as it begins, told of while it trades."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import Handler
from nautilus_lab.platform.messages import AlertRaised, Event, State
from nautilus_lab.strategies.nautilus import StrategyRegistry
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._call_watch import CallWatch
from nautilus_lab.trading.node._deployed import RUNS, DeployedFile, Deployment
from nautilus_lab.trading.node._deploying import FIRST, FIRST_ID, deployment_of, require_same
from nautilus_lab.trading.node._strategies_running import StrategiesRunning
from nautilus_lab.trading.node._strategies_told import StrategiesTold
from nautilus_lab.trading.node._strategy_commands import StrategyCommands
from nautilus_lab.trading.node._strategy_falls import StrategyFalls
from nautilus_lab.trading.node._strategy_orders import StrategyOrders
from nautilus_lab.trading.node._tables import Tables

log = logging.getLogger(__name__)


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
        self._watch = watch if watch is not None else CallWatch()
        self._orders = StrategyOrders(kernel, hand_over)
        self._running = StrategiesRunning(
            kernel,
            self._file,
            tables,
            self._orders,
            audit=audit,
            hand_over=hand_over,
            on_fall=lambda *fall: self._falls.fall(*fall),
            defaults=defaults or {},
            watch=self._watch,
            on_denied=on_denied,
        )
        self._telling = StrategiesTold(
            trader=trader,
            tell=tell,
            publish=publish,
            orders=self._orders,
            accounts=accounts if accounts is not None else Accounts({}),
            detail=self._detail,
        )
        self._falls = StrategyFalls(
            self._running,
            self._file,
            self._orders,
            self._telling,
            trader=trader,
            tell=tell,
            audit=audit,
        )
        self._commands = StrategyCommands(
            registry, self._running, self._file, tables, self._orders, self._telling, audit=audit
        )
        self._told: dict[str, str] = {}  # strategy id -> hash of the table whose end was told
        # Nautilus tells handlers apart by their text, which of a bound method is its object's.
        kernel.msgbus.subscribe("events.order.*", lambda event: self._orders.end_late(event))

    def __repr__(self) -> str:
        states = ", ".join(f"{one.strategy} {one.state}" for one in self._file)
        return f"Deployments({states or 'none'})"

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands of `STRATEGY_SPECS`."""
        return self._commands.handlers()

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
            found = self._registry.find(FIRST.name, FIRST.version)
            self._file.put(deployment_of(FIRST_ID, FIRST, found, by="node"))
        self._tables.open(FIRST_ID)
        self._falls.leave_out(self._watch.take())
        for deployment in self._file:
            if deployment.state in RUNS:
                self._bring_back(deployment)

    @property
    def owners(self) -> dict[str, str]:
        """Strategy -> who had it run, of those that a person had run and that still do."""
        return {o.strategy: o.by for o in self._file if o.state == "running" and o.by != "node"}

    @property
    def targets(self) -> str:
        """What the target weights of the node's own strategy are called."""
        return self._tables.name(FIRST_ID)

    def begin(self) -> None:
        """Tell how every strategy is; once the node trades and knows its venues' orders."""
        for deployment in self._file:
            if (running := self._running.get(deployment.strategy)) is not None:
                self._running.give_table(deployment.strategy, running)
            self._telling.say(deployment, deployment.state, deployment.reason)
            if deployment.state == "failed" and deployment.when_it_falls == "cancel":
                self._orders.end_all(deployment.strategy)
        self._falls.begin()
        self.publish()

    def rest(self) -> None:
        """Let strategies do nothing more, before the node stops: orders and positions stay."""
        self._running.hold()

    def publish(self) -> None:
        """Tell the states of all strategies; call it four times a second. Never raises."""
        try:
            for deployment in self._file:
                self._tell_run_out(deployment)
                self._telling.publish(deployment)
        except Exception:
            log.exception("the states of strategies could not be told")

    def _bring_back(self, deployment: Deployment) -> None:
        try:
            if deployment.strategy != FIRST_ID:
                self._tables.open(deployment.strategy)
            found = self._registry.find(deployment.name, deployment.version)
            require_same(deployment, found)
            with self._watch.calling(deployment.strategy, "its source"):
                kind, config = self._registry.load(found)
            running = self._running.make(deployment, kind, config)
            self._running.note(deployment, found, "loaded")
            self._running.bring_on(deployment.strategy, running)
        except LabError as error:
            log.exception("%s cannot be brought back", deployment.strategy)
            self._file.put(replace(deployment, state="failed", reason=str(error)))

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
        if deployment.state not in RUNS:
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
