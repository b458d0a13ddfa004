"""What an order tells its algorithm, checked: unknown names are refused, and so are odd numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from nautilus_lab.exceptions import InputError


class Parameters:
    """The parameters of one order.

    Parameters
    ----------
    algorithm : str
        Whose they are.
    given : mapping of str to object
        As the order carries them.
    known : iterable of str
        The names that the algorithm reads.

    Raises
    ------
    InputError
        When a name is not known: a misspelt one would be as if it were not there.

    Examples
    --------
    >>> told = Parameters("POV", {"rate": 0.1}, known=("rate", "horizon_secs"))
    >>> told.number("rate", most=1.0), told.number("horizon_secs", default=60.0)
    (0.1, 60.0)
    """

    def __init__(self, algorithm: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
        self._algorithm = algorithm
        self._given = given
        names = tuple(known)
        if unknown := sorted(set(given) - set(names)):
            raise InputError(
                f"{algorithm} must know each parameter",
                value=", ".join(unknown),
                remedy=f"choose among {', '.join(names) or 'none'}",
            )

    def number(
        self,
        name: str,
        *,
        default: float | None = None,
        over: float = 0.0,
        most: float = math.inf,
    ) -> float:
        """Return a number in (`over`, `most`]; without a default it must be given."""
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise self._wrong(name, value, f"a number over {over:g}")
        if not (over < value <= most and math.isfinite(value)):
            bound = f"over {over:g}" + (f" and at most {most:g}" if most < math.inf else "")
            raise self._wrong(name, value, f"a number {bound}")
        return float(value)

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """Return a whole number in [`least`, `most`]."""
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(name, value, f"a whole number from {least} to {most}")
        return value

    def units(self, name: str) -> Decimal | None:
        """Return an amount of units, or None when none is given."""
        if name not in self._given:
            return None
        return Decimal(str(self.number(name)))

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no."""
        value = self._given.get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def text(self, name: str, *, default: str) -> str:
        """Return a text."""
        value = self._given.get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a text")
        return value

    def _wrong(self, name: str, value: object, what: str) -> InputError:
        return InputError(
            f"{name} of {self._algorithm} must be {what}",
            value="nothing" if value is None else value,
            remedy=f"pass parameters={{{name!r}: ...}}",
        )
