"""What a node tells of its orders, and what it remembers of them for snapshots."""

import asyncio
from decimal import Decimal

import pytest
from nautilus_trader.common.component import TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AssetClass, OrderSide
from nautilus_trader.model.events import OrderCancelRejected, OrderModifyRejected
from nautilus_trader.model.identifiers import (
    InstrumentId,
    PositionId,
    StrategyId,
    Symbol,
    TradeId,
    TraderId,
)
from nautilus_trader.model.instruments import FuturesContract
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.position import Position
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.exceptions import NodeError, StoreError, StoreUnwritable
from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.messages import NodeStateChanged
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.limits import Finding
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._desk import Desk

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")
ES = FuturesContract(
    instrument_id=InstrumentId.from_str("ESZ9.GLBX"),
    raw_symbol=Symbol("ESZ9"),
    asset_class=AssetClass.INDEX,
    currency=USD,
    price_precision=2,
    price_increment=Price.from_str("0.25"),
    multiplier=Quantity.from_int(50),
    lot_size=Quantity.from_int(1),
    underlying="ES",
    activation_ns=0,
    expiration_ns=2 * 10**18,
    ts_event=0,
    ts_init=0,
)


class Life:
    """One life of a node: a desk over a cache of its own and a store that outlives it."""

    def __init__(self, store: TradingStore, **desk) -> None:
        self.heard = []  # what the bus was told
        self.states = []
        bus = LocalBus()
        bus.subscribe(">", self.heard.append)
        self.cache = TestComponentStubs.cache()
        self.cache.add_instrument(AAPL)
        self._store = store
        epoch = store.begin_epoch("node")
        self.desk = Desk(
            trader="T-1",
            writer="node",
            epoch=epoch,
            accounts=Accounts({"PAPER": 0.0}),
            outbox=Outbox(store, bus, trader="T-1", writer="node", epoch=epoch),
            publish=self.states.append,
            cache=self.cache,
            **desk,
        )
        self.stored = store.orders()
        self.desk.remember_orders(self.stored)
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

    def fills(self, order, trade_id: str = "1") -> None:
        fill = TestEventStubs.order_filled(order, AAPL, trade_id=TradeId(trade_id))
        self.happens(order, fill)

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


def refused(kind, order):
    at = (order.trader_id, order.strategy_id, order.instrument_id, order.client_order_id)
    return kind(*at, None, None, "it is filled", UUID4(), 0, 0)


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


# --- what happens in one turn of the loop ---------------------------------------------------


def statuses(told):
    return [getattr(event.body, "status", type(event.body).__name__) for event in told]


class Turn:
    """A loop whose turn ends when a test says so."""

    def __init__(self) -> None:
        self._acts = []

    def soon(self, act) -> None:
        self._acts.append(act)

    def end(self) -> None:
        acts, self._acts = self._acts, []
        for act in acts:
            act()


@pytest.fixture
def turn():
    return Turn()


@pytest.fixture
def busy(store, turn):
    life = Life(store, soon=turn.soon)
    life.desk.reconciling = False
    return life


def test_what_happens_in_one_turn_is_stored_together_and_then_told_in_its_order(
    store, busy, turn, monkeypatch
):
    commits = []
    record_many = store.record_many
    monkeypatch.setattr(
        store, "record_many", lambda events: commits.append(len(events)) or record_many(events)
    )
    order = busy.limit()
    busy.works(order)
    busy.fills(order)
    assert (busy.heard, store.orders()) == ([], ())
    turn.end()
    assert commits == [4]
    assert statuses(busy.heard) == ["SUBMITTED", "ACCEPTED", "OrderFilled", "FILLED"]
    assert list(store.outbox_after("node", 0, 0)) == busy.heard
    assert (busy.desk.seq, busy.desk.order_count, busy.desk.fill_count) == (4, 1, 1)
    busy.works(busy.limit())
    turn.end()
    assert commits == [4, 2]


async def test_a_running_loop_ends_the_turn(store):
    life = Life(store, soon=asyncio.get_running_loop().call_soon)
    life.works(life.limit())
    assert life.heard == []
    await asyncio.sleep(0)
    assert statuses(life.heard) == ["SUBMITTED", "ACCEPTED"]


def test_an_event_of_the_node_itself_is_told_at_once_and_after_what_happened_before(busy, turn):
    busy.works(busy.limit())
    busy.desk.tell(NodeStateChanged(component="node", state="stopped"), "system.node.T-1")
    assert statuses(busy.heard) == ["SUBMITTED", "ACCEPTED", "NodeStateChanged"]
    turn.end()
    assert [event.seq for event in busy.heard] == [1, 2, 3]


def test_a_snapshot_has_what_happened_in_this_turn(store, busy):
    order = busy.limit()
    busy.works(order)
    busy.fills(order)
    present = busy.desk.snapshot()
    assert present.seq == store.latest_seq("node", busy.desk.epoch) == 4
    assert statuses(present.orders) == ["FILLED"]
    assert [fill.body.trade_id for fill in present.fills] == ["1"]


def test_a_trade_that_comes_twice_in_a_turn_counts_once(busy, turn):
    order = busy.limit()
    busy.works(order)
    for _ in range(2):
        busy.desk.on_order_event(TestEventStubs.order_filled(order, AAPL, trade_id=TradeId("1")))
    turn.end()
    assert (busy.desk.fill_count, busy.desk.accounts.positions["AAPL.PAPER"].quantity) == (1, 1)


@pytest.mark.parametrize("kind", [OrderModifyRejected, OrderCancelRejected])
def test_a_change_that_came_too_late_is_no_reason_of_how_an_order_ended(life, store, kind):
    order = life.limit()
    life.works(order)
    life.fills(order)
    life.happens(order, refused(kind, order))
    (told,) = store.orders()
    assert (told.body.status, told.body.reason) == ("FILLED", "")


def test_an_order_that_is_held_is_told_of_once(busy, turn):
    order = busy.limit()
    busy.cache.add_order(order)
    busy.desk.tell_held(order.init_event)
    busy.desk.tell_held(order.init_event)
    turn.end()
    assert statuses(busy.heard) == ["INITIALIZED"]


def test_a_life_that_was_killed_before_its_turn_was_over_is_caught_up_with(store, busy):
    order = busy.limit()
    busy.works(order)
    again = Life(store)
    again.cache.add_order(order)
    again.desk.catch_up(again.stored)
    (told,) = store.orders()
    assert (told.body.status, told.body.reason) == ("ACCEPTED", "reconciled with the venue")


@pytest.mark.parametrize(
    "act",
    [
        lambda desk, turn: turn.end(),
        lambda desk, turn: desk.snapshot(),
        lambda desk, turn: desk.tell(
            NodeStateChanged(component="node", state="running"), "system.node.T-1"
        ),
    ],
    ids=["the turn", "a snapshot", "an event"],
)
def test_what_cannot_be_stored_is_told_to_nobody_and_ends_the_node(store, turn, act):
    ends = []
    life = Life(store, soon=turn.soon, give_up=ends.append)
    life.works(life.limit())
    successor = store.begin_epoch("node")
    with pytest.raises(StoreError, match="present epoch"):
        act(life.desk, turn)
    assert [type(error) for error in ends] == [StoreError]
    assert (life.heard, store.latest_seq("node", successor)) == ([], 0)


def test_what_the_store_cannot_take_for_now_waits_in_its_order_and_the_node_lives(store, turn):
    ends = []
    life = Life(store, soon=turn.soon, give_up=ends.append)
    life.desk.reconciling = False
    order = life.limit()
    life.works(order)
    store._driver.execute("PRAGMA query_only = ON")
    turn.end()
    life.fills(order)
    turn.end()
    started = NodeStateChanged(component="node", state="running")
    with pytest.raises(StoreUnwritable):
        life.desk.tell(started, "system.node.T-1")
    assert life.desk.snapshot().orders == ()  # it shows what is stored, and answers
    assert (ends, life.heard) == ([], [])
    store._driver.execute("PRAGMA query_only = OFF")
    life.desk.tell(started, "system.node.T-1")
    assert [told.topic.split(".")[1] for told in life.heard] == [
        *("order", "order", "fill", "order", "node")
    ]
    assert [told.seq for told in life.heard] == [1, 2, 3, 4, 5]
    assert ends == []


def test_a_store_that_refused_is_left_alone_for_a_while(store, turn, monkeypatch):
    life = Life(store, soon=turn.soon)
    life.works(life.limit())
    tries = []

    def refuse(events):
        tries.append(len(events))
        raise StoreUnwritable("a store needs room to write")

    monkeypatch.setattr(store, "record_many", refuse)
    for _ in range(5):
        life.desk.flush_if_can()
    assert tries == [2]
    with pytest.raises(StoreUnwritable):
        life.desk.flush()  # who must know is told
    assert tries == [2, 2]


# --- contracts -----------------------------------------------------------------------------


def test_money_of_a_contract_counts_its_multiplier_in_this_life_and_the_next(store):
    life = Life(store)
    life.desk.reconciling = False
    life.cache.add_instrument(ES)
    factory = OrderFactory(TraderId("T-1"), StrategyId("S-2"), TestClock(), life.cache)
    order = factory.market(ES.id, OrderSide.BUY, Quantity.from_int(2))
    life.works(order)
    bought = TestEventStubs.order_filled(
        order, ES, last_px=Price.from_str("4500.00"), position_id=PositionId("P-1")
    )
    life.happens(order, bought)
    position = Position(ES, bought)  # what Nautilus makes of the same
    quote = Price.from_str("4510.00")
    later = Life(store)
    for told in store.fills():
        later.desk.remember_fill(told)
    for one in (life, later):
        accounts = one.desk.accounts
        size = Quantity.from_int(10)
        one.desk.on_quote(QuoteTick(ES.id, quote, quote, size, size, 1, 1))
        paid = float(bought.commission)
        # By hand: 2 x 4,500 x 50.
        assert accounts.cash_at("GLBX") == -450_000.0 - paid
        assert accounts.of["S-2"].unrealised == float(position.unrealized_pnl(quote)) == 1_000.0
        assert accounts.equity_at("GLBX") == 1_000.0 - paid
        one.desk.publish_book()
        (told,) = [s.body for s in one.states if s.topic.startswith("trading.position.")]
        assert (told.multiplier, told.market_price) == (50.0, 4_510.0)
        assert told.market_value == float(position.notional_value(quote)) == 451_000.0
    later.desk.accounts.require_same_contracts({ES.id.value: 50.0, "AAPL.PAPER": 1.0})
    with pytest.raises(NodeError, match=r"multiplier of ESZ9\.GLBX must be the 50"):
        later.desk.accounts.require_same_contracts({ES.id.value: 5.0})


# --- what the gate found -------------------------------------------------------------------


def finding(value, scope="AAPL"):
    return Finding(limit="max_order", scope=scope, value=value, bound=10.0, passed=True)


def test_of_each_limit_the_last_finding_is_published_and_of_orders_the_largest(life):
    for value in (3.0, 7.0, 5.0):
        life.desk.on_checked([finding(value), finding(value, "order")])
    life.desk.publish_book()
    told = {s.body.scope: s.body.value for s in life.states if s.topic.startswith("risk.limit.")}
    assert told == {"AAPL": 5.0, "order": 7.0}
