"""Models that learn how factors combine: anything with `fit` and `predict`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

from nautilus_lab.exceptions import BadData

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray
    from nautilus_lab.factors.combination._walk import Lessons, WalkForward


class Model(Protocol):
    """The protocol of scikit-learn's regressors."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803  # scikit-learn's own name
        """Learn to foretell `y` from `X`."""
        ...

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Foretell from `X`."""
        ...


def predict_forward(
    of: Lessons, walk: WalkForward, model: Model, min_factors: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Fit copies of a model as time goes on, each to the past, and let each foretell what follows.

    A copy is fitted every `WalkForward.refit` dates to the lessons that may be known then: a row
    for each date and name, the factors beside the return that followed less its mean of that date.

    Parameters
    ----------
    of : Lessons
    walk : WalkForward
    model : Model
        Left as it is.
    min_factors : int
        A name is learned from, and foretold, when so many of its factors are known; the model
        sees NaN for the others.

    Returns
    -------
    scores : ndarray, shape (time, symbol)
    weights : ndarray, shape (time, factor)
        ``coef_`` or ``feature_importances_`` of the copy that was used, NaN when it has neither.
    through : ndarray of int, shape (time,)
        The last date learned from; -1 where there was no model.

    Raises
    ------
    BadData
        When a model does not foretell one number a row.
    """
    import numpy as np

    assert of.ahead is not None
    n, count = len(of.times), len(of.names)
    scores = np.full((n, len(of.symbols)), np.nan)
    weights = np.full((n, count), np.nan)
    through = np.full(n, -1, dtype=np.intp)
    ready = np.isfinite(of.factors).sum(axis=0) >= min_factors
    ready &= np.isfinite(of.factors).any(axis=0)
    fitted: Model | None = None
    learned, age = -1, 0
    for date in range(n):
        if of.known[date] < walk.min_dates:
            continue
        if fitted is None or age >= walk.refit:
            dates = of.taught[max(0, of.known[date] - walk.window) : of.known[date]]
            x, y = _rows(of, dates, ready)
            if not len(y):
                continue
            fitted, age, learned = copy.deepcopy(model), 0, int(dates[-1])
            fitted.fit(x, y)
        age += 1
        through[date] = learned
        weights[date] = _weights(fitted, count)
        among = ready[date]
        if among.any():
            said = np.asarray(fitted.predict(of.factors[:, date, among].T), dtype=np.float64)
            if said.shape != (int(among.sum()),) or not np.isfinite(said).all():
                raise BadData(
                    "a model must foretell one finite number a row",
                    value=f"shape {said.shape} for {int(among.sum())} rows",
                    remedy="pass a regressor of one target",
                )
            scores[date, among] = said
    return scores, weights, through


def _rows(of: Lessons, dates: IntArray, ready: Any) -> tuple[FloatArray, FloatArray]:
    import numpy as np

    assert of.ahead is not None
    ahead = np.where(ready[dates], of.ahead[dates], np.nan)
    count = np.isfinite(ahead).sum(axis=1, keepdims=True)
    mean = np.nansum(ahead, axis=1, keepdims=True) / np.maximum(count, 1)
    among = np.isfinite(ahead)
    return of.factors[:, dates][:, among].T, (ahead - mean)[among]


def _weights(model: Model, count: int) -> FloatArray:
    import numpy as np

    for name in ("coef_", "feature_importances_"):
        found = getattr(model, name, None)
        if found is not None and np.size(found) == count:
            return np.asarray(found, dtype=np.float64).ravel()
    return np.full(count, np.nan)
