"""Whether scores foretold the returns that followed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors._forward import forward_returns
from nautilus_lab.factors._rank import average_ranks, bucket_means, buckets, row_correlations
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.trials import Study, open_study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import FloatArray, Prices, Scores
    from nautilus_lab.factors._trials import Definition

    BoolArray = NDArray[np.bool_]

# Below this the correlation of one date is mostly noise: its standard error is 1 / sqrt(n - 1).
_FEW_NAMES = 50


def evaluate(
    scores: Scores,
    prices: Prices,
    *,
    horizons: Sequence[int] = (1, 5, 21),
    quantiles: int = 5,
    delay: int = 1,
    study: Study | str | None = None,
    definition: Definition | None = None,
) -> FactorStudy:
    """Study how well scores foretell returns.

    A score known at the close of a date is traded at the next close (`delay` 1), the convention
    for data with closes only, and held for each horizon.

    Parameters
    ----------
    scores : DataFrame, shape (time, symbol)
        Higher is better; NaN where not known.
    prices : DataFrame, shape (time, symbol)
        Closes, finite and positive. Symbols and times that only one of the two frames has are
        left out, and counted in `FactorStudy.dropped`.
    horizons : sequence of int, default=(1, 5, 21)
        Holding periods in bars.
    quantiles : int, default=5
        How many groups of equal size the names of a date are cut into; at least 2.
    delay : int, default=1
        Bars between signal and trade. 0 is kinder than any market, and the study says so.
    study : Study or str, optional
        Where each horizon is recorded as a trial: a name in the ledger of the workspace, or
        ``ledger.study(name)``; see `nautilus_lab.trials`.
    definition : FactorDefinition, str or callable, optional
        What the scores were made by, recorded with them, so that the trial can be made again: an
        expression of ``close`` and ``returns``, or a function of prices, with its settings as in
        ``functools.partial(momentum, window=252)``.

    Returns
    -------
    FactorStudy

    Raises
    ------
    InputError
        When `horizons`, `quantiles` or `delay` break a rule, or scores and prices share no
        symbol.
    NotEnoughData
        When, for some horizon, no date has `quantiles` different scored names and a known future.
    BadData
        When a price is NaN, infinite or not positive, a score infinite, or times unsorted.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=6, tz="UTC")
    >>> growth = {"A": 1.03, "B": 1.02, "C": 1.01, "D": 1.00}
    >>> prices = pd.DataFrame({s: [100 * g**t for t in range(6)] for s, g in growth.items()}, days)
    >>> scores = prices / prices.shift(1) - 1
    >>> study = evaluate(scores, prices, horizons=[1], quantiles=2)
    >>> study
    FactorStudy(ic={1: 1.0000}, 3 dates, 4 names)
    >>> study.quantile_returns[1].round(4).to_dict()
    {1: 0.005, 2: 0.025}
    """
    import numpy as np
    import pandas as pd

    recorded = None if study is None else open_study(study)
    if not quantiles >= 2:
        raise InputError("quantiles must be at least 2", value=quantiles, remedy="pass quantiles=5")
    known = require_scores(scores)
    forward = forward_returns(prices, horizons, delay=delay)
    priced = next(iter(forward.values()))
    names = [symbol for symbol in known.columns if symbol in priced.columns]
    if not names:
        raise InputError(
            "scores and prices must share symbols",
            value=f"scores of {', '.join(map(str, known.columns[:3]))}, "
            f"prices of {', '.join(map(str, priced.columns[:3]))}",
            remedy="make the scores from these prices",
        )
    score = np.array(known[names], dtype=np.float64)
    has_prices = known.index.isin(priced.index)
    n_scored = np.isfinite(score).sum(axis=1)
    varies = _varies(score)
    eligible = has_prices & (n_scored >= quantiles) & varies

    futures, usable = {}, {}
    for bar, frame in forward.items():
        futures[bar] = np.array(frame[names].reindex(known.index), dtype=np.float64)
        # Prices have no gaps, so a future is known for every name of a row or for none.
        usable[bar] = eligible & np.isfinite(futures[bar][:, 0])
        if not usable[bar].any():
            raise NotEnoughData(
                f"a study needs a date with {quantiles} scored names, not all equal, and prices "
                f"{bar} + {delay} bars later",
                value=f"at most {int(n_scored.max())} names on {len(known)} dates",
                remedy="pass a longer history, fewer quantiles or a shorter horizon",
            )
    dropped = {
        bar: _dropped(known.shape, np.isfinite(score), has_prices, n_scored, varies, quantiles, use)
        for bar, use in usable.items()
    }

    score[~eligible] = np.nan
    ranks = average_ranks(score)
    bucket = buckets(ranks, quantiles)
    spearman, pearson, means = {}, {}, {}
    for bar, future in futures.items():
        future[np.isnan(score) | ~usable[bar][:, None]] = np.nan
        spearman[bar] = row_correlations(ranks, average_ranks(future))
        pearson[bar] = row_correlations(score, future)
        means[bar] = bucket_means(future, bucket, quantiles)

    rows = np.logical_or.reduce(list(usable.values()))
    times = known.index[rows]
    columns = pd.Index(list(forward), name="horizon")
    groups = pd.Index(range(1, quantiles + 1), name="quantile")

    def over_time(by_bar: dict[int, FloatArray]) -> pd.DataFrame:
        return pd.DataFrame({bar: by_bar[bar][rows] for bar in by_bar}, times).rename_axis(
            columns="horizon"
        )

    ic = over_time(spearman)
    n_names = int(np.median(n_scored[rows]))
    answer = FactorStudy(
        ic=ic,
        pearson_ic=over_time(pearson),
        ic_summary=_summary(ic),
        quantile_returns=pd.DataFrame(
            {bar: pd.DataFrame(mean[usable[bar]]).mean().to_numpy() for bar, mean in means.items()},
            groups,
        ).rename_axis(columns="horizon"),
        spread=over_time({bar: mean[:, -1] - mean[:, 0] for bar, mean in means.items()}),
        turnover=_turnover(bucket[eligible], known.index[eligible], groups),
        dropped=pd.DataFrame(dropped).reindex(columns=columns).rename_axis("reason"),
        n_names=n_names,
        delay=delay,
        provenance=_marks(scores, prices, n_names, delay),
    )
    if recorded is None:
        return answer
    from nautilus_lab.factors._trials import record_study

    settings = {"horizons": horizons, "quantiles": quantiles, "delay": delay}
    trials = record_study(recorded, answer, scores, prices, settings, definition)
    return dataclasses.replace(answer, trials=trials)


def newey_west_t(values: FloatArray, lag: int) -> float:
    r"""Return the t statistic of the mean of a series that correlates with itself [1]_.

    The variance of the mean with Bartlett weights :math:`1 - l / (L + 1)` on the autocovariances
    of lags :math:`l = 1 \dots L`, times :math:`n / (n - 1)`.

    Parameters
    ----------
    values : ndarray, shape (n,)
    lag : int
        :math:`L`; 0 is the ordinary t statistic.

    Returns
    -------
    float
        NaN for fewer than 2 values or values that do not vary.

    References
    ----------
    .. [1] Newey, W. K. and West, K. D. (1987). A Simple, Positive Semi-Definite,
       Heteroskedasticity and Autocorrelation Consistent Covariance Matrix. Econometrica 55(3).
    """
    n = len(values)
    if n < 2 or values.min() == values.max():
        return math.nan
    errors = values - values.mean()
    variance = float(errors @ errors)
    for step in range(1, min(lag, n - 1) + 1):
        variance += 2 * (1 - step / (lag + 1)) * float(errors[step:] @ errors[:-step])
    deviation = math.sqrt(max(variance, 0.0) / (n * (n - 1)))
    return float(values.mean()) / deviation if deviation else math.nan


def _varies(score: FloatArray) -> BoolArray:
    import numpy as np

    known = np.isfinite(score)
    low = np.where(known, score, np.inf).min(axis=1)
    return np.asarray(np.where(known, score, -np.inf).max(axis=1) > low)


def _dropped(
    shape: tuple[int, ...],
    scored: BoolArray,
    has_prices: BoolArray,
    n_scored: NDArray[np.intp],
    varies: BoolArray,
    quantiles: int,
    usable: BoolArray,
) -> pd.Series[int]:
    """Count the scores by the first reason for which they were not used."""
    import pandas as pd

    enough = n_scored >= quantiles
    per_row = scored.sum(axis=1)
    counts = {
        "no prices of the symbol": shape[0] * shape[1] - scored.size,
        "no score: warm-up or missing": int((~scored).sum()),
        "no prices of the date": int(per_row[~has_prices].sum()),
        "fewer names than quantiles that date": int(per_row[has_prices & ~enough].sum()),
        "all scores equal that date": int(per_row[has_prices & enough & ~varies].sum()),
        "future not known: end of the prices": int(
            per_row[has_prices & enough & varies & ~usable].sum()
        ),
        "used": int(per_row[usable].sum()),
    }
    return pd.Series(counts)


def _summary(ic: pd.DataFrame) -> pd.DataFrame:
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


def _turnover(
    bucket: FloatArray, times: pd.Index[pd.Timestamp], groups: pd.Index[int]
) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    columns = {}
    for place, group in enumerate(groups):
        inside = bucket == place
        sizes = inside[1:].sum(axis=1)
        stayed = (inside[1:] & inside[:-1]).sum(axis=1)
        columns[group] = np.where(sizes > 0, 1 - stayed / np.maximum(sizes, 1), np.nan)
    return pd.DataFrame(columns, times[1:]).rename_axis(columns="quantile")


def _marks(scores: Scores, prices: Prices, n_names: int, delay: int) -> Provenance:
    marks = provenance(scores, prices)
    notices = list(marks.notices)
    if n_names < _FEW_NAMES:
        notices.append(f"Evaluation on {n_names} names: weak statistical power.")
    if delay == 0:
        notices.append("Traded at the close that made the signal (delay 0): no market is so kind.")
    return dataclasses.replace(marks, notices=tuple(notices))
