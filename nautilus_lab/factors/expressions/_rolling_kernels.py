"""Moving windows over the rows of a panel, a few operations a step whatever the window.

Rows are cut into blocks as long as the window (van Herk 1992; Gil and Werman 1993). A window is
the end of one block and the beginning of the next, so its statistic is that of a running sum from
each side, joined. Nothing is ever subtracted: a large value that has left a window leaves no
rounding behind, and a NaN spoils the windows it is in and no other. Mean and moments are joined
by the formulas of Chan, Golub and LeVeque (1979) and Pebay (2008), which do not cancel.

Blocks are counted from a row of the whole history, `phase`: a window gives the same bits when
only the rows it needs are there.

Divisions by 0 are looked at afterwards (``error_model="numpy"``), and rows are cut out before their
columns are gone through: a check at each column would keep the compiler from working on many at a
time.

All take ``x`` of shape (row, symbol), ``window``, ``phase`` (how many rows of its block came
before row 0), the columns ``begin:end`` to work on, and write ``out``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# columns worked on together: the rows of a block stay in the second-level cache
_TILE = 64


@numba.njit(cache=True, nogil=True, error_model="numpy")
def sums(x: FloatArray, window: int, phase: int, begin: int, end: int, out: FloatArray) -> None:
    """Write the sum of each window."""
    rows = x.shape[0]
    suffix = np.empty((window, _TILE))
    prefix = np.empty(_TILE)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                if row == begins:
                    for c in range(n):
                        prefix[c] = new[c]
                else:
                    for c in range(n):
                        prefix[c] += new[c]
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                elif place == window - 1:
                    for c in range(n):
                        to[c] = prefix[c]
                else:
                    for c in range(n):
                        to[c] = suffix[place + 1, c] + prefix[c]
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    suffix[last, c] = x[block + last, first + c]
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    for c in range(n):
                        suffix[place, c] = suffix[place + 1, c] + new[c]
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def products(x: FloatArray, window: int, phase: int, begin: int, end: int, out: FloatArray) -> None:
    """Write the product of each window; NaN where it is too large for a float."""
    rows = x.shape[0]
    suffix = np.empty((window, _TILE))
    prefix = np.empty(_TILE)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                if row == begins:
                    for c in range(n):
                        prefix[c] = new[c]
                else:
                    for c in range(n):
                        prefix[c] *= new[c]
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                    continue
                whole = place == window - 1
                for c in range(n):
                    value = prefix[c] if whole else suffix[place + 1, c] * prefix[c]
                    to[c] = value if math.isfinite(value) else math.nan
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    suffix[last, c] = x[block + last, first + c]
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    for c in range(n):
                        suffix[place, c] = suffix[place + 1, c] * new[c]
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def decays(x: FloatArray, window: int, phase: int, begin: int, end: int, out: FloatArray) -> None:
    """Write the mean of each window with weights 1, 2, ... up to the newest."""
    rows = x.shape[0]
    suffix = np.empty((window, _TILE))  # weighted, the oldest by 1
    plain = np.empty((window, _TILE))
    prefix = np.empty(_TILE)  # weighted, the first of the block by 1
    total = np.empty(_TILE)
    weights = window * (window + 1) / 2.0
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                if row == begins:
                    for c in range(n):
                        total[c] = new[c]
                        prefix[c] = new[c]
                else:
                    for c in range(n):
                        total[c] += new[c]
                        prefix[c] += (place + 1.0) * new[c]
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                elif place == window - 1:
                    for c in range(n):
                        to[c] = prefix[c] / weights
                else:
                    older = window - 1.0 - place
                    for c in range(n):
                        joined = suffix[place + 1, c] + (prefix[c] + older * total[c])
                        to[c] = joined / weights
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    plain[last, c] = x[block + last, first + c]
                    suffix[last, c] = x[block + last, first + c]
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    for c in range(n):
                        plain[place, c] = plain[place + 1, c] + new[c]
                        suffix[place, c] = suffix[place + 1, c] + plain[place, c]
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def extremes(
    x: FloatArray,
    window: int,
    phase: int,
    begin: int,
    end: int,
    out: FloatArray,
    sign: float,
    where: bool,
) -> None:
    """Write the largest of `sign` times each window, or its place, 1 for the oldest."""
    rows = x.shape[0]
    suffix = np.empty((window, _TILE))
    suffix_row = np.empty((window, _TILE), np.int64)
    prefix = np.empty(_TILE)
    prefix_row = np.empty(_TILE, np.int64)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                for c in range(n):
                    value = sign * new[c]
                    # of equal ones the oldest counts; NaN stays
                    if row == begins or value > prefix[c] or math.isnan(value):
                        prefix[c] = value
                        prefix_row[c] = row
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                    continue
                whole = place == window - 1
                for c in range(n):
                    best, at = prefix[c], prefix_row[c]
                    if not whole:
                        older = suffix[place + 1, c]
                        if older >= best or math.isnan(older):
                            best, at = older, suffix_row[place + 1, c]
                    if math.isnan(best):
                        to[c] = math.nan
                    elif where:
                        to[c] = at - (row - window)
                    else:
                        to[c] = sign * best
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    suffix[last, c] = sign * x[block + last, first + c]
                    suffix_row[last, c] = block + last
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    for c in range(n):
                        value = sign * new[c]
                        newer = suffix[place + 1, c]
                        if value >= newer or math.isnan(value):
                            suffix[place, c] = value
                            suffix_row[place, c] = block + place
                        else:
                            suffix[place, c] = newer
                            suffix_row[place, c] = suffix_row[place + 1, c]
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def deviations(
    x: FloatArray,
    window: int,
    phase: int,
    begin: int,
    end: int,
    out: FloatArray,
    score: bool,
) -> None:
    """Write the sample deviation of each window, or the newest value's distance in deviations."""
    rows = x.shape[0]
    mean_s, square_s = np.empty((window, _TILE)), np.empty((window, _TILE))
    mean_p, square_p = np.empty(_TILE), np.empty(_TILE)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                if row == begins:
                    for c in range(n):
                        # a NaN is NaN in the squares, too
                        mean_p[c] = new[c]
                        square_p[c] = mean_p[c] - mean_p[c]
                else:
                    count = row - begins + 1.0
                    share = 1.0 / count
                    for c in range(n):
                        off = new[c] - mean_p[c]
                        mean_p[c] += off * share
                        square_p[c] += off * (new[c] - mean_p[c])
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                    continue
                newer = place + 1.0
                older = window - newer
                for c in range(n):
                    mean, square = mean_p[c], square_p[c]
                    if older > 0.0:
                        off = mean - mean_s[place + 1, c]
                        square += square_s[place + 1, c] + off * off * (older * newer / window)
                        mean = mean_s[place + 1, c] + off * (newer / window)
                    deviation = math.sqrt(square / (window - 1.0))
                    if not score:
                        to[c] = deviation
                    else:
                        value = (new[c] - mean) / deviation
                        to[c] = value if deviation > 0.0 else math.nan
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    mean_s[last, c] = x[block + last, first + c]
                    square_s[last, c] = mean_s[last, c] - mean_s[last, c]
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    share = 1.0 / (window - place)
                    for c in range(n):
                        value = new[c]
                        off = value - mean_s[place + 1, c]
                        mean_s[place, c] = mean_s[place + 1, c] + off * share
                        square_s[place, c] = square_s[place + 1, c] + off * (
                            value - mean_s[place, c]
                        )
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _joined(na: float, a: FloatArray, nb: float, b: FloatArray, c: int, both: FloatArray) -> None:
    """Write mean and the sums of second to fourth powers about it, of two sets together."""
    n = na + nb
    off = b[0, c] - a[0, c]
    share = off / n
    square = share * share
    product = na * nb
    both[0] = a[0, c] + nb * share
    both[1] = a[1, c] + b[1, c] + off * share * product
    both[2] = (
        a[2, c]
        + b[2, c]
        + off * square * product * (na - nb)
        + 3.0 * share * (na * b[1, c] - nb * a[1, c])
    )
    both[3] = (
        a[3, c]
        + b[3, c]
        + off * share * square * product * (na * na - product + nb * nb)
        + 6.0 * square * (na * na * b[1, c] + nb * nb * a[1, c])
        + 4.0 * share * (na * b[2, c] - nb * a[2, c])
    )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def shapes(
    x: FloatArray,
    window: int,
    phase: int,
    begin: int,
    end: int,
    out: FloatArray,
    fourth: bool,
) -> None:
    """Write the sample skewness of each window, or its excess kurtosis, both unbiased."""
    rows = x.shape[0]
    suffix = np.empty((window, 4, _TILE))
    prefix = np.empty((4, _TILE))
    one = np.zeros((4, _TILE))
    found = np.empty(4)
    w = float(window)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                newer = place + 1.0
                for c in range(n):
                    one[0, c] = new[c]
                    if row == begins:
                        prefix[0, c] = one[0, c]
                        prefix[1, c] = prefix[2, c] = prefix[3, c] = one[0, c] - one[0, c]
                    else:
                        _joined(row - begins, prefix, 1.0, one, c, found)
                        prefix[:, c] = found
                    if row < window - 1:
                        to[c] = math.nan
                        continue
                    if place < window - 1:
                        _joined(w - newer, suffix[place + 1], newer, prefix, c, found)
                    else:
                        found[:] = prefix[:, c]
                    m2 = found[1]
                    if not m2 > 0.0:
                        to[c] = math.nan
                    elif fourth:
                        g = w * (w + 1.0) * (w - 1.0) / ((w - 2.0) * (w - 3.0))
                        shift = 3.0 * (w - 1.0) ** 2 / ((w - 2.0) * (w - 3.0))
                        to[c] = g * found[3] / (m2 * m2) - shift
                    else:
                        g = w * math.sqrt(w - 1.0) / (w - 2.0)
                        to[c] = g * found[2] / (m2 * math.sqrt(m2))
            if block + window < rows:
                last = window - 1
                for place in range(last, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    for c in range(n):
                        one[0, c] = new[c]
                        if place == last:
                            suffix[last, 0, c] = one[0, c]
                            suffix[last, 1:, c] = one[0, c] - one[0, c]
                        else:
                            _joined(1.0, one, last - place, suffix[place + 1], c, found)
                            suffix[place, :, c] = found
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def comoments(
    x: FloatArray,
    y: FloatArray,
    window: int,
    phase: int,
    begin: int,
    end: int,
    out: FloatArray,
    correlation: bool,
) -> None:
    """Write the sample covariance of each window of two series, or their correlation."""
    rows = x.shape[0]
    mx_s, my_s = np.empty((window, _TILE)), np.empty((window, _TILE))
    xx_s, yy_s, xy_s = (
        np.empty((window, _TILE)),
        np.empty((window, _TILE)),
        np.empty((window, _TILE)),
    )
    mx_p, my_p = np.empty(_TILE), np.empty(_TILE)
    xx_p, yy_p, xy_p = np.empty(_TILE), np.empty(_TILE), np.empty(_TILE)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                other = y[row, first : first + n]
                if row == begins:
                    for c in range(n):
                        mx_p[c], my_p[c] = new[c], other[c]
                        xx_p[c], yy_p[c] = mx_p[c] - mx_p[c], my_p[c] - my_p[c]
                        xy_p[c] = xx_p[c] + yy_p[c]
                else:
                    share = 1.0 / (row - begins + 1.0)
                    for c in range(n):
                        dx, dy = new[c] - mx_p[c], other[c] - my_p[c]
                        mx_p[c] += dx * share
                        my_p[c] += dy * share
                        after = other[c] - my_p[c]
                        xx_p[c] += dx * (new[c] - mx_p[c])
                        yy_p[c] += dy * after
                        xy_p[c] += dx * after
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                    continue
                newer = place + 1.0
                older = window - newer
                scale = older * newer / window
                for c in range(n):
                    xx, yy, xy = xx_p[c], yy_p[c], xy_p[c]
                    if older > 0.0:
                        dx = mx_p[c] - mx_s[place + 1, c]
                        dy = my_p[c] - my_s[place + 1, c]
                        xx += xx_s[place + 1, c] + dx * dx * scale
                        yy += yy_s[place + 1, c] + dy * dy * scale
                        xy += xy_s[place + 1, c] + dx * dy * scale
                    if not correlation:
                        to[c] = xy / (window - 1.0)
                    else:
                        value = xy / (math.sqrt(xx) * math.sqrt(yy))
                        value = 1.0 if value > 1.0 else -1.0 if value < -1.0 else value
                        to[c] = value if xx > 0.0 and yy > 0.0 else math.nan
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    mx_s[last, c] = x[block + last, first + c]
                    my_s[last, c] = y[block + last, first + c]
                    xx_s[last, c] = mx_s[last, c] - mx_s[last, c]
                    yy_s[last, c] = my_s[last, c] - my_s[last, c]
                    xy_s[last, c] = xx_s[last, c] + yy_s[last, c]
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    other = y[block + place, first : first + n]
                    share = 1.0 / (window - place)
                    after_p = place + 1
                    for c in range(n):
                        vx, vy = new[c], other[c]
                        dx, dy = vx - mx_s[after_p, c], vy - my_s[after_p, c]
                        mx_s[place, c] = mx_s[after_p, c] + dx * share
                        my_s[place, c] = my_s[after_p, c] + dy * share
                        after = vy - my_s[place, c]
                        xx_s[place, c] = xx_s[after_p, c] + dx * (vx - mx_s[place, c])
                        yy_s[place, c] = yy_s[after_p, c] + dy * after
                        xy_s[place, c] = xy_s[after_p, c] + dx * after
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def trends(
    x: FloatArray,
    window: int,
    phase: int,
    begin: int,
    end: int,
    out: FloatArray,
    which: int,
) -> None:
    """Write of the straight line through each window: 0 slope, 1 R squared, 2 last residual."""
    rows = x.shape[0]
    mean_s, xx_s, xt_s = (
        np.empty((window, _TILE)),
        np.empty((window, _TILE)),
        np.empty((window, _TILE)),
    )
    mean_p, xx_p, xt_p = np.empty(_TILE), np.empty(_TILE), np.empty(_TILE)
    tt = window * (window * window - 1.0) / 12.0
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        block = -phase
        while block < rows:
            begins = max(block, 0)
            for row in range(begins, min(block + window, rows)):
                place = row - block
                new, to = x[row, first : first + n], out[row, first : first + n]
                if row == begins:
                    for c in range(n):
                        mean_p[c] = new[c]
                        xx_p[c] = xt_p[c] = mean_p[c] - mean_p[c]
                else:
                    before = float(row - begins)
                    share = 1.0 / (before + 1.0)
                    for c in range(n):
                        off = new[c] - mean_p[c]
                        mean_p[c] += off * share
                        xx_p[c] += off * (new[c] - mean_p[c])
                        # the mean of the times before lies (before + 1) / 2 back
                        xt_p[c] += off * before / 2.0
                if row < window - 1:
                    for c in range(n):
                        to[c] = math.nan
                    continue
                newer = place + 1.0
                older = window - newer
                scale = older * newer / window
                for c in range(n):
                    mean, xx, xt = mean_p[c], xx_p[c], xt_p[c]
                    if older > 0.0:
                        off = mean - mean_s[place + 1, c]
                        mean = mean_s[place + 1, c] + off * (newer / window)
                        xx += xx_s[place + 1, c] + off * off * scale
                        # the means of the times lie half a window apart
                        xt += xt_s[place + 1, c] + off * scale * (window / 2.0)
                    slope = xt / tt
                    if which == 0:
                        to[c] = slope
                    elif which == 2:
                        fitted = mean + slope * (window - 1.0) / 2.0
                        to[c] = new[c] - fitted
                    elif xx > 0.0:
                        to[c] = min(1.0, slope * xt / xx)
                    else:
                        to[c] = math.nan
            if block + window < rows:
                last = window - 1
                for c in range(n):
                    mean_s[last, c] = x[block + last, first + c]
                    xx_s[last, c] = xt_s[last, c] = mean_s[last, c] - mean_s[last, c]
                for place in range(last - 1, begins - block - 1, -1):
                    new = x[block + place, first : first + n]
                    after = float(last - place)
                    share = 1.0 / (after + 1.0)
                    for c in range(n):
                        value = new[c]
                        off = value - mean_s[place + 1, c]
                        mean_s[place, c] = mean_s[place + 1, c] + off * share
                        xx_s[place, c] = xx_s[place + 1, c] + off * (value - mean_s[place, c])
                        xt_s[place, c] = xt_s[place + 1, c] - off * after / 2.0
            block += window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def ranks(x: FloatArray, window: int, phase: int, begin: int, end: int, out: FloatArray) -> None:
    """Write the rank of the newest value in each window, as a fraction of it; ties share theirs.

    The window is compared whole: many columns at a time, that is a few cycles a row.
    """
    rows = x.shape[0]
    below, level = np.empty(_TILE), np.empty(_TILE)
    for first in range(begin, end, _TILE):
        n = min(_TILE, end - first)
        for row in range(rows):
            if row < window - 1:
                for c in range(n):
                    out[row, first + c] = math.nan
                continue
            new, to = x[row, first : first + n], out[row, first : first + n]
            for c in range(n):
                below[c] = level[c] = 0.0
            for back in range(row - window + 1, row + 1):
                old = x[back, first : first + n]
                for c in range(n):
                    below[c] += 1.0 if old[c] < new[c] else 0.0
                    # NaN - NaN makes all of it NaN
                    level[c] += (1.0 if old[c] == new[c] else 0.0) + (old[c] - old[c])
            for c in range(n):
                to[c] = (below[c] + (level[c] + 1.0) / 2.0) / window


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _place(ordered: FloatArray, size: int, value: float) -> int:
    """Return where a value stands among the first `size`, in rising order."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True, error_model="numpy")
def quantiles(
    x: FloatArray, window: int, phase: int, begin: int, end: int, out: FloatArray, share: float
) -> None:
    """Write the quantile of each window, between its values by a straight line."""
    rows = x.shape[0]
    ordered = np.empty(window)
    column = np.empty(rows)
    place = share * (window - 1)
    low = math.floor(place)
    high = min(low + 1, window - 1)
    part = place - low
    for c in range(begin, end):
        for row in range(rows):
            column[row] = x[row, c]
        size = 0
        for row in range(rows):
            value = column[row]
            old = column[row - window] if row >= window else math.nan
            if not math.isnan(old) and not math.isnan(value):
                # the new one takes the place of the old, and those between move up
                at = _place(ordered, size, old)
                while at + 1 < size and ordered[at + 1] < value:
                    ordered[at] = ordered[at + 1]
                    at += 1
                while at > 0 and ordered[at - 1] > value:
                    ordered[at] = ordered[at - 1]
                    at -= 1
                ordered[at] = value
            elif not math.isnan(old):
                size -= 1
                for k in range(_place(ordered, size + 1, old), size):
                    ordered[k] = ordered[k + 1]
            elif not math.isnan(value):
                at = size
                while at > 0 and ordered[at - 1] > value:
                    ordered[at] = ordered[at - 1]
                    at -= 1
                ordered[at] = value
                size += 1
            if size == window:
                out[row, c] = ordered[low] + (ordered[high] - ordered[low]) * part
            else:
                out[row, c] = math.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fading(
    x: FloatArray,
    window: int,
    phase: int,
    begin: int,
    end: int,
    out: FloatArray,
    deviation: bool,
) -> None:
    """Write the exponentially weighted mean of span `window`, or the unbiased deviation.

    A NaN ends the average; it begins anew after it.
    """
    keep = 1.0 - 2.0 / (window + 1.0)
    for c in range(begin, end):
        seen = 0
        mean = square = weight = weights = 0.0
        for row in range(x.shape[0]):
            value = x[row, c]
            if math.isnan(value):
                seen = 0
                mean = square = weight = weights = 0.0
                out[row, c] = math.nan
                continue
            seen += 1
            weight = keep * weight + 1.0
            weights = keep * keep * weights + 1.0
            off = value - mean
            mean += off / weight
            square = keep * square + off * (value - mean)
            if seen < window:
                out[row, c] = math.nan
            elif deviation:
                spread = weight * weight - weights
                out[row, c] = math.sqrt(square * weight / spread) if spread > 0.0 else math.nan
            else:
                out[row, c] = mean
