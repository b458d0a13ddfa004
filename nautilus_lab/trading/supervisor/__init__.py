"""The detached process that starts, watches, restarts and stops nodes, venues and gateways."""

from nautilus_lab.trading.supervisor._alerts import Alerts, DeskAlerts
from nautilus_lab.trading.supervisor._attendance import Attendance
from nautilus_lab.trading.supervisor._cleaning import clean
from nautilus_lab.trading.supervisor._heartbeat import Heartbeat
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget
from nautilus_lab.trading.supervisor._service import Service
from nautilus_lab.trading.supervisor._supervisor import Supervisor
from nautilus_lab.trading.supervisor._trader import TraderKeeper

__all__ = [
    "Alerts",
    "Attendance",
    "Child",
    "DeskAlerts",
    "Heartbeat",
    "RestartBudget",
    "Service",
    "Supervisor",
    "TraderKeeper",
    "clean",
]
