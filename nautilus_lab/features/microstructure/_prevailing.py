"""Trades, each with the quote that stood before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_quotes, require_trades

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Quotes, Trades


def prevailing(trades: Trades, quotes: Quotes, *, delay: str | pd.Timedelta = "0s") -> Trades:
    """Return trades with the last quote strictly before each.

    A quote that has the very time of a trade may be what the trade left behind: it is not taken.

    Parameters
    ----------
    trades : DataFrame, shape ((timestamp, symbol), columns)
        As `nautilus_lab.frames.require_trades` says.
    quotes : DataFrame, shape ((timestamp, symbol), columns)
        As `nautilus_lab.frames.require_quotes` says.
    delay : str or Timedelta, default="0s"
        How much before the trade the quote must stand. Trades used to be reported late: Lee and
        Ready [1]_ took 5 seconds, for what the exchanges stamp themselves it is none.

    Returns
    -------
    DataFrame
        The rows of the trades, their columns and those of the quotes; NaN before the first quote:
        ``.dropna(subset=["bid"])`` leaves what features of ticks can read.

    Raises
    ------
    InputError
        When `delay` is negative, or both have a column of one name.
    BadData
        When either is not as it must be; it names the place.

    References
    ----------
    .. [1] Lee, C. and Ready, M. (1991). Inferring trade direction from intraday data. Journal of
       Finance 46, 733-746.
    """
    import numpy as np
    import pandas as pd

    require_trades(trades)
    require_quotes(quotes)
    try:
        late = pd.Timedelta(delay)
    except ValueError as error:
        raise InputError("delay must be a length of time", value=delay, remedy=str(error)) from None
    if not late >= pd.Timedelta(0):
        raise InputError("delay must not be negative", value=str(delay), remedy='pass "0s"')
    both = [str(column) for column in trades.columns if column in quotes.columns]
    if both:
        raise InputError(
            "trades and quotes must not share a column",
            value=", ".join(both),
            remedy="drop or rename it in one of them",
        )
    stamps = [
        pd.DatetimeIndex(one.index.get_level_values("timestamp")).as_unit("ns").asi8
        for one in (trades, quotes)
    ]
    symbols = quotes.index.get_level_values("symbol").unique()
    whose, theirs = (
        symbols.get_indexer(one.index.get_level_values("symbol")) for one in (trades, quotes)
    )
    row = np.full(len(trades), -1)
    for number in range(len(symbols)):
        own, quoted = np.flatnonzero(whose == number), np.flatnonzero(theirs == number)
        before = np.searchsorted(stamps[1][quoted], stamps[0][own] - late.value, side="left") - 1
        row[own] = np.where(before >= 0, quoted[np.maximum(before, 0)], -1)
    take = pd.api.extensions.take
    found = {
        str(column): take(quotes[column].array, row, allow_fill=True) for column in quotes.columns
    }
    return trades.assign(**found)
