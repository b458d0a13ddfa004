"""Features: numbers for each bar of an instrument, in batch and in a stream."""

from nautilus_lab.features._conformance import Conformance, conformance, drawn_bars
from nautilus_lab.features._engine import FeatureEngine
from nautilus_lab.features._feature import Accumulator, Feature, FeatureSpec
from nautilus_lab.features._panel import FeaturePanel
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._universe_conformance import drawn_universe
from nautilus_lab.features.streaming import FeatureStream

__all__ = [
    "Accumulator",
    "Conformance",
    "Feature",
    "FeatureEngine",
    "FeaturePanel",
    "FeatureRegistry",
    "FeatureSpec",
    "FeatureStream",
    "Parameter",
    "conformance",
    "drawn_bars",
    "drawn_universe",
]
