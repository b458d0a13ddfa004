"""What a node sees is recorded, and a recorded day leads a strategy to the same decisions."""

from datetime import date

import msgspec
import pytest
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType, QuoteTick, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType
from nautilus_trader.model.identifiers import InstrumentId, TradeId, TraderId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider

from nautilus_lab.platform.recording import FlightRecorder, Recording
from nautilus_lab.risk.limits import Finding
from nautilus_lab.strategies.nautilus import HoldTargets, HoldTargetsConfig
from nautilus_lab.trading.node._tap import Tap

SECOND = 1_000_000_000
# 2026-03-02 14:30:00 UTC
BEGIN = 1_772_461_800 * SECOND
STOCKS = [TestInstrumentProvider.equity(symbol, "PAPER") for symbol in ("AAPL", "MSFT", "XOM")]
WEIGHTS = {"AAPL.PAPER": 0.4, "MSFT.PAPER": 0.3, "XOM.PAPER": 0.2}


def an_engine(quotes):
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("T-1"), logging=LoggingConfig(bypass_logging=True))
    )
    engine.add_venue(Venue("PAPER"), OmsType.NETTING, AccountType.CASH, [Money(100_000, USD)], USD)
    for stock in STOCKS:
        engine.add_instrument(stock)
    engine.add_data(quotes)
    engine.add_strategy(
        HoldTargets(HoldTargetsConfig(weights=WEIGHTS, interval_s=5.0, largest_order=15_000.0))
    )
    return engine


def decisions(engine):
    """Every order with what was decided, when, and what it was filled at."""
    engine.run()
    found = [
        (
            order.client_order_id.value,
            order.ts_init,
            order.instrument_id.value,
            order.side_string(),
            str(order.quantity),
            order.avg_px,
            order.status_string(),
        )
        for order in engine.cache.orders()
    ]
    engine.dispose()
    return found


def a_walk(seconds):
    """Three stocks that drift apart, so that shares are restored again and again."""
    quotes = []
    for second in range(seconds):
        for number, stock in enumerate(STOCKS):
            middle = 100.0 + 10 * number + second * (0.05, -0.03, 0.08)[number]
            quotes.append(
                QuoteTick(
                    stock.id,
                    Price(middle - 0.01, 2),
                    Price(middle + 0.01, 2),
                    Quantity.from_int(1_000),
                    Quantity.from_int(2_000),
                    BEGIN + second * SECOND,
                    BEGIN + second * SECOND + number,
                )
            )
    return quotes


def test_recorded_quotes_lead_a_strategy_to_the_decisions_it_made_then(tmp_path):
    walk = a_walk(300)
    engine = an_engine(walk)
    with FlightRecorder(tmp_path / "recording", trader="T-1") as recorder:
        Tap(recorder, source_ts=lambda: 7).listen(engine.kernel.msgbus)
        then = decisions(engine)
    assert len(then) > 30
    table = Recording(tmp_path / "recording").quotes(date(2026, 3, 2))
    for place in (1, 2):  # times as whole numbers: Python's own have no nanoseconds
        table = table.set_column(place, table.column_names[place], table[place].cast("int64"))
    rows = table.to_pylist()
    assert {row["source_ts"] for row in rows} == {7}
    again = [
        QuoteTick(
            InstrumentId.from_str(row["instrument"]),
            Price(row["bid"], 2),
            Price(row["ask"], 2),
            Quantity(row["bid_size"], 0),
            Quantity(row["ask_size"], 0),
            row["ts"],
            row["ts"],
        )
        for row in rows
    ]
    assert [(q.bid_price, q.ask_price, q.ts_init) for q in again] == [
        (q.bid_price, q.ask_price, q.ts_init) for q in walk
    ]
    assert decisions(an_engine(again)) == then


def test_trades_and_bars_are_recorded_as_they_came(tmp_path):
    kind = BarType.from_str("AAPL.PAPER-1-MINUTE-LAST-EXTERNAL")
    with FlightRecorder(tmp_path / "recording", trader="T-1") as recorder:
        tap = Tap(recorder)
        tap.on_trade(
            TradeTick(
                STOCKS[0].id,
                Price(101.25, 2),
                Quantity.from_int(7),
                AggressorSide.SELLER,
                TradeId("V-1"),
                BEGIN,
                BEGIN + 1,
            )
        )
        prices = [Price(p, 2) for p in (1.0, 4.0, 0.5, 2.0)]
        tap.on_bar(Bar(kind, *prices, Quantity.from_int(9), BEGIN, BEGIN + 2))
    trade, bar = Recording(tmp_path / "recording").between(BEGIN, BEGIN + SECOND)
    assert (trade.ts, trade.values["side"], trade.values["trade_id"]) == (
        BEGIN + 1,
        "SELLER",
        "V-1",
    )
    assert (bar.ts, bar.values["spec"]) == (BEGIN + 2, "1-MINUTE-LAST")
    assert [bar.values[n] for n in ("open", "high", "low", "close", "volume")] == [1, 4, 0.5, 2, 9]


def test_what_the_gate_found_is_recorded(tmp_path):
    found = Finding("max_order_notional", "order", 1_000.0, 250_000.0, True, "USD")
    with FlightRecorder(tmp_path / "recording", trader="T-1") as recorder:
        Tap(recorder).on_checked([found])
    table = Recording(tmp_path / "recording").table("decisions")
    assert table["kind"].to_pylist() == ["gate.checked"]
    assert msgspec.msgpack.decode(table["data"].to_pylist()[0], type=list[Finding]) == [found]


def test_what_cannot_be_read_is_dropped_and_told_of(tmp_path):
    with FlightRecorder(tmp_path / "recording", trader="T-1") as recorder:
        Tap(recorder).on_quote("no quote")
        recorder.flush()
        assert recorder.figures.dropped == 1
    (gap,) = Recording(tmp_path / "recording").coverage().gaps
    assert gap.rows == 1


@pytest.mark.parametrize("pending", [1, 5])
def test_a_full_queue_drops_and_never_waits(tmp_path, pending):
    recorder = FlightRecorder(tmp_path / "recording", trader="T-1", most_pending=pending)
    tap = Tap(recorder)
    for quote in a_walk(10):
        tap.on_quote(quote)
    assert recorder.figures.dropped == 30 - pending
