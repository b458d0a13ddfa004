"""Which venue gets how much of an order, and afterwards what that was worth."""

from nautilus_lab.execution.routing._offer import Level, Offer
from nautilus_lab.execution.routing._plan import Leg, Policy, Route, plan_route
from nautilus_lab.execution.routing._report import (
    ExecutionReport,
    VenueExecution,
    execution_report,
)

__all__ = [
    "ExecutionReport",
    "Leg",
    "Level",
    "Offer",
    "Policy",
    "Route",
    "VenueExecution",
    "execution_report",
    "plan_route",
]
