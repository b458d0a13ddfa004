"""Cancelling orders without their strategy."""

from __future__ import annotations

from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import CancelOrder
from nautilus_trader.model.enums import TriggerType
from nautilus_trader.model.orders import Order


def send_cancel(kernel: Any, order: Order) -> None:
    """Send a cancel to whoever has the order: the venue, the emulator, or its algorithm."""
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
        ),
    )
