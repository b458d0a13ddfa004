"""The analytics engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.analytics._performance import Performance, performance
from nautilus_lab.display import TearSheet
from nautilus_lab.engine import Health, State

if TYPE_CHECKING:
    from nautilus_lab._typing import ReturnSeries


@dataclass(frozen=True, kw_only=True)
class AnalyticsEngine:
    """Measures how returns did.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> returns = pd.Series([0.02, -0.01, 0.02, -0.01], index=days)
    >>> AnalyticsEngine().tear_sheet(returns, periods_per_year=252)
    TearSheet('Performance', 5 parts)
    """

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "analytics"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def performance(
        self,
        returns: ReturnSeries,
        *,
        periods_per_year: float,
        benchmark: ReturnSeries | None = None,
        risk_free: float = 0.0,
    ) -> Performance:
        """Measure how a series of returns did; see `nautilus_lab.analytics.performance`."""
        return performance(
            returns, periods_per_year=periods_per_year, benchmark=benchmark, risk_free=risk_free
        )

    def tear_sheet(
        self,
        returns: ReturnSeries,
        *,
        periods_per_year: float,
        benchmark: ReturnSeries | None = None,
        risk_free: float = 0.0,
    ) -> TearSheet:
        """Return the performance as a tear sheet; parameters are those of `performance`."""
        return self.performance(
            returns, periods_per_year=periods_per_year, benchmark=benchmark, risk_free=risk_free
        ).tear_sheet()
