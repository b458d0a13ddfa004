"""Risk under an assumed distribution, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk._model import Estimate, RiskModel

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.risk._sample import Sample


@dataclass(frozen=True, kw_only=True)
class ParametricRisk(RiskModel):
    r"""Value at risk and expected shortfall of normal or Student t returns.

    With mean :math:`\mu` and sample deviation :math:`\sigma` (divisor n - 1) of the portfolio's
    returns and the standardised quantile :math:`q` at :math:`\alpha`,

    * value at risk is :math:`-\mu + s q` and expected shortfall :math:`-\mu + s e` [1]_;
    * normal: :math:`s = \sigma`, :math:`q = z_\alpha`, :math:`e = \varphi(q) / (1 - \alpha)`;
    * Student t of :math:`\nu` degrees of freedom: :math:`s = \sigma \sqrt{(\nu - 2) / \nu}`,
      :math:`e = \frac{\nu + q^2}{\nu - 1} \frac{f_\nu(q)}{1 - \alpha}` [2]_.

    A symbol's marginal is :math:`-\mu_i + q\, s / \sigma \cdot (\Sigma w)_i / \sigma`.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk.
    min_observations : int, default=100
        Refuse to estimate from fewer returns than this.
    degrees_of_freedom : float, optional
        Above 2: Student t; it is not fitted. Normal when not given.
    mean : {"sample", "zero"}, default="sample"
        The mean of a day is small and badly known: ``"zero"`` leaves it out, also of the
        deviation (divisor n).

    Raises
    ------
    InputError
        When a setting is out of bounds.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=100, tz="UTC")
    >>> returns = pd.Series([0.01, -0.01] * 50, index=days)
    >>> report = ParametricRisk(mean="zero").measure(returns)
    >>> round(report.value_at_risk, 6), round(report.expected_shortfall, 6)
    (0.023263, 0.026652)

    References
    ----------
    .. [1] Jorion, P. (2006). Value at Risk, 3rd ed., ch. 5. McGraw-Hill.
    .. [2] McNeil, A. J., Frey, R. and Embrechts, P. (2015). Quantitative Risk Management, 2nd
       ed., ch. 2. Princeton University Press.
    """

    degrees_of_freedom: float | None = None
    mean: Literal["sample", "zero"] = "sample"

    method: ClassVar[str] = "parametric"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_degrees(self.degrees_of_freedom)
        if self.mean not in ("sample", "zero"):
            raise InputError(
                'mean must be "sample" or "zero"', value=self.mean, remedy='pass mean="zero"'
            )

    def estimate(self, sample: Sample) -> Estimate:
        """Put the sample's mean and deviation into the closed form."""
        centre, deviation, centres, betas = moments_of(sample, zero_mean=self.mean == "zero")
        quantile, excess = standard_tail(self.confidence, self.degrees_of_freedom)
        shape = (
            "a normal distribution"
            if self.degrees_of_freedom is None
            else f"a Student t of {self.degrees_of_freedom:g} degrees of freedom"
        )
        return Estimate(
            value_at_risk=-centre + quantile * deviation,
            expected_shortfall=-centre + excess * deviation,
            var_slopes=-centres + quantile * betas,
            es_slopes=-centres + excess * betas,
            rule=(
                f"Closed form of {shape} with the {self.mean} mean and the deviation of "
                f"{len(sample.portfolio):,} periods. Tails that are fatter are not in it."
            ),
        )


def require_degrees(degrees_of_freedom: float | None) -> None:
    """Raise `InputError` for degrees of freedom without a variance."""
    if degrees_of_freedom is not None and not 2 < degrees_of_freedom < math.inf:
        raise InputError(
            "degrees_of_freedom must be above 2 and finite, or None for a normal distribution",
            value=degrees_of_freedom,
            remedy="pass degrees_of_freedom=4; at 2 and below there is no variance",
        )


def standard_tail(confidence: float, degrees_of_freedom: float | None) -> tuple[float, float]:
    """Return quantile and tail mean of the distribution of mean 0 and variance 1."""
    from scipy.special import ndtri, stdtrit

    if degrees_of_freedom is None:
        quantile = float(ndtri(confidence))
        density = math.exp(-quantile * quantile / 2) / math.sqrt(2 * math.pi)
        return quantile, density / (1 - confidence)
    degrees = degrees_of_freedom
    quantile = float(stdtrit(degrees, confidence))
    log_density = (
        math.lgamma((degrees + 1) / 2)
        - math.lgamma(degrees / 2)
        - math.log(degrees * math.pi) / 2
        - (degrees + 1) / 2 * math.log1p(quantile * quantile / degrees)
    )
    excess = (degrees + quantile**2) / (degrees - 1) * math.exp(log_density) / (1 - confidence)
    to_unit = math.sqrt((degrees - 2) / degrees)
    return quantile * to_unit, excess * to_unit


def moments_of(sample: Sample, *, zero_mean: bool) -> tuple[float, float, FloatArray, FloatArray]:
    """Return the portfolio's mean and deviation, and their derivatives by each weight."""
    import numpy as np

    n = len(sample.portfolio)
    centre = 0.0 if zero_mean else float(sample.portfolio.mean())
    centres = np.zeros(len(sample.weights)) if zero_mean else sample.returns.mean(axis=0)
    off = sample.portfolio - centre
    divisor = n if zero_mean else n - 1
    # Rounding leaves 1e-19 where a constant series has no deviation at all.
    constant = sample.portfolio.min() == sample.portfolio.max() and not zero_mean
    deviation = 0.0 if constant else math.sqrt(float(off @ off) / divisor)
    if deviation == 0:
        return centre, 0.0, centres, np.zeros(len(sample.weights))
    # The sum of `off` is 0, so that the returns need not be centred too.
    return centre, deviation, centres, (off @ sample.returns) / divisor / deviation
