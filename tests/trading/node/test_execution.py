"""What becomes of orders of which the venue says nothing."""

import asyncio

import pytest
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.live.config import LiveExecClientConfig
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderCancelRejected
from nautilus_trader.model.identifiers import StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.execution.paper import Orders
from nautilus_lab.trading.node._execution import PaperExecutionClient
from nautilus_lab.trading.node._history import History

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")
SECOND = 1_000_000_000


class EmptyVenue:
    """A venue that has no order at all."""

    async def request(self, ask, answer, **_):
        assert answer is Orders
        return Orders(orders=[])


@pytest.fixture
def cache():
    return TestComponentStubs.cache()


@pytest.fixture
async def client(cache):
    clock = LiveClock()
    bus = MessageBus(TraderId("T-1"), clock)

    def apply(event):
        order = cache.order(event.client_order_id)
        order.apply(event)
        cache.update_order(order)

    bus.register("ExecEngine.process", apply)
    return PaperExecutionClient(
        loop=asyncio.get_running_loop(),
        name="PAPER",
        paper=EmptyVenue(),
        lends=False,
        history=History(),
        msgbus=bus,
        cache=cache,
        clock=clock,
        config=LiveExecClientConfig(),
    )


def sent(client, cache, ago_s):
    """Return an order that left for the venue some time ago."""
    then = client._clock.timestamp_ns() - int(ago_s * SECOND)
    orders = OrderFactory(TraderId("T-1"), StrategyId("S-1"), LiveClock(), cache)
    order = orders.limit(AAPL.id, OrderSide.BUY, Quantity.from_int(1), Price.from_str("9.00"))
    cache.add_order(order)
    order.apply(TestEventStubs.order_submitted(order, ts_event=then))
    cache.update_order(order)
    return order


@pytest.mark.parametrize(("ago_s", "status"), [(5, "SUBMITTED"), (9, "REJECTED")])
async def test_what_no_venue_has_is_rejected_once_it_cannot_arrive(client, cache, ago_s, status):
    order = sent(client, cache, ago_s)
    assert await client.catch_up() == []
    assert order.status_string() == status


async def test_a_cancel_that_is_refused_again_and_again_keeps_no_order_on_its_way(client, cache):
    order = sent(client, cache, ago_s=60)
    now = client._clock.timestamp_ns()
    at = (order.trader_id, order.strategy_id, order.instrument_id, order.client_order_id)
    why = "the venue never saw it"
    order.apply(
        OrderCancelRejected(*at, None, None, why, UUID4(), now - 4 * SECOND, now - 4 * SECOND)
    )
    await client.catch_up()
    assert order.status_string() == "REJECTED"
