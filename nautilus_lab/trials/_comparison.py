"""What tells two trials apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.display import Table

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.trials._run import Run

_ALWAYS = {("trial", "recorded"), ("trial", "job"), ("trial", "name")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Where two trials differ.

    Attributes
    ----------
    a, b : str
        Their ids.
    differences : DataFrame
        Columns ``part`` (trial, parameters, data, code, recipe, results), ``what``, ``a``, ``b``.
    same_trial : bool
        Whether both tried the same: then one of them counts.
    correlation : float
        Of their returns, over the times both have; NaN when there are none.
    """

    a: str
    b: str
    differences: pd.DataFrame
    same_trial: bool
    correlation: float

    def __repr__(self) -> str:
        counts = self.differences["part"].value_counts(sort=False)
        told = ", ".join(f"{count} in {part}" for part, count in counts.items())
        same = "the same trial" if self.same_trial else "two trials"
        return f"Comparison({self.a} and {self.b}: {same}; they differ: {told or 'nowhere'})"

    def _repr_html_(self) -> str:
        return Table(
            title=repr(self),
            rows=self.differences.rename(columns={"a": self.a, "b": f"{self.b} "}),
            note=f"correlation of their returns: {self.correlation:.3f}",
            most=200,
            wide=True,
        ).html


def compare(a: Run, b: Run) -> Comparison:
    """Return what differs between two trials; when they were recorded is no difference."""
    import pandas as pd

    left, right = a.facts(), b.facts()
    rows = [
        (*place, left.get(place), right.get(place))
        for place in dict.fromkeys((*left, *right))
        if place not in _ALWAYS and not _equal(left.get(place), right.get(place))
    ]
    return Comparison(
        a=a.id,
        b=b.id,
        differences=pd.DataFrame(rows, columns=["part", "what", "a", "b"]),
        same_trial=a.hash == b.hash,
        correlation=_correlation(a.returns, b.returns),
    )


def _equal(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return left == right


def _correlation(a: pd.Series[float] | None, b: pd.Series[float] | None) -> float:
    import numpy as np

    if a is None or b is None:
        return math.nan
    common = a.index.intersection(b.index)
    left, right = a.loc[common].to_numpy(), b.loc[common].to_numpy()
    if len(common) < 2 or left.min() == left.max() or right.min() == right.max():
        return math.nan
    return float(np.corrcoef(left, right)[0, 1])
