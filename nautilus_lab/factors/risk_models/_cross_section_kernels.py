"""The sums of regressions over names, group by group, without a column for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray, IntArray


@numba.njit(cache=True, nogil=True)
def moments(
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
    """Add up weighted products of exposures and returns, and the capitalisation of each group."""
    n_styles, n_times, n_symbols = styles.shape
    first = 1 if intercept else 0
    n_groups = shares.shape[1]
    row = np.empty(n_styles)
    for t in range(n_times):
        into, target = products[t], targets[t]
        for i in range(n_symbols):
            if not known[t, i]:
                continue
            w, r = weights[t, i], returns[t, i]
            for s in range(n_styles):
                row[s] = styles[s, t, i]
            for s in range(n_styles):
                wx = w * row[s]
                target[first + s] += wx * r
                for other in range(s + 1):
                    into[first + s, first + other] += wx * row[other]
                if intercept:
                    into[first + s, 0] += wx
                if n_groups:
                    into[first + n_styles + groups[t, i], first + s] += wx
            if intercept:
                into[0, 0] += w
                target[0] += w * r
            if n_groups:
                g = groups[t, i]
                place = first + n_styles + g
                into[place, place] += w
                target[place] += w * r
                shares[t, g] += caps[t, i]
                if intercept:
                    into[place, 0] += w
        for a in range(into.shape[0]):
            for b in range(a):
                into[b, a] = into[a, b]


@numba.njit(cache=True, nogil=True)
def residuals(
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
    n_styles, n_times, n_symbols = styles.shape
    first = 1 if intercept else 0
    n_groups = found.shape[1] - first - n_styles
    for t in range(n_times):
        mean = 0.0
        for i in range(n_symbols):
            if known[t, i]:
                mean += weights[t, i] * returns[t, i]
        left = spread = 0.0
        for i in range(n_symbols):
            if not known[t, i]:
                continue
            fitted = found[t, 0] if intercept else 0.0
            for s in range(n_styles):
                fitted += styles[s, t, i] * found[t, first + s]
            if n_groups:
                fitted += found[t, first + n_styles + groups[t, i]]
            e = returns[t, i] - fitted
            specific[t, i] = e
            left += weights[t, i] * e * e
            spread += weights[t, i] * (returns[t, i] - mean) ** 2
        unexplained[t] = left
        varied[t] = spread
