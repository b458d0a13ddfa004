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
from nautilus_lab.risk.backtests import (
    AttributionTest,
    CoverageTest,
    TrafficLight,
    VarBacktest,
    attribution_test,
    backtest_value_at_risk,
    christoffersen_test,
    conditional_coverage_test,
    kupiec_test,
    rolling_risk,
    traffic_light,
)

__all__ = [
    "AttributionTest",
    "CornishFisherRisk",
    "CoverageTest",
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
    "TrafficLight",
    "VarBacktest",
    "VolatilityRegimes",
    "attribution_test",
    "backtest_value_at_risk",
    "christoffersen_test",
    "conditional_coverage_test",
    "ewma_volatility",
    "kupiec_test",
    "level_of",
    "range_volatility",
    "rolling_risk",
    "traffic_light",
    "turbulence",
    "volatility_regimes",
]
