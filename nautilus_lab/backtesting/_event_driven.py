"""Runs of Nautilus' backtest engine on bars; the only file of the room that imports NautilusTrader.

A bar is played in two steps: its open as a quote when it begins, the whole of it when it closes.
What a strategy wants when a bar closes can therefore be traded at the next open and not before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.core.data import Data
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, order_side_to_str
from nautilus_trader.model.events import (
    OrderDenied,
    OrderEvent,
    OrderFilled,
    OrderInitialized,
    OrderRejected,
)
from nautilus_trader.model.objects import Money
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.backtesting._ledger import FILL_COLUMNS, ORDER_COLUMNS, Ledger
from nautilus_lab.exceptions import InputError, LabError, RunFailed
from nautilus_lab.marketdata import nautilus as door
from nautilus_lab.strategies.nautilus import RebalanceOnBars, Stopped

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.backtesting._limits import Limits
    from nautilus_lab.backtesting._panel import Panel
    from nautilus_lab.marketdata.nautilus import Nanoseconds
    from nautilus_lab.strategies import Costs

# Data are made into Nautilus' objects some at a time: a tenth of a second, tens of megabytes.
_SLICE_BARS = 50_000
# Our own strategy asks the stop button at each bar. Others cannot: it is asked between slices that
# take about this time.
_SLICE_SECONDS = 0.2
_REFUSALS = (OrderDenied, OrderRejected)


def is_nautilus_strategy(strategy: object) -> bool:
    """Return whether `strategy` is one of Nautilus' own."""
    return isinstance(strategy, Strategy)


def run_targets(
    panel: Panel,
    weights: FloatArray,
    costs: Costs,
    cash: float,
    stopped: Callable[[], bool] = lambda: False,
    limits: Limits | None = None,
) -> Ledger:
    """Trade `weights` over `panel`, in whole units, on Nautilus' simulated exchange."""
    labels = door.nanoseconds(panel.times)
    kinds = _bar_types(panel, labels)
    # label -> weights; rows of NaN leave the positions alone
    targets = {
        int(label): row
        for label, row in zip(labels.tolist(), weights, strict=True)
        if row[0] == row[0]
    }
    strategy = RebalanceOnBars(
        bar_types=kinds, targets=targets, cash=cash, costs=costs, stopped=stopped
    )
    play = _Playback(panel, kinds, labels, door.closing_times(labels), costs, probe=False)
    return _run(strategy, play, costs, cash, stopped, limits)


def run_nautilus_strategy(
    strategy: Strategy,
    panel: Panel,
    costs: Costs,
    cash: float,
    stopped: Callable[[], bool] = lambda: False,
    limits: Limits | None = None,
) -> Ledger:
    """Run a Nautilus strategy over `panel`.

    Orders travel for two nanoseconds and a bar closes one nanosecond before the next begins, so
    what is sent when a bar closes reaches the exchange when the next opens are there.

    Raises
    ------
    InputError
        When the strategy has run before.
    """
    if strategy.trader_id is not None:
        raise InputError(
            "a Nautilus strategy must be new to be run",
            value=str(strategy.id),
            remedy="make another: its state is that of its first run",
        )
    labels = door.nanoseconds(panel.times)
    kinds = _bar_types(panel, labels)
    closes_at = door.closing_times(labels)
    closes_at[:-1] = labels[1:] - 1
    play = _Playback(panel, kinds, labels, closes_at, costs, probe=True)
    return _run(strategy, play, costs, cash, stopped, limits)


class _Playback:
    """The data of a panel as Nautilus' objects, made slice by slice."""

    def __init__(
        self,
        panel: Panel,
        kinds: list[BarType],
        labels: Nanoseconds,
        closes_at: Nanoseconds,
        costs: Costs,
        *,
        probe: bool,
    ) -> None:
        self.panel = panel
        self.kinds = kinds
        self.labels = labels
        self.closes_at = closes_at
        self.bids = panel.fill_prices * (1 - costs.half_spread)
        self.asks = panel.fill_prices * (1 + costs.half_spread)
        self.probe = probe

    def slice(self, begin: int, end: int) -> list[Data]:
        """Return the events of some rows in time: of each row its quotes, then its bars."""
        panel, labels, closes_at = self.panel, self.labels[begin:end], self.closes_at[begin:end]
        streams: list[list[Data]] = [
            door.to_quotes(
                kind.instrument_id,
                self.bids[begin:end, column],
                self.asks[begin:end, column],
                labels,
            )
            for column, kind in enumerate(self.kinds)
        ]
        if self.probe:
            # Lets the exchange take in orders after the last open and before the first close.
            streams.append(
                door.to_quotes(
                    self.kinds[0].instrument_id,
                    self.bids[begin:end, 0],
                    self.asks[begin:end, 0],
                    labels + 1,
                )
            )
        for column, kind in enumerate(self.kinds):
            prices = (panel.opens, panel.highs, panel.lows, panel.closes, panel.volumes)
            columns = [array[begin:end, column] for array in prices]
            streams.append(door.to_bars(kind, columns, labels, closes_at))
        return list(chain.from_iterable(zip(*streams, strict=True)))


def _run(
    strategy: Strategy,
    play: _Playback,
    costs: Costs,
    cash: float,
    stopped: Callable[[], bool],
    limits: Limits | None,
) -> Ledger:
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id="BACKTEST-001",
            logging=LoggingConfig(bypass_logging=True),
            # Its rates are limits per second; a whole book trades within one instant here.
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    try:
        engine.add_venue(
            venue=door.VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN,
            base_currency=USD,
            starting_balances=[Money(cash, USD)],
            bar_execution=play.probe,
            latency_model=LatencyModel(base_latency_nanos=2) if play.probe else None,
        )
        for symbol in play.panel.symbols:
            engine.add_instrument(door.equity(symbol, commission_bps=costs.commission_bps))
        engine.add_strategy(strategy)
        if limits is not None:
            from nautilus_lab.backtesting._gated import install_gate

            install_gate(
                engine.kernel,
                limits,
                venue=door.VENUE.value,
                cash=cash,
                begins_ns=int(play.labels[0]),
            )
        events: list[OrderEvent] = []
        engine.kernel.msgbus.subscribe("events.order.*", events.append)
        played = _play(engine, play, stopped)
        engine.end()
        return _ledger(engine, events, played)
    except LabError:
        raise
    except Exception as error:
        raise RunFailed(
            f"the backtest ended in an error: {error}",
            value=type(error).__name__,
            remedy="nautilus_lab.traceback() shows where",
        ) from error
    finally:
        engine.dispose()


def _play(engine: BacktestEngine, play: _Playback, stopped: Callable[[], bool]) -> int:
    """Play slice after slice; return the rows played."""
    n_times, n_symbols, at = len(play.labels), len(play.kinds), 0
    size = max(1, (500 if play.probe else _SLICE_BARS) // n_symbols)
    while at < n_times and not stopped():
        began = time.perf_counter()
        engine.add_data(play.slice(at, at + size))
        try:
            engine.run(streaming=True)
        except Stopped as stop:
            return int(play.labels.searchsorted(stop.ts_event)) + 1
        engine.clear_data()
        at = min(at + size, n_times)
        if play.probe:
            pace = _SLICE_SECONDS / max(time.perf_counter() - began, 1e-6)
            size = max(1, int(size * min(2.0, pace)))
    return at


def _bar_types(panel: Panel, labels: Nanoseconds) -> list[BarType]:
    length = int((labels[1:] - labels[:-1]).min())
    return [door.bar_type(symbol, length) for symbol in panel.symbols]


# float() of Nautilus' fixed-point numbers is off in the last place; their decimals are exact.
def _ledger(engine: BacktestEngine, events: list[OrderEvent], played: int) -> Ledger:
    orders, fills = [], []
    refused = {
        event.client_order_id: event.reason for event in events if isinstance(event, _REFUSALS)
    }
    for event in events:
        if isinstance(event, OrderInitialized):
            order = engine.cache.order(event.client_order_id)
            orders.append(
                (
                    event.client_order_id.value,
                    event.ts_init,
                    event.instrument_id.symbol.value,
                    order_side_to_str(event.side),
                    float(order.quantity.as_decimal()),
                    float(order.filled_qty.as_decimal()),
                    float(order.avg_px),
                    order.status_string(),
                    refused.get(event.client_order_id, ""),
                )
            )
        elif isinstance(event, OrderFilled):
            fills.append(
                (
                    event.ts_event,
                    event.instrument_id.symbol.value,
                    order_side_to_str(event.order_side),
                    float(event.last_qty.as_decimal()),
                    float(event.last_px.as_decimal()),
                    float(event.commission.as_decimal()),
                    event.client_order_id.value,
                )
            )
    return Ledger(
        orders=_frame(orders, ["order_id", *ORDER_COLUMNS]).set_index("order_id"),
        fills=_frame(fills, list(FILL_COLUMNS)),
        n_times=played,
    )


def _frame(rows: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns)
    frame["time"] = pd.to_datetime(frame["time"], unit="ns", utc=True)
    return frame
