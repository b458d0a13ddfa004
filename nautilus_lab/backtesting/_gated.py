"""The gate in a backtest: in memory, and watching the loss of the day as a node does."""

from __future__ import annotations

from typing import Any

from nautilus_lab.backtesting._limits import Limits
from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import DailyLoss, Gate, StopLoss, TradingSwitch

# Below the book, which must have the last time whole; above the strategies, which trade on.
_AFTER_THE_BOOK = 10


def install_gate(kernel: Any, limits: Limits, *, venue: str, cash: float, begins_ns: int) -> Gate:
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
    switch = TradingSwitch()
    gate = Gate(kernel, checks=limits.checks, journal=MemoryJournal(), state=switch)
    gate.install()
    gate.book.set_cash(venue, cash)
    for check in limits.checks:
        if isinstance(check, DailyLoss):
            stop = StopLoss(check, confirmations=limits.confirmations)
            watch = _Watch(gate, stop, limits.stop_loss_state, cash, begins_ns)
            kernel.msgbus.subscribe("data.quotes.*", watch.on_quote, priority=_AFTER_THE_BOOK)
    return gate


class _Watch:
    """Looks at the loss each time the time moves on, when all quotes of the last one are in."""

    def __init__(self, gate: Gate, stop: StopLoss, to: Any, cash: float, begins_ns: int) -> None:
        self._gate = gate
        self._stop = stop
        self._to = to
        self._now_ns = begins_ns
        self._stop.observe(cash, begins_ns)
        gate.book.day_start_equity = stop.day_start

    def on_quote(self, quote: Any) -> None:
        if quote.ts_event == self._now_ns:
            return
        book = self._gate.book
        reason = self._stop.observe(book.equity, self._now_ns)
        book.day_start_equity = self._stop.day_start
        self._now_ns = quote.ts_event
        if reason:
            self._gate.state.tighten(self._to, reason=reason, by="stop-loss", automatic=True)
