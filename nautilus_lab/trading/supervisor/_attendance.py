"""Whether somebody who may trade is attached to a trader."""

from __future__ import annotations

import time
from collections.abc import Callable

from nautilus_lab.client import attendance_of, gateways
from nautilus_lab.platform.rundir import Home

_EVERY_S = 2.0


class Attendance:
    """For how long nobody who may trade has been attached, as the gateways tell it.

    Where no gateway answers nobody can be attached.

    Parameters
    ----------
    home : Home
        Whose gateways.
    trader : str
        The trader id.
    """

    def __init__(
        self, home: Home, trader: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._trader = trader
        self._clock = clock
        self._seen = clock()  # when somebody was there last
        self._next = 0.0

    def begin(self) -> None:
        """Count from now: whoever started the trader has its time to come."""
        self._seen = self._clock()

    async def alone_s(self) -> float:
        """Return for how many seconds nobody was there; looks at most every 2 s."""
        if self._clock() >= self._next:
            self._next = self._clock() + _EVERY_S
            told = await gateways(self._home.path)
            if attendance_of(self._trader, told).operators:
                self._seen = self._clock()
        return self._clock() - self._seen
