"""Forward returns: what a signal could have earned, the only door to the future."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_prices
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray, Prices, Returns


def forward_returns(
    prices: Prices, horizons: Sequence[int] = (1, 5, 21), *, delay: int = 1
) -> dict[int, Returns]:
    r"""Return what is earned from each time on, over each horizon.

    :math:`P_{t + d + h} / P_{t + d} - 1` for a horizon of :math:`h` bars and a delay of :math:`d`.
    A signal that is known at the close of :math:`t` cannot trade at that close: with closes only
    it trades at the next one, a delay of 1.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Closes, finite and positive.
    horizons : sequence of int, default=(1, 5, 21)
        Holding periods in bars, each at least 1.
    delay : int, default=1
        Bars between signal and trade. 0 trades at the very price the signal was made from: the
        convention of alphalens, kinder than any market.

    Returns
    -------
    dict of int to DataFrame, shape (time, symbol)
        Horizon -> simple returns of the whole holding period, fractions, in the row of the
        signal; NaN in the last ``delay + horizon`` rows, whose future is not known.

    Raises
    ------
    InputError
        When a horizon is less than 1 or given twice, or `delay` is negative.
    NotEnoughData
        When there are not more rows than the longest horizon and the delay take.
    BadData
        When a price is NaN, infinite or not positive, or times are unsorted.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> prices = pd.DataFrame({"A": [100.0, 50.0, 60.0, 90.0]}, index=days)
    >>> forward_returns(prices, [1])[1]["A"].round(2).to_list()
    [0.2, 0.5, nan, nan]
    """
    bars = checked_horizons(horizons, delay)
    checked = require_prices(prices, at_least=max(bars) + delay + 1)
    entry = checked.shift(-delay)
    marks = provenance(prices)
    return {bar: mark(entry.shift(-bar) / entry - 1, marks) for bar in bars}


def ahead_of(prices: FloatArray, entry: IntArray, *, delay: int, bars: int) -> FloatArray:
    """Return what is earned from some rows of the prices on; see `forward_returns`.

    Parameters
    ----------
    prices : ndarray, shape (t, m)
        NaN where not known.
    entry : ndarray of int, shape (n,)
        Rows of the signals; -1 for one that has none.
    delay, bars : int
        Bars from the signal to the trade, and how long it is held.

    Returns
    -------
    ndarray, shape (n, m)
        NaN where a price is not known or lies beyond the end.
    """
    import numpy as np

    found = np.full((len(entry), prices.shape[1]), np.nan)
    inside = (entry >= 0) & (entry + delay + bars < len(prices))
    begin = entry[inside] + delay
    found[inside] = prices[begin + bars] / prices[begin] - 1
    return found


def checked_horizons(horizons: object, delay: int) -> list[int]:
    """Return the horizons as a list, or raise `InputError` when they or the delay break a rule."""
    try:
        bars = [whole(bar) for bar in horizons] if isinstance(horizons, Iterable) else []
    except TypeError:
        bars = []
    if not bars or not all(bar >= 1 for bar in bars) or len(set(bars)) < len(bars):
        raise InputError(
            "horizons must be different counts of bars, each at least 1",
            value=horizons,
            remedy="pass horizons=(1, 5, 21)",
        )
    if whole(delay) < 0:
        raise InputError(
            "a delay must not be negative: that trades before the signal",
            value=delay,
            remedy="pass delay=1, the next close",
        )
    return bars


def whole(number: object) -> int:
    """Return a whole number as one, -1 of anything else."""
    import operator

    if isinstance(number, bool):
        return -1
    try:
        return operator.index(number)  # type: ignore[arg-type]
    except TypeError:
        return -1
