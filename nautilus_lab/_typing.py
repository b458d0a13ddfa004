"""The frames and arrays that pass between rooms, by the name a quant would use.

Wide frames have time in rows and symbols in columns; their index is a sorted, unique, tz-aware
(UTC) `DatetimeIndex`. Returns are simple and fractions: 0.01 is one percent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Prices: TypeAlias = pd.DataFrame  # time x symbol, positive
    Returns: TypeAlias = pd.DataFrame  # time x symbol, simple, fractions
    ReturnSeries: TypeAlias = pd.Series[float]  # time, simple, fractions
    Scores: TypeAlias = pd.DataFrame  # time x symbol, higher is better, NaN where unknown
    Weights: TypeAlias = pd.Series[float]  # symbol -> fraction of equity
    TargetWeights: TypeAlias = pd.DataFrame  # time x symbol, fractions of equity
    Bars: TypeAlias = pd.DataFrame  # (timestamp, symbol) x open, high, low, close, volume
    Quotes: TypeAlias = pd.DataFrame  # (timestamp, symbol) x bid, ask, bid_size, ask_size
    Trades: TypeAlias = pd.DataFrame  # (timestamp, symbol) x price, size, side
    Book: TypeAlias = pd.DataFrame  # (timestamp, symbol) x bid_price_0, bid_size_0, ...
    FloatArray: TypeAlias = NDArray[np.float64]
    BoolArray: TypeAlias = NDArray[np.bool_]
    IntArray: TypeAlias = NDArray[np.intp]
