"""Orders to a paper venue and what it answers, as Nautilus sees them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import (
    BatchCancelOrders,
    CancelAllOrders,
    CancelOrder,
    GenerateFillReports,
    GenerateOrderStatusReport,
    GenerateOrderStatusReports,
    GeneratePositionStatusReports,
    ModifyOrder,
    QueryAccount,
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
    OmsType,
    OrderSide,
    OrderStatus,
    OrderType,
    order_side_from_str,
)
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientId,
    ClientOrderId,
    InstrumentId,
    TradeId,
    Venue,
    VenueOrderId,
)
from nautilus_trader.model.objects import AccountBalance, MarginBalance, Money, Price
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import DeadlineExceeded, LabError, MessageError
from nautilus_lab.execution.paper import (
    Account,
    CancelAll,
    CancelOrders,
    Fills,
    GetAccount,
    Hello,
    ListFills,
    ListOrders,
    ListPositions,
    NewOrderList,
    Orders,
    PaperVenueClient,
    Positions,
    VenueAccount,
    VenueEvent,
    VenueOrder,
    VenuePosition,
    Welcome,
)
from nautilus_lab.execution.paper import CancelOrder as CancelAtVenue
from nautilus_lab.execution.paper import ModifyOrder as ModifyAtVenue
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.trading.node._closing_out import close_out_order, is_close_out, who_is_closed
from nautilus_lab.trading.node._history import History
from nautilus_lab.trading.node._instruments import instrument_id
from nautilus_lab.trading.node._orders_told import trails
from nautilus_lab.trading.node._paper_orders import (
    RESTS_TRIGGERED,
    as_price,
    as_quantity,
    fill_report,
    liquidity,
    new_order,
    order_report,
    position_report,
)

log = logging.getLogger(__name__)

# What the venue said may still be on its way to Nautilus for this long.
_SETTLED_NS = 3_000_000_000
# The venue takes nothing that is older; what it does not have after that never reached it.
_NEVER_ARRIVES_NS = 8_000_000_000
_SNAPSHOTS = 20
_NONE = Decimal(0)
_APPLIED_S = 5.0  # how long Nautilus may take to apply an event
# How often it is told where the trigger of an order that trails stands.
_TRAILS_EVERY_S = 1.0
_ACCOUNT_AGAIN_S = 1.0
_PENDING = (OrderStatus.PENDING_UPDATE, OrderStatus.PENDING_CANCEL)
# what it takes for a request to be done, or perhaps done
_NO_ANSWER = (DeadlineExceeded, MessageError)


def account_id_of(venue: str) -> AccountId:
    """Return the id of the account at `venue`."""
    return AccountId(f"{venue}-1")


class PaperExecutionClient(LiveExecutionClient):
    """Sends orders of every type to a paper venue and reports what became of them.

    What gets no answer stays as it was: nothing is ever sent again by itself. `catch_up` asks the
    venue what became of it, and only what the venue itself says ends it. Nautilus' own in-flight
    and open-order checks are off for that reason: they take a venue that does not answer for
    one that does not have the order, and reject it.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        name: str,
        paper: PaperVenueClient,
        lends: bool,
        history: History,
        on_closed_out: Callable[[str, VenueOrder], None] = lambda venue, told: None,
        msgbus: MessageBus,
        cache: Cache,
        clock: LiveClock,
        config: LiveExecClientConfig,
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(name),
            venue=Venue(name),
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN if lends else AccountType.CASH,
            base_currency=USD,
            instrument_provider=InstrumentProvider(),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            config=config,
        )
        self._name = name
        self._paper = paper
        self._history = history
        self._on_closed_out = on_closed_out
        self._set_account_id(account_id_of(name))
        self._account_asked = False
        self._trailing: set[ClientOrderId] = set()  # whose trigger was told of a moment ago
        self._moved: dict[ClientOrderId, VenueOrder] = {}  # and where it went since
        self._changing: dict[ClientOrderId, ModifyAtVenue] = {}  # what was asked of the venue

    async def _connect(self) -> None:
        await self._report_account()
        await self._await_account_registered()
        # Not before: Nautilus makes no position of a fill whose account it does not know yet.
        # What happened until now is in the book that reconciliation reads.
        self._paper.on_event = self._on_event

    async def _disconnect(self) -> None:
        self._paper.on_event = lambda event: None

    # --- commands -------------------------------------------------------------------------

    async def _submit_order(self, command: SubmitOrder) -> None:
        await self._submit([command.order])

    async def _submit_order_list(self, command: SubmitOrderList) -> None:
        await self._submit(command.order_list.orders)

    async def _submit(self, orders: Sequence[Order]) -> None:
        try:
            new = [new_order(order) for order in orders]
        except ValueError as error:
            for order in orders:
                self.generate_order_denied(*_ids(order), str(error), self._now())
            return
        for order in orders:
            self.generate_order_submitted(*_ids(order), self._now())
        reach("client.before_send")
        try:
            await self._paper.request(new[0] if len(new) == 1 else NewOrderList(orders=new), Orders)
        except _NO_ANSWER:
            log.warning("no answer to order %s: its outcome is unknown", orders[0].client_order_id)
        except LabError as error:
            for order in orders:
                self.generate_order_rejected(*_ids(order), str(error), self._now())
        reach("client.after_send")

    async def _modify_order(self, command: ModifyOrder) -> None:
        order = self._cache.order(command.client_order_id)
        change = ModifyAtVenue(
            client_order_id=command.client_order_id.value,
            quantity=None if command.quantity is None else command.quantity.as_decimal(),
            limit_price=None if command.price is None else command.price.as_decimal(),
            trigger_price=None
            if command.trigger_price is None
            else command.trigger_price.as_decimal(),
        )
        try:
            if order is not None and _is_so_already(order, command):
                return self._reject_change(order, "the order is so already")
            self._changing[command.client_order_id] = change
            await self._paper.request(change, Orders)
        except _NO_ANSWER:
            log.warning("no answer to a change of %s: it is unknown", change.client_order_id)
        except LabError as error:
            if order is not None:
                self._reject_change(order, str(error))
        finally:
            self._changing.pop(command.client_order_id, None)

    async def _cancel_order(self, command: CancelOrder) -> None:
        name = command.client_order_id.value
        try:
            await self._paper.request(CancelAtVenue(client_order_id=name), Orders)
        except _NO_ANSWER:
            log.warning("no answer to the cancel of %s: it is unknown", name)
        except LabError as error:
            self._reject_cancel(command.client_order_id, str(error))

    async def _cancel_all_orders(self, command: CancelAllOrders) -> None:
        of = {"instrument_id": command.instrument_id, "strategy_id": command.strategy_id}
        working = [*self._cache.orders_open(**of), *self._cache.orders_inflight(**of)]
        sides = (OrderSide.NO_ORDER_SIDE, command.order_side)
        either = command.order_side == OrderSide.NO_ORDER_SIDE
        await self._cancel_several([o for o in working if either or o.side in sides])

    async def _batch_cancel_orders(self, command: BatchCancelOrders) -> None:
        found = [self._cache.order(cancel.client_order_id) for cancel in command.cancels]
        await self._cancel_several([order for order in found if order is not None])

    async def _cancel_several(self, orders: Sequence[Order]) -> None:
        names = list(dict.fromkeys(order.client_order_id.value for order in orders))
        if not names:
            return
        try:
            answer = await self._paper.request(CancelOrders(client_order_ids=names), Orders)
        except _NO_ANSWER:
            log.warning("no answer to the cancel of %d orders: it is unknown", len(names))
        except LabError as error:
            for name in names:
                self._reject_cancel(ClientOrderId(name), str(error))
        else:
            for name, why in answer.refused.items():
                self._reject_cancel(ClientOrderId(name), why)

    async def cancel_everything(self) -> int:
        """Have the venue cancel all that works there, whoever sent it; return how many that were.

        Raises
        ------
        LabError
            When the venue does not say so: whether it was done is not known.
        """
        answer = await self._paper.request(CancelAll(), Orders)
        return sum(told.status == "CANCELED" for told in answer.orders)

    async def _query_account(self, command: QueryAccount) -> None:
        self._report_account_soon()

    def _reject_change(self, order: Order, why: str) -> None:
        self.generate_order_modify_rejected(*_ids(order), order.venue_order_id, why, self._now())

    def _reject_cancel(self, client_order_id: ClientOrderId, why: str) -> None:
        order = self._cache.order(client_order_id)
        if order is not None and not order.is_closed:
            self.generate_order_cancel_rejected(
                *_ids(order), order.venue_order_id, why, self._now()
            )

    # --- what the venue says --------------------------------------------------------------

    def _on_event(self, event: VenueEvent) -> None:
        reach("client.before_event")
        told, fill = event.order, event.fill
        order = self._cache.order(ClientOrderId(told.client_order_id))
        if order is None and is_close_out(told):
            order = self._take_over(told)
        if order is None:
            log.warning("the venue has an order of another hand: %s", told.client_order_id)
            return self._report(told, [] if fill is None else [self._fill_report(fill)])
        ids, at = _ids(order), told.ts_last
        venue_order_id = VenueOrderId(told.venue_order_id)
        if self._only_trails(order, event):
            return self._trail(order, told)
        moved = self._moved.pop(order.client_order_id, None)
        if moved is not None and event.kind != "UPDATED":
            self._update(order, moved)  # where its trigger stood when this happened
        match event.kind:
            case "ACCEPTED":
                self.generate_order_accepted(*ids, venue_order_id, at)
            case "TRIGGERED":
                if order.order_type in RESTS_TRIGGERED:
                    self.generate_order_triggered(*ids, venue_order_id, at)
            case "UPDATED":
                self._update(order, told)
            case "CANCELED":
                self.generate_order_canceled(*ids, venue_order_id, at)
            case "EXPIRED":
                self.generate_order_expired(*ids, venue_order_id, at)
            case "REJECTED":
                self.generate_order_rejected(*ids, told.reason, at)
            case "FILLED" if fill is not None:
                if _lacks_limit(order):
                    # Nautilus compares fills with a limit; the venue names it after the fill.
                    self._update(order, told, limit=told.limit_price or fill.price)
                self.generate_order_filled(
                    *ids,
                    venue_order_id,
                    None,
                    TradeId(fill.trade_id),
                    order_side_from_str(fill.side),
                    order.order_type,
                    as_quantity(fill.quantity),
                    Price(fill.price, 2),
                    USD,
                    Money(fill.commission, USD),
                    liquidity(fill),
                    fill.ts,
                )
                self._report_account_soon()

    def _only_trails(self, order: Order, event: VenueEvent) -> bool:
        """Whether an event says no more than that a trigger, or its limit, followed the market."""
        told = event.order
        if event.kind != "UPDATED" or not trails(order):
            return False
        if order.status != OrderStatus.PENDING_UPDATE:
            return bool(order.quantity.as_decimal() == told.quantity)
        # Nautilus takes any update for the answer to a change that is on its way.
        change = self._changing.get(order.client_order_id)
        return change is not None and not _is_made(change, told)

    def _trail(self, order: Order, told: VenueOrder) -> None:
        """Tell where a trigger stands, at once after a pause and then once in a while.

        The venue moves it with every quote; each update is stored, and of those in between only
        the last is of use.
        """
        name = order.client_order_id
        if name in self._trailing or order.status == OrderStatus.PENDING_UPDATE:
            self._moved[name] = told
        else:
            self._update(order, told)
        if name in self._trailing:
            return
        self._trailing.add(name)
        self._loop.call_later(_TRAILS_EVERY_S, self._trail_on, order)

    def _trail_on(self, order: Order) -> None:
        name = order.client_order_id
        self._trailing.discard(name)
        if (told := self._moved.pop(name, None)) is not None and not order.is_closed:
            self._trail(order, told)

    def _take_over(self, told: VenueOrder) -> Order | None:
        """Give an order by which the venue closes out to the strategy whose position it closes."""
        at = self._instrument_id(told.symbol)
        held: dict[str, float] = {}
        for position in self._cache.positions_open(instrument_id=at):
            held[position.strategy_id.value] = position.signed_qty
        strategy = who_is_closed(told, held)
        if strategy is None:
            return None
        order = close_out_order(
            told,
            trader=self.trader_id.value,
            strategy=strategy,
            instrument_id=at,
            account_id=self.account_id,
        )
        self._cache.add_order(order)
        self._on_closed_out(self._name, told)
        return order

    def _update(self, order: Order, told: VenueOrder, limit: Decimal | None = None) -> None:
        self.generate_order_updated(
            *_ids(order),
            VenueOrderId(told.venue_order_id),
            as_quantity(told.quantity),
            as_price(limit or told.limit_price),
            as_price(told.trigger_price),
            told.ts_last,
        )

    def _report(self, told: VenueOrder, fills: list[FillReport]) -> None:
        """Have Nautilus take in an order as the venue has it."""
        if told.status in ("PENDING", "REJECTED"):
            return
        report = self._mass_status()
        report.add_order_reports([self._order_report(told)])
        report.add_fill_reports(fills)
        self._send_mass_status_report(report)

    # --- the account ----------------------------------------------------------------------

    def _report_account_soon(self) -> None:
        # Of a burst of fills the last statement is the one that counts.
        if not self._account_asked:
            self._account_asked = True
            self.create_task(self._report_account_later())

    async def _report_account_later(self) -> None:
        await asyncio.sleep(0)
        while self._account_asked:
            self._account_asked = False
            try:
                await self._report_account()
            except LabError as error:
                log.warning("the account at %s is not known: %s", self._name, error)
                self._account_asked = True  # nothing else may ever ask for it again
                await asyncio.sleep(_ACCOUNT_AGAIN_S)

    async def _report_account(self) -> None:
        asked = self._now()  # what is filled while the answer is on its way may not be in it
        account = (await self._paper.request(GetAccount(), Account)).account
        self.generate_account_state(
            balances=[_balance(account)],
            margins=[
                MarginBalance(
                    Money(margin.initial, USD),
                    Money(margin.maintenance, USD),
                    self._instrument_id(margin.symbol),
                )
                for margin in account.margins
            ],
            reported=True,
            ts_event=asked,
        )

    # --- reconciliation -------------------------------------------------------------------

    async def catch_up(self) -> list[str]:
        """Bring orders that heard nothing for a while to what the venue says of them.

        Returns
        -------
        list of str
            The orders that work here and that the venue does not know: its book is another.

        Raises
        ------
        LabError
            When the venue does not answer; every order stays as it is.
        """
        now = self._now()
        mine = [o for o in self._cache.orders(venue=self.venue) if _is_out(o)]
        quiet = [(o, o.ts_last) for o in mine if _is_past(o.ts_last, now, _SETTLED_NS)]
        if not quiet:
            return []
        working = await self._paper.request(ListOrders(working_only=True), Orders)
        theirs = {told.client_order_id: told for told in working.orders}
        unknown = []
        for order, heard_last in quiet:
            name = order.client_order_id.value
            told = theirs.get(name) or await self._order_at_venue(name)
            if order.is_closed or order.ts_last != heard_last:
                continue  # it was heard of meanwhile
            if told is not None:
                await self._bring(order, told)
            elif order.venue_order_id is not None:
                unknown.append(f"order {name}")
            elif _is_past(order.ts_submitted, now, _NEVER_ARRIVES_NS):
                self.generate_order_rejected(*_ids(order), "it never reached the venue", now)
        return unknown

    async def _order_at_venue(self, name: str) -> VenueOrder | None:
        found = (await self._paper.request(ListOrders(client_order_id=name), Orders)).orders
        return found[0] if found else None

    async def _bring(self, order: Order, told: VenueOrder) -> None:
        if told.status == "PENDING":
            return
        if told.status == "REJECTED":
            self.generate_order_rejected(*_ids(order), told.reason, told.ts_last)
            return
        if told.filled != order.filled_qty.as_decimal() or _is_over(told):
            asked = ListFills(client_order_id=told.client_order_id)
            fills = (await self._paper.request(asked, Fills)).fills
            self._moved.pop(order.client_order_id, None)
            self._report(told, [self._fill_report(fill) for fill in fills])
            self._report_account_soon()
            return None
        if order.status == OrderStatus.SUBMITTED:
            return self._report(told, [])
        if _differs(order, told):
            self._moved.pop(order.client_order_id, None)
            self._update(order, told)
        elif order.status == OrderStatus.PENDING_UPDATE:
            self._reject_change(order, "the venue has it as it was")
        elif order.status == OrderStatus.PENDING_CANCEL:
            self._reject_cancel(order.client_order_id, "the venue has it working")

    async def generate_mass_status(
        self, lookback_mins: int | None = None
    ) -> ExecutionMassStatus | None:
        """Return what the venue has, all of one instant, as far as our book is made of it.

        Raises nothing: without an answer Nautilus' reconciliation fails, and with it the start.
        """
        try:
            for _ in range(_SNAPSHOTS):
                before = (await self._paper.request(Hello(), Welcome)).seq
                report = await self._snapshot()
                if (await self._paper.request(Hello(), Welcome)).seq == before:
                    return report
            log.error("the venue's book never stood still while it was read")
        except (LabError, TimeoutError) as error:
            log.error("the venue's book could not be read: %s", error)
        return None

    async def _snapshot(self) -> ExecutionMassStatus:
        since = self._history.since_ns
        orders, fills = await asyncio.gather(
            self._paper.request(ListOrders(since_ns=since), Orders),
            self._paper.request(ListFills(since_ns=since), Fills),
        )
        ours = [told for told in orders.orders if self._is_ours(told)]
        await self._give_limits(ours)
        names = {told.client_order_id for told in ours}
        report = self._mass_status()
        report.add_order_reports([self._order_report(told) for told in ours])
        report.add_fill_reports(
            [self._fill_report(fill) for fill in fills.fills if fill.client_order_id in names]
        )
        # No positions: where Nautilus is told of some it replaces the fills that made them by one
        # of its own invention, as soon as a position ever changed its side.
        return report

    async def _give_limits(self, theirs: Sequence[VenueOrder]) -> None:
        """Give orders that became limit orders by their first fill the limit before that fill."""
        waiting = []
        for told in theirs:
            order = self._cache.order(ClientOrderId(told.client_order_id))
            if order is not None and told.filled and _lacks_limit(order):
                if order.status == OrderStatus.SUBMITTED:
                    venue_order_id = VenueOrderId(told.venue_order_id)
                    self.generate_order_accepted(*_ids(order), venue_order_id, told.ts_accepted)
                self._update(order, told, limit=told.limit_price or told.average_price)
                waiting.append(order)
        async with asyncio.timeout(_APPLIED_S):
            while any(_lacks_limit(order) for order in waiting):
                await asyncio.sleep(0.005)

    def _is_ours(self, told: VenueOrder) -> bool:
        """Whether Nautilus must hear of it: no order on its way, none that is history."""
        return told.status != "PENDING" and told.client_order_id not in self._history.orders

    async def generate_order_status_report(
        self, command: GenerateOrderStatusReport
    ) -> OrderStatusReport | None:
        """Return what the venue knows of one order; None when it never saw it."""
        client, venue = command.client_order_id, command.venue_order_id
        asked = ListOrders(
            client_order_id=client.value if client is not None else "",
            venue_order_id=venue.value if venue is not None and client is None else "",
        )
        found = (await self._paper.request(asked, Orders)).orders
        return self._order_report(found[0]) if found and found[0].status != "PENDING" else None

    async def generate_order_status_reports(
        self, command: GenerateOrderStatusReports
    ) -> list[OrderStatusReport]:
        """Return every order the venue has, or only the working ones."""
        asked = ListOrders(working_only=command.open_only)
        orders = (await self._paper.request(asked, Orders)).orders
        return [
            self._order_report(order)
            for order in orders
            if _about(command, order.symbol) and order.status not in ("PENDING", "REJECTED")
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
        held = [position for position in positions if _about(command, position.symbol)]
        if command.instrument_id is not None and not held:
            symbol = command.instrument_id.symbol.value
            held = [VenuePosition(symbol=symbol, quantity=_NONE, average_price=_NONE)]
        return [self._position_report(position) for position in held]

    def _mass_status(self) -> ExecutionMassStatus:
        return ExecutionMassStatus(
            client_id=self.id,
            account_id=self.account_id,
            venue=self.venue,
            report_id=UUID4(),
            ts_init=self._now(),
        )

    def _order_report(self, order: VenueOrder) -> OrderStatusReport:
        at = self._instrument_id(order.symbol)
        return order_report(order, at, self.account_id, self._now())

    def _fill_report(self, fill: Any) -> FillReport:
        at = self._instrument_id(fill.symbol)
        return fill_report(fill, at, self.account_id, self._now())

    def _position_report(self, position: VenuePosition) -> PositionStatusReport:
        at = self._instrument_id(position.symbol)
        return position_report(position, at, self.account_id, self._now())

    def _instrument_id(self, symbol: str) -> InstrumentId:
        return instrument_id(symbol, self._name)

    def _now(self) -> int:
        return int(self._clock.timestamp_ns())


def execution_factory(
    paper: PaperVenueClient,
    *,
    lends: bool,
    history: History,
    on_closed_out: Callable[[str, VenueOrder], None],
    made: list[PaperExecutionClient],
) -> type[LiveExecClientFactory]:
    """Return a factory that makes the client of this venue and appends it to `made`."""

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
            client = PaperExecutionClient(
                loop=loop,
                name=name,
                paper=paper,
                lends=lends,
                history=history,
                on_closed_out=on_closed_out,
                msgbus=msgbus,
                cache=cache,
                clock=clock,
                config=config,
            )
            made.append(client)
            return client

    return PaperExecutionClientFactory


def _ids(order: Order) -> tuple[Any, InstrumentId, ClientOrderId]:
    return order.strategy_id, order.instrument_id, order.client_order_id


def _balance(account: VenueAccount) -> AccountBalance:
    if account.leverage <= 1:
        cash = Money(account.cash, USD)
        return AccountBalance(cash, Money(0, USD), cash)
    total = account.balance
    locked = min(account.initial_margin, max(total, _NONE))
    return AccountBalance(Money(total, USD), Money(locked, USD), Money(total - locked, USD))


def _lacks_limit(order: Order) -> bool:
    return order.order_type == OrderType.MARKET_TO_LIMIT and order.price is None


def _is_past(ts: int, now: int, by_ns: int) -> bool:
    """Whether it was so long ago; what lies ahead was before the clock was set back."""
    return abs(now - ts) > by_ns


def _is_out(order: Order) -> bool:
    """Whether an order is with the venue, or on its way there."""
    return order.status in _PENDING or bool(order.is_open or order.is_inflight)


def _is_over(told: VenueOrder) -> bool:
    return told.status in ("FILLED", "CANCELED", "EXPIRED", "REJECTED")


def _differs(order: Order, told: VenueOrder) -> bool:
    limit = order.price.as_decimal() if order.has_price else None
    trigger = order.trigger_price.as_decimal() if order.has_trigger_price else None
    return (
        order.quantity.as_decimal() != told.quantity
        or limit != told.limit_price
        or trigger != told.trigger_price
    )


def _is_made(change: ModifyAtVenue, told: VenueOrder) -> bool:
    """Whether an order is as it was asked to be."""
    return (
        change.quantity in (None, told.quantity)
        and change.limit_price in (None, told.limit_price)
        and change.trigger_price in (None, told.trigger_price)
    )


def _is_so_already(order: Order, command: ModifyOrder) -> bool:
    return (
        command.quantity in (None, order.quantity)
        and command.price in (None, order.price if order.has_price else None)
        and command.trigger_price
        in (None, order.trigger_price if order.has_trigger_price else None)
    )


def _about(command: Any, symbol: str) -> bool:
    return command.instrument_id is None or command.instrument_id.symbol.value == symbol
