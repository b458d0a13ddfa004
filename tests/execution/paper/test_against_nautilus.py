"""The book fills what Nautilus' own simulated exchange fills, when and at the price it does.

Every order has an instrument of its own: of several orders that one quote reaches, Nautilus looks
at some only at the next.
"""

import random
from decimal import Decimal

import pytest
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import (
    AccountType,
    LiquiditySide,
    OmsType,
    OrderSide,
    TrailingOffsetType,
    TriggerType,
)
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from tests.execution.paper.orders import NOW, SECOND, Desk, order

N_ORDERS = 120
N_QUOTES = 100

pytestmark = pytest.mark.timeout(120)


def a_day(seed):
    """A random walk of a hundred quotes, 10 cents wide."""
    steps = random.Random(seed)
    mid = Decimal(100)
    quotes = []
    for _ in range(N_QUOTES):
        mid += Decimal(steps.randint(-40, 40)) / 100
        quotes.append((mid - Decimal("0.05"), mid + Decimal("0.05")))
    return quotes


def some_orders(kinds, quotes, seed):
    """Order number -> the quote it is sent on, and the order: 20 to 90 cents from the market."""
    draw = random.Random(seed)
    orders = {}
    for number in range(N_ORDERS):
        kind, side, at = draw.choice(kinds), draw.choice(("BUY", "SELL")), draw.randint(0, 60)
        sign = 1 if side == "BUY" else -1
        bid, ask = quotes[at]
        market = ask if side == "BUY" else bid
        far = sign * Decimal(draw.randint(20, 90)) / 100
        beyond = sign * Decimal(draw.randint(-20, 30)) / 100
        terms = {
            "MARKET": {},
            "LIMIT": {"limit_price": market - far},
            "STOP_MARKET": {"trigger_price": market + far},
            "STOP_LIMIT": {"trigger_price": market + far, "limit_price": market + far + beyond},
            "MARKET_IF_TOUCHED": {"trigger_price": market - far},
            "LIMIT_IF_TOUCHED": {
                "trigger_price": market - far,
                "limit_price": market - far + beyond,
            },
        }.get(kind)
        if terms is None:
            by_price = draw.random() < 0.5
            terms = {
                "trailing_offset": abs(far) if by_price else abs(far) * 100,
                "trailing_offset_type": "PRICE" if by_price else "BASIS_POINTS",
            }
            if kind == "TRAILING_STOP_LIMIT":
                beyond = Decimal(draw.randint(0, 30)) / 100
                terms["limit_offset"] = terms["trailing_offset"] + (
                    beyond if by_price else beyond * 100
                )
            if draw.random() < 0.4:
                terms["activation_price"] = market - sign * Decimal(draw.randint(10, 60)) / 100
        texts = {
            key: value if isinstance(value, str) else str(value) for key, value in terms.items()
        }
        orders[number] = at, order(f"O-{number}", side, kind, draw.randint(1, 50), **texts)
    return orders


class Replay(Strategy):
    """Sends each order on its quote and writes down what became of it."""

    def __init__(self, orders):
        super().__init__()
        self.orders = orders
        self.seen = dict.fromkeys(orders, -1)
        self.fills, self.triggers = [], []

    def on_start(self):
        for number in self.orders:
            self.subscribe_quote_ticks(instrument_id(number))

    def on_quote_tick(self, tick):
        number = int(tick.instrument_id.symbol.value)
        self.seen[number] += 1
        at, asked = self.orders[number]
        if self.seen[number] == at:
            self.submit_order(self.made(number, asked))

    def made(self, number, asked):
        make = getattr(self.order_factory, asked.order_type.lower())
        terms = {}
        if asked.limit_price is not None:
            terms["price"] = Price(asked.limit_price, 2)
        if asked.trigger_price is not None:
            terms["trigger_price"] = Price(asked.trigger_price, 2)
        if asked.trailing_offset is not None:
            terms["trailing_offset"] = asked.trailing_offset
            terms["trailing_offset_type"] = TrailingOffsetType[asked.trailing_offset_type]
        if asked.limit_offset is not None:
            terms["limit_offset"] = asked.limit_offset
        if asked.activation_price is not None:
            terms["activation_price"] = Price(asked.activation_price, 2)
        if asked.order_type not in ("MARKET", "LIMIT"):
            terms["trigger_type"] = TriggerType.BID_ASK
        return make(
            instrument_id=instrument_id(number),
            order_side=OrderSide[asked.side],
            quantity=Quantity(int(asked.quantity), 0),
            client_order_id=ClientOrderId(asked.client_order_id),
            **terms,
        )

    def on_order_filled(self, event):
        side = "MAKER" if event.liquidity_side == LiquiditySide.MAKER else "TAKER"
        name, when = event.client_order_id.value, (event.ts_event - NOW) // SECOND
        self.fills.append((name, when, int(event.last_qty), str(event.last_px), side))

    def on_order_triggered(self, event):
        self.triggers.append((event.client_order_id.value, (event.ts_event - NOW) // SECOND))


def instrument_id(number):
    return InstrumentId(Symbol(str(number)), Venue("SIM"))


def by_nautilus(orders, quotes):
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id="T-001", logging=LoggingConfig(bypass_logging=True), run_analysis=False
        )
    )
    engine.add_venue(
        Venue("SIM"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(1_000_000, USD)],
        default_leverage=Decimal(10),
    )
    size = Quantity(10_000, 0)
    for number in orders:
        name = instrument_id(number)
        tick = Price.from_str("0.01")
        engine.add_instrument(Equity(name, name.symbol, USD, 2, tick, Quantity(1, 0), 0, 0))
        engine.add_data(
            [
                QuoteTick(name, Price(bid, 2), Price(ask, 2), size, size, ts, ts)
                for ts, (bid, ask) in enumerate_seconds(quotes)
            ]
        )
    strategy = Replay(orders)
    engine.add_strategy(strategy)
    engine.run()
    fills, triggers = strategy.fills, strategy.triggers
    engine.dispose()
    return sorted(fills), sorted(triggers)


def by_the_book(orders, quotes):
    fills, triggers = [], []
    for at, asked in orders.values():
        desk = Desk(market=None)
        for number, (bid, ask) in enumerate(quotes):
            desk.now = NOW + (number - 1) * SECOND
            desk.quote(bid, ask)
            if number == at:
                desk.now = NOW + (number - 1) * SECOND
                desk.submit(asked)
        for event in desk.events:
            when = (event.order.ts_last - NOW) // SECOND
            if event.fill is not None:
                fill = event.fill
                paid = int(fill.quantity), str(fill.price), fill.liquidity
                fills.append((asked.client_order_id, when, *paid))
            elif event.kind == "TRIGGERED":
                triggers.append((asked.client_order_id, when))
    return sorted(fills), sorted(triggers)


def enumerate_seconds(quotes):
    return ((NOW + number * SECOND, quote) for number, quote in enumerate(quotes))


@pytest.mark.parametrize(
    "kinds",
    [
        ("MARKET", "LIMIT"),
        ("STOP_MARKET", "MARKET_IF_TOUCHED"),
        ("TRAILING_STOP_MARKET",),
    ],
    ids=" ".join,
)
def test_fills_are_those_of_the_simulated_exchange_of_nautilus(kinds):
    quotes = a_day(seed=11)
    orders = some_orders(kinds, quotes, seed=12)
    theirs, _ = by_nautilus(orders, quotes)
    ours, _ = by_the_book(orders, quotes)
    assert len(theirs) > N_ORDERS / 4  # the day reaches enough of them to be worth a comparison
    assert ours == theirs


@pytest.mark.parametrize(
    "kinds",
    [("STOP_LIMIT", "LIMIT_IF_TOUCHED"), ("TRAILING_STOP_LIMIT",)],
    ids=" ".join,
)
def test_stop_limits_and_touched_limits_trigger_when_those_of_nautilus_do(kinds):
    """What they then pay differs: Nautilus has the market pass through the trigger price."""
    quotes = a_day(seed=21)
    orders = some_orders(kinds, quotes, seed=22)
    _, theirs = by_nautilus(orders, quotes)
    _, ours = by_the_book(orders, quotes)
    assert len(theirs) > N_ORDERS / 4
    assert ours == theirs
