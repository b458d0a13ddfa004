"""Where returns came from: factors, groups, regimes, and how what foretells them moves together."""

from nautilus_lab.factors.attribution._brinson import BrinsonAttribution, brinson_fachler
from nautilus_lab.factors.attribution._cross_correlation import (
    CrossCorrelation,
    cross_correlation,
)
from nautilus_lab.factors.attribution._factor import FactorAttribution
from nautilus_lab.factors.attribution._holdings import attribute_holdings
from nautilus_lab.factors.attribution._linking import linked
from nautilus_lab.factors.attribution._regimes import RegimePerformance, performance_by
from nautilus_lab.factors.attribution._returns_based import attribute_returns

__all__ = [
    "BrinsonAttribution",
    "CrossCorrelation",
    "FactorAttribution",
    "RegimePerformance",
    "attribute_holdings",
    "attribute_returns",
    "brinson_fachler",
    "cross_correlation",
    "linked",
    "performance_by",
]
