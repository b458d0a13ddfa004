"""What a node and a supervisor can be asked: one table each."""

from nautilus_lab.platform.commands import (
    HaltTrading,
    ReduceOnly,
    ResumeTrading,
    StateOfTrading,
)
from nautilus_lab.trading.commands._node import EventsAfter, NodeStatus
from nautilus_lab.trading.commands._strategies import NewTargets, ShowTargets
from nautilus_lab.trading.commands._supervisor import (
    Ending,
    HowEnded,
    LabStatus,
    RestartTrader,
    ServiceStatus,
    StartTrader,
    Stopped,
    StopTrader,
)
from nautilus_lab.trading.commands._table import NODE_COMMANDS, SUPERVISOR_COMMANDS

__all__ = [
    "NODE_COMMANDS",
    "SUPERVISOR_COMMANDS",
    "Ending",
    "EventsAfter",
    "HaltTrading",
    "HowEnded",
    "LabStatus",
    "NewTargets",
    "NodeStatus",
    "ReduceOnly",
    "RestartTrader",
    "ResumeTrading",
    "ServiceStatus",
    "ShowTargets",
    "StartTrader",
    "StateOfTrading",
    "StopTrader",
    "Stopped",
]
