"""What the gate and its journal cost an order."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderDenied
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.execution.gate import Check, Gate
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.limits import (
    DailyLoss,
    EnoughMargin,
    FreshQuote,
    MaxGrossExposure,
    MaxMessageRate,
    MaxOrderNotional,
    MaxPositionNotional,
    MaxPositionUnits,
    NoDuplicate,
    PriceCollar,
)
from nautilus_lab.trading.node._journal import StoreJournal

ROUNDS = 7
ORDERS = 1_000
CASH = 1e9
STOCKS = [TestInstrumentProvider.equity(f"S{n}", "PAPER") for n in range(20)]
SIZE = Quantity.from_int(1_000_000)


def limits() -> list[Check]:
    """Twenty limits that let everything pass: each of ours, some several times."""
    notional = [MaxOrderNotional(max_notional=1e8 + n) for n in range(2)]
    return [
        MaxMessageRate(per_second=9_999),
        NoDuplicate(window_s=0.001),
        FreshQuote(max_age_s=1e8),
        PriceCollar(bps=5_000),
        *notional,
        *[MaxPositionUnits(max_units=1e9, per=p) for p in ("instrument", "symbol", "strategy")],
        *[MaxPositionNotional(max_notional=1e9, per=p) for p in ("instrument", "symbol")],
        *[MaxPositionNotional(max_notional=1e9 + n, per="strategy") for n in range(3)],
        *[MaxGrossExposure(max_notional=1e9 + n) for n in range(2)],
        *[EnoughMargin(leverage={"PAPER": 4.0 + n}) for n in range(2)],
        *[DailyLoss(max_loss=1e6 + n) for n in range(2)],
    ]


class Nothing:
    """A journal that keeps nothing: what is left is the gate."""

    def write(self, intents) -> None:
        pass


class Sink:
    """An engine of Nautilus that passes on what it gets, or ends it."""

    def __init__(self, bus=None) -> None:
        self.bus = bus
        self.count = 0

    def execute(self, command) -> None:
        self.count += 1
        if self.bus is not None:
            self.bus.send("ExecEngine.execute", command)

    def _find_client_for_command(self, command):
        return self


def engine(stocks) -> BacktestEngine:
    """Return an engine with some stocks and a venue."""
    made = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("T-1"),
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    made.add_venue(Venue("PAPER"), OmsType.NETTING, AccountType.MARGIN, [Money(CASH, USD)], USD)
    for stock in stocks:
        made.add_instrument(stock)
    return made


def quote(stock, at: int) -> QuoteTick:
    return QuoteTick(
        stock.id, Price.from_str("99.98"), Price.from_str("100.00"), SIZE, SIZE, at, at
    )


def ready(gate: Gate) -> Gate:
    """Put `gate` before its venue, with an account that it knows."""
    gate.install()
    gate.book.set_cash("PAPER", CASH)
    gate.book.day_start_equity = CASH
    return gate


def crossings(journal, checks=None, stocks=STOCKS, traded=None, prepare=None) -> list[float]:
    """Return what each order takes at the gate, both crossings, microseconds.

    `prepare` is called with the gate and its bus before the first order; `traded` are the stocks
    that orders are for, all when not given.
    """
    traded = stocks if traded is None else traded
    made = engine(stocks)
    kernel = made.kernel
    bus, cache = kernel.msgbus, kernel.cache
    last, first = Sink(), Sink(bus)
    for endpoint, theirs, ours in (
        ("RiskEngine.execute", kernel.risk_engine, first),
        ("ExecEngine.execute", kernel.exec_engine, last),
    ):
        bus.deregister(endpoint, theirs.execute)
        bus.register(endpoint, ours.execute)
    stub = SimpleNamespace(
        msgbus=bus, cache=cache, clock=kernel.clock, risk_engine=first, exec_engine=last
    )
    gate = ready(Gate(stub, checks=limits() if checks is None else checks, journal=journal))
    strategy = Strategy(StrategyConfig(strategy_id="Sender", order_id_tag="001"))
    made.add_strategy(strategy)
    for stock in stocks:
        cache.add_quote_tick(quote(stock, 0))
    if prepare is not None:
        prepare(gate, bus)
    took, sent = [], []
    for number in range(ORDERS):
        order = strategy.order_factory.limit(
            traded[number % len(traded)].id,
            OrderSide.BUY,
            Quantity.from_int(100 + number % 37),
            Price.from_str(f"{99 + number % 90 / 100:.2f}"),
        )
        cache.add_order(order)
        sent.append(order)
        command = SubmitOrder(order.trader_id, order.strategy_id, order, UUID4(), 0)
        kernel.clock.set_time(number * 10_000_000)
        began = time.perf_counter_ns()
        bus.send("RiskEngine.execute", command)
        took.append((time.perf_counter_ns() - began) / 1e3)
        if number >= 100:  # a hundred orders work at a time
            denied = sent[number - 100]
            event = OrderDenied(
                denied.trader_id,
                denied.strategy_id,
                denied.instrument_id,
                denied.client_order_id,
                "over",
                UUID4(),
                0,
            )
            denied.apply(event)
            bus.publish(f"events.order.{denied.strategy_id}", event)
    made.dispose()
    if last.count != ORDERS or first.count != ORDERS:
        raise AssertionError("every order must pass before it is measured")
    return took


def at(share: float, took: list[float]) -> float:
    """Return the quantile of `took`."""
    return sorted(took)[int(share * (len(took) - 1))]


def rows() -> list[dict]:
    """Measure gate and commit in turn, and report the best of each median."""
    gate: list[list[float]] = []
    commit: list[list[float]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        TradingStore.open(Path(folder) / "gate.db") as store,
    ):
        for _ in range(ROUNDS + 1):  # the first of each warms up
            gc.collect()
            gate.append(crossings(Nothing()))
            commit.append(crossings(StoreJournal(AuditTrail(store), store)))
    gate, commit = gate[1:], commit[1:]
    both = [at(0.5, c) - at(0.5, g) for g, c in zip(gate, commit, strict=True)]
    how = f"best of {ROUNDS} rounds of {ORDERS:,} orders on 20 stocks"
    return [
        row(
            "02-gate-p50",
            50,
            min(at(0.5, took) for took in gate),
            f"20 limits, both crossings, nothing written, 100 orders working; {how}",
        ),
        row(
            "02-gate-p99",
            1_000,
            min(at(0.99, took) for took in gate),
            f"as 02-gate-p50, its 99th percentile; {how}",
        ),
        row(
            "02-gate-commit-p50",
            150,
            min(both),
            "an intent and its audit row, one transaction of a SQLite file (WAL, synchronous "
            f"NORMAL): what the gate takes longer with it; {how}",
        ),
        row(
            "02-gate-commit-p99",
            1_000,
            min(at(0.99, took) for took in commit),
            f"gate and commit together, the 99th percentile; {how}",
        ),
    ]


def row(name: str, target: float, measured: float, how: str) -> dict:
    return {
        "id": name,
        "target": target,
        "measured": round(measured, 1),
        "unit": "us",
        "met": measured <= target,
        "how": how,
    }


if __name__ == "__main__":
    for line in rows():
        print(line)
