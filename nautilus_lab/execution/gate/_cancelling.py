"""Cancelling orders without their strategy."""

from __future__ import annotations

from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import CancelAllOrders, CancelOrder
from nautilus_trader.model.enums import OrderSide, TriggerType
from nautilus_trader.model.orders import Order


def send_cancel(kernel: Any, order: Order, *, by: str = "node") -> None:
    """Send a cancel to whoever has the order: the venue, the emulator, or its algorithm.

    The audit trail has it as of `by`, not as of the strategy whose order it is.
    """
    endpoint = "ExecEngine"
    if order.is_emulated or order.emulation_trigger != TriggerType.NO_TRIGGER:
        endpoint = "OrderEmulator"
    elif order.exec_algorithm_id is not None and order.is_active_local:
        endpoint = order.exec_algorithm_id.value
    kernel.msgbus.send(
        f"{endpoint}.execute",
        CancelOrder(
            trader_id=order.trader_id,
            strategy_id=order.strategy_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            command_id=UUID4(),
            ts_init=kernel.clock.timestamp_ns(),
            params={"by": by},
        ),
    )


def send_cancel_all(kernel: Any, order: Order) -> None:
    """Send one cancel for all that the order's strategy has at the venue in its instrument."""
    kernel.msgbus.send(
        "ExecEngine.execute",
        CancelAllOrders(
            trader_id=order.trader_id,
            strategy_id=order.strategy_id,
            instrument_id=order.instrument_id,
            order_side=OrderSide.NO_ORDER_SIDE,
            command_id=UUID4(),
            ts_init=kernel.clock.timestamp_ns(),
        ),
    )
