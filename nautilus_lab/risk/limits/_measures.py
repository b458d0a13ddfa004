"""Numbers that limits need and nobody can add up from positions: with the time they are of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from nautilus_lab.exceptions import InputError

_NS = 1_000_000_000

# What a measure may be called. Those that are of one symbol bear its name: ``volume:AAPL``.
MEASURES = MappingProxyType(
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
        "measured_regime": "a word: calm, normal or stressed, of what is held or of a symbol",
        "volatility_rank": "0 to 1, the place of the volatility among those before it",
    }
)
_WORDS = frozenset({"regime", "measured_regime"})


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


_NONE: Mapping[str, Measured] = MappingProxyType({})


@dataclass(frozen=True)
class Measures:
    """Measures by name, each with its time; what is missing or too old is NaN, and so fails.

    Parameters
    ----------
    values : mapping of str to Measured
        ``"value_at_risk"``, or with a symbol ``"volume:AAPL"``.
    missing : mapping of str to str, optional
        Name -> why it could not be measured; told where a limit fails for want of it.

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
    missing: Mapping[str, str] = MappingProxyType({})
    # kind -> what it is of, nothing for the account -> the same
    _found: Mapping[str, Mapping[str, Measured]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in (*self.values, *self.missing):
            kind = name.partition(":")[0]
            if kind not in MEASURES:
                raise InputError(
                    f"a measure must be one of {', '.join(MEASURES)}",
                    value=name,
                    remedy='of a symbol it is written "volume:AAPL"',
                )
        for name, measured in self.values.items():
            kind = name.partition(":")[0]
            if isinstance(measured.value, str) is not (kind in _WORDS):
                raise InputError(
                    f"the measure {kind} is {MEASURES[kind]}", value=f"{name}: {measured.value!r}"
                )
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        found: dict[str, dict[str, Measured]] = {}
        for name, value in self.values.items():
            kind, _, of = name.partition(":")
            found.setdefault(kind, {})[of] = value
        object.__setattr__(self, "_found", found)
        missing = {name: why for name, why in self.missing.items() if name not in self.values}
        object.__setattr__(self, "missing", MappingProxyType(missing))

    def __repr__(self) -> str:
        return f"Measures({', '.join(sorted(self.values)) or 'nothing'})"

    def __or__(self, newer: Measures) -> Measures:
        """Return both, those of the right hand in place of older ones."""
        return Measures({**self.values, **newer.values}, {**self.missing, **newer.missing})

    def latest(self, other: Measures) -> Measures:
        """Return both; of two of one name the one that is of a later time."""
        mine, others = self.values, other.values
        kept = {
            name: max(
                (one for one in (mine.get(name), others.get(name)) if one is not None),
                key=lambda one: one.as_of_ns,
            )
            for name in (*mine, *others)
        }
        return Measures(kept, {**self.missing, **other.missing})

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
        # By its parts: an order asks, and should not have to make the name first.
        found = self._found.get(kind, _NONE).get(of)
        if found is None or not 0 <= now_ns - found.as_of_ns <= max_age_s * _NS:
            return math.nan
        value = found.value
        return math.nan if isinstance(value, str) else value

    def why_not(self, kind: str, *, now_ns: int, max_age_s: float, of: str = "") -> str:
        """Return why `get` answers NaN, in words; empty when it does not."""
        name = f"{kind}:{of}" if of else kind
        found = self.values.get(name)
        if found is None:
            return f"no measure {name}: {self.missing.get(name, 'nobody measured it')}"
        age_s = (now_ns - found.as_of_ns) / _NS
        if age_s < 0:
            return f"the measure {name} is of {-age_s:,.0f} s in the future"
        if age_s > max_age_s:
            return f"the measure {name} is {age_s:,.0f} s old, and may be {max_age_s:,.0f} s"
        return "" if found.value == found.value else f"the measure {name} is no number"
