"""The weights that all constraints allow, and which constraint is to blame when there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, SolverError
from nautilus_lab.portfolio._constraints import (
    Constraint,
    GroupLimit,
    WeightBounds,
    named_symbols,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class FeasibleWeights:
    """Weights that sum to 1, within bounds, with ``rows @ weights <= limits``.

    Attributes
    ----------
    symbols : tuple of str
        The order of the weights.
    lower, upper : ndarray, shape (n,)
        Bounds of each weight.
    rows : ndarray, shape (m, n)
        Group limits, two rows each: the sum, and its negative.
    limits : ndarray, shape (m,)
        Their right-hand sides.
    """

    symbols: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    rows: FloatArray
    limits: FloatArray

    @property
    def long_only(self) -> bool:
        """Whether no weight may be negative."""
        return bool((self.lower >= 0).all())

    def greatest(self, values: FloatArray) -> float | None:
        """Return the greatest ``values @ weights``; None when no weights are feasible."""
        import numpy as np
        from scipy.optimize import linprog

        answer = linprog(
            -np.asarray(values),
            A_ub=self.rows if len(self.rows) else None,
            b_ub=self.limits if len(self.rows) else None,
            A_eq=np.ones((1, len(self.symbols))),
            b_eq=[1.0],
            bounds=np.column_stack([self.lower, self.upper]),
            method="highs",
        )
        return float(-answer.fun) if answer.status == 0 else None

    def breach(self, weights: FloatArray) -> float:
        """Return by how much `weights` break the worst constraint; 0 when they keep all."""
        excess = [
            float((self.lower - weights).max()),
            float((weights - self.upper).max()),
            abs(float(weights.sum()) - 1),
        ]
        if len(self.rows):
            excess.append(float((self.rows @ weights - self.limits).max()))
        return max(0.0, *excess)


def feasible_weights(symbols: Sequence[str], constraints: Sequence[Constraint]) -> FeasibleWeights:
    """Gather constraints into one set of weights.

    Raises
    ------
    InputError
        When a constraint is of another kind or names a symbol without returns.
    SolverError
        When no weights satisfy them all; names each constraint without which some would.
    """
    for constraint in constraints:
        if not isinstance(constraint, WeightBounds | GroupLimit):
            raise InputError(
                "constraints must be WeightBounds or GroupLimit",
                value=constraint,
                remedy="pass constraints=(WeightBounds(upper=0.2),)",
            )
        unknown = [symbol for symbol in named_symbols(constraint) if symbol not in symbols]
        if unknown:
            raise InputError(
                "a constraint must name symbols that have returns",
                value=f"{', '.join(unknown)} in {constraint}",
                remedy="drop the symbol from the constraint, or load its returns",
            )
    wanted = _gathered(symbols, constraints)
    nothing = wanted.lower * 0.0
    if wanted.greatest(nothing) is None:
        to_blame = [
            str(constraint)
            for place, constraint in enumerate(constraints)
            if _gathered(symbols, constraints, without=place).greatest(nothing) is not None
        ]
        raise SolverError(
            "the constraints must leave weights that sum to 1",
            value=f"none over {len(symbols)} symbols",
            remedy=(
                f"feasible without: {' or without: '.join(to_blame)}"
                if to_blame
                else "no single constraint is to blame: loosen several"
            ),
        )
    return wanted


def _gathered(
    symbols: Sequence[str], constraints: Sequence[Constraint], without: int | None = None
) -> FeasibleWeights:
    """Gather all constraints, or all but one; what only that one bounds is then wide open."""
    import numpy as np

    place_of = {symbol: place for place, symbol in enumerate(symbols)}
    lower = np.full(len(symbols), -np.inf)
    upper = np.full(len(symbols), np.inf)
    named = np.zeros(len(symbols), dtype=bool)
    rows, limits = [], []
    for number, constraint in enumerate(constraints):
        places = [place_of[symbol] for symbol in named_symbols(constraint)]
        if isinstance(constraint, WeightBounds):
            where = places or list(range(len(symbols)))
            named[where] = True
            if number != without:
                lower[where] = np.maximum(lower[where], constraint.lower)
                upper[where] = np.minimum(upper[where], constraint.upper)
            else:
                lower[where] = np.maximum(lower[where], min(0.0, constraint.lower))
                upper[where] = np.minimum(upper[where], max(1.0, constraint.upper))
        elif number != without:
            row = np.zeros(len(symbols))
            row[places] = 1.0
            rows += [row, -row]
            limits += [constraint.upper, -constraint.lower]
    lower[~named], upper[~named] = 0.0, 1.0
    return FeasibleWeights(
        symbols=tuple(symbols),
        lower=lower,
        upper=upper,
        rows=np.array(rows).reshape(len(rows), len(symbols)),
        limits=np.array(limits, dtype=np.float64),
    )
