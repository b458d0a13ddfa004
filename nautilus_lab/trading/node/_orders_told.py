"""An order of Nautilus as the message that tells of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from nautilus_trader.model.enums import (
    OrderSide,
    OrderType,
    TrailingOffsetType,
    time_in_force_to_str,
    trailing_offset_type_to_str,
)
from nautilus_trader.model.events import OrderCancelRejected, OrderModifyRejected
from nautilus_trader.model.orders import Order

from nautilus_lab.platform.messages import OrderUpdated

_TRAILING = (OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_STOP_LIMIT)


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
        **_trailing(order),
    )


def trails(order: Order) -> bool:
    """Whether the order's trigger follows the market."""
    return order.order_type in _TRAILING


def _trailing(order: Order) -> dict[str, Any]:
    if not trails(order):
        return {}
    start = order.activation_price
    told = {
        "activation_price": None if start is None else start.as_decimal(),
        "trailing_offset": order.trailing_offset,
        "limit_offset": getattr(order, "limit_offset", None),
    }
    kind = order.trailing_offset_type
    if kind != TrailingOffsetType.NO_TRAILING_OFFSET:
        told["offset_type"] = trailing_offset_type_to_str(kind)
    return told


def reason_of(order: Order, event: Any) -> str:
    """Return why an event happened, as far as that says why the order is where it is.

    That a change of it was refused says nothing of an order that had ended before.
    """
    if order.is_closed and isinstance(event, (OrderCancelRejected, OrderModifyRejected)):
        return ""
    return str(getattr(event, "reason", None) or "")


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
