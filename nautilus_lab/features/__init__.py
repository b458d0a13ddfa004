"""Features: numbers for each bar of an instrument, in batch and in a stream."""

from nautilus_lab.features._engine import FeatureEngine
from nautilus_lab.features._feature import Accumulator, Feature, FeatureSpec
from nautilus_lab.features._panel import FeaturePanel
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

__all__ = [
    "Accumulator",
    "Feature",
    "FeatureEngine",
    "FeaturePanel",
    "FeatureRegistry",
    "FeatureSpec",
    "Parameter",
]
