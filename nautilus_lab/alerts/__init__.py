"""What somebody should look at: found wherever it was raised, shown live, acknowledged."""

from nautilus_lab.alerts._acknowledge import acknowledge
from nautilus_lab.alerts._answering import answer_acknowledge
from nautilus_lab.alerts._board import AlertBoard
from nautilus_lab.alerts._find import FoundAlerts, find_alerts
from nautilus_lab.alerts._monitor import monitor_standing

__all__ = [
    "AlertBoard",
    "FoundAlerts",
    "acknowledge",
    "answer_acknowledge",
    "find_alerts",
    "monitor_standing",
]
