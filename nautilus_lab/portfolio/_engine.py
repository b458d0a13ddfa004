"""The portfolio engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_returns
from nautilus_lab.portfolio._allocation import Allocation
from nautilus_lab.portfolio._constraints import Constraint
from nautilus_lab.portfolio._feasible import feasible_weights
from nautilus_lab.portfolio._objectives import MeanRisk, Objective, require_varying
from nautilus_lab.provenance import provenance

if TYPE_CHECKING:
    from nautilus_lab._typing import Returns


@dataclass(frozen=True, kw_only=True)
class PortfolioEngine:
    """Finds weights.

    Parameters
    ----------
    objective : MeanRisk or HierarchicalRiskParity, default=MeanRisk()
        What is sought when a call does not say.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=250, tz="UTC")
    >>> noise = np.random.default_rng(0).normal(0.001, 0.01, (250, 3)) * [1, 2, 4]
    >>> returns = pd.DataFrame(noise, index=days, columns=["A", "B", "C"])
    >>> least = MeanRisk(objective="min_risk")
    >>> book = PortfolioEngine().optimise(returns, objective=least)
    >>> book.status, book.weights.idxmax(), round(float(book.weights.sum()), 9)
    ('optimal', 'A', 1.0)
    """

    objective: Objective = field(default_factory=MeanRisk)

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "portfolio"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def optimise(
        self,
        returns: Returns,
        *,
        objective: Objective | None = None,
        constraints: Sequence[Constraint] = (),
        periods_per_year: float | None = None,
    ) -> Allocation:
        """Find the weights that serve an objective and keep to constraints.

        Parameters
        ----------
        returns : DataFrame, shape (time, symbol)
            Simple returns, fractions, per period.
        objective : MeanRisk or HierarchicalRiskParity, optional
            What is sought; the engine's own when not given.
        constraints : sequence of WeightBounds or GroupLimit, default=()
            What the weights keep to. Without any, each lies between 0 and 1.
        periods_per_year : float, optional
            252 for trading days; adds annual figures to the answer and changes nothing else.

        Returns
        -------
        Allocation

        Raises
        ------
        InputError
            When an argument breaks a rule, or a constraint names a symbol without returns.
        NotEnoughData
            When there are too few periods for the symbols.
        BadData
            When a return is NaN or infinite, times are unsorted or a symbol never varies.
        SolverError
            When the constraints leave no weights, naming which of them is to blame, or the
            solver finds no optimum.
        """
        import numpy as np
        import pandas as pd

        if periods_per_year is not None and not 0 < periods_per_year < math.inf:
            raise InputError(
                "periods_per_year must be a positive number",
                value=periods_per_year,
                remedy="pass 252 for trading days, or leave it out",
            )
        sought = self.objective if objective is None else objective
        if not isinstance(sought, Objective):
            raise InputError(
                "objective must be MeanRisk or HierarchicalRiskParity",
                value=sought,
                remedy='pass objective=MeanRisk(objective="min_risk")',
            )
        kept = tuple(constraints)
        checked = require_returns(returns, at_least=2)
        require_varying(checked)
        feasible = feasible_weights([str(symbol) for symbol in checked.columns], kept)
        plain = checked.set_axis(list(feasible.symbols), axis=1)
        weights, status = sought.solve(plain, feasible)

        covariance = np.asarray(plain.cov(), dtype=np.float64)
        variance = float(weights @ covariance @ weights)
        return Allocation(
            weights=pd.Series(weights, index=checked.columns, name="weight"),
            objective=str(sought),
            status=status,
            expected_return=float(np.asarray(plain.mean()) @ weights),
            volatility=math.sqrt(variance),
            periods_per_year=periods_per_year,
            risk_contributions=pd.Series(
                weights * (covariance @ weights) / variance,
                index=checked.columns,
                name="share of variance",
            ),
            n_observations=len(checked),
            constraints=kept,
            provenance=provenance(returns),
        )
