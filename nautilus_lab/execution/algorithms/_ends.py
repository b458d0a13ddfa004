"""The ends of an order that no venue has seen."""

from __future__ import annotations

import logging

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.model.events import OrderCanceled, OrderDenied, OrderEvent
from nautilus_trader.model.orders import Order

log = logging.getLogger(__name__)


def deny(algorithm: ExecAlgorithm, order: Order, reason: str) -> None:
    """Deny an order, unless it has ended."""
    if order.is_closed:
        return
    log.warning("%s is denied: %s", order.client_order_id, reason)
    now = algorithm.clock.timestamp_ns()
    ids = (order.trader_id, order.strategy_id, order.instrument_id, order.client_order_id)
    _apply(algorithm, order, OrderDenied(*ids, reason, UUID4(), now))


def cancel_held(algorithm: ExecAlgorithm, order: Order) -> None:
    """Cancel an order that the algorithm holds, unless it has ended."""
    if order.is_closed:
        return
    now = algorithm.clock.timestamp_ns()
    ids = (order.trader_id, order.strategy_id, order.instrument_id, order.client_order_id)
    _apply(algorithm, order, OrderCanceled(*ids, None, None, UUID4(), now, now))


def _apply(algorithm: ExecAlgorithm, order: Order, event: OrderEvent) -> None:
    # At once, as Nautilus' strategies and algorithms end an order that no venue has: through
    # the execution engine it would stand open until the engine's queue comes to it.
    order.apply(event)
    algorithm.cache.update_order(order)
    algorithm.msgbus.publish(f"events.order.{order.strategy_id.value}", event)
