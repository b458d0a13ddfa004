"""The worst part of a sample: ranks, quantiles and means of tails."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray

QuantileRule: TypeAlias = Literal["higher", "linear"]


@lru_cache(maxsize=16)
def share_of(confidence: float) -> Fraction:
    """Return `confidence` as the decimal number that it prints as."""
    # The binary 1 - 0.9 is a little less than a tenth and would lose a whole observation.
    return Fraction(repr(float(confidence)))


def tail_size(n: int, confidence: float) -> Fraction:
    """Return how many of `n` observations lie in the tail; it may have a fraction."""
    return n * (1 - share_of(confidence))


def order_statistics(losses: FloatArray, tail: Fraction) -> tuple[float, float]:
    """Return the (k+1)-th largest loss, k the whole part of `tail`, and the mean of the tail."""
    import numpy as np

    at = len(losses) - 1 - int(tail)
    parted = np.partition(losses, at)
    edge = float(parted[at])
    beyond = float(parted[at + 1 :].sum()) + float(tail - int(tail)) * edge
    return edge, beyond / float(tail)


def tail_chances(losses: FloatArray, edge: float, tail: float) -> tuple[IntArray, FloatArray]:
    """Return the periods that make up the tail and each one's share in its mean; they sum to 1.

    Periods that tie with the value at risk share what is left of the tail equally, so that the
    order of the periods does not matter.
    """
    import numpy as np

    rows = np.flatnonzero(losses >= edge)
    ties = losses[rows] == edge
    n_ties = int(ties.sum())
    left = (tail - (len(rows) - n_ties)) / n_ties
    return rows, np.where(ties, left, 1.0) / tail


def rolling_tail_means(losses: FloatArray, window: int, confidence: float) -> FloatArray:
    """Return the expected shortfall of every run of `window` losses, the oldest run first."""
    import numpy as np

    tail = tail_size(window, confidence)
    at = window - 1 - int(tail)
    runs = np.lib.stride_tricks.sliding_window_view(losses, window)
    found = np.empty(len(runs))
    # Sorted copies of all runs at once would take `window` times the memory of the losses.
    for begin in range(0, len(runs), 1024):
        parted = np.partition(runs[begin : begin + 1024], at, axis=1)
        beyond = parted[:, at + 1 :].sum(axis=1) + float(tail - int(tail)) * parted[:, at]
        found[begin : begin + 1024] = beyond / float(tail)
    return found
