"""How sure a Sharpe ratio is, for the length and shape of its returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.analytics._returns import deviation, numbers
from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, ReturnSeries


@dataclass(frozen=True, kw_only=True)
class SharpeSample:
    """What of a series of returns decides how sure its Sharpe ratio is.

    Attributes
    ----------
    sharpe : float
        Mean over sample deviation (divisor n - 1), per period and not annual; NaN when the returns
        do not vary.
    skewness : float, default=0
        Third standardised moment (divisor n); NaN counts as the 0 of normal returns.
    kurtosis : float, default=3
        Fourth standardised moment (divisor n), 3 for normal returns; NaN counts as 3.
    n_observations : int
        Returns that were known.

    Examples
    --------
    >>> round(SharpeSample(sharpe=0.1, n_observations=1250).probability(), 4)
    0.9998
    """

    sharpe: float
    n_observations: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if not self.n_observations >= 2:
            raise InputError(
                "a Sharpe ratio is taken of at least 2 returns",
                value=self.n_observations,
                remedy="pass a longer series",
            )
        if math.isinf(self.sharpe):
            raise InputError("a Sharpe ratio must be finite or NaN", value=self.sharpe)

    @classmethod
    def of(cls, returns: ReturnSeries, *, risk_free: float = 0.0) -> SharpeSample:
        """Measure a series of simple returns.

        Parameters
        ----------
        returns : Series, shape (time,)
            Simple returns, fractions, per period; at least 2, none of them NaN.
        risk_free : float, default=0
            Of one period, a fraction.

        Raises
        ------
        NotEnoughData, BadData, InputError
            As `nautilus_lab.analytics.sharpe_ratio`.
        """
        return cls.of_values(numbers(returns, at_least=2) - risk_free)

    @classmethod
    def of_values(cls, values: FloatArray) -> SharpeSample:
        """Measure an array of finite returns, shape (time,)."""
        spread = deviation(values)
        if not spread:
            return cls(sharpe=math.nan, n_observations=len(values))
        centred = values - values.mean()
        square = float((centred**2).mean())
        return cls(
            sharpe=float(values.mean()) / spread,
            n_observations=len(values),
            skewness=float((centred**3).mean()) / square**1.5,
            kurtosis=float((centred**4).mean()) / square**2,
        )

    @property
    def standard_error(self) -> float:
        r"""Of the Sharpe ratio [1]_: the root of

        :math:`(1 - \gamma_3 SR + \frac{\gamma_4 - 1}{4} SR^2) / (n - 1)`.

        References
        ----------
        .. [1] Mertens, E. (2002). Comments on Variance of the IID Estimator in Lo (2002).
        """  # noqa: D400
        return math.sqrt(self._spread(self.sharpe) / (self.n_observations - 1))

    def probability(self, benchmark: float = 0.0) -> float:
        r"""Return the probability that the true Sharpe ratio is above a benchmark [1]_.

        The probabilistic Sharpe ratio :math:`\Phi((SR - SR^*) / se)`, of one trial: what was chosen
        among several needs `deflated_sharpe`.

        Parameters
        ----------
        benchmark : float, default=0
            Per period, as `sharpe` is.

        Returns
        -------
        float
            In [0, 1]; NaN when the Sharpe ratio is.

        References
        ----------
        .. [1] Bailey, D. and López de Prado, M. (2012). The Sharpe Ratio Efficient Frontier.
           Journal of Risk 15(2), 3-44.
        """
        return _normal(self._z(benchmark))

    def minimum_observations(self, benchmark: float = 0.0, *, confidence: float = 0.95) -> float:
        r"""Return how many returns it takes to be that confident: the minimum track record [1]_.

        :math:`1 + (1 - \gamma_3 SR + \frac{\gamma_4 - 1}{4} SR^2)
        (\Phi^{-1}(c) / (SR - SR^*))^2`, in periods.

        Returns
        -------
        float
            Infinite when the Sharpe ratio is not above the benchmark; NaN when it is NaN.

        References
        ----------
        .. [1] Bailey, D. and López de Prado, M. (2012). The Sharpe Ratio Efficient Frontier.
           Journal of Risk 15(2), 3-44, equation 11.
        """
        _require_confidence(confidence)
        above = self.sharpe - benchmark
        if math.isnan(above):
            return math.nan
        if above <= 0:
            return math.inf
        return 1 + self._spread(self.sharpe) * (_quantile(confidence) / above) ** 2

    def _z(self, benchmark: float) -> float:
        return (self.sharpe - benchmark) / self.standard_error

    def _spread(self, sharpe: float) -> float:
        skewness = 0.0 if math.isnan(self.skewness) else self.skewness
        kurtosis = 3.0 if math.isnan(self.kurtosis) else self.kurtosis
        # With the moments of one sample it is positive (kurtosis >= skewness squared + 1); with
        # moments from elsewhere it need not be.
        spread = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
        if spread <= 0:
            raise InputError(
                "kurtosis must be at least 1 + skewness squared",
                value=f"skewness {skewness:g}, kurtosis {kurtosis:g}",
                remedy="pass the kurtosis that is 3 for normal returns",
            )
        return spread


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(
            "confidence must lie in (0, 1)", value=confidence, remedy="pass confidence=0.95"
        )


def _normal(z: float) -> float:
    """Return the standard normal distribution; of NaN, NaN."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _quantile(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
