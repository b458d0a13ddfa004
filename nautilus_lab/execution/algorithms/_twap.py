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
from nautilus_trader.model.events import OrderEvent, OrderSubmitted
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Quantity
from nautilus_trader.model.orders import Order, OrderList

from nautilus_lab.exceptions import InputError, LabError
from nautilus_lab.execution.algorithms._children import make_child, send_child
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
        self._slices: dict[ClientOrderId, list[ClientOrderId]] = {}  # parent -> its slices
        self._parents: dict[ClientOrderId, ClientOrderId] = {}  # slice -> its parent

    def require(self, asked: SubmitOrder) -> None:
        """Require an order that the algorithm can work.

        Raises
        ------
        InputError
            When it is no MARKET order, or a parameter is none that it takes.
        """
        self._require(asked.order_type, asked.time_in_force, asked.parameters)
        try:
            instrument = self.cache.instrument(InstrumentId.from_str(asked.instrument))
        except ValueError:
            instrument = None
        self._require_slices(asked.parameters, asked.quantity, asked.instrument, instrument)

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
        given = order.exec_algorithm_params or {}
        instrument_id, units = order.instrument_id, order.quantity.as_decimal()
        try:
            lasts = time_in_force_to_str(order.time_in_force)
            self._require(order.type_string(), lasts, given)
            instrument = self.cache.instrument(instrument_id)
            self._require_slices(given, units, instrument_id.value, instrument)
        except LabError as error:
            deny(self, order, str(error))
            return
        super().on_order(order)

    def on_reset(self) -> None:
        """Forget all parents."""
        super().on_reset()
        self._slices.clear()
        self._parents.clear()

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

    def spawn_market(self, primary: Order, quantity: Quantity, **facts: Any) -> Order:
        """Make a slice, and the parent smaller by it; `_hear` makes it larger again."""
        slices = self._slices.setdefault(primary.client_order_id, [])
        spawned = make_child(
            primary,
            len(slices) + 1,
            self.cache.instrument(primary.instrument_id),
            quantity.as_decimal(),
            limit_price=None,
            time_in_force=primary.time_in_force,
            now_ns=self.clock.timestamp_ns(),
        )
        slices.append(spawned.client_order_id)
        self._parents[spawned.client_order_id] = primary.client_order_id
        self._resize(primary, -quantity.as_decimal())
        return spawned

    def submit_order(self, order: Order) -> None:
        """Send a slice, or the parent as the last of them."""
        if order.client_order_id in self._parents:
            send_child(self, order)
        else:
            super().submit_order(order)

    def complete_sequence(self, exec_spawn_id: ClientOrderId) -> None:
        """Forget a schedule that is over; what is still open of it is heard of all the same."""
        super().complete_sequence(exec_spawn_id)
        if not self._open_slices(exec_spawn_id):
            self._forget(exec_spawn_id)

    def _slice(self, event: TimeEvent) -> None:
        name = ClientOrderId(event.name)
        sizes = self._scheduled_sizes.get(name)
        if sizes is None:
            return  # it has ended between two threads
        if len(sizes) == 1 and self._open_slices(name) and not self.cache.order(name).is_closed:
            return  # what those do not fill is the last one's; the timer comes again
        super().on_time_event(event)

    def _hear(self, event: OrderEvent) -> None:
        if not self._slices or self._is_elsewhere(self._hear, event):
            return
        name = event.client_order_id
        order = self.cache.order(name)
        if name in self._slices and order.is_closed:
            self._cancel_slices(name)
            self.complete_sequence(name)
        elif (parent_name := self._parents.get(name)) is not None:
            parent = self.cache.order(parent_name)
            if order.is_closed:
                self._note_end(order, parent)
            elif parent.is_closed and isinstance(event, OrderSubmitted):
                self._cancel_slices(parent_name)  # it was on its way when its parent ended

    def _note_end(self, child: Order, parent: Order) -> None:
        left = child.leaves_qty.as_decimal()
        if left and parent.is_active_local:
            self._resize(parent, left)
        if parent.is_closed and not self._open_slices(parent.client_order_id):
            self._forget(parent.client_order_id)

    def _forget(self, parent: ClientOrderId) -> None:
        if parent not in self._scheduled_sizes:
            for name in self._slices.pop(parent, ()):
                del self._parents[name]

    def _resize(self, parent: Order, change: Decimal) -> None:
        units = parent.quantity.as_decimal() + change
        self.modify_order_in_place(parent, quantity=Quantity(units, parent.quantity.precision))

    def _open_slices(self, parent: ClientOrderId) -> list[Order]:
        orders = [self.cache.order(name) for name in self._slices.get(parent, ())]
        # One that is not in the cache is on its way there.
        return [order for order in orders if order is not None and not order.is_closed]

    def _cancel_slices(self, parent: ClientOrderId) -> None:
        for child in self._open_slices(parent):
            # A cancel would overtake one that has not left yet.
            if not (child.is_pending_cancel or child.is_active_local):
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
        self,
        given: Mapping[str, Any],
        quantity: Decimal,
        name: str,
        instrument: Instrument | None,
    ) -> None:
        if instrument is None:
            raise InputError("an instrument must be one that can be traded here", value=name)
        # Nautilus sends all of it at once when a slice would be less than a lot.
        count = math.floor(given["horizon_secs"] / given["interval_secs"])
        if not quantity / count >= instrument.size_increment.as_decimal():
            raise InputError(
                "TWAP needs a lot at least for each slice",
                value=f"{quantity} in {count} slices",
                remedy="choose a longer interval_secs",
            )
