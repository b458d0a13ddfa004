"""Orders between Nautilus and the paper venue: what is asked, and what is reported back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.reports import FillReport, OrderStatusReport, PositionStatusReport
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import (
    ContingencyType,
    LiquiditySide,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    TrailingOffsetType,
    TriggerType,
    contingency_type_from_str,
    contingency_type_to_str,
    order_side_from_str,
    order_type_from_str,
    time_in_force_from_str,
    time_in_force_to_str,
    trailing_offset_type_from_str,
)
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    OrderListId,
    TradeId,
    VenueOrderId,
)
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.paper import NewOrder, VenueFill, VenueOrder, VenuePosition

_CENT = Decimal("0.01")
_OFFSETS = (TrailingOffsetType.PRICE, TrailingOffsetType.BASIS_POINTS, TrailingOffsetType.TICKS)
# order types of which Nautilus knows that they were triggered: those that rest afterwards
RESTS_TRIGGERED = frozenset(
    {OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED, OrderType.TRAILING_STOP_LIMIT}
)
_TRIGGERED = RESTS_TRIGGERED | {
    OrderType.STOP_MARKET,
    OrderType.MARKET_IF_TOUCHED,
    OrderType.TRAILING_STOP_MARKET,
}
_STATUSES = {
    "ACCEPTED": OrderStatus.ACCEPTED,
    "TRIGGERED": OrderStatus.TRIGGERED,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}


def new_order(order: Order) -> NewOrder:
    """Return what the venue is asked for.

    Raises
    ------
    ValueError
        When the venue has no such order: an unusual trailing offset, or a hidden quantity.
    """
    facts: dict[str, Any] = {}
    if order.has_price and order.order_type != OrderType.MARKET_TO_LIMIT:
        facts["limit_price"] = order.price.as_decimal()
    if order.has_trigger_price:
        facts["trigger_price"] = order.trigger_price.as_decimal()
    if order.order_type in (OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_STOP_LIMIT):
        facts |= _trailing(order)
    if order.time_in_force == time_in_force_from_str("GTD"):
        facts["expire_ns"] = order.expire_time_ns
    if order.is_quote_quantity or getattr(order, "display_qty", None) is not None:
        raise ValueError("the paper venue takes whole units, and shows all of an order")
    contingency = order.contingency_type
    if contingency != ContingencyType.NO_CONTINGENCY:
        facts["contingency"] = contingency_type_to_str(contingency)
    return NewOrder(
        client_order_id=order.client_order_id.value,
        symbol=order.instrument_id.symbol.value,
        side="BUY" if order.side == OrderSide.BUY else "SELL",
        order_type=order.type_string(),
        quantity=order.quantity.as_decimal(),
        time_in_force=time_in_force_to_str(order.time_in_force),
        post_only=order.is_post_only,
        reduce_only=order.is_reduce_only,
        list_id=order.order_list_id.value if order.order_list_id is not None else "",
        linked=tuple([linked.value for linked in order.linked_order_ids or ()]),
        parent=order.parent_order_id.value if order.parent_order_id is not None else "",
        **facts,
    )


def _trailing(order: Order) -> dict[str, Any]:
    if order.trailing_offset_type not in _OFFSETS:
        raise ValueError("the paper venue trails by price, by basis points or by ticks")
    per_tick = _CENT if order.trailing_offset_type == TrailingOffsetType.TICKS else Decimal(1)
    in_bps = order.trailing_offset_type == TrailingOffsetType.BASIS_POINTS
    facts: dict[str, Any] = {
        "trailing_offset": order.trailing_offset * per_tick,
        "trailing_offset_type": "BASIS_POINTS" if in_bps else "PRICE",
    }
    if order.order_type == OrderType.TRAILING_STOP_LIMIT:
        facts["limit_offset"] = order.limit_offset * per_tick
    if order.activation_price is not None:
        facts["activation_price"] = order.activation_price.as_decimal()
    return facts


def order_report(
    order: VenueOrder, instrument_id: InstrumentId, account_id: AccountId, now: int
) -> OrderStatusReport:
    """Return how an order stands at the venue; it must have reached the venue's book."""
    kind = order_type_from_str(order.order_type)
    trigger = order.trigger_price if kind in _TRIGGERED else None
    trails = order.trailing_offset is not None
    return OrderStatusReport(
        account_id=account_id,
        instrument_id=instrument_id,
        venue_order_id=VenueOrderId(order.venue_order_id),
        client_order_id=ClientOrderId(order.client_order_id),
        order_list_id=OrderListId(order.list_id) if order.list_id else None,
        linked_order_ids=[ClientOrderId(name) for name in order.linked] or None,
        parent_order_id=ClientOrderId(order.parent) if order.parent else None,
        contingency_type=contingency_type_from_str(order.contingency or "NO_CONTINGENCY"),
        order_side=order_side_from_str(order.side),
        order_type=kind,
        time_in_force=time_in_force_from_str(order.time_in_force),
        expire_time=pd.Timestamp(order.expire_ns, tz="UTC") if order.expire_ns else None,
        order_status=_STATUSES[order.status],
        quantity=as_quantity(order.quantity),
        filled_qty=as_quantity(order.filled),
        price=as_price(order.limit_price),
        trigger_price=as_price(trigger),
        trigger_type=TriggerType.NO_TRIGGER if trigger is None else TriggerType.BID_ASK,
        trailing_offset=order.trailing_offset,
        limit_offset=order.limit_offset,
        trailing_offset_type=trailing_offset_type_from_str(order.trailing_offset_type)
        if trails
        else TrailingOffsetType.NO_TRAILING_OFFSET,
        avg_px=order.average_price,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        cancel_reason=order.reason or None,
        report_id=UUID4(),
        ts_accepted=order.ts_accepted,
        ts_triggered=order.ts_triggered if kind in RESTS_TRIGGERED else 0,
        ts_last=order.ts_last,
        ts_init=now,
    )


def fill_report(
    fill: VenueFill, instrument_id: InstrumentId, account_id: AccountId, now: int
) -> FillReport:
    """Return one execution as the venue has it."""
    return FillReport(
        account_id=account_id,
        instrument_id=instrument_id,
        venue_order_id=VenueOrderId(fill.venue_order_id),
        client_order_id=ClientOrderId(fill.client_order_id),
        trade_id=TradeId(fill.trade_id),
        order_side=order_side_from_str(fill.side),
        last_qty=as_quantity(fill.quantity),
        last_px=Price(fill.price, 2),
        commission=Money(fill.commission, USD),
        liquidity_side=liquidity(fill),
        report_id=UUID4(),
        ts_event=fill.ts,
        ts_init=now,
    )


def position_report(
    position: VenuePosition, instrument_id: InstrumentId, account_id: AccountId, now: int
) -> PositionStatusReport:
    """Return a net position as the venue has it."""
    held = position.quantity
    side = PositionSide.FLAT if not held else PositionSide.LONG if held > 0 else PositionSide.SHORT
    return PositionStatusReport(
        account_id=account_id,
        instrument_id=instrument_id,
        position_side=side,
        quantity=as_quantity(abs(held)),
        avg_px_open=position.average_price if held else None,
        report_id=UUID4(),
        ts_last=now,
        ts_init=now,
    )


def as_quantity(units: Decimal) -> Quantity:
    """Return whole units."""
    return Quantity(units, 0)


def as_price(price: Decimal | None) -> Price | None:
    """Return cents; None for no price."""
    return None if price is None else Price(price, 2)


def liquidity(fill: VenueFill) -> LiquiditySide:
    """Return whether the order rested."""
    return LiquiditySide.MAKER if fill.liquidity == "MAKER" else LiquiditySide.TAKER
