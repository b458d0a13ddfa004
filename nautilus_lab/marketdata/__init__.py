"""Real prices, bars and macro series, from a local catalog that packages on PyPI fill."""

from nautilus_lab.marketdata._catalog import BuildReport, CatalogEntry, Span, build_catalog
from nautilus_lab.marketdata._engine import MarketDataEngine
from nautilus_lab.marketdata._readme import render_readme

__all__ = [
    "BuildReport",
    "CatalogEntry",
    "MarketDataEngine",
    "Span",
    "build_catalog",
    "render_readme",
]
