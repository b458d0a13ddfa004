"""Return and volatility over a year."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_series

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, ReturnSeries


def annual_return(returns: ReturnSeries, *, periods_per_year: float) -> float:
    r"""Return the yearly growth rate: compounded, not the mean.

    :math:`\left( \prod_{t=1}^{n} (1 + r_t) \right)^{P / n} - 1` [1]_, for :math:`P` periods a year.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period.
    periods_per_year : float
        252 for trading days, 12 for months, 365 for what trades every day.

    Returns
    -------
    float
        A fraction, per year.

    Raises
    ------
    BadData
        When a return is NaN, infinite or a loss of everything, or times are unsorted.
    InputError
        When `periods_per_year` is not a positive number.

    References
    ----------
    .. [1] Bacon, C. (2008). Practical Portfolio Performance Measurement and Attribution,
       2nd ed., ch. 2. Wiley.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.date_range("2024-01-31", periods=6, freq="ME", tz="UTC")
    >>> round(annual_return(pd.Series(0.01, index=months), periods_per_year=12), 4)
    0.1268
    """
    values = compounding(returns)
    years = len(values) / require_periods(periods_per_year)
    return math.expm1(float(_log_growth(values)) / years)


def total_return(returns: ReturnSeries) -> float:
    """Return the growth over the whole series, compounded, a fraction.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period.

    Raises
    ------
    BadData
        When a return is NaN, infinite or a loss of everything, or times are unsorted.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    >>> round(total_return(pd.Series([0.1, -0.1], index=days)), 6)
    -0.01
    """
    return math.expm1(float(_log_growth(compounding(returns))))


def annual_volatility(returns: ReturnSeries, *, periods_per_year: float) -> float:
    """Return the standard deviation of the returns, scaled to a year by the root of time.

    The sample deviation (divisor n - 1) times the root of `periods_per_year`; right for returns
    that do not depend on those before them.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period; at least 2.
    periods_per_year : float
        252 for trading days, 12 for months.

    Returns
    -------
    float
        A fraction, per year.

    Raises
    ------
    NotEnoughData
        When there are fewer than 2 returns.
    BadData
        When a return is NaN or infinite, or times are unsorted.
    InputError
        When `periods_per_year` is not a positive number.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> returns = pd.Series([0.01, -0.01, 0.01, -0.01], index=days)
    >>> round(annual_volatility(returns, periods_per_year=252), 6)
    0.183303
    """
    scale = math.sqrt(require_periods(periods_per_year))
    return deviation(numbers(returns, at_least=2)) * scale


def require_periods(periods_per_year: float) -> float:
    """Return `periods_per_year` or raise; NaN and infinity raise too."""
    if not 0 < periods_per_year < math.inf:
        raise InputError(
            "periods_per_year must be a positive number",
            value=periods_per_year,
            remedy="pass 252 for trading days, 52 for weeks, 12 for months",
        )
    return float(periods_per_year)


def numbers(returns: ReturnSeries, *, at_least: int = 1, name: str = "returns") -> FloatArray:
    """Return the checked values of a series."""
    import numpy as np

    return np.asarray(require_series(returns, at_least=at_least, name=name), dtype=np.float64)


def compounding(returns: ReturnSeries) -> FloatArray:
    """Return the checked values of a series that can be compounded."""
    values = numbers(returns)
    if values.min() <= -1:
        lost = returns.index[int(values.argmin())]
        raise BadData(
            "returns must stay above -1: nothing compounds after a loss of everything",
            value=f"{values.min():g} at {lost.date()}",
            remedy="cut the series there, or mend a return that is in per cent",
        )
    return values


def deviation(values: FloatArray) -> float:
    """Return the sample standard deviation; exactly 0 for a constant series."""
    # Rounding leaves 1e-19 where 0 belongs, and a ratio over it would look like a number.
    return 0.0 if values.min() == values.max() else float(values.std(ddof=1))


def _log_growth(values: FloatArray) -> float:
    import numpy as np

    return float(np.log1p(values).sum())
