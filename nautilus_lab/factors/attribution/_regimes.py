"""How returns did in each regime, with what that is worth as evidence."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    bar_preview,
    format_value,
    style_figure,
)
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed, require_count
from nautilus_lab.factors.risk_models._time_series import automatic_lags
from nautilus_lab.frames import require_series
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, ReturnSeries


@dataclass(frozen=True, kw_only=True, eq=False)
class RegimePerformance(HasTearSheet):
    """Returns by the regime that was known before them.

    Attributes
    ----------
    table : DataFrame, shape (regime, 12)
        ``periods``; ``episodes``, unbroken spells; ``mean`` and ``volatility`` a year, not
        compounded, and ``sharpe`` (no risk-free rate taken off); ``drawdown``, the deepest within
        one episode; ``hit_rate``, the share of returns above 0; ``mean_error``,
        ``volatility_error``, ``sharpe_error`` and ``hit_rate_error``, their standard errors; ``t``
        of the mean.
    transitions : DataFrame, shape (regime, regime)
        Share of the periods of a row's regime that were followed by each.
    mean_statistic, mean_p : float
        The test that means are equal: Wald's, chi squared with one degree less than regimes,
        errors by Newey and West over the whole series.
    volatility_statistic, volatility_p : float
        The test that deviations are equal, of Brown and Forsythe.
    lags : int
        Of the errors by Newey and West.
    delay : int
        Periods between a label and the return it is held against.
    unlabelled : int
        Returns left out, for want of a label.
    periods_per_year : float
        What yearly figures were scaled with.
    returns : Series, shape (time,)
        What was measured.
    regime : Series, shape (time,)
        The label each return was held against.
    provenance : Provenance
        Where the returns came from, and what weakens the answer.
    """

    table: pd.DataFrame
    transitions: pd.DataFrame
    mean_statistic: float
    mean_p: float
    volatility_statistic: float
    volatility_p: float
    lags: int
    delay: int
    unlabelled: int
    periods_per_year: float
    returns: ReturnSeries = field(repr=False)
    regime: pd.Series[str] = field(repr=False)
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}: {value:.3f}" for name, value in self.table["sharpe"].items())
        return f"RegimePerformance(sharpe={{{told}}}, p of equal means={self.mean_p:.3f})"

    def tear_sheet(self) -> TearSheet:
        """Return the figures of each regime, and the tests that they are alike."""
        begin, end = self.returns.index[0], self.returns.index[-1]
        rows = self.table.rename(columns=lambda name: str(name).replace("_", " "))
        percent = ("mean", "volatility", "drawdown", "mean error", "volatility error")
        when = "known before" if self.delay == 0 else f"{self.delay} period before"
        return TearSheet(
            title="Performance by regime",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(self.returns):,} periods · "
                f"labels {when}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "p, equal means": _p(self.mean_p),
                        "p, equal volatilities": _p(self.volatility_p),
                        "Without a label": format_value(self.unlabelled),
                    }
                ),
                Chart(
                    title="Mean return a year by regime",
                    figure=self._figure,
                    preview=lambda: bar_preview(
                        {str(name): float(v) for name, v in self.table["mean"].items()}, ".0%"
                    ),
                ),
                Table(
                    title="Transitions",
                    rows=self.transitions.rename_axis("from"),
                    formats=dict.fromkeys(self.transitions.columns, ".1%"),
                ),
                Table(
                    title="By regime",
                    rows=rows.rename_axis("regime"),
                    wide=True,
                    formats=dict.fromkeys(percent, ".1%")
                    | dict.fromkeys(("sharpe", "sharpe error", "t"), ".2f")
                    | dict.fromkeys(("hit rate", "hit rate error"), ".1%"),
                    note=(
                        f"Errors of means by Newey and West, {self.lags} lags; the drawdown is the "
                        "deepest within one episode."
                    ),
                ),
            ),
        )

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        names = [str(name) for name in self.table.index]
        figure = go.Figure(
            go.Bar(
                x=names,
                y=self.table["mean"],
                error_y={"type": "data", "array": 1.96 * self.table["mean_error"]},
                name="mean",
            )
        )
        figure.update_yaxes(tickformat=".0%", title="mean return a year, 95 % interval")
        return style_figure(
            figure, title="Mean return by regime", caption=self.provenance.caption, theme=theme
        )


def performance_by(
    returns: ReturnSeries,
    regime: pd.Series[str],
    *,
    periods_per_year: float,
    delay: int = 1,
    lags: int | None = None,
) -> RegimePerformance:
    r"""Measure returns by the regime that was known before they were earned.

    A regime told from the data of the very period explains nothing that could have been used:
    labels are moved on by `delay` periods first.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, of anything: a strategy, a factor, a spread, an IC is none.
    regime : Series, shape (time,)
        Label of each time, of two kinds at least; NaN or None where not known.
    periods_per_year : float
        252 for trading days.
    delay : int, default=1
        Periods from a label to the return it is held against. 0 for labels that are made from
        what was known before their period, as `nautilus_lab.risk.volatility_regimes` makes
        them; the answer says so.
    lags : int, optional
        Of Newey and West's errors; by default ``floor(4 (n / 100) ** (2 / 9))``.

    Returns
    -------
    RegimePerformance

    Raises
    ------
    InputError
        When no label shares a time with a return, or a setting is out of its bounds.
    NotEnoughData
        When there are fewer than two regimes, or one has fewer than 3 returns: it is named.
    BadData
        When a return is NaN, infinite or a loss of everything, or times are unsorted.

    References
    ----------
    .. [1] Lo, A. W. (2002). The Statistics of Sharpe Ratios. Financial Analysts Journal 58(4),
       36-52; the error with skewness and kurtosis is Mertens' (2002).
    .. [2] Brown, M. B. and Forsythe, A. B. (1974). Robust tests for the equality of variances.
       Journal of the American Statistical Association 69, 364-367.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=400, tz="UTC")
    >>> calm = pd.Series(np.arange(400) // 50 % 2 == 0, days)
    >>> wild = np.where(calm, 0.005, 0.02)
    >>> returns = pd.Series(np.random.default_rng(0).normal(0.0005, wild), days)
    >>> found = performance_by(
    ...     returns, calm.map({True: "calm", False: "wild"}), periods_per_year=252
    ... )
    >>> found.table["episodes"].to_dict(), found.volatility_p < 0.001
    ({'calm': 4, 'wild': 4}, True)
    """
    import numpy as np
    import pandas as pd
    from scipy import stats

    series = require_series(returns, at_least=6)
    if not 0 < periods_per_year < math.inf:
        raise InputError(
            "periods_per_year must be a positive number",
            value=periods_per_year,
            remedy="pass 252 for trading days",
        )
    # A negative one would hold returns against labels of their future.
    require_count(delay, "delay", least=0)
    labels = _labels(regime, series, delay)
    kept = labels.notna().to_numpy()
    told, held = labels[kept].astype(str), series[kept]
    names = sorted(told.unique())
    counts = told.value_counts()
    few = [name for name in names if counts[name] < 3]
    if len(names) < 2 or few:
        raise NotEnoughData(
            "at least two regimes must have 3 returns each",
            value=f"too few of {listed(few)}" if few else f"one regime: {names[0]}",
            remedy="merge regimes, or pass a longer history",
        )
    if (held <= -1).any():
        raise BadData(
            "returns must stay above -1: nothing compounds after a loss of everything",
            value=f"{held.min():g} at {held.index[int(held.to_numpy().argmin())].date()}",
            remedy="cut the series there, or mend a return that is in per cent",
        )
    if held.min() == held.max():
        raise BadData(
            "returns must vary",
            value=f"{held.iloc[0]:g} throughout",
            remedy="pass returns of something that moves",
        )
    chosen = automatic_lags(len(held))
    if lags is not None:
        chosen = require_count(lags, "lags", least=0, most=len(held) - 1)
    values = np.asarray(held, dtype=np.float64)
    member = np.asarray(told)[:, None] == np.array(names, dtype=object)
    covariance = _covariance_of_means(values, member, chosen)
    means = (values[:, None] * member).sum(axis=0) / member.sum(axis=0)
    differ = means[1:] - means[0]
    contrast = np.hstack([-np.ones((len(names) - 1, 1)), np.eye(len(names) - 1)])
    spread = contrast @ covariance @ contrast.T
    wald = _wald(differ, spread)
    split = [values[member[:, place]] for place in range(len(names))]
    same = stats.levene(*split, center="median")
    # A spell ends where its label does, or where returns without a label lie between.
    numbers = np.flatnonzero(kept)
    broken = (np.diff(numbers) > 1) | (np.asarray(told)[1:] != np.asarray(told)[:-1])
    episode = np.concatenate([[0], np.cumsum(broken)])
    rows = {
        name: _row(
            held[member[:, place]],
            episode[member[:, place]],
            math.sqrt(covariance[place, place]),
            periods_per_year,
        )
        for place, name in enumerate(names)
    }
    after = pd.crosstab(np.asarray(told)[:-1], np.asarray(told)[1:], normalize="index")
    marks = provenance(returns)
    notices = list(marks.notices)
    if delay == 0:
        notices.append("Labels are taken as known before their own period (delay 0).")
    least = min(int(row["episodes"]) for row in rows.values())
    if least < 5:
        notices.append(f"A regime had {least} episodes only: its figures are those of few events.")
    return RegimePerformance(
        table=pd.DataFrame.from_dict(rows, orient="index").astype(
            {"periods": int, "episodes": int}
        ),
        transitions=after.reindex(index=names, columns=names, fill_value=0.0),
        mean_statistic=wald,
        mean_p=float(stats.chi2.sf(wald, len(names) - 1)),
        volatility_statistic=float(same.statistic),
        volatility_p=float(same.pvalue),
        lags=chosen,
        delay=delay,
        unlabelled=int((~kept).sum()),
        periods_per_year=periods_per_year,
        returns=held,
        regime=told,
        provenance=dataclasses.replace(marks, notices=tuple(notices)),
    )


def _wald(differ: FloatArray, spread: FloatArray) -> float:
    """Return the statistic; NaN where several regimes do not move at all."""
    import numpy as np

    try:
        return float(differ @ np.linalg.solve(spread, differ))
    except np.linalg.LinAlgError:
        return math.nan


def _labels(regime: pd.Series[str], series: ReturnSeries, delay: int) -> pd.Series[str]:
    """Return the label of each return: that of `delay` rows before it."""
    import pandas as pd

    if not isinstance(regime, pd.Series):
        raise InputError(
            "regime must be a Series of labels",
            value=type(regime).__name__,
            remedy="pass volatility_regimes(returns).labels",
        )
    index = regime.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise InputError(
            "regime must have tz-aware times",
            value=str(index.dtype),
            remedy="say which zone they are in: regime.tz_localize('UTC')",
        )
    if not (index.is_monotonic_increasing and index.is_unique):
        raise BadData(
            "regime must be sorted by time, each time once",
            remedy="sort it and drop the copies: regime.sort_index()",
        )
    # As text before they are moved: a gap would make numbers of whole ones.
    told = regime.astype(object).map(str, na_action="ignore")
    found = told.tz_convert("UTC").reindex(series.index).shift(delay)
    if found.isna().all():
        raise InputError(
            "labels and returns must share times",
            value=f"labels {index[0].date()} to {index[-1].date()}, returns "
            f"{series.index[0].date()} to {series.index[-1].date()}",
            remedy="pass the labels of the same times",
        )
    return found


def _covariance_of_means(values: FloatArray, member: FloatArray, lags: int) -> FloatArray:
    """Return the covariance of the regimes' means: of a regression on their indicators."""
    import numpy as np

    inside = member.astype(np.float64)
    counts = inside.sum(axis=0)
    errors = values - inside @ ((values[:, None] * inside).sum(axis=0) / counts)
    z = inside * errors[:, None]
    middle = z.T @ z
    for lag in range(1, lags + 1):
        moved = z[lag:].T @ z[:-lag]
        middle += (1 - lag / (lags + 1)) * (moved + moved.T)
    n, k = inside.shape
    return np.asarray(middle / np.outer(counts, counts) * n / (n - k), dtype=np.float64)


def _row(
    returns: ReturnSeries, episode: FloatArray, error: float, periods: float
) -> dict[str, float]:
    import numpy as np
    import pandas as pd

    values = np.asarray(returns, dtype=np.float64)
    n = len(values)
    mean = float(values.mean())
    deviation = 0.0 if values.min() == values.max() else float(values.std(ddof=1))
    root = math.sqrt(periods)
    ratio, ratio_error, deviation_error = math.nan, math.nan, math.nan
    if deviation:
        z = (values - mean) / values.std()
        skewness, kurtosis = float((z**3).mean()), float((z**4).mean())
        ratio = mean / deviation
        ratio_error = math.sqrt(max(1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2, 0.0) / n)
        deviation_error = deviation * math.sqrt(max(kurtosis - 1, 0.0) / (4 * n))
    # Growth begins anew with each episode; its start counts as a peak.
    growth = pd.Series(np.log1p(values)).groupby(episode).cumsum()
    peak = growth.groupby(episode).cummax().clip(lower=0.0)
    hits = float((values > 0).mean())
    return {
        "periods": n,
        "episodes": len(np.unique(episode)),
        "mean": mean * periods,
        "volatility": deviation * root,
        "sharpe": ratio * root,
        "drawdown": math.expm1(float((growth - peak).min())),
        "hit_rate": hits,
        "t": mean / error if error else math.nan,
        "mean_error": error * periods,
        "volatility_error": deviation_error * root,
        "sharpe_error": ratio_error * root,
        "hit_rate_error": math.sqrt(hits * (1 - hits) / n),
    }


def _p(value: Any) -> str:
    # No p-value is 0.
    return "< 0.001" if value < 0.0005 else format_value(value, ".3f")
