"""All features that come with the library."""

from __future__ import annotations

from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features.regime import MEMORY
from nautilus_lab.features.rolling import MOMENTS
from nautilus_lab.features.sentiment import MARKET_SENTIMENT
from nautilus_lab.features.technical import (
    ANCHORED_VWAP,
    ATR_STOP,
    AVERAGES,
    CHANNELS,
    FRACTAL_AVERAGE,
    ICHIMOKU,
    OSCILLATORS,
    RANGE_VOLATILITY,
    STRAIGHTNESS,
    VOLUME_FLOW,
    VOLUME_PROFILE,
    talib_features,
)

_OWN = (RANGE_VOLATILITY, ICHIMOKU, MOMENTS, MEMORY, MARKET_SENTIMENT)
_TECHNICAL = (
    *(ANCHORED_VWAP, VOLUME_PROFILE, VOLUME_FLOW),
    *(OSCILLATORS, AVERAGES, FRACTAL_AVERAGE, CHANNELS, ATR_STOP, STRAIGHTNESS),
)


def all_features() -> FeatureRegistry:
    """Return a registry of its own with all features in it."""
    own = [feature for registry in (*_OWN, *_TECHNICAL) for feature in registry.values()]
    return FeatureRegistry([*talib_features(), *own])
