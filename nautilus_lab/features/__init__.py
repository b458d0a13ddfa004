"""Features: numbers for each bar or tick of an instrument, in batch and in a stream."""

from nautilus_lab.features._conformance import Conformance, conformance, drawn_bars
from nautilus_lab.features._drawn_ticks import drawn_ticks
from nautilus_lab.features._engine import FeatureEngine
from nautilus_lab.features._feature import Accumulator, Feature, FeatureSpec
from nautilus_lab.features._panel import FeaturePanel
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._plugins import plugin_features
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._ticks import FeatureTicks
from nautilus_lab.features._universe_conformance import drawn_universe
from nautilus_lab.features.microstructure import prevailing, rebuilt_book, signed
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
    "FeatureTicks",
    "Parameter",
    "conformance",
    "drawn_bars",
    "drawn_ticks",
    "drawn_universe",
    "plugin_features",
    "prevailing",
    "rebuilt_book",
    "signed",
]
