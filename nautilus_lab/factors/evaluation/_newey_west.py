"""Means of series that correlate with themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray


def newey_west_error(values: FloatArray, lag: int, *, among: BoolArray | None = None) -> float:
    r"""Return the standard error of the mean of a series that correlates with itself [1]_.

    The variance of the mean with Bartlett weights :math:`1 - l / (L + 1)` on the autocovariances
    of lags :math:`l = 1 \dots L`, times :math:`n / (n - 1)`.

    Parameters
    ----------
    values : ndarray, shape (n,)
    lag : int
        :math:`L`; 0 is the ordinary standard error.
    among : ndarray of bool, shape (n,), optional
        Take the mean over these only. The others keep their place in time, so that no two values
        count as neighbours that are not.

    Returns
    -------
    float
        NaN for fewer than 2 values or values that do not vary.

    References
    ----------
    .. [1] Newey, W. K. and West, K. D. (1987). A Simple, Positive Semi-Definite,
       Heteroskedasticity and Autocorrelation Consistent Covariance Matrix. Econometrica 55(3).
    """
    import numpy as np

    inside = values if among is None else values[among]
    n = len(inside)
    if n < 2 or inside.min() == inside.max():
        return math.nan
    errors = values - inside.mean()
    if among is not None:
        errors = np.where(among, errors, 0.0)
    variance = float(errors @ errors)
    for step in range(1, min(lag, len(errors) - 1) + 1):
        variance += 2 * (1 - step / (lag + 1)) * float(errors[step:] @ errors[:-step])
    error = math.sqrt(max(variance, 0.0) / (n * (n - 1)))
    return error or math.nan


def newey_west_t(values: FloatArray, lag: int) -> float:
    """Return the t statistic of the mean of a series; see `newey_west_error`.

    Parameters
    ----------
    values : ndarray, shape (n,)
    lag : int
        Lags of the autocovariances; 0 is the ordinary t statistic.
    """
    error = newey_west_error(values, lag)
    return math.nan if math.isnan(error) else float(values.mean()) / error
