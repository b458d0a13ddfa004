"""The strategies that run on a node, each in a guard of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError, LabError, StrategyFailed
from nautilus_lab.strategies.nautilus import HoldTargets, StrategyVersion, TakesTargets
from nautilus_lab.trading.node._call_watch import CallWatch
from nautilus_lab.trading.node._deployed import DeployedFile, Deployment
from nautilus_lab.trading.node._deploying import facts_of
from nautilus_lab.trading.node._guard import Guard
from nautilus_lab.trading.node._stage import Stage
from nautilus_lab.trading.node._strategy_orders import StrategyOrders
from nautilus_lab.trading.node._tables import Tables

log = logging.getLogger(__name__)

PAUSED = "STRATEGY_PAUSED"


@dataclass(eq=False)
class Running:
    """A strategy on the stage."""

    strategy: Strategy
    guard: Guard


class StrategiesRunning:
    """Sets strategies going on a stage, in place of others where that is asked, and takes them off.

    Parameters
    ----------
    kernel : NautilusKernel
        The kernel of a node, before it runs.
    file : DeployedFile
        Where is kept what is deployed.
    tables : Tables
        The target weights that strategies trade.
    orders : StrategyOrders
        What works of them.
    audit : callable
        Called as ``audit(kind, facts, actor=...)``: ``AuditTrail.append``.
    hand_over : callable
        Takes a function and its arguments and calls it on the node's thread, later.
    on_fall : callable
        Called so with a strategy's id, its guard, where it raised and what.
    defaults : mapping
        Name of a strategy -> parameters that it has where a deployment gives none.
    watch : CallWatch
        Knows when the node is in a strategy's code.
    on_denied : callable
        Told of an order that a guard denied, and why.
    """

    def __init__(
        self,
        kernel: Any,
        file: DeployedFile,
        tables: Tables,
        orders: StrategyOrders,
        *,
        audit: Callable[..., object],
        hand_over: Callable[..., object],
        on_fall: Callable[[str, Guard, str, BaseException], None],
        defaults: Mapping[str, Mapping[str, object]],
        watch: CallWatch,
        on_denied: Callable[[Order, str], None],
    ) -> None:
        self._stage = Stage(kernel)
        self._file = file
        self._tables = tables
        self._orders = orders
        self._audit = audit
        self._hand_over = hand_over
        self._on_fall = on_fall
        self._defaults = defaults
        self._watch = watch
        self._on_denied = on_denied
        self._running: dict[str, Running] = {}  # strategy id -> what runs

    def __getitem__(self, strategy: str) -> Running:
        return self._running[strategy]

    def get(self, strategy: str) -> Running | None:
        """Return what runs of that id; None when nothing does."""
        return self._running.get(strategy)

    @property
    def takers(self) -> list[str]:
        """The strategies that take target weights."""
        return [s for s, r in self._running.items() if isinstance(r.strategy, TakesTargets)]

    def bring_on(self, strategy: str, running: Running) -> None:
        """Put on the stage, before the node runs, what was made."""
        self._stage.add(running.strategy)
        self._running[strategy] = running

    def take_off(self, strategy: str) -> None:
        """Let a strategy do nothing more, and forget it."""
        running = self._running.pop(strategy)
        running.guard.hold()
        self._stage.remove(running.strategy)

    def forget(self, strategy: str) -> None:
        """Take a strategy that fell for gone; it has still to be cleared from the stage."""
        del self._running[strategy]

    def clear(self, fallen: Running) -> None:
        """Take off the stage what fell."""
        self._stage.remove(fallen.strategy)

    def hold(self) -> None:
        """Let strategies do nothing more, before the node stops."""
        for running in self._running.values():
            running.guard.hold()

    def set_going(
        self,
        deployment: Deployment,
        kind: type[Strategy],
        config: type[StrategyConfig],
        old: Running | None = None,
    ) -> None:
        """Start a strategy in place of `old`; when it cannot, all is as it was before.

        Nothing is awaited here: nothing else happens in the node meanwhile. What the new one asks
        for as it starts is done once it has started and the disk says so; until then the old one
        can go on as if nothing had been.
        """
        strategy = deployment.strategy
        try:
            new = self.make(deployment, kind, config)
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

    def _enter(self, deployment: Deployment, new: Running) -> None:
        """Add and start a strategy; raises `StrategyFailed` when it does not."""
        self._stage.add(new.strategy)
        self._stage.start(new.strategy)
        self.give_table(deployment.strategy, new)
        if (error := new.guard.error) is not None:
            raise StrategyFailed(
                f"a strategy must start: {type(error).__name__}: {error}",
                value=f"{deployment.name} {deployment.version}",
                remedy="see the node's log; nothing that it asked for was done",
            ) from error

    def make(
        self, deployment: Deployment, kind: type[Strategy], config: type[StrategyConfig]
    ) -> Running:
        """Return a strategy that is on no stage yet."""
        strategy = deployment.strategy
        guard = Guard(
            lambda where, error: self._fell(strategy, guard, where, error),
            self._hand_over,
            strategy=strategy,
            watch=self._watch,
            on_denied=self._on_denied,
        )
        if deployment.state == "paused":
            guard.close(PAUSED)
        given = {**self._defaults.get(deployment.name, {}), **deployment.parameters}
        if issubclass(kind, HoldTargets):
            given |= self._tables.parameters(strategy)
        with self._watch.calling(strategy, "__init__"):
            return Running(self._stage.make(kind, config, strategy, given, guard), guard)

    def _fell(self, strategy: str, guard: Guard, where: str, error: BaseException) -> None:
        # Not now: Nautilus is in the middle of calling it.
        self._hand_over(self._on_fall, strategy, guard, where, error)

    def give_table(self, strategy: str, running: Running) -> None:
        """Let a strategy that takes target weights trade those that it has been given."""
        taker = running.strategy
        if not isinstance(taker, TakesTargets):
            return
        weights, valid_until_ns = self._tables.weights(strategy)
        if weights is None and isinstance(taker, HoldTargets):
            weights = self._tables.equal
        if weights is not None:
            taker.hold(weights, valid_until_ns=valid_until_ns)

    def require_one_holder(self, kind: type[Strategy], *, but: str) -> None:
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

    def note(self, deployment: Deployment, found: StrategyVersion, what: str) -> None:
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
