"""The detached process that starts, watches, restarts and stops nodes, venues and the gateway."""

from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget
from nautilus_lab.trading.supervisor._supervisor import Supervisor
from nautilus_lab.trading.supervisor._trader import TraderKeeper

__all__ = ["Child", "RestartBudget", "Supervisor", "TraderKeeper"]
