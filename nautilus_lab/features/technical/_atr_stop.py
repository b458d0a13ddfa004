"""A stop some average true ranges behind the close, which only moves towards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

ATR_STOP = FeatureRegistry()


class TrailingStop:
    """The stop of one instrument."""

    def __init__(self, *, timeperiod: int, multiplier: float) -> None:
        import numpy as np

        self._period, self._multiplier = timeperiod, multiplier
        self._state = np.zeros(4)

    def all(self, high: FloatArray, low: FloatArray, close: FloatArray) -> tuple[FloatArray, ...]:
        """Take bars; return stop and side at each, shape (bars,)."""
        import numpy as np

        from nautilus_lab.features.technical._recursions_kernels import atr_stop

        out = np.empty((2, len(close)))
        atr_stop(high, low, close, self._period, self._multiplier, self._state, out)
        return tuple(out)

    def update(self, high: float, low: float, close: float) -> tuple[float, ...]:
        """Take a bar."""
        import numpy as np

        stop, side = self.all(*np.array([[high], [low], [close]]))
        return float(stop[0]), float(side[0])


def _made(settings: Values) -> TrailingStop:
    return TrailingStop(
        timeperiod=int(settings["timeperiod"]), multiplier=float(settings["multiplier"])
    )


@ATR_STOP.define(
    title="ATR trailing stop",
    group="trend",
    inputs=("high", "low", "close"),
    outputs=("stop", "side"),
    parameters={
        "timeperiod": Parameter(default=14),
        "multiplier": Parameter(default=3.0, least=0.01, most=100),
    },
    warm_up=lambda settings: int(settings["timeperiod"]),
    history=lambda settings: int(settings["timeperiod"]) + 1,
    accumulate=_made,
    reference="Vervoort (2009), Stocks and Commodities 27:6, Average True Range Trailing Stops; it "
    "begins below the close, and turns when the close crosses it",
)
def atr_trailing_stop(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    timeperiod: int = 14,
    multiplier: float = 3.0,
) -> tuple[FloatArray, ...]:
    """Return where the stop is, and 1 when it is under the close, -1 over it."""
    return TrailingStop(timeperiod=timeperiod, multiplier=multiplier).all(high, low, close)
