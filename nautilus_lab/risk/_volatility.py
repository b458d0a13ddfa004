"""How much returns move, told from closes or from the range of bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_bars, require_series

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, FloatArray, ReturnSeries

RangeEstimator: TypeAlias = Literal["parkinson", "garman_klass", "rogers_satchell"]


def ewma_volatility(
    returns: ReturnSeries, *, decay: float = 0.94, warm_up: int = 21
) -> ReturnSeries:
    r"""Return the exponentially weighted volatility, as it was known before each period.

    :math:`\sigma_t^2 = \lambda \sigma_{t-1}^2 + (1 - \lambda) r_{t-1}^2` [1]_, mean zero, begun
    with the mean square of the first `warm_up` returns: the value at t uses nothing of t or later.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions; more than `warm_up`.
    decay : float, default=0.94
        :math:`\lambda`, in (0, 1); 0.94 is RiskMetrics' for days, 0.97 for months.
    warm_up : int, default=21
        Periods that only set the beginning; they have no value.

    Returns
    -------
    Series, shape (time - warm_up,)
        A fraction, per period.

    Raises
    ------
    InputError
        When `decay` or `warm_up` is out of bounds.
    NotEnoughData
        When there are not more than `warm_up` returns.
    BadData
        When a return is NaN or infinite, or times are unsorted.

    References
    ----------
    .. [1] J.P. Morgan / Reuters (1996). RiskMetrics - Technical Document, 4th ed., ch. 5.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5, tz="UTC")
    >>> returns = pd.Series([0.01, -0.01, 0.03, 0.0, 0.0], index=days)
    >>> ewma_volatility(returns, decay=0.5, warm_up=2).round(4).tolist()
    [0.01, 0.0224, 0.0158]
    """
    import numpy as np
    import pandas as pd

    require_decay(decay, warm_up)
    series = require_series(returns, at_least=warm_up + 1)
    known, _ = ewma_path(np.asarray(series, dtype=np.float64)[:, None], decay, warm_up)
    return pd.Series(known[:, 0], index=series.index[warm_up:], name="volatility")


def volatility_now(returns: ReturnSeries, *, decay: float = 0.94, warm_up: int = 21) -> float:
    """Return the exponentially weighted volatility after the last return: that of the next.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions; more than `warm_up`.
    decay, warm_up
        As for `ewma_volatility`.

    Returns
    -------
    float
        A fraction, per period.

    Raises
    ------
    LabError
        As `ewma_volatility` does.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> returns = pd.Series([0.01, -0.01, 0.03], index=days)
    >>> round(volatility_now(returns, decay=0.5, warm_up=2), 4)
    0.0224
    """
    import numpy as np

    require_decay(decay, warm_up)
    series = require_series(returns, at_least=warm_up + 1)
    _, after = ewma_path(np.asarray(series, dtype=np.float64)[:, None], decay, warm_up)
    return float(after[0])


def range_volatility(
    bars: Bars, *, window: int = 21, estimator: RangeEstimator = "garman_klass"
) -> pd.DataFrame:
    r"""Return the volatility of each symbol from open, high, low and close, per period.

    The root of the mean over `window` bars, o, h, l, c being logarithms, of

    * ``"parkinson"``: :math:`(h - l)^2 / (4 \ln 2)` [1]_; no drift, nothing overnight;
    * ``"garman_klass"``: :math:`(h - l)^2 / 2 - (2 \ln 2 - 1) (c - o)^2` [2]_; no drift;
    * ``"rogers_satchell"``: :math:`(h - c)(h - o) + (l - c)(l - o)` [3]_; any drift.

    None sees what happens between a close and the next open, and bars of few trades understate
    their range.

    Parameters
    ----------
    bars : DataFrame, shape ((timestamp, symbol), 5)
        Open, high, low, close, volume.
    window : int, default=21
        Bars averaged over, at least 1.
    estimator : {"parkinson", "garman_klass", "rogers_satchell"}, default="garman_klass"
        The formula.

    Returns
    -------
    DataFrame, shape (time, symbol)
        Fractions of log price, per period; NaN until a symbol has had `window` bars.

    Raises
    ------
    InputError
        When `window` or `estimator` is none, or bars have not their shape.
    BadData
        When a price is NaN, not positive or outside of its bar's range.

    References
    ----------
    .. [1] Parkinson, M. (1980). The extreme value method for estimating the variance of the rate
       of return. Journal of Business 53(1), 61-65.
    .. [2] Garman, M. B. and Klass, M. J. (1980). On the estimation of security price
       volatilities from historical data. Journal of Business 53(1), 67-78.
    .. [3] Rogers, L. C. G. and Satchell, S. E. (1991). Estimating variance from high, low and
       closing prices. Annals of Applied Probability 1(4), 504-512.
    """
    import numpy as np

    if not window >= 1:
        raise InputError("window must be at least 1", value=window, remedy="pass window=21 bars")
    logs = np.log(require_bars(bars)[["open", "high", "low", "close"]])
    o, h, low, c = (logs[name].unstack("symbol") for name in logs)
    if estimator == "parkinson":
        squared = (h - low) ** 2 / (4 * math.log(2))
    elif estimator == "garman_klass":
        squared = (h - low) ** 2 / 2 - (2 * math.log(2) - 1) * (c - o) ** 2
    elif estimator == "rogers_satchell":
        squared = (h - c) * (h - o) + (low - c) * (low - o)
    else:
        raise InputError(
            "estimator must be a formula of ranges",
            value=estimator,
            remedy='pass "parkinson", "garman_klass" or "rogers_satchell"',
        )
    # Rounding may leave a little less than 0 for a bar that did not move.
    mean: pd.DataFrame = squared.rolling(window).mean().clip(lower=0)
    return mean**0.5


def ewma_path(values: FloatArray, decay: float, warm_up: int) -> tuple[FloatArray, FloatArray]:
    """Return the volatility known before each period after the warm-up, and after the last."""
    import numpy as np
    from scipy.signal import lfilter

    start = (values[:warm_up] ** 2).mean(axis=0)
    squares = values[warm_up:] ** 2
    after, _ = lfilter([1 - decay], [1, -decay], squares, axis=0, zi=decay * start[None])
    known = np.sqrt(np.vstack((start, after[:-1])))
    return known, np.sqrt(after[-1])


def require_decay(decay: float, warm_up: int) -> None:
    """Raise `InputError` when an exponential filter cannot run with these settings."""
    if not 0 < decay < 1:
        raise InputError("decay must lie in (0, 1)", value=decay, remedy="pass decay=0.94")
    if not warm_up >= 1:
        raise InputError("warm_up must be at least 1", value=warm_up, remedy="pass warm_up=21")
