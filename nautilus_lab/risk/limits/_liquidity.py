"""Limits of how much of a market one is: a position must be one that can be sold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nautilus_lab.risk.limits._asked import Asked, Held
from nautilus_lab.risk.limits._exposure import OfPosition, _furthest
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import bounded
from nautilus_lab.risk.limits._measures import Measures
from nautilus_lab.risk.limits._order import OfOrder

_WEEK = 7 * 86_400.0


def _volume(measures: Measures, symbol: str, now_ns: int, max_age_s: float) -> tuple[float, str]:
    """Return a symbol's volume, and why it is not known."""
    volume = measures.get("volume", of=symbol, now_ns=now_ns, max_age_s=max_age_s)
    if volume > 0:
        return volume, ""
    why = measures.why_not("volume", of=symbol, now_ns=now_ns, max_age_s=max_age_s)
    return math.nan, why or f"nothing of {symbol} was traded"


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxParticipation(OfOrder):
    """One order is at most such a part of what is traded in a day.

    Parameters
    ----------
    max_fraction : float
        Of the average daily volume, the measure ``volume:SYMBOL``.
    max_age_s : float, default=604_800
        How old the measure may be; an older one denies.
    """

    name: ClassVar[str] = "max_participation"
    number: ClassVar[int] = 18
    scopes: ClassVar[str] = "instrument"
    formula: ClassVar[str] = "size / average daily volume <= max_fraction"

    max_fraction: float
    max_age_s: float = _WEEK

    def _check(self) -> None:
        bounded("max_fraction", self.max_fraction)
        bounded("max_age_s", self.max_age_s)

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({"volume:*"})

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Compare the order with a day's volume."""
        traded, bound = asked.instrument, self.max_fraction
        volume, why = _volume(held.measures, traded.symbol, asked.now_ns, self.max_age_s)
        value = asked.units / volume
        return Finding(self.name, traded.name, value, bound, value <= bound, "of volume", why)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxDaysToLiquidate(OfPosition):
    """The position that fills could lead to can be closed within so many days.

    Parameters
    ----------
    max_days : float
        Days of trading.
    participation : float, default=0.1
        The part of each day's volume that closing it may be, in (0, 1].
    max_age_s : float, default=604_800
        How old the measure ``volume:SYMBOL`` may be; an older one denies.
    """

    name: ClassVar[str] = "max_days_to_liquidate"
    number: ClassVar[int] = 18
    scopes: ClassVar[str] = "instrument, strategy, account"
    formula: ClassVar[str] = "|position| / (participation x average daily volume) <= max_days"

    max_days: float
    participation: float = 0.1
    max_age_s: float = _WEEK

    def _check(self) -> None:
        super()._check()
        bounded("max_days", self.max_days)
        bounded("participation", self.participation, least=math.ulp(0), most=1.0)
        bounded("max_age_s", self.max_age_s)

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({"volume:*"})

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure how long the position would take."""
        reach, symbol = asked.reach(self.per), asked.instrument.symbol
        volume, why = _volume(held.measures, symbol, asked.now_ns, self.max_age_s)
        return self._found(
            self._scope(asked),
            self.days(reach.units, volume),
            self.max_days,
            "days",
            waived=self.per == "strategy" and not reach.increases,
            reason=why,
        )

    def days(self, units: float, volume: float) -> float:
        """Return how many days so many units take."""
        return units / (self.participation * volume)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure how long each position takes."""
        none = True
        for scope, parts in self._each(holdings):
            units = _furthest(parts)
            if units == 0:
                continue
            none = False
            symbol = parts[0].symbol
            volume, why = _volume(holdings.measures, symbol, holdings.now_ns, self.max_age_s)
            days = self.days(units, volume)
            yield self._found(scope, days, self.max_days, "days", reason=why)
        if none:
            yield self._found("positions", 0.0, self.max_days, "days")
