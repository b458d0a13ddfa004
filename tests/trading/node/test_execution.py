"""Orders of which the venue says nothing, and those that it makes by itself."""

import asyncio
from decimal import Decimal

import pytest
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import ModifyOrder
from nautilus_trader.live.config import LiveExecClientConfig
from nautilus_trader.model.enums import OmsType, OrderSide, TrailingOffsetType
from nautilus_trader.model.events import OrderCancelRejected, OrderUpdated
from nautilus_trader.model.identifiers import ClientOrderId, PositionId, StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.position import Position
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from nautilus_lab.execution.paper import Orders, VenueEvent, VenueOrder
from nautilus_lab.trading.node._closing_out import who_is_closed
from nautilus_lab.trading.node._execution import PaperExecutionClient
from nautilus_lab.trading.node._history import History
from nautilus_lab.trading.node._orders_told import order_updated

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
def told():
    """The venues that closed out."""
    return []


@pytest.fixture
async def client(cache, told):
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
        on_closed_out=lambda venue, order: told.append(venue),
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


def hold(cache, strategy, units):
    """Have a strategy hold some of the stock."""
    orders = OrderFactory(TraderId("T-1"), StrategyId(strategy), LiveClock(), cache)
    order = orders.market(AAPL.id, OrderSide.BUY, Quantity.from_int(units))
    fill = TestEventStubs.order_filled(
        order, AAPL, strategy_id=StrategyId(strategy), position_id=PositionId(f"P-{strategy}")
    )
    cache.add_instrument(AAPL)
    cache.add_position(Position(AAPL, fill), OmsType.NETTING)


@pytest.mark.parametrize(
    ("ago_s", "status"),
    [(5, "SUBMITTED"), (9, "REJECTED"), (-2, "SUBMITTED"), (-3_600, "REJECTED")],
)
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


def closes(side="SELL"):
    """The venue's own order over what the account cannot keep."""
    return VenueOrder(
        client_order_id="MARGIN-CALL-PAPER-1-5",
        venue_order_id="V-5",
        symbol="AAPL",
        side=side,
        order_type="MARKET",
        quantity=Decimal(7),
        reduce_only=True,
        status="ACCEPTED",
        ts_accepted=5,
        ts_last=5,
    )


@pytest.mark.parametrize(
    ("side", "held", "whose"),
    [
        ("SELL", {"A-1": 3.0, "B-1": 4.0, "C-1": -9.0}, "B-1"),
        ("BUY", {"A-1": 3.0, "B-1": -4.0}, "B-1"),
        ("SELL", {"A-1": -3.0, "B-1": 0.0}, None),
        ("SELL", {}, None),
    ],
)
def test_what_a_venue_closes_is_of_the_strategy_that_holds_most_of_it(side, held, whose):
    assert who_is_closed(closes(side), held) == whose


async def test_a_venue_that_closes_out_does_so_in_the_name_of_who_holds(cache, client, told):
    hold(cache, "A-1", 7)
    client._on_event(VenueEvent(seq=1, kind="ACCEPTED", order=closes()))
    order = cache.order(ClientOrderId("MARGIN-CALL-PAPER-1-5"))
    assert (order.strategy_id.value, order.status_string()) == ("A-1", "ACCEPTED")
    assert not order.is_reduce_only  # Nautilus drops fills of those that reduce nothing of theirs
    assert order.tags == ["by:PAPER"]
    assert told == ["PAPER"]
    client._on_event(VenueEvent(seq=2, kind="UPDATED", order=closes()))
    assert told == ["PAPER"]


# --- orders that trail ------------------------------------------------------------------------


def trails(trigger, seq=1, kind="UPDATED", quantity=Decimal(100)):
    """What a venue says of a stop whose trigger has moved."""
    order = VenueOrder(
        client_order_id="O-1",
        venue_order_id="1",
        symbol="AAPL",
        side="SELL",
        order_type="TRAILING_STOP_MARKET",
        quantity=quantity,
        trailing_offset=Decimal(500),
        trailing_offset_type="BASIS_POINTS",
        trigger_price=Decimal(trigger),
        status="ACCEPTED",
        ts_accepted=5,
        ts_last=5 + seq,
    )
    return VenueEvent(seq=seq, kind=kind, order=order)


@pytest.fixture
def trailing(client, cache):
    """An order that trails the market by 500 basis points, at its venue."""
    order = OrderFactory(
        TraderId("T-1"), StrategyId("S-1"), LiveClock(), cache
    ).trailing_stop_market(
        AAPL.id,
        OrderSide.SELL,
        Quantity.from_int(100),
        trailing_offset=Decimal(500),
        trailing_offset_type=TrailingOffsetType.BASIS_POINTS,
        client_order_id=ClientOrderId("O-1"),
    )
    cache.add_order(order)
    for event in (TestEventStubs.order_submitted, TestEventStubs.order_accepted):
        order.apply(event(order))
    cache.update_order(order)
    return order


def updates(order):
    """The triggers that Nautilus was told of."""
    return [str(e.trigger_price) for e in order.events if isinstance(e, OrderUpdated)]


async def test_a_trailing_stop_tells_its_offset_and_where_its_trigger_stands(client, trailing):
    client._on_event(trails("69.20"))
    told = order_updated(trailing, "", None)
    assert (told.trailing_offset, told.offset_type) == (Decimal(500), "BASIS_POINTS")
    assert told.trigger_price == Decimal("69.20")


async def test_of_a_trigger_that_moves_with_every_quote_the_last_is_told_now_and_then(
    client, trailing, monkeypatch
):
    monkeypatch.setattr("nautilus_lab.trading.node._execution._TRAILS_EVERY_S", 0.05)
    for cents in range(50):
        client._on_event(trails(f"69.{cents:02}", seq=cents + 1))
    assert updates(trailing) == ["69.00"]
    await asyncio.sleep(0.2)
    assert updates(trailing) == ["69.00", "69.49"]
    client._on_event(trails("69.60", seq=60))
    assert updates(trailing)[-1] == "69.60"


async def test_what_happens_to_an_order_finds_its_trigger_where_it_was(client, trailing):
    for cents in (10, 20, 30):
        client._on_event(trails(f"69.{cents}", seq=cents))
    client._on_event(trails("69.30", seq=31, kind="CANCELED"))
    assert updates(trailing) == ["69.10", "69.30"]
    assert trailing.status_string() == "CANCELED"


async def test_a_trigger_that_moves_is_no_answer_to_a_change_that_is_on_its_way(
    client, cache, trailing
):
    class Slow(EmptyVenue):
        """A venue whose trigger moves before it makes the change."""

        async def request(self, ask, answer, **_):
            client._on_event(trails("69.10"))
            seen.append(trailing.status_string())
            client._on_event(trails("69.10", seq=2, quantity=Decimal(40)))
            return Orders(orders=[])

    seen = []
    client._paper = Slow()
    trailing.apply(TestEventStubs.order_pending_update(trailing))
    ids = (trailing.trader_id, trailing.strategy_id, trailing.instrument_id)
    await client._modify_order(
        ModifyOrder(
            *ids, trailing.client_order_id, None, Quantity.from_int(40), None, None, UUID4(), 0
        )
    )
    assert seen == ["PENDING_UPDATE"]
    assert (trailing.status_string(), int(trailing.quantity)) == ("ACCEPTED", 40)
    assert str(trailing.trigger_price) == "69.10"
