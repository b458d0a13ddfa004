"""Whether two prices stay together."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import before_window, window_of
from nautilus_lab.features.cross_asset._returns import after

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

COINTEGRATION = FeatureRegistry()


@COINTEGRATION.define(
    title="Cointegration",
    group="cross-asset",
    inputs=("close",),
    outputs=("statistic", "cointegrated", "hedge_ratio", "zscore", "half_life"),
    scope="relative",
    most_against=1,
    parameters={
        "window": Parameter(default=120, least=30),
        "lags": Parameter(default=1, least=0, most=8),
    },
    warm_up=before_window,
    history=window_of,
    reference="Engle and Granger (1987), Econometrica 55, 251-276: log price on log price with a "
    "constant, then Dickey-Fuller of what is left with so many lags; critical value of 5 percent "
    "by MacKinnon (2010), from statsmodels",
)
def cointegration(
    close: FloatArray, against: FloatArray, window: int = 120, lags: int = 1
) -> tuple[FloatArray, ...]:
    """Return what a window says of the spread between two prices.

    The cost of a bar grows as ``window * (lags + 1) ** 2``.

    Parameters
    ----------
    close, against : array, shape (bars,)
        Prices of the bars that both have.
    window : int, default=120
        Bars.
    lags : int, default=1
        Of the changes of the spread, in the regression of Dickey and Fuller.

    Returns
    -------
    tuple of array, shape (bars,)
        The t-statistic, lower for what reverts more surely; 1 where it is below the critical
        value of 5 percent, else 0; the units of the other against one; the last spread in
        deviations; and the bars in which it halves, NaN where it does not.
    """
    import numpy as np

    from nautilus_lab.features.cross_asset._regression_kernels import engle_granger

    with np.errstate(divide="ignore", invalid="ignore"):  # of what is not above 0 there is none
        found = engle_granger(np.log(close), np.log(against), window, lags)
    statistic, hedge_ratio, zscore, half_life = (after(one, len(close)) for one in found)
    below = np.where(statistic < _critical_value(window), 1.0, 0.0)
    known = np.where(np.isnan(statistic), np.nan, below)
    return statistic, known, hedge_ratio, zscore, half_life


@lru_cache(maxsize=256)
def _critical_value(window: int) -> float:
    from statsmodels.tsa.adfvalues import mackinnoncrit

    # as statsmodels.tsa.stattools.coint counts the observations
    return float(mackinnoncrit(N=2, regression="c", nobs=window - 1)[1])
