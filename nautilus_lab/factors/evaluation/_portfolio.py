"""The book that a factor makes: long what it likes, short what it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.evaluation._neutral import group_means
from nautilus_lab.provenance import Provenance, mark

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, IntArray, ReturnSeries, TargetWeights
    from nautilus_lab.analytics import Performance
    from nautilus_lab.factors.evaluation._observations import Observations

Weighting: TypeAlias = Literal["score", "rank", "quantile"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorPortfolio:
    """What a long-short book of a factor would have earned.

    Attributes
    ----------
    weights : DataFrame, shape (time, symbol)
        Fractions of equity from each close to the next; they sum to 0, their sizes to 1 at most.
    returns : Series, shape (time,)
        Simple returns after costs, fractions, at the close where they were earned.
    gross_returns : Series, shape (time,)
        Before costs.
    universe : Series, shape (time,)
        Mean return of the scored names, equally weighted, at the same times.
    quantile_returns : DataFrame, shape (time, quantile)
        Mean return of the names in each quantile, equally weighted and held alike.
    turnover : Series, shape (time,)
        Sum of the sizes of what was traded, both sides, as a fraction of equity. Trades that keep
        weights where prices moved them are not in it.
    cost_bps : float
        What a trade costs, in hundredths of a percent of its value.
    not_priced : float
        Mean share of the book without a price at the next close; it earned 0 there.
    provenance : Provenance
        Where scores and prices came from.
    """

    weights: TargetWeights = field(repr=False)
    returns: ReturnSeries = field(repr=False)
    gross_returns: ReturnSeries = field(repr=False)
    universe: ReturnSeries = field(repr=False)
    quantile_returns: pd.DataFrame = field(repr=False)
    turnover: pd.Series[float] = field(repr=False)
    cost_bps: float
    not_priced: float
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    @property
    def breakeven_bps(self) -> float:
        """Cost of a trade, in basis points of its value, that would eat the mean return.

        NaN when nothing was traded; negative when the book lost before costs.
        """
        traded = float(self.turnover.mean())
        return float(self.gross_returns.mean()) / traded * 1e4 if traded else math.nan

    def performance(self, *, periods_per_year: float, risk_free: float = 0.0) -> Performance:
        """Measure the returns after costs, with alpha and beta against the universe.

        Parameters
        ----------
        periods_per_year : float
            252 for trading days.
        risk_free : float, default=0.0
            A yearly rate, a fraction.

        Raises
        ------
        NotEnoughData
            When there are fewer than 3 returns.
        """
        from nautilus_lab.analytics import performance

        return performance(
            mark(self.returns, self.provenance),
            periods_per_year=periods_per_year,
            benchmark=self.universe,
            risk_free=risk_free,
        )


def score_weights(
    observations: Observations, weighting: Weighting, *, by_group: bool = False
) -> FloatArray:
    """Return the weights that each date's scores ask for, shape (time, symbol).

    Parameters
    ----------
    observations : Observations
    weighting : {"score", "rank", "quantile"}
        In proportion to the score or its rank, less their mean; or equal in the top quantile,
        and short the bottom one.
    by_group : bool, default=False
        Within each group, which then all weigh the same; no group is long or short as a whole.

    Returns
    -------
    ndarray
        Sizes sum to 1; 0 where a name is not held, NaN on a date without scores.

    Raises
    ------
    InputError
        When `weighting` is none of these, or the study has no groups.
    """
    import numpy as np

    from nautilus_lab.factors._rank import average_ranks

    scores = observations.scores
    if weighting == "quantile":
        top, bottom = observations.quantiles - 1, 0
        side = np.where(observations.bucket == top, 1.0, 0.0)
        side[observations.bucket == bottom] = -1.0
        values = np.where(np.isfinite(scores), side, np.nan)
    elif weighting == "rank":
        values = average_ranks(scores)
    elif weighting == "score":
        values = scores
    else:
        raise InputError(
            "weights go by score, rank or quantile", value=weighting, remedy='pass "score"'
        )
    labels: IntArray = np.zeros(scores.shape, dtype=np.intp)
    if by_group:
        if observations.labels is None:
            raise InputError("the study has no groups", remedy="pass groups={symbol: sector}")
        labels = observations.labels
        values = np.where(labels >= 0, values, np.nan)
    if weighting == "quantile":
        # Each side by itself: they need not have as many names.
        long, short = (np.where(values == sign, 1.0, np.nan) for sign in (1.0, -1.0))
        weights = _shares(long, labels) - _shares(short, labels)
        weights[~_both(long, short, labels)] = 0.0
    else:
        off = values - group_means(values, labels)
        size = group_means(np.abs(off), labels)
        with np.errstate(invalid="ignore", divide="ignore"):
            weights = np.where(size > 0, off / (size * _sizes(values, labels)), 0.0)
    total = np.abs(weights).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.where(total > 0, weights / total, 0.0)
    weights[~np.isfinite(scores).any(axis=1)] = np.nan
    return np.asarray(weights)


def _sizes(values: FloatArray, labels: IntArray) -> FloatArray:
    """Return how many known names each one's group has on its date, at least 1."""
    import numpy as np

    known = np.isfinite(values) & (labels >= 0)
    count = int(labels.max(initial=0)) + 1
    flat = (np.arange(len(values))[:, None] * count + labels)[known]
    found = np.ones(values.shape)
    found[known] = np.bincount(flat, minlength=len(values) * count)[flat]
    return found


def _shares(side: FloatArray, labels: IntArray) -> FloatArray:
    import numpy as np

    return np.where(np.isfinite(side), 1.0 / _sizes(side, labels), 0.0)


def _both(long: FloatArray, short: FloatArray, labels: IntArray) -> Any:
    """Tell where a name's group has names on both sides that day."""
    import numpy as np

    count = int(labels.max(initial=0)) + 1
    cells = np.arange(len(labels))[:, None] * count + np.maximum(labels, 0)
    sides = []
    for side in (long, short):
        known = np.isfinite(side) & (labels >= 0)
        sides.append(np.bincount(cells[known], minlength=len(labels) * count)[cells] > 0)
    return sides[0] & sides[1]


def portfolio(
    observations: Observations,
    *,
    weighting: Weighting = "score",
    neutral: Literal["dollar", "group"] = "dollar",
    holding: int = 1,
    cost_bps: float = 0.0,
    provenance: Provenance | None = None,
) -> FactorPortfolio:
    """Return what a long-short book of the factor would have earned.

    The book is traded `delay` bars after each signal and held till the next one; with `holding`
    above 1 it is the mean of the books of so many latest signals [1]_. The last signal is held as
    long as signals lie apart.

    Parameters
    ----------
    observations : Observations
    weighting : {"score", "rank", "quantile"}, default="score"
        See `score_weights`.
    neutral : {"dollar", "group"}, default="dollar"
        As much long as short; within each group, too.
    holding : int, default=1
        Over how many signals a book is built up and held.
    cost_bps : float, default=0.0
        What a trade costs, in hundredths of a percent of its value.
    provenance : Provenance, optional
        Carried by the answer.

    Raises
    ------
    InputError
        When an argument breaks a rule, or the study has no groups.
    NotEnoughData
        When forward returns came with the scores and those of one bar are not among them.

    References
    ----------
    .. [1] Jegadeesh, N. and Titman, S. (1993). Returns to Buying Winners and Selling Losers.
       Journal of Finance 48(1), 65-91.
    """
    import numpy as np
    import pandas as pd

    if not holding >= 1:
        raise InputError("a book is held for a signal at least", value=holding, remedy="holding=1")
    if not cost_bps >= 0:
        raise InputError("a cost must not be negative", value=cost_bps, remedy="cost_bps=5")
    if neutral not in ("dollar", "group"):
        raise InputError("a book is neutral to dollar or group", value=neutral, remedy='"dollar"')
    weights = score_weights(observations, weighting, by_group=neutral == "group")
    signals = np.isfinite(weights[:, 0]) if weights.shape[1] else np.zeros(0, dtype=bool)
    weights = weights[signals]
    held = weights.copy()
    for back in range(1, min(holding, len(held))):
        held[back:] += weights[:-back]
    held /= np.minimum(np.arange(len(held)) + 1, holding)[:, None]
    place, returns, times = _bars(observations, signals)
    book, bucket = held[place], observations.bucket[signals][place]
    lost = np.isnan(returns)
    gross = np.where(lost, 0.0, book * np.where(lost, 0.0, returns)).sum(axis=1)
    scored = np.isfinite(observations.scores[signals][place]) & ~lost
    with np.errstate(invalid="ignore", divide="ignore"):
        universe = np.where(scored, returns, 0.0).sum(axis=1) / scored.sum(axis=1)
    traded = np.abs(np.diff(book, axis=0, prepend=np.zeros((1, book.shape[1])))).sum(axis=1)
    size = np.abs(book).sum(axis=1)

    from nautilus_lab.factors._rank import bucket_means

    def over_time(values: FloatArray, name: str) -> pd.Series[float]:
        return pd.Series(values, times, name=name)

    return FactorPortfolio(
        weights=pd.DataFrame(book, times, observations.symbols),
        returns=over_time(gross - traded * cost_bps / 1e4, "returns"),
        gross_returns=over_time(gross, "returns before costs"),
        universe=over_time(universe, "universe"),
        quantile_returns=pd.DataFrame(
            bucket_means(returns, bucket, observations.quantiles),
            times,
            pd.Index(range(1, observations.quantiles + 1), name="quantile"),
        ),
        turnover=over_time(traded, "turnover"),
        cost_bps=cost_bps,
        not_priced=float((np.abs(book) * lost).sum() / size.sum()) if size.any() else 0.0,
        provenance=provenance or Provenance(),
    )


def _bars(observations: Observations, signals: Any) -> tuple[IntArray, FloatArray, Any]:
    """Return for each bar the place of the signal that is held, returns, and when earned."""
    import numpy as np

    if observations.prices is None:
        returns = observations.earned(1)[signals]
        rows = np.isfinite(returns).any(axis=1)
        return np.flatnonzero(rows), returns[rows], observations.times[signals][rows]
    prices, times = observations.prices, observations.price_times
    assert times is not None
    traded = observations.entry[signals] + observations.delay
    apart = int(np.median(np.diff(traded))) if len(traded) > 1 else 1
    end = min(int(traded[-1]) + max(apart, 1), len(prices) - 1) if len(traded) else 0
    if not len(traded) or end <= traded[0]:
        raise NotEnoughData("a book needs a bar after its first trade", value=len(traded))
    bars = np.arange(traded[0], end)
    place = np.searchsorted(traded, bars, side="right") - 1
    return place, prices[bars + 1] / prices[bars] - 1, times[bars + 1]
