"""Losses from the peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.analytics._returns import compounding
from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_series

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, ReturnSeries


@dataclass(frozen=True, kw_only=True)
class Drawdown:
    """One loss from a peak.

    Attributes
    ----------
    depth : float
        The loss from the peak at its deepest, a negative fraction; 0 when there was none.
    peak : Timestamp or None
        The last time at the peak. None when the peak is the start, before the first return.
    trough : Timestamp or None
        When it was deepest. None when there was no loss.
    recovery : Timestamp or None
        When the peak was reached again; None while it has not been.
    """

    depth: float
    peak: pd.Timestamp | None = None
    trough: pd.Timestamp | None = None
    recovery: pd.Timestamp | None = None


def drawdown_series(returns: ReturnSeries) -> ReturnSeries:
    r"""Return the loss from the highest wealth so far, at each time.

    :math:`W_t / \max_{s \le t} W_s - 1` with :math:`W_t = \prod_{s \le t} (1 + r_s)`; the
    start, :math:`W_0 = 1`, counts as a peak.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period.

    Returns
    -------
    Series, shape (time,)
        Fractions in (-1, 0].

    Raises
    ------
    BadData
        When a return is NaN, infinite or a loss of everything, or times are unsorted.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> drawdown_series(pd.Series([-0.5, 0.5, 1.0], index=days)).to_list()
    [-0.5, -0.25, 0.0]
    """
    import pandas as pd

    losses, index = _losses(returns)
    return pd.Series(losses, index=index, name="drawdown")


def max_drawdown(returns: ReturnSeries) -> Drawdown:
    """Return the deepest loss from a peak, with its dates.

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
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> worst = max_drawdown(pd.Series([0.1, -0.5, 1.0, 0.1], index=days))
    >>> worst.depth, worst.peak.day, worst.trough.day, worst.recovery.day
    (-0.5, 1, 2, 3)
    """
    found = worst_drawdowns(returns, count=1)
    return found[0] if found else Drawdown(depth=0.0)


def worst_drawdowns(returns: ReturnSeries, *, count: int = 5) -> tuple[Drawdown, ...]:
    """Return the deepest drawdowns, the deepest first; they do not overlap.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period.
    count : int, default=5
        How many at most; there are fewer when wealth fell from fewer peaks.

    Raises
    ------
    InputError
        When `count` is not at least 1.
    BadData
        When a return is NaN, infinite or a loss of everything, or times are unsorted.
    """
    import numpy as np

    if not count >= 1:
        raise InputError("count must be at least 1", value=count, remedy="pass count=5")
    losses, index = _losses(returns)
    below = np.concatenate(([0], (losses < 0).astype(np.int8), [0]))
    turns = np.diff(below)
    # A spell runs from its first time under water to the first time at the peak again.
    spells = zip(np.flatnonzero(turns == 1), np.flatnonzero(turns == -1), strict=True)
    found = []
    for first, end in ((int(a), int(b)) for a, b in spells):
        deepest = first + int(losses[first:end].argmin())
        found.append(
            Drawdown(
                depth=float(losses[deepest]),
                peak=index[first - 1] if first else None,
                trough=index[deepest],
                recovery=index[end] if end < len(index) else None,
            )
        )
    found.sort(key=lambda drawdown: drawdown.depth)
    return tuple(found[:count])


def _losses(returns: ReturnSeries) -> tuple[FloatArray, pd.DatetimeIndex]:
    import numpy as np
    import pandas as pd

    wealth = np.cumprod(1 + compounding(returns))
    peaks = np.maximum(np.maximum.accumulate(wealth), 1.0)
    return wealth / peaks - 1, pd.DatetimeIndex(require_series(returns).index)
