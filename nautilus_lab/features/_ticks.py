"""The values of features for each quote, trade or state of a book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._panel import FeaturePanel

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray


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
    """

    columns: tuple[str, ...]
    index: pd.MultiIndex
    array: FloatArray

    def __getitem__(self, column: str) -> pd.Series[float]:
        """Return one feature, shape (ticks,); it shares the memory of `array`."""
        import pandas as pd

        if column not in self.columns:
            raise InputError(
                "there is no such column", value=column, remedy=", ".join(self.columns[:9])
            )
        row = self.array[self.columns.index(column)]
        return pd.Series(row, self.index, name=column, copy=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def frame(self) -> pd.DataFrame:
        """Return all of it as one long frame, shape ((timestamp, symbol), column)."""
        import pandas as pd

        return pd.DataFrame(self.array.T, self.index, list(self.columns))

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

        if times.tz is None or not times.is_monotonic_increasing or not times.is_unique:
            raise InputError("times must be tz-aware, sorted, each once", value=times)
        whose, symbols = pd.factorize(self.index.get_level_values("symbol"), sort=True)
        stamps = pd.DatetimeIndex(self.index.get_level_values("timestamp")).tz_convert("UTC")
        # whatever the units of the two are, they compare as timestamps do
        past = stamps.searchsorted(times.tz_convert("UTC"), side="right")
        values = np.full((len(self.columns), len(symbols), len(times)), np.nan)
        ends = np.cumsum(np.bincount(whose, minlength=len(symbols)))
        rows = np.split(np.argsort(whose, kind="stable"), ends[:-1])
        for number, own in enumerate(rows):
            last = np.searchsorted(own, past) - 1
            known = last >= 0
            values[:, number, known] = self.array[:, own[last[known]]]
        return FeaturePanel(
            columns=self.columns,
            times=times.tz_convert("UTC"),
            symbols=tuple(map(str, symbols)),
            array=values,
        )

    def __repr__(self) -> str:
        return f"FeatureTicks({len(self.columns)} features, {len(self.index):,} ticks)"
