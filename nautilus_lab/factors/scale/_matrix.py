"""Many factors over the same observations: the input of everything at scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.scale._threads import checked_threads, share_out

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from nautilus_lab._typing import BoolArray
    from nautilus_lab.factors.scale._typing import CountArray, SingleArray

_BLOCK = 4096
_NOTHING_KNOWN = "nothing known"
_ONE_KNOWN = "one observation known"
_NO_VARIANCE = "no variance"


@dataclass(frozen=True, eq=False, repr=False)
class FactorMatrix:
    """Many factors over the same observations, checked once.

    The values stay where they are when they are float32 and contiguous already: 380 000 factors of
    252 observations take 383 MB, and no copy is made of them.

    Parameters
    ----------
    values : array, shape (factor, observation)
        Finite, or NaN where not known. Other kinds of numbers and layouts are copied.
    names : sequence of str, optional
        Of the factors, each once; by default their row numbers.
    unusable : {"raise", "set aside"}, default="raise"
        What becomes of rows with fewer than two known values or without variance, which correlate
        with nothing. Set aside they stay in their rows, every result of them is NaN, they are
        nobody's neighbour or duplicate, and `dropped` counts them by reason.

    Raises
    ------
    BadData
        When a value is infinite, too large for float32, or a name is repeated; and, unless they
        are set aside, for rows that are unusable. The place is named.
    NotEnoughData
        When there are no factors or no observations, or all are unusable.
    InputError
        When the array has other than two dimensions or the names do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 2.0, 4.0], [5.0, 5.0, 5.0]])
    >>> matrix = FactorMatrix(rows, ["value", "flat"], unusable="set aside")
    >>> matrix
    FactorMatrix(2 factors, 3 observations, 1 set aside)
    >>> matrix.dropped.to_dict()
    {'nothing known': 0, 'one observation known': 0, 'no variance': 1, 'used': 1}
    """

    values: SingleArray
    names: Any = None  # a pd.Index from here on
    unusable: Literal["raise", "set aside"] = "raise"
    n_known: CountArray = field(init=False)
    reasons: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        import numpy as np

        if self.unusable not in ("raise", "set aside"):
            raise InputError(
                "unusable rows are raised or set aside", value=self.unusable, remedy="'set aside'"
            )
        values = _as_single(self.values)
        names = _checked_names(self.names, len(values))
        known, low, high, bad = looked_at(values)
        if bad is not None:
            raise BadData(
                "factors must be finite or NaN, and fit float32",
                value=f"{names[bad[0]]} = {values[bad]:g} at observation {bad[1]}",
                remedy="make it NaN where it is not known, or scale it",
            )
        reasons = {}
        for rows, reason in (
            (known == 0, _NOTHING_KNOWN),
            (known == 1, _ONE_KNOWN),
            ((known > 1) & (low == high), _NO_VARIANCE),
        ):
            reasons.update(dict.fromkeys(np.flatnonzero(rows).tolist(), reason))
        for name, value in (
            ("values", values),
            ("names", names),
            ("n_known", known),
            ("reasons", dict(sorted(reasons.items()))),
        ):
            object.__setattr__(self, name, value)
        if reasons and self.unusable == "raise":
            named = ", ".join(
                f"{names[row]}: {self.reasons[row]}" for row in list(self.reasons)[:3]
            )
            more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            raise BadData(
                "every factor must vary over its observations",
                value=named + more,
                remedy="leave them out, or pass unusable='set aside'",
            )
        if len(reasons) == len(values):
            raise NotEnoughData(
                "some factor must vary over its observations",
                value=f"{len(values)} factors, {self.dropped.drop('used').to_dict()}",
                remedy="shorten the warm-up, or pass a longer history",
            )

    @classmethod
    def of_frame(
        cls, frame: pd.DataFrame, *, unusable: Literal["raise", "set aside"] = "raise"
    ) -> FactorMatrix:
        """Take a frame with observations in rows and factors in columns; its values are copied."""
        return cls(frame.to_numpy().T, frame.columns, unusable)

    @property
    def shape(self) -> tuple[int, int]:
        """Factors and observations."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def usable(self) -> BoolArray:
        """Which rows are not set aside, shape (factor,)."""
        import numpy as np

        mask = np.ones(len(self.values), dtype=bool)
        mask[list(self.reasons)] = False
        return mask

    @property
    def dropped(self) -> pd.Series[int]:
        """How many factors are set aside, by reason, and how many are used."""
        import pandas as pd

        found = list(self.reasons.values())
        counts = {
            reason: found.count(reason) for reason in (_NOTHING_KNOWN, _ONE_KNOWN, _NO_VARIANCE)
        }
        return pd.Series(counts | {"used": len(self.values) - len(found)})

    def rows_of(self, names: Sequence[Any] | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the rows of named factors, or raise `InputError` for a name it has not."""
        import numpy as np
        import pandas as pd

        if isinstance(names, str) or not hasattr(names, "__iter__"):
            raise InputError(
                "factors are asked for in a list", value=names, remedy=f"pass [{names!r}]"
            )
        asked = names.tolist() if isinstance(names, np.ndarray) else list(names)
        rows = self.names.get_indexer(pd.Index(asked))
        if (rows < 0).any():
            place = int(np.flatnonzero(rows < 0)[0])
            raise InputError(
                "a factor must be one of the matrix", value=asked[place], remedy="see matrix.names"
            )
        return np.asarray(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        aside = f", {len(self.reasons):,} set aside" if self.reasons else ""
        return f"FactorMatrix({self.shape[0]:,} factors, {self.shape[1]:,} observations{aside})"


def _as_single(values: Any) -> SingleArray:
    import numpy as np

    array = np.asarray(values)
    if array.ndim != 2:
        raise InputError(
            "a factor matrix has two dimensions, factor and observation",
            value=f"shape {array.shape}",
            remedy="one factor: values[None, :]",
        )
    if 0 in array.shape:
        raise NotEnoughData(
            "a factor matrix must not be empty",
            value=f"{array.shape[0]} factors x {array.shape[1]} observations",
            remedy="pass at least one factor",
        )
    if array.dtype.kind not in "fiu":
        raise BadData(
            "factors must be numbers",
            value=str(array.dtype),
            remedy="convert: values.astype(float)",
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and named below
        return np.ascontiguousarray(array, dtype=np.float32)


def _checked_names(names: Any, count: int) -> pd.Index[Any]:
    import pandas as pd

    index: pd.Index[Any] = pd.RangeIndex(count) if names is None else pd.Index(names)
    if len(index) != count:
        raise InputError(
            "each factor has one name", value=f"{len(index)} names of {count} factors", remedy=""
        )
    if not index.is_unique:
        raise BadData(
            "each name must be given once",
            value=str(index[index.duplicated()][0]),
            remedy="drop the copies, or rename them",
        )
    return index


def looked_at(
    values: SingleArray,
) -> tuple[CountArray, SingleArray, SingleArray, tuple[int, int] | None]:
    """Return how many of each row are known, its extremes, and the first infinite place."""
    import numpy as np

    from nautilus_lab.factors.scale._moment_kernels import look

    known = np.empty(len(values), np.int32)
    low, high = np.empty(len(values), np.float32), np.empty(len(values), np.float32)
    bad: list[tuple[int, int]] = []

    def work(begin: int, end: int) -> None:
        row, column = look(values[begin:end], known[begin:end], low[begin:end], high[begin:end])
        if row >= 0:
            bad.append((begin + row, column))

    share_out(work, len(values), _BLOCK, checked_threads(None))
    return known, low, high, min(bad, default=None)
