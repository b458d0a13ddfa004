"""A limit on notional, light enough for the order path: standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError

Level: TypeAlias = Literal["ok", "warn", "critical", "breach"]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitCheck:
    """How a value stands against its limit.

    Attributes
    ----------
    value : float
        What was measured, in the limit's unit. NaN when what came in was NaN.
    limit : float
        The limit, in the same unit.
    utilisation : float
        `value` / `limit`, a fraction: 1.0 is the limit. NaN for a NaN value; infinite for a
        positive value under a limit of zero.
    level : {"ok", "warn", "critical", "breach"}
        How near the limit is.
    """

    value: float
    limit: float
    utilisation: float
    level: Level

    @property
    def passed(self) -> bool:
        """Whether the value is within the limit; False for NaN."""
        return self.level != "breach"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotionalLimit:
    """The largest notional that one order, position or book may have.

    A value on the limit passes, one above it is a breach, and so is NaN: what cannot be
    compared is not known to be safe.

    Parameters
    ----------
    max_notional : float
        The limit, in account currency; finite, at least 0. Zero lets nothing through.
    warn : float, default=0.8
        Utilisation, as a fraction, from which the level is ``"warn"``.
    critical : float, default=0.95
        Utilisation, as a fraction, from which the level is ``"critical"``.

    Raises
    ------
    InputError
        When the limit is negative, NaN or infinite, or not 0 < `warn` <= `critical` <= 1.

    Examples
    --------
    >>> limit = NotionalLimit(max_notional=250_000)
    >>> limit.check(100_000).level
    'ok'
    >>> limit.check(200_000)
    LimitCheck(value=200000.0, limit=250000.0, utilisation=0.8, level='warn')
    >>> limit.check(250_000.01).passed
    False
    >>> limit.check(float("nan")).level
    'breach'
    """

    max_notional: float
    warn: float = 0.8
    critical: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.max_notional < math.inf:
            raise InputError(
                "max_notional must be finite and at least 0",
                value=self.max_notional,
                remedy="pass the limit in account currency, max_notional=250_000",
            )
        if not 0 < self.warn <= self.critical <= 1:
            raise InputError(
                "warn and critical must satisfy 0 < warn <= critical <= 1",
                value=f"warn={self.warn}, critical={self.critical}",
                remedy="pass fractions of the limit, warn=0.8, critical=0.95",
            )

    def check(self, notional: float) -> LimitCheck:
        """Compare `notional` with the limit.

        Parameters
        ----------
        notional : float
            An absolute amount in account currency: units x price, without the sign of the side.

        Returns
        -------
        LimitCheck
            Never an error for a notional that is too large or NaN: those are breaches.

        Raises
        ------
        InputError
            When `notional` is negative. A short position's notional is positive too.
        """
        value, limit = float(notional), float(self.max_notional)
        if value < 0:
            raise InputError(
                "a notional must not be negative",
                value=value,
                remedy="pass abs(units * price); the side does not belong in it",
            )
        of_nothing = value * math.inf if value else 0.0
        utilisation = value / limit if limit > 0 else of_nothing
        # By the values themselves: their quotient may round down to 1.0.
        level = level_of(utilisation, warn=self.warn, critical=self.critical)
        if not value <= limit:
            level = "breach"
        return LimitCheck(value=value, limit=limit, utilisation=utilisation, level=level)
