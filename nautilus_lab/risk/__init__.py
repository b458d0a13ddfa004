"""How much could be lost, and how much may be: value at risk, expected shortfall, limits."""

from nautilus_lab.risk._capital import (
    BaselStyleCapital,
    basel_25_style_capital,
    basel_style_capital,
    constrained_shortfall,
)
from nautilus_lab.risk._cornish_fisher import CornishFisherRisk
from nautilus_lab.risk._coverage import Coverage, Proxy, cover
from nautilus_lab.risk._engine import RiskLimitEngine
from nautilus_lab.risk._filtered import FilteredHistoricalRisk
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._liquidity import (
    LIQUIDITY_HORIZONS,
    LiquidityShortfall,
    liquidity_shortfall,
    overlapping_returns,
)
from nautilus_lab.risk._model import Estimate, RiskModel
from nautilus_lab.risk._monte_carlo import MonteCarloRisk
from nautilus_lab.risk._parametric import ParametricRisk
from nautilus_lab.risk._regime import (
    VolatilityRegimes,
    average_correlation,
    turbulence,
    volatility_regimes,
)
from nautilus_lab.risk._report import RiskReport
from nautilus_lab.risk._revaluation import OptionPosition, revalued_pnl
from nautilus_lab.risk._sample import Sample
from nautilus_lab.risk._scenarios import (
    HISTORICAL_SCENARIOS,
    HistoricalScenario,
    ReverseStress,
    Scenario,
    ScenarioLoss,
    StressTest,
    reverse_stress,
    stress_test,
)
from nautilus_lab.risk._stressed import (
    CalibratedShortfall,
    StressedRisk,
    calibrated_shortfall,
    stressed_risk,
)
from nautilus_lab.risk._volatility import ewma_volatility, range_volatility, volatility_now
from nautilus_lab.risk.adjustment import (
    AdjustmentBounds,
    AdjustmentRecord,
    DynamicLimit,
    LimitAdjuster,
)
from nautilus_lab.risk.backtests import (
    AttributionTest,
    CoverageTest,
    TrafficLight,
    VarBacktest,
    attribution_test,
    backtest_value_at_risk,
    christoffersen_test,
    conditional_coverage_test,
    desk_eligible,
    kupiec_test,
    rolling_risk,
    traffic_light,
)
from nautilus_lab.risk.early_warning import (
    BreachForecast,
    BreachForecaster,
    EarlyWarning,
    PatternDetector,
    UtilisationTrend,
)
from nautilus_lab.risk.greeks import (
    BondValue,
    CashFlow,
    OptionKind,
    OptionValue,
    black_76,
    black_scholes,
    bond_value,
    implied_volatility,
    implied_volatility_76,
    level_coupons,
)
from nautilus_lab.risk.limits import Level, LimitBook, LimitReport, LimitUtilisation, level_of

__all__ = [
    "HISTORICAL_SCENARIOS",
    "LIQUIDITY_HORIZONS",
    "AdjustmentBounds",
    "AdjustmentRecord",
    "AttributionTest",
    "BaselStyleCapital",
    "BondValue",
    "BreachForecast",
    "BreachForecaster",
    "CalibratedShortfall",
    "CashFlow",
    "CornishFisherRisk",
    "Coverage",
    "CoverageTest",
    "DynamicLimit",
    "EarlyWarning",
    "Estimate",
    "FilteredHistoricalRisk",
    "HistoricalRisk",
    "HistoricalScenario",
    "Level",
    "LimitAdjuster",
    "LimitBook",
    "LimitReport",
    "LimitUtilisation",
    "LiquidityShortfall",
    "MonteCarloRisk",
    "OptionKind",
    "OptionPosition",
    "OptionValue",
    "ParametricRisk",
    "PatternDetector",
    "Proxy",
    "ReverseStress",
    "RiskLimitEngine",
    "RiskModel",
    "RiskReport",
    "Sample",
    "Scenario",
    "ScenarioLoss",
    "StressTest",
    "StressedRisk",
    "TrafficLight",
    "UtilisationTrend",
    "VarBacktest",
    "VolatilityRegimes",
    "attribution_test",
    "average_correlation",
    "backtest_value_at_risk",
    "basel_25_style_capital",
    "basel_style_capital",
    "black_76",
    "black_scholes",
    "bond_value",
    "calibrated_shortfall",
    "christoffersen_test",
    "conditional_coverage_test",
    "constrained_shortfall",
    "cover",
    "desk_eligible",
    "ewma_volatility",
    "implied_volatility",
    "implied_volatility_76",
    "kupiec_test",
    "level_coupons",
    "level_of",
    "liquidity_shortfall",
    "overlapping_returns",
    "range_volatility",
    "revalued_pnl",
    "reverse_stress",
    "rolling_risk",
    "stress_test",
    "stressed_risk",
    "traffic_light",
    "turbulence",
    "volatility_now",
    "volatility_regimes",
]
