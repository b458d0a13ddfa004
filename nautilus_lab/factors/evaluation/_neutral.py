"""What groups and exposures do not explain: residuals of one date after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray

# labels by time and symbol, or one for each symbol
Groups: TypeAlias = "pd.DataFrame | pd.Series[Any] | Mapping[Any, Any]"

# What is left below this share of the largest deviation is rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """What scores are regressed on, date by date, beside a constant.

    Attributes
    ----------
    labels : tuple of ndarray of int, shape (time, symbol)
        Groups by number, -1 where not known; each becomes dummies.
    numbers : tuple of ndarray, shape (time, symbol)
        Exposures, NaN where not known.
    """

    labels: tuple[IntArray, ...] = ()
    numbers: tuple[FloatArray, ...] = ()

    @property
    def known(self) -> BoolArray:
        """Where all of it is known, shape (time, symbol)."""
        import numpy as np

        parts = [label >= 0 for label in self.labels] + [np.isfinite(x) for x in self.numbers]
        return np.asarray(np.logical_and.reduce(parts))

    def residuals(self, values: FloatArray) -> FloatArray:
        """Return what is left of each row after a regression on the design by least squares.

        Parameters
        ----------
        values : ndarray, shape (time, symbol)
            NaN is left out of the regression and stays NaN.

        Returns
        -------
        ndarray, shape (time, symbol)
            All zero where nothing but rounding is left; NaN where the design is not known.
        """
        import numpy as np

        inside = self.known & np.isfinite(values)
        if len(self.labels) == 1 and not self.numbers:
            left = values - group_means(np.where(inside, values, np.nan), self.labels[0])
        else:
            left = self._by_least_squares(values, inside)
        left = np.where(inside, left, np.nan)
        size = np.where(inside, np.abs(values), 0.0).max(axis=1, initial=0.0)
        rest = np.where(inside, np.abs(left), 0.0).max(axis=1, initial=0.0)
        left[(rest <= _ROUNDING * size)[:, None] & inside] = 0.0
        return left

    def _by_least_squares(self, values: FloatArray, inside: BoolArray) -> FloatArray:
        import numpy as np

        left = np.full(values.shape, np.nan)
        for row in range(len(values)):
            among = inside[row]
            if not among.any():
                continue
            # Exposures of all sizes: scaled, so that one of 1e9 leaves the others their digits.
            columns = [np.ones((int(among.sum()), 1))]
            for x in self.numbers:
                off = x[row, among] - x[row, among].mean()
                columns.append((off / (np.abs(off).max() or 1.0))[:, None])
            for label in self.labels:
                numbers, place = np.unique(label[row, among], return_inverse=True)
                columns.append(np.eye(len(numbers))[place][:, 1:])
            x = np.hstack(columns)
            y = values[row, among]
            q, r = np.linalg.qr(x)
            pivots = np.abs(np.diag(r))
            if len(x) < x.shape[1] or pivots.min() <= _ROUNDING * pivots.max():
                # Exposures that say the same as others: only singular values tell which do.
                left[row, among] = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
            else:
                left[row, among] = y - q @ (q.T @ y)
        return left


def group_means(values: FloatArray, labels: IntArray) -> FloatArray:
    """Return the mean of each value's group on its date, NaN where either is not known.

    Parameters
    ----------
    values : ndarray, shape (time, symbol)
    labels : ndarray of int, shape (time, symbol)
        -1 where not known.
    """
    import numpy as np

    known = np.isfinite(values) & (labels >= 0)
    count = int(labels.max(initial=0)) + 1
    cells = np.arange(len(values))[:, None] * count + labels
    flat = cells[known]
    sums = np.bincount(flat, weights=values[known], minlength=len(values) * count)
    sizes = np.bincount(flat, minlength=len(values) * count)
    found = np.full(values.shape, np.nan)
    found[known] = (sums / np.maximum(sizes, 1))[flat]
    return found


def wide_at_utc(frame: Any, name: str) -> pd.DataFrame:
    """Return labels or exposures by time and symbol, their times in UTC.

    Parameters
    ----------
    frame : DataFrame or Series
        Wide, or indexed by (date, asset), whose dates may bear no zone.
    name : str
        What the errors call it.

    Raises
    ------
    InputError
        When it is indexed by no times, or a wide frame's bear no zone.
    """
    import pandas as pd

    if isinstance(frame, pd.Series):
        if isinstance(frame.dtype, pd.CategoricalDtype):
            frame = frame.astype(object)
        frame = frame.unstack()
        if isinstance(frame.index, pd.DatetimeIndex) and frame.index.tz is None:
            frame = frame.tz_localize("UTC")
    if not isinstance(frame.index, pd.DatetimeIndex) or frame.index.tz is None:
        raise InputError(
            f"{name} must have tz-aware times",
            value="tz-naive"
            if isinstance(frame.index, pd.DatetimeIndex)
            else str(frame.index.dtype),
            remedy="say which zone they are in: frame.tz_localize('UTC')",
        )
    found: pd.DataFrame = frame.tz_convert("UTC")
    return found


def label_numbers(
    groups: Groups, times: pd.Index[Any], symbols: pd.Index[Any], *, name: str = "groups"
) -> tuple[IntArray, tuple[Any, ...]]:
    """Return groups as numbers, shape (time, symbol), -1 where not known, and their names.

    Parameters
    ----------
    groups : DataFrame, Series or mapping
        Labels by time and symbol, at these times, wide or indexed by (date, asset); or one for
        each symbol.
    times, symbols : Index
        Of the scores.
    name : str, default="groups"
        What the errors call them.

    Raises
    ------
    InputError
        When no symbol of the scores has a group, or labels over time bear no zone.
    """
    import numpy as np
    import pandas as pd

    if isinstance(groups, pd.DataFrame) or isinstance(
        getattr(groups, "index", None), pd.MultiIndex
    ):
        wide = wide_at_utc(groups, name)
        cells = wide.reindex(index=times, columns=symbols).to_numpy(dtype=object)
    else:
        one = pd.Series(groups, dtype=object).reindex(symbols).to_numpy(dtype=object)
        cells = np.broadcast_to(one, (len(times), len(symbols)))
    try:
        numbers, names = pd.factorize(cells.ravel(), sort=False)
    except TypeError as error:
        raise InputError(
            f"{name} must be labels", value=str(error), remedy="pass texts or numbers"
        ) from None
    if not len(names):
        raise InputError(
            f"{name} must label the symbols of the scores",
            value=f"none of {', '.join(map(str, symbols[:3]))}",
            remedy="pass {symbol: label}, or a frame of labels at the times of the scores",
        )
    order = sorted(range(len(names)), key=lambda place: str(names[place]))
    renumbered = np.empty(len(names) + 1, dtype=np.intp)
    renumbered[order] = np.arange(len(names))
    renumbered[-1] = -1
    return renumbered[numbers].reshape(cells.shape), tuple(names[place] for place in order)


def read_design(
    exposures: Mapping[str, Any], times: pd.Index[Any], symbols: pd.Index[Any]
) -> Design:
    """Return exposures and groups as a design.

    Parameters
    ----------
    exposures : mapping of str to DataFrame, Series or mapping
        Name -> numbers by time and symbol, or labels (anything that is not a number) by either;
        at the times of the scores.

    Raises
    ------
    InputError
        When there is nothing in it, or nothing of an exposure is known where scores are.
    """
    import numpy as np
    import pandas as pd

    labels, numbers = [], []
    for name, exposure in exposures.items():
        frame = exposure if isinstance(exposure, pd.DataFrame) else pd.Series(exposure)
        kinds = frame.dtypes if isinstance(frame, pd.DataFrame) else [frame.dtype]
        if not all(pd.api.types.is_numeric_dtype(kind) for kind in kinds):
            labels.append(label_numbers(frame, times, symbols, name=name)[0])
            continue
        if isinstance(frame, pd.DataFrame) or isinstance(frame.index, pd.MultiIndex):
            wide = wide_at_utc(frame, name)
            cells = wide.reindex(index=times, columns=symbols).to_numpy(dtype=float)
        else:
            cells = np.tile(frame.reindex(symbols).to_numpy(dtype=float), (len(times), 1))
        if not np.isfinite(cells).any():
            raise InputError(
                "an exposure must be known where scores are",
                value=name,
                remedy="give it the times and symbols of the scores",
            )
        numbers.append(cells)
    if not labels and not numbers:
        raise InputError("exposures must not be empty", remedy='pass {"beta": frame}')
    return Design(labels=tuple(labels), numbers=tuple(numbers))
