"""Technical indicators."""

from nautilus_lab.features.technical._talib import talib_features

__all__ = ["talib_features"]
