"""Nothing reaches a venue but through the gate; checked in a real Nautilus engine."""

from decimal import Decimal

import pytest
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderStatus, TriggerType
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import Gate, MaxOrderNotional
from nautilus_lab.risk import NotionalLimit

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")
SECOND = 1_000_000_000


class Script(Strategy):
    """Calls a function of the test with itself at each quote."""

    def __init__(self, act):
        super().__init__()
        self.act = act
        self.quotes = 0

    def on_start(self):
        self.subscribe_quote_ticks(AAPL.id)

    def on_quote_tick(self, tick):
        self.quotes += 1
        self.act(self, self.quotes)

    def buy(self, units, **trigger):
        order = self.order_factory.market(
            AAPL.id, OrderSide.BUY, Quantity.from_int(units), **trigger
        )
        self.submit_order(order)
        return order

    def bid(self, units, price, **trigger):
        order = self.order_factory.limit(
            AAPL.id, OrderSide.BUY, Quantity.from_int(units), Price.from_str(price), **trigger
        )
        self.submit_order(order)
        return order


class Run:
    """One engine with a gate of 10 000 USD, run over quotes around 100."""

    def __init__(self, act, *, limit=10_000, journal=None, asks=("100.00",) * 10, tell=None):
        self.journal = journal or MemoryJournal()
        self.checked, self.denied = [], []
        config = BacktestEngineConfig(
            trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True)
        )
        engine = BacktestEngine(config)
        engine.add_venue(
            Venue("PAPER"), OmsType.NETTING, AccountType.MARGIN, [Money(10_000_000, USD)], USD
        )
        engine.add_instrument(AAPL)
        engine.add_data([quote(ask, i) for i, ask in enumerate(asks)])
        engine.add_strategy(Script(act))
        gate = Gate(
            engine.kernel,
            checks=(MaxOrderNotional(limit=NotionalLimit(max_notional=limit)),),
            journal=self.journal,
            on_checked=lambda findings: self.checked.extend(findings[1:]),
            on_denied=lambda order, check, reason: (tell or self.denied.append)(reason),
        )
        gate.install()
        engine.run()
        self.orders = engine.cache.orders()
        self.statuses = [order.status for order in self.orders]
        engine.dispose()


def quote(ask, i):
    size = Quantity.from_int(1_000_000)
    bid = Price.from_str(f"{Decimal(ask) - Decimal('0.02'):.2f}")
    stamp = i * SECOND
    return QuoteTick(AAPL.id, bid, Price.from_str(ask), size, size, stamp, stamp)


def once(number, act):
    return lambda strategy, count: act(strategy) if count == number else None


def test_an_order_on_the_limit_passes_is_journaled_once_and_counted_once():
    run = Run(once(1, lambda s: s.buy(100)))
    assert run.statuses == [OrderStatus.FILLED]
    (intent,) = run.journal.intents
    assert (intent.command, intent.verdict) == ("submit", "forwarded")
    assert intent.body["notional"] == "10000.00"
    assert intent.body["side"] == "BUY"
    assert len(run.checked) == 1


def test_an_order_over_the_limit_is_denied_with_both_numbers_even_on_a_margin_account():
    run = Run(once(1, lambda s: s.buy(101)))
    assert run.statuses == [OrderStatus.DENIED]
    assert run.denied == ["MAX_ORDER_NOTIONAL: 10100.00 is over the limit of 10000.00"]
    assert run.journal.intents[0].verdict == "denied"


def test_an_emulated_order_is_checked_when_it_is_released_past_the_risk_engine():
    def act(strategy, count):
        if count == 1:
            strategy.bid(102, "99.00", emulation_trigger=TriggerType.BID_ASK)

    run = Run(act, asks=("100.00", "99.50", "98.90", "98.90"))
    assert run.statuses == [OrderStatus.DENIED]
    small = Run(
        once(1, lambda s: s.bid(100, "99.00", emulation_trigger=TriggerType.BID_ASK)),
        asks=("100.00", "99.50", "98.90", "98.90"),
    )
    assert small.statuses == [OrderStatus.FILLED]


def test_a_change_that_lifts_an_order_over_the_limit_is_rejected_and_the_order_stands():
    def act(strategy, count):
        if count == 1:
            strategy.order = strategy.bid(50, "90.00")
        if count == 3:
            strategy.modify_order(strategy.order, quantity=Quantity.from_int(500))

    run = Run(act)
    assert run.statuses == [OrderStatus.ACCEPTED]
    assert run.orders[0].quantity == 50
    assert [i.command for i in run.journal.intents] == ["submit", "modify"]
    assert run.journal.intents[1].verdict == "denied"


def test_of_a_list_with_one_order_too_large_nothing_leaves():
    def act(strategy):
        factory = strategy.order_factory
        bracket = factory.bracket(
            AAPL.id,
            OrderSide.BUY,
            Quantity.from_int(500),
            sl_trigger_price=Price.from_str("90.00"),
            tp_price=Price.from_str("120.00"),
        )
        strategy.submit_order_list(bracket)

    run = Run(once(2, act))
    assert set(run.statuses) == {OrderStatus.DENIED}
    assert len(run.statuses) == 3
    assert {i.verdict for i in run.journal.intents} == {"denied"}


def test_a_cancel_passes():
    def act(strategy, count):
        if count == 1:
            strategy.order = strategy.bid(50, "90.00")
        if count == 3:
            strategy.cancel_order(strategy.order)

    assert Run(act).statuses == [OrderStatus.CANCELED]


def test_a_journal_that_cannot_write_lets_nothing_through():
    class Broken:
        def write(self, intents):
            raise StoreError("the disk is full")

    run = Run(once(1, lambda s: s.buy(1)), journal=Broken())
    assert run.statuses == [OrderStatus.DENIED]
    assert run.denied == ["GATE_FAILED: the disk is full"]


def test_an_order_that_nothing_values_is_denied():
    other = TestInstrumentProvider.equity("MSFT", "PAPER")

    def act(strategy):
        strategy.cache.add_instrument(other)
        order = strategy.order_factory.market(other.id, OrderSide.BUY, Quantity.from_int(1))
        strategy.submit_order(order)

    run = Run(once(1, act))
    assert run.statuses == [OrderStatus.DENIED]
    assert "no quote values MSFT.PAPER" in run.denied[0]


def test_a_limit_of_zero_lets_nothing_through():
    assert Run(once(1, lambda s: s.buy(1)), limit=0).statuses == [OrderStatus.DENIED]


@pytest.mark.parametrize("units", [1, 37, 100])
def test_the_notional_of_a_market_buy_is_taken_at_the_ask(units):
    run = Run(once(1, lambda s: s.buy(units)), asks=("99.98",) * 3)
    assert run.checked[0].value == pytest.approx(units * 99.98)


def test_a_sale_far_below_the_market_is_valued_at_the_market_it_trades_at():
    def sell(price):
        def act(strategy):
            order = strategy.order_factory.limit(
                AAPL.id, OrderSide.SELL, Quantity.from_int(101), Price.from_str(price)
            )
            strategy.submit_order(order)

        return Run(once(1, act))

    cheap = sell("0.01")
    assert cheap.statuses == [OrderStatus.DENIED]
    assert cheap.denied == ["MAX_ORDER_NOTIONAL: 10097.98 is over the limit of 10000.00"]
    # Above the market it is valued at what it would bring.
    assert sell("110.00").denied == ["MAX_ORDER_NOTIONAL: 11110.00 is over the limit of 10000.00"]


def test_an_order_that_nobody_can_be_told_about_is_denied_all_the_same():
    class Broken:
        def write(self, intents):
            raise StoreError("the disk is full")

    run = Run(once(1, lambda s: s.buy(1)), journal=Broken(), tell=Broken().write)
    assert run.statuses == [OrderStatus.DENIED]
