"""A number for each window of a series: what most features of the library's own are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


def window_of(settings: Values) -> int:
    """Return the window: the history of what is of its bars, the warm-up of what is of returns."""
    return int(settings["window"])


def before_window(settings: Values) -> int:
    """Return one bar less than the window: the warm-up of what is of its bars."""
    return window_of(settings) - 1


def window_and_one(settings: Values) -> int:
    """Return one bar more than the window: the history of what is of its returns."""
    return window_of(settings) + 1


def over_windows(reduce: Callable[..., FloatArray], window: int, *series: FloatArray) -> FloatArray:
    """Return a number for each window of so many bars, NaN before the first.

    Parameters
    ----------
    reduce : callable
        Takes an array of shape (windows, window) for each series; returns one of shape (windows,).
    window : int
        Bars.
    *series : array, shape (bars,)
        All of one length.
    """
    import numpy as np

    out = np.full(len(series[0]), np.nan)
    if len(out) >= window:
        views = [np.lib.stride_tricks.sliding_window_view(one, window) for one in series]
        # What divides by nothing is not known.
        with np.errstate(divide="ignore", invalid="ignore"):
            found = reduce(*views)
        out[window - 1 :] = np.where(np.isfinite(found), found, np.nan)
    return out
