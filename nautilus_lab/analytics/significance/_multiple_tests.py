"""Which of many hypotheses stand, when all of them are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from nautilus_lab.display import Table
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Method: TypeAlias = Literal["benjamini-hochberg", "benjamini-yekutieli", "holm", "bonferroni"]
_STATSMODELS = dict(zip(get_args(Method), ("fdr_bh", "fdr_by", "holm", "bonferroni"), strict=True))
_HOLDS = {
    "benjamini-hochberg": "false discoveries, if tests do not contradict each other",
    "benjamini-yekutieli": "false discoveries, however tests depend",
    "holm": "the chance of any false discovery",
    "bonferroni": "the chance of any false discovery",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MultipleTests:
    """Which of many hypotheses stand.

    Attributes
    ----------
    table : DataFrame, shape (hypothesis, 3)
        ``p``; ``adjusted``, to be compared with `alpha`; ``kept``.
    method : str
        How p-values were adjusted.
    alpha : float
        What is held: the share of false discoveries among what is kept, or the chance of any.
    not_tested : tuple
        Names of hypotheses without a p-value. They were tried, so they count: as a p-value of 1.
    """

    table: pd.DataFrame
    method: Method
    alpha: float
    not_tested: tuple[Any, ...]

    def __repr__(self) -> str:
        without = f", {len(self.not_tested):,} without a p-value" if self.not_tested else ""
        return (
            f"MultipleTests({int(self.table['kept'].sum()):,} of {len(self.table):,} kept by "
            f"{self.method} at {self.alpha:g}{without})"
        )

    def _repr_html_(self) -> str:
        shown = self.table.sort_values("adjusted", kind="stable").head(40)
        return Table(
            title=repr(self),
            rows=shown,
            formats={"p": ".3g", "adjusted": ".3g"},
            note=f"{self.method} holds {_HOLDS[self.method]} at {self.alpha:g}",
        ).html

    @property
    def kept(self) -> pd.Index[Any]:
        """Names of the hypotheses that stand."""
        return self.table.index[self.table["kept"]]


def multiple_tests(
    p_values: pd.Series[float] | Sequence[float],
    *,
    method: Method = "benjamini-hochberg",
    alpha: float = 0.05,
) -> MultipleTests:
    """Adjust p-values for their number.

    ======================= ================================================= ===================
    ``benjamini-hochberg``  share of false ones among what is kept [1]_       tests independent,
                                                                              or rising together
    ``benjamini-yekutieli`` the same [2]_                                     any dependence
    ``holm``                chance of any false one [3]_                      any dependence
    ``bonferroni``          the same, never keeps more than Holm              any dependence
    ======================= ================================================= ===================

    Parameters
    ----------
    p_values : Series or sequence, shape (hypothesis,)
        In [0, 1]; NaN where there is none: such a hypothesis was tried and counts as a p-value of
        1, and is named in `MultipleTests.not_tested`.
    method : str, default="benjamini-hochberg"
    alpha : float, default=0.05
        In (0, 1).

    Raises
    ------
    InputError
        When `method` is not known or `alpha` out of bounds.
    NotEnoughData
        When there is no p-value at all.
    BadData
        When a p-value lies outside of [0, 1], or a name stands twice.

    References
    ----------
    .. [1] Benjamini, Y. and Hochberg, Y. (1995). Controlling the False Discovery Rate. Journal of
       the Royal Statistical Society B 57(1), 289-300.
    .. [2] Benjamini, Y. and Yekutieli, D. (2001). The Control of the False Discovery Rate in
       Multiple Testing under Dependency. Annals of Statistics 29(4), 1165-1188.
    .. [3] Holm, S. (1979). A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian
       Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> import pandas as pd
    >>> found = multiple_tests(pd.Series({"value": 0.001, "size": 0.04, "noise": 0.6}))
    >>> found.kept.to_list(), found.table["adjusted"].round(3).to_list()
    (['value'], [0.003, 0.06, 0.6])
    """
    import numpy as np
    import pandas as pd

    if method not in _STATSMODELS:
        raise InputError(
            "the method must be known", value=method, remedy=f"one of {', '.join(_STATSMODELS)}"
        )
    if not 0 < alpha < 1:
        raise InputError("alpha must lie in (0, 1)", value=alpha, remedy="pass alpha=0.05")
    given = pd.Series(p_values, dtype=float)
    if not given.index.is_unique:
        raise BadData(
            "each hypothesis has one p-value",
            value=f"{given.index[given.index.duplicated()][0]} twice",
            remedy="drop the copies, or rename them",
        )
    values = given.to_numpy()
    outside = ~np.isnan(values) & ~((values >= 0) & (values <= 1))
    if outside.any():
        place = int(outside.argmax())
        raise BadData(
            "a p-value must lie in [0, 1]", value=f"{given.index[place]} = {values[place]:g}"
        )
    missing = np.isnan(values)
    if missing.all():
        raise NotEnoughData("there must be a p-value", value=f"{len(values)} hypotheses, none")
    from statsmodels.stats.multitest import multipletests

    kept, adjusted, *_ = multipletests(
        np.where(missing, 1.0, values), alpha=alpha, method=_STATSMODELS[method]
    )
    return MultipleTests(
        table=pd.DataFrame(
            {
                "p": values,
                "adjusted": np.where(missing, np.nan, adjusted),
                "kept": kept & ~missing,
            },
            given.index,
        ),
        method=method,
        alpha=alpha,
        not_tested=tuple(given.index[missing]),
    )
