"""The last bars of one instrument, each column in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


class RecentBars:
    """The last bars of one instrument, for functions that want arrays without a seam.

    Parameters
    ----------
    columns : sequence of str
        What is kept of each bar.
    longest : int
        How many bars are kept.
    """

    __slots__ = ("_end", "_longest", "_rows", "count")

    def __init__(self, columns: Sequence[str], longest: int) -> None:
        import numpy as np

        # Twice as long, so that the last ones are moved to the front once in `longest` bars.
        self._rows = np.empty((len(columns), 2 * longest))
        self._longest, self._end, self.count = longest, 0, 0

    def add(self, bar: Sequence[float]) -> None:
        """Take the next bar."""
        if self._end == self._rows.shape[1]:
            keep = self._longest - 1
            self._rows[:, :keep] = self._rows[:, self._end - keep : self._end]
            self._end = keep
        self._rows[:, self._end] = bar
        self._end += 1
        self.count += 1

    def last(self, row: int, bars: int) -> FloatArray:
        """Return the last so many values of one column, fewer when there are not so many yet."""
        return self._rows[row, max(0, self._end - bars, self._end - self.count) : self._end]

    def table(self, bars: int) -> FloatArray:
        """Return the last so many values of every column, shape (bars, columns)."""
        import numpy as np

        begin = max(0, self._end - bars, self._end - self.count)
        return np.ascontiguousarray(self._rows[:, begin : self._end].T)
