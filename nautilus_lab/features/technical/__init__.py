"""Technical indicators: TA-Lib's, and what it lacks."""

from nautilus_lab.features.technical._anchored import ANCHORED_VWAP
from nautilus_lab.features.technical._atr_stop import ATR_STOP
from nautilus_lab.features.technical._averages import AVERAGES
from nautilus_lab.features.technical._channels import CHANNELS
from nautilus_lab.features.technical._fractal_average import FRACTAL_AVERAGE
from nautilus_lab.features.technical._ichimoku import ICHIMOKU
from nautilus_lab.features.technical._oscillators import OSCILLATORS
from nautilus_lab.features.technical._range_volatility import RANGE_VOLATILITY
from nautilus_lab.features.technical._straightness import STRAIGHTNESS
from nautilus_lab.features.technical._talib import talib_features
from nautilus_lab.features.technical._volume_flow import VOLUME_FLOW
from nautilus_lab.features.technical._volume_profile import VOLUME_PROFILE

__all__ = [
    "ANCHORED_VWAP",
    "ATR_STOP",
    "AVERAGES",
    "CHANNELS",
    "FRACTAL_AVERAGE",
    "ICHIMOKU",
    "OSCILLATORS",
    "RANGE_VOLATILITY",
    "STRAIGHTNESS",
    "VOLUME_FLOW",
    "VOLUME_PROFILE",
    "talib_features",
]
