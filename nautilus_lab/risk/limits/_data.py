"""Limits of what orders are judged by: fresh quotes that sources agree on, clocks that do too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nautilus_lab.risk.limits._asked import Asked, Held
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Limit, Mode, bounded
from nautilus_lab.risk.limits._order import age_of

_BPS = 10_000
_BOTH: tuple[Mode, ...] = ("block", "both", "monitor")


@dataclass(frozen=True, kw_only=True, repr=False)
class FreshQuote(Limit):
    """The quote that an order is judged by is at most `max_age_s` old.

    Parameters
    ----------
    max_age_s : float
        Seconds since the quote was made at its source. One from the future is as old as it is
        early: of a clock that is ahead nobody knows how old its quotes are.
    """

    name: ClassVar[str] = "stale_quote"
    number: ClassVar[int] = 21
    scopes: ClassVar[str] = "instrument"
    formula: ClassVar[str] = "|now - time of the quote| <= max_age_s"
    modes: ClassVar[tuple[Mode, ...]] = _BOTH

    max_age_s: float

    def _check(self) -> None:
        bounded("max_age_s", self.max_age_s)

    @property
    def particular(self) -> bool:
        """Whether its scopes are single instruments or strategies."""
        return True

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure the quote's age."""
        age = age_of(asked.quote_ns, asked.now_ns)
        return Finding(
            self.name, asked.instrument.name, age, self.max_age_s, age <= self.max_age_s, "s"
        )

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure the age of the quotes of what is held."""
        none = True
        for one in holdings.positions:
            if one.furthest and self.concerns(one.instrument, one.symbol, ""):
                none = False
                age = age_of(one.quote_ns, holdings.now_ns)
                yield self._found(one.instrument, age, self.max_age_s, "s")
        if none:
            yield self._found("positions", 0.0, self.max_age_s, "s")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxSourceGap(Limit):
    """Two sources agree on a price.

    Parameters
    ----------
    bps : float
        The furthest the mark may be off the measure ``price:SYMBOL``, basis points of it.
    max_age_s : float, default=60
        How old that may be; an older one denies.
    """

    name: ClassVar[str] = "max_source_gap"
    number: ClassVar[int] = 21
    scopes: ClassVar[str] = "instrument"
    formula: ClassVar[str] = "|mark / price of another source - 1| <= bps"
    modes: ClassVar[tuple[Mode, ...]] = _BOTH

    bps: float
    max_age_s: float = 60.0

    def _check(self) -> None:
        bounded("bps", self.bps)
        bounded("max_age_s", self.max_age_s)

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({"price:*"})

    @property
    def particular(self) -> bool:
        """Whether its scopes are single instruments or strategies."""
        return True

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Compare the mark with the other source."""
        traded = asked.instrument
        other = held.measures.get(
            "price", of=traded.symbol, now_ns=asked.now_ns, max_age_s=self.max_age_s
        )
        return self._found(traded.name, gap(traded.mark, other), self.bps, "bp")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare the marks of what is held."""
        none = True
        for one in holdings.positions:
            if one.furthest and self.concerns(one.instrument, one.symbol, ""):
                none = False
                other = holdings.measures.get(
                    "price", of=one.symbol, now_ns=holdings.now_ns, max_age_s=self.max_age_s
                )
                yield self._found(one.instrument, gap(one.mark, other), self.bps, "bp")
        if none:
            yield self._found("positions", 0.0, self.bps, "bp")


def gap(price: float, other: float) -> float:
    """Return how far a price is off another, basis points; NaN without the other."""
    return abs(price / other - 1) * _BPS if other else math.nan


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxClockSkew(Limit):
    """No quote comes from the future: the clocks of source and node agree.

    Parameters
    ----------
    max_skew_s : float
        Seconds by which a quote may be ahead of the node's clock.
    """

    name: ClassVar[str] = "max_clock_skew"
    number: ClassVar[int] = 21
    scopes: ClassVar[str] = "instrument"
    formula: ClassVar[str] = "time of the quote - now <= max_skew_s"
    modes: ClassVar[tuple[Mode, ...]] = ("block",)

    max_skew_s: float

    def _check(self) -> None:
        bounded("max_skew_s", self.max_skew_s)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure how far the quote is ahead."""
        made = asked.quote_ns
        skew = math.nan if made is None else max(0, made - asked.now_ns) / 1e9
        return self._found(asked.instrument.name, skew, self.max_skew_s, "s")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Find nothing: it is asked about each order."""
        return iter(())
