"""What a trader may do, and what follows: cancels that arrive, rows that are written."""

import json
from types import SimpleNamespace

import pytest
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.gate import TradingSwitch
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Latch
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._states import TradingStates

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")


class Stand:
    """A trader's states over a cache with orders; what is sent to the venue is kept."""

    def __init__(self, latch: Latch, store: TradingStore) -> None:
        clock, trader = TestClock(), TraderId("T-1")
        self.cache = TestComponentStubs.cache()
        self.sent: list[str] = []
        self.told: list[str] = []
        self.full = False
        self.tries = 0
        self.now_s = 0.0
        bus = MessageBus(trader, clock)
        bus.register("ExecEngine.execute", lambda c: self.sent.append(c.client_order_id.value))
        self._orders = OrderFactory(trader, StrategyId("S-1"), clock, self.cache)
        self._trail = AuditTrail(store)
        self.states = TradingStates(
            SimpleNamespace(cache=self.cache, clock=clock, msgbus=bus),
            TradingSwitch(latch),
            trader="T-1",
            tell=self._tell,
            trail=SimpleNamespace(append=self._append),
            now_s=lambda: self.now_s,
        )

    def _append(self, *args, **kwargs):
        self._require_room()
        self._trail.append(*args, **kwargs)

    def _tell(self, body, topic):
        self._require_room()
        self.told.append(body.state)

    def _require_room(self):
        self.tries += 1
        if self.full:
            raise StoreError("a store needs room to write")

    def rest(self):
        """Have an order work at the venue."""
        order = self._orders.limit(
            AAPL.id, OrderSide.BUY, Quantity.from_int(1), Price.from_str("90.00")
        )
        self.cache.add_order(order)
        for event in (TestEventStubs.order_submitted, TestEventStubs.order_accepted):
            order.apply(event(order))
            self.cache.update_order(order)
        return order

    def end(self, order):
        order.apply(TestEventStubs.order_canceled(order))
        self.cache.update_order(order)

    def watch(self, after_s: float = 0.25):
        self.now_s += after_s
        self.states.watch()


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


@pytest.fixture
def latch(tmp_path):
    latch = Latch(tmp_path / "kill.latch")
    latch.begin()
    return latch


@pytest.fixture
def stand(latch, store):
    return Stand(latch, store)


def rows(store):
    return [(row.kind, row.actor, json.loads(row.body)) for row in store.audit_rows()]


def test_a_cancel_is_sent_again_until_the_order_is_over(stand):
    order = stand.rest()
    asked = stand.states.tighten("HALTED", reason="enough", by="ana", cancel_orders=True)
    assert (asked, stand.sent) == (1, [order.client_order_id.value])
    for _ in range(8):
        stand.watch()
    assert len(stand.sent) == 1  # the venue has had no time to answer
    stand.watch(after_s=10.0)
    assert len(stand.sent) == 2
    stand.end(order)
    stand.watch(after_s=10.0)
    assert len(stand.sent) == 2


def test_halting_without_cancelling_cancels_nothing(stand):
    stand.rest()
    stand.states.tighten("HALTED", reason="enough", by="ana")
    stand.watch(after_s=10.0)
    assert stand.sent == []


def test_a_trader_that_another_process_kills_has_its_orders_cancelled(stand, latch):
    order = stand.rest()
    latch.tighten("KILLED", reason="enough", by="ana")
    stand.watch()
    assert stand.sent == [order.client_order_id.value]


def test_a_killed_trader_whose_node_begins_has_its_orders_cancelled(latch, store):
    latch.tighten("KILLED", reason="enough", by="ana")
    again = Stand(latch, store)
    order = again.rest()
    again.watch()
    assert again.sent == [order.client_order_id.value]


def test_what_a_full_disk_kept_from_the_trail_is_written_once_there_is_room(stand, store):
    stand.full = True
    stand.states.tighten("HALTED", reason="enough", by="ana")
    assert stand.states.switch.state == "HALTED"
    assert (rows(store), stand.told) == ([], [])
    stand.full = False
    stand.watch(after_s=60.0)
    ((kind, actor, body),) = rows(store)
    assert (kind, actor, body["before"], body["state"]) == (
        "trading.state",
        "ana",
        "ACTIVE",
        "HALTED",
    )
    assert body["since_ns"] == stand.states.switch.held.since_ns
    assert stand.told == ["HALTED"]
    stand.watch(after_s=60.0)
    assert len(rows(store)) == 1


def test_a_store_that_takes_nothing_is_not_tried_with_every_look(stand):
    stand.full = True
    stand.states.tighten("HALTED", reason="enough", by="ana")
    before = stand.tries
    for _ in range(40):  # ten seconds
        stand.watch()
    assert stand.tries - before <= 1


def test_the_trail_says_what_the_trader_may_do_as_its_node_begins(latch, store):
    latch.tighten("HALTED", reason="it died too often", by="supervisor", automatic=True)
    Stand(latch, store).states.begin()
    ((kind, actor, body),) = rows(store)
    assert (kind, actor, body["state"], body["reason"], body["automatic"]) == (
        "trading.begun",
        "supervisor",
        "HALTED",
        "it died too often",
        True,
    )
