"""Strategies to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.strategies._signal import strategy

if TYPE_CHECKING:
    from nautilus_lab._typing import Prices, TargetWeights


@strategy
def moving_average_cross(prices: Prices, fast: int = 20, slow: int = 100) -> TargetWeights:
    """Hold each symbol while its fast moving average is above its slow one.

    Each symbol has an equal share of equity, held in cash while its averages point down. Shares
    are set anew on the days on which some average crosses, and drift between them.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Closes.
    fast, slow : int
        Rows in each simple moving average.

    Reference
    ---------
    Brock, W., Lakonishok, J., LeBaron, B. (1992). Simple technical trading rules and the
    stochastic properties of stock returns. Journal of Finance 47(5).
    """
    if not 1 <= fast < slow:
        raise InputError(
            "moving averages must have 1 <= fast < slow",
            value=f"fast={fast}, slow={slow}",
            remedy="pass fast=20, slow=100",
        )
    slow_mean = prices.rolling(slow).mean()
    known = slow_mean.notna().all(axis=1)
    above = (prices.rolling(fast).mean() > slow_mean).astype(float)
    crossed = above.ne(above.shift()).any(axis=1) | ~known.shift(fill_value=False)
    return (above / prices.shape[1]).where(known & crossed)


@strategy
def momentum_tilt(prices: Prices, window: int = 252, skip: int = 21, top: int = 5) -> TargetWeights:
    """Hold the winners of the past year, in equal shares, chosen anew each month.

    A symbol's score is its return over the `window` rows that ended `skip` rows ago. The `top`
    symbols by score are held from the first row of each month on.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Closes.
    window : int
        Rows from which the return is measured.
    skip : int
        Most recent rows left out, because last month's winners tend to fall back.
    top : int
        How many symbols to hold; all of them when there are fewer.

    Reference
    ---------
    Jegadeesh, N., Titman, S. (1993). Returns to buying winners and selling losers. Journal of
    Finance 48(1).
    """
    import pandas as pd

    if not (0 <= skip < window and top >= 1):
        raise InputError(
            "momentum must have 0 <= skip < window and top >= 1",
            value=f"window={window}, skip={skip}, top={top}",
            remedy="pass window=252, skip=21, top=5",
        )
    scores = prices.shift(skip) / prices.shift(window) - 1
    held = min(top, prices.shape[1])
    chosen = scores.rank(axis=1, ascending=False, method="first") <= held
    month = pd.Series(prices.index.year * 12 + prices.index.month, index=prices.index)  # type: ignore[attr-defined]
    known = scores.notna().all(axis=1)
    first = known & ((month != month.shift()) | ~known.shift(fill_value=False))
    return (chosen.astype(float) / held).where(first)


@strategy
def buy_and_hold(prices: Prices) -> TargetWeights:
    """Buy equal shares once and leave them alone.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Closes.
    """
    import numpy as np

    weights = prices * np.nan
    weights.iloc[0] = 1 / prices.shape[1]
    return weights
