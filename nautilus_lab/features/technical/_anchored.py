"""The average price by volume since a session, a week, a quarter, or a moment of one's choice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Feature, Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

ANCHORED_VWAP = FeatureRegistry()

# name -> what it is called, its number in the kernel, its setting
_KINDS = {
    "session": ("of the day", 0),
    "week": ("of the week", 1),
    "month": ("of the month", 2),
    "quarter": ("of the quarter", 3),
    "year": ("of the year", 4),
}
_BEGINS = Parameter(default=0.0, least=-24, most=24)
_SINCE = Parameter(default=0.0, least=0, most=1e11)
_BEGUN_BEFORE_ALL = -1e18


class AnchoredAverage:
    """Average and deviation of typical prices by volume, since the period of a bar began."""

    def __init__(self, *, anchor: int, begins: float) -> None:
        import numpy as np

        self._anchor, self._begins = anchor, begins
        self._state = np.array([_BEGUN_BEFORE_ALL, 0.0, 0.0, 0.0])

    def all(
        self,
        time: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
    ) -> tuple[FloatArray, ...]:
        """Take bars; return average and deviation of each, shape (bars,)."""
        import numpy as np

        from nautilus_lab.features.technical._anchored_kernels import average

        out = np.empty((2, len(time)))
        typical = (high + low + close) / 3
        average(time, typical, volume, self._anchor, self._begins, self._state, out)
        return tuple(out)

    def update(
        self, time: float, high: float, low: float, close: float, volume: float
    ) -> tuple[float, ...]:
        """Take a bar."""
        import numpy as np

        one = np.array([[time], [high], [low], [close], [volume]])
        vwap, deviation = self.all(*one)
        return float(vwap[0]), float(deviation[0])


def _made(anchor: int, settings: Values) -> AnchoredAverage:
    begins = settings["since"] if "since" in settings else 3_600 * settings["begins"]
    return AnchoredAverage(anchor=anchor, begins=float(begins))


def _function(anchor: int) -> Callable[..., tuple[FloatArray, ...]]:
    def computed(*bars: FloatArray, **settings: float) -> tuple[FloatArray, ...]:
        return _made(anchor, settings).all(*bars)

    return computed


def _add(name: str, title: str, anchor: int, parameters: dict[str, Parameter], said: str) -> None:
    ANCHORED_VWAP.add(
        Feature(
            name=name,
            title=title,
            group="volume",
            inputs=("time", "high", "low", "close", "volume"),
            outputs=("vwap", "deviation"),
            parameters=parameters,
            function=_function(anchor),
            warm_up=lambda settings: 0,
            history=lambda settings: 1,
            accumulate=partial(_made, anchor),
            reference=f"typical prices by volume {said}, and their deviation by volume; NaN before "
            "any volume. Shannon (2008), Technical Analysis Using Multiple Timeframes",
        )
    )


for _kind, (_title, _anchor) in _KINDS.items():
    _add(
        f"vwap_{_kind}",
        f"VWAP {_title}",
        _anchor,
        {"begins": _BEGINS},
        f"since the {_kind} began, at `begins` hours after 00:00 UTC",
    )
_add(
    "vwap_since",
    "VWAP since a moment",
    5,
    {"since": _SINCE},
    "since `since`, seconds after 1970: a release of earnings, a low",
)
