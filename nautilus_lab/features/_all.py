"""All features that come with the library."""

from __future__ import annotations

from functools import cache

from nautilus_lab.features._feature import Feature
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features.cross_asset import (
    BREADTH,
    COINTEGRATION,
    COMOVEMENT,
    FACTORS,
    FADING,
    LEAD_LAG,
    PRINCIPAL,
)
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
from nautilus_lab.features.regime import MEMORY, STATES
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

_OWN = (RANGE_VOLATILITY, ICHIMOKU, MOMENTS, MEMORY, STATES, MARKET_SENTIMENT)
_CROSS_ASSET = (COMOVEMENT, FADING, LEAD_LAG, COINTEGRATION, FACTORS, PRINCIPAL, BREADTH)
_MICROSTRUCTURE = (
    *(QUOTES, MICRO_PRICE, ORDER_FLOW, BOOK, CLOCK),
    *(SIGNS, SPREADS, TIMED_SPREAD, TRADES, IMPACT, VPIN),
    BAR_SPREADS,
)
_TECHNICAL = (
    *(ANCHORED_VWAP, VOLUME_PROFILE, VOLUME_FLOW),
    *(OSCILLATORS, AVERAGES, FRACTAL_AVERAGE, CHANNELS, ATR_STOP, STRAIGHTNESS),
)


def all_features() -> FeatureRegistry:
    """Return a registry of its own with all features in it."""
    return FeatureRegistry(_features().values())


def built_in(name: str) -> Feature | None:
    """Return the library's feature of a name, None where it has none."""
    return _features().get(name)


@cache
def _features() -> dict[str, Feature]:
    registries = (*_OWN, *_TECHNICAL, *_CROSS_ASSET, *_MICROSTRUCTURE)
    own = [feature for registry in registries for feature in registry.values()]
    return dict(FeatureRegistry([*talib_features(), *own]))
