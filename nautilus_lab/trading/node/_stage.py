"""Putting strategies into a running Nautilus trader, and taking them out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from nautilus_trader.common.actor import Actor
from nautilus_trader.common.component import deregister_component_clock
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import BarType
from nautilus_trader.model.identifiers import InstrumentId, StrategyId
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError, StrategyFailed
from nautilus_lab.trading.node._guard import Guard, guarded, put_on, real_clock

log = logging.getLogger(__name__)

# What says who it is, which the node decides; and a stop that trades, which a stop must not.
_NOT_GIVEN = ("strategy_id", "order_id_tag", "manage_stop")


class Stage:
    """The strategies of a kernel's trader.

    Nautilus 1.231 adds to a trader that runs only where a controller is configured, takes out
    without unsubscribing, and knows no replacement. What that needs is here, and nowhere else.

    Parameters
    ----------
    kernel : NautilusKernel
        Of a node or of a backtest engine; not yet running.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._trader = kernel.trader
        # All that a controller is to it: the permission to add while it runs.
        self._trader._has_controller = True
        # a strategy's identity -> the instruments whose orders it claimed when it was set aside
        self._claims: dict[int, list[InstrumentId]] = {}

    def make(
        self,
        kind: type[Strategy],
        config: type[StrategyConfig],
        strategy: str,
        parameters: Mapping[str, object],
        guard: Guard,
    ) -> Strategy:
        """Return a new strategy of a class, in its guard, that is on no stage yet.

        Raises
        ------
        InputError
            When a parameter is none of its configuration.
        StrategyFailed
            When it cannot be made.
        """
        tag = strategy.rpartition("-")[2]
        given = configured(config, tag, parameters)
        try:
            made: Any = guarded(kind)(given)  # type: ignore[arg-type]
        except BaseException as error:
            raise StrategyFailed(
                f"a strategy must be made from its configuration: {type(error).__name__}: {error}",
                value=strategy,
                remedy="see that its __init__ takes the configuration and passes it on",
            ) from None
        # Whatever it calls itself: its orders bear the id that it was deployed under.
        made.change_id(StrategyId(strategy))
        made.change_order_id_tag(tag)
        put_on(made, guard)
        return made

    def add(self, strategy: Strategy) -> None:
        """Add a strategy; it hears nothing before it is started.

        Raises
        ------
        StrategyFailed
            When Nautilus does not take it.
        """
        try:
            self._trader.add_strategy(strategy)
        except Exception as error:
            raise StrategyFailed(
                f"Nautilus must take the strategy: {error}",
                value=strategy.id.value,
                remedy="two strategies cannot claim the orders of one instrument",
            ) from None
        if not self._is_on(strategy):  # it only logs what else it objects to
            raise StrategyFailed("Nautilus must take the strategy", value=strategy.id.value)

    def start(self, strategy: Strategy) -> None:
        """Start a strategy that was added; its guard tells whether it could."""
        self._trader.start_strategy(strategy.id)

    def set_aside(self, strategy: Strategy) -> None:
        """Make room for another of the same id; the one set aside is not stopped."""
        self._claims[id(strategy)] = self._take_off(strategy)

    def put_back(self, strategy: Strategy) -> None:
        """Put one that was set aside where it was; it has not noticed."""
        claims = dict.fromkeys(self._claims.pop(id(strategy)), strategy.id)
        self._kernel.exec_engine._external_order_claims.update(claims)
        self._trader._strategies[strategy.id] = strategy

    def remove(self, strategy: Strategy) -> None:
        """Stop a strategy, on the stage, set aside or never taken, and forget it."""
        if strategy.is_running:
            # Not the strategy's own `stop`, which may be configured to trade first.
            Actor.stop(strategy)
        if self._is_on(strategy):
            self._take_off(strategy)
        self._claims.pop(id(strategy), None)
        if not strategy.is_initialized:
            return  # Nautilus knows nothing of it
        self._unsubscribe(strategy)
        strategy.dispose()
        deregister_component_clock(self._trader.instance_id, real_clock(strategy))

    def _is_on(self, strategy: Strategy) -> bool:
        # By identity: strategies with one id are equal to Nautilus.
        return self._trader._strategies.get(strategy.id) is strategy

    def _take_off(self, strategy: Strategy) -> list[InstrumentId]:
        """Take a strategy out of the trader; return the instruments whose orders it claimed."""
        del self._trader._strategies[strategy.id]
        claims = self._kernel.exec_engine._external_order_claims
        mine = [instrument for instrument, owner in claims.items() if owner == strategy.id]
        for instrument in mine:
            del claims[instrument]
        return mine

    def _unsubscribe(self, strategy: Strategy) -> None:
        """End what it hears: nobody else does, and feeds go on for those who are gone."""
        bus = self._kernel.msgbus
        heard = [s for s in bus.subscriptions() if getattr(s.handler, "__self__", 0) is strategy]
        for subscription in heard:
            bus.unsubscribe(subscription.topic, subscription.handler)
            try:
                _end_feed(strategy, subscription.topic)
            except Exception:
                log.exception("%s could not be ended", subscription)


def configured(
    config: type[StrategyConfig], tag: str, parameters: Mapping[str, object]
) -> StrategyConfig:
    """Return the configuration of a strategy; raises `InputError` naming what is wrong in it."""
    if taken := [key for key in _NOT_GIVEN if key in parameters]:
        raise InputError(
            "a deployment's id and the end of its run are the node's to decide",
            value=", ".join(taken),
            remedy="leave it out",
        )
    given = {**parameters, "order_id_tag": tag}
    try:
        parsed: StrategyConfig = config.parse(msgspec.json.encode(given))
        return parsed
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise InputError(
            f"parameters must be those of the strategy's configuration: {error}",
            value=", ".join(f"{key}={value!r}" for key, value in parameters.items()),
            remedy=f"{config.__name__} has {', '.join(config.__struct_fields__)}",
        ) from None


def _end_feed(strategy: Strategy, topic: str) -> None:
    match topic.split(".", 2):
        case ["data", "quotes", rest]:
            strategy.unsubscribe_quote_ticks(_instrument(rest))
        case ["data", "trades", rest]:
            strategy.unsubscribe_trade_ticks(_instrument(rest))
        case ["data", "bars", rest]:
            strategy.unsubscribe_bars(BarType.from_str(rest))


def _instrument(rest: str) -> InstrumentId:
    venue, _, symbol = rest.partition(".")
    return InstrumentId.from_str(f"{symbol}.{venue}")
