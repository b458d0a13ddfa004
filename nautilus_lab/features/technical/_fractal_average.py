"""An average that is slow where prices are jagged and fast where they run."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import over_windows

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

FRACTAL_AVERAGE = FeatureRegistry()

_STEEPNESS, _SLOWEST = 4.6, 0.01  # Ehlers': of dimension 2 the pace is that of 200 bars


def _pace(high: FloatArray, low: FloatArray, half: int) -> FloatArray:
    """Return how fast the average follows, NaN where a window has no range."""
    import numpy as np

    def reduce(highs: FloatArray, lows: FloatArray) -> FloatArray:
        def slope(part: slice) -> FloatArray:
            return np.asarray(highs[:, part].max(axis=1) - lows[:, part].min(axis=1))

        halves = (slope(slice(0, half)) + slope(slice(half, None))) / half
        dimension = np.log(halves / (slope(slice(None)) / (2 * half))) / math.log(2)
        return np.asarray(np.clip(np.exp(-_STEEPNESS * (dimension - 1)), _SLOWEST, 1.0))

    return over_windows(reduce, 2 * half, high, low)


class FractalAverage:
    """The average of one instrument."""

    def __init__(self, *, window: int) -> None:
        import numpy as np

        self._half = window // 2
        self._bars: deque[tuple[float, float]] = deque(maxlen=2 * self._half)
        self._state = np.array([math.nan, 1.0])

    def all(self, high: FloatArray, low: FloatArray) -> FloatArray:
        """Take the bars of a batch; return the average at each, shape (bars,)."""
        return self._follow((high + low) / 2, _pace(high, low, self._half))

    def update(self, high: float, low: float) -> tuple[float, ...]:
        """Take a bar."""
        import numpy as np

        self._bars.append((high, low))
        highs, lows = np.array(self._bars).T
        pace = _pace(np.ascontiguousarray(highs), np.ascontiguousarray(lows), self._half)
        return (float(self._follow(np.array([(high + low) / 2]), pace[-1:])[0]),)

    def _follow(self, price: FloatArray, pace: FloatArray) -> FloatArray:
        import numpy as np

        from nautilus_lab.features.technical._recursions_kernels import adaptive

        out = np.empty(len(price))
        adaptive(price, pace, self._state, out)
        return out


def _made(settings: Values) -> FractalAverage:
    return FractalAverage(window=int(settings["window"]))


@FRACTAL_AVERAGE.define(
    title="Fractal adaptive moving average",
    group="trend",
    inputs=("high", "low"),
    parameters={"window": Parameter(default=16, least=4)},
    warm_up=lambda settings: 2 * (int(settings["window"]) // 2) - 1,
    history=lambda settings: 2 * (int(settings["window"]) // 2),
    accumulate=_made,
    reference="Ehlers (2005), Stocks and Commodities 23:10, Fractal Adaptive Moving Average: of "
    "the middles, at a pace of exp(-4.6 (D - 1)); it begins at the first that it knows a pace of",
)
def frama(high: FloatArray, low: FloatArray, window: int = 16) -> FloatArray:
    """Return Ehlers' average."""
    return FractalAverage(window=window).all(high, low)
