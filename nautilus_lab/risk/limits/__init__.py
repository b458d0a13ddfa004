"""What a desk may do: limits as frozen values, and the book that holds them together."""

from nautilus_lab.risk.limits._adjusts import Adjusts
from nautilus_lab.risk.limits._asked import (
    Asked,
    Held,
    Lately,
    Of,
    Per,
    Prepares,
    Reach,
    Sums,
    Traded,
    Works,
)
from nautilus_lab.risk.limits._asking import Order
from nautilus_lab.risk.limits._book import LimitBook
from nautilus_lab.risk.limits._data import FreshQuote, MaxClockSkew, MaxSourceGap
from nautilus_lab.risk.limits._exposure import (
    EnoughMargin,
    MaxConcentration,
    MaxGrossExposure,
    MaxHerfindahl,
    MaxLeverage,
    MaxNetExposure,
    MaxPositionNotional,
    MaxPositionUnits,
)
from nautilus_lab.risk.limits._finding import Finding, Level, level_of, shown
from nautilus_lab.risk.limits._holdings import Counts, Holdings, Position, Total
from nautilus_lab.risk.limits._levels import Levels
from nautilus_lab.risk.limits._limit import Action, Limit, Mode
from nautilus_lab.risk.limits._liquidity import MaxDaysToLiquidate, MaxParticipation
from nautilus_lab.risk.limits._loss import DailyLoss, MaxDrawdown, highs_of
from nautilus_lab.risk.limits._measured import (
    MaxCorrelation,
    MaxExpectedShortfall,
    MaxGreek,
    MaxValueAtRisk,
    MaxVolatility,
)
from nautilus_lab.risk.limits._measures import MEASURES, Measured, Measures
from nautilus_lab.risk.limits._measuring import measures_of, regime_of
from nautilus_lab.risk.limits._monitor import LevelChange, LimitMonitor
from nautilus_lab.risk.limits._order import (
    MaxOrderNotional,
    MaxOrderQuantity,
    NoDuplicate,
    PriceCollar,
)
from nautilus_lab.risk.limits._parsing import CATALOGUE, levels_of, limit_of, limits_of
from nautilus_lab.risk.limits._permission import (
    MaxInstruments,
    MaxVenues,
    Restricted,
    SessionHours,
)
from nautilus_lab.risk.limits._rate import MaxMessageRate, MaxOrderToTrade, MaxRejects, MaxRepeats
from nautilus_lab.risk.limits._report import LimitReport, LimitUtilisation, Standing
from nautilus_lab.risk.limits._scaling import bounds_of, scaled
from nautilus_lab.risk.limits._self_trade import NoSelfTrade, SelfTradePolicy
from nautilus_lab.risk.limits._stress import MaxStressLoss

__all__ = [
    "CATALOGUE",
    "MEASURES",
    "Action",
    "Adjusts",
    "Asked",
    "Counts",
    "DailyLoss",
    "EnoughMargin",
    "Finding",
    "FreshQuote",
    "Held",
    "Holdings",
    "Lately",
    "Level",
    "LevelChange",
    "Levels",
    "Limit",
    "LimitBook",
    "LimitMonitor",
    "LimitReport",
    "LimitUtilisation",
    "MaxClockSkew",
    "MaxConcentration",
    "MaxCorrelation",
    "MaxDaysToLiquidate",
    "MaxDrawdown",
    "MaxExpectedShortfall",
    "MaxGreek",
    "MaxGrossExposure",
    "MaxHerfindahl",
    "MaxInstruments",
    "MaxLeverage",
    "MaxMessageRate",
    "MaxNetExposure",
    "MaxOrderNotional",
    "MaxOrderQuantity",
    "MaxOrderToTrade",
    "MaxParticipation",
    "MaxPositionNotional",
    "MaxPositionUnits",
    "MaxRejects",
    "MaxRepeats",
    "MaxSourceGap",
    "MaxStressLoss",
    "MaxValueAtRisk",
    "MaxVenues",
    "MaxVolatility",
    "Measured",
    "Measures",
    "Mode",
    "NoDuplicate",
    "NoSelfTrade",
    "Of",
    "Order",
    "Per",
    "Position",
    "Prepares",
    "PriceCollar",
    "Reach",
    "Restricted",
    "SelfTradePolicy",
    "SessionHours",
    "Standing",
    "Sums",
    "Total",
    "Traded",
    "Works",
    "bounds_of",
    "highs_of",
    "level_of",
    "levels_of",
    "limit_of",
    "limits_of",
    "measures_of",
    "regime_of",
    "scaled",
    "shown",
]
