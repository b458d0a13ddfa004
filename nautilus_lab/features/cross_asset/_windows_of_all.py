"""Returns of all instruments in a window, those with a gap left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray


def returns_of_all(close: FloatArray) -> FloatArray:
    """Return simple returns, shape (bars - 1, symbols); NaN at a missing bar and after it."""
    import numpy as np

    return np.asarray(close[1:] / close[:-1] - 1)


def members(returns: FloatArray) -> BoolArray:
    """Return which instruments have every return of a window, and moved in it."""
    import numpy as np

    whole = np.isfinite(returns).all(axis=0)
    with np.errstate(invalid="ignore"):
        apart = returns - returns.mean(axis=0)
        # what does not move is left with rounding
        moved = (apart**2).sum(axis=0) > 1e-20 * (returns**2).sum(axis=0)
    return np.asarray(whole & moved)


def standardised(returns: FloatArray) -> FloatArray:
    """Return returns about their means, in deviations (divisor n - 1)."""
    import numpy as np

    apart = returns - returns.mean(axis=0)
    return np.asarray(apart / np.sqrt((apart**2).sum(axis=0) / (len(returns) - 1)))
