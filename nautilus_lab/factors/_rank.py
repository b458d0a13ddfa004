"""Ranks and correlations of many rows at once, ties and missing values included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# Rows ranked together: their working arrays stay in the second-level cache.
_BLOCK = 256


def average_ranks(values: FloatArray) -> FloatArray:
    """Rank each row from 1 up; equal values share their mean rank, NaN stays NaN.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n)

    Returns
    -------
    ndarray, shape (n_rows, n)
    """
    import numpy as np

    ranks = np.empty(values.shape)
    for begin in range(0, len(values), _BLOCK):
        block = values[begin : begin + _BLOCK]
        ranks[begin : begin + _BLOCK] = _ranked(block)
    return ranks


def _ranked(values: FloatArray) -> FloatArray:
    import numpy as np

    n = values.shape[1]
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    places = np.arange(n, dtype=float)
    starts = np.ones(values.shape, dtype=bool)
    # NaN differs from itself, so the missing ones, sorted last, form no group of ties.
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    if starts.all():
        mean_places = np.broadcast_to(places, values.shape)
    else:
        ends = np.ones(values.shape, dtype=bool)
        ends[:, :-1] = starts[:, 1:]
        first = np.maximum.accumulate(np.where(starts, places, 0.0), axis=1)
        last = np.minimum.accumulate(np.where(ends, places, n)[:, ::-1], axis=1)[:, ::-1]
        mean_places = (first + last) / 2
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, mean_places + 1, axis=1)
    ranks[np.isnan(values)] = np.nan
    return ranks


def row_correlations(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the Pearson correlation of each pair of rows over the places where both are known.

    Parameters
    ----------
    left, right : ndarray, shape (n_rows, n)

    Returns
    -------
    ndarray, shape (n_rows,)
        NaN where fewer than 2 places are known or one side does not vary.
    """
    import numpy as np

    found = np.empty(len(left))
    for begin in range(0, len(left), _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        found[rows] = _correlated(left[rows], right[rows])
    return found


def _correlated(left: FloatArray, right: FloatArray) -> FloatArray:
    import numpy as np

    known = np.isfinite(left) & np.isfinite(right)
    counts = known.sum(axis=1)
    # A row with nothing known has no mean; its correlation is NaN all the same.
    divisors = np.maximum(counts, 1)
    sides = []
    for side in (left, right):
        kept = np.where(known, side, 0.0)
        off = np.where(known, side - (kept.sum(axis=1) / divisors)[:, None], 0.0)
        low = np.where(known, side, np.inf).min(axis=1)
        high = np.where(known, side, -np.inf).max(axis=1)
        # By the extremes: rounding leaves a constant row with deviations of 1e-17.
        sides.append((off, np.where(high > low, np.einsum("ij,ij->i", off, off), np.nan)))
    (a, aa), (b, bb) = sides
    return np.asarray(np.einsum("ij,ij->i", a, b) / np.sqrt(aa) / np.sqrt(bb), dtype=np.float64)


def rank_correlations(score: FloatArray, ranks: FloatArray, ahead: FloatArray) -> FloatArray:
    """Return Spearman's correlation of each row over the places where both sides are known.

    Parameters
    ----------
    score, ranks, ahead : ndarray, shape (n_rows, n)
        `ranks` are those of `score`; both sides are ranked anew where one lacks what the other has.
    """
    import numpy as np

    lacking = np.isfinite(score) & np.isnan(ahead)
    partial = lacking.any(axis=1) & ~lacking.all(axis=1)
    if partial.any():
        ranks = ranks.copy()
        ranks[partial] = average_ranks(np.where(lacking[partial], np.nan, score[partial]))
    return row_correlations(ranks, average_ranks(ahead))


def buckets(ranks: FloatArray, count: int) -> FloatArray:
    r"""Cut each row into `count` buckets of equal size by rank: 0 lowest, NaN where unranked.

    A name of rank :math:`r` among :math:`n` falls into :math:`\lfloor (r - 1/2) Q / n \rfloor`;
    ties share a bucket.

    Parameters
    ----------
    ranks : ndarray, shape (n_rows, n)
    count : int

    Returns
    -------
    ndarray, shape (n_rows, n)
    """
    import numpy as np

    n_known = np.isfinite(ranks).sum(axis=1, keepdims=True)
    return np.asarray(np.floor((ranks - 0.5) * count / np.maximum(n_known, 1)), dtype=np.float64)


def bucket_means(values: FloatArray, bucket: FloatArray, count: int) -> FloatArray:
    """Return the mean of each row's values by bucket.

    Parameters
    ----------
    values, bucket : ndarray, shape (n_rows, n)
    count : int

    Returns
    -------
    ndarray, shape (n_rows, count)
        NaN for a bucket without a known value.
    """
    import numpy as np

    n_rows = len(values)
    known = np.isfinite(values) & np.isfinite(bucket)
    flat = (np.arange(n_rows)[:, None] * count + np.where(known, bucket, 0)).astype(np.intp)[known]
    sums = np.bincount(flat, weights=values[known], minlength=n_rows * count)
    sizes = np.bincount(flat, minlength=n_rows * count)
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
    return np.asarray(means.reshape(n_rows, count), dtype=np.float64)
