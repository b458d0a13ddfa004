"""A setting of a feature: its default and what it may be."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One setting of a feature.

    Attributes
    ----------
    default : int or float
        What it is when nothing is said. An int takes whole numbers alone.
    least, most : float
        The bounds, both allowed.
    """

    default: int | float
    least: float = 1
    most: float = 100_000

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers alone."""
        return isinstance(self.default, int)

    def checked(self, feature: str, name: str, value: object) -> int | float:
        """Return a value as a plain number.

        Raises
        ------
        InputError
            When it is no number, not whole where it must be, or out of bounds.
        """
        number = math.nan
        if isinstance(value, Real) and not isinstance(value, bool):
            with suppress(OverflowError):  # a whole number beyond any bound
                number = float(value)
        fits = self.least <= number <= self.most and (not self.whole or number == int(number))
        if not fits:
            kind = "a whole number" if self.whole else "a number"
            raise InputError(
                f"{name} of {feature} must be {kind} in [{self.least:g}, {self.most:g}]",
                value=value,
                remedy=f"pass {name}={self.default!r}, or leave it out",
            )
        return int(number) if self.whole else number
