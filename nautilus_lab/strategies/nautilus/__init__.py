"""Strategies for Nautilus' engines that trade target weights: on bars, and on live quotes."""

from nautilus_lab.strategies.nautilus._manual import ManualOrders
from nautilus_lab.strategies.nautilus._on_bars import RebalanceOnBars, Stopped
from nautilus_lab.strategies.nautilus._on_quotes import (
    HoldTargets,
    HoldTargetsConfig,
    TakesTargets,
)
from nautilus_lab.strategies.nautilus._rebalance import units_to_trade
from nautilus_lab.strategies.nautilus._registry import StrategyRegistry, StrategyVersion

__all__ = [
    "HoldTargets",
    "HoldTargetsConfig",
    "ManualOrders",
    "RebalanceOnBars",
    "Stopped",
    "StrategyRegistry",
    "StrategyVersion",
    "TakesTargets",
    "units_to_trade",
]
