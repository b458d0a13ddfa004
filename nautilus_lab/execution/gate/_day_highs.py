"""The highest equity of each day, which drawdowns within some days are counted from."""

from __future__ import annotations

import datetime
import math
from collections import deque
from collections.abc import Mapping

from nautilus_lab.exceptions import InputError

_NS = 1_000_000_000


class DayHighs:
    """Knows the highest equity of each UTC day.

    As of `HighWater`, one bad tick makes no high: it is the lowest of so many looks in a row that
    counts. These run on over midnight, so that a day which begins has a high at once.

    Parameters
    ----------
    kept : mapping of date to float, optional
        What earlier lives found.
    confirmations : int, default=3
        Looks in a row.

    Examples
    --------
    >>> noon = 1_772_452_800_000_000_000  # of 2 March 2026
    >>> highs = DayHighs({datetime.date(2026, 2, 27): 120.0}, confirmations=2)
    >>> for equity in (100.0, 101.0, 999.0, 90.0):
    ...     highs.observe(equity, noon)
    >>> highs.within(1, noon), highs.within(3, noon), highs.within(4, noon)
    (101.0, 101.0, 120.0)
    """

    def __init__(
        self, kept: Mapping[datetime.date, float] | None = None, *, confirmations: int = 3
    ) -> None:
        if not confirmations >= 1:
            raise InputError("confirmations must be at least 1", value=confirmations)
        self._lately: deque[float] = deque(maxlen=confirmations)
        self._of = dict(kept or {})  # day -> its highest

    def __repr__(self) -> str:
        return f"DayHighs({len(self._of)} days)"

    def observe(self, equity: float, now_ns: int) -> None:
        """Look at the equity; one that is not known is no look."""
        if not math.isfinite(equity):
            return
        self._lately.append(equity)
        if len(self._lately) < (self._lately.maxlen or 1):
            return
        day, believed = utc_day(now_ns), min(self._lately)
        if not believed <= self.of(day):
            self._of[day] = believed

    def of(self, day: datetime.date) -> float:
        """Return the highest of a day; NaN while none is known."""
        return self._of.get(day, math.nan)

    def within(self, days: int, now_ns: int) -> float:
        """Return the highest of the last `days` days, today's so far included; NaN for none.

        What is of a later day, when a clock was ahead, counts too.
        """
        first = utc_day(now_ns) - datetime.timedelta(days=days - 1)
        return max((high for day, high in self._of.items() if day >= first), default=math.nan)


def utc_day(now_ns: int) -> datetime.date:
    """Return the UTC day of a time, UNIX nanoseconds."""
    return datetime.datetime.fromtimestamp(now_ns // _NS, datetime.UTC).date()
