"""How much could be lost, and how much may be: value at risk, expected shortfall, limits."""

from nautilus_lab.risk._cornish_fisher import CornishFisherRisk
from nautilus_lab.risk._engine import LimitReport, LimitUtilisation, RiskLimitEngine
from nautilus_lab.risk._filtered import FilteredHistoricalRisk
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import Estimate, RiskModel
from nautilus_lab.risk._monte_carlo import MonteCarloRisk
from nautilus_lab.risk._notional import Level, LimitCheck, NotionalLimit, level_of
from nautilus_lab.risk._parametric import ParametricRisk
from nautilus_lab.risk._regime import VolatilityRegimes, turbulence, volatility_regimes
from nautilus_lab.risk._report import RiskReport
from nautilus_lab.risk._sample import Sample
from nautilus_lab.risk._volatility import ewma_volatility, range_volatility

__all__ = [
    "CornishFisherRisk",
    "Estimate",
    "FilteredHistoricalRisk",
    "HistoricalRisk",
    "Level",
    "LimitCheck",
    "LimitReport",
    "LimitUtilisation",
    "MonteCarloRisk",
    "NotionalLimit",
    "ParametricRisk",
    "RiskLimitEngine",
    "RiskModel",
    "RiskReport",
    "Sample",
    "VolatilityRegimes",
    "ewma_volatility",
    "level_of",
    "range_volatility",
    "turbulence",
    "volatility_regimes",
]
