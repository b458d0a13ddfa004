"""Risk of returns that are somewhat skewed and fat-tailed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import Estimate, RiskModel

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.risk._sample import Sample


@dataclass(frozen=True, kw_only=True)
class CornishFisherRisk(RiskModel):
    r"""Value at risk and expected shortfall by a normal quantile bent by skewness and kurtosis.

    With mean, deviation, skewness :math:`S` and excess kurtosis :math:`K` of the portfolio's
    returns (all with divisor n) and :math:`z` the normal quantile at :math:`1 - \alpha` [1]_ [2]_,

    .. math:: z' = z + (z^2 - 1) S/6 + (z^3 - 3z) K/24 - (2z^3 - 5z) S^2/36

    * value at risk is :math:`-(\mu + z' \sigma)`;
    * expected shortfall, the mean of the expansion over the tail, is [3]_
      :math:`-\mu + \sigma \frac{\varphi(z)}{1-\alpha}
      \left( 1 + z S/6 + (z^2 - 1) K/24 - (2z^2 - 1) S^2/36 \right)`.

    The expansion is a quantile only where it rises with :math:`z`; elsewhere a worse day would
    come out as a smaller loss. That is checked over `domain` deviations to either side.
    Within the domain the distribution's own skewness and kurtosis are larger than the
    :math:`S` and :math:`K` put in when these are large [3]_.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk.
    min_observations : int, default=100
        Refuse to estimate from fewer returns than this.
    domain : float, default=4.0
        Normal deviations to either side over which the expansion must rise, one more than the
        quantile's at least; infinite for the condition of [3]_.
    outside : {"historical", "refuse"}, default="historical"
        What to do outside the domain: read the figures off past returns and say so in the
        report's `notices`, or raise.

    Raises
    ------
    InputError
        When a setting is out of bounds.

    References
    ----------
    .. [1] Cornish, E. A. and Fisher, R. A. (1937). Moments and cumulants in the specification of
       distributions. Revue de l'Institut International de Statistique 5, 307-320.
    .. [2] Zangari, P. (1996). A VaR methodology for portfolios that include options. RiskMetrics
       Monitor, first quarter, 4-12.
    .. [3] Maillard, D. (2012). A user's guide to the Cornish Fisher expansion. SSRN 1997178.
    .. [4] Boudt, K., Peterson, B. and Croux, C. (2008). Estimation and decomposition of downside
       risk for portfolios with non-normal returns. Journal of Risk 11(2), 79-103.
    """

    domain: float = 4.0
    outside: Literal["historical", "refuse"] = "historical"

    method: ClassVar[str] = "Cornish-Fisher"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.domain > 0:
            raise InputError(
                "domain must be positive", value=self.domain, remedy="pass domain=4.0, deviations"
            )
        if self.outside not in ("historical", "refuse"):
            raise InputError(
                'outside must be "historical" or "refuse"',
                value=self.outside,
                remedy='pass outside="refuse" to get an error outside of the domain',
            )

    def estimate(self, sample: Sample) -> Estimate:
        """Bend the normal quantile by the sample's moments, or fall back as `outside` says."""
        import numpy as np
        from scipy.special import ndtri

        centre = float(sample.portfolio.mean())
        off = sample.portfolio - centre
        n = len(off)
        variance = float(off @ off) / n
        if sample.portfolio.min() == sample.portfolio.max():
            raise BadData(
                "skewness and kurtosis need returns that vary",
                value=f"{sample.portfolio[0]:g} in each of {n} periods",
                remedy="pass returns, not levels; what never moves has no tail to bend",
            )
        deviation = math.sqrt(variance)
        scaled = off / deviation
        skew, kurtosis = float((scaled**3).mean()), float((scaled**4).mean()) - 3
        tail = 1 - self.confidence
        z = float(ndtri(tail))
        # The shortfall is a mean beyond the quantile: the expansion must rise there as well.
        domain = max(self.domain, abs(z) + 1)
        if not rises(skew, kurtosis, domain):
            return self._beyond(sample, skew, kurtosis, domain)

        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / tail
        # Each figure is -mean + deviation * (a + b S + c K + d S^2): [4]_ for the slopes.
        for_var = (-z, -(z * z - 1) / 6, -(z**3 - 3 * z) / 24, (2 * z**3 - 5 * z) / 36)
        for_es = (
            density,
            density * z / 6,
            density * (z * z - 1) / 24,
            -density * (2 * z * z - 1) / 36,
        )
        centres = sample.returns.mean(axis=0)
        # The derivatives of deviation, skewness and kurtosis by each weight.
        by = [(scaled**power @ (sample.returns - centres)) / n for power in (1, 2, 3)]
        slope_skew = 3 * (by[1] - skew * by[0]) / deviation
        slope_kurtosis = 4 * (by[2] - (kurtosis + 3) * by[0]) / deviation

        def figure(terms: tuple[float, float, float, float]) -> tuple[float, FloatArray]:
            a, b, c, d = terms
            bent = a + b * skew + c * kurtosis + d * skew**2
            slope = (b + 2 * d * skew) * slope_skew + c * slope_kurtosis
            return -centre + deviation * bent, -centres + by[0] * bent + deviation * slope

        (at_risk, var_slopes), (shortfall, es_slopes) = figure(for_var), figure(for_es)
        return Estimate(
            value_at_risk=at_risk,
            expected_shortfall=shortfall,
            var_slopes=np.asarray(var_slopes),
            es_slopes=np.asarray(es_slopes),
            rule=(
                f"Cornish-Fisher expansion with skewness {skew:.2f} and excess kurtosis "
                f"{kurtosis:.2f} of {n:,} periods (divisor n)."
            ),
        )

    def _beyond(self, sample: Sample, skew: float, kurtosis: float, domain: float) -> Estimate:
        found = f"skewness {skew:.2f} and excess kurtosis {kurtosis:.2f}"
        if self.outside == "refuse":
            raise BadData(
                f"the Cornish-Fisher expansion must rise within {domain:.3g} deviations",
                value=found,
                remedy='measure with HistoricalRisk, or pass outside="historical"',
            )
        model = HistoricalRisk(confidence=self.confidence, min_observations=self.min_observations)
        read = model.estimate(sample)
        return Estimate(
            value_at_risk=read.value_at_risk,
            expected_shortfall=read.expected_shortfall,
            var_slopes=read.var_slopes,
            es_slopes=read.es_slopes,
            tail=read.tail,
            rule=read.rule,
            notices=(
                f"Not Cornish-Fisher: with {found} its expansion does not rise within "
                f"{domain:.3g} deviations and is no quantile; read off past returns instead.",
            ),
        )

    @property
    def needed(self) -> int:
        """How many periods are needed, the fallback's included."""
        least = max(self.min_observations, 4)
        return least if self.outside == "refuse" else max(least, self._whole_tail())


def rises(skew: float, kurtosis: float, domain: float) -> bool:
    """Whether the expansion rises everywhere within `domain` deviations.

    Its derivative is a parabola in z, smallest at an end of the interval or at its vertex.
    """
    a = kurtosis / 8 - skew**2 / 6
    b = skew / 3
    c = 1 - kurtosis / 8 + 5 * skew**2 / 36
    if math.isinf(domain):
        flat = a == 0 and b == 0 and c >= 0
        return flat or (a > 0 and b * b - 4 * a * c <= 0)
    places = [-domain, domain]
    if a != 0 and abs(b / (2 * a)) < domain:
        places.append(-b / (2 * a))
    return all(a * z * z + b * z + c >= 0 for z in places)
