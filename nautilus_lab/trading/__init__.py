"""Engine 1: the trading node, its supervisor, and the object a notebook steers them with."""

from nautilus_lab.kill_switch import Tightened, tighten
from nautilus_lab.trading._engine import TradingEngine
from nautilus_lab.trading._firm import FirmLease
from nautilus_lab.trading._handle import Node
from nautilus_lab.trading._logs import LogView
from nautilus_lab.trading._measurement import Measurement
from nautilus_lab.trading._measures_view import MeasureRow, MeasuresView
from nautilus_lab.trading._targets import Targets, TargetTable, target_table
from nautilus_lab.trading.commands import LabStatus, NodeStatus

__all__ = [
    "FirmLease",
    "LabStatus",
    "LogView",
    "MeasureRow",
    "Measurement",
    "MeasuresView",
    "Node",
    "NodeStatus",
    "TargetTable",
    "Targets",
    "Tightened",
    "TradingEngine",
    "target_table",
    "tighten",
]
