"""What a node and a supervisor can be asked: one table each."""

from nautilus_lab.trading.commands._node import EventsAfter, NodeStatus
from nautilus_lab.trading.commands._strategies import NewTargets
from nautilus_lab.trading.commands._supervisor import LabStatus, StartTrader, StopTrader
from nautilus_lab.trading.commands._table import NODE_COMMANDS, SUPERVISOR_COMMANDS

__all__ = [
    "NODE_COMMANDS",
    "SUPERVISOR_COMMANDS",
    "EventsAfter",
    "LabStatus",
    "NewTargets",
    "NodeStatus",
    "StartTrader",
    "StopTrader",
]
