"""What a node tells of its orders, and what it remembers of them for snapshots."""

from decimal import Decimal

import pytest
from nautilus_trader.common.component import TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._desk import Desk

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")


class Life:
    """One life of a node: a desk over a cache of its own and a store that outlives it."""

    def __init__(self, store: TradingStore) -> None:
        self.cache = TestComponentStubs.cache()
        self._store = store
        epoch = store.begin_epoch("node")
        self.desk = Desk(
            trader="T-1",
            writer="node",
            epoch=epoch,
            accounts=Accounts({"PAPER": 0.0}),
            outbox=Outbox(store, LocalBus(), trader="T-1", writer="node", epoch=epoch),
            publish=lambda told: None,
            cache=self.cache,
        )
        self.stored = store.orders()
        self.desk.order_count = len(self.stored)
        for told in reversed(self.stored):
            self.desk.remember_order(told)
        self._orders = OrderFactory(TraderId("T-1"), StrategyId("S-1"), TestClock(), self.cache)

    def limit(self, price: str = "90.00"):
        return self._orders.limit(
            AAPL.id, OrderSide.BUY, Quantity.from_int(1), Price.from_str(price)
        )

    def works(self, order) -> None:
        """Let the venue take an order, and tell each step."""
        self.cache.add_order(order)
        for event in (TestEventStubs.order_submitted, TestEventStubs.order_accepted):
            self.happens(order, event(order))

    def happens(self, order, event) -> None:
        order.apply(event)
        self.cache.update_order(order)
        self.desk.on_order_event(event)

    def shown(self) -> dict[str, str]:
        orders = [told.body for told in self.desk.snapshot().orders]
        return {order.client_order_id: order.status for order in orders}


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


@pytest.fixture
def life(store):
    life = Life(store)
    life.desk.reconciling = False
    return life


def end(life, count):
    for _ in range(count):
        order = life.limit()
        life.works(order)
        life.happens(order, TestEventStubs.order_canceled(order))


def test_a_snapshot_has_every_order_that_works_however_old(life, store):
    resting = life.limit()
    life.works(resting)
    end(life, 600)
    name = resting.client_order_id.value
    assert life.shown()[name] == "ACCEPTED"
    assert len(life.shown()) == 501
    assert Life(store).shown()[name] == "ACCEPTED"


def test_an_order_is_counted_once_however_late_it_is_heard_of_again(life):
    resting = life.limit()
    life.works(resting)
    end(life, 600)
    life.happens(resting, TestEventStubs.order_canceled(resting))
    assert life.desk.order_count == 601


def test_a_new_life_tells_no_order_again_that_is_as_the_store_has_it(life, store):
    end(life, 600)
    again = Life(store)
    for order in life.cache.orders():
        again.cache.add_order(order)
    again.desk.catch_up(again.stored)
    assert (again.desk.seq, again.desk.order_count) == (0, 600)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": Quantity.from_int(7)}, (7, Decimal("90.00"))),
        ({"price": Price.from_str("91.50")}, (1, Decimal("91.50"))),
    ],
)
def test_a_new_life_tells_what_was_changed_while_nobody_listened(life, store, change, expected):
    order = life.limit()
    life.works(order)
    order.apply(TestEventStubs.order_updated(order, **change))
    again = Life(store)
    again.cache.add_order(order)
    again.desk.catch_up(again.stored)
    (told,) = store.orders()
    assert (told.body.quantity, told.body.limit_price) == expected
    assert told.body.reason == "reconciled with the venue"
