"""Returns of all instruments in a window, those with a gap left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray


def returns_of_all(close: FloatArray) -> FloatArray:
    """Return simple returns, shape (bars - 1, symbols); NaN at a missing bar and after it."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.asarray(close[1:] / close[:-1] - 1)
    found[np.isinf(found)] = np.nan
    return found


def members(returns: FloatArray) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Return which instruments have every return of a window, and moved in it; and how.

    Parameters
    ----------
    returns : array, shape (window, symbols)
        NaN where one is not known.

    Returns
    -------
    inside : array, shape (symbols,)
        Which are members.
    apart : array, shape (window, members)
        Their returns about their means.
    squares : array, shape (members,)
        The sums of squares of these.
    """
    import numpy as np

    apart = returns - returns.sum(axis=0) / len(returns)
    squares = np.einsum("ij,ij->j", apart, apart)
    # What does not move is left with rounding; a NaN is above nothing.
    inside = squares > 1e-20 * np.einsum("ij,ij->j", returns, returns)
    if not inside.all():
        apart, squares = np.ascontiguousarray(apart[:, inside]), squares[inside]
    return inside, apart, squares


def standardised(apart: FloatArray, squares: FloatArray) -> FloatArray:
    """Return returns about their means in deviations, divisor n - 1."""
    import numpy as np

    return np.asarray(apart / np.sqrt(squares / (len(apart) - 1)))
