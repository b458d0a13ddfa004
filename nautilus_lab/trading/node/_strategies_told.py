"""What is told of the strategies of a node."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import StrategyView
from nautilus_lab.platform.messages import (
    Event,
    State,
    StrategyChanged,
    StrategyState,
    StrategyUpdated,
)
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._deployed import Deployment
from nautilus_lab.trading.node._strategy_orders import StrategyOrders

log = logging.getLogger(__name__)


class StrategiesTold:
    """Tells what becomes of strategies, and how each is, with its orders and its profit.

    Parameters
    ----------
    trader : str
        The trader's id.
    tell : callable
        Takes an event and its topic: ``Desk.tell``.
    publish : callable
        Takes a state and its topic: ``Desk.state``.
    orders : StrategyOrders
        Of which the working ones are counted.
    accounts : Accounts
        Whose share of the profit is told.
    detail : callable
        Returns what else there is to say of a deployment.
    """

    def __init__(
        self,
        *,
        trader: str,
        tell: Callable[[Event, str], None],
        publish: Callable[[State, str], None],
        orders: StrategyOrders,
        accounts: Accounts,
        detail: Callable[[Deployment], str],
    ) -> None:
        self._trader = trader
        self._tell = tell
        self._publish = publish
        self._orders = orders
        self._accounts = accounts
        self._detail = detail

    def tell(self, deployment: Deployment) -> StrategyView:
        """Tell how a strategy is now, and return it."""
        self.say(deployment, deployment.state, deployment.reason)
        self.publish(deployment)
        return self.view(deployment)

    def say(self, deployment: Deployment, state: StrategyState, reason: str) -> None:
        """Tell what became of a strategy; that nobody could be told is logged."""
        log.info(
            "%s, %s %s, is %s %s",
            deployment.strategy,
            deployment.name,
            deployment.version,
            state,
            reason,
        )
        changed = StrategyChanged(
            strategy=deployment.strategy,
            name=deployment.name,
            version=deployment.version,
            state=state,
            reason=reason,
            by=deployment.by,
        )
        try:
            self._tell(changed, f"strategy.change.{self._trader}.{deployment.strategy}")
        except LabError:
            log.exception("%s is %s and nobody could be told", deployment.strategy, state)

    def publish(self, deployment: Deployment) -> None:
        """Publish the state of a strategy."""
        realised, unrealised = self._profit(deployment.strategy)
        self._publish(
            StrategyUpdated(
                strategy=deployment.strategy,
                name=deployment.name,
                version=deployment.version,
                state=deployment.state,
                working_orders=self._orders.count(deployment.strategy),
                realised=realised,
                unrealised=unrealised,
                detail=self._detail(deployment),
            ),
            f"strategy.state.{self._trader}.{deployment.strategy}",
        )

    def view(self, deployment: Deployment) -> StrategyView:
        """Return a strategy as an answer has it."""
        realised, unrealised = self._profit(deployment.strategy)
        return StrategyView(
            strategy=deployment.strategy,
            name=deployment.name,
            version=deployment.version,
            content_hash=deployment.content_hash,
            state=deployment.state,
            reason=deployment.reason,
            parameters=deployment.parameters,
            working_orders=self._orders.count(deployment.strategy),
            realised=realised,
            unrealised=unrealised,
        )

    def _profit(self, strategy: str) -> tuple[float, float]:
        held = self._accounts.of.get(strategy)
        return (0.0, 0.0) if held is None else (held.realised, held.unrealised)
