"""Engine 1: the trading node, its supervisor, and the object a notebook steers them with."""

from nautilus_lab.trading._alerts import FoundAlert, FoundAlerts
from nautilus_lab.trading._engine import TradingEngine
from nautilus_lab.trading._firm import FirmLease
from nautilus_lab.trading._handle import Node
from nautilus_lab.trading._logs import LogView
from nautilus_lab.trading._targets import Targets, TargetTable, target_table
from nautilus_lab.trading._tighten import Tightened
from nautilus_lab.trading.commands import LabStatus, NodeStatus

__all__ = [
    "FirmLease",
    "FoundAlert",
    "FoundAlerts",
    "LabStatus",
    "LogView",
    "Node",
    "NodeStatus",
    "TargetTable",
    "Targets",
    "Tightened",
    "TradingEngine",
    "target_table",
]
