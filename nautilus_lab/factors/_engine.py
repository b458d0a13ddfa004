"""The factor engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.engine import Health, State
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.expressions import FactorSpace, bar_fields
from nautilus_lab.factors.expressions import evaluate as evaluate_expression
from nautilus_lab.factors.scale import (
    clusters,
    evaluate_many,
    most_correlated,
    near_duplicates,
    scan,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, Prices, Scores
    from nautilus_lab.factors.expressions._evaluate import Wanted


@dataclass(frozen=True, kw_only=True)
class FactorEngine:
    """Studies how well scores foretell returns.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=6, tz="UTC")
    >>> growth = {"A": 1.03, "B": 1.02, "C": 1.01, "D": 1.00}
    >>> prices = pd.DataFrame({s: [100 * g**t for t in range(6)] for s, g in growth.items()}, days)
    >>> from nautilus_lab.factors import momentum
    >>> scores = momentum(prices, window=2, skip=0)
    >>> FactorEngine().evaluate(scores, prices, horizons=[1], quantiles=2)
    FactorStudy(ic={1: 1.0000}, 2 dates, 4 names)
    """

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "factors"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def evaluate(
        self,
        scores: Scores,
        prices: Prices,
        *,
        horizons: Sequence[int] = (1, 5, 21),
        quantiles: int = 5,
        delay: int = 1,
    ) -> FactorStudy:
        """Study how well scores foretell returns; see `nautilus_lab.factors.evaluate`."""
        return evaluate(scores, prices, horizons=horizons, quantiles=quantiles, delay=delay)

    # As functions of `nautilus_lab.factors` they need no engine: nothing is theirs to remember.
    evaluate_many = staticmethod(evaluate_many)
    scan = staticmethod(scan)
    most_correlated = staticmethod(most_correlated)
    near_duplicates = staticmethod(near_duplicates)
    clusters = staticmethod(clusters)
    space = staticmethod(FactorSpace)

    def expression(
        self,
        expression: Wanted,
        bars: Bars,
        *,
        fields: Mapping[str, pd.DataFrame] | None = None,
        universe: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
        threads: int = 2,
    ) -> Scores:
        """Compute an expression of bars, and of further `fields` beside them.

        See `nautilus_lab.factors.evaluate_expression`.
        """
        given = {**bar_fields(bars), **(fields or {})}
        return evaluate_expression(expression, given, universe=universe, threads=threads)
