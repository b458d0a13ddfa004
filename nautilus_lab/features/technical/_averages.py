"""Averages that TA-Lib lacks."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import before_window, over_windows, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

AVERAGES = FeatureRegistry()


@AVERAGES.define(
    title="Arnaud Legoux moving average",
    group="trend",
    inputs=("close",),
    parameters={
        "window": Parameter(default=9),
        "offset": Parameter(default=0.85, least=0, most=1),
        "sigma": Parameter(default=6.0, least=0.1, most=100),
    },
    warm_up=before_window,
    history=window_of,
    reference="Legoux and Kouzis-Loukas (2009): weights of a Gaussian whose middle is `offset` of "
    "the way to the last bar, `window` / `sigma` bars wide",
)
def alma(
    close: FloatArray, window: int = 9, offset: float = 0.85, sigma: float = 6.0
) -> FloatArray:
    """Return the average by a Gaussian that leans to the last bars."""
    import numpy as np

    apart = (np.arange(window) - offset * (window - 1)) * sigma / window
    weights = np.exp(-(apart**2) / 2)
    return over_windows(lambda closes: closes @ (weights / weights.sum()), window, close)


class McGinleyDynamic:
    """An average that goes faster after a falling price than after a rising one."""

    def __init__(self, *, timeperiod: int) -> None:
        import numpy as np

        self._period, self._state = timeperiod, np.zeros(2)

    def all(self, close: FloatArray) -> FloatArray:
        """Take closes; return the average at each, shape (bars,)."""
        import numpy as np

        from nautilus_lab.features.technical._recursions_kernels import mcginley

        out = np.empty(len(close))
        mcginley(close, self._period, self._state, out)
        return out

    def update(self, close: float) -> tuple[float, ...]:
        """Take a close."""
        import numpy as np

        return (float(self.all(np.array([close]))[0]),)


def _mcginley(settings: Values) -> McGinleyDynamic:
    return McGinleyDynamic(timeperiod=int(settings["timeperiod"]))


@AVERAGES.define(
    title="McGinley dynamic",
    group="trend",
    inputs=("close",),
    parameters={"timeperiod": Parameter(default=14)},
    warm_up=lambda settings: int(settings["timeperiod"]) - 1,
    history=lambda settings: int(settings["timeperiod"]),
    accumulate=_mcginley,
    reference="McGinley (1997), J. of Technical Analysis; seeded by a simple average",
)
def mcginley_dynamic(close: FloatArray, timeperiod: int = 14) -> FloatArray:
    """Return McGinley's average."""
    return McGinleyDynamic(timeperiod=timeperiod).all(close)


class VariableAverage:
    """An average that follows as fast as the momentum is strong."""

    def __init__(self, *, timeperiod: int, momentum: int) -> None:
        import numpy as np

        self._pace = 2.0 / (timeperiod + 1)
        self._closes: deque[float] = deque(maxlen=momentum + 1)
        self._state = np.array([math.nan])

    def all(self, close: FloatArray, momentum: FloatArray) -> FloatArray:
        """Take closes and the momentum of each, in [-1, 1]; return the average at each."""
        import numpy as np

        from nautilus_lab.features.technical._recursions_kernels import vidya

        out = np.empty(len(close))
        vidya(close, momentum, self._pace, self._state, out)
        return out

    def update(self, close: float) -> tuple[float, ...]:
        """Take a close."""
        import numpy as np

        self._closes.append(close)
        last = np.array(self._closes)
        full = len(last) == self._closes.maxlen
        momentum = _momentum(last[None, :]) if full else np.array([math.nan])
        return (float(self.all(np.array([close]), momentum)[0]),)


def _momentum(closes: FloatArray) -> FloatArray:
    """Return Chande's momentum of each window as a fraction; 0 where nothing moved."""
    import numpy as np

    moves = np.diff(closes, axis=1)
    way = np.abs(moves).sum(axis=1)
    found = np.zeros(len(closes))
    np.divide(moves.sum(axis=1), way, out=found, where=way > 0)
    return found


def _variable(settings: Values) -> VariableAverage:
    return VariableAverage(
        timeperiod=int(settings["timeperiod"]), momentum=int(settings["momentum"])
    )


@AVERAGES.define(
    title="Variable index dynamic average",
    group="trend",
    inputs=("close",),
    parameters={"timeperiod": Parameter(default=14), "momentum": Parameter(default=9, least=2)},
    warm_up=lambda settings: int(settings["momentum"]),
    history=lambda settings: int(settings["momentum"]) + 1,
    accumulate=_variable,
    reference="Chande (1992), Stocks and Commodities 10, by his momentum oscillator; seeded by the "
    "close",
)
def vidya(close: FloatArray, timeperiod: int = 14, momentum: int = 9) -> FloatArray:
    """Return Chande's average, whose pace is that of the momentum."""
    strength = over_windows(_momentum, momentum + 1, close)
    return VariableAverage(timeperiod=timeperiod, momentum=momentum).all(close, strength)


@AVERAGES.define(
    title="Williams' alligator",
    group="trend",
    inputs=("high", "low"),
    outputs=("jaw", "teeth", "lips"),
    warm_up=20,
    history=13 * 45 + 60,
    reference="Williams (1995), Trading Chaos: Wilder's averages of the middle over 13, 8 and 5 "
    "bars, as they stood 8, 5 and 3 bars ago",
)
def alligator(high: FloatArray, low: FloatArray) -> tuple[FloatArray, ...]:
    """Return three averages of the middle, each as it stood some bars ago."""
    import numpy as np
    import talib

    middle = (high + low) / 2
    lines = []
    for period, shift in ((13, 8), (8, 5), (5, 3)):
        line = np.full(len(middle), np.nan)
        line[shift:] = talib.RMA(middle, period)[: max(0, len(middle) - shift)]
        lines.append(line)
    return tuple(lines)


@AVERAGES.define(
    title="Super smoother",
    group="trend",
    inputs=("close",),
    parameters={"timeperiod": Parameter(default=10, least=2, most=1_000)},
    warm_up=2,
    history=lambda settings: int(10 * settings["timeperiod"]) + 60,
    reference="Ehlers (2013), Cycle Analytics for Traders: a Butterworth filter of two poles over "
    "the mean of two closes; it begins at the first close",
)
def super_smoother(close: FloatArray, timeperiod: int = 10) -> FloatArray:
    """Return the closes without what swings faster than a period."""
    import numpy as np
    from scipy.signal import lfilter

    if len(close) < 3:
        return np.full(len(close), np.nan)
    fade = math.exp(-math.sqrt(2) * math.pi / timeperiod)
    second, third = 2 * fade * math.cos(math.sqrt(2) * math.pi / timeperiod), -(fade**2)
    first = 1 - second - third
    # about the first close, which it then begins at without a swing
    smooth = lfilter([first / 2, first / 2], [1, -second, -third], close - close[0]) + close[0]
    smooth[:2] = np.nan
    return np.asarray(smooth)
