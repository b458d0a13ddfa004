"""Effects of single periods, linked so that they sum to what compounded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_returns, require_series

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, ReturnSeries

Linking: TypeAlias = Literal["carino", "menchero"]

# Effects of a period may miss its return by this much: what sums of floats leave.
_TOLERANCE = 1e-9


def linked(
    effects: pd.DataFrame,
    portfolio: ReturnSeries,
    benchmark: ReturnSeries | None = None,
    *,
    method: Linking = "carino",
) -> pd.DataFrame:
    r"""Scale the effects of each period so that over all periods they sum to the total.

    The total is :math:`\prod (1 + R_t) - \prod (1 + B_t)`, which single effects do not sum to
    since returns compound. Carino scales a period by :math:`k_t / k` with :math:`k_t = (\ln (1 +
    R_t) - \ln (1 + B_t)) / (R_t - B_t)` and :math:`k` the same of the totals [1]_; Menchero by
    :math:`A + C (R_t - B_t)`, the same for all periods but for a correction as small as can be
    [2]_.

    Parameters
    ----------
    effects : DataFrame, shape (time, source)
        Fractions of one period; each row sums to the return, or to that less the benchmark's.
    portfolio : Series, shape (time,)
        Simple returns of the same times, above -1.
    benchmark : Series, optional
        Of the same times; without one effects are of the portfolio's own return.
    method : {"carino", "menchero"}, default="carino"
        How they are linked.

    Returns
    -------
    DataFrame, shape (time, source)
        Its sum over all times and sources is the total.

    Raises
    ------
    InputError
        When times differ, or `method` is none of the two.
    BadData
        When effects of a period do not sum to its return, a value is not finite or a return
        loses everything: the time is named.

    References
    ----------
    .. [1] Carino, D. R. (1999). Combining Attribution Effects Over Time. Journal of Performance
       Measurement 3(4), 5-14.
    .. [2] Menchero, J. (2000). An Optimized Approach to Linking Attribution Effects over Time.
       Journal of Performance Measurement 5(1), 36-42.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.date_range("2024-01-31", periods=2, freq="ME", tz="UTC")
    >>> effects = pd.DataFrame({"market": [0.08, -0.02], "specific": [0.02, 0.07]}, months)
    >>> found = linked(effects, effects.sum(axis=1))
    >>> round(float(found.sum().sum()), 6)  # 1.1 * 1.05 - 1
    0.155
    """
    import numpy as np

    frame = require_returns(effects, name="effects")
    own = require_series(portfolio, name="portfolio")
    against = own * 0.0 if benchmark is None else require_series(benchmark, name="benchmark")
    for name, one in (("portfolio", own), ("benchmark", against)):
        if not one.index.equals(frame.index):
            differ = one.index.symmetric_difference(frame.index)
            raise InputError(
                f"{name} must have the times of effects",
                value=f"{len(differ)} differ, the first {differ[0]}",
                remedy=f"align them: {name}.loc[effects.index]",
            )
        if (one <= -1).any():
            lost = one.index[one <= -1][0]
            raise BadData(
                f"{name} must stay above -1: nothing compounds after a loss of everything",
                value=f"{one.loc[lost]:g} at {lost.date()}",
                remedy="cut the series there, or mend a return that is in per cent",
            )
    returns, bench = np.asarray(own, dtype=np.float64), np.asarray(against, dtype=np.float64)
    off = np.abs(np.asarray(frame).sum(axis=1) - (returns - bench))
    if off.max() > _TOLERANCE * max(1.0, float(np.abs(np.asarray(frame)).max())):
        place = int(off.argmax())
        raise BadData(
            "the effects of a period must sum to its return",
            value=f"off by {off[place]:.2g} at {frame.index[place].date()}",
            remedy="add what is not explained as an effect of its own",
        )
    if method == "carino":
        scale = _carino(returns, bench)
    elif method == "menchero":
        scale = _menchero(returns, bench)
    else:
        raise InputError(
            "method must be carino or menchero", value=method, remedy='pass method="carino"'
        )
    return frame.mul(scale, axis=0)


def _carino(returns: FloatArray, bench: FloatArray) -> FloatArray:
    import numpy as np

    k = _slope(math.expm1(np.log1p(returns).sum()), math.expm1(np.log1p(bench).sum()))
    single = [_slope(r, b) for r, b in zip(returns.tolist(), bench.tolist(), strict=True)]
    return np.asarray(single, dtype=np.float64) / k


def _slope(r: float, b: float) -> float:
    """Return the slope of the logarithm of growth between two returns."""
    # Near each other its quotient loses its digits, and the slope at the middle is as good.
    if abs(r - b) < 1e-8:
        return 1 / (1 + (r + b) / 2)
    return (math.log1p(r) - math.log1p(b)) / (r - b)


def _menchero(returns: FloatArray, bench: FloatArray) -> FloatArray:
    import numpy as np

    n = len(returns)
    total = math.expm1(np.log1p(returns).sum())
    total_bench = math.expm1(np.log1p(bench).sum())
    mean, mean_bench = (1 + total) ** (1 / n), (1 + total_bench) ** (1 / n)
    if abs(mean - mean_bench) < 1e-10:
        scale = mean ** (n - 1)
    else:
        scale = (total - total_bench) / n / (mean - mean_bench)
    active = returns - bench
    squares = float(active @ active)
    left = total - total_bench - scale * float(active.sum())
    correction = left / squares if squares else 0.0
    return np.asarray(scale + correction * active, dtype=np.float64)
