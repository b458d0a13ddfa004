"""How much of what to hold: objectives, constraints and the allocation that serves them."""

from nautilus_lab.portfolio._allocation import Allocation
from nautilus_lab.portfolio._constraints import Constraint, GroupLimit, WeightBounds
from nautilus_lab.portfolio._engine import PortfolioEngine
from nautilus_lab.portfolio._objectives import HierarchicalRiskParity, MeanRisk, Objective

__all__ = [
    "Allocation",
    "Constraint",
    "GroupLimit",
    "HierarchicalRiskParity",
    "MeanRisk",
    "Objective",
    "PortfolioEngine",
    "WeightBounds",
]
