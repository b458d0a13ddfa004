"""The factor engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.engine import Health, State
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.combination import Combination, WalkForward, combine, score_factors

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices, Scores
    from nautilus_lab.factors.combination._combine import Method
    from nautilus_lab.factors.combination._model import Model
    from nautilus_lab.factors.combination._standard import Scale
    from nautilus_lab.factors.evaluation._neutral import Groups


@dataclass(frozen=True, kw_only=True)
class FactorEngine:
    """Studies how well scores foretell returns, and combines them.

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
        scores: Scores | pd.Series[float],
        prices: Prices | None = None,
        *,
        horizons: Sequence[int] | None = None,
        quantiles: int | None = None,
        delay: int | None = None,
        groups: Groups | None = None,
        neutral: Literal["none", "group"] | Mapping[str, Any] = "none",
    ) -> FactorStudy:
        """Study how well scores foretell returns; see `nautilus_lab.factors.evaluate`."""
        return evaluate(
            scores,
            prices,
            horizons=horizons,
            quantiles=quantiles,
            delay=delay,
            groups=groups,
            neutral=neutral,
        )

    def combine(
        self,
        scores: Mapping[str, Scores | pd.Series[float]],
        prices: Prices | None = None,
        *,
        method: Method | Model = "equal",
        walk: WalkForward | None = None,
        ridge: float = 0.0,
        scale: Scale = "zscore",
        min_factors: int | None = None,
    ) -> Combination:
        """Combine factors into one; see `nautilus_lab.factors.combine`."""
        return combine(
            scores,
            prices,
            method=method,
            walk=walk or WalkForward(),
            ridge=ridge,
            scale=scale,
            min_factors=min_factors,
        )

    def score(
        self,
        studies: Mapping[str, FactorStudy],
        *,
        horizon: int | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> pd.DataFrame:
        """Rank factors by what a desk asks of one; see `nautilus_lab.factors.score_factors`."""
        return score_factors(studies, horizon=horizon, weights=weights)
