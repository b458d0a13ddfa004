"""Returns of the levels that features of several instruments take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


def window_setting(default: int = 60, least: int = 3) -> dict[str, Parameter]:
    """Return the setting that says over how many returns."""
    return {"window": Parameter(default=default, least=least)}


def simple_returns(levels: FloatArray) -> FloatArray:
    """Return level over level of the bar before, less 1; one fewer than levels.

    Of what stood at 0, as a volume may, there is none.
    """
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.ascontiguousarray(levels[1:] / levels[:-1] - 1)


def after(values: FloatArray, bars: int) -> FloatArray:
    """Return values of the last bars with NaN before them."""
    import numpy as np

    out = np.full(bars, np.nan)
    if values.size:
        out[bars - values.size :] = values
    return out


def of_moments(
    formula: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    close: FloatArray,
    against: FloatArray,
    window: int,
) -> FloatArray:
    """Return a formula of both series' returns in each window.

    It takes their sums of squares and of products about the means, xx, yy and xy; see `moments`.
    """
    import numpy as np

    from nautilus_lab.features.cross_asset._comovement_kernels import moments

    found = moments(simple_returns(close), simple_returns(against), window)
    with np.errstate(divide="ignore", invalid="ignore"):
        return after(formula(*found), len(close))
