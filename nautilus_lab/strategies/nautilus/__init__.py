"""Strategies for Nautilus' engines that trade target weights: on bars, and on live quotes."""

from nautilus_lab.strategies.nautilus._on_bars import RebalanceOnBars, Stopped
from nautilus_lab.strategies.nautilus._on_quotes import HoldTargets, HoldTargetsConfig
from nautilus_lab.strategies.nautilus._rebalance import units_to_trade

__all__ = ["HoldTargets", "HoldTargetsConfig", "RebalanceOnBars", "Stopped", "units_to_trade"]
