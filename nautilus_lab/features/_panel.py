"""The values of features for many instruments: the answer of a batch computation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.features._columns import is_column, place_of

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Scores
    from nautilus_lab.features._feature import FeatureSpec


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FeaturePanel(Mapping[str, "pd.DataFrame"]):
    """Features of many instruments over time; a mapping from column to a wide frame.

    Attributes
    ----------
    columns : tuple of str
        The features' labels.
    times : DatetimeIndex
        Of all bars, UTC.
    symbols : tuple of str
        The instruments.
    array : array, shape (column, symbol, time)
        NaN in the warm-up and where an instrument has no bar.
    specs : tuple of FeatureSpec, optional
        What was asked for: a column is found as its feature was written, too.
    """

    columns: tuple[str, ...]
    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    array: FloatArray
    specs: tuple[FeatureSpec, ...] = ()

    def __getitem__(self, column: str) -> Scores:
        """Return one feature, shape (time, symbol); it shares the panel's memory.

        Raises
        ------
        InputError
            When the panel has no such column.
        """
        import pandas as pd

        values = self.array[place_of(column, self.columns, self.specs)]
        return pd.DataFrame(values.T, self.times, pd.Index(self.symbols, name="symbol"), copy=False)

    def __contains__(self, column: object) -> bool:
        return is_column(column, self.columns, self.specs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def frame(self) -> pd.DataFrame:
        """Return all of it as one long frame, shape ((timestamp, symbol), column).

        A copy: eight bytes for each of its values.
        """
        import pandas as pd

        index = pd.MultiIndex.from_product(
            [self.times, self.symbols], names=["timestamp", "symbol"]
        )
        flat = self.array.transpose(2, 1, 0).reshape(len(index), len(self.columns))
        return pd.DataFrame(flat, index, list(self.columns))

    def __repr__(self) -> str:
        n = len(self.columns), len(self.symbols), len(self.times)
        return "FeaturePanel({} features, {} symbols, {:,} times)".format(*n)
