"""Answering what people ask of orders: submit, change, cancel, find."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import ModifyOrder as NautilusModify
from nautilus_trader.model.enums import OrderStatus
from nautilus_trader.model.events import (
    OrderCancelRejected,
    OrderModifyRejected,
    OrderUpdated,
)
from nautilus_trader.model.events import OrderDenied as Denial
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order, OrderList

from nautilus_lab.exceptions import InputError, LabError, NodeError, OrderDenied
from nautilus_lab.execution.gate import send_cancel
from nautilus_lab.platform.commands import (
    CancelAll,
    Cancelled,
    CancelOrder,
    FindOrder,
    Found,
    Handler,
    ModifyOrder,
    Placed,
    Request,
    SubmitBracket,
    SubmitList,
    SubmitOco,
    SubmitOrder,
    order_ids,
)
from nautilus_lab.platform.messages import Envelope, envelope
from nautilus_lab.platform.messages import OrderUpdated as Told
from nautilus_lab.strategies.nautilus import ManualOrders
from nautilus_lab.trading.node._exits import require_exits
from nautilus_lab.trading.node._orders_told import (
    order_updated,
    parent_of,
    reason_of,
    side_of,
    trails,
)
from nautilus_lab.trading.node._wholes import is_worked

log = logging.getLogger(__name__)

# Before these end an order is neither on its way nor refused.
_UNDECIDED = (OrderStatus.INITIALIZED, OrderStatus.RELEASED)
_MOST_OF_A_COMMAND = 100


class OrderDesk:
    """Makes the orders that people ask for, and looks after those of all strategies.

    A submit is answered when the gate and Nautilus have decided: with the client order ids once
    the order is on its way or held, or with `OrderDenied`. A cancel or a change is answered when
    the venue has. The client order ids follow from the command's id: a command that came before
    is answered with what became of its orders, and makes none.

    Parameters
    ----------
    kernel : NautilusKernel
        The kernel of a node; to be built before the node runs.
    strategy : ManualOrders
        Added to that kernel's trader.
    told : callable, optional
        Takes a client order id and returns the last that was told of the order, also in an
        earlier life of the node; None when it never was.
    decide_s, end_s : float
        Seconds to wait for the decision on an order, and for the end of a cancelled one; what
        takes longer is answered as it stands.
    """

    def __init__(
        self,
        kernel: Any,
        strategy: ManualOrders,
        *,
        told: Callable[[str], Envelope | None] = lambda name: None,
        decide_s: float = 5.0,
        end_s: float = 3.0,
    ) -> None:
        self._kernel = kernel
        self._cache = kernel.cache
        self._strategy = strategy
        self._told = told
        self._decide_s = decide_s
        self._end_s = end_s
        self._waiting: set[_Wait] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        kernel.msgbus.subscribe("events.order.*", self._on_event)

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands of `ORDER_SPECS`."""
        return {
            "orders.submit": self._submit,
            "orders.bracket": self._bracket,
            "orders.oco": self._oco,
            "orders.list": self._list,
            "orders.modify": self._modify,
            "orders.cancel": self._cancel,
            "orders.cancel_all": self._cancel_all,
            "orders.find": self._find,
        }

    # --- new orders -----------------------------------------------------------------------

    async def _submit(self, request: Request) -> Placed:
        asked: SubmitOrder = request.body
        (name,) = order_ids(request.id)
        if (placed := self._placed_before((name,))) is not None:
            return placed
        self._require_algorithm(asked)
        order = self._strategy.order(asked, name, _tags(request))
        return await self._send([order], lambda: self._strategy.submit_order(order))

    async def _bracket(self, request: Request) -> Placed:
        asked: SubmitBracket = request.body
        self._require_algorithm(asked.entry)

        def make(names: Sequence[str], link: str) -> OrderList:
            made = self._strategy.bracket(asked, names, _tags(request), link)
            # Where no quote is known it is for the venue to say.
            quote = self._cache.quote_tick(made.orders[0].instrument_id)
            if quote is not None:
                bid, ask = quote.bid_price.as_decimal(), quote.ask_price.as_decimal()
                require_exits(asked, bid, ask)
            return made

        return await self._send_list(request, 3, make)

    async def _oco(self, request: Request) -> Placed:
        asked: SubmitOco = request.body
        return await self._send_list(
            request, 2, lambda names, link: self._strategy.oco(asked, names, _tags(request), link)
        )

    async def _list(self, request: Request) -> Placed:
        asked: SubmitList = request.body
        return await self._send_list(
            request,
            len(asked.orders),
            lambda names, link: self._strategy.listed(asked.orders, names, _tags(request), link),
        )

    async def _send_list(
        self, request: Request, count: int, make: Callable[[Sequence[str], str], OrderList]
    ) -> Placed:
        # A list of one has the suffix too: its order is none of a plain submit.
        names = order_ids(request.id, count) if count > 1 else (f"{order_ids(request.id)[0]}-1",)
        link = f"L-{order_ids(request.id)[0]}"
        if (placed := self._placed_before(names)) is not None:
            return placed
        orders = make(names, link)
        return await self._send(
            orders.orders, lambda: self._strategy.submit_order_list(orders), link
        )

    def _placed_before(self, names: Sequence[str]) -> Placed | None:
        """Return what became of orders that were made already; raises what they were denied for."""
        known = [self._known(name) for name in names]
        if all(order is None for order in known):
            return None
        # One whose siblings are unknown was made by a node that was killed over it.
        return _placed([o for o in known if o is not None], list_id=None)

    async def _send(
        self, orders: Sequence[Order], submit: Callable[[], None], list_id: str | None = None
    ) -> Placed:
        if not self._strategy.is_running:
            raise NodeError(
                "orders are taken while the node trades",
                value=self._strategy.state.name,
                remedy="wait until it runs: nautilus-lab node status",
            )
        names = [order.client_order_id for order in orders]
        with self._wait(names, lambda: all(self._is_decided(name) for name in names)) as wait:
            try:
                submit()
            except Exception as error:
                log.exception("order %s could not be sent", names[0])
                self._deny(orders, f"it could not be sent: {error}")
            await wait.until(self._decide_s)
        # From the cache: what was denied there may be another object than the one made here.
        return _placed([self._updated(name.value) for name in names], list_id)

    def _is_decided(self, name: ClientOrderId) -> bool:
        order = self._cache.order(name)
        if order is None:
            return False
        # An order that an algorithm works, or one that waits for its parent, stays as it was made.
        held = order.exec_algorithm_id is not None or order.parent_order_id is not None
        return bool(order.status not in _UNDECIDED or (held and self._has_left(order)))

    def _has_left(self, order: Order) -> bool:
        parent = order.parent_order_id
        return parent is None or self._is_decided(parent)

    def _deny(self, orders: Iterable[Order], reason: str) -> None:
        """Give orders an end that nobody else will give."""
        for made in orders:
            order = self._cache.order(made.client_order_id) or made
            if order.status is not OrderStatus.INITIALIZED:
                continue
            if not self._cache.order_exists(order.client_order_id):
                self._cache.add_order(order)
            denied = Denial(
                order.trader_id,
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                reason,
                UUID4(),
                self._kernel.clock.timestamp_ns(),
            )
            self._kernel.msgbus.send("ExecEngine.process", denied)

    def _require_algorithm(self, asked: SubmitOrder) -> None:
        """Require an algorithm that runs and can work the order."""
        if asked.algorithm is None:
            return
        known = {a.id.value: a for a in self._kernel.trader.exec_algorithms()}
        algorithm = known.get(asked.algorithm)
        if algorithm is None or not algorithm.is_running:
            raise InputError(
                "an execution algorithm must be one that runs in the node",
                value=asked.algorithm,
                remedy=f"one of {', '.join(sorted(known)) or 'none'}",
            )
        # Those of the lab say what they need; they would only log it.
        require = getattr(algorithm, "require", None)
        if require is not None:
            require(asked)

    # --- orders at work -------------------------------------------------------------------

    async def _modify(self, request: Request) -> Placed:
        asked: ModifyOrder = request.body
        order = self._working(asked.client_order_id)
        if order.exec_algorithm_id is not None and order.is_active_local:
            raise InputError(
                "an order that an algorithm works cannot be changed",
                value=order.exec_algorithm_id.value,
                remedy="cancel it and submit another",
            )
        if asked.trigger_price is not None and trails(order):
            raise InputError(
                "a trigger that trails cannot be set: the market moves it",
                value=str(asked.trigger_price),
                remedy="cancel the order and submit another with the offset you want",
            )
        changes = self._strategy.change(
            order, asked.quantity, asked.limit_price, asked.trigger_price
        )
        name = order.client_order_id
        ends = (OrderUpdated, OrderModifyRejected)
        with self._wait([name], lambda: self._is_closed(name), ends) as wait:
            if (owner := self._owner(order)) is not None:
                owner.modify_order(order, **changes)
            else:
                self._send_change(order, changes)
            decided = await wait.until(self._end_s)
        if isinstance(decided, OrderModifyRejected):
            raise OrderDenied(
                f"the change was refused: {decided.reason}",
                value=_shown(order),
                remedy="the order stands as it was",
            )
        if self._is_closed(name) and not isinstance(decided, OrderUpdated):
            raise NodeError(
                "an order must still work when its change arrives",
                value=self._updated(name.value).status,
                remedy="it has ended; look at its fills",
            )
        return _placed([self._updated(name.value)], None)

    async def _cancel(self, request: Request) -> Cancelled:
        asked: CancelOrder = request.body
        left = self._left_of(asked.client_order_id)
        if left:
            return await self._cancel_left(asked.client_order_id, left)
        order = self._working(asked.client_order_id)
        name = order.client_order_id
        with self._wait([name], lambda: self._is_closed(name), (OrderCancelRejected,)) as wait:
            self._end([order, *self._hanging_on(order)])
            decided = await wait.until(self._end_s)
        if isinstance(decided, OrderCancelRejected):
            raise NodeError(
                f"the venue must cancel the order: {decided.reason}",
                value=_shown(order),
                remedy="look at the order; it may just have been filled",
            )
        done = self._is_closed(name)
        return Cancelled(ended=(name.value,) if done else (), pending=() if done else (name.value,))

    def _left_of(self, name: str) -> list[Order]:
        """Return what still works of an order that an algorithm of an earlier life worked."""
        if self._cache.order(ClientOrderId(name)) is not None:
            return []
        return [order for order in self._working_orders() if parent_of(order) == name]

    async def _cancel_left(self, parent: str, left: list[Order]) -> Cancelled:
        names = [order.client_order_id for order in left]
        with self._wait(names, lambda: all(self._is_closed(name) for name in names)) as wait:
            self._end(left)
            await wait.until(self._end_s)
        done = all(self._is_closed(name) for name in names)
        return Cancelled(ended=(parent,) if done else (), pending=() if done else (parent,))

    async def _cancel_all(self, request: Request) -> Cancelled:
        asked: CancelAll = request.body
        orders = [order for order in self._working_orders() if _is_meant(order, asked)]
        names = [order.client_order_id for order in orders]
        with self._wait(names, lambda: all(self._is_closed(name) for name in names)) as wait:
            log.info("%s cancels %d orders", request.principal.name, len(orders))
            self._end(orders)
            await wait.until(self._end_s)
        ended = tuple([name.value for name in names if self._is_closed(name)])
        return Cancelled(
            ended=ended,
            pending=tuple([name.value for name in names if not self._is_closed(name)]),
        )

    async def _find(self, request: Request) -> Found:
        asked: FindOrder = request.body
        names: Iterable[str]
        if asked.client_order_id is not None:
            names = (asked.client_order_id,)
        else:
            (stem,) = order_ids(asked.command_id or "")
            names = (stem, *(f"{stem}-{n}" for n in range(1, _MOST_OF_A_COMMAND + 1)))
        orders = []
        for name in names:
            if (order := self._envelope(name)) is not None:
                orders.append(order)
            elif name.endswith("-1"):
                break  # the orders of a list are numbered without a gap
        return Found(orders=tuple(orders))

    def _working(self, name: str) -> Order:
        order = self._cache.order(ClientOrderId(name))
        if order is None:
            raise InputError(
                "an order must be one that the node has",
                value=name,
                remedy="nautilus-lab order list shows them",
            )
        if order.is_closed:
            raise InputError(
                "an order must still work to be changed or cancelled",
                value=f"{name} is {order.status_string()}",
                remedy="nothing is to be done",
            )
        return order

    def _working_orders(self) -> list[Order]:
        return [order for order in self._cache.orders() if not order.is_closed]

    def _hanging_on(self, order: Order) -> list[Order]:
        """Return what ends with an order: its slices, and exits of which nothing is held yet."""
        slices = self._cache.orders_for_exec_spawn(order.client_order_id)
        below = [o for o in slices or () if o.client_order_id != order.client_order_id]
        if not order.filled_qty > 0:  # a Quantity of 0 is true
            linked = [self._cache.order(name) for name in order.linked_order_ids or ()]
            below += [o for o in linked if o and o.parent_order_id == order.client_order_id]
        return [o for o in below if not o.is_closed]

    def _end(self, orders: Iterable[Order]) -> None:
        for order in orders:
            if order.is_closed or order.is_pending_cancel:
                continue
            try:
                if (owner := self._owner(order)) is not None:
                    owner.cancel_order(order)
                else:
                    send_cancel(self._kernel, order)
            except Exception:
                # One that cannot be cancelled must not keep the others from it.
                log.exception("%s could not be cancelled", order.client_order_id)

    def _owner(self, order: Order) -> Any:
        """Return the strategy that the order is of; None when it runs no more."""
        for strategy in self._kernel.trader.strategies():
            if strategy.id == order.strategy_id:
                return strategy
        return None

    def _send_change(self, order: Order, changes: dict[str, Any]) -> None:
        command = NautilusModify(
            trader_id=order.trader_id,
            strategy_id=order.strategy_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            quantity=changes["quantity"],
            price=changes["price"],
            trigger_price=changes["trigger_price"],
            command_id=UUID4(),
            ts_init=self._kernel.clock.timestamp_ns(),
        )
        emulated = order.is_emulated
        self._kernel.msgbus.send(
            "OrderEmulator.execute" if emulated else "RiskEngine.execute", command
        )

    # --- what is known --------------------------------------------------------------------

    def _known(self, name: str) -> Told | None:
        told = self._envelope(name)
        return told.body if told is not None and isinstance(told.body, Told) else None

    def _updated(self, name: str) -> Told:
        order = self._cache.order(ClientOrderId(name))
        return order_updated(order, reason_of(order, order.last_event), None)

    def _envelope(self, name: str) -> Envelope | None:
        told = self._told(name)
        try:
            order = self._cache.order(ClientOrderId(name))
        except ValueError:  # no id that Nautilus could have
            return told
        if order is None:
            return told
        now = self._updated(name)
        # What was told of an order that an algorithm works is of all that works for it.
        if (
            told is not None
            and isinstance(told.body, Told)
            and (told.body.status == now.status or is_worked(told.body))
        ):
            return told
        return envelope(
            now,
            f"trading.order.{order.trader_id.value}.{order.strategy_id.value}",
            trader=order.trader_id.value,
            writer="node",
        )

    def _is_closed(self, name: ClientOrderId) -> bool:
        order = self._cache.order(name)
        return order is None or bool(order.is_closed)

    # --- waiting --------------------------------------------------------------------------

    def _wait(
        self,
        names: Sequence[ClientOrderId],
        is_over: Callable[[], bool],
        ends: tuple[type, ...] = (),
    ) -> _Wait:
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        return _Wait(self._waiting, frozenset(name.value for name in names), is_over, ends)

    def _on_event(self, event: Any) -> None:
        if not self._waiting or self._loop is None:
            return
        if threading.get_ident() != self._thread:
            # A live timer of Nautilus calls back on a thread of its own.
            self._loop.call_soon_threadsafe(self._on_event, event)
            return
        name = event.client_order_id.value
        for wait in tuple(self._waiting):
            if name in wait.names:
                wait.hear(event)


class _Wait:
    """Waits until orders are as they should be, or until an event that ends the waiting."""

    def __init__(
        self,
        waiting: set[_Wait],
        names: frozenset[str],
        is_over: Callable[[], bool],
        ends: tuple[type, ...],
    ) -> None:
        self.names = names
        self._waiting = waiting
        self._is_over = is_over
        self._ends = ends
        self._heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> _Wait:
        self._waiting.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.discard(self)

    def hear(self, event: Any) -> None:
        if not self._heard.done() and (isinstance(event, self._ends) or self._is_over()):
            self._heard.set_result(event)

    async def until(self, timeout_s: float) -> Any:
        """Return the event that ended the waiting; None when it was over before, or never was."""
        if not self._heard.done() and self._is_over():
            return None
        done, _ = await asyncio.wait((self._heard,), timeout=timeout_s)
        return self._heard.result() if done else None


def _placed(orders: Sequence[Told], list_id: str | None) -> Placed:
    for order in orders:
        if order.status == "DENIED":
            raise _denied(order)
    return Placed(
        client_order_ids=tuple([order.client_order_id for order in orders]),
        statuses=tuple([order.status for order in orders]),
        list_id=list_id or next((o.list_id for o in orders if o.list_id), None),
    )


def _denied(order: Told) -> LabError:
    return OrderDenied(
        order.reason or "the order was denied",
        value=f"{order.side} {order.quantity} {order.instrument} ({order.client_order_id})",
        remedy="nothing was sent; change the order, or what stands against it",
    )


def _is_meant(order: Order, asked: CancelAll) -> bool:
    return (
        asked.instrument in (None, order.instrument_id.value)
        and asked.strategy in (None, order.strategy_id.value)
        and asked.side in (None, side_of(order.side))
    )


def _tags(request: Request) -> list[str]:
    return [f"by:{request.principal.name}", f"cmd:{request.id}"]


def _shown(order: Order) -> str:
    return f"{order.client_order_id.value}, {order.status_string()}"
