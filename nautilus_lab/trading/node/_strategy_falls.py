"""Strategies that fell: what becomes of them and of their orders, and who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec.structs import replace

from nautilus_lab.platform.messages import AlertRaised, Event
from nautilus_lab.trading.node._call_watch import HeldUp
from nautilus_lab.trading.node._deployed import RUNS, DeployedFile
from nautilus_lab.trading.node._deploying import facts_of
from nautilus_lab.trading.node._guard import Guard
from nautilus_lab.trading.node._strategies_running import StrategiesRunning
from nautilus_lab.trading.node._strategies_told import StrategiesTold
from nautilus_lab.trading.node._strategy_orders import StrategyOrders

log = logging.getLogger(__name__)


class StrategyFalls:
    """Deals with strategies that fell: those that raised, and one that held up an earlier life.

    Parameters
    ----------
    running : StrategiesRunning
        Of which those that raise are taken out.
    file : DeployedFile
        Where is kept what is deployed.
    orders : StrategyOrders
        What works of them.
    telling : StrategiesTold
        Tells what became of them.
    trader : str
        The trader's id.
    tell : callable
        Takes an event and its topic: ``Desk.tell``.
    audit : callable
        Called as ``audit(kind, facts, actor=...)``: ``AuditTrail.append``.
    """

    def __init__(
        self,
        running: StrategiesRunning,
        file: DeployedFile,
        orders: StrategyOrders,
        telling: StrategiesTold,
        *,
        trader: str,
        tell: Callable[[Event, str], None],
        audit: Callable[..., object],
    ) -> None:
        self._running = running
        self._file = file
        self._orders = orders
        self._telling = telling
        self._trader = trader
        self._tell = tell
        self._audit = audit
        self._untold: list[AlertRaised] = []  # until the node can be heard

    def leave_out(self, stuck: HeldUp | None) -> None:
        """Take the strategy for failed that held up the node until it was killed."""
        known = self._file.get(stuck.strategy) if stuck is not None else None
        if stuck is None or known is None or known.state not in RUNS:
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

    def begin(self) -> None:
        """Tell of what fell before the node could be heard."""
        while self._untold:
            self._tell(self._untold.pop(0), f"system.alert.{self._trader}")

    def fall(self, strategy: str, guard: Guard, where: str, error: BaseException) -> None:
        """Deal with a strategy that raised; it is muted already. Never raises."""
        running = self._running.get(strategy)
        known = self._file.get(strategy)
        if running is None or running.guard is not guard or known is None:
            return  # it fell as it started, and was taken out, or is replaced already
        reason = f"{where} raised {type(error).__name__}: {error}"
        log.error("%s fell: %s", strategy, reason, exc_info=error)
        fallen = replace(known, state="failed", reason=reason, by=strategy)
        self._running.forget(strategy)
        cancels = known.when_it_falls == "cancel"
        alert = AlertRaised(
            severity="critical",
            component=strategy,
            rule="a strategy must not raise",
            detail=f"{reason}; its orders are {'cancelled' if cancels else 'kept'}",
            remedy="mend it and replace it, or start it again; its positions are as they were",
        )
        tellings: list[Callable[[], object]] = [
            lambda: self._running.clear(running),
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
