"""Our event-driven backtest beside the same run written by hand on Nautilus' engine."""

from __future__ import annotations

import gc
import tempfile
import time
from decimal import Decimal

import numpy as np
import pandas as pd
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType, QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, order_side_to_str
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity

from nautilus_lab.backtesting import BacktestingEngine
from nautilus_lab.marketdata import MarketDataEngine, build_catalog
from nautilus_lab.strategies import Costs, momentum_tilt
from nautilus_lab.strategies.nautilus import RebalanceOnBars

ROUNDS = 7
CASH = 1_000_000.0
COSTS = Costs()
STRATEGY = momentum_tilt.with_parameters(window=120, top=2)


def by_hand(bars: pd.DataFrame) -> list[tuple]:
    """Run the strategy as a user of Nautilus alone would, and read its fills."""
    weights = STRATEGY.weights(bars).to_numpy()
    symbols = list(bars.index.get_level_values("symbol").unique())
    labels = bars.index.get_level_values("timestamp").unique().as_unit("ns").asi8.astype(np.uint64)
    ends = labels + np.uint64(86_400 * 10**9 - 1)
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id="BACKTEST-001",
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=Venue("PAPER"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(CASH, USD)],
        bar_execution=False,
    )
    kinds = [BarType.from_str(f"{symbol}.PAPER-1-DAY-LAST-EXTERNAL") for symbol in symbols]
    deep = np.full(len(labels), 1e12)
    quotes, data = [], []
    for symbol, kind in zip(symbols, kinds, strict=True):
        fee = Decimal(str(COSTS.commission_bps)) / 10_000
        engine.add_instrument(
            Equity(
                instrument_id=InstrumentId(Symbol(symbol), Venue("PAPER")),
                raw_symbol=Symbol(symbol),
                currency=USD,
                price_precision=6,
                price_increment=Price(1e-6, 6),
                lot_size=Quantity.from_int(1),
                maker_fee=fee,
                taker_fee=fee,
                ts_event=0,
                ts_init=0,
            )
        )
        frame = bars.xs(symbol, level="symbol")
        opens = frame["open"].to_numpy(copy=True)
        quotes += QuoteTick.from_raw_arrays_to_list(
            kind.instrument_id,
            6,
            0,
            opens * (1 - COSTS.half_spread),
            opens * (1 + COSTS.half_spread),
            deep,
            deep.copy(),
            labels.copy(),
            labels.copy(),
        )
        columns = [frame[name].to_numpy(copy=True) for name in frame.columns]
        data += Bar.from_raw_arrays_to_list(kind, 6, 0, *columns, labels.copy(), ends.copy())
    engine.add_data(quotes, sort=False)
    engine.add_data(data, sort=False)
    engine.sort_data()
    targets = {
        int(label): row for label, row in zip(labels, weights, strict=True) if row[0] == row[0]
    }
    engine.add_strategy(RebalanceOnBars(bar_types=kinds, targets=targets, cash=CASH, costs=COSTS))
    engine.run()
    # Quicker than the reports of Nautilus' trader: a harder peer than most scripts are.
    fills = [
        (
            event.ts_event,
            event.instrument_id.symbol.value,
            order_side_to_str(event.order_side),
            float(event.last_qty.as_decimal()),
            float(event.last_px.as_decimal()),
        )
        for order in engine.cache.orders()
        for event in order.events
        if isinstance(event, OrderFilled)
    ]
    engine.dispose()
    return fills


def by_us(bars: pd.DataFrame) -> list[tuple]:
    """Run the strategy by one call."""
    fills = BacktestingEngine().run(STRATEGY, bars, costs=COSTS, starting_cash=CASH).fills
    return [
        (row.time.value, row.symbol, row.side, row.quantity, row.price)
        for row in fills.itertuples()
    ]


def cost_of(run, bars: pd.DataFrame) -> tuple[float, list[tuple]]:
    """Return processor seconds of one run, and its fills."""
    gc.collect()
    began = time.process_time()
    fills = run(bars)
    return time.process_time() - began, fills


def rows() -> list[dict]:
    """Measure both in turn and compare the best of each."""
    with tempfile.TemporaryDirectory() as folder:
        bars = MarketDataEngine(build_catalog(folder).directory).bars(["AAPL", "IBM", "MSFT"])
    costs: dict[str, list[float]] = {"hand": [], "us": []}
    for _ in range(ROUNDS + 1):  # the first of each warms up
        hand, theirs = cost_of(by_hand, bars)
        us, ours = cost_of(by_us, bars)
        if sorted(theirs) != sorted(ours) or not ours:
            raise AssertionError("the two runs must trade alike before they are compared")
        costs["hand"].append(hand)
        costs["us"].append(us)
    best = {name: min(measured[1:]) for name, measured in costs.items()}
    ratio = best["us"] / best["hand"]
    return [
        {
            "id": "01-backtest-overhead",
            "target": 1.05,
            "measured": round(ratio, 4),
            "unit": "x",
            "met": ratio <= 1.05,
            "how": (
                f"processor time, best of {ROUNDS} in turn: BacktestingEngine.run over a run "
                "written by hand on Nautilus' BacktestEngine, from the same frame to every "
                f"fill, ours also to equity, orders and figures; {len(bars):,} bars of three "
                f"stocks, {len(ours)} equal fills; "
                f"{best['us']:.2f} s against {best['hand']:.2f} s"
            ),
        }
    ]


if __name__ == "__main__":
    print(rows())
