"""What a portfolio is optimised for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, SolverError

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, Returns
    from nautilus_lab.portfolio._feasible import FeasibleWeights

Goal: TypeAlias = Literal["sharpe", "min_risk", "utility", "max_return"]
RiskMeasure: TypeAlias = Literal["variance", "semi_deviation", "cvar", "cdar", "max_drawdown"]
Linkage: TypeAlias = Literal["single", "complete", "average", "ward"]

# our name -> riskfolio's
_GOALS: dict[str, str] = {
    "sharpe": "Sharpe",
    "min_risk": "MinRisk",
    "utility": "Utility",
    "max_return": "MaxRet",
}
_MEASURES: dict[str, str] = {
    "variance": "MV",
    "semi_deviation": "MSV",
    "cvar": "CVaR",
    "cdar": "CDaR",
    "max_drawdown": "MDD",
}
# our name -> how it is said
_SPOKEN: dict[str, str] = {
    "variance": "variance",
    "semi_deviation": "semi-deviation",
    "cvar": "conditional value at risk",
    "cdar": "conditional drawdown at risk",
    "max_drawdown": "maximum drawdown",
}


@dataclass(frozen=True, kw_only=True)
class MeanRisk:
    r"""The best trade-off of mean return and a risk measure [1]_.

    ==============  ========================================================================
    `objective`     finds the weights with
    ==============  ========================================================================
    ``sharpe``      the greatest (mean - `risk_free_per_period`) / risk; the risk of
                    ``variance`` is its root here
    ``min_risk``    the least risk; means play no part
    ``utility``     the greatest mean - `risk_aversion` * risk
    ``max_return``  the greatest mean
    ==============  ========================================================================

    Means and covariances are those of the sample (divisor n - 1), neither shrunk nor weighted.
    ``cvar`` is the mean of the worst 1 - `confidence` of the returns, ``cdar`` that of the
    drawdowns; drawdowns are of uncompounded cumulative returns [2]_.

    Parameters
    ----------
    objective : {"sharpe", "min_risk", "utility", "max_return"}, default="sharpe"
        What is sought.
    risk_measure : {"variance", "semi_deviation", "cvar", "cdar", "max_drawdown"}
        What counts as risk; by default the variance.
    risk_free_per_period : float, default=0.0
        The return of one period without risk, a fraction; for ``sharpe``.
    risk_aversion : float, default=2.0
        Units of mean return that one unit of risk costs; for ``utility``.
    confidence : float, default=0.95
        Share of periods, in (0, 1), that lie outside the tail of ``cvar`` and ``cdar``.

    Raises
    ------
    InputError
        When a setting is none of those listed or out of its bounds.

    References
    ----------
    .. [1] Markowitz, H. (1952). Portfolio Selection. Journal of Finance 7(1), 77-91.
    .. [2] Cajas, D. (2025). Advanced Portfolio Optimization: A Cutting-edge Quantitative
       Approach. Springer. The formulations are those of its library, riskfolio-lib.
    """

    objective: Goal = "sharpe"
    risk_measure: RiskMeasure = "variance"
    risk_free_per_period: float = 0.0
    risk_aversion: float = 2.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        _require_one_of("objective", self.objective, get_args(Goal))
        _require_one_of("risk_measure", self.risk_measure, get_args(RiskMeasure))
        _require_confidence(self.confidence)
        if not -1 < self.risk_free_per_period < math.inf:
            raise InputError(
                "risk_free_per_period must be a return above -1",
                value=self.risk_free_per_period,
                remedy="pass a fraction of one period: 0.02 / 252",
            )
        if not 0 < self.risk_aversion < math.inf:
            raise InputError(
                "risk_aversion must be a positive number",
                value=self.risk_aversion,
                remedy="pass risk_aversion=2.0",
            )

    def __str__(self) -> str:
        spoken = _SPOKEN[self.risk_measure]
        if self.risk_measure in ("cvar", "cdar"):
            spoken += f" ({self.confidence:.4g})"
        ratio = "volatility" if self.risk_measure == "variance" else spoken
        return {
            "sharpe": f"greatest mean return per unit of {ratio}",
            "min_risk": f"least {spoken}",
            "utility": f"greatest mean return less {self.risk_aversion:g} x {spoken}",
            "max_return": "greatest mean return",
        }[self.objective]

    def solve(self, returns: Returns, feasible: FeasibleWeights) -> tuple[FloatArray, str]:
        """Return the weights of checked returns and how the solver ended.

        Raises
        ------
        NotEnoughData
            When there are not more periods than symbols.
        SolverError
            When no portfolio earns more than the risk-free rate (``sharpe``), or the solver finds
            no optimum.
        """
        import numpy as np

        from nautilus_lab.portfolio._riskfolio import mean_risk_weights

        _require_more_rows_than_columns(returns)
        if self.objective == "sharpe":
            means = np.asarray(returns.mean(), dtype=np.float64)
            best = feasible.greatest(means) or 0.0
            if not best > self.risk_free_per_period:
                raise SolverError(
                    "a ratio of return to risk needs a portfolio that earns more than the "
                    "risk-free rate",
                    value=f"at most {best:.3g} a period against {self.risk_free_per_period:.3g}",
                    remedy='pass objective=MeanRisk(objective="min_risk")',
                )
        return mean_risk_weights(
            returns,
            feasible,
            objective=_GOALS[self.objective],
            measure=_MEASURES[self.risk_measure],
            risk_free=self.risk_free_per_period,
            risk_aversion=self.risk_aversion,
            tail=1 - self.confidence,
        )


@dataclass(frozen=True, kw_only=True)
class HierarchicalRiskParity:
    """Risk shared out down a tree of likeness; no means, no inverted covariance [1]_.

    Symbols are clustered by the distance ``sqrt((1 - correlation) / 2)``; capital is then halved
    along the order of the leaves, each half weighted by the inverse of its risk. Only
    `WeightBounds` with weights of 0 and more constrain it, and they are fitted afterwards.

    Parameters
    ----------
    risk_measure : {"variance", "semi_deviation", "cvar", "cdar", "max_drawdown"}
        What counts as risk; by default the variance.
    linkage : {"single", "complete", "average", "ward"}, default="single"
        How clusters are joined; single is that of the paper.
    confidence : float, default=0.95
        Share of periods, in (0, 1), that lie outside the tail of ``cvar`` and ``cdar``.

    Raises
    ------
    InputError
        When a setting is none of those listed or out of its bounds.

    References
    ----------
    .. [1] López de Prado, M. (2016). Building Diversified Portfolios that Outperform Out of
       Sample. Journal of Portfolio Management 42(4), 59-69.
    """

    risk_measure: RiskMeasure = "variance"
    linkage: Linkage = "single"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        _require_one_of("risk_measure", self.risk_measure, get_args(RiskMeasure))
        _require_one_of("linkage", self.linkage, get_args(Linkage))
        _require_confidence(self.confidence)

    def __str__(self) -> str:
        return f"hierarchical risk parity of {_SPOKEN[self.risk_measure]}, {self.linkage} linkage"

    def solve(self, returns: Returns, feasible: FeasibleWeights) -> tuple[FloatArray, str]:
        """Return the weights of checked returns; nothing is solved, so they are always computed.

        Raises
        ------
        InputError
            When a constraint is a group limit or allows selling short, or there are fewer than
            two symbols.
        SolverError
            When the weights cannot be fitted into the bounds.
        """
        from nautilus_lab.portfolio._riskfolio import hierarchical_weights

        if len(feasible.rows) or not feasible.long_only:
            raise InputError(
                "hierarchical risk parity keeps to bounds of 0 and more on single weights only",
                value="a group limit" if len(feasible.rows) else "a negative lower bound",
                remedy="drop it, or pass objective=MeanRisk()",
            )
        if returns.shape[1] < 2:
            raise InputError(
                "a hierarchy needs at least two symbols",
                value=returns.shape[1],
                remedy="pass the returns of more symbols",
            )
        weights = hierarchical_weights(
            returns,
            feasible,
            measure=_MEASURES[self.risk_measure],
            linkage=self.linkage,
            tail=1 - self.confidence,
        )
        return weights, "computed"


Objective: TypeAlias = MeanRisk | HierarchicalRiskParity


def require_varying(returns: Returns) -> None:
    """Raise when a symbol's returns never change: it has no risk to weigh."""
    flat = returns.columns[(returns.max() == returns.min()).to_numpy()]
    if len(flat):
        raise BadData(
            "the returns of every symbol must vary",
            value=str(flat[0]),
            remedy="leave it out: cash or a stale price is no risky asset",
        )


def _require_more_rows_than_columns(returns: Returns) -> None:
    rows, columns = returns.shape
    if not rows > columns:
        raise NotEnoughData(
            f"returns must have more periods than symbols: at least {columns + 1} rows",
            value=rows,
            remedy="widen the dates, drop symbols or pass objective=HierarchicalRiskParity()",
        )


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(
            f"{name} must be one of those there are",
            value=value,
            remedy=f"pass one of: {', '.join(allowed)}",
        )


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(
            "confidence must lie in (0, 1)", value=confidence, remedy="pass confidence=0.95"
        )
