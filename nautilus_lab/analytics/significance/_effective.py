"""How many independent trials are in many that resemble each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from nautilus_lab.analytics.significance._deflated import _expected_max
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import FloatArray

    SingleArray: TypeAlias = NDArray[np.float32]

Method: TypeAlias = Literal["clusters", "maxima"]

# Below so many periods in common two trials are not compared: they count as independent.
_LEAST_COMMON = 20
# The correlations of as many trials, and what clusters them, take some 300 MB.
_MOST = 5_000
_DRAWS = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectiveTrials:
    """How many independent trials there were.

    Attributes
    ----------
    number : float
        The effective number; at most `n_trials`.
    n_trials : int
        All of them.
    method : {"clusters", "maxima"}
    weights : array of float64, shape (trial,)
        Of each trial where every independent one has the weight 1: one over the size of its
        cluster, or `number` over `n_trials`. They add up to `number`.
    n_compared : int
        Trials that were compared; of more than can be, a sample, and the others count as the
        sample's do.
    n_alone : int
        Trials that vary too little, or share too few periods with any other, to be compared.
    """

    number: float
    n_trials: int
    method: Method
    weights: FloatArray
    n_compared: int
    n_alone: int

    def __repr__(self) -> str:
        return f"EffectiveTrials({self.number:,.1f} of {self.n_trials:,}, by {self.method})"


def effective_trials(
    returns: pd.DataFrame,
    *,
    method: Method = "clusters",
    threshold: float = 0.9,
    most: int = _MOST,
    seed: int = 0,
) -> EffectiveTrials:
    r"""Count the independent trials among those whose returns are given.

    ``clusters``
        Hierarchical clustering with average linkage of :math:`1 - \rho`: two groups are one trial
        while the mean correlation between them is at least `threshold`. The idea of [1]_, with a
        cut that says that trials which do not resemble each other are as many as they are; a
        cut by silhouettes finds few groups in pure noise, and so too few trials.
    ``maxima``
        The number of independent trials whose best shows, in the mean, what the best of these
        shows when none has skill. Their joint distribution is drawn by Gaussian multipliers of
        the returns themselves [2]_, which keeps every correlation.

    Parameters
    ----------
    returns : DataFrame, shape (time, trial)
        NaN where a trial has no return. Trials that share fewer than 20 periods are not compared.
    method : {"clusters", "maxima"}, default="clusters"
    threshold : float, default=0.9
        Of "clusters". At 0.9 the count is seldom below what matters for the best of them: see the
        page on trials for how both methods do on trials of known number.
    most : int, default=5_000
        More trials than this are sampled for "clusters", and the number found is scaled by their
        share: the number in all of them is not higher, in the mean.
    seed : int, default=0
        Of samples and multipliers.

    Returns
    -------
    EffectiveTrials

    Raises
    ------
    InputError
        When an argument breaks a rule.
    NotEnoughData
        When there is no trial.
    BadData
        When a return is infinite.

    References
    ----------
    .. [1] López de Prado, M. and Lewis, M. (2019). Detection of False Investment Strategies Using
       Unsupervised Learning Methods. Quantitative Finance 19(9), 1555-1565.
    .. [2] Chernozhukov, V., Chetverikov, D. and Kato, K. (2013). Gaussian Approximations and
       Multiplier Bootstrap for Maxima of Sums. Annals of Statistics 41(6), 2786-2819.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> noise = np.random.default_rng(1).normal(size=(250, 2))
    >>> tried = pd.DataFrame({"a": noise[:, 0], "also a": 2 * noise[:, 0], "b": noise[:, 1]})
    >>> effective_trials(tried)
    EffectiveTrials(2.0 of 3, by clusters)
    """
    import numpy as np

    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused
        values = np.ascontiguousarray(returns.to_numpy(dtype=np.float64).T)
    return effective_of(values, method=method, threshold=threshold, most=most, seed=seed)


def effective_of(
    values: FloatArray,
    *,
    method: Method = "clusters",
    threshold: float = 0.9,
    most: int = _MOST,
    seed: int = 0,
) -> EffectiveTrials:
    """Count as `effective_trials` does, from an array of shape (trial, time)."""
    import numpy as np

    if method not in get_args(Method):
        raise InputError("the method must be known", value=method, remedy=str(get_args(Method)))
    if not 0 < threshold <= 1:
        raise InputError(
            "threshold must lie in (0, 1]", value=threshold, remedy="pass threshold=0.9"
        )
    if most < 2:
        raise InputError("at least 2 trials are compared", value=most, remedy="pass most=5_000")
    n = len(values)
    if not n:
        raise NotEnoughData("there must be a trial", value=0, remedy="pass at least one")
    if np.isinf(values).any():
        place = int(np.isinf(values).any(axis=1).argmax())
        raise BadData("returns must be finite or NaN", value=f"trial {place} is infinite")
    unit, known, usable = _standardised(values)
    rows = np.flatnonzero(usable)
    rng = np.random.default_rng(seed)
    if method == "maxima":
        return _by_maxima(unit[rows], n, rng)
    compared = rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
    sizes = _cluster_sizes(unit[compared], known[compared], threshold)
    weights = np.ones(n)
    found = float((1 / sizes).sum()) if len(sizes) else 0.0
    if len(compared) < len(rows):
        weights[rows] = found / len(compared)
    weights[compared] = 1 / sizes
    return EffectiveTrials(
        number=round(float(weights.sum()), 9),  # thirds of three are one
        n_trials=n,
        method=method,
        weights=weights,
        n_compared=len(compared),
        n_alone=n - len(rows),
    )


def _standardised(values: FloatArray) -> tuple[SingleArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return rows less their mean and of length one, 0 in gaps; what is known; what can be used."""
    import numpy as np

    known = ~np.isnan(values)
    count = known.sum(axis=1)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=1) / np.maximum(count, 1)
    centred = np.where(known, filled - mean[:, None], 0.0)
    length = np.sqrt((centred**2).sum(axis=1))
    # What is left of a constant series by rounding is not a variation.
    scale = np.abs(filled).max(axis=1) * np.sqrt(np.maximum(count, 1))
    usable = (count >= _LEAST_COMMON) & (length > 1e-12 * scale)
    length[~usable] = np.inf
    return (centred / length[:, None]).astype(np.float32), known, usable


def _cluster_sizes(unit: SingleArray, known: NDArray[np.bool_], threshold: float) -> FloatArray:
    """Return the size of each row's cluster."""
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage

    n = len(unit)
    if n < 2:
        return np.ones(n)
    apart = _distances(unit, known)
    label = fcluster(linkage(apart, "average"), 1 - threshold + 1e-6, "distance")
    _, which, counts = np.unique(label, return_inverse=True, return_counts=True)
    return np.asarray(counts[which], dtype=np.float64)


def _distances(unit: SingleArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return one less the correlation over common periods, of each pair, as scipy lays them out."""
    import numpy as np

    n = len(unit)
    whole = bool(known.all())
    mask = None if whole else known.astype(np.float32)
    squares = None if whole else unit * unit
    out = np.empty(n * (n - 1) // 2)
    begin = 0
    for first in range(0, n, 512):
        rows = slice(first, min(first + 512, n))
        if mask is None or squares is None:
            rho = unit[rows] @ unit[first:].T
        else:
            rho = _pairwise(unit, squares, mask, rows, slice(first, n))
        for place in range(len(rho)):
            line = rho[place, place + 1 :]
            out[begin : begin + len(line)] = line
            begin += len(line)
    np.subtract(1.0, out, out=out)
    return np.clip(out, 0.0, 2.0, out=out)


def _pairwise(
    unit: SingleArray, squares: SingleArray, mask: SingleArray, rows: slice, others: slice
) -> FloatArray:
    """Return correlations over the periods that both know; 0 where those are too few."""
    import numpy as np

    count = (mask[rows] @ mask[others].T).astype(np.float64)
    few = count < _LEAST_COMMON
    n = np.maximum(count, 1)
    left = (unit[rows] @ mask[others].T).astype(np.float64)
    right = (mask[rows] @ unit[others].T).astype(np.float64)
    cross = unit[rows] @ unit[others].T - left * right / n
    spread = np.sqrt(
        np.maximum(squares[rows] @ mask[others].T - left**2 / n, 0)
        * np.maximum(mask[rows] @ squares[others].T - right**2 / n, 0)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = cross / spread
    return np.where(few | (spread <= 1e-9), 0.0, rho)


def _by_maxima(unit: SingleArray, n: int, rng: np.random.Generator) -> EffectiveTrials:
    import numpy as np

    alone = n - len(unit)
    best = np.full(_DRAWS, -np.inf, np.float32)
    drawn = rng.standard_normal((unit.shape[1], _DRAWS), dtype=np.float32)
    for begin in range(0, len(unit), 4_096):
        np.maximum(best, (unit[begin : begin + 4_096] @ drawn).max(axis=0), out=best)
    number = _number_of(float(best.mean())) if len(unit) else 0.0
    number = min(number, float(len(unit))) + alone
    return EffectiveTrials(
        number=number,
        n_trials=n,
        method="maxima",
        weights=np.full(n, number / n),
        n_compared=len(unit),
        n_alone=alone,
    )


def _number_of(maximum: float) -> float:
    """Return how many independent normal numbers have a largest of this mean."""
    if maximum <= _expected_max(1):
        return 1.0
    low, high = 0.0, 50.0  # logarithms
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _expected_max(math.exp(middle)) < maximum else (low, middle)
    return math.exp(low)


def weighted_spread(weights: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Return the mean and the variance of `values` where every cluster weighs the same.

    NaN are left out. The variance has the divisor of independent trials, their number less one;
    0 when that is no more than 1.
    """
    import numpy as np

    good = np.isfinite(values)
    weigh, found = weights[good], values[good]
    total = float(weigh.sum())
    if total <= 0:
        return math.nan, 0.0
    mean = float(weigh @ found) / total
    if total <= 1:
        return mean, 0.0
    return mean, float(weigh @ (found - mean) ** 2) / (total - 1)
