"""Features bar by bar."""

from nautilus_lab.features.streaming._stream import FeatureStream

__all__ = ["FeatureStream"]
