"""All features that come with the library."""

from __future__ import annotations

from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features.microstructure import (
    BAR_SPREADS,
    BOOK,
    CLOCK,
    IMPACT,
    MICRO_PRICE,
    ORDER_FLOW,
    QUOTES,
    SIGNS,
    SPREADS,
    TIMED_SPREAD,
    TRADES,
    VPIN,
)
from nautilus_lab.features.regime import MEMORY
from nautilus_lab.features.rolling import MOMENTS
from nautilus_lab.features.technical import ICHIMOKU, RANGE_VOLATILITY, talib_features

_OWN = (RANGE_VOLATILITY, ICHIMOKU, MOMENTS, MEMORY)
_MICROSTRUCTURE = (
    *(QUOTES, MICRO_PRICE, ORDER_FLOW, BOOK, CLOCK),
    *(SIGNS, SPREADS, TIMED_SPREAD, TRADES, IMPACT, VPIN),
    BAR_SPREADS,
)


def all_features() -> FeatureRegistry:
    """Return a registry of its own with all features in it."""
    own = [feature for registry in (*_OWN, *_MICROSTRUCTURE) for feature in registry.values()]
    return FeatureRegistry([*talib_features(), *own])
