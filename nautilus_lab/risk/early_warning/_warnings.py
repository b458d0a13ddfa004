"""All utilisations of a book followed at once, and a warning before one is a breach."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.early_warning._forecast import BreachForecast, BreachForecaster
from nautilus_lab.risk.early_warning._trend import UtilisationTrend
from nautilus_lab.risk.limits import LimitReport


@dataclass(frozen=True, kw_only=True, slots=True)
class BreachWarning:
    """A limit that holds, and probably soon will not.

    Attributes
    ----------
    limit, scope : str
        Whose utilisation it is.
    utilisation : float
        Now, a fraction.
    forecast : BreachForecast
        How probable a breach is, within what time.
    """

    limit: str
    scope: str
    utilisation: float
    forecast: BreachForecast

    @property
    def text(self) -> str:
        """What to tell a person."""
        told = self.forecast
        return (
            f"{self.limit} of {self.scope} is used by {self.utilisation:.1%}, and exceeded within "
            f"{told.horizon_s:.0f} s with a probability of {told.probability:.0%}"
        )


class EarlyWarning:
    """Follows each limit and scope of a book, and warns once before it is exceeded.

    A warning is given when the probability reaches `probability`, and again only after it was
    below `clear`. What is exceeded already, or cannot be measured, is the limit's own alert.

    Parameters
    ----------
    horizon_s : float, default=300
        How far ahead, seconds.
    probability : float, default=0.5
        From which a warning is given, in (0, 1].
    clear : float, default=0.25
        Below which the next one may be given.
    watch_from : float, default=0.5
        Utilisation below which nothing is foretold: of a thousand positions most need no look.
    forecaster : callable, default=UtilisationTrend
        Makes what foretells one limit and scope; a learned model takes its place here.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import LimitBook, MaxPositionUnits
    >>> book, early = LimitBook([MaxPositionUnits(max_units=100)]), EarlyWarning()
    >>> told = []
    >>> for look in range(20):
    ...     report = book.evaluate({"AAPL": 40 + 2 * look}, {"AAPL": 190.0}, equity=1e6)
    ...     told += early.look(report, now_ns=look * 5_000_000_000)
    >>> told[0].scope, told[0].utilisation < 0.7, len(told)
    ('AAPL', True, 1)
    """

    def __init__(
        self,
        *,
        horizon_s: float = 300.0,
        probability: float = 0.5,
        clear: float = 0.25,
        watch_from: float = 0.5,
        forecaster: Callable[[], BreachForecaster] = UtilisationTrend,
    ) -> None:
        if not 0 < horizon_s < float("inf"):
            raise InputError("horizon_s must be positive and finite", value=horizon_s)
        if not 0 < clear <= probability <= 1:
            raise InputError(
                "0 < clear <= probability <= 1 must hold", value=f"{clear}, {probability}"
            )
        if not 0 <= watch_from <= 1:
            raise InputError("watch_from must lie in [0, 1]", value=watch_from)
        self.horizon_s, self.probability, self.clear = horizon_s, probability, clear
        self.watch_from = watch_from
        self._make = forecaster
        self._followed: dict[tuple[str, str], BreachForecaster] = {}  # limit, scope -> forecaster
        self._used: dict[tuple[str, str], float] = {}  # limit, scope -> utilisation, last
        self._warned: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return f"EarlyWarning(horizon_s={self.horizon_s:g}, {len(self._followed)} followed)"

    def look(self, report: LimitReport, now_ns: int) -> tuple[BreachWarning, ...]:
        """Take in a report of utilisation, and return the warnings that are new.

        Parameters
        ----------
        report : LimitReport
            Of now. What it does not have any more is forgotten; of rows of one limit and scope,
            as of two limits of one kind, the most used counts.
        now_ns : int
            UNIX nanoseconds.
        """
        used: dict[tuple[str, str], float] = {}
        for row in report:
            key = row.limit, row.scope
            # The larger one; NaN, which is not known, stays.
            before = used.get(key, -math.inf)
            if row.level != "never" and before == before and not row.utilisation <= before:
                used[key] = row.utilisation
        self._used = used
        for gone in self._followed.keys() - used.keys():
            del self._followed[gone]
            self._warned.discard(gone)
        found = []
        for key, utilisation in used.items():
            if key not in self._followed:
                self._followed[key] = self._make()
            forecaster = self._followed[key]
            forecaster.observe(utilisation, now_ns)
            if utilisation < self.watch_from:
                self._warned.discard(key)
                continue
            forecast = forecaster.forecast(self.horizon_s, now_ns)
            if forecast.in_service and self._is_new(key, utilisation, forecast.probability):
                found.append(
                    BreachWarning(
                        limit=key[0], scope=key[1], utilisation=utilisation, forecast=forecast
                    )
                )
        return tuple(found)

    def _is_new(self, key: tuple[str, str], utilisation: float, probability: float) -> bool:
        if probability < self.clear:
            self._warned.discard(key)
        if not utilisation <= 1 or not probability >= self.probability or key in self._warned:
            return False
        self._warned.add(key)
        return True

    def time_to_breach(self, limit: str, scope: str) -> float:
        """Return within how many seconds a breach is as probable as not; infinite when never.

        NaN while it is not followed, used by less than `watch_from`, or not told by its forecaster.
        """
        key = limit, scope
        breach_in_s = getattr(self._followed.get(key), "breach_in_s", None)
        if breach_in_s is None or not self._used.get(key, math.nan) >= self.watch_from:
            return math.nan
        return float(breach_in_s())

    def forecast(self, limit: str, scope: str, now_ns: int) -> BreachForecast | None:
        """Return the forecast of one limit and scope; None when it is not followed."""
        forecaster = self._followed.get((limit, scope))
        return forecaster.forecast(self.horizon_s, now_ns) if forecaster else None
