"""Orders to the paper venue and what it answers, as Nautilus sees them."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import Any

from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import (
    CancelAllOrders,
    CancelOrder,
    GenerateFillReports,
    GenerateOrderStatusReport,
    GenerateOrderStatusReports,
    GeneratePositionStatusReports,
    ModifyOrder,
    SubmitOrder,
    SubmitOrderList,
)
from nautilus_trader.execution.reports import (
    ExecutionMassStatus,
    FillReport,
    OrderStatusReport,
    PositionStatusReport,
)
from nautilus_trader.live.config import LiveExecClientConfig
from nautilus_trader.live.execution_client import LiveExecutionClient
from nautilus_trader.live.factories import LiveExecClientFactory
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import (
    AccountType,
    LiquiditySide,
    OmsType,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    TimeInForce,
)
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientId,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueOrderId,
)
from nautilus_trader.model.identifiers import Symbol as NautilusSymbol
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity

from nautilus_lab.exceptions import DeadlineExceeded, LabError, MessageError
from nautilus_lab.execution.paper import (
    Account,
    Fills,
    GetAccount,
    ListFills,
    ListOrders,
    ListPositions,
    NewOrder,
    Orders,
    PaperVenueClient,
    Positions,
    VenueEvent,
    VenueFill,
    VenueOrder,
)
from nautilus_lab.execution.paper import CancelOrder as CancelAtVenue
from nautilus_lab.trading.node._instruments import VENUE

log = logging.getLogger(__name__)

_SIDES = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
_TYPES = {"MARKET": OrderType.MARKET, "LIMIT": OrderType.LIMIT}
_STATUSES = {
    "ACCEPTED": OrderStatus.ACCEPTED,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
}


class PaperExecutionClient(LiveExecutionClient):
    """Sends market and limit orders to the paper venue and reports what became of them.

    An order whose submission got no answer stays SUBMITTED: it is never sent again by itself,
    and Nautilus' in-flight check asks the venue what became of it.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        venue: PaperVenueClient,
        account_id: str,
        msgbus: MessageBus,
        cache: Cache,
        clock: LiveClock,
        config: LiveExecClientConfig,
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(VENUE.value),
            venue=VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.CASH,
            base_currency=USD,
            instrument_provider=InstrumentProvider(),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            config=config,
        )
        self._paper = venue
        self._set_account_id(AccountId(account_id))

    async def _connect(self) -> None:
        self._paper.on_event = self._on_event
        await self._report_account()
        await self._await_account_registered()

    async def _disconnect(self) -> None:
        self._paper.on_event = lambda event: None

    # --- commands -------------------------------------------------------------------------

    async def _submit_order(self, command: SubmitOrder) -> None:
        await self._submit(command.order)

    async def _submit_order_list(self, command: SubmitOrderList) -> None:
        for order in command.order_list.orders:
            await self._submit(order)

    async def _submit(self, order: Any) -> None:
        kind = order.type_string()
        ids = (order.strategy_id, order.instrument_id, order.client_order_id)
        if kind not in _TYPES:
            self.generate_order_denied(
                *ids, f"the paper venue takes market and limit orders, not {kind}", self._now()
            )
            return
        self.generate_order_submitted(*ids, self._now())
        new = NewOrder(
            client_order_id=order.client_order_id.value,
            symbol=order.instrument_id.symbol.value,
            side="BUY" if order.side == OrderSide.BUY else "SELL",
            order_type=kind,
            quantity=order.quantity.as_decimal(),
            limit_price=order.price.as_decimal() if order.has_price else None,
        )
        try:
            await self._paper.request(new, Orders)
        except (DeadlineExceeded, MessageError):
            log.warning("no answer to order %s: its outcome is unknown", order.client_order_id)
        except LabError as error:
            self.generate_order_rejected(*ids, str(error), self._now())

    async def _cancel_order(self, command: CancelOrder) -> None:
        await self._cancel(command.strategy_id, command.instrument_id, command.client_order_id)

    async def _cancel_all_orders(self, command: CancelAllOrders) -> None:
        for order in self._cache.orders_open(instrument_id=command.instrument_id):
            if command.order_side in (OrderSide.NO_ORDER_SIDE, order.side):
                await self._cancel(order.strategy_id, order.instrument_id, order.client_order_id)

    async def _cancel(self, strategy_id: Any, instrument_id: Any, client_order_id: Any) -> None:
        try:
            await self._paper.request(CancelAtVenue(client_order_id=client_order_id.value), Orders)
        except LabError as error:
            self.generate_order_cancel_rejected(
                strategy_id,
                instrument_id,
                client_order_id,
                self._cache.venue_order_id(client_order_id),
                str(error),
                self._now(),
            )

    async def _modify_order(self, command: ModifyOrder) -> None:
        self.generate_order_modify_rejected(
            command.strategy_id,
            command.instrument_id,
            command.client_order_id,
            command.venue_order_id,
            "the paper venue does not change orders: cancel and send another",
            self._now(),
        )

    # --- what the venue says --------------------------------------------------------------

    def _on_event(self, event: VenueEvent) -> None:
        venue_order, fill = event.order, event.fill
        client_order_id = ClientOrderId(venue_order.client_order_id)
        order = self._cache.order(client_order_id)
        if order is None:
            log.warning("the venue reports an order this node did not send: %s", client_order_id)
            self._report_foreign(event)
            return
        ids = (order.strategy_id, order.instrument_id, client_order_id)
        venue_order_id = VenueOrderId(venue_order.venue_order_id)
        if fill is not None:
            self.generate_order_filled(
                *ids,
                venue_order_id,
                None,
                TradeId(fill.trade_id),
                _SIDES[fill.side],
                _TYPES[fill.order_type],
                Quantity.from_str(str(fill.quantity)),
                Price.from_str(f"{fill.price:.2f}"),
                USD,
                Money(fill.commission, USD),
                _liquidity(fill),
                fill.ts,
            )
            self.create_task(self._report_account())
        elif venue_order.status == "ACCEPTED":
            self.generate_order_accepted(*ids, venue_order_id, venue_order.ts_last)
        elif venue_order.status == "CANCELED":
            self.generate_order_canceled(*ids, venue_order_id, venue_order.ts_last)
        elif venue_order.status == "REJECTED":
            self.generate_order_rejected(*ids, venue_order.reason, venue_order.ts_last)

    def _report_foreign(self, event: VenueEvent) -> None:
        """Have Nautilus take in an order of an earlier life of this node, or of another hand."""
        if event.order.status == "REJECTED":
            return
        report = ExecutionMassStatus(
            client_id=self.id,
            account_id=self.account_id,
            venue=VENUE,
            report_id=UUID4(),
            ts_init=self._now(),
        )
        report.add_order_reports([self._order_report(event.order)])
        if event.fill is not None:
            report.add_fill_reports([self._fill_report(event.fill)])
        self._send_mass_status_report(report)

    async def _report_account(self) -> None:
        account = (await self._paper.request(GetAccount(), Account)).account
        cash = Money(account.cash, USD)
        self.generate_account_state(
            balances=[AccountBalance(cash, Money(0, USD), cash)],
            margins=[],
            reported=True,
            ts_event=self._now(),
        )

    # --- reconciliation -------------------------------------------------------------------

    async def generate_order_status_report(
        self, command: GenerateOrderStatusReport
    ) -> OrderStatusReport | None:
        """Return what the venue knows of one order; None when it never saw it."""
        for order in (await self._paper.request(ListOrders(), Orders)).orders:
            known = order.venue_order_id, order.client_order_id
            asked = command.venue_order_id, command.client_order_id
            if any(a is not None and a.value == k for a, k in zip(asked, known, strict=True)):
                return self._order_report(order)
        return None

    async def generate_order_status_reports(
        self, command: GenerateOrderStatusReports
    ) -> list[OrderStatusReport]:
        """Return every order the venue has, or only the working ones."""
        asked = ListOrders(working_only=command.open_only)
        orders = (await self._paper.request(asked, Orders)).orders
        return [
            self._order_report(order)
            for order in orders
            if _about(command, order.symbol) and order.status != "REJECTED"
        ]

    async def generate_fill_reports(self, command: GenerateFillReports) -> list[FillReport]:
        """Return every fill the venue has."""
        fills = (await self._paper.request(ListFills(), Fills)).fills
        return [self._fill_report(fill) for fill in fills if _about(command, fill.symbol)]

    async def generate_position_status_reports(
        self, command: GeneratePositionStatusReports
    ) -> list[PositionStatusReport]:
        """Return every position; a flat one is reported when it is asked for by name."""
        positions = (await self._paper.request(ListPositions(), Positions)).positions
        held = {p.symbol: p for p in positions if _about(command, p.symbol)}
        reports = [
            self._position_report(p.symbol, p.quantity, p.average_price) for p in held.values()
        ]
        if command.instrument_id is not None and not held:
            reports = [self._position_report(command.instrument_id.symbol.value, Decimal(0), None)]
        return reports

    def _order_report(self, order: VenueOrder) -> OrderStatusReport:
        return OrderStatusReport(
            account_id=self.account_id,
            instrument_id=_instrument_id(order.symbol),
            venue_order_id=VenueOrderId(order.venue_order_id),
            client_order_id=ClientOrderId(order.client_order_id),
            order_side=_SIDES[order.side],
            order_type=_TYPES[order.order_type],
            time_in_force=TimeInForce.GTC,
            order_status=_STATUSES[order.status],
            quantity=Quantity.from_str(str(order.quantity)),
            filled_qty=Quantity.from_str(str(order.filled)),
            price=None if order.limit_price is None else Price.from_str(f"{order.limit_price:.2f}"),
            avg_px=order.average_price,
            report_id=UUID4(),
            ts_accepted=order.ts_accepted,
            ts_last=order.ts_last,
            ts_init=self._now(),
        )

    def _fill_report(self, fill: VenueFill) -> FillReport:
        return FillReport(
            account_id=self.account_id,
            instrument_id=_instrument_id(fill.symbol),
            venue_order_id=VenueOrderId(fill.venue_order_id),
            client_order_id=ClientOrderId(fill.client_order_id),
            trade_id=TradeId(fill.trade_id),
            order_side=_SIDES[fill.side],
            last_qty=Quantity.from_str(str(fill.quantity)),
            last_px=Price.from_str(f"{fill.price:.2f}"),
            commission=Money(fill.commission, USD),
            liquidity_side=_liquidity(fill),
            report_id=UUID4(),
            ts_event=fill.ts,
            ts_init=self._now(),
        )

    def _position_report(
        self, symbol: str, quantity: Decimal, average_price: Decimal | None
    ) -> PositionStatusReport:
        return PositionStatusReport(
            account_id=self.account_id,
            instrument_id=_instrument_id(symbol),
            position_side=PositionSide.LONG if quantity > 0 else PositionSide.FLAT,
            quantity=Quantity.from_str(str(quantity)),
            avg_px_open=average_price,
            report_id=UUID4(),
            ts_last=self._now(),
            ts_init=self._now(),
        )

    def _now(self) -> int:
        return int(self._clock.timestamp_ns())


def execution_factory(venue: PaperVenueClient, account_id: str) -> type[LiveExecClientFactory]:
    """Return a factory that makes the client of this `venue`."""

    class PaperExecutionClientFactory(LiveExecClientFactory):
        @staticmethod
        def create(
            loop: asyncio.AbstractEventLoop,
            name: str,
            config: LiveExecClientConfig,
            msgbus: MessageBus,
            cache: Cache,
            clock: LiveClock,
        ) -> PaperExecutionClient:
            return PaperExecutionClient(
                loop=loop,
                venue=venue,
                account_id=account_id,
                msgbus=msgbus,
                cache=cache,
                clock=clock,
                config=config,
            )

    return PaperExecutionClientFactory


def _about(command: Any, symbol: str) -> bool:
    return command.instrument_id is None or command.instrument_id.symbol.value == symbol


def _instrument_id(symbol: str) -> InstrumentId:
    return InstrumentId(NautilusSymbol(symbol), VENUE)


def _liquidity(fill: VenueFill) -> LiquiditySide:
    return LiquiditySide.MAKER if fill.liquidity == "MAKER" else LiquiditySide.TAKER
