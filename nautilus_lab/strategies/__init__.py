"""Strategies: functions from data to target weights, and what trades them."""

from nautilus_lab.strategies._costs import Costs
from nautilus_lab.strategies._lookahead import Lookahead, find_lookahead
from nautilus_lab.strategies._ready import buy_and_hold, momentum_tilt, moving_average_cross
from nautilus_lab.strategies._signal import SignalStrategy, closes_of, strategy

__all__ = [
    "Costs",
    "Lookahead",
    "SignalStrategy",
    "buy_and_hold",
    "closes_of",
    "find_lookahead",
    "momentum_tilt",
    "moving_average_cross",
    "strategy",
]
