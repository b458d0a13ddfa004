"""Nautilus Lab: a quant research workbench that goes all the way to live trading.

`Lab` wires the engines of one workspace; `connect` attaches to a running trading node. Everything
else is found by its package: `nautilus_lab.factors`, `nautilus_lab.risk`, ... Importing this one
loads none of them.
"""

from __future__ import annotations

# As the one of `typing`, which a kill need not wait for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nautilus_lab.analytics import AnalyticsEngine
    from nautilus_lab.backtesting import BacktestingEngine
    from nautilus_lab.client import Desk, connect
    from nautilus_lab.display import traceback
    from nautilus_lab.exceptions import LabError
    from nautilus_lab.factors import FactorEngine
    from nautilus_lab.features import FeatureEngine
    from nautilus_lab.jobs import publish_targets
    from nautilus_lab.lab import Lab
    from nautilus_lab.marketdata import MarketDataEngine
    from nautilus_lab.portfolio import PortfolioEngine
    from nautilus_lab.risk import RiskLimitEngine
    from nautilus_lab.strategies import strategy
    from nautilus_lab.streaming import StreamingEngine
    from nautilus_lab.trading import TradingEngine

__all__ = [
    "AnalyticsEngine",
    "BacktestingEngine",
    "Desk",
    "FactorEngine",
    "FeatureEngine",
    "Lab",
    "LabError",
    "MarketDataEngine",
    "PortfolioEngine",
    "RiskLimitEngine",
    "StreamingEngine",
    "TradingEngine",
    "connect",
    "publish_targets",
    "strategy",
    "traceback",
]

# name -> the module it lives in
_HOMES = {
    "AnalyticsEngine": "analytics",
    "BacktestingEngine": "backtesting",
    "Desk": "client",
    "FactorEngine": "factors",
    "FeatureEngine": "features",
    "Lab": "lab",
    "LabError": "exceptions",
    "MarketDataEngine": "marketdata",
    "PortfolioEngine": "portfolio",
    "RiskLimitEngine": "risk",
    "StreamingEngine": "streaming",
    "TradingEngine": "trading",
    "connect": "client",
    "publish_targets": "jobs",
    "strategy": "strategies",
    "traceback": "display",
}

# packages reachable as attributes: nautilus_lab.factors.momentum(...)
_ROOMS = frozenset(
    {
        "analytics",
        "backtesting",
        "client",
        "display",
        "execution",
        "factors",
        "features",
        "jobs",
        "marketdata",
        "portfolio",
        "reports",
        "risk",
        "strategies",
        "streaming",
        "surveillance",
        "trading",
        "trials",
        "widgets",
    }
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nautilus-lab")
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(f"nautilus_lab.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"nautilus_lab.{name}")
    raise AttributeError(f"module 'nautilus_lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS, "__version__"])
