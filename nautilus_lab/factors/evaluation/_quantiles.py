"""Returns by quantile: errors, the spread, whether they rise from one to the next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors._rank import bucket_means
from nautilus_lab.factors.evaluation._newey_west import newey_west_error

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray
    from nautilus_lab.factors.evaluation._observations import Observations


def quantile_means(observations: Observations, bar: int) -> FloatArray:
    """Return the mean return of each quantile on each date, shape (time, quantile)."""
    return bucket_means(observations.ahead(bar), observations.bucket, observations.quantiles)


def quantile_table(observations: Observations, *, by_group: bool = False) -> pd.DataFrame:
    """Return the mean of each quantile's returns over dates, with its error.

    Parameters
    ----------
    observations : Observations
    by_group : bool, default=False
        Of each group by itself; the quantiles are those of all names.

    Returns
    -------
    DataFrame, shape ((horizon, quantile), 4), led by the group when asked for
        ``mean``; ``error``, its standard error by Newey and West with ``horizon - 1`` lags;
        ``hit_rate``, the share of dates above zero; ``n_dates``.

    Raises
    ------
    InputError
        When groups are asked for and the study has none.
    """
    import numpy as np
    import pandas as pd

    if by_group:
        if observations.labels is None:
            raise InputError("the study has no groups", remedy="pass groups={symbol: sector}")
        parts = {
            group: _table(observations, np.asarray(observations.labels == place))
            for place, group in enumerate(observations.group_names)
        }
        table: pd.DataFrame = pd.concat(parts, names=["group", "horizon", "quantile"])
        return table
    return _table(observations, None)


def _table(observations: Observations, among: object) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    rows: dict[tuple[int, int], dict[str, float]] = {}
    for bar in observations.horizons:
        bucket = observations.bucket
        if among is not None:
            bucket = np.where(among, bucket, np.nan)  # type: ignore[call-overload]
        means = bucket_means(observations.ahead(bar), bucket, observations.quantiles)
        for place in range(observations.quantiles):
            values = means[np.isfinite(means[:, place]), place]
            rows[bar, place + 1] = {
                "mean": float(values.mean()) if len(values) else math.nan,
                "error": newey_west_error(values, bar - 1),
                "hit_rate": float((values > 0).mean()) if len(values) else math.nan,
                "n_dates": len(values),
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["horizon", "quantile"])
    return table


def spread_table(spread: pd.DataFrame) -> pd.DataFrame:
    """Return mean, error, t, hit rate and number of dates of the spread by horizon.

    Parameters
    ----------
    spread : DataFrame, shape (time, horizon)
        Top quantile less bottom one.

    Returns
    -------
    DataFrame, shape (horizon, 5)
        ``mean``, ``error`` (Newey and West, ``horizon - 1`` lags), ``t``, ``hit_rate``,
        ``n_dates``.
    """
    import numpy as np
    import pandas as pd

    rows = {}
    for bar, line in spread.items():
        values = np.array(line.dropna(), dtype=np.float64)
        error = newey_west_error(values, int(str(bar)) - 1)
        mean = float(values.mean()) if len(values) else math.nan
        rows[bar] = {
            "mean": mean,
            "error": error,
            "t": mean / error,
            "hit_rate": float((values > 0).mean()) if len(values) else math.nan,
            "n_dates": len(values),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("horizon")


def monotonicity(observations: Observations, *, draws: int = 1_000, seed: int = 0) -> pd.DataFrame:
    r"""Return whether returns rise from each quantile to the next.

    The test is that of Patton and Timmermann [1]_: the null is that some step
    :math:`\Delta_i = \mu_{i} - \mu_{i-1}` is not above zero, the statistic the smallest step,
    :math:`J = \min_i \hat\Delta_i`, and its law under the null comes from the stationary
    bootstrap [2]_ of dates, centred: :math:`\min_i (\hat\Delta_i^{(b)} - \hat\Delta_i)`. Mean
    block length is the horizon or the cube root of the number of dates, whichever is more.

    Parameters
    ----------
    observations : Observations
    draws : int, default=1000
        Samples of the bootstrap.
    seed : int, default=0
        Where its random numbers begin.

    Returns
    -------
    DataFrame, shape (horizon, 4)
        ``spearman``, the rank correlation of quantile number and mean return; ``steps_up``, the
        share of steps above zero; ``smallest_step``; ``p_value``, small when returns rise with
        each quantile. NaN where fewer than 2 dates have all quantiles.

    Raises
    ------
    InputError
        When `draws` is less than 1.

    References
    ----------
    .. [1] Patton, A. J. and Timmermann, A. (2010). Monotonicity in Asset Returns: New Tests with
       Applications to the Term Structure, the CAPM and Portfolio Sorts. Journal of Financial
       Economics 98(3), 605-625.
    .. [2] Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap. Journal of the
       American Statistical Association 89(428).
    """
    import numpy as np
    import pandas as pd

    from nautilus_lab.factors._rank import average_ranks, row_correlations

    if not draws >= 1:
        raise InputError("a bootstrap needs a draw", value=draws, remedy="pass draws=1000")
    rows = {}
    for bar in observations.horizons:
        means = quantile_means(observations, bar)
        means = means[np.isfinite(means).all(axis=1)]
        if len(means) < 2:
            names = ("spearman", "steps_up", "smallest_step", "p_value")
            rows[bar] = dict.fromkeys(names, math.nan)
            continue
        level = means.mean(axis=0)
        steps = np.diff(level)
        order = np.arange(1.0, len(level) + 1)[None, :]
        block = max(bar, round(len(means) ** (1 / 3)))
        samples = bootstrap_means(means, draws=draws, block=block, seed=seed)
        drawn = np.diff(samples, axis=1) - steps
        rows[bar] = {
            "spearman": float(row_correlations(order, average_ranks(level[None, :]))[0]),
            "steps_up": float((steps > 0).mean()),
            "smallest_step": float(steps.min()),
            "p_value": float((drawn.min(axis=1) > steps.min()).mean()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("horizon")


def bootstrap_means(values: FloatArray, *, draws: int, block: int, seed: int) -> FloatArray:
    """Return the means of samples of the stationary bootstrap.

    Parameters
    ----------
    values : ndarray, shape (n, columns)
        Finite.
    draws : int
    block : int
        Mean length of the blocks, which run on from the last row to the first.
    seed : int

    Returns
    -------
    ndarray, shape (draws, columns)
    """
    import numpy as np

    n = len(values)
    rng = np.random.default_rng(seed)
    # Sums up to each row of the values twice over: a block's sum is a difference of two.
    sums = np.zeros((2 * n + 1, values.shape[1]))
    np.cumsum(np.vstack([values, values]), axis=0, out=sums[1:])
    expected = n / block
    count = int(expected + 8 * expected**0.5 + 8)
    means = np.empty((draws, values.shape[1]))
    for begin in range(0, draws, 256):
        some = min(256, draws - begin)
        ends = np.minimum(np.cumsum(rng.geometric(1 / block, (some, count)), axis=1), n)
        # Eight deviations more than enough blocks; the last fills what may be left all the same.
        ends[:, -1] = n
        lengths = np.diff(ends, axis=1, prepend=0)
        first = rng.integers(0, n, lengths.shape)
        means[begin : begin + some] = (sums[first + lengths] - sums[first]).sum(axis=1) / n
    return means
