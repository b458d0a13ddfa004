"""TWAP: Nautilus' own, on the node's thread and with nothing lost."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from nautilus_trader.common.events import TimeEvent
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.model.enums import time_in_force_to_str
from nautilus_trader.model.events import OrderEvent
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Quantity
from nautilus_trader.model.orders import MarketOrder, Order, OrderList

from nautilus_lab.exceptions import InputError, LabError
from nautilus_lab.execution.algorithms._ends import cancel_held, deny
from nautilus_lab.execution.algorithms._parameters import Parameters
from nautilus_lab.execution.algorithms._worked import HandOver
from nautilus_lab.platform.commands import SubmitOrder

_DAY_SECS = 86_400.0
_MOST_SLICES = 10_000
_TIMES = frozenset({"GTC", "DAY", "IOC"})


class Twap(TWAPExecAlgorithm):
    """Nautilus' TWAP: equal slices of a MARKET order at an interval, the first at once.

    ================  ==============================================================  ===========
    parameter         meaning                                                         default
    ================  ==============================================================  ===========
    horizon_secs      the whole time, at most a day                                   must be given
    interval_secs     from slice to slice                                             must be given
    ================  ==============================================================  ===========

    Slices and their times are Nautilus'; the parent is the last of them. What is added: its timer
    is handed over to the node's thread; an order it cannot work is denied where it only logs; what
    a slice did not fill goes back to the parent, and so into the last slice, which waits for
    those before it.

    Parameters
    ----------
    hand_over : callable, optional
        See `WorkedOrders`.
    """

    def __init__(self, hand_over: HandOver | None = None) -> None:
        super().__init__()
        self._hand_over = hand_over

    def require(self, asked: SubmitOrder) -> None:
        """Require an order that the algorithm can work.

        Raises
        ------
        InputError
            When it is no MARKET order, or a parameter is none that it takes.
        """
        self._require(asked.order_type, asked.time_in_force, asked.parameters)
        instrument = self.cache.instrument(InstrumentId.from_str(asked.instrument))
        if instrument is not None:
            self._require_slices(asked.parameters, asked.quantity, instrument)

    def on_start(self) -> None:
        """Follow all order events; Nautilus' own subscription comes after the first order."""
        self._thread = threading.get_ident()
        self.msgbus.subscribe("events.order.*", self._hear)

    def on_stop(self) -> None:
        """End every parent that waits, and what it has at venues."""
        self.msgbus.unsubscribe("events.order.*", self._hear)
        for name in list(self._scheduled_sizes):
            self._cancel_slices(name)
            cancel_held(self, self.cache.order(name))
        self._scheduled_sizes.clear()
        super().on_stop()

    def on_order(self, order: Order) -> None:
        """Begin to work a parent, or deny it with the reason."""
        if self._is_elsewhere(self.on_order, order):
            return
        given, instrument = (
            order.exec_algorithm_params or {},
            self.cache.instrument(order.instrument_id),
        )
        try:
            lasts = time_in_force_to_str(order.time_in_force)
            self._require(order.type_string(), lasts, given)
            self._require_slices(given, order.quantity.as_decimal(), instrument)
        except LabError as error:
            deny(self, order, str(error))
            return
        super().on_order(order)

    def on_order_list(self, order_list: OrderList) -> None:
        """Deny all orders of a list: its links cannot be kept over slices."""
        for order in order_list.orders:
            deny(self, order, "TWAP works single orders, and no list of them")

    def on_time_event(self, event: TimeEvent) -> None:
        """Take a live timer's call to the node's thread."""
        if self._hand_over is None:
            self._slice(event)
        else:
            self._hand_over(self._slice, event)

    def spawn_market(self, primary: Order, quantity: Quantity, **facts: Any) -> MarketOrder:
        """Make a slice, and the parent smaller by it; `_hear` makes it larger again."""
        spawned = super().spawn_market(primary, quantity, **facts, reduce_primary=False)
        self._resize(primary, -quantity.as_decimal())
        return spawned

    def _slice(self, event: TimeEvent) -> None:
        name = ClientOrderId(event.name)
        sizes = self._scheduled_sizes.get(name)
        if sizes is None:
            return  # it has ended between two threads
        if len(sizes) == 1 and self._open_slices(name) and not self.cache.order(name).is_closed:
            return  # what those do not fill is the last one's; the timer comes again
        super().on_time_event(event)

    def _hear(self, event: OrderEvent) -> None:
        if self._is_elsewhere(self._hear, event):
            return
        order = self.cache.order(event.client_order_id)
        if order is None or order.exec_algorithm_id != self.id or not order.is_closed:
            return
        if order.client_order_id in self._scheduled_sizes:
            self._cancel_slices(order.client_order_id)
            self.complete_sequence(order.client_order_id)
        elif order.is_spawned and (left := order.leaves_qty.as_decimal()):
            parent = self.cache.order(order.exec_spawn_id)
            if parent is not None and parent.is_active_local:
                self._resize(parent, left)

    def _resize(self, parent: Order, change: Decimal) -> None:
        units = parent.quantity.as_decimal() + change
        self.modify_order_in_place(parent, quantity=Quantity(units, parent.quantity.precision))

    def _open_slices(self, parent: ClientOrderId) -> list[Order]:
        family = self.cache.orders_for_exec_spawn(parent)
        return [o for o in family if o.client_order_id != parent and not o.is_closed]

    def _cancel_slices(self, parent: ClientOrderId) -> None:
        for child in self._open_slices(parent):
            if not child.is_pending_cancel:
                self.cancel_order(child)

    def _is_elsewhere(self, call: Callable[[Any], None], argument: Any) -> bool:
        if self._hand_over is None or threading.get_ident() == self._thread:
            return False
        self._hand_over(call, argument)
        return True

    def _require(self, kind: str, lasts: str, given: Mapping[str, Any]) -> None:
        if kind != "MARKET" or lasts not in _TIMES:
            raise InputError(
                f"TWAP works MARKET orders that last {', '.join(sorted(_TIMES))}",
                value=f"{kind} {lasts}",
                remedy="for an order with a limit choose VWAP",
            )
        told = Parameters("TWAP", given, ("horizon_secs", "interval_secs"))
        horizon = told.number("horizon_secs", most=_DAY_SECS)
        told.number("interval_secs", over=horizon / (_MOST_SLICES + 1), most=horizon)

    def _require_slices(
        self, given: Mapping[str, Any], quantity: Decimal, instrument: Instrument
    ) -> None:
        # Nautilus sends all of it at once when a slice would be less than a lot.
        count = math.floor(given["horizon_secs"] / given["interval_secs"])
        if not quantity / count >= instrument.size_increment.as_decimal():
            raise InputError(
                "TWAP needs a lot at least for each slice",
                value=f"{quantity} in {count} slices",
                remedy="choose a longer interval_secs",
            )
