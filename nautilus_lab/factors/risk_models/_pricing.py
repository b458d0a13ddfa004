"""Whether factors price what they explain: the test of all alphas, and two-pass premiums."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import Facts, HasTearSheet, Table, TearSheet, format_value
from nautilus_lab.exceptions import BadData, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed, require_count, require_names
from nautilus_lab.factors.risk_models._time_series import (
    FactorRegression,
    factor_regression,
    require_independent,
)
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries


@dataclass(frozen=True, kw_only=True)
class JointAlphaTest:
    """The test of Gibbons, Ross and Shanken that all alphas are 0.

    Attributes
    ----------
    statistic : float
        F distributed with `degrees` when they are.
    p : float
        How likely a statistic this large is then.
    degrees : tuple of int
        ``(N, T - N - K)``.
    mean_absolute_alpha : float
        Of one period, a fraction.
    sharpe_of_factors : float
        The greatest Sharpe ratio of one period that the factors reach in sample (deviations with
        divisor n).
    """

    statistic: float
    p: float
    degrees: tuple[int, int]
    mean_absolute_alpha: float
    sharpe_of_factors: float


def joint_alpha_test(regression: FactorRegression) -> JointAlphaTest:
    r"""Test that the alphas of all symbols are 0 [1]_.

    :math:`\frac{T - N - K}{N} (1 + \bar f' \Omega^{-1} \bar f)^{-1} \alpha' \Sigma^{-1} \alpha`
    with the covariances of factors and residuals, divisor T. Exact when errors are normal, equal
    in time and uncorrelated in it.

    Parameters
    ----------
    regression : FactorRegression
        Of the symbols on factors that can be traded.

    Returns
    -------
    JointAlphaTest

    Raises
    ------
    NotEnoughData
        When there are not more periods than symbols and factors together.
    BadData
        When residuals are collinear, as those of portfolios that sum to a factor: the error names
        which.

    References
    ----------
    .. [1] Gibbons, M. R., Ross, S. A. and Shanken, J. (1989). A Test of the Efficiency of a Given
       Portfolio. Econometrica 57(5), 1121-1152.
    """
    import numpy as np
    from scipy.special import fdtrc

    alpha = np.asarray(regression.alpha, dtype=np.float64)
    errors = np.asarray(regression.residuals, dtype=np.float64)
    x = np.asarray(regression.factors, dtype=np.float64)
    (t, n), k = errors.shape, x.shape[1]
    if t - n - k < 1:
        raise NotEnoughData(
            "the joint test takes more periods than symbols and factors together",
            value=f"{t} periods, {n} symbols, {k} factors",
            remedy="test fewer portfolios, or pass a longer history",
        )
    wholly = np.asarray(regression.r_squared) > 1 - 1e-12
    if wholly.any():
        raise BadData(
            "factors must leave something of every symbol",
            value=f"nothing of {listed(regression.alpha.index[wholly])}",
            remedy="drop what is made of the factors themselves",
        )
    require_independent(errors, regression.alpha.index, intercept=False)
    means = x.mean(axis=0)
    reach = float(means @ np.linalg.solve(np.atleast_2d(np.cov(x.T, bias=True)), means))
    away = float(alpha @ np.linalg.solve(errors.T @ errors / t, alpha))
    statistic = (t - n - k) / n * away / (1 + reach)
    return JointAlphaTest(
        statistic=statistic,
        p=float(fdtrc(n, t - n - k, statistic)),
        degrees=(n, t - n - k),
        mean_absolute_alpha=float(np.abs(alpha).mean()),
        sharpe_of_factors=math.sqrt(reach),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskPremiums(HasTearSheet):
    """What a unit of each beta was paid, by two passes.

    Attributes
    ----------
    premiums : Series, shape (1 + factor,)
        Mean return of one period per unit of beta, fractions; ``"intercept"`` first, which is 0
        where the factors price everything.
    standard_errors : DataFrame, shape (1 + factor, 2)
        ``fama_macbeth``, as if betas were known, and ``shanken``, which counts that they were
        estimated.
    t : DataFrame, shape (1 + factor, 2)
        The same ratios.
    by_period : DataFrame, shape (time, 1 + factor)
        The cross-sectional estimates of which `premiums` are the mean.
    betas : DataFrame, shape (symbol, factor)
        Of the first pass.
    r_squared : float
        Of mean returns on betas.
    provenance : Provenance
        Where returns and factors came from.
    """

    premiums: pd.Series[float]
    standard_errors: pd.DataFrame
    t: pd.DataFrame
    by_period: pd.DataFrame
    betas: pd.DataFrame
    r_squared: float
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.5f}" for name, value in self.premiums.items())
        return f"RiskPremiums({told})"

    def tear_sheet(self) -> TearSheet:
        """Return premiums and both of their errors."""
        rows = self.premiums.rename("premium").to_frame()
        for name in self.t.columns:
            rows[f"t, {name}"] = self.t[name]
        n, t = len(self.betas), len(self.by_period)
        return TearSheet(
            title="Risk premiums",
            subtitle=f"Fama and MacBeth in two passes · {n} symbols, {t:,} periods",
            provenance=self.provenance,
            parts=(
                Facts(values={"R² of mean returns": format_value(self.r_squared, ".1%")}),
                Table(
                    title="Premiums of one period",
                    rows=rows.rename_axis("beta"),
                    formats={"premium": ".4%"} | {f"t, {name}": ".2f" for name in self.t.columns},
                    note="Shanken's errors count that betas were estimated.",
                ),
            ),
        )


def risk_premiums(
    returns: Returns,
    factors: Returns,
    *,
    risk_free: ReturnSeries | float = 0.0,
    lags: int = 0,
) -> RiskPremiums:
    r"""Estimate what each beta is paid: betas in time first, then returns on betas [1]_.

    Shanken's correction multiplies the part of the variance that comes from residuals by
    :math:`1 + \lambda' \Sigma_f^{-1} \lambda` and leaves that of the factors as it is [2]_.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions.
    factors : DataFrame, shape (time, factor)
        Factor returns of the same times.
    risk_free : Series or float, default=0.0
        The rate of one period, taken from `returns` only.
    lags : int, default=0
        Newey and West's, over the estimates of the periods.

    Returns
    -------
    RiskPremiums

    Raises
    ------
    InputError
        When times differ, or `lags` is negative.
    NotEnoughData
        When there are too few periods or symbols.
    BadData
        When a value is NaN or infinite, or factors or their betas are collinear: the error names
        which.

    References
    ----------
    .. [1] Fama, E. F. and MacBeth, J. D. (1973). Risk, Return, and Equilibrium: Empirical Tests.
       Journal of Political Economy 81(3), 607-636.
    .. [2] Shanken, J. (1992). On the Estimation of Beta-Pricing Models. Review of Financial Studies
       5(1), 1-33.
    """
    import numpy as np
    import pandas as pd

    first = factor_regression(returns, factors, risk_free=risk_free)
    t = len(first.residuals)
    require_count(lags, "lags", least=0, most=t - 1)
    betas = np.asarray(first.betas, dtype=np.float64)
    n, k = betas.shape
    require_names(n, k + 2, f"the second pass over {k} betas")
    try:
        require_independent(betas, first.betas.columns, intercept=True)
    except BadData as error:
        raise BadData(
            "the betas of factors must not be combinations of each other",
            value=error.value,
            remedy="drop one of the factors, or add symbols that differ in their betas",
        ) from None
    x = np.asarray(first.factors, dtype=np.float64)
    over = np.asarray(
        first.residuals + first.alpha + first.factors.to_numpy() @ first.betas.T.to_numpy()
    )
    design = np.column_stack([np.ones(n), betas])
    project = np.linalg.solve(design.T @ design, design.T)
    by_period = over @ project.T
    premiums = by_period.mean(axis=0)
    spread = _variance_of_mean(by_period, lags)
    factor_part = np.zeros((k + 1, k + 1))
    factor_part[1:, 1:] = _variance_of_mean(x, lags)
    covariance = np.atleast_2d(np.cov(x.T, bias=True))
    grow = 1 + float(premiums[1:] @ np.linalg.solve(covariance, premiums[1:]))
    corrected = (spread - factor_part) * grow + factor_part
    errors = np.sqrt(np.column_stack([np.diag(spread), np.diag(corrected).clip(min=0.0)]))
    names = pd.Index(["intercept", *map(str, first.betas.columns)])
    means = over.mean(axis=0)
    left = means - design @ premiums
    columns = ["fama_macbeth", "shanken"]
    return RiskPremiums(
        premiums=pd.Series(premiums, names, name="premium"),
        standard_errors=pd.DataFrame(errors, names, columns),
        t=pd.DataFrame(premiums[:, None] / errors, names, columns),
        by_period=pd.DataFrame(by_period, first.residuals.index, names),
        betas=first.betas,
        r_squared=1 - float(left @ left) / float(((means - means.mean()) ** 2).sum()),
        provenance=provenance(returns, factors),
    )


def _variance_of_mean(values: FloatArray, lags: int) -> FloatArray:
    """Return the covariance of the means of columns, by Newey and West, divisor n (n - 1)."""
    import numpy as np

    n = len(values)
    off = values - values.mean(axis=0)
    total = off.T @ off
    for lag in range(1, lags + 1):
        moved = off[lag:].T @ off[:-lag]
        total += (1 - lag / (lags + 1)) * (moved + moved.T)
    return np.asarray(total / (n * (n - 1)), dtype=np.float64)
