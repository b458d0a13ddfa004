"""How many stocks of a market go along with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_scores

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices

# the weights of McClellan's two averages, of about 19 and 39 days
_FAST, _SLOW = 0.10, 0.05
_SETTLED = 39  # days before the slower one is told


def breadth(closes: Prices, *, average: int = 200, extremes: int = 252) -> pd.DataFrame:
    """Return the breadth of a market, day by day, from the closes of its members.

    A stock counts on a day when its close, and the ones before that are needed, are known; NaN,
    before a listing or in a halt, is no decline. Members of today make a survivors' breadth: pass
    NaN where a stock was not a member.

    Parameters
    ----------
    closes : DataFrame, shape (time, symbol)
        Positive, or NaN where a stock has none.
    average : int, default=200
        Days of the moving average.
    extremes : int, default=252
        Days of which a close is the highest or lowest.

    Returns
    -------
    DataFrame, shape (time, 10)
        ``advances``, ``declines``, ``unchanged``: how many stocks; NaN on a day on which none can
        be compared. ``advance_decline``: the sum of advances less declines so far.
        ``above_average``: the share above their average, in [0, 1]. ``new_highs``, ``new_lows``,
        and ``high_low``, one less the other. ``mcclellan``: the difference of two averages of
        ``1000 (advances - declines) / (advances + declines)``, and ``summation``, its sum so far.

    Raises
    ------
    InputError
        When a setting is below 2.
    NotEnoughData
        When there are fewer than two stocks, or no two days.
    BadData
        When a close is not positive, or times are unsorted or repeated.

    References
    ----------
    .. [1] McClellan, S. and M. (1970). Patterns for Profit; ratio-adjusted as in McClellan, T.
       (2004), so that a market that grows is comparable with itself.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> closes = pd.DataFrame({"A": [1.0, 2, 3], "B": [5.0, 4, 5], "C": [1.0, 2, 2]}, days)
    >>> breadth(closes)["advance_decline"].tolist()
    [nan, 1.0, 3.0]
    """
    import numpy as np
    import pandas as pd

    for name, days in (("average", average), ("extremes", extremes)):
        if days < 2:
            raise InputError(f"{name} must be at least 2 days", value=days)
    closes = require_scores(closes, name="closes")
    if closes.shape[1] < 2 or len(closes) < 2:
        raise NotEnoughData("breadth is of two stocks or more, and days", value=closes.shape)
    wrong = np.argwhere(closes.to_numpy(dtype=float) <= 0)
    if len(wrong):
        when, symbol = closes.index[wrong[0][0]], closes.columns[wrong[0][1]]
        raise BadData("closes must be positive", value=f"{symbol} at {when.isoformat()}")
    # the last close that was known: after a halt a stock has moved since then
    before = closes.ffill().shift().where(closes.notna())
    compared = before.notna().sum(axis=1)
    some = compared > 0
    out = pd.DataFrame(index=closes.index)
    out["advances"] = (closes > before).sum(axis=1).where(some)
    out["declines"] = (closes < before).sum(axis=1).where(some)
    out["unchanged"] = compared.where(some) - out["advances"] - out["declines"]
    net = out["advances"] - out["declines"]
    out["advance_decline"] = net.cumsum()
    means = closes.rolling(average).mean()
    out["above_average"] = _share(closes > means, means.notna() & closes.notna())
    highest, lowest = closes.rolling(extremes).max(), closes.rolling(extremes).min()
    told = highest.notna().any(axis=1)
    moved = highest > lowest
    out["new_highs"] = ((closes == highest) & moved).sum(axis=1).where(told)
    out["new_lows"] = ((closes == lowest) & moved).sum(axis=1).where(told)
    out["high_low"] = out["new_highs"] - out["new_lows"]
    moving = out["advances"] + out["declines"]
    ratio = (1_000 * net / moving.where(moving > 0)).fillna(0.0).where(some)
    fast, slow = (
        ratio.ewm(alpha=alpha, adjust=False, ignore_na=True).mean() for alpha in (_FAST, _SLOW)
    )
    out["mcclellan"] = (fast - slow).where(some & (some.cumsum() >= _SETTLED))
    out["summation"] = out["mcclellan"].cumsum()
    return out


def _share(those: pd.DataFrame, of: pd.DataFrame) -> pd.Series[float]:
    count = of.sum(axis=1)
    return those.sum(axis=1) / count.where(count > 0)
