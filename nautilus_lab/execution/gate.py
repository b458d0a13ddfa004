"""The gate: the one door every order passes on its way to a venue."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import (
    ModifyOrder,
    SubmitOrder,
    SubmitOrderList,
)
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.events import OrderDenied, OrderModifyRejected
from nautilus_trader.model.orders import Order

from nautilus_lab.execution._journal import Intent, Journal, Verdict
from nautilus_lab.risk import LimitCheck, NotionalLimit

log = logging.getLogger(__name__)

_REMEMBERED = 10_000


class Gate:
    """Checks an order against the limit, journals the intent, and only then lets it go.

    It stands on both endpoints of Nautilus' message bus that lead to a venue,
    ``RiskEngine.execute`` and ``ExecEngine.execute``: an emulated order that is released takes
    the second alone. A normal order crosses both; the second crossing of the same command is
    recognised and passes. Cancels pass unseen: they only reduce.

    It fails closed: a check or a journal that raises denies the order, and so does an order
    that cannot be valued because its instrument has no quote yet. A limit order to buy is valued at
    its limit, any other at the market or its limit, whichever is more.

    Parameters
    ----------
    kernel : NautilusKernel
        The kernel of a node or of a backtest engine, before it starts.
    limit : NotionalLimit
        The largest notional one order may have, in account currency.
    journal : Journal
        Where intents are written before orders leave.
    hand_over : callable, optional
        Takes a function and its arguments and calls it where the journal may be written; it is
        given what arrives on another thread than the gate was installed on, as from a live timer.
    on_checked : callable, optional
        Called with each check that passed.
    on_denied : callable, optional
        Called with the order, the check (None when it never came to one) and the reason.
    """

    def __init__(
        self,
        kernel: Any,
        *,
        limit: NotionalLimit,
        journal: Journal,
        hand_over: Callable[..., object] | None = None,
        on_checked: Callable[[LimitCheck], None] = lambda check: None,
        on_denied: Callable[[Order, LimitCheck | None, str], None] = lambda *_: None,
    ) -> None:
        self.limit = limit
        self._kernel = kernel
        self._journal = journal
        self._hand_over = hand_over
        self._on_checked = on_checked
        self._on_denied = on_denied
        self._passed: OrderedDict[tuple[str, str], None] = OrderedDict()

    def install(self) -> None:
        """Stand on the endpoints; call once, before the kernel starts."""
        self._thread = threading.get_ident()
        bus = self._kernel.msgbus
        for endpoint, engine in (
            ("RiskEngine.execute", self._kernel.risk_engine),
            ("ExecEngine.execute", self._kernel.exec_engine),
        ):
            forward = engine.execute
            bus.deregister(endpoint, forward)
            bus.register(endpoint, lambda command, forward=forward: self._cross(command, forward))

    def _cross(self, command: Any, forward: Callable[[Any], None]) -> None:
        if not isinstance(command, SubmitOrder | SubmitOrderList | ModifyOrder):
            forward(command)
            return
        if self._hand_over is not None and threading.get_ident() != self._thread:
            self._hand_over(self._cross, command, forward)
            return
        orders = self._orders_of(command)
        keys = [(order.client_order_id.value, command.id.value) for order in orders]
        if all(key in self._passed for key in keys):
            forward(command)
            return
        if reason := self._refusal(orders, command):
            self._deny_all(orders, command, reason)
            return
        for key in keys:
            self._passed[key] = None
        while len(self._passed) > _REMEMBERED:
            self._passed.popitem(last=False)
        forward(command)

    def _orders_of(self, command: Any) -> list[Order]:
        if isinstance(command, SubmitOrder):
            return [command.order]
        if isinstance(command, SubmitOrderList):
            return list(command.order_list.orders)
        order = self._kernel.cache.order(command.client_order_id)
        return [order] if order is not None else []

    def _refusal(self, orders: list[Order], command: Any) -> str:
        """Check and journal one decision; returns why it may not pass, or nothing."""
        over: LimitCheck | None = None
        try:
            notionals = [self._notional(order, command) for order in orders]
            checks = [self.limit.check(notional) for notional in notionals]
            over = next((check for check in checks if not check.passed), None)
            reason = _over(over) if over is not None else ""
            self._journal.write(
                [
                    _intent(order, command, notional, reason)
                    for order, notional in zip(orders, notionals, strict=True)
                ]
            )
        except Exception as error:
            log.exception("the gate could not decide on %s", command.id)
            reason = f"GATE_FAILED: {error}"
            checks = []
        for order in orders if reason else ():
            self._say_denied(order, over, reason)
        for check in () if reason else checks:
            self._on_checked(check)
        return reason

    def _say_denied(self, order: Order, check: LimitCheck | None, reason: str) -> None:
        try:
            self._on_denied(order, check, reason)
        except Exception:
            # The store that cannot journal cannot tell either; the order is denied all the same.
            log.exception("nobody could be told that %s was denied", order.client_order_id)

    def _notional(self, order: Order, command: Any) -> float:
        changed = command if isinstance(command, ModifyOrder) else None
        quantity = (changed and changed.quantity) or order.quantity
        limit = (changed and changed.price) or (order.price if order.has_price else None)
        if order.side == OrderSide.BUY and limit is not None:
            return abs(float(quantity) * float(limit))  # what it pays at most
        quote = self._kernel.cache.quote_tick(order.instrument_id)
        if quote is None:
            raise ValueError(f"no quote values {order.instrument_id}")
        price = float(quote.ask_price if order.side == OrderSide.BUY else quote.bid_price)
        # A sale far below the market trades at the market: its limit must not make it look small.
        return abs(float(quantity) * max(price, float(limit or 0.0)))

    def _deny_all(self, orders: list[Order], command: Any, reason: str) -> None:
        # A list is one decision: what belongs together is denied together.
        for order in orders:
            if isinstance(command, ModifyOrder):
                self._reject_change(order, reason)
            elif order.status in (OrderStatus.INITIALIZED, OrderStatus.RELEASED):
                self._deny(order, reason)

    def _deny(self, order: Order, reason: str) -> None:
        kernel = self._kernel
        if not kernel.cache.order_exists(order.client_order_id):
            kernel.cache.add_order(order)
        denied = OrderDenied(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            reason,
            UUID4(),
            kernel.clock.timestamp_ns(),
        )
        kernel.msgbus.send("ExecEngine.process", denied)

    def _reject_change(self, order: Order, reason: str) -> None:
        now = self._kernel.clock.timestamp_ns()
        rejected = OrderModifyRejected(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            order.venue_order_id,
            order.account_id,
            reason,
            UUID4(),
            now,
            now,
        )
        self._kernel.msgbus.send("ExecEngine.process", rejected)


def _over(check: LimitCheck) -> str:
    return f"MAX_ORDER_NOTIONAL: {check.value:.2f} is over the limit of {check.limit:.2f}"


def _intent(order: Order, command: Any, notional: float, reason: str) -> Intent:
    verdict: Verdict = "denied" if reason else "forwarded"
    return Intent(
        client_order_id=order.client_order_id.value,
        command="modify" if isinstance(command, ModifyOrder) else "submit",
        verdict=verdict,
        reason=reason,
        body={
            "strategy": order.strategy_id.value,
            "instrument": order.instrument_id.value,
            "side": "BUY" if order.side == OrderSide.BUY else "SELL",
            "order_type": order.type_string(),
            "quantity": str(order.quantity),
            "limit_price": str(order.price) if order.has_price else "",
            "notional": f"{notional:.2f}",
        },
    )
