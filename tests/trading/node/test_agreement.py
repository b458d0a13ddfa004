"""Our book held against what a real paper venue says."""

import asyncio

import pytest
from nautilus_trader.common.component import LiveClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId, StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.execution.paper import Disturb, Done, Orders
from nautilus_lab.trading.node._agreement import Agreement
from tests.execution.paper.stage import Stage, resting

A = TestInstrumentProvider.equity("A", "PAPER")


class Book:
    """Our side: orders that we believe to work, and what of our money differs."""

    def __init__(self):
        self.cache = TestComponentStubs.cache()
        self.money = set()

    async def differing(self, venue):
        return self.money

    def works(self, name, quantity=10):
        orders = OrderFactory(TraderId("T-1"), StrategyId("S-1"), LiveClock(), self.cache)
        order = orders.limit(
            A.id,
            OrderSide.BUY,
            Quantity.from_int(quantity),
            Price.from_str("1.00"),
            client_order_id=ClientOrderId(name),
        )
        self.cache.add_order(order)
        for event in (TestEventStubs.order_submitted, TestEventStubs.order_accepted):
            order.apply(event(order))
            self.cache.update_order(order)
        return order


@pytest.fixture
async def stage(tmp_path):
    stage = Stage(tmp_path, faults=True)
    await stage.open()
    yield stage
    await stage.strike()


@pytest.fixture
def book():
    return Book()


@pytest.fixture
async def client(stage):
    return await stage.client()


@pytest.fixture
def agreement(client, book):
    return Agreement({"PAPER": client}, book.cache, book.differing, look_again_s=0.01)


async def test_the_same_orders_and_the_same_money_are_green(agreement, client, book):
    assert (await agreement.check()).green
    await client.request(resting("O-1"), Orders)
    book.works("O-1")
    agreed = await agreement.check()
    assert (agreed.green, agreed.venues, agreed.orders) == (True, ("PAPER",), 1)


async def test_an_order_that_one_of_both_does_not_know_is_named(agreement, client, book):
    await client.request(resting("O-1"), Orders)
    book.works("O-2")
    assert (await agreement.check()).differences == (
        "order O-1 works at PAPER and not here",
        "order O-2 works here and not at PAPER",
    )


async def test_an_order_of_another_size_is_named_with_both(agreement, client, book):
    await client.request(resting("O-1", quantity=10), Orders)
    book.works("O-1", quantity=7)
    assert (await agreement.check()).differences == ("order O-1 has 7 left here and 10 at PAPER",)


async def test_money_and_positions_that_differ_are_named(agreement, book):
    book.money = {"A.PAPER"}
    assert (await agreement.check()).differences == ("A.PAPER is not as PAPER has it",)


async def test_what_was_only_on_its_way_is_no_difference(agreement, client, book):
    order = book.works("O-1")

    async def end_soon():
        await asyncio.sleep(0.03)
        order.apply(TestEventStubs.order_canceled(order))
        book.cache.update_order(order)

    ending = asyncio.create_task(end_soon())
    assert (await agreement.check()).green
    await ending


async def test_a_venue_that_says_nothing_is_no_agreement(agreement, client, stage, monkeypatch):
    monkeypatch.setattr("nautilus_lab.trading.node._agreement._LONGEST_S", 0.2)
    await client.request(Disturb(silent_s=30.0), Done)
    agreed = await agreement.check()
    assert not agreed.green
    assert agreed.venues == ()
    assert "PAPER does not say what it has" in agreed.differences[0]


async def test_a_client_that_is_closed_is_no_agreement(agreement, client):
    await client.close()
    agreed = await agreement.check()
    assert agreed.differences[0].startswith("PAPER does not say what it has: ")


async def test_what_the_node_holds_back_itself_works_at_no_venue(agreement, book):
    orders = OrderFactory(TraderId("T-1"), StrategyId("S-1"), LiveClock(), book.cache)
    held = orders.limit(A.id, OrderSide.BUY, Quantity.from_int(1), Price.from_str("1.00"))
    book.cache.add_order(held)
    assert held.is_active_local
    assert (await agreement.check()).green
