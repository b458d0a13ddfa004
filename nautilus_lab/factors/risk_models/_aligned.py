"""Frames and labels that must speak of the same times and symbols."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_scores

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray

# How many places an error names before it counts the rest.
_MOST_NAMED = 5


def listed(names: Any) -> str:
    """Return the first few names, and how many more there are."""
    every = [str(name) for name in names]
    more = f" and {len(every) - _MOST_NAMED} more" if len(every) > _MOST_NAMED else ""
    return ", ".join(every[:_MOST_NAMED]) + more


def require_like(frame: pd.DataFrame, like: pd.DataFrame, name: str, like_name: str) -> FloatArray:
    """Return the values of a frame with gaps that has the times and symbols of another.

    Raises
    ------
    InputError
        When times or symbols differ, naming the first of them.
    NotEnoughData
        When nothing in it is known.
    BadData
        When a value is infinite, or times are unsorted or repeated.
    """
    import numpy as np

    checked = require_scores(frame, name=name)
    for axis, one, other in (
        ("symbols", checked.columns, like.columns),
        ("times", checked.index, like.index),
    ):
        if one.equals(other):
            continue
        lacking, extra = other.difference(one), one.difference(other)
        found = f"without {listed(lacking)}" if len(lacking) else f"{listed(extra)} in addition"
        raise InputError(
            f"{name} must have the {axis} of {like_name}, in their order",
            value=found if len(lacking) or len(extra) else "another order",
            remedy=f"align them: {name}.reindex_like({like_name})",
        )
    return np.asarray(checked.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def labels_of(
    labels: pd.Series[str] | Mapping[str, str], symbols: pd.Index[Any], name: str
) -> pd.Series[str]:
    """Return one label a symbol, in the order of `symbols`.

    Raises
    ------
    InputError
        When a symbol has none, or two.
    """
    import pandas as pd

    given = pd.Series(labels, dtype=object)
    if not given.index.is_unique:
        raise InputError(
            f"{name} must have each symbol once",
            value=listed(given.index[given.index.duplicated()]),
            remedy="drop the copies",
        )
    found = given.reindex(symbols)
    if found.isna().any():
        raise InputError(
            f"every symbol must have one of the {name}",
            value=f"none for {listed(symbols[found.isna()])}",
            remedy='name the missing ones, or give them a group of their own: "other"',
        )
    return found


def require_square(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return the values of a covariance: square, finite, symmetric, of no negative variance.

    Raises
    ------
    InputError
        When rows and columns do not have the same names.
    BadData
        When it is not finite or symmetric, or a combination has a negative variance; the error
        names the combination's greatest parts.
    """
    import numpy as np

    if not frame.index.equals(frame.columns) or not frame.index.is_unique or frame.empty:
        raise InputError(
            f"{name} must have the same names in rows and columns, each once",
            value=f"{listed(frame.index)} against {listed(frame.columns)}",
            remedy=f"reindex it: {name}.loc[names, names]",
        )
    values = np.asarray(frame, dtype=np.float64)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise BadData(
            f"{name} must be finite",
            value=f"{values[row, column]} of {frame.index[row]} and {frame.columns[column]}",
            remedy="drop the factor, or pass a longer history",
        )
    scale = float(np.abs(values).max())
    off = np.abs(values - values.T)
    if off.max() > 1e-8 * scale:
        row, column = divmod(int(off.argmax()), off.shape[1])
        raise BadData(
            f"{name} must be symmetric",
            value=f"{frame.index[row]} and {frame.columns[column]} differ by {off.max():.2g}",
            remedy="take (matrix + matrix.T) / 2",
        )
    roots, vectors = np.linalg.eigh((values + values.T) / 2)
    if roots[0] < -1e-10 * scale * len(roots):
        parts = np.argsort(-np.abs(vectors[:, 0]))[:3]
        raise BadData(
            f"{name} must have no negative variance (be positive semi-definite)",
            value=f"eigenvalue {roots[0]:.3g}, mostly of {listed(frame.index[parts])}",
            remedy="shrink it, or estimate it from the same times for every pair",
        )
    return values


def require_names(n: int, needed: int, what: str) -> None:
    """Raise when there are too few names for what is estimated from them."""
    if n < needed:
        raise NotEnoughData(
            f"{what} takes at least {needed} names",
            value=n,
            remedy="widen the universe, or use fewer factors",
        )


def require_count(value: object, name: str, *, least: int, most: int | None = None) -> int:
    """Return a whole number within bounds.

    Raises
    ------
    InputError
        When it is no whole number, or out of them.
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        count = int(value)
        if least <= count and (most is None or count <= most):
            return count
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise InputError(
        f"{name} must be a whole number {bounds}", value=value, remedy=f"pass {name}={least}"
    )
