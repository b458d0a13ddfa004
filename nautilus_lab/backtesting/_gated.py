"""The gate in a backtest: in memory, and watching the loss of the day as a node does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nautilus_lab.backtesting._limits import Limits
from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import (
    DayHighs,
    Gate,
    HighWater,
    LimitWatch,
    StopLoss,
    TradingSwitch,
)
from nautilus_lab.risk.limits import LimitBook, Measures

# Below the book, which must have the last time whole; above the strategies, which trade on.
_AFTER_THE_BOOK = 10


def install_gate(
    kernel: Any,
    limits: Limits,
    *,
    venue: str,
    cash: float,
    begins_ns: int,
) -> Gate:
    """Put a gate before the venue of a backtest that has not begun.

    Parameters
    ----------
    kernel : NautilusKernel
        The backtest engine's.
    limits : Limits
        What it asks.
    venue : str
        The venue whose account begins with `cash`.
    cash : float
        Account currency.
    begins_ns : int
        When the data begin, UNIX nanoseconds.
    """
    gate = Gate(kernel, checks=limits.checks, journal=MemoryJournal(), state=TradingSwitch())
    gate.install()
    gate.book.set_cash(venue, cash)
    if isinstance(limits.measures, Measures):
        gate.book.measures = limits.measures
    # An alert has nobody to be told in a backtest; what adjusts itself is followed anyway.
    adjusts = limits.book.adjusted
    followed = [
        one
        for place, one in enumerate(limits.book)
        if place in adjusts or (one.monitors and one.action != "alert")
    ]
    if followed:
        book = replace(limits.book, limits=tuple(followed))
        watch = _Watch(gate, limits, book, cash, begins_ns)
        kernel.msgbus.subscribe("data.quotes.*", watch.on_quote, priority=_AFTER_THE_BOOK)
    return gate


class _Watch:
    """Looks at the limits each time the time moves on, when all quotes of the last one are in."""

    def __init__(
        self, gate: Gate, limits: Limits, book: LimitBook, cash: float, begins_ns: int
    ) -> None:
        self._gate = gate
        self._measures = limits.measures if callable(limits.measures) else None
        self._to = limits.stop_loss_state
        self._now_ns = begins_ns
        day = book.day_stop
        self._stop = None if day is None else StopLoss(day, confirmations=limits.confirmations)
        if day is not None and day.action == "halt":
            self._to = "HALTED"
        if self._stop is not None:
            self._stop.observe(cash, begins_ns)
            gate.book.day_start_equity = self._stop.day_start
        self._limits = LimitWatch(
            gate,
            book,
            tighten=lambda to, reason: gate.state.tighten(
                to, reason=reason, by="limits", automatic=True
            ),
            high_water=HighWater(confirmations=limits.confirmations),
            day_highs=DayHighs(confirmations=limits.confirmations),
        )
        self._look(begins_ns)

    def on_quote(self, quote: Any) -> None:
        if quote.ts_event == self._now_ns:
            return
        book = self._gate.book
        if self._stop is not None:
            reason = self._stop.observe(book.equity, self._now_ns)
            book.day_start_equity = self._stop.day_start
            if reason:
                self._gate.state.tighten(self._to, reason=reason, by="stop-loss", automatic=True)
        self._look(self._now_ns)
        self._now_ns = quote.ts_event

    def _look(self, now_ns: int) -> None:
        if self._measures is not None:
            self._gate.book.measures = self._measures(now_ns)
        self._limits.look(now_ns)
