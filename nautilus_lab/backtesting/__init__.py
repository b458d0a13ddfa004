"""Strategies over past data: event by event on Nautilus, or all at once."""

from nautilus_lab.backtesting._engine import BacktestingEngine
from nautilus_lab.backtesting._limits import Limits
from nautilus_lab.backtesting._result import BacktestResult, BacktestStats
from nautilus_lab.backtesting._stop_button import StopButton
from nautilus_lab.backtesting._sweep import SweepResult
from nautilus_lab.strategies import Costs

__all__ = [
    "BacktestResult",
    "BacktestStats",
    "BacktestingEngine",
    "Costs",
    "Limits",
    "StopButton",
    "SweepResult",
]
