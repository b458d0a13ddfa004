"""What each strategy lost since the day began, also where the day began in an earlier life."""

from __future__ import annotations

import datetime
import logging
import math
from collections.abc import Mapping
from typing import Protocol

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.gate._day_highs import utc_day

log = logging.getLogger(__name__)


class DayStarts(Protocol):
    """Keeps what strategies had earned as a day began, over a restart."""

    def read(self, day: datetime.date) -> Mapping[str, float] | None:
        """Return what they had earned; NaN where that is lost, None where nobody saw the day."""

    def write(self, day: datetime.date, earned: Mapping[str, float], now_ns: int) -> None:
        """Keep it; raises `StoreError` when it cannot be kept."""


class StrategyDays:
    """Counts what each strategy lost since the UTC day began.

    Profits are counted from a strategy's first trade, so that a loss is the difference of two of
    them, whichever process saw the first one. A strategy that has not traded before begins a day
    with nothing. What a strategy had earned as the day began and which cannot be told any more is
    NaN for that day, which every limit is below: until a person begins its day anew.

    Parameters
    ----------
    kept : DayStarts, optional
        Keeps the beginnings; in memory alone without it.

    Attributes
    ----------
    latest : dict of str to float
        What each strategy lost when that was counted last.

    Examples
    --------
    >>> noon = 1_772_452_800_000_000_000
    >>> days = StrategyDays()
    >>> days.losses({"tilt": 50.0}, noon), days.losses({"tilt": 20.0, "new": -5.0}, noon)
    ({'tilt': 0.0}, {'tilt': 30.0, 'new': 5.0})
    """

    def __init__(self, kept: DayStarts | None = None) -> None:
        self.is_kept = kept is not None
        self.latest: dict[str, float] = {}
        self._kept = kept
        self._day: datetime.date | None = None
        self._begun: dict[str, float] = {}  # strategy -> what it had earned as the day began
        self._waits: set[str] = set()  # those whose profit was not known as their day began
        self._unwritten: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"StrategyDays({len(self._begun)} strategies)"

    def losses(self, profits: Mapping[str, float], now_ns: int) -> dict[str, float]:
        """Return what each strategy lost; NaN while it is not known.

        Parameters
        ----------
        profits : mapping of str to float
            Strategy -> what it earned since its first trade.
        now_ns : int
            UNIX nanoseconds.
        """
        today = utc_day(now_ns)
        # A clock that is set back does not bring a day back, with its beginnings forgotten.
        if self._day is None or today > self._day:
            try:
                self._begin(today, profits)
            except StoreError as error:
                log.error("whether the day began in an earlier life cannot be told: %s", error)
                self.latest = dict.fromkeys(profits, math.nan)
                return self.latest
        for name, made in profits.items():
            if name in self._waits and made == made:
                self._waits.discard(name)
                self._start(name, made)
            elif name not in self._begun and name not in self._waits:
                self._start(name, 0.0)  # it trades for the first time
        self._write(now_ns)
        begun = self._begun
        self.latest = {name: begun.get(name, math.nan) - made for name, made in profits.items()}
        return self.latest

    def begin_anew(self, strategy: str) -> None:
        """Count a strategy's loss from now on: a person accepts what it lost today."""
        self._begun.pop(strategy, None)
        self._waits.add(strategy)

    def _begin(self, day: datetime.date, profits: Mapping[str, float]) -> None:
        seen = self._kept.read(day) if self._kept is not None and self._day is None else None
        self._day = day
        self._begun = {} if seen is None else dict(seen)
        self._waits = set() if seen is not None else set(profits)
        self._unwritten = {} if seen is not None else {"": 0.0}  # that the day was seen

    def _start(self, strategy: str, earned: float) -> None:
        self._begun[strategy] = self._unwritten[strategy] = earned

    def _write(self, now_ns: int) -> None:
        if self._kept is None or self._day is None or not self._unwritten:
            return
        try:
            self._kept.write(self._day, self._unwritten, now_ns)
        except StoreError as error:
            # The next look tries again; a restart before that finds it lost, and lets nothing pass.
            log.error("what strategies had earned as the day began cannot be kept: %s", error)
            return
        self._unwritten = {}
