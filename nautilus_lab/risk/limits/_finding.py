"""What a limit found: a number, its bound, and how near the one is to the other."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["ok", "warn", "critical", "breach"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What a limit found.

    Attributes
    ----------
    limit : str
        The limit's name: ``"max_order_notional"``.
    scope : str
        What it was measured of: ``"order"``, ``"AAPL.PAPER"``, ``"account"``.
    value, bound : float
        What was measured and what is allowed, in `unit`; NaN when it cannot be measured.
    passed : bool
        Whether the value is within the limit, or the limit has no say; never when it is NaN.
    unit : str
        What both are counted in: ``"USD"``, ``"units"``, ``"s"``, ``"bp"``, ``"of NAV"``.
    reason : str
        Why it cannot be measured, where that is known; empty otherwise.
    """

    limit: str
    scope: str
    value: float
    bound: float
    passed: bool
    unit: str = ""
    reason: str = ""

    @property
    def utilisation(self) -> float:
        """`value` as a fraction of `bound`; infinite above a bound of zero."""
        if self.bound > 0:
            return self.value / self.bound
        return math.inf if self.value > 0 else self.value

    def __str__(self) -> str:
        if self.value != self.value or self.bound != self.bound:
            why = f": {self.reason}" if self.reason else ""
            return f"{self.limit.upper()}: what it would be cannot be measured{why}"
        value, bound = shown(self.value), shown(self.bound)
        return f"{self.limit.upper()}: {value} is over the limit of {bound}"


def shown(value: float) -> str:
    """Return a number as people read it: cents where they say it all, else what tells it apart."""
    cents = f"{value:.2f}"
    exact = abs(value) >= 1_000 or abs(float(cents) - value) < 1e-9
    return cents if exact else f"{value:.6g}"


def level_of(utilisation: float, *, warn: float = 0.8, critical: float = 0.95) -> Level:
    """Return how near its limit something is; NaN, which cannot be compared, is a breach.

    Parameters
    ----------
    utilisation : float
        The share of the limit that is used: 1.0 is the limit, and within it.
    warn, critical : float
        Where these levels begin.

    Examples
    --------
    >>> [level_of(used) for used in (0.5, 0.8, 1.0, 1.01, float("nan"))]
    ['ok', 'warn', 'critical', 'breach', 'breach']
    """
    # Written so that NaN, for which every comparison is False, falls through.
    if utilisation < warn:
        return "ok"
    if utilisation < critical:
        return "warn"
    return "critical" if utilisation <= 1.0 else "breach"
