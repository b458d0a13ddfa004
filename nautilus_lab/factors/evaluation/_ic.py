"""Information coefficients: their summary, decay, and how they differ by group and by period."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors._rank import average_ranks, rank_correlations, row_correlations
from nautilus_lab.factors.evaluation._newey_west import newey_west_t

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray
    from nautilus_lab.factors.evaluation._observations import Observations


def summarise(ic: pd.DataFrame) -> pd.DataFrame:
    """Return mean, deviation, ratio, t, share above zero and number of dates by horizon."""
    import numpy as np
    import pandas as pd

    rows = {}
    for bar, line in ic.items():
        values = np.array(line.dropna(), dtype=np.float64)
        deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        mean = float(values.mean()) if len(values) else math.nan
        rows[bar] = {
            "mean": mean,
            "std": deviation,
            "icir": mean / deviation if deviation else math.nan,
            "t": newey_west_t(values, int(str(bar)) - 1),
            "positive_share": float((values > 0).mean()) if len(values) else math.nan,
            "n_dates": len(values),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("horizon")


def decay(observations: Observations, horizons: Sequence[int]) -> pd.DataFrame:
    """Return how long scores foretell.

    Parameters
    ----------
    observations : Observations
    horizons : sequence of int
        Bars held.

    Returns
    -------
    DataFrame, shape (horizon, 4)
        ``ic``, its ``icir`` and its ``t`` (Newey and West, ``horizon - 1`` lags) for returns of the
        whole holding period, and ``bar_ic`` for the return of its last bar alone: what is still
        foretold so far out; NaN where no prices were given. Means over dates.
    """
    import pandas as pd

    score = observations.scores
    ranks = average_ranks(score)
    whole: dict[int, FloatArray] = {}
    last: dict[int, FloatArray] = {}
    for bar in horizons:
        whole[bar] = rank_correlations(score, ranks, observations.returns_ahead(bar))
        if bar == 1:
            last[bar] = whole[bar]
        elif observations.prices is not None:
            ahead = observations.returns_ahead(1, after=bar - 1)
            last[bar] = rank_correlations(score, ranks, ahead)
    found = summarise(pd.DataFrame(whole))[["mean", "icir", "t"]].rename(columns={"mean": "ic"})
    return found.assign(bar_ic=pd.DataFrame(last).mean().reindex(found.index))


def ic_by_group(observations: Observations) -> pd.DataFrame:
    """Return the summary of the IC within each group, shape ((group, horizon), 7).

    Returns
    -------
    DataFrame
        The columns of `summarise`, and ``names``, the median number of a date.

    Raises
    ------
    InputError
        When the study has no groups.
    """
    import numpy as np
    import pandas as pd

    if observations.labels is None:
        raise InputError("the study has no groups", remedy="pass groups={symbol: sector}")
    parts = {}
    for place, group in enumerate(observations.group_names):
        score = np.where(observations.labels == place, observations.scores, np.nan)
        ranks = average_ranks(score)
        counts = np.isfinite(score).sum(axis=1)
        by_bar: dict[int, FloatArray] = {
            bar: rank_correlations(
                score, ranks, np.where(np.isfinite(score), observations.ahead(bar), np.nan)
            )
            for bar in observations.horizons
        }
        names = float(np.median(counts[counts > 0])) if counts.any() else 0.0
        parts[group] = summarise(pd.DataFrame(by_bar)).assign(names=names)
    table: pd.DataFrame = pd.concat(parts, names=["group", "horizon"])
    return table


def ic_by_period(ic: pd.DataFrame, period: Literal["year", "month"]) -> pd.DataFrame:
    """Return the mean IC of each calendar year or month, by the date of the score.

    Parameters
    ----------
    ic : DataFrame, shape (time, horizon)
    period : {"year", "month"}

    Returns
    -------
    DataFrame, shape (year, horizon) or ((year, month), horizon)

    Raises
    ------
    InputError
        When `period` is neither.
    """
    import pandas as pd

    times = pd.DatetimeIndex(ic.index)
    if period == "year":
        return ic.groupby(times.year.rename("year")).mean()
    if period == "month":
        return ic.groupby([times.year.rename("year"), times.month.rename("month")]).mean()
    raise InputError("a period must be a year or a month", value=period, remedy='pass "month"')


def rank_autocorrelation(observations: Observations, *, lag: int = 1) -> pd.Series[float]:
    """Return the correlation of each date's ranks with those of `lag` dates before.

    Parameters
    ----------
    observations : Observations
    lag : int, default=1
        Dates of scores, not bars.

    Returns
    -------
    Series, shape (time,)
        Pearson's correlation of the ranks over names that both dates have; near 1 for a factor that
        trades little.

    Raises
    ------
    InputError
        When `lag` is less than 1.
    """
    import numpy as np
    import pandas as pd

    if not lag >= 1:
        raise InputError("a lag must be at least 1", value=lag, remedy="pass lag=1")
    rows = np.isfinite(observations.scores).any(axis=1)
    ranks = average_ranks(observations.scores[rows])
    found = row_correlations(ranks[lag:], ranks[:-lag])
    return pd.Series(found, observations.times[rows][lag:], name="rank_autocorrelation")
