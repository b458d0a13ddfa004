"""Several factors as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.combination._model import Model, predict_forward
from nautilus_lab.factors.combination._standard import Scale
from nautilus_lab.factors.combination._walk import Lessons, WalkForward, lessons
from nautilus_lab.factors.combination._weights import equal_weights, ic_weights, regression_weights
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Prices, Scores

Method: TypeAlias = Literal["equal", "ic", "icir", "regression"]
_LEARNED = WalkForward()


@dataclass(frozen=True, kw_only=True, eq=False)
class Combination:
    """Several factors as one.

    Attributes
    ----------
    scores : DataFrame, shape (time, symbol)
        Higher is better; NaN where not known.
    weights : DataFrame, shape (time, factor)
        What each factor weighed on each date; of a model its coefficients or importances, NaN when
        it has none.
    through : Series, shape (time,)
        The last date that a date's weights were learned from; NaT where nothing was.
    method : str
        How they were found.
    """

    scores: Scores = field(repr=False)
    weights: pd.DataFrame = field(repr=False)
    through: pd.Series[Any] = field(repr=False)
    method: str

    def __repr__(self) -> str:
        latest = self.weights.iloc[-1]
        said = ", ".join(f"{name}: {value:.3f}" for name, value in latest.items())
        return f"Combination({self.method}, {len(self.scores):,} dates, latest {{{said}}})"


def combine(
    scores: Mapping[str, Scores | pd.Series[float]],
    prices: Prices | None = None,
    *,
    method: Method | Model = "equal",
    walk: WalkForward = _LEARNED,
    ridge: float = 0.0,
    scale: Scale = "zscore",
    min_factors: int | None = None,
) -> Combination:
    """Combine factors into one, with weights that only the past has taught.

    Parameters
    ----------
    scores : mapping of str to DataFrame or Series
        Name -> scores, in any shape that `nautilus_lab.factors.evaluate` takes; wide ones have the
        same times and symbols.
    prices : DataFrame, shape (time, symbol), optional
        Closes, to learn from; `method` "equal" needs none.
    method : {"equal", "ic", "icir", "regression"} or model, default="equal"
        All alike; by the mean rank correlation with what followed, or that over its deviation;
        by mean slopes of cross-sectional regressions (Fama and MacBeth); or by a model: any object
        with scikit-learn's ``fit(X, y)`` and ``predict(X)``, copies of which are fitted as time
        goes on.
    walk : WalkForward, optional
        What is foretold, from how much of the past, and how far apart the two must lie.
    ridge : float, default=0.0
        Of "regression": how much slopes are held to 0, in units of the factors' variance.
    scale : {"zscore", "rank", "normal", "none"}, default="zscore"
        What is done to each factor first, date by date; see `standardise`.
    min_factors : int, optional
        A name has a score when so many of its factors are known: all, unless told otherwise. The
        weights of those that are known then stand for the others', too.

    Returns
    -------
    Combination
        The row of a date depends on scores and prices of its own and earlier times only.

    Raises
    ------
    InputError
        When an argument breaks a rule, or prices are needed.
    NotEnoughData
        When no date has enough of a past.
    BadData
        When factors are not aligned, prices not in order, or a model foretells no numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=1, tz="UTC")
    >>> value = pd.DataFrame([[1.0, 2.0, 3.0]], days, list("ABC"))
    >>> both = combine({"value": value, "calm": -value})
    >>> both
    Combination(equal, 1 dates, latest {value: 0.500, calm: 0.500})
    >>> both.scores.iloc[0].to_list()
    [0.0, 0.0, 0.0]
    """
    import numpy as np
    import pandas as pd

    least = len(scores) if min_factors is None else min_factors
    if scores and not 1 <= least <= len(scores):
        raise InputError(
            "known factors must be at least 1 and not more than there are",
            value=min_factors,
            remedy=f"pass 1 to {len(scores)}",
        )
    if not ridge >= 0:
        raise InputError("a ridge must not be negative", value=ridge, remedy="pass ridge=0.1")
    if method != "equal" and prices is None:
        raise InputError("weights are learned from prices", remedy="pass prices")
    of = lessons(scores, prices, walk, scale)
    through = _through(of)
    if isinstance(method, str):
        weights = _learned(of, walk, method, ridge)
        values = _weighed(of, weights, least)
        through = np.where(np.isnan(weights).any(axis=1) | (method == "equal"), -1, through)
    else:
        values, weights, through = predict_forward(of, walk, method, least)
    if not np.isfinite(values).any():
        raise NotEnoughData(
            f"weights need {walk.min_dates} dates whose {walk.horizon} bars ahead are known",
            value=f"{int(of.known.max(initial=0))} at most",
            remedy="pass a longer history, or WalkForward(min_dates=...)",
        )
    frames = list(scores.values()) + ([] if prices is None else [prices])
    return Combination(
        scores=mark(pd.DataFrame(values, of.times, of.symbols), provenance(*frames)),
        weights=pd.DataFrame(weights, of.times, list(of.names)),
        through=pd.Series(
            [of.times[row] if row >= 0 else pd.NaT for row in through], of.times, name="through"
        ),
        method=method if isinstance(method, str) else type(method).__name__,
    )


def _learned(of: Lessons, walk: WalkForward, method: str, ridge: float) -> FloatArray:
    if method == "equal":
        return equal_weights(of)
    if method == "regression":
        return regression_weights(of, walk, ridge)
    if method in ("ic", "icir"):
        return ic_weights(of, walk, method)  # type: ignore[arg-type]
    raise InputError(
        "a method must be equal, ic, icir, regression or a model",
        value=method,
        remedy='pass "icir", or an object with fit and predict',
    )


def _weighed(of: Lessons, weights: FloatArray, least: int) -> FloatArray:
    """Return the weighted sum over the factors that are known, shape (time, symbol)."""
    import numpy as np

    known = np.isfinite(of.factors)
    by_factor = weights.T[:, :, None]
    total = (np.where(known, of.factors, 0.0) * by_factor).sum(axis=0)
    size = np.abs(by_factor)
    there = (size * known).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(there > 0, total * size.sum(axis=0) / there, np.nan)
    found[known.sum(axis=0) < least] = np.nan
    return np.asarray(found)


def _through(of: Lessons) -> Any:
    import numpy as np

    through = np.full(len(of.times), -1, dtype=np.intp)
    some = of.known > 0
    through[some] = of.taught[of.known[some] - 1]
    return through
