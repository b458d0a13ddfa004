"""Where warning begins, and when a limit that was near is taken not to be any more."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._finding import Finding, Level, level_of

# Beyond these nothing would be believed, or cleared, within a day of trading.
_MOST_CONFIRMATIONS = 1_000
_LONGEST_S = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Levels:
    """How utilisation becomes a level, and how long a level lasts.

    Parameters
    ----------
    warn, critical : float
        Utilisation, as a fraction, from which these begin; above 1 it is a breach.
    clear : float, default=0.75
        What utilisation must stay below for `clear_s` until it is ``"ok"`` again.
    clear_s : float, default=60
        Seconds, a day at most.
    confirmations : int, default=3
        Looks in a row that must find a level before it is believed: one bad tick is none. At most
        1 000.

    Examples
    --------
    >>> Levels().of(0.8), Levels(warn=0.5, clear=0.4).of(0.8)
    ('warn', 'warn')
    """

    warn: float = 0.8
    critical: float = 0.95
    clear: float = 0.75
    clear_s: float = 60.0
    confirmations: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.clear <= self.warn <= self.critical <= 1:
            raise InputError(
                "levels must satisfy 0 < clear <= warn <= critical <= 1",
                value=f"clear={self.clear}, warn={self.warn}, critical={self.critical}",
                remedy="pass fractions of the limit, clear=0.75, warn=0.8, critical=0.95",
            )
        if not 0 <= self.clear_s <= _LONGEST_S:
            raise InputError(
                f"clear_s must be in [0, {_LONGEST_S:g}]",
                value=self.clear_s,
                remedy="pass the seconds below clear after which a limit is ok again, clear_s=60",
            )
        if not 1 <= self.confirmations <= _MOST_CONFIRMATIONS or self.confirmations % 1:
            raise InputError(
                f"confirmations must be a whole number in [1, {_MOST_CONFIRMATIONS}]",
                value=self.confirmations,
                remedy="pass how many looks in a row must find a level, confirmations=3",
            )

    @property
    def clearing(self) -> str:
        """When what was exceeded is clear, in words."""
        return f"below {100 * self.clear:g} % for {self.clear_s:g} s"

    def of(self, utilisation: float) -> Level:
        """Return the level of a utilisation; NaN is a breach."""
        return level_of(utilisation, warn=self.warn, critical=self.critical)

    def of_finding(self, found: Finding) -> Level:
        """Return the level of what a limit found, by the values themselves.

        Their quotient may round down to 1.0 where the value is over the bound.
        """
        return "breach" if not found.value <= found.bound else self.of(found.utilisation)
