"""The book of an account holds what Nautilus' account and portfolio hold of the same fills."""

import random

import pytest
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import FuturesContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.analytics import LivePositions
from nautilus_lab.exceptions import InputError

CASH = 10_000_000
SECOND = 1_000_000_000
ES = FuturesContract(
    instrument_id=InstrumentId.from_str("ESZ9.GLBX"),
    raw_symbol=Symbol("ESZ9"),
    asset_class=AssetClass.INDEX,
    exchange="XCME",
    currency=USD,
    price_precision=2,
    price_increment=Price.from_str("0.25"),
    multiplier=Quantity.from_int(50),
    lot_size=Quantity.from_int(1),
    underlying="ES",
    activation_ns=0,
    expiration_ns=2_000_000_000 * SECOND,
    ts_event=0,
    ts_init=0,
)


class Trades(Strategy):
    """Trades some contracts at each quote, and keeps a book of our own beside."""

    def __init__(self, seed):
        super().__init__()
        self.book = LivePositions()
        self._draw = random.Random(seed)

    def on_start(self):
        self.subscribe_quote_ticks(ES.id)

    def on_quote_tick(self, tick):
        side = self._draw.choice((OrderSide.BUY, OrderSide.SELL))
        units = Quantity.from_int(self._draw.randint(1, 9))
        self.submit_order(self.order_factory.market(ES.id, side, units))

    def on_order_filled(self, event):
        self.book.fill(
            event.instrument_id.value,
            "BUY" if event.order_side == OrderSide.BUY else "SELL",
            float(event.last_qty),
            float(event.last_px),
            commission=float(event.commission),
            multiplier=float(ES.multiplier),
        )


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_profit_of_a_future_is_what_nautilus_says_it_is(seed):
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    try:
        engine.add_venue(
            venue=Venue("GLBX"),
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN,
            base_currency=USD,
            starting_balances=[Money(CASH, USD)],
        )
        engine.add_instrument(ES)
        draw, ticks = random.Random(seed), 18_000
        quotes = []
        for number in range(1, 60):
            ticks += draw.randint(-20, 20)
            bid = ticks / 4
            quotes.append(
                QuoteTick(
                    instrument_id=ES.id,
                    bid_price=Price(bid, 2),
                    ask_price=Price(bid + 0.25, 2),
                    bid_size=Quantity.from_int(100),
                    ask_size=Quantity.from_int(100),
                    ts_event=number * SECOND,
                    ts_init=number * SECOND,
                )
            )
        engine.add_data(quotes)
        strategy = Trades(seed)
        engine.add_strategy(strategy)
        engine.run()
        book, held = strategy.book, engine.cache.positions_open(instrument_id=ES.id)
        (position,) = held  # it ends with something open, so that there is something to value
        account = engine.cache.account_for_venue(Venue("GLBX"))
        name = ES.id.value
        assert book[name].quantity == position.signed_qty
        assert book[name].average_price == pytest.approx(position.avg_px_open)
        # The balance of an account of futures moves by what is realised and by commissions, each
        # rounded to cents there.
        earned = float(account.balance_total(USD)) - CASH
        assert book.realised - book.commissions == pytest.approx(earned, abs=0.01 * len(quotes))
        price = quotes[-1].bid_price if position.signed_qty > 0 else quotes[-1].ask_price
        book.mark(name, float(price))
        assert book.unrealised == pytest.approx(float(position.unrealized_pnl(price)), abs=0.01)
        assert book.gross == pytest.approx(float(position.notional_value(price)), abs=0.01)
    finally:
        engine.dispose()


def test_cash_and_value_of_a_contract_count_its_multiplier():
    book = LivePositions()
    book.fill("ESZ9.GLBX", "BUY", 2, 4_500.0, commission=5.0, multiplier=50.0)
    book.mark("ESZ9.GLBX", 4_510.0)
    # By hand: 2 x 4,500 x 50 = 450,000; ten points are 2 x 10 x 50 = 1,000.
    assert (book.cash_flow, book.net, book.unrealised) == (-450_005.0, 451_000.0, 1_000.0)
    book.fill("ESZ9.GLBX", "SELL", 3, 4_520.0, multiplier=50.0)
    assert (book.realised, book["ESZ9.GLBX"].quantity) == (2_000.0, -1)
    assert (book["ESZ9.GLBX"].average_price, book.unrealised) == (4_520.0, 500.0)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("nan"), float("inf")])
def test_a_multiplier_that_is_no_positive_number_is_refused(multiplier):
    book = LivePositions()
    with pytest.raises(InputError, match="positive quantity, price and multiplier"):
        book.fill("ESZ9.GLBX", "BUY", 1, 4_500.0, multiplier=multiplier)
    assert book.instruments == ()


def test_a_contract_does_not_change_its_multiplier():
    book = LivePositions()
    book.fill("ESZ9.GLBX", "BUY", 1, 4_500.0, multiplier=50.0)
    with pytest.raises(InputError, match=r"multiplier of ESZ9\.GLBX must stay 50"):
        book.fill("ESZ9.GLBX", "SELL", 1, 4_500.0, multiplier=5.0)
    assert book["ESZ9.GLBX"].quantity == 1
