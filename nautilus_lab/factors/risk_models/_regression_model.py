"""The time-series model: factor returns are given, exposures are regressed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.factors.risk_models._covariance import FactorCovariance
from nautilus_lab.factors.risk_models._model import FactorRiskModel
from nautilus_lab.factors.risk_models._time_series import factor_regression

if TYPE_CHECKING:
    from nautilus_lab._typing import Returns, ReturnSeries


@dataclass(frozen=True, kw_only=True)
class TimeSeriesModel:
    """Fama and French's way: exposures are the betas of regressions on given factor returns.

    For assets of any class, and for factors of any kind: sorted portfolios, macro surprises,
    indices.

    Parameters
    ----------
    factor_covariance : FactorCovariance
        How factor returns become a covariance.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> days = pd.date_range("2024-01-01", periods=300, tz="UTC")
    >>> factors = pd.DataFrame(rng.normal(0, 0.01, (300, 2)), days, ["market", "value"])
    >>> noise = rng.normal(0, 0.01, (300, 3))
    >>> returns = pd.DataFrame(factors.to_numpy() @ rng.normal(1, 0.3, (2, 3)) + noise, days)
    >>> TimeSeriesModel().fit(returns, factors)
    FactorRiskModel(time series, 3 symbols, 2 factors, as of 2024-10-26)
    """

    factor_covariance: FactorCovariance = field(default_factory=FactorCovariance)

    def fit(
        self, returns: Returns, factors: Returns, *, risk_free: ReturnSeries | float = 0.0
    ) -> FactorRiskModel:
        """Estimate exposures, the covariance of factors and specific variances.

        Parameters
        ----------
        returns : DataFrame, shape (time, symbol)
            Simple returns, fractions.
        factors : DataFrame, shape (time, factor)
            Factor returns of the same times.
        risk_free : Series or float, default=0.0
            The rate of one period, taken from `returns` only.

        Returns
        -------
        FactorRiskModel
            As of the last row; specific variances with divisor n - k - 1.

        Raises
        ------
        InputError, NotEnoughData, BadData
            As `factor_regression`.
        """
        found = factor_regression(returns, factors, risk_free=risk_free, lags=0)
        n, k = len(found.residuals), found.betas.shape[1]
        return FactorRiskModel(
            kind="time series",
            as_of=found.residuals.index[-1],
            exposures=found.betas,
            factor_covariance=self.factor_covariance.estimate(found.factors),
            specific_variance=((found.residuals**2).sum() / (n - k - 1)).rename(
                "specific variance"
            ),
            n_observations=n,
            provenance=found.provenance,
        )
