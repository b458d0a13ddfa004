"""The orders that work for a parent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import LimitOrder, MarketOrder, Order


def make_child(
    parent: Order,
    number: int,
    instrument: Any,
    quantity: Decimal,
    *,
    limit_price: Decimal | None,
    time_in_force: TimeInForce,
    expire_ns: int = 0,
    now_ns: int,
) -> Order:
    """Return an order of the parent's strategy and side that names it in a tag.

    It carries none of Nautilus' ids of an algorithm [1]_: with those Nautilus books its fills by
    the position of the parent, at whichever venue that is, and after a restart it fails at a fill
    of a child whose parent is gone.

    References
    ----------
    .. [1] nautilus_trader 1.231.0, execution/engine.pyx, `_determine_position_id`.
    """
    facts = {
        "trader_id": parent.trader_id,
        "strategy_id": parent.strategy_id,
        "instrument_id": instrument.id,
        "client_order_id": ClientOrderId(child_name(parent.client_order_id.value, number)),
        "order_side": parent.side,
        "quantity": Quantity(quantity, instrument.size_precision),
        "time_in_force": time_in_force,
        "reduce_only": parent.is_reduce_only,
        "init_id": UUID4(),
        "ts_init": now_ns,
        "tags": [*(parent.tags or ()), f"parent:{parent.client_order_id.value}"],
    }
    if limit_price is None:
        return MarketOrder(**facts)
    price = Price(limit_price, instrument.price_precision)
    return LimitOrder(**facts, price=price, expire_time_ns=expire_ns)


def child_name(parent: str, number: int) -> str:
    """Return the client order id of a parent's child; they are numbered from 1."""
    return f"{parent}-E{number}"


def send_child(algorithm: ExecAlgorithm, child: Order) -> None:
    """Send a child as its strategy would: told of, in the cache, and past the gate."""
    algorithm.cache.add_order(child)
    algorithm.msgbus.publish(f"events.order.{child.strategy_id.value}", child.init_event)
    algorithm.msgbus.send(
        "RiskEngine.execute",
        SubmitOrder(
            trader_id=child.trader_id,
            strategy_id=child.strategy_id,
            order=child,
            command_id=UUID4(),
            ts_init=algorithm.clock.timestamp_ns(),
        ),
    )
