"""Scores: what a factor thinks of each symbol, each day, from what was known by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_prices
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    from nautilus_lab._typing import Prices, Scores


def momentum(prices: Prices, *, window: int = 252, skip: int = 21) -> Scores:
    r"""Score by past return, the latest bars left out [1]_.

    :math:`P_{t - \text{skip}} / P_{t - \text{window}} - 1`: with daily bars and the defaults the
    return of the last twelve months without the last one, which tends to reverse.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Finite and positive.
    window : int, default=252
        How many bars back the return begins.
    skip : int, default=21
        How many bars back it ends; at least 0 and less than `window`.

    Returns
    -------
    DataFrame, shape (time, symbol)
        Fractions, higher is better; NaN in the first `window` rows. A row depends on prices of
        its own and earlier times only.

    Raises
    ------
    InputError
        When not 0 <= `skip` < `window`.
    NotEnoughData
        When there are not more than `window` rows.
    BadData
        When a price is NaN, infinite or not positive, or times are unsorted.

    References
    ----------
    .. [1] Jegadeesh, N. and Titman, S. (1993). Returns to Buying Winners and Selling Losers.
       Journal of Finance 48(1), 65-91.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> prices = pd.DataFrame({"A": [100.0, 110.0, 121.0, 90.0]}, index=days)
    >>> momentum(prices, window=2, skip=1)["A"].round(2).to_list()
    [nan, nan, 0.1, 0.1]
    """
    if not 0 <= skip < window:
        raise InputError(
            "momentum needs 0 <= skip < window",
            value=f"window={window}, skip={skip}",
            remedy="pass bars, window=252, skip=21",
        )
    checked = require_prices(prices, at_least=window + 1)
    return mark(checked.shift(skip) / checked.shift(window) - 1, provenance(prices))


def low_volatility(prices: Prices, *, window: int = 60) -> Scores:
    """Score by calm: the negative sample deviation of the latest returns [1]_.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Finite and positive.
    window : int, default=60
        How many returns the deviation (divisor `window` - 1) is taken over; at least 2.

    Returns
    -------
    DataFrame, shape (time, symbol)
        Minus the deviation of one bar's simple return, a fraction, so that higher is better; NaN
        in the first `window` rows. A row depends on prices of its own and earlier times only.

    Raises
    ------
    InputError
        When `window` is less than 2.
    NotEnoughData
        When there are not more than `window` rows.
    BadData
        When a price is NaN, infinite or not positive, or times are unsorted.

    References
    ----------
    .. [1] Blitz, D. and van Vliet, P. (2007). The Volatility Effect. Journal of Portfolio
       Management 34(1), 102-113.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> prices = pd.DataFrame({"A": [100.0, 110.0, 99.0]}, index=days)
    >>> low_volatility(prices, window=2)["A"].round(4).to_list()
    [nan, nan, -0.1414]
    """
    if not window >= 2:
        raise InputError(
            "a deviation needs a window of at least 2", value=window, remedy="pass window=60"
        )
    checked = require_prices(prices, at_least=window + 1)
    returns = checked / checked.shift(1) - 1
    return mark(-returns.rolling(window).std(), provenance(prices))
