"""How much could be lost, and how much may be: value at risk, expected shortfall, limits."""

from nautilus_lab.risk._engine import LimitReport, LimitUtilisation, RiskLimitEngine
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._notional import Level, LimitCheck, NotionalLimit, level_of
from nautilus_lab.risk._report import RiskReport

__all__ = [
    "HistoricalRisk",
    "Level",
    "LimitCheck",
    "LimitReport",
    "LimitUtilisation",
    "NotionalLimit",
    "RiskLimitEngine",
    "RiskReport",
    "level_of",
]
