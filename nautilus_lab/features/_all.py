"""All features that come with the library."""

from __future__ import annotations

from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features.technical import talib_features


def all_features() -> FeatureRegistry:
    """Return a registry of its own with all features in it."""
    return FeatureRegistry(talib_features())
