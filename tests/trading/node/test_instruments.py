"""What a node trades at a paper venue, and what it is worth there, here and in Nautilus."""

from decimal import Decimal

import pytest
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId, PositionId, TradeId
from nautilus_trader.model.instruments import Equity, FuturesContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.position import Position
from nautilus_trader.test_kit.stubs.events import TestEventStubs
from nautilus_trader.test_kit.stubs.execution import TestExecStubs

from nautilus_lab.analytics import LivePositions
from nautilus_lab.execution.paper import VenueInstrument, VenueTerms
from nautilus_lab.trading.node._instruments import instrument
from tests.execution.paper.orders import Desk, order

D = Decimal


def told(multiplier):
    return VenueInstrument(
        symbol="AAPL",
        price_increment=D("0.01"),
        lot_size=1,
        maker_fee=D(0),
        taker_fee=D("0.0001"),
        initial_margin=D("0.1"),
        maintenance_margin=D("0.05"),
        multiplier=D(multiplier),
    )


def filled(contract, fill, number):
    made = TestExecStubs.limit_order(
        instrument=contract,
        order_side=OrderSide.BUY if fill.side == "BUY" else OrderSide.SELL,
        quantity=Quantity(fill.quantity, 0),
        client_order_id=ClientOrderId(f"O-{number}"),
    )
    return TestEventStubs.order_filled(
        made,
        contract,
        trade_id=TradeId(fill.trade_id),
        position_id=PositionId("P-1"),
        last_px=Price(fill.price, 2),
        commission=Money(fill.commission, USD),
    )


@pytest.mark.parametrize(("multiplier", "kind"), [("1", Equity), ("50", FuturesContract)])
def test_what_has_a_multiplier_is_a_contract_and_all_else_a_share(multiplier, kind):
    made = instrument(told(multiplier), "PAPER")
    assert type(made) is kind
    assert made.multiplier == Quantity.from_str(multiplier)
    assert str(made.id) == "AAPL.PAPER"
    assert (made.price_precision, made.taker_fee) == (2, D("0.0001"))


@pytest.mark.parametrize("multiplier", ["1", "50", "0.1", "12.5"])
def test_venue_node_and_nautilus_have_the_same_money_of_the_same_fills(multiplier):
    terms = VenueTerms(leverage=10.0, taker_fee_bps=1.0, multipliers={"AAPL": float(multiplier)})
    desk = Desk(cash=1_000_000, terms=terms, market=("99.90", "100.10"))
    desk.submit(order("o1", quantity=70))
    desk.quote("109.90", "110.10")
    desk.submit(order("o2", "SELL", quantity=40))
    desk.quote("105.00", "105.20")
    desk.submit(order("o3", "BUY", quantity=10))
    contract, book, position = instrument(told(multiplier), "PAPER"), LivePositions(), None
    balance = D(1_000_000)  # an account of Nautilus moves by what is realised, fees included
    for number, fill in enumerate(desk.book.fills):
        event = filled(contract, fill, number)
        if position is None:
            position = Position(contract, event)
        else:
            position.apply(event)
        book.fill(
            "AAPL.PAPER",
            fill.side,
            float(fill.quantity),
            float(fill.price),
            commission=float(fill.commission),
            multiplier=float(multiplier),
        )
    venue, close = desk.book.account, Price.from_str("105.00")  # a sale closes
    book.mark("AAPL.PAPER", float(close))
    assert float(venue.balance) == pytest.approx(
        float(balance + position.realized_pnl.as_decimal()), abs=0.03
    )
    worth = position.realized_pnl.as_decimal() + position.unrealized_pnl(close).as_decimal()
    assert float(venue.equity) == pytest.approx(float(balance + worth), abs=0.03)
    assert float(venue.equity) == pytest.approx(1_000_000 + book.total, abs=0.01)
    assert float(venue.cash) == pytest.approx(1_000_000 + book.cash_flow, abs=0.01)
