"""How returns did: growth, volatility, ratios, drawdowns, alpha and beta, on one tear sheet."""

from nautilus_lab.analytics._drawdown import (
    Drawdown,
    drawdown_series,
    max_drawdown,
    worst_drawdowns,
)
from nautilus_lab.analytics._engine import AnalyticsEngine
from nautilus_lab.analytics._market import MarketModel, market_model
from nautilus_lab.analytics._performance import Performance, performance
from nautilus_lab.analytics._positions import LivePosition, LivePositions
from nautilus_lab.analytics._ratios import calmar_ratio, sharpe_ratio, sortino_ratio
from nautilus_lab.analytics._returns import annual_return, annual_volatility, total_return

__all__ = [
    "AnalyticsEngine",
    "Drawdown",
    "LivePosition",
    "LivePositions",
    "MarketModel",
    "Performance",
    "annual_return",
    "annual_volatility",
    "calmar_ratio",
    "drawdown_series",
    "market_model",
    "max_drawdown",
    "performance",
    "sharpe_ratio",
    "sortino_ratio",
    "total_return",
    "worst_drawdowns",
]
