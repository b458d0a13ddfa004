"""The sums of regressions over the names of dates from `begin` to `end`.

A group is its number, not a column for each; styles are taken along their names, so that sums of
products run over neighbours in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray, IntArray

# Sums may be taken in any order: eight at once.
_WIDE = {"reassoc", "contract", "nsz"}


@numba.njit(cache=True, nogil=True, fastmath=_WIDE)
def _dot(left: FloatArray, right: FloatArray) -> float:
    total = 0.0
    for i in range(left.size):
        total += left[i] * right[i]
    return total


@numba.njit(cache=True, nogil=True)
def moments(
    begin: int,
    end: int,
    styles: FloatArray,
    groups: IntArray,
    weights: FloatArray,
    caps: FloatArray,
    returns: FloatArray,
    known: BoolArray,
    intercept: bool,
    products: FloatArray,
    targets: FloatArray,
    shares: FloatArray,
) -> None:
    """Add up weighted products of exposures and returns, and the capitalisation of each group.

    Weights, capitalisations and returns are 0 where not known; exposures may be NaN there.
    """
    n_styles, n_symbols = styles.shape[0], styles.shape[2]
    first = 1 if intercept else 0
    n_groups = shares.shape[1]
    places = first + n_styles
    plain, weighted = np.empty((n_styles, n_symbols)), np.empty((n_styles, n_symbols))
    for t in range(begin, end):
        into, target, w, r = products[t], targets[t], weights[t], returns[t]
        for s in range(n_styles):
            for i in range(n_symbols):
                x = styles[s, t, i] if known[t, i] else 0.0
                plain[s, i] = x
                weighted[s, i] = w[i] * x
        for s in range(n_styles):
            target[first + s] = _dot(weighted[s], r)
            for other in range(s + 1):
                into[first + s, first + other] = _dot(weighted[s], plain[other])
            if intercept:
                into[first + s, 0] = weighted[s].sum()
            if n_groups:
                for i in range(n_symbols):
                    if known[t, i]:
                        into[places + groups[t, i], first + s] += weighted[s, i]
        if intercept:
            into[0, 0] = w.sum()
            target[0] = _dot(w, r)
        if n_groups:
            for i in range(n_symbols):
                if known[t, i]:
                    g = groups[t, i]
                    into[places + g, places + g] += w[i]
                    target[places + g] += w[i] * r[i]
                    shares[t, g] += caps[t, i]
            if intercept:
                for g in range(n_groups):
                    into[places + g, 0] = into[places + g, places + g]
        for a in range(into.shape[0]):
            for b in range(a):
                into[b, a] = into[a, b]


@numba.njit(cache=True, nogil=True)
def residuals(
    begin: int,
    end: int,
    styles: FloatArray,
    groups: IntArray,
    weights: FloatArray,
    returns: FloatArray,
    known: BoolArray,
    intercept: bool,
    found: FloatArray,
    specific: FloatArray,
    unexplained: FloatArray,
    varied: FloatArray,
) -> None:
    """Write what factor returns leave of each return, and the weighted sums of squares."""
    n_styles, n_symbols = styles.shape[0], styles.shape[2]
    first = 1 if intercept else 0
    n_groups = found.shape[1] - first - n_styles
    errors = np.empty(n_symbols)
    for t in range(begin, end):
        w, r = weights[t], returns[t]
        level = found[t, 0] if intercept else 0.0
        for i in range(n_symbols):
            errors[i] = r[i] - level
        for s in range(n_styles):
            paid = found[t, first + s]
            for i in range(n_symbols):
                errors[i] -= styles[s, t, i] * paid
        mean = _dot(w, r)
        left = spread = 0.0
        for i in range(n_symbols):
            if not known[t, i]:
                continue
            e = errors[i]
            if n_groups:
                e -= found[t, first + n_styles + groups[t, i]]
            specific[t, i] = e
            left += w[i] * e * e
            spread += w[i] * (r[i] - mean) ** 2
        unexplained[t] = left
        varied[t] = spread
