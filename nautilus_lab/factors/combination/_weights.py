"""Weights of factors, learned from what they foretold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from nautilus_lab.factors._rank import average_ranks, rank_correlations

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.factors.combination._walk import Lessons, WalkForward


def equal_weights(of: Lessons) -> FloatArray:
    """Return the same weight for each factor on each date, shape (time, factor)."""
    import numpy as np

    return np.full((len(of.times), len(of.names)), 1.0 / len(of.names))


def ic_weights(of: Lessons, walk: WalkForward, method: Literal["ic", "icir"]) -> FloatArray:
    """Return weights in proportion to the mean IC of the past, or to its mean over its deviation.

    Returns
    -------
    ndarray, shape (time, factor)
        Sizes sum to 1; a factor that foretold the wrong way weighs below 0. NaN before
        `WalkForward.min_dates` lessons.
    """
    import numpy as np

    assert of.ahead is not None
    ahead = of.ahead[of.taught]
    columns = []
    for factor in of.factors:
        score = np.where(np.isfinite(ahead), factor[of.taught], np.nan)
        columns.append(rank_correlations(score, average_ranks(score), ahead))
    means, deviations = _rolled(np.column_stack(columns), walk)
    found = _as_known(means if method == "ic" else means / deviations, of)
    size = np.abs(found).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(size > 0, found / size, np.nan))


def regression_weights(of: Lessons, walk: WalkForward, ridge: float) -> FloatArray:
    r"""Return mean slopes of cross-sectional regressions of the past, as Fama and MacBeth [1]_.

    On each date returns are regressed on all factors and a constant over the names that have all;
    with `ridge` :math:`\\lambda` above 0 by :math:`(X'X + \\lambda n I)^{-1} X'y`, both sides less
    their means.

    Returns
    -------
    ndarray, shape (time, factor)
        Return per unit of the factor. NaN before `WalkForward.min_dates` lessons.

    References
    ----------
    .. [1] Fama, E. F. and MacBeth, J. D. (1973). Risk, Return, and Equilibrium: Empirical Tests.
       Journal of Political Economy 81(3), 607-636.
    """
    import numpy as np

    assert of.ahead is not None
    count = len(of.names)
    slopes = np.full((len(of.taught), count), np.nan)
    for row, date in enumerate(of.taught):
        x, y = of.factors[:, date].T, of.ahead[date]
        among = np.isfinite(x).all(axis=1) & np.isfinite(y)
        n = int(among.sum())
        if n <= count + 1:
            continue
        off = x[among] - x[among].mean(axis=0)
        up = y[among] - y[among].mean()
        if ridge > 0:
            slopes[row] = np.linalg.solve(off.T @ off + ridge * n * np.eye(count), off.T @ up)
        else:
            # The shortest of all that fit, where factors say the same.
            slopes[row] = np.linalg.lstsq(off, up, rcond=None)[0]
    return _as_known(_rolled(slopes, walk)[0], of)


def _rolled(lines: FloatArray, walk: WalkForward) -> tuple[FloatArray, FloatArray]:
    """Return the moving mean and sample deviation of each column over the latest lessons."""
    import pandas as pd

    window = pd.DataFrame(lines).rolling(walk.window, min_periods=walk.min_dates)
    return window.mean().to_numpy(), window.std().to_numpy()


def _as_known(lines: FloatArray, of: Lessons) -> FloatArray:
    """Return for each date the line of the latest lesson that it may know."""
    import numpy as np

    found = np.full((len(of.times), lines.shape[1]), math.nan)
    some = of.known > 0
    found[some] = lines[of.known[some] - 1]
    # Weights of some factors and not of others are none.
    found[np.isnan(found).any(axis=1)] = math.nan
    return found
