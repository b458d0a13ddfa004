"""What a node tells of orders that algorithms work: a real engine, gate and algorithms."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.test_kit.stubs.component import TestComponentStubs

from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.messages import OrderUpdated
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._wholes import Wholes
from tests.execution.algorithms.market import Market, quote, share

NEAR = share("NEAR")
QUOTES = [quote(NEAR, second, 99.98, 100.00, ask_size=10_000) for second in range(1, 120)]


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


def desk_over(store, cache):
    """Return the desk of a new life of the node, which remembers what the store has."""
    epoch = store.begin_epoch("node")
    desk = Desk(
        trader="T-1",
        writer="node",
        epoch=epoch,
        accounts=Accounts({"NEAR": 0.0}),
        outbox=Outbox(store, LocalBus(), trader="T-1", writer="node", epoch=epoch),
        publish=lambda state: None,
        cache=cache,
    )
    desk.remember_orders(store.orders())
    desk.reconciling = False
    return desk


def follow(market, desk, until_ns=10**18):
    """Have the desk hear of everything, of what is held when the order is in the cache."""
    held = []

    def hear(event):
        if event.ts_init > until_ns:
            return  # the node was killed
        while held:
            desk.tell_held(held.pop())
        if isinstance(event, OrderInitialized) and event.exec_algorithm_id is not None:
            held.append(event)
        desk.on_order_event(event)

    market.engine.kernel.msgbus.subscribe("events.order.*", hear)


def run(store, at, **more):
    market = Market([NEAR], QUOTES, at, **more)
    follow(market, desk_over(store, market.engine.cache))
    return market.run()


def rows(store, market):
    """Every row that was told of the parent, oldest first, and the one that stands."""
    name = market.parent.client_order_id.value
    told = [e.body for e in store.outbox_after("node", 0, 0, limit=10_000)]
    told = [b for b in told if getattr(b, "client_order_id", "") == name and hasattr(b, "status")]
    assert told[-1] == store.order(name).body
    return told, told[-1]


def asks(algorithm, units, horizon=10, interval=2):
    return lambda script: script.ask(
        algorithm, NEAR, units, horizon_secs=horizon, interval_secs=interval
    )


@pytest.mark.parametrize("algorithm", ["VWAP", "TWAP"])
def test_an_order_that_an_algorithm_filled_is_told_as_filled_whole(store, algorithm):
    market = run(store, {2: asks(algorithm, 400)})
    told, last = rows(store, market)
    assert market.filled == 400
    assert (last.status, last.quantity, last.filled) == ("FILLED", 400, 400)
    paid = sum(f.last_px.as_decimal() * f.last_qty.as_decimal() for f in market.fills)
    assert last.average_price == paid / 400
    # All along it says what was asked for, and that it ends it says once.
    assert {row.quantity for row in told} == {400}
    filled = [int(row.filled) for row in told]
    assert filled == sorted(filled)
    assert {80, 160, 240, 320, 400} <= set(filled)
    ends = [row.status for row in told if row.status in ("CANCELED", "DENIED", "FILLED")]
    assert ends == ["FILLED"]


@pytest.mark.parametrize("algorithm", ["VWAP", "TWAP"])
def test_an_order_whose_later_slices_were_denied_ended_with_a_part(store, algorithm):
    def halt(script):
        market.switch.tighten("HALTED", reason="a drill", by="ana")

    market = Market([NEAR], QUOTES, {2: asks(algorithm, 500), 3: halt})
    follow(market, desk_over(store, market.engine.cache))
    market.run()
    told, last = rows(store, market)
    assert market.filled == 100
    assert {row.quantity for row in told} == {500}  # a denied slice is asked for all the same
    assert (last.status, last.filled, last.average_price) == ("CANCELED", 100, Decimal(100))
    assert "HALTED" in last.reason


def test_an_order_of_which_nothing_was_let_through_is_denied(store):
    market = Market([NEAR], QUOTES, {2: asks("VWAP", 500)})
    market.switch.tighten("HALTED", reason="a drill", by="ana")
    follow(market, desk_over(store, market.engine.cache))
    market.run()
    _, last = rows(store, market)
    assert (last.status, last.quantity, last.filled) == ("DENIED", 500, 0)


@pytest.mark.parametrize("algorithm", ["VWAP", "TWAP"])
def test_an_order_that_is_cancelled_half_way_says_what_it_bought(store, algorithm):
    market = run(store, {2: asks(algorithm, 500), 5: lambda script: script.cancel()})
    _, last = rows(store, market)
    assert 0 < market.filled < 500
    assert (last.status, last.quantity, last.filled) == ("CANCELED", 500, market.filled)


@pytest.mark.parametrize("algorithm", ["VWAP", "TWAP"])
def test_a_new_life_goes_on_with_what_was_bought_and_ends_what_nobody_works(store, algorithm):
    market = Market([NEAR], QUOTES, {2: asks(algorithm, 500)})
    follow(market, desk_over(store, market.engine.cache), until_ns=5_000_000_000)
    market.run()
    working = [t.body for t in store.orders(working_only=True)]
    (parent,) = working
    assert (parent.status, parent.quantity, parent.filled) == ("PARTIALLY_FILLED", 500, 200)
    cache = TestComponentStubs.cache()  # knows none of them
    again = desk_over(store, cache)
    again.catch_up(store.orders())
    again.settle(working, {})
    last = store.order(parent.client_order_id).body
    assert (last.status, last.quantity, last.filled) == ("CANCELED", 500, 200)
    assert (last.average_price, last.reason) == (100, "the node that held it back has ended")
    assert store.orders(working_only=True) == ()


def test_a_slice_that_rests_on_after_a_kill_ends_its_parent_when_it_ends(store):
    parent = OrderUpdated(
        client_order_id="M-1", strategy="S-1", instrument="AAPL.NEAR", side="BUY",
        order_type="LIMIT", quantity=Decimal(20), status="INITIALIZED", algorithm="SMART",
    )  # fmt: skip
    part = replace(
        parent, client_order_id="M-1-E1", parent="M-1", algorithm=None, status="ACCEPTED"
    )
    before = desk_over(store, TestComponentStubs.cache())
    for body in (parent, part):
        before.tell(body, "trading.order.T-1.S-1")
    after = desk_over(store, TestComponentStubs.cache())
    after.settle([parent], {})
    told = store.order("M-1").body
    assert (told.status, told.reason) == ("ACCEPTED", "")
    after.settle([replace(part, quantity=Decimal(20))], {})  # the venue never had it
    assert store.order("M-1").body.status == "CANCELED"


def test_a_whole_of_a_part_without_a_price_has_no_average():
    parent = OrderUpdated(
        client_order_id="M-1", strategy="S-1", instrument="AAPL.NEAR", side="BUY",
        order_type="MARKET", quantity=Decimal(20), status="INITIALIZED", algorithm="VWAP",
    )  # fmt: skip
    wholes = Wholes()
    wholes.take(parent, asked=Decimal(20))
    part = replace(
        parent, client_order_id="M-1-E1", parent="M-1", algorithm=None, filled=Decimal(5)
    )
    told = wholes.take_part(part)
    assert (told.filled, told.average_price) == (5, None)
    told = wholes.take_part(replace(part, average_price=Decimal("72.50")))
    assert (told.filled, told.average_price) == (5, Decimal("72.5"))
