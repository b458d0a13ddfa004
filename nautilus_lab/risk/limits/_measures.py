"""Numbers that limits need and nobody can add up from positions: with the time they are of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from nautilus_lab.exceptions import InputError

_NS = 1_000_000_000

# What a measure may be called. Those that are of one symbol bear its name: ``volume:AAPL``.
KINDS = MappingProxyType(
    {
        "value_at_risk": "account currency, a loss is positive",
        "expected_shortfall": "account currency, a loss is positive",
        "stressed_expected_shortfall": "account currency, a loss is positive",
        "volatility": "annual fraction, of the account or of a symbol",
        "correlation": "the average over all pairs, -1 to 1",
        "delta": "account currency for a move of the underlyings by 1",
        "gamma": "account currency for a move by 1, of delta",
        "vega": "account currency for a point of volatility",
        "dv01": "account currency for a basis point of yield",
        "volume": "units a day, the average of a symbol",
        "price": "of a symbol, from another source",
        "regime": "a word: calm, normal or stressed, or what a rule names",
    }
)
_WORDS = frozenset({"regime"})


@dataclass(frozen=True, slots=True)
class Measured:
    """One number and when it was true.

    Attributes
    ----------
    value : float or str
        In the unit of its kind; a word for those that are words.
    as_of_ns : int
        UNIX nanoseconds, of the data it was made from.
    """

    value: float | str
    as_of_ns: int


@dataclass(frozen=True)
class Measures:
    """Measures by name, each with its time; what is missing or too old is NaN, and so fails.

    Parameters
    ----------
    values : mapping of str to Measured
        ``"value_at_risk"``, or with a symbol ``"volume:AAPL"``.

    Examples
    --------
    >>> measures = Measures.at(1_000_000_000, value_at_risk=5_000.0, volume={"AAPL": 4e6})
    >>> measures.get("value_at_risk", now_ns=2_000_000_000, max_age_s=60)
    5000.0
    >>> measures.get("value_at_risk", now_ns=90_000_000_000, max_age_s=60)
    nan
    >>> measures.get("volume", of="AAPL", now_ns=2_000_000_000, max_age_s=60)
    4000000.0
    """

    values: Mapping[str, Measured] = MappingProxyType({})

    def __post_init__(self) -> None:
        for name, measured in self.values.items():
            kind = name.partition(":")[0]
            if kind not in KINDS:
                raise InputError(
                    f"a measure must be one of {', '.join(KINDS)}",
                    value=name,
                    remedy='of a symbol it is written "volume:AAPL"',
                )
            if isinstance(measured.value, str) is not (kind in _WORDS):
                raise InputError(
                    f"the measure {kind} is {KINDS[kind]}", value=f"{name}: {measured.value!r}"
                )
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __repr__(self) -> str:
        return f"Measures({', '.join(sorted(self.values)) or 'nothing'})"

    def __or__(self, newer: Measures) -> Measures:
        """Return both, those of the right hand in place of older ones."""
        return Measures({**self.values, **newer.values})

    @classmethod
    def at(cls, as_of_ns: int, **values: float | str | Mapping[str, float]) -> Self:
        """Return measures of one time; those of symbols as mappings."""
        made: dict[str, Measured] = {}
        for kind, value in values.items():
            if isinstance(value, Mapping):
                made |= {f"{kind}:{of}": Measured(float(v), as_of_ns) for of, v in value.items()}
            else:
                word = isinstance(value, str)
                made[kind] = Measured(value if word else float(value), as_of_ns)
        return cls(made)

    def get(self, kind: str, *, now_ns: int, max_age_s: float, of: str = "") -> float:
        """Return a number; NaN when it is missing, older than `max_age_s`, or not yet true."""
        found = self.values.get(f"{kind}:{of}" if of else kind)
        fresh = found is not None and 0 <= now_ns - found.as_of_ns <= max_age_s * _NS
        if found is None or not fresh or isinstance(found.value, str):
            return math.nan
        return found.value
