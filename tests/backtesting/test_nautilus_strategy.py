from decimal import Decimal

import pandas as pd
import pytest
from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError, RunFailed
from nautilus_lab.strategies import Costs

DAILY = BarType.from_str("A.PAPER-1-DAY-LAST-EXTERNAL")


class Once(Strategy):
    """Sends one order at the close of the first bar."""

    def __init__(self, order):
        super().__init__()
        self._order = order
        self.closes = []

    def on_start(self):
        self.subscribe_bars(DAILY)

    def on_bar(self, bar):
        self.closes.append(float(bar.close))
        if len(self.closes) == 1:
            self.submit_order(self._order(self))


def market(strategy):
    return strategy.order_factory.market(DAILY.instrument_id, OrderSide.BUY, Quantity.from_int(10))


def limit_at(price):
    def limit(strategy):
        return strategy.order_factory.limit(
            DAILY.instrument_id, OrderSide.BUY, Quantity.from_int(10), Price(price, 6)
        )

    return limit


def test_a_market_order_of_a_close_fills_at_the_next_open_and_its_ask(engine, make_bars):
    strategy = Once(market)
    bars = make_bars(opens=[90, 125, 130], closes=[100, 120, 140])
    costs = Costs(commission_bps=10, half_spread_bps=100)
    run = engine.run(strategy, bars, costs=costs, starting_cash=10_000)
    assert strategy.closes == [100, 120, 140]
    (fill,) = run.fills.itertuples()
    assert fill.price == pytest.approx(126.25)
    assert fill.time.floor("D") == bars.index[1][0]
    assert fill.commission == pytest.approx(1.26)
    assert run.positions["A"].tolist() == [0, 10, 10]
    assert run.equity.tolist() == pytest.approx(
        [10_000, 10_000 - 1_262.5 - 1.26 + 1_200, 10_000 - 1_262.5 - 1.26 + 1_400]
    )


def test_every_symbol_has_its_open_before_an_order_reaches_the_exchange(engine, bars, free):
    # The first symbol's quote comes first; an order for the last must not fill at a stale price.
    symbol = InstrumentId.from_str("MSFT.PAPER")
    daily = BarType.from_str("MSFT.PAPER-1-DAY-LAST-EXTERNAL")

    class LastSymbol(Once):
        def on_start(self):
            self.subscribe_bars(daily)

    order = LastSymbol(
        lambda s: s.order_factory.market(symbol, OrderSide.BUY, Quantity.from_int(10))
    )
    run = engine.run(order, bars, costs=free)
    (fill,) = run.fills.itertuples()
    second = bars.index.get_level_values("timestamp").unique()[1]
    assert fill.price == pytest.approx(bars.loc[(second, "MSFT"), "open"], abs=1e-6)


def test_a_resting_order_fills_within_a_later_bar(engine, make_bars, free):
    bars = make_bars(opens=[100, 100, 100, 100], closes=[100, 95, 85, 100])
    run = engine.run(Once(limit_at(90.0)), bars, costs=free, starting_cash=10_000)
    (fill,) = run.fills.itertuples()
    assert fill.price == pytest.approx(90.0)
    assert run.positions["A"].tolist() == [0, 0, 10, 10]


def test_an_example_of_nautilus_runs_unchanged_and_again_the_same(engine, data):
    bars = data.bars(["SP500"], start="2010", end="2012")

    def cross():
        return EMACross(
            EMACrossConfig(
                instrument_id=InstrumentId.from_str("SP500.PAPER"),
                bar_type=BarType.from_str("SP500.PAPER-1-DAY-LAST-EXTERNAL"),
                trade_size=Decimal(100),
                fast_ema_period=10,
                slow_ema_period=50,
            )
        )

    one, two = engine.run(cross(), bars), engine.run(cross(), bars)
    assert len(one.fills) > 10
    assert one.digest == two.digest
    opens = bars["open"].droplevel("symbol")
    for fill in one.fills.iloc[:-1].itertuples():  # the last one closes the position at the end
        side = 1.0002 if fill.side == "BUY" else 0.9998
        assert fill.price == pytest.approx(opens[fill.time.floor("D")] * side, abs=1e-6)


def test_its_result_says_what_it_assumes(engine, make_bars, free):
    run = engine.run(Once(market), make_bars(opens=[9, 9], closes=[9, 9]), costs=free)
    assert "next open" in run.assumptions[0]
    assert "Stops and limits" in run.assumptions[1]
    assert run.strategy == "Once-000"


def test_a_strategy_that_has_run_is_refused(engine, make_bars):
    bars = make_bars(opens=[9, 9], closes=[9, 9])
    strategy = Once(market)
    engine.run(strategy, bars)
    with pytest.raises(InputError, match="must be new"):
        engine.run(strategy, bars)


def test_an_error_inside_a_strategy_is_named_and_the_next_run_is_well(engine, make_bars):
    bars = make_bars(opens=[9, 9], closes=[9, 9])
    with pytest.raises(RunFailed, match="division by zero") as caught:
        engine.run(Once(lambda s: 1 / 0), bars)
    assert caught.value.value == "ZeroDivisionError"
    assert len(engine.run(Once(market), bars).fills) == 1


def test_it_does_not_run_as_arithmetic(engine, make_bars):
    with pytest.raises(InputError, match="on events"):
        engine.run(Once(market), make_bars(opens=[9, 9], closes=[9, 9]), mode="vectorised")


def test_closes_are_played_as_bars_too(engine, make_prices, free):
    strategy = Once(market)
    run = engine.run(strategy, make_prices(A=[10, 20, 30]), costs=free)
    assert strategy.closes == [10, 20, 30]
    assert run.fills["price"].tolist() == [20.0]
    assert isinstance(run.positions.index, pd.DatetimeIndex)
