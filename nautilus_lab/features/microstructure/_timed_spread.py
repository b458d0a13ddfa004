"""The realised spread of clock time: what the mid was some seconds later."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

TIMED_SPREAD = FeatureRegistry()


class _Pending:
    """The trades of one instrument whose seconds are not over."""

    __slots__ = ("_later", "_mids", "_seconds", "_told", "_waiting")

    def __init__(self, settings: Values) -> None:
        self._seconds = float(settings["seconds"])
        # time, price, side and mid of the trades whose seconds run
        self._waiting: deque[tuple[float, float, float, float]] = deque()
        self._mids: deque[tuple[float, float]] = deque()  # those that no trade has come to yet
        self._later = math.nan  # the mid that the trades have come to
        self._told = (math.nan, math.nan)

    def update(
        self, time: float, price: float, side: float, bid: float, ask: float
    ) -> tuple[float, ...]:
        """Take a trade; return what the last one whose seconds are over has come to."""
        waiting, mids, judged = self._waiting, self._mids, None
        while waiting and waiting[0][0] + self._seconds < time:
            judged = waiting.popleft()
        if judged is not None:
            began, struck, whose, middle = judged
            while mids and mids[0][0] <= began + self._seconds:
                self._later = mids.popleft()[1]
            spread = 2 * whose * (struck - self._later) if whose else math.nan
            self._told = spread, spread / middle
        waiting.append((time, price, side, (bid + ask) / 2))
        mids.append((time, (bid + ask) / 2))
        return self._told


@TIMED_SPREAD.define(
    title="Realised spread after seconds",
    group="microstructure",
    data="ticks",
    clock="time",
    inputs=("time", "price", "side", "bid", "ask"),
    outputs=("spread", "relative"),
    parameters={"seconds": Parameter(default=5.0, least=0.0, most=86_400)},
    warm_up=1,
    history=1,
    accumulate=_Pending,
    reference="2 side (price - mid `seconds` later), told at the first trade after them, of the "
    "last trade that they are over for: Huang and Stoll (1996), J. of Financial Economics 41, "
    "313-357",
)
def timed_realised_spread(
    time: FloatArray,
    price: FloatArray,
    side: FloatArray,
    bid: FloatArray,
    ask: FloatArray,
    seconds: float = 5.0,
) -> tuple[FloatArray, ...]:
    """Return what was left to the maker of the last trade whose seconds are over.

    The mid then is that of the last tick within the seconds: nothing of later ticks is used.
    """
    from nautilus_lab.features.microstructure._timed_kernels import realised

    found = realised(time, price, side, (bid + ask) / 2, float(seconds))
    return found[0], found[1]
