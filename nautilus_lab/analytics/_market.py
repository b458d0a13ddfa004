"""What the market explains of a return, and what it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.analytics._ratios import period_rate
from nautilus_lab.analytics._returns import numbers
from nautilus_lab.exceptions import BadData
from nautilus_lab.frames import require_series

if TYPE_CHECKING:
    from nautilus_lab._typing import ReturnSeries


@dataclass(frozen=True, kw_only=True)
class MarketModel:
    """The regression of returns on a benchmark's, both over the risk-free rate.

    Attributes
    ----------
    alpha : float
        The intercept, a fraction per year: that of one period times the periods of a year, not
        compounded.
    beta : float
        The slope: how much the return moves with one unit of the benchmark's.
    alpha_t : float
        The t statistic of alpha under equal, uncorrelated errors; NaN for a perfect fit.
    r_squared : float
        The share of the variance that the benchmark explains, in [0, 1].
    n_observations : int
        How many periods were used.
    """

    alpha: float
    beta: float
    alpha_t: float
    r_squared: float
    n_observations: int


def market_model(
    returns: ReturnSeries,
    benchmark: ReturnSeries,
    *,
    periods_per_year: float,
    risk_free: float = 0.0,
) -> MarketModel:
    r"""Fit :math:`r_t - f = \alpha + \beta (b_t - f) + e_t` by least squares [1]_.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period; at least 3.
    benchmark : Series
        The benchmark's returns of the same periods; times that `returns` has not are left out.
    periods_per_year : float
        252 for trading days, 12 for months.
    risk_free : float, default=0.0
        A yearly rate, a fraction; compounded down to one period.

    Returns
    -------
    MarketModel

    Raises
    ------
    NotEnoughData
        When there are fewer than 3 returns.
    BadData
        When a value is NaN or infinite, times are unsorted, the benchmark lacks a time of
        `returns`, or does not vary.
    InputError
        When `periods_per_year` is not positive, or `risk_free` not above -1.

    References
    ----------
    .. [1] Jensen, M. C. (1968). The Performance of Mutual Funds in the Period 1945-1964. Journal
       of Finance 23(2), 389-416.
    """
    rate = period_rate(risk_free, periods_per_year)
    y = numbers(returns, at_least=3) - rate
    x = numbers(aligned(benchmark, returns)) - rate
    n = len(y)
    x_off, y_off = x - x.mean(), y - y.mean()
    spread = float(x_off @ x_off)
    if x.min() == x.max():
        raise BadData(
            "a benchmark must vary",
            value=f"{x[0] + rate:g} in every period",
            remedy="pass the returns of an index, not its level or a constant",
        )
    beta = float(x_off @ y_off) / spread
    alpha = float(y.mean() - beta * x.mean())
    errors = y_off - beta * x_off
    total, unexplained = float(y_off @ y_off), float(errors @ errors)
    noise = math.sqrt(unexplained / (n - 2) * (1 / n + float(x.mean()) ** 2 / spread))
    # Residuals of pure rounding are a perfect fit, for which t has no value.
    perfect = unexplained <= 1e-24 * max(total, float(y @ y))
    return MarketModel(
        alpha=alpha * periods_per_year,
        beta=beta,
        alpha_t=math.nan if perfect else alpha / noise,
        r_squared=math.nan if total == 0 else max(0.0, 1 - unexplained / total),
        n_observations=n,
    )


def aligned(benchmark: ReturnSeries, returns: ReturnSeries) -> ReturnSeries:
    """Return the benchmark at the times of `returns`; raise when it lacks one."""
    times = require_series(returns).index
    level = require_series(benchmark, name="benchmark")
    missing = times.difference(level.index)
    if len(missing):
        raise BadData(
            "the benchmark must have every time of the returns",
            value=f"none at {missing[0].date()}, {len(missing)} missing",
            remedy="load the benchmark for the same dates, or cut the returns to common ones",
        )
    return level.reindex(times)
