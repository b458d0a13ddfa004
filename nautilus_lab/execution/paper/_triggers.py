"""What brings a waiting order to life: triggers, and stops that trail the market."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from nautilus_lab.execution.paper._wire import OrderType, VenueOrder

_CENT = Decimal("0.01")

TRAILING: frozenset[OrderType] = frozenset({"TRAILING_STOP_MARKET", "TRAILING_STOP_LIMIT"})
STOPS: frozenset[OrderType] = TRAILING.union(("STOP_MARKET", "STOP_LIMIT"))
TOUCHED: frozenset[OrderType] = frozenset({"MARKET_IF_TOUCHED", "LIMIT_IF_TOUCHED"})
TRIGGERED: frozenset[OrderType] = STOPS | TOUCHED

# orders whose fills are bound by a limit price
LIMITED: frozenset[OrderType] = frozenset(
    {"LIMIT", "STOP_LIMIT", "LIMIT_IF_TOUCHED", "TRAILING_STOP_LIMIT"}
)


def waits(order: VenueOrder) -> bool:
    """Whether `order` still waits for its trigger."""
    return order.order_type in TRIGGERED and not order.ts_triggered


def is_triggered(order: VenueOrder, bid: Decimal, ask: Decimal) -> bool:
    """Whether the market reaches the trigger: stops as it runs away, the others as it comes."""
    trigger = order.trigger_price
    if trigger is None or (order.order_type in TRAILING and not order.activated):
        return False
    upwards = (order.side == "BUY") == (order.order_type in STOPS)
    market = ask if order.side == "BUY" else bid
    return market >= trigger if upwards else market <= trigger


def trailed(order: VenueOrder, bid: Decimal, ask: Decimal) -> VenueOrder:
    """Return `order` with its trigger and limit moved behind the market; itself when unmoved.

    They only ever come nearer. The distance is kept from the side at which the order will
    trade, as NautilusTrader keeps it.
    """
    if order.order_type not in TRAILING:
        return order
    changes: dict[str, Any] = {}
    if not order.activated:
        start, buys = order.activation_price, order.side == "BUY"
        if start is not None and not (ask <= start if buys else bid >= start):
            return order
        changes["activated"] = True
    for price, offset in (("trigger_price", "trailing_offset"), ("limit_price", "limit_offset")):
        if getattr(order, offset) is None:
            continue
        now, new = getattr(order, price), _behind(order, getattr(order, offset), bid, ask)
        if new > 0 and (now is None or (new < now if order.side == "BUY" else new > now)):
            changes[price] = new
    return msgspec.structs.replace(order, **changes) if changes else order


def _behind(order: VenueOrder, offset: Decimal, bid: Decimal, ask: Decimal) -> Decimal:
    market = ask if order.side == "BUY" else bid
    if order.trailing_offset_type == "BASIS_POINTS":
        offset = market * offset / 10_000
    away = market + offset if order.side == "BUY" else market - offset
    return away.quantize(_CENT, ROUND_HALF_UP)
