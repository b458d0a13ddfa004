"""The data of expressions: frames of one shape, checked at one door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_bars, require_returns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import Bars, BoolArray, FloatArray

    Labels = NDArray[np.object_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Fields as arrays of one shape, (time, symbol).

    Attributes
    ----------
    numbers : mapping of str to ndarray
        NaN where not known.
    labels : mapping of str to ndarray
        Of the fields that are read as groups, as they were given.
    universes : mapping of str to ndarray of bool
        Which symbols belong to each at which time.
    times, symbols : Index
        Rows and columns.
    start : int
        How many rows of the history came before the first one.
    """

    numbers: Mapping[str, FloatArray]
    labels: Mapping[str, Labels]
    universes: Mapping[str, BoolArray]
    times: pd.Index[Any]
    symbols: pd.Index[Any]
    start: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.times), len(self.symbols)


def bar_fields(bars: Bars) -> dict[str, pd.DataFrame]:
    """Return the fields of expressions from a long frame of bars.

    Parameters
    ----------
    bars : DataFrame, shape ((timestamp, symbol), columns)
        Open, high, low, close, volume; each further column becomes a field, too.

    Returns
    -------
    dict of str to DataFrame, shape (time, symbol)
        The columns as wide frames, NaN where a symbol has no bar, and ``returns``, close to close
        of the row before. There is no ``vwap`` unless the bars have it.

    Raises
    ------
    InputError, NotEnoughData, BadData
        When the bars are not in order; see `nautilus_lab.frames.require_bars`.
    """
    wide: Any = require_bars(bars).unstack("symbol")
    found: dict[str, pd.DataFrame] = {str(column): wide[column] for column in bars.columns}
    if "returns" not in found:
        found["returns"] = found["close"].pct_change(fill_method=None)
    return found


def panel(
    fields: Mapping[str, pd.DataFrame],
    numbers: Iterable[str],
    groups: Iterable[str],
    universes: Mapping[str, pd.DataFrame],
    *,
    whole: bool = True,
) -> Panel:
    """Check the fields that are read and return them as arrays.

    Parameters
    ----------
    fields : mapping of str to DataFrame, shape (time, symbol)
        May hold more than is read; what is not read is not looked at.
    numbers, groups : iterable of str
        What is read, as numbers and as labels.
    universes : mapping of str to DataFrame of bool
        Which symbols belong to each.
    whole : bool, default=True
        Refuse a symbol that is never known. False for a few rows of a longer history.

    Raises
    ------
    InputError
        When a field is not there, or is no wide frame.
    NotEnoughData
        When a frame is empty.
    BadData
        When frames are not aligned, times unsorted or repeated, a value infinite or no number, or
        a symbol NaN throughout; names the field and the place.
    """
    numbers, groups = sorted(numbers), sorted(groups)
    checked: dict[str, pd.DataFrame] = {}
    for name in dict.fromkeys((*numbers, *groups)):
        if name not in fields:
            raise InputError(
                "an expression reads fields that are given",
                value=f"{name!r} is not among {', '.join(map(str, fields))}",
            )
        checked[name] = require_returns(fields[name], name=name, values=False)
    first, like = next(iter(checked.items()))
    masks = {
        name: require_returns(frame, name=f"universe {name}", values=False)
        for name, frame in universes.items()
    }
    for name, frame in checked.items():
        _require_aligned(frame, name, like, first)
    for name, frame in masks.items():
        _require_aligned(frame, f"universe {name}", like, first)
    return Panel(
        numbers={name: _numbers(checked[name], name, whole) for name in numbers},
        labels={name: checked[name].to_numpy(dtype=object) for name in groups},
        universes={name: _membership(frame, name) for name, frame in masks.items()},
        times=like.index,
        symbols=like.columns,
    )


def group_numbers(labels: Labels) -> FloatArray:
    """Return labels as numbers from 0, NaN where there is none."""
    import numpy as np
    import pandas as pd

    codes, _ = pd.factorize(labels.ravel())
    return np.where(codes < 0, np.nan, codes).reshape(labels.shape)


def _require_aligned(frame: pd.DataFrame, name: str, like: pd.DataFrame, first: str) -> None:
    for axis, one, other in (
        ("time", frame.index, like.index),
        ("symbol", frame.columns, like.columns),
    ):
        if one.equals(other):
            continue
        alone = [(name, x) for x in one if x not in other] + [
            (first, x) for x in other if x not in one
        ]
        what = f"{alone[0][1]} is in {alone[0][0]} only" if alone else "they are in another order"
        raise BadData(
            f"{name} must have every {axis} of {first}",
            value=what,
            remedy=f"align it: {name}.reindex_like({first})",
        )


def _numbers(frame: pd.DataFrame, name: str, whole: bool) -> FloatArray:
    import numpy as np

    try:
        values = np.ascontiguousarray(frame.to_numpy(dtype=float, na_value=float("nan")))
    except (TypeError, ValueError):
        raise BadData(f"{name} must be numbers", remedy="read labels as a group") from None
    known = np.isfinite(values)
    if not known.all():
        infinite = np.argwhere(np.isinf(values))
        if len(infinite):
            row, column = infinite[0]
            raise BadData(
                f"{name} must be finite or NaN",
                value=f"{frame.columns[column]} at {frame.index[row].isoformat()}",
            )
        never = ~known.any(axis=0)
        if whole and never.any():
            raise BadData(
                f"{name} must know something of every symbol",
                value=f"{frame.columns[int(never.argmax())]} is NaN throughout",
                remedy="drop the symbol from every field",
            )
    return values


def _membership(frame: pd.DataFrame, name: str) -> BoolArray:
    import numpy as np

    values = frame.to_numpy()
    if values.dtype != bool:
        raise BadData(
            f"universe {name} must be true or false",
            value=str(values.dtype),
            remedy="frame.astype(bool)",
        )
    return np.ascontiguousarray(values)
