"""The factor engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.engine import Health, State
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.attribution import (
    attribute_holdings,
    attribute_returns,
    brinson_fachler,
    cross_correlation,
    performance_by,
)
from nautilus_lab.factors.combination import Combination, WalkForward, combine, score_factors
from nautilus_lab.factors.expressions import FactorSpace, bar_fields
from nautilus_lab.factors.expressions import evaluate as evaluate_expression
from nautilus_lab.factors.point_in_time import Release, Session, reindexed_like
from nautilus_lab.factors.risk_models import (
    CrossSectionalFit,
    CrossSectionalModel,
    factor_regression,
    rolling_regression,
)
from nautilus_lab.factors.scale import (
    FactorMatrix,
    FactorScan,
    FactorStudies,
    clusters,
    evaluate_many,
    most_correlated,
    near_duplicates,
    scan,
)
from nautilus_lab.factors.sources import SourcePanel, source_catalog, synthesise
from nautilus_lab.trials import Ledger, Study, open_study

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, Prices, Returns, Scores
    from nautilus_lab.factors._trials import Definition
    from nautilus_lab.factors.combination._combine import Method
    from nautilus_lab.factors.combination._model import Model
    from nautilus_lab.factors.combination._standard import Scale
    from nautilus_lab.factors.evaluation._neutral import Groups
    from nautilus_lab.factors.expressions._evaluate import Wanted


@dataclass(frozen=True, kw_only=True)
class FactorEngine:
    """Studies how well scores foretell returns, and combines them.

    Parameters
    ----------
    ledger : Ledger, optional
        Where a `study` that is given by name is recorded; that of the workspace when not given.

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

    ledger: Ledger | None = field(default=None, repr=False)

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
        study: Study | str | None = None,
        definition: Definition | None = None,
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
            study=None if study is None else open_study(study, self.ledger),
            definition=definition,
        )

    # As functions of `nautilus_lab.factors` they need no engine: nothing is theirs to remember.
    most_correlated = staticmethod(most_correlated)
    near_duplicates = staticmethod(near_duplicates)
    clusters = staticmethod(clusters)
    space = staticmethod(FactorSpace)
    regress = staticmethod(factor_regression)
    rolling_betas = staticmethod(rolling_regression)
    attribute = staticmethod(attribute_holdings)
    attribute_returns = staticmethod(attribute_returns)
    brinson = staticmethod(brinson_fachler)
    cross_correlation = staticmethod(cross_correlation)
    performance_by = staticmethod(performance_by)

    def evaluate_many(
        self,
        factors: Mapping[Any, pd.DataFrame] | Any,
        prices: Prices,
        *,
        study: Study | str | None = None,
        **settings: Any,
    ) -> FactorStudies:
        """Study many factors at once; see `nautilus_lab.factors.evaluate_many`."""
        opened = None if study is None else open_study(study, self.ledger)
        return evaluate_many(factors, prices, study=opened, **settings)

    def scan(
        self, matrix: FactorMatrix, ahead: Any, *, study: Study | str | None = None, **settings: Any
    ) -> FactorScan:
        """Correlate all factors with returns ahead; see `nautilus_lab.factors.scan`."""
        opened = None if study is None else open_study(study, self.ledger)
        return scan(matrix, ahead, study=opened, **settings)

    def risk_model(
        self,
        returns: Returns,
        exposures: Mapping[str, pd.DataFrame],
        *,
        model: CrossSectionalModel | None = None,
        **settings: Any,
    ) -> CrossSectionalFit:
        """Fit a cross-sectional risk model; see `risk_models.CrossSectionalModel.fit`."""
        return (model or CrossSectionalModel()).fit(returns, exposures, **settings)

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

    def reindexed_like(
        self,
        data: pd.DataFrame | pd.Series[Any],
        prices: Prices,
        *,
        released: str | Release = "",
        period: str = "",
        value: str = "",
        symbol: str = "",
        symbols: Mapping[Any, str] | None = None,
        revision: Literal["latest", "first"] = "latest",
        missing: Literal["keep", "skip"] = "keep",
        carry: bool = True,
        max_age: str | pd.Timedelta | None = None,
        session: Session | None = None,
    ) -> pd.DataFrame:
        """Put a dataset on the rows of a price frame, as it was known at each of them.

        See `nautilus_lab.factors.reindexed_like`.
        """
        return reindexed_like(
            data,
            prices,
            released=released,
            period=period,
            value=value,
            symbol=symbol,
            symbols=symbols,
            revision=revision,
            missing=missing,
            carry=carry,
            max_age=max_age,
            session=session,
        )

    def sources(self, find: str = "") -> pd.DataFrame:
        """Return the factors of every source; see `nautilus_lab.factors.source_catalog`."""
        return source_catalog(find)

    def synthesise(
        self,
        names: str | Iterable[str],
        frames: Mapping[str, pd.DataFrame],
        *,
        like: Prices,
        symbols: Mapping[str, Mapping[Any, str]] | None = None,
        universe: pd.DataFrame | None = None,
        market: Literal["broadcast", "exposure"] = "broadcast",
        window: int = 252,
        missing: Literal["raise", "leave out"] = "raise",
        session: Session | None = None,
    ) -> SourcePanel:
        """Compute factors of sources; see `nautilus_lab.factors.synthesise`."""
        return synthesise(
            names,
            frames,
            like=like,
            symbols=symbols,
            universe=universe,
            market=market,
            window=window,
            missing=missing,
            session=session,
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
