"""What rules read: numbers and words, each with the time it was true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.early_warning import BreachForecast
from nautilus_lab.risk.limits import Holdings

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Signal:
    """One input of a rule.

    Attributes
    ----------
    value : float or str
        A number in the unit its rule names, or a word: the name of a regime.
    as_of_ns : int
        UNIX nanoseconds, of the data it was made from.
    """

    value: float | str
    as_of_ns: int

    def is_fresh(self, now_ns: int, max_age_s: float) -> bool:
        """Whether it is at most so old, and not of the future."""
        return 0 <= now_ns - self.as_of_ns <= max_age_s * _NS


@dataclass(frozen=True)
class Signals:
    """What is known at a time, by name; what is missing fails tight.

    Parameters
    ----------
    values : mapping of str to Signal
        ``"volatility"``, ``"drawdown"``, ``"regime"``, or what a rule was told to read.
    forecasts : mapping of str to BreachForecast
        By the limit's name, or ``"limit:scope"``.

    Examples
    --------
    >>> Signals.at(1_000_000_000, volatility=0.22, regime="calm")
    Signals(regime, volatility)
    """

    values: Mapping[str, Signal] = MappingProxyType({})
    forecasts: Mapping[str, BreachForecast] = MappingProxyType({})

    def __post_init__(self) -> None:
        for name, of, kind in (
            ("values", self.values, Signal),
            ("forecasts", self.forecasts, BreachForecast),
        ):
            for key, value in of.items():
                if not isinstance(value, kind):
                    raise InputError(f"{name} must hold {kind.__name__}s", value=f"{key}={value!r}")
            object.__setattr__(self, name, MappingProxyType(dict(of)))

    @classmethod
    def at(cls, as_of_ns: int, **values: float | str) -> Self:
        """Return signals of one time."""
        return cls({name: Signal(value, as_of_ns) for name, value in values.items()})

    def __or__(self, newer: Signals) -> Signals:
        """Return both, those of the right hand in place of older ones."""
        return Signals({**self.values, **newer.values}, {**self.forecasts, **newer.forecasts})

    def __repr__(self) -> str:
        return f"Signals({', '.join(sorted({*self.values, *self.forecasts})) or 'nothing'})"


def signals_of(holdings: Holdings) -> Signals:
    """Return what rules can read of what is held.

    Returns
    -------
    Signals
        Every measure by its name, with its own time; and ``drawdown``, 1 - equity / highest
        equity, of now, which is missing while one of them is not known.

    Examples
    --------
    >>> held = Holdings(positions=(), equity={"account": 90.0}, high_water=100.0, now_ns=5)
    >>> signals_of(held).values["drawdown"]
    Signal(value=0.1, as_of_ns=5)
    """
    found = {
        name: Signal(one.value, one.as_of_ns) for name, one in holdings.measures.values.items()
    }
    equity, highest = holdings.net_asset_value, holdings.high_water
    if highest > 0 and math.isfinite(equity):
        # A new high counts as one once it is confirmed; until then nothing is lost.
        lost = max(0.0, (highest - equity) / highest)
        found["drawdown"] = Signal(lost, holdings.now_ns)
    return Signals(found)
