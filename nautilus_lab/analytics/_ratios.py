"""Return for the risk taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.analytics._drawdown import max_drawdown
from nautilus_lab.analytics._returns import annual_return, deviation, numbers, require_periods
from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab._typing import ReturnSeries


def sharpe_ratio(
    returns: ReturnSeries, *, periods_per_year: float, risk_free: float = 0.0
) -> float:
    """Return the mean return over the risk-free rate, per unit of its deviation, a year [1]_.

    Mean and sample deviation (divisor n - 1) of the returns less the risk-free rate of a period,
    times the root of `periods_per_year`.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period; at least 2.
    periods_per_year : float
        252 for trading days, 12 for months.
    risk_free : float, default=0.0
        A yearly rate, a fraction; compounded down to one period.

    Returns
    -------
    float
        NaN when the returns do not vary: the ratio has no value there.

    Raises
    ------
    NotEnoughData
        When there are fewer than 2 returns.
    BadData
        When a return is NaN or infinite, or times are unsorted.
    InputError
        When `periods_per_year` is not positive, or `risk_free` not above -1.

    References
    ----------
    .. [1] Sharpe, W. F. (1994). The Sharpe Ratio. Journal of Portfolio Management 21(1), 49-58.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> returns = pd.Series([0.02, -0.01, 0.02, -0.01], index=days)
    >>> round(sharpe_ratio(returns, periods_per_year=252), 4)
    4.5826
    """
    values = numbers(returns, at_least=2)
    spread = deviation(values)
    excess = values.mean() - period_rate(risk_free, periods_per_year)
    return float(excess / spread * math.sqrt(periods_per_year)) if spread else math.nan


def sortino_ratio(
    returns: ReturnSeries, *, periods_per_year: float, risk_free: float = 0.0
) -> float:
    """Return the mean return over the risk-free rate, per unit of downside deviation [1]_.

    The downside deviation is the root of the mean square of the shortfalls below the risk-free
    rate of a period, taken over all periods (those without a shortfall count as 0). Scaled
    by the root of `periods_per_year`.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period; at least 2.
    periods_per_year : float
        252 for trading days, 12 for months.
    risk_free : float, default=0.0
        A yearly rate, a fraction; compounded down to one period.

    Returns
    -------
    float
        NaN when no return falls short: the ratio has no value there.

    Raises
    ------
    NotEnoughData
        When there are fewer than 2 returns.
    BadData
        When a return is NaN or infinite, or times are unsorted.
    InputError
        When `periods_per_year` is not positive, or `risk_free` not above -1.

    References
    ----------
    .. [1] Sortino, F. A. and Price, L. N. (1994). Performance Measurement in a Downside Risk
       Framework. Journal of Investing 3(3), 59-64.
    """
    values = numbers(returns, at_least=2)
    excess = values - period_rate(risk_free, periods_per_year)
    shortfall = math.sqrt(float((excess.clip(max=0) ** 2).mean()))
    return float(excess.mean() / shortfall * math.sqrt(periods_per_year)) if shortfall else math.nan


def calmar_ratio(returns: ReturnSeries, *, periods_per_year: float) -> float:
    """Return the annual return per unit of the deepest drawdown [1]_.

    Over the whole series; Young's own figure used the last 36 months.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period.
    periods_per_year : float
        252 for trading days, 12 for months.

    Returns
    -------
    float
        NaN when there was no drawdown.

    Raises
    ------
    BadData
        When a return is NaN, infinite or a loss of everything, or times are unsorted.
    InputError
        When `periods_per_year` is not positive.

    References
    ----------
    .. [1] Young, T. W. (1991). Calmar Ratio: A Smoother Tool. Futures 20(1).
    """
    yearly = annual_return(returns, periods_per_year=periods_per_year)
    depth = max_drawdown(returns).depth
    return yearly / -depth if depth else math.nan


def period_rate(risk_free: float, periods_per_year: float) -> float:
    """Return the rate of one period that compounds to the yearly `risk_free`."""
    periods = require_periods(periods_per_year)
    if not -1 < risk_free < math.inf:
        raise InputError(
            "risk_free must be a yearly rate above -1",
            value=risk_free,
            remedy="pass a fraction: risk_free=0.03 is three per cent a year",
        )
    return math.expm1(math.log1p(risk_free) / periods)
