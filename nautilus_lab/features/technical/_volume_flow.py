"""Oscillators of volume that TA-Lib lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import over_windows, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

VOLUME_FLOW = FeatureRegistry()


@VOLUME_FLOW.define(
    title="Ease of movement",
    group="volume",
    inputs=("high", "low", "volume"),
    parameters={
        "window": Parameter(default=14),
        "scale": Parameter(default=10_000.0, least=1, most=1e12),
    },
    warm_up=window_of,
    history=lambda settings: int(settings["window"]) + 1,
    reference="Arms (1983), Volume Cycles in the Stock Market: the move of the middle times the "
    "range over the volume, times `scale`; 0 for a bar without range, NaN where no volume moved it",
)
def ease_of_movement(
    high: FloatArray, low: FloatArray, volume: FloatArray, window: int = 14, scale: float = 10_000.0
) -> FloatArray:
    """Return how far a price goes for its volume."""
    import numpy as np

    def reduce(highs: FloatArray, lows: FloatArray, volumes: FloatArray) -> FloatArray:
        moved = np.diff(highs + lows, axis=1) / 2
        wide = (highs - lows)[:, 1:]
        ease = np.where(wide > 0, moved * wide * scale / volumes[:, 1:], 0.0)
        return np.asarray(ease.mean(axis=1))

    return over_windows(reduce, window + 1, high, low, volume)


class KlingerOscillator:
    """Volume signed by the trend of the bars, its fast average less its slow one."""

    def __init__(self, *, fastperiod: int, slowperiod: int) -> None:
        import numpy as np

        self._periods, self._state = (fastperiod, slowperiod), np.zeros(7)

    def all(
        self, high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray
    ) -> FloatArray:
        """Take bars; return the oscillator at each, shape (bars,)."""
        import numpy as np

        from nautilus_lab.features.technical._recursions_kernels import klinger

        out = np.empty(len(high))
        klinger(high, low, close, volume, *self._periods, self._state, out)
        return out

    def update(self, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar."""
        import numpy as np

        one = np.array([[high], [low], [close], [volume]])
        return (float(self.all(*one)[0]),)


def _klinger(settings: Values) -> KlingerOscillator:
    fast, slow = int(settings["fastperiod"]), int(settings["slowperiod"])
    return KlingerOscillator(fastperiod=fast, slowperiod=slow)


@VOLUME_FLOW.define(
    title="Klinger volume oscillator",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    parameters={"fastperiod": Parameter(default=34), "slowperiod": Parameter(default=55)},
    warm_up=lambda settings: int(max(settings.values())) + 1,
    history=lambda settings: int(max(settings.values())) + 2,
    accumulate=_klinger,
    reference="Klinger (1997), Stocks and Commodities 15:12; averages seeded by simple ones, as in "
    "talipp's KVO",
)
def klinger(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    fastperiod: int = 34,
    slowperiod: int = 55,
) -> FloatArray:
    """Return Klinger's oscillator."""
    made = KlingerOscillator(fastperiod=fastperiod, slowperiod=slowperiod)
    return made.all(high, low, close, volume)


@VOLUME_FLOW.define(
    title="Volume zone oscillator",
    group="volume",
    inputs=("close", "volume"),
    parameters={"timeperiod": Parameter(default=14, least=2)},
    warm_up=lambda settings: int(settings["timeperiod"]),
    history=lambda settings: 45 * int(settings["timeperiod"]) + 60,
    reference="Khalil and Steckler (2011), Stocks and Commodities 29:6: the average of volume, "
    "with the sign of its bar's change, over that of all volume, in percent; NaN without volume",
)
def volume_zone(close: FloatArray, volume: FloatArray, timeperiod: int = 14) -> FloatArray:
    """Return how much of the volume went with rises, less that with falls, in percent."""
    import numpy as np
    import talib

    signed = np.full(len(close), np.nan)
    signed[1:] = np.sign(np.diff(close)) * volume[1:]
    whole = np.where(np.isnan(signed), np.nan, volume)
    out = np.full(len(close), np.nan)
    average = talib.EMA(whole, timeperiod)
    np.divide(100 * talib.EMA(signed, timeperiod), average, out=out, where=average > 0)
    return out
