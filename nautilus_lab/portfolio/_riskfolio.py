"""The one door to riskfolio-lib; it takes seconds to import, so only a call opens it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import SolverError

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns
    from nautilus_lab.portfolio._feasible import FeasibleWeights

# Weights may break a constraint by this much: what the solver's tolerance leaves.
_TOLERANCE = 1e-5
# A weight below this is what an interior-point solver leaves where 0 belongs.
_DUST = 1e-6
_SOLVER = "CLARABEL"


@dataclass(kw_only=True)
class _Said:
    """What the library had to say while it worked."""

    warnings: list[str] = field(default_factory=list)

    @property
    def inaccurate(self) -> bool:
        return any("inaccurate" in text for text in self.warnings)


def mean_risk_weights(
    returns: Returns,
    feasible: FeasibleWeights,
    *,
    objective: str,
    measure: str,
    risk_free: float,
    risk_aversion: float,
    tail: float,
) -> tuple[FloatArray, str]:
    """Solve a mean-risk problem; `objective` and `measure` are riskfolio's own names.

    Returns
    -------
    weights : ndarray, shape (n,)
    status : str
        ``"optimal"`` or ``"inaccurate"``.

    Raises
    ------
    SolverError
        When the solver finds no optimum, or one that breaks a constraint.
    """
    import numpy as np

    with _quiet() as said:
        import riskfolio

        book = riskfolio.Portfolio(returns=returns, alpha=tail)
        book.mu = returns.mean().to_frame().T
        book.cov = returns.cov()
        book.solvers = [_SOLVER]
        rows, limits = _inequalities(feasible)
        book.ainequality, book.binequality = rows, limits
        if not feasible.long_only:
            # Wide enough never to bind: the bounds of each weight do.
            book.sht = True
            book.budgetsht = float(-feasible.lower.clip(max=0).sum())
            book.uppersht = book.budgetsht
            book.upperlng = 1 + book.budgetsht
        try:
            solution = book.optimization(
                model="Classic", rm=measure, obj=objective, rf=risk_free, l=risk_aversion
            )
        except Exception as error:
            # Whatever the solver or cvxpy raises, the reader asked for weights and got none.
            raise _no_optimum(objective, measure, repr(error)) from error
    if solution is None:
        raise _no_optimum(objective, measure, "; ".join(said.warnings) or "no message")
    weights = np.asarray(solution["weights"].reindex(returns.columns), dtype=np.float64)
    return _accepted(weights, feasible), "inaccurate" if said.inaccurate else "optimal"


def hierarchical_weights(
    returns: Returns, feasible: FeasibleWeights, *, measure: str, linkage: str, tail: float
) -> FloatArray:
    """Return hierarchical risk parity weights, fitted into the bounds.

    Raises
    ------
    SolverError
        When the weights cannot be fitted into the bounds.
    """
    import numpy as np

    with _quiet():
        import riskfolio

        book = riskfolio.HCPortfolio(
            returns=returns,
            alpha=tail,
            w_max=_by_symbol(feasible.upper, returns),
            w_min=_by_symbol(feasible.lower, returns),
        )
        try:
            solution = book.optimization(
                model="HRP", codependence="pearson", rm=measure, linkage=linkage
            )
        except Exception as error:
            raise _no_optimum("HRP", measure, repr(error)) from error
    weights = np.asarray(solution["weights"].reindex(returns.columns), dtype=np.float64)
    return _accepted(weights, feasible)


def _inequalities(feasible: FeasibleWeights) -> tuple[FloatArray, FloatArray]:
    import numpy as np

    n = len(feasible.symbols)
    rows = np.vstack([np.eye(n), -np.eye(n), feasible.rows])
    limits = np.concatenate([feasible.upper, -feasible.lower, feasible.limits])
    return rows, limits.reshape(-1, 1)


def _by_symbol(values: FloatArray, returns: Returns) -> pd.Series[float]:
    import pandas as pd

    return pd.Series(values, index=returns.columns)


def _accepted(weights: FloatArray, feasible: FeasibleWeights) -> FloatArray:
    """Return the weights without the solver's dust, or raise when they break a constraint."""
    import numpy as np

    if not np.isfinite(weights).all() or not feasible.breach(weights) <= _TOLERANCE:
        raise SolverError(
            "a solution must keep to its constraints",
            value=f"broken by {feasible.breach(weights):.2g}",
            remedy="loosen the bounds, or pass another objective",
        )
    clean = np.clip(weights, feasible.lower, feasible.upper)
    clean[(np.abs(clean) < _DUST) & (feasible.lower <= 0) & (feasible.upper >= 0)] = 0.0
    # What that took or gave goes to where there is room, first among the weights that are held:
    # no bound is passed.
    missing = 1 - clean.sum()
    room = feasible.upper - clean if missing > 0 else clean - feasible.lower
    held = np.where(clean != 0, room, 0.0)
    room = held if held.sum() >= abs(missing) else room
    if missing:
        clean += missing * room / room.sum()
    return np.asarray(clean, dtype=np.float64)


def _no_optimum(objective: str, measure: str, said: str) -> SolverError:
    return SolverError(
        f"{_SOLVER} must find an optimum of {objective} over {measure}",
        value=said,
        remedy="loosen the constraints, pass a longer history or another objective",
    )


@contextlib.contextmanager
def _quiet() -> Iterator[_Said]:
    """Collect warnings and printed lines instead of showing them, for the time of a call."""
    said = _Said()
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        try:
            yield said
        finally:
            said.warnings = [str(warning.message) for warning in caught]
            said.warnings += printed.getvalue().splitlines()
