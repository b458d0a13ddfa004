"""Technical indicators: TA-Lib's, and what it lacks."""

from nautilus_lab.features.technical._ichimoku import ICHIMOKU
from nautilus_lab.features.technical._range_volatility import RANGE_VOLATILITY
from nautilus_lab.features.technical._talib import talib_features

__all__ = ["ICHIMOKU", "RANGE_VOLATILITY", "talib_features"]
