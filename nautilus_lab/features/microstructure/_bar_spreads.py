"""Spreads told from bars, where no quotes are kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import over_windows, window_and_one, window_of
from nautilus_lab.features.microstructure._trades import ROLL, roll, window_and_two

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

BAR_SPREADS = FeatureRegistry()

_OHLC = ("open", "high", "low", "close")
_THREE_LESS = 3 - 2 * math.sqrt(2)


def _settings(least: int) -> dict[str, Parameter]:
    return {"window": Parameter(default=20, least=least)}


@BAR_SPREADS.define(
    title="Roll spread",
    group="microstructure",
    inputs=("close",),
    outputs=("spread", "relative"),
    parameters=_settings(3),
    warm_up=window_and_one,
    history=window_and_two,
    reference=ROLL,
)
def roll_spread(close: FloatArray, window: int = 20) -> tuple[FloatArray, ...]:
    """Return the spread that bouncing between bid and ask tells, in price and as a fraction."""
    return roll(close, window)


@BAR_SPREADS.define(
    title="Corwin-Schultz spread",
    group="microstructure",
    inputs=("high", "low", "close"),
    parameters=_settings(1),
    warm_up=window_of,
    history=window_and_one,
    reference="of two bars' highs and lows beside those of both together, gaps taken out, negative "
    "ones 0, the mean of the last: Corwin and Schultz (2012), J. of Finance 67, 719-760, eq. 14 "
    "and 18",
)
def corwin_schultz(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 20
) -> FloatArray:
    """Return the spread as a fraction of the price."""
    import numpy as np

    # What a bar gapped away from the last close is no range of its own.
    gap = np.maximum(close[:-1] - high[1:], 0) + np.minimum(close[:-1] - low[1:], 0)
    top, bottom = np.maximum(high[1:] + gap, high[:-1]), np.minimum(low[1:] + gap, low[:-1])
    squares = np.log(high / low) ** 2
    beta, gamma = squares[1:] + squares[:-1], np.log(top / bottom) ** 2
    alpha = (math.sqrt(2) - 1) * np.sqrt(beta) / _THREE_LESS - np.sqrt(gamma / _THREE_LESS)
    # 2 (exp a - 1) / (1 + exp a)
    pairs = np.full(len(close), np.nan)
    pairs[1:] = np.maximum(2 * np.tanh(alpha / 2), 0)
    return over_windows(_mean, window, pairs)


@BAR_SPREADS.define(
    title="Abdi-Ranaldo spread",
    group="microstructure",
    inputs=("high", "low", "close"),
    parameters=_settings(1),
    warm_up=window_of,
    history=window_and_one,
    reference="2 sqrt of the mean of (close - middle)(close - next middle) of logs, 0 where that "
    "is negative: Abdi and Ranaldo (2017), Review of Financial Studies 30, 4437-4480",
)
def abdi_ranaldo(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 20
) -> FloatArray:
    """Return the spread as a fraction of the price; the next middle is this bar's."""
    import numpy as np

    middle, end = (np.log(high) + np.log(low)) / 2, np.log(close)
    products = np.full(len(close), np.nan)
    products[1:] = (end[:-1] - middle[:-1]) * (end[:-1] - middle[1:])

    def reduce(terms: FloatArray) -> FloatArray:
        return np.asarray(2 * np.sqrt(np.maximum(terms.mean(axis=1), 0)))

    return over_windows(reduce, window, products)


@BAR_SPREADS.define(
    title="EDGE spread",
    group="microstructure",
    inputs=_OHLC,
    parameters=_settings(3),
    warm_up=window_of,
    history=window_and_one,
    reference="the efficient estimate from open, high, low and close: Ardia, Guidotti and Kroencke "
    "(2024), J. of Financial Economics 161, 103916",
)
def edge(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, window: int = 20
) -> FloatArray:
    """Return the spread as a fraction of the price; NaN of bars that all stand still."""
    import numpy as np

    if len(close) <= window:
        return np.full(len(close), np.nan)
    o, h, low_, c = (np.log(one) for one in (open_, high, low, close))
    middle = (h + low_) / 2
    h1, l1, c1, m1 = h[:-1], low_[:-1], c[:-1], middle[:-1]
    o, h, low_, middle = o[1:], h[1:], low_[1:], middle[1:]
    traded = (h != low_) | (low_ != c1)
    # the open, and the last close, apart from either end of their bar's range
    opens = (traded & (o != h)).astype(float) + (traded & (o != low_))
    closes = (traded & (c1 != h1)).astype(float) + (traded & (c1 != l1))

    def reduce(*views: FloatArray) -> FloatArray:
        on, at_open, at_close, r1, r2, r3, r4, r5 = views
        share = on.mean(axis=1, keepdims=True)
        po, pc = at_open.mean(axis=1, keepdims=True), at_close.mean(axis=1, keepdims=True)
        d1, d3, d5 = (r - on * r.mean(axis=1, keepdims=True) / share for r in (r1, r3, r5))
        one = -4 / po * d1 * r2 - 4 / pc * d3 * r4
        two = -4 / po * d1 * r5 - 4 / pc * d5 * r4
        v1, v2 = one.var(axis=1), two.var(axis=1)
        e1, e2 = one.mean(axis=1), two.mean(axis=1)
        return np.asarray(np.sqrt(np.abs((v2 * e1 + v1 * e2) / (v1 + v2))))

    found = over_windows(
        reduce, window, traded.astype(float), opens, closes, middle - o, o - m1, middle - c1,
        c1 - m1, o - c1,
    )  # fmt: skip
    return np.concatenate([[np.nan], found])


def _mean(terms: FloatArray) -> FloatArray:
    import numpy as np

    return np.asarray(terms.mean(axis=1))
