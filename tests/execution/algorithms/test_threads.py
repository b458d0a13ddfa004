"""What live timers and foreign threads bring is done on the node's thread."""

import asyncio
import threading

import pytest
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import CancelOrder, SubmitOrder
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.identifiers import ClientOrderId, ExecAlgorithmId, StrategyId, TraderId
from nautilus_trader.model.objects import Quantity
from nautilus_trader.model.orders import MarketOrder
from nautilus_trader.portfolio.portfolio import Portfolio

from nautilus_lab.execution.algorithms import Pov, Smart, Twap, Vwap
from tests.execution.algorithms.market import quote, share

NEAR = share("NEAR")
TRADER, STRATEGY = TraderId("T-1"), StrategyId("S-1")
QUICK = {"horizon_secs": 0.16, "interval_secs": 0.05}


class Place:
    """An algorithm on a live clock, and what it sends with the thread it sends it on."""

    def __init__(self, make):
        loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.sent = []
        self.enough = asyncio.Event()
        self.wanted = 1
        self.clock = LiveClock()
        self.bus = MessageBus(TRADER, self.clock)
        self.cache = Cache()
        self.cache.add_instrument(NEAR)
        self.cache.add_quote_tick(quote(NEAR, 0, 99.98, 100.02))
        self.bus.register("RiskEngine.execute", self.take)
        self.bus.register("ExecEngine.execute", lambda command: None)
        self.bus.register("DataEngine.execute", lambda command: None)
        self.algorithm = make(loop.call_soon_threadsafe)
        portfolio = Portfolio(self.bus, self.cache, self.clock)
        self.algorithm.register(TRADER, portfolio, self.bus, self.cache, self.clock)
        self.algorithm.start()

    def take(self, command):
        self.sent.append((threading.get_ident(), int(command.order.quantity)))
        if len(self.sent) >= self.wanted:
            self.enough.set()

    def order(self, units, **told):
        name = self.algorithm.id
        parent = MarketOrder(
            TRADER,
            STRATEGY,
            NEAR.id,
            ClientOrderId("O-1"),
            OrderSide.BUY,
            Quantity.from_int(units),
            UUID4(),
            self.clock.timestamp_ns(),
            exec_algorithm_id=ExecAlgorithmId(name.value),
            exec_algorithm_params=told,
            exec_spawn_id=ClientOrderId("O-1"),
        )
        self.cache.add_order(parent)
        return parent, SubmitOrder(TRADER, STRATEGY, parent, UUID4(), self.clock.timestamp_ns())

    async def until_sent(self, count):
        self.wanted = count
        if len(self.sent) < count:
            self.enough.clear()
            await asyncio.wait_for(self.enough.wait(), timeout=10)


@pytest.mark.parametrize("make", [Twap, Vwap])
async def test_slices_of_a_live_timer_are_sent_on_the_nodes_thread(make):
    place = Place(make)
    _, command = place.order(90, **QUICK)
    place.algorithm.execute(command)
    # Of TWAP the last slice is the parent, which waits for slices that nobody answers here.
    await place.until_sent(2 if make is Twap else 3)
    assert {thread for thread, _ in place.sent} == {place.thread}
    assert {units for _, units in place.sent} == {30}
    place.algorithm.stop()


@pytest.mark.parametrize(
    ("make", "told"),
    [(Twap, QUICK), (Vwap, QUICK), (Smart, {})],
)
async def test_an_order_from_another_thread_is_worked_on_the_nodes(make, told):
    place = Place(make)
    _, command = place.order(90, **told)
    await asyncio.to_thread(place.algorithm.execute, command)
    await place.until_sent(1)
    assert {thread for thread, _ in place.sent} == {place.thread}
    place.algorithm.stop()


async def test_a_cancel_from_another_thread_stops_the_schedule():
    place = Place(Vwap)
    parent, command = place.order(90, horizon_secs=60.0, interval_secs=20.0)
    place.algorithm.execute(command)
    cancel = CancelOrder(
        TRADER, STRATEGY, NEAR.id, ClientOrderId("O-1"), None, UUID4(), place.clock.timestamp_ns()
    )
    await asyncio.to_thread(place.algorithm.execute, cancel)
    await asyncio.to_thread(lambda: None)  # what was handed over comes first
    assert parent.status == OrderStatus.CANCELED
    assert place.clock.timer_names == []
    assert len(place.sent) == 1
    place.algorithm.stop()


async def test_a_live_timer_ends_what_keeps_to_the_volume():
    place = Place(Pov)
    heard = asyncio.Event()
    parent, command = place.order(90, rate=0.1, horizon_secs=0.05, interval_secs=0.05)
    threads = []

    def hear(event):
        threads.append(threading.get_ident())
        heard.set()

    place.bus.subscribe("events.order.S-1", hear)
    place.algorithm.execute(command)
    await asyncio.wait_for(heard.wait(), timeout=10)
    assert parent.status == OrderStatus.CANCELED
    assert threads == [place.thread]
    place.algorithm.stop()


async def test_a_bell_that_was_silenced_while_it_changed_threads_is_not_heard():
    place = Place(Vwap)
    _, command = place.order(90, horizon_secs=60.0, interval_secs=20.0)
    place.algorithm.execute(command)
    (bell,) = place.clock.timer_names
    place.algorithm.stop()
    place.algorithm._rung(bell)
    assert len(place.sent) == 1
