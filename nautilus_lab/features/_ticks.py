"""The values of features for each quote, trade or state of a book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._columns import is_column, place_of
from nautilus_lab.features._panel import FeaturePanel

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, IntArray
    from nautilus_lab.features._feature import FeatureSpec


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FeatureTicks(Mapping[str, "pd.Series[float]"]):
    """Features of ticks; a mapping from column to a series that has the ticks' own rows.

    Attributes
    ----------
    columns : tuple of str
        The features' labels.
    index : MultiIndex, shape (ticks,)
        Timestamp and symbol of each tick, in order of arrival, as they were given.
    array : array, shape (column, tick)
        NaN in the warm-up of a tick's instrument.
    specs : tuple of FeatureSpec, optional
        What was asked for: a column is found as its feature was written, too.
    """

    columns: tuple[str, ...]
    index: pd.MultiIndex
    array: FloatArray
    specs: tuple[FeatureSpec, ...] = ()

    def __getitem__(self, column: str) -> pd.Series[float]:
        """Return one feature, shape (ticks,); it shares the memory of `array`.

        Raises
        ------
        InputError
            When there is no such column.
        """
        import pandas as pd

        place = place_of(column, self.columns, self.specs)
        return pd.Series(self.array[place], self.index, name=self.columns[place], copy=False)

    def __contains__(self, column: object) -> bool:
        return is_column(column, self.columns, self.specs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def frame(self) -> pd.DataFrame:
        """Return all of it as one long frame, shape ((timestamp, symbol), column)."""
        import pandas as pd

        return pd.DataFrame(self.array.T, self.index, list(self.columns), copy=False)

    def at(self, times: pd.DatetimeIndex) -> FeaturePanel:
        """Return what was known at some times: the way from ticks to bars.

        Parameters
        ----------
        times : DatetimeIndex
            Tz-aware, sorted, each once: the closes of bars, say.

        Returns
        -------
        FeaturePanel
            Of each instrument its last tick at a time or before, whatever arrived within that very
            time included; NaN before its first.

        Raises
        ------
        InputError
            When the times are not such.
        """
        import numpy as np
        import pandas as pd

        zone = getattr(times, "tz", None)
        if zone is None or not times.is_monotonic_increasing or not times.is_unique:
            raise InputError("times must be tz-aware, sorted, each once", value=times)
        each = rows_of_each(self.index)
        symbols = [str(self.index[rows[:1]][0][1]) for rows in each]
        stamps = pd.DatetimeIndex(self.index.get_level_values("timestamp")).tz_convert("UTC")
        # whatever the units of the two are, they compare as timestamps do
        past = stamps.searchsorted(times.tz_convert("UTC"), side="right")
        values = np.full((len(self.columns), len(symbols), len(times)), np.nan)
        for number, place in enumerate(np.argsort(symbols)):
            last = np.searchsorted(each[place], past) - 1
            known = last >= 0
            values[:, number, known] = self.array[:, each[place][last[known]]]
        return FeaturePanel(
            columns=self.columns,
            times=times.tz_convert("UTC"),
            symbols=tuple(sorted(symbols)),
            array=values,
            specs=self.specs,
        )

    def __repr__(self) -> str:
        return f"FeatureTicks({len(self.columns)} features, {len(self.index):,} ticks)"


def rows_of_each(index: pd.MultiIndex) -> list[IntArray]:
    """Return the rows of each instrument, in the order in which they came."""
    import numpy as np

    codes = index.codes[1]
    if (codes == codes[0]).all():
        return [np.arange(len(codes))]
    counts = np.bincount(codes)
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    return [one for one in rows if len(one)]
