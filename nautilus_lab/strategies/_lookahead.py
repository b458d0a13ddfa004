"""Whether a strategy uses data that it could not have had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, NotEnoughData

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, Prices
    from nautilus_lab.strategies._signal import SignalStrategy


@dataclass(frozen=True, kw_only=True)
class Lookahead:
    """A weight that changed when later data were taken away.

    Attributes
    ----------
    time : Timestamp
        The first row that differs.
    symbol : str
        The first column of it that differs.
    with_future : float
        The weight computed from all data.
    without_future : float
        The weight computed from data up to `last_seen` only.
    last_seen : Timestamp
        Where the data were cut; at or after `time`.
    """

    time: pd.Timestamp
    symbol: str
    with_future: float
    without_future: float
    last_seen: pd.Timestamp

    def __str__(self) -> str:
        return (
            f"{self.symbol} at {self.time.date()}: {self.with_future:.6g} with all data, "
            f"{self.without_future:.6g} with data up to {self.last_seen.date()}"
        )


def find_lookahead(
    strategy: SignalStrategy, data: Prices | Bars, *, cuts: int = 8, tolerance: float = 1e-9
) -> Lookahead | None:
    """Compute the weights again from data that end earlier, and compare.

    A weight at time t that changes when rows after t are taken away was made with knowledge of
    the future.

    Parameters
    ----------
    strategy : SignalStrategy
        What to check.
    data : DataFrame
        Wide closes, or bars.
    cuts : int, default=8
        How many earlier ends to try, evenly spread over the rows that have weights.
    tolerance : float, default=1e-9
        Differences up to this are the work of floating point.

    Returns
    -------
    Lookahead or None
        The earliest weight that differs, with where and what; None when none does.

    Raises
    ------
    InputError
        When `cuts` is not positive.
    LabError
        When the data or the weights are unusable.

    Examples
    --------
    >>> import pandas as pd
    >>> from nautilus_lab.strategies import strategy
    >>> @strategy
    ... def peeking(prices):
    ...     return (prices < prices.mean()).astype(float)
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> found = find_lookahead(peeking, pd.DataFrame({"A": [1.0, 2.0, 3.0, 9.0]}, index=days))
    >>> print(found)
    A at 2024-01-01: 1 with all data, 0 with data up to 2024-01-01
    """
    import numpy as np

    if not cuts >= 1:
        raise InputError("cuts must be at least 1", value=cuts, remedy="pass cuts=8")
    full = strategy.weights(data)
    times = full.index
    known = np.flatnonzero(full.notna().any(axis=1).to_numpy())
    # Each cut leaves one row with weights at least, and takes one row away at least.
    ends = np.unique(np.linspace(known[0], max(known[0], len(times) - 2), cuts).astype(int))
    found: Lookahead | None = None
    for end in ends[ends < len(times) - 1]:
        last = times[end]
        before = full.to_numpy()[: end + 1]
        try:
            after = strategy.weights(data.loc[:last]).to_numpy()
        except NotEnoughData:
            after = np.full_like(before, np.nan)
        same = np.isclose(before, after, rtol=0, atol=tolerance, equal_nan=True)
        if same.all():
            continue
        row, column = np.argwhere(~same)[0]
        if found is None or times[row] < found.time:
            found = Lookahead(
                time=times[row],
                symbol=str(full.columns[column]),
                with_future=float(before[row, column]),
                without_future=float(after[row, column]),
                last_seen=last,
            )
    return found
