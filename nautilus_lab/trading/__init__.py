"""Engine 1: the trading node, its supervisor, and the object a notebook steers them with."""

from nautilus_lab.trading._engine import Node, TradingEngine
from nautilus_lab.trading._targets import Targets
from nautilus_lab.trading.commands import LabStatus, NodeStatus

__all__ = ["LabStatus", "Node", "NodeStatus", "Targets", "TradingEngine"]
