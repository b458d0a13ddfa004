"""What a trader may do, and what follows: cancels that arrive, rows that are written."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.execution.messages import CancelAllOrders
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.exceptions import NotReachable, StoreError
from nautilus_lab.execution.gate import TradingSwitch
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Latch
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._mass_cancel import MassCancels
from nautilus_lab.trading.node._states import TradingStates

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")


class Stand:
    """A trader's states over a cache with orders; what is sent to the venue is kept."""

    def __init__(self, latch: Latch, store: TradingStore, *, venues=None, later=None) -> None:
        clock, trader = TestClock(), TraderId("T-1")
        self.cache = TestComponentStubs.cache()
        self.sent: list[str] = []
        self.told: list[str] = []
        self.full = False
        self.tries = 0
        self.now_s = 0.0
        bus = MessageBus(trader, clock)
        bus.register("ExecEngine.execute", self._send)
        self._orders = OrderFactory(trader, StrategyId("S-1"), clock, self.cache)
        self._trail = AuditTrail(store)
        self.states = TradingStates(
            SimpleNamespace(cache=self.cache, clock=clock, msgbus=bus),
            TradingSwitch(latch),
            trader="T-1",
            tell=self._tell,
            trail=SimpleNamespace(append=self._append),
            now_s=lambda: self.now_s,
            mass_cancels=MassCancels(venues or {}, now_s=lambda: self.now_s),
            **({} if later is None else {"later": later}),
        )

    def _send(self, command):
        if isinstance(command, CancelAllOrders):
            self.sent.append(f"all of {command.strategy_id} in {command.instrument_id}")
        else:
            self.sent.append(command.client_order_id.value)

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


@pytest.mark.parametrize("to", ["REDUCE_ONLY", "HALTED"])
def test_cancels_that_an_earlier_life_did_not_get_to_are_sent_as_the_next_begins(latch, store, to):
    latch.tighten(to, reason="enough", by="ana", cancel_orders=True)
    again = Stand(latch, store)
    order = again.rest()
    again.states.begin()
    assert again.sent == [order.client_order_id.value]
    # What is found to work later ends too where nothing may work.
    late = again.rest()
    again.watch()
    assert again.sent[1:] == ([late.client_order_id.value] if to == "HALTED" else [])


def test_a_halt_that_cancelled_nothing_cancels_nothing_as_the_next_life_begins(latch, store):
    latch.tighten("HALTED", reason="enough", by="ana")
    again = Stand(latch, store)
    again.rest()
    again.states.begin()
    again.watch(after_s=10.0)
    assert again.sent == []


def test_that_orders_end_with_a_halt_that_holds_already_is_latched_and_audited(latch, store):
    stand = Stand(latch, store)
    order = stand.rest()
    stand.states.tighten("HALTED", reason="enough", by="ana")
    stand.states.tighten("HALTED", reason="these too", by="ben", cancel_orders=True)
    assert stand.sent == [order.client_order_id.value]
    assert (latch.read().cancels, latch.read().reason) == (True, "enough")
    told = [(kind, body["cancel_orders"]) for kind, _, body in rows(store)]
    assert told == [("trading.state", False), ("trading.state", True)]
    assert stand.told == ["HALTED"]  # it moved once


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


class Venue:
    """A venue that cancels everything on one message, as often as it is asked."""

    def __init__(self, *, works=2, answers=True):
        self.works, self.answers, self.asked = works, answers, 0

    async def cancel_everything(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.answers:
            raise NotReachable("the venue must answer")
        cancelled, self.works = self.works, 0
        return cancelled


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_venue_with_a_mass_cancel_is_sent_one_message_and_names_only_later(latch, store):
    venue = Venue()
    stand = Stand(latch, store, venues={"PAPER": venue.cancel_everything})
    orders = [stand.rest() for _ in range(3)]
    assert stand.states.tighten("KILLED", reason="enough", by="ana") == 0  # nobody asked to cancel
    assert stand.states.tighten("KILLED", reason="enough", by="ana", cancel_orders=True) == 3
    await turn()
    assert (venue.asked, stand.sent) == (1, [])
    stand.end(orders[0])
    stand.watch(after_s=0.5)
    assert stand.sent == []
    stand.watch(after_s=0.6)  # what it did not end is cancelled by its name
    assert stand.sent == [order.client_order_id.value for order in orders[1:]]


async def test_a_killed_traders_venue_is_asked_until_nothing_is_left(latch, store):
    venue = Venue(answers=False)
    latch.tighten("KILLED", reason="enough", by="ana")
    stand = Stand(latch, store, venues={"PAPER": venue.cancel_everything})
    stand.states.begin()
    await turn()
    assert venue.asked == 1
    for _ in range(8):
        stand.watch()
        await turn()
    assert venue.asked == 2  # it did not say that it had
    venue.answers = True
    for _ in range(60):
        stand.watch()
        await turn()
    # Once more than it had something: that a venue has nothing is what it says itself.
    assert (venue.asked, venue.works) == (4, 0)


async def test_a_halted_traders_venue_is_asked_likewise_and_not_with_less_than_a_halt(latch, store):
    venue = Venue()
    stand = Stand(latch, store, venues={"PAPER": venue.cancel_everything})
    order = stand.rest()
    stand.states.tighten("REDUCE_ONLY", reason="careful", by="ana", cancel_orders=True)
    await turn()
    # One message cannot tell what reduces from what does not.
    assert (venue.asked, stand.sent) == (0, [order.client_order_id.value])
    stand.states.tighten("HALTED", reason="enough", by="ana", cancel_orders=True)
    for _ in range(40):
        await turn()
        stand.watch()
    assert (venue.asked, venue.works) == (2, 0)


async def test_a_kill_that_another_process_wrote_reaches_the_venue_as_well(latch, store):
    venue = Venue()
    stand = Stand(latch, store, venues={"PAPER": venue.cancel_everything})
    stand.rest()
    latch.tighten("KILLED", reason="enough", by="ana")
    stand.states.switch.look()  # the gate saw it first
    stand.watch()
    await turn()
    assert venue.asked == 1
    assert stand.told == ["KILLED"]


def test_orders_of_one_instrument_go_by_one_cancel_where_there_is_no_mass_cancel(stand):
    orders = [stand.rest() for _ in range(3)]
    asked = stand.states.tighten("HALTED", reason="enough", by="ana", cancel_orders=True)
    assert (asked, stand.sent) == (3, ["all of S-1 in AAPL.PAPER"])
    stand.watch(after_s=1.5)
    assert stand.sent[1:] == [order.client_order_id.value for order in orders]


def test_cancels_are_sent_before_anything_is_written_down(latch, store):
    waiting = []
    stand = Stand(latch, store, later=waiting.append)
    order = stand.rest()
    stand.states.tighten("KILLED", reason="enough", by="ana", cancel_orders=True)
    assert (stand.sent, rows(store), stand.told) == ([order.client_order_id.value], [], [])
    for tell in waiting:
        tell()
    assert [kind for kind, *_ in rows(store)] == ["trading.state"]
    assert stand.told == ["KILLED"]


async def test_who_wrote_the_latch_hears_how_many_orders_that_ended(latch, store):
    venue = Venue()
    stand = Stand(latch, store, venues={"PAPER": venue.cancel_everything})
    orders = [stand.rest() for _ in range(3)]
    latch.tighten("KILLED", reason="enough", by="ana")
    stand.watch()  # before the node is told
    for order in orders:
        stand.end(order)
    await turn()
    assert stand.states.tighten("KILLED", reason="enough", by="ana", cancel_orders=True) == 3
    assert stand.states.switch.held.serial == latch.read().serial
