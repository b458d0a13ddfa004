"""Holding targets on quotes, in a real Nautilus engine behind the gate."""

from decimal import Decimal

import pytest
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OrderSide, OrderStatus
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import FuturesContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import Gate
from nautilus_lab.risk.limits import MaxOrderNotional
from nautilus_lab.strategies.nautilus import HoldTargets, HoldTargetsConfig, TakesTargets

AAPL = TestInstrumentProvider.equity("AAPL", "PAPER")
SECOND = 1_000_000_000


def orders(*, limit, seconds, price="100.00", **config):
    """The orders of so many seconds, with a look each second and a target of 50 000."""
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True))
    )
    engine.add_venue(Venue("PAPER"), OmsType.NETTING, AccountType.CASH, [Money(100_000, USD)], USD)
    engine.add_instrument(AAPL)
    size = Quantity.from_int(1_000_000)
    at = Price.from_str(price)
    engine.add_data(
        [QuoteTick(AAPL.id, at, at, size, size, i * SECOND, i * SECOND) for i in range(seconds)]
    )
    engine.add_strategy(
        HoldTargets(
            HoldTargetsConfig(
                weights={"AAPL.PAPER": 0.5},
                interval_s=1.0,
                largest_order=limit * 0.8,
                **config,
            )
        )
    )
    checks = (MaxOrderNotional(max_notional=limit),)
    gate = Gate(engine.kernel, checks=checks, journal=MemoryJournal())
    gate.install()
    engine.run()
    made = engine.cache.orders()
    seen = [(order.status, int(order.quantity), order.ts_init // SECOND) for order in made]
    engine.dispose()
    return seen


def test_a_large_target_is_reached_by_orders_of_four_fifths_of_the_limit():
    seen = orders(limit=20_000, seconds=10)
    assert [(status, units) for status, units, _ in seen] == [
        (OrderStatus.FILLED, 160),
        (OrderStatus.FILLED, 160),
        (OrderStatus.FILLED, 160),
        (OrderStatus.FILLED, 20),
    ]


@pytest.mark.parametrize("limit", [0.01, 99.0])
def test_what_is_always_refused_is_tried_ever_more_rarely(limit):
    seen = orders(limit=limit, seconds=200)
    assert {status for status, _, _ in seen} == {OrderStatus.DENIED}
    # The waits are 2, 4, 8, ... seconds.
    assert [when for _, _, when in seen] == [0, 2, 6, 14, 30, 62, 126]


def test_weights_that_have_run_out_are_traded_no_more():
    seen = orders(limit=20_000, seconds=10, valid_until_ns=2 * SECOND)
    assert [when for _, _, when in seen] == [0, 1]
    assert orders(limit=20_000, seconds=10, valid_until_ns=1) == seen[:1]


def test_it_takes_tables_of_target_weights():
    made = HoldTargets(HoldTargetsConfig(weights={"AAPL.PAPER": 0.5}))
    assert isinstance(made, TakesTargets)
    made.hold({"AAPL.PAPER": 0.1}, valid_until_ns=5)


class BuysOnce(Strategy):
    """Somebody else in the same account."""

    def on_start(self):
        self.subscribe_quote_ticks(AAPL.id)

    def on_quote_tick(self, tick):
        if not self.cache.orders(strategy_id=self.id):
            units = Quantity.from_int(60)
            self.submit_order(self.order_factory.market(AAPL.id, OrderSide.BUY, units))


def test_what_others_hold_in_the_account_is_left_to_them():
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True))
    )
    engine.add_venue(Venue("PAPER"), OmsType.NETTING, AccountType.CASH, [Money(100_000, USD)], USD)
    engine.add_instrument(AAPL)
    size, at = Quantity.from_int(1_000_000), Price.from_str("100.00")
    engine.add_data(
        [QuoteTick(AAPL.id, at, at, size, size, i * SECOND, i * SECOND) for i in range(10)]
    )
    engine.add_strategy(BuysOnce(StrategyConfig(order_id_tag="999")))
    holder = HoldTargets(HoldTargetsConfig(weights={"AAPL.PAPER": 0.0}, interval_s=1.0))
    engine.add_strategy(holder)
    Gate(engine.kernel, journal=MemoryJournal()).install()
    engine.run()
    mine = engine.cache.orders(strategy_id=holder.id)
    held = [int(position.signed_qty) for position in engine.cache.positions_open()]
    engine.dispose()
    assert (mine, held) == ([], [60])


def test_what_a_contract_is_worth_counts_its_multiplier():
    ten = FuturesContract(
        instrument_id=InstrumentId.from_str("ESZ9.PAPER"),
        raw_symbol=Symbol("ESZ9"),
        asset_class=AssetClass.INDEX,
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.25"),
        multiplier=Quantity.from_int(10),
        lot_size=Quantity.from_int(1),
        underlying="ES",
        activation_ns=0,
        expiration_ns=10**18,
        ts_event=0,
        ts_init=0,
    )
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True))
    )
    money = [Money(100_000, USD)]
    engine.add_venue(Venue("PAPER"), OmsType.NETTING, AccountType.MARGIN, money, USD)
    engine.add_instrument(ten)
    size, at = Quantity.from_int(1_000_000), Price.from_str("100.00")
    engine.add_data(
        [QuoteTick(ten.id, at, at, size, size, i * SECOND, i * SECOND) for i in range(10)]
    )
    config = HoldTargetsConfig(weights={"ESZ9.PAPER": 0.5}, interval_s=1.0, largest_order=30_000.0)
    engine.add_strategy(HoldTargets(config))
    Gate(engine.kernel, journal=MemoryJournal()).install()
    engine.run()
    # By hand: 0.5 x 100 000 / (100 x 10), at most 30 000 / (100 x 10) at once.
    assert [int(order.quantity) for order in engine.cache.orders()] == [30, 20]
    engine.dispose()


def held_at(leverage, weights, *, seconds=20, then=()):
    """The units held of each instrument after so many looks, and all orders."""
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True))
    )
    kind = AccountType.CASH if leverage == 1 else AccountType.MARGIN
    money = [Money(100_000, USD)]
    engine.add_venue(
        Venue("PAPER"), OmsType.NETTING, kind, money, USD, default_leverage=Decimal(leverage)
    )
    size, at = Quantity.from_int(1_000_000), Price.from_str("100.00")
    stocks = [TestInstrumentProvider.equity(name[: -len(".PAPER")], "PAPER") for name in weights]
    for stock in stocks:
        engine.add_instrument(stock)
        engine.add_data(
            [
                QuoteTick(stock.id, at, at, size, size, i * SECOND, i * SECOND)
                for i in range(seconds)
            ]
        )
    holder = HoldTargets(HoldTargetsConfig(weights=weights, interval_s=1.0))
    engine.add_strategy(holder)
    Gate(engine.kernel, journal=MemoryJournal()).install()
    for number, table in enumerate(then):
        # All of them in one turn, as when two people send tables at once.
        engine.kernel.clock.set_time_alert_ns(
            f"table {number}", 5 * SECOND + 1, lambda _, table=table: holder.hold(table)
        )
    engine.run()
    made = [(o.instrument_id.value, o.side, int(o.quantity)) for o in engine.cache.orders()]
    held = {p.instrument_id.value: int(p.signed_qty) for p in engine.cache.positions_open()}
    engine.dispose()
    return held, made


@pytest.mark.parametrize("leverage", [1, 4])
def test_targets_are_fractions_of_equity_and_no_leverage_whatever_the_account(leverage):
    weights = {f"{name}.PAPER": 0.2 for name in ("AAPL", "JPM", "MSFT", "XOM")}
    held, made = held_at(leverage, weights)
    # By hand: 0.2 x 100 000 / 100 each, and nothing more at the looks that follow.
    assert held == dict.fromkeys(weights, 200)
    assert len(made) == 4


@pytest.mark.parametrize("leverage", [1, 4])
def test_a_new_table_is_traded_once_however_often_it_comes(leverage):
    less = {"AAPL.PAPER": 0.1, "MSFT.PAPER": 0.3}
    held, made = held_at(leverage, {"AAPL.PAPER": 0.3, "MSFT.PAPER": 0.1}, then=(less, less, less))
    assert held == {"AAPL.PAPER": 100, "MSFT.PAPER": 300}
    assert sorted(made, key=str) == sorted(
        [
            ("AAPL.PAPER", OrderSide.BUY, 300),
            ("MSFT.PAPER", OrderSide.BUY, 100),
            ("AAPL.PAPER", OrderSide.SELL, 200),
            ("MSFT.PAPER", OrderSide.BUY, 200),
        ],
        key=str,
    )
