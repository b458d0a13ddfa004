"""How probable a breach is, for the rules that read it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

from nautilus_lab.risk.adjustment import DynamicLimit, Signals
from nautilus_lab.risk.early_warning import BreachForecast, BreachForecaster, UtilisationTrend
from nautilus_lab.risk.limits import LimitBook, LimitReport

_HORIZON_S = 300.0


class Foretelling:
    """Follows the limits that rules want forecasts of, as parts of their base bounds.

    Of the bound that a rule tightened, utilisation would rise by the tightening, and tighten again.

    Parameters
    ----------
    limits : LimitBook
        Whose rules say what is to be followed.
    forecaster : callable, default=UtilisationTrend
        Makes what foretells one limit and scope; a learned model takes its place here.
    horizon_s : float, default=300
        How far ahead, seconds.
    """

    def __init__(
        self,
        limits: LimitBook,
        *,
        forecaster: Callable[[], BreachForecaster] = UtilisationTrend,
        horizon_s: float = _HORIZON_S,
    ) -> None:
        self._wanted = frozenset(_wanted(limits))
        self._named = frozenset(name.partition(":")[0] for name in self._wanted)
        self._make = forecaster
        self._horizon_s = horizon_s
        self._followed: dict[tuple[str, str], BreachForecaster] = {}  # limit, scope -> forecaster
        self._used: dict[tuple[str, str], float] = {}  # limit, scope -> utilisation, last

    def __repr__(self) -> str:
        return f"Foretelling({', '.join(sorted(self._wanted)) or 'nothing'})"

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def observe(self, report: LimitReport, now_ns: int) -> None:
        """Take in how much is used."""
        self._used = {
            (row.limit, row.scope): row.utilisation * row.part
            for row in report
            if row.limit in self._named and row.level != "never"
        }
        for key in self._followed.keys() - self._used.keys():
            del self._followed[key]
        for key, used in self._used.items():
            self._followed.setdefault(key, self._make()).observe(used, now_ns)

    def signals(self, now_ns: int) -> Signals:
        """Return a forecast for each name that rules read; that of the worst scope."""
        found: dict[str, BreachForecast] = {}
        for name in self._wanted:
            limit, _, scope = name.partition(":")
            told = [
                self._forecast(key, now_ns)
                for key in self._followed
                if key[0] == limit and scope in ("", key[1])
            ]
            if told:
                # NaN is worse than any: what cannot be told fails tight.
                found[name] = max(told, key=lambda one: (one.in_service, _or_more(one.probability)))
        return Signals(forecasts=found)

    def _forecast(self, key: tuple[str, str], now_ns: int) -> BreachForecast:
        told = self._followed[key].forecast(self._horizon_s, now_ns)
        if math.isnan(told.probability) and math.isfinite(self._used[key]):
            # It is known how much is used, and too few looks to tell where that leads: as yet
            # there is no model in service.
            return dataclasses.replace(told, in_service=False)
        return told


def _or_more(probability: float) -> float:
    return math.inf if math.isnan(probability) else probability


def _wanted(limits: LimitBook) -> Iterator[str]:
    for one in limits.dynamic:
        if isinstance(one, DynamicLimit):
            for rule in getattr(one.rule, "rules", (one.rule,)):
                if (name := getattr(rule, "forecast", None)) is not None:
                    yield name
