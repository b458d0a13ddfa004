"""A venue that does anything it likes, at any time, and a guard that counts."""

from __future__ import annotations

from decimal import Decimal

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import CancelOrder, SubmitOrder
from nautilus_trader.model.enums import LiquiditySide
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderCancelRejected,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
)
from nautilus_trader.model.identifiers import ClientOrderId, TradeId, VenueOrderId
from nautilus_trader.model.objects import Currency, Money, Quantity

USD = Currency.from_str("USD")


class Unruly:
    """Stands where the gate and the venues would, and answers as `draw` has it.

    Parameters
    ----------
    kernel : NautilusKernel
        Of a backtest engine.
    draw : callable
        Takes a list and returns one of it.
    """

    def __init__(self, kernel, draw):
        self.kernel = kernel
        self.draw = draw
        self.cache = kernel.cache
        self.orders = []  # as they came
        self.excesses = []  # each time more was under way than was asked for
        self.cancels = {}  # client order id -> how often it was to be cancelled
        self.numbers = 0
        bus = kernel.msgbus
        for endpoint, engine in (
            ("RiskEngine.execute", kernel.risk_engine),
            ("ExecEngine.execute", kernel.exec_engine),
        ):
            bus.deregister(endpoint, engine.execute)
            bus.register(endpoint, self.execute)
        bus.subscribe("events.order.*", self.count, priority=30)

    # --- the guard ------------------------------------------------------------------------

    def count(self, event):
        families = {}
        for order in self.orders:
            (parent,) = [tag[7:] for tag in order.tags if tag.startswith("parent:")]
            filled = order.filled_qty.as_decimal()
            units = filled if order.is_closed else max(filled, order.quantity.as_decimal())
            families[parent] = families.get(parent, Decimal(0)) + units
        for parent, under_way in families.items():
            asked = self.cache.order(ClientOrderId(parent)).quantity.as_decimal()
            if under_way > asked:
                self.excesses.append(f"{under_way} of {asked}")

    # --- the venue ------------------------------------------------------------------------

    def execute(self, command):
        if isinstance(command, SubmitOrder):
            self.orders.append(command.order)
            self.count(None)
            self.take(command.order)
        elif isinstance(command, CancelOrder):
            self.cancel(self.cache.order(command.client_order_id))

    def take(self, order):
        answer = self.draw(["deny", "reject", "fill", "part", "accept", "silent", "silent"])
        if answer == "deny":
            self.tell(OrderDenied, order, "the gate says no", UUID4(), self.now)
            return
        self.submitted(order)
        if answer == "reject":
            self.reject(order)
        elif answer != "silent":
            self.accept(order)
            if answer == "fill":
                self.fill(order, order.quantity)
            elif answer == "part":
                self.some(order)

    def cancel(self, order):
        name = order.client_order_id.value
        self.cancels[name] = self.cancels.get(name, 0) + 1
        if order.is_closed:
            return
        answer = self.draw(["cancel", "cancel", "refuse", "fill first", "silent"])
        if answer == "fill first" and not order.is_closed:
            self.some(order)
        if answer == "refuse":
            self.tell(
                OrderCancelRejected,
                order,
                order.venue_order_id,
                order.account_id,
                "not now",
                UUID4(),
                self.now,
                self.now,
            )
        elif answer != "silent" and not order.is_closed:
            self.cancelled(order)

    def tick(self):
        """Let something happen to what is open."""
        for order in list(self.orders):
            if order.is_closed or order.is_active_local:
                continue
            answer = self.draw(["nothing", "fill", "part", "cancel", "expire", "reject", "accept"])
            submitted = order.status_string() == "SUBMITTED"
            if answer == "fill":
                self.fill(order, order.leaves_qty)
            elif answer == "part":
                self.some(order)
            elif answer == "cancel":
                self.cancelled(order)
            elif answer == "expire" and order.status_string() in ("ACCEPTED", "PARTIALLY_FILLED"):
                self.tell(
                    OrderExpired,
                    order,
                    order.venue_order_id,
                    order.account_id,
                    UUID4(),
                    self.now,
                    self.now,
                )
            elif answer == "reject" and submitted:
                self.reject(order)
            elif answer == "accept" and submitted:
                self.accept(order)

    def settle(self):
        """Cancel all that is open, and what is sent in its place."""
        for _ in range(20):
            for order in list(self.orders):
                if not order.is_closed:
                    self.cancelled(order)

    # --- events ---------------------------------------------------------------------------

    @property
    def now(self):
        return self.kernel.clock.timestamp_ns()

    def account(self, order):
        return self.cache.account_for_venue(order.instrument_id.venue).id

    def submitted(self, order):
        self.tell(OrderSubmitted, order, self.account(order), UUID4(), self.now, self.now)

    def reject(self, order):
        self.tell(OrderRejected, order, self.account(order), "no", UUID4(), self.now, self.now)

    def accept(self, order):
        self.numbers += 1
        self.tell(
            OrderAccepted,
            order,
            VenueOrderId(f"V-{self.numbers}"),
            self.account(order),
            UUID4(),
            self.now,
            self.now,
        )

    def cancelled(self, order):
        self.tell(
            OrderCanceled,
            order,
            order.venue_order_id,
            order.account_id,
            UUID4(),
            self.now,
            self.now,
        )

    def some(self, order):
        left = int(order.leaves_qty)
        if left:
            self.fill(order, Quantity.from_int(self.draw([1, max(1, left // 2), left])))

    def fill(self, order, quantity):
        self.numbers += 1
        instrument = self.cache.instrument(order.instrument_id)
        quote = self.cache.quote_tick(order.instrument_id)
        fill = OrderFilled(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            order.venue_order_id or VenueOrderId(f"V-{self.numbers}"),
            self.account(order),
            TradeId(f"T-{self.numbers}"),
            None,
            order.side,
            order.order_type,
            quantity,
            quote.ask_price,
            USD,
            Money(0, USD),
            LiquiditySide.TAKER,
            UUID4(),
            self.now,
            self.now,
        )
        assert instrument is not None
        self.kernel.msgbus.send("ExecEngine.process", fill)

    def tell(self, kind, order, *facts):
        self.kernel.msgbus.send(
            "ExecEngine.process",
            kind(
                order.trader_id,
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                *facts,
            ),
        )
