"""An order of Nautilus as the message that tells of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from nautilus_trader.model.enums import OrderSide, time_in_force_to_str
from nautilus_trader.model.orders import Order

from nautilus_lab.platform.messages import OrderUpdated


def order_updated(order: Order, reason: str, arrival: Decimal | None) -> OrderUpdated:
    """Return the order as it stands; `arrival` is the middle of the quote when it was made."""
    average = order.avg_px
    venue_order_id = order.venue_order_id
    return OrderUpdated(
        client_order_id=order.client_order_id.value,
        venue_order_id=venue_order_id.value if venue_order_id is not None else None,
        strategy=order.strategy_id.value,
        instrument=order.instrument_id.value,
        side=side_of(order.side),
        order_type=order.type_string(),
        quantity=order.quantity.as_decimal(),
        filled=order.filled_qty.as_decimal(),
        limit_price=order.price.as_decimal() if order.has_price else None,
        average_price=Decimal(str(round(average, 6))) if average else None,
        status=order.status_string(),
        reason=reason,
        trigger_price=order.trigger_price.as_decimal() if order.has_trigger_price else None,
        time_in_force=time_in_force_to_str(order.time_in_force),
        parent=parent_of(order),
        list_id=order.order_list_id.value if order.order_list_id is not None else None,
        linked=tuple([linked.value for linked in order.linked_order_ids or ()]),
        algorithm=order.exec_algorithm_id.value if order.exec_algorithm_id is not None else None,
        arrival_price=arrival,
        by=tagged(order, "by") or "",
    )


def tagged(order: Order, key: str) -> str | None:
    """Return what follows ``key:`` in the order's tags."""
    for tag in order.tags or ():
        name, found, value = tag.partition(":")
        if found and name == key:
            return str(value)
    return None


def parent_of(order: Order) -> str | None:
    """Return the order that this one works for, or hangs on."""
    if told := tagged(order, "parent"):
        return told
    spawned = order.exec_spawn_id
    if spawned is not None and spawned != order.client_order_id:
        return str(spawned.value)
    return order.parent_order_id.value if order.parent_order_id is not None else None


def side_of(side: OrderSide) -> Literal["BUY", "SELL"]:
    """Return the side's name."""
    return "BUY" if side == OrderSide.BUY else "SELL"
