"""Showing the flight recorder what comes over a kernel's bus."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from nautilus_trader.model.data import Bar, QuoteTick, TradeTick
from nautilus_trader.model.enums import aggressor_side_to_str

from nautilus_lab.platform.recording import FlightRecorder
from nautilus_lab.risk.limits import Finding

# A quote is recorded before what is decided upon it: the gate's book follows at 20.
_BEFORE_ALL = 30


class Tap:
    """Records every quote, trade and bar of a kernel's bus, and what its gate finds, in order.

    On the caller it only notes that there was one; the recorder's thread reads it.

    Parameters
    ----------
    recorder : FlightRecorder
        What records.
    source_ts : callable, optional
        Returns the historical instant a replay is at, UNIX ns.
    """

    def __init__(
        self, recorder: FlightRecorder, source_ts: Callable[[], int | None] = lambda: None
    ) -> None:
        self._later = recorder.later
        self._source_ts = source_ts

    def listen(self, msgbus: Any) -> None:
        """Subscribe to what a kernel's bus carries; before the kernel runs."""
        msgbus.subscribe("data.quotes.*", self.on_quote, priority=_BEFORE_ALL)
        msgbus.subscribe("data.trades.*", self.on_trade, priority=_BEFORE_ALL)
        msgbus.subscribe("data.bars.*", self.on_bar, priority=_BEFORE_ALL)

    def on_quote(self, quote: QuoteTick) -> None:
        """Record a quote."""
        self._later("quotes", _quote, quote, self._source_ts())

    def on_trade(self, trade: TradeTick) -> None:
        """Record a trade of the market."""
        self._later("trades", _trade, trade, self._source_ts())

    def on_bar(self, bar: Bar) -> None:
        """Record a bar that has closed."""
        self._later("bars", _bar, bar, self._source_ts())

    def on_checked(self, findings: Sequence[Finding]) -> None:
        """Record what the gate found of an order that it let through: its decision's ground."""
        self._later("decisions", _checked, time.time_ns(), tuple(findings))


def _checked(ts: int, findings: Sequence[Finding]) -> tuple[Any, ...]:
    return ts, "gate.checked", "", msgspec.msgpack.encode(findings)


def _quote(quote: QuoteTick, source_ts: int | None) -> tuple[Any, ...]:
    return (
        quote.ts_init,
        source_ts,
        quote.instrument_id.value,
        float(quote.bid_price),
        float(quote.ask_price),
        float(quote.bid_size),
        float(quote.ask_size),
    )


def _trade(trade: TradeTick, source_ts: int | None) -> tuple[Any, ...]:
    return (
        trade.ts_init,
        source_ts,
        trade.instrument_id.value,
        float(trade.price),
        float(trade.size),
        aggressor_side_to_str(trade.aggressor_side),
        trade.trade_id.value,
    )


def _bar(bar: Bar, source_ts: int | None) -> tuple[Any, ...]:
    return (
        bar.ts_init,
        source_ts,
        bar.bar_type.instrument_id.value,
        str(bar.bar_type.spec),
        float(bar.open),
        float(bar.high),
        float(bar.low),
        float(bar.close),
        float(bar.volume),
    )
