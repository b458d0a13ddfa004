"""What twenty different limits cost an order, with a thousand positions held."""

from __future__ import annotations

import gc
import time

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderType
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    PositionId,
    StrategyId,
    TradeId,
    TraderId,
    VenueOrderId,
)
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider

from benchmarks.gate import CASH, SIZE, Nothing, at, crossings, row
from nautilus_lab.execution.gate import Gate
from nautilus_lab.risk.limits import (
    DailyLoss,
    EnoughMargin,
    FreshQuote,
    LimitBook,
    LimitMonitor,
    MaxConcentration,
    MaxCorrelation,
    MaxDrawdown,
    MaxExpectedShortfall,
    MaxGrossExposure,
    MaxHerfindahl,
    MaxInstruments,
    MaxLeverage,
    MaxMessageRate,
    MaxNetExposure,
    MaxOrderNotional,
    MaxOrderQuantity,
    MaxParticipation,
    MaxPositionNotional,
    MaxPositionUnits,
    MaxRepeats,
    MaxStressLoss,
    MaxValueAtRisk,
    MaxVolatility,
    Measures,
    NoDuplicate,
    PriceCollar,
    Restricted,
)

ROUNDS = 21
HELD = [TestInstrumentProvider.equity(f"S{n}", "PAPER") for n in range(1_000)]
# Long ones, so that each purchase is held against every limit.
TRADED = [stock for n, stock in enumerate(HELD) if n % 3 and n % 10 == 1][:50]
SYMBOLS = [stock.id.symbol.value for stock in HELD]
WEEK = 7 * 86_400


def asked() -> LimitBook:
    """Return twenty limits that an order is held against, no two alike; all let it pass."""
    return LimitBook(
        [
            Restricted(names={f"R{n}" for n in range(500)}),
            MaxMessageRate(per_second=9_999, per_minute=9_999, cancels=True),
            NoDuplicate(window_s=0.001),
            MaxRepeats(most=9_999, window_s=60),
            FreshQuote(max_age_s=1e8),
            PriceCollar(bps=5_000, max_age_s=1e8, window_s=60),
            MaxOrderQuantity(max_units=1e6),
            MaxOrderNotional(max_notional=1e8),
            MaxParticipation(max_fraction=0.5),
            MaxPositionUnits(max_units=1e9),
            MaxPositionNotional(max_notional=1e9, per="strategy"),
            MaxGrossExposure(max_fraction=5),
            MaxNetExposure(max_fraction=5),
            MaxLeverage(max_times=5),
            MaxConcentration(max_fraction=1),
            MaxConcentration(
                max_fraction=5, groups={s: f"sector {n % 11}" for n, s in enumerate(SYMBOLS)}
            ),
            MaxHerfindahl(max_index=1),
            EnoughMargin(leverage={"PAPER": 4.0}),
            MaxInstruments(most=2_000),
            DailyLoss(max_loss=1e9, max_fraction=0.9),
        ]
    )


def looked_at() -> LimitBook:
    """Return the limits that a monitor looks at: those of the gate, and measured ones."""
    return asked() + LimitBook(
        [
            MaxDrawdown(max_fraction=0.5),
            MaxValueAtRisk(max_fraction=0.5),
            MaxExpectedShortfall(max_fraction=0.5),
            MaxVolatility(max_annual=2),
            MaxCorrelation(max_average=1),
            MaxStressLoss(scenarios={"crash": {"*": -0.3}, "rise": {"*": 0.2}}, max_fraction=2),
        ]
    )


def measures() -> Measures:
    return Measures.at(
        0,
        volume=dict.fromkeys(SYMBOLS, 1e6),
        value_at_risk=1e6,
        expected_shortfall=1e6,
        volatility=0.2,
        correlation=0.3,
    )


def hold(gate: Gate, bus) -> None:
    """Have the book hold a thousand positions, told of as any fill is."""
    gate.book.measures = measures()
    for number, stock in enumerate(HELD):
        side = OrderSide.BUY if number % 3 else OrderSide.SELL
        fill = OrderFilled(
            TraderId("T-1"),
            StrategyId(f"Held-{number % 5:03}"),
            stock.id,
            ClientOrderId(f"H-{number}"),
            VenueOrderId(f"V-{number}"),
            AccountId("PAPER-001"),
            TradeId(f"T-{number}"),
            PositionId(f"P-{number}"),
            side,
            OrderType.MARKET,
            Quantity.from_int(100 + number),
            Price.from_str("100.00"),
            USD,
            Money(0, USD),
            LiquiditySide.TAKER,
            UUID4(),
            0,
            0,
        )
        bus.publish(f"events.order.{fill.strategy_id}", fill)
    for stock in TRADED:
        # So that the window of the collar began with another price than the market has now.
        tick = QuoteTick(
            stock.id, Price.from_str("99.96"), Price.from_str("99.99"), SIZE, SIZE, 1, 1
        )
        gate._cache.add_quote_tick(tick)
        gate.book.on_quote(tick)
    if gate.book.total.count != len(HELD):
        raise AssertionError(f"the book holds {gate.book.total.count} positions")


def looks(gate: Gate) -> list[float]:
    """Return what a look at all of it takes, milliseconds."""
    book, took = looked_at(), []
    gate.book.high_water = CASH
    monitor = LimitMonitor(book)
    for number in range(20):
        began = time.perf_counter_ns()
        monitor.look(gate.book.holdings(number * 1_000_000_000))
        took.append((time.perf_counter_ns() - began) / 1e6)
    over = monitor.report().breaches
    if over or monitor.unseen:
        raise AssertionError(f"a limit was exceeded or never looked at: {over}")
    return took


def rows() -> list[dict]:
    gate, watch = [], []
    gates: list[Gate] = []

    def ready(made: Gate, bus) -> None:
        hold(made, bus)
        gates.append(made)

    for _ in range(ROUNDS + 1):
        gc.collect()
        gate.append(crossings(Nothing(), asked().blocking, HELD, TRADED, ready))
        watch.append(looks(gates.pop()))
    gate, watch = gate[1:], watch[1:]
    how = f"best of {ROUNDS} rounds of 1,000 orders"
    what = (
        "20 different limits, all of them asked, 1,000 positions, 100 orders working in 50 of "
        "them, both crossings, nothing written"
    )
    return [
        row("03-gate-p50", 50, min(at(0.5, took) for took in gate), f"{what}; {how}"),
        row(
            "03-gate-p99",
            1_000,
            min(at(0.99, took) for took in gate),
            f"as 03-gate-p50, its 99th percentile; {how}",
        ),
        row(
            "03-monitor-look",
            50,
            min(at(0.5, took) for took in watch),
            "every monitored limit of 26 over 1,000 positions, looked at once, snapshot included; "
            f"median of 20 looks, best of {ROUNDS} rounds",
        )
        | {"unit": "ms"},
    ]


if __name__ == "__main__":
    for line in rows():
        print(line)
