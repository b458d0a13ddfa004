"""What a portfolio must keep to, as small values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True)
class WeightBounds:
    """How small and how large a single weight may be.

    ======================================  ===================================================
    ``WeightBounds(upper=0.2)``             every symbol between nothing and a fifth
    ``WeightBounds(lower=0.02)``            every symbol at least two per cent
    ``WeightBounds(lower=-0.1, upper=0.3)`` short down to a tenth
    ``WeightBounds(upper=0, symbols="A")``  nothing of A
    ======================================  ===================================================

    Symbols that no `WeightBounds` names are held between 0 and 1. One named by several keeps to
    all of them.

    Parameters
    ----------
    lower : float, default=0.0
        The least weight, a fraction of capital; negative allows selling short.
    upper : float, default=1.0
        The greatest weight, a fraction of capital.
    symbols : tuple of str or str, default=()
        Which symbols; all when empty.

    Raises
    ------
    InputError
        When a bound is not finite or `lower` is above `upper`.
    """

    lower: float = 0.0
    upper: float = 1.0
    symbols: tuple[str, ...] | str = ()

    def __post_init__(self) -> None:
        _require_range(self.lower, self.upper, "a weight's bounds")

    def __str__(self) -> str:
        named = f", symbols={_names(self.symbols)}" if self.symbols else ""
        return f"WeightBounds(lower={self.lower:g}, upper={self.upper:g}{named})"


@dataclass(frozen=True, kw_only=True)
class GroupLimit:
    """How much a group of symbols may weigh together.

    Parameters
    ----------
    symbols : tuple of str or str
        The group; at least one.
    lower : float, default=0.0
        The least sum of weights, a fraction of capital.
    upper : float, default=1.0
        The greatest sum of weights, a fraction of capital.
    name : str, default=""
        What messages call the group: ``"energy"``.

    Raises
    ------
    InputError
        When the group is empty, a bound is not finite or `lower` is above `upper`.
    """

    symbols: tuple[str, ...] | str
    lower: float = 0.0
    upper: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        if not self.symbols:
            raise InputError(
                "a group limit needs at least one symbol",
                value=self.symbols,
                remedy='pass symbols=("CVX", "XOM")',
            )
        _require_range(self.lower, self.upper, "a group's limits")

    def __str__(self) -> str:
        named = f"{self.name!r}, " if self.name else ""
        return (
            f"GroupLimit({named}lower={self.lower:g}, upper={self.upper:g}, "
            f"symbols={_names(self.symbols)})"
        )


Constraint: TypeAlias = WeightBounds | GroupLimit


def named_symbols(constraint: Constraint) -> tuple[str, ...]:
    """Return the symbols a constraint names, in a tuple."""
    symbols = constraint.symbols
    return (symbols,) if isinstance(symbols, str) else tuple(symbols)


def _require_range(lower: float, upper: float, what: str) -> None:
    if not (-math.inf < lower <= upper < math.inf):
        raise InputError(
            f"{what} must be finite with lower <= upper",
            value=f"lower={lower}, upper={upper}",
            remedy="pass fractions of capital: lower=0.0, upper=0.2",
        )


def _names(symbols: tuple[str, ...] | str) -> str:
    several = (symbols,) if isinstance(symbols, str) else symbols
    shown = ", ".join(several[:4])
    return f"({shown}, …)" if len(several) > 4 else f"({shown})"
