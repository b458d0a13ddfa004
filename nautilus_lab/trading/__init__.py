"""Engine 1: the trading node, its supervisor, and the object a notebook steers them with."""

from nautilus_lab.trading._commands import LabStatus, NodeStatus
from nautilus_lab.trading._engine import Node, TradingEngine
from nautilus_lab.trading._targets import Targets

__all__ = ["LabStatus", "Node", "NodeStatus", "Targets", "TradingEngine"]
