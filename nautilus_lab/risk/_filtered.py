"""Historical simulation at today's volatility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nautilus_lab.exceptions import BadData
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import Estimate
from nautilus_lab.risk._sample import Sample
from nautilus_lab.risk._volatility import ewma_path, require_decay

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class FilteredHistoricalRisk(HistoricalRisk):
    r"""Value at risk and expected shortfall, read off past returns scaled to today's volatility.

    Each symbol's return is divided by the volatility that was known before it and multiplied by
    that of the coming period, :math:`r_{it} \sigma_{i,T+1} / \sigma_{it}` [1]_ [2]_; the
    volatilities are exponentially weighted (see `ewma_volatility`). What moved together still
    does. The figures are then read off as `HistoricalRisk` reads them.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk.
    min_observations : int, default=100
        Refuse to estimate from fewer scaled returns than this.
    quantile : {"higher", "linear"}, default="higher"
        How the value at risk is read off the sorted losses.
    decay : float, default=0.94
        Weight of yesterday's variance in today's, in (0, 1).
    warm_up : int, default=21
        Periods that only begin the volatility; they are not scaled and not read.

    Raises
    ------
    InputError
        When a setting is out of bounds.

    References
    ----------
    .. [1] Hull, J. and White, A. (1998). Incorporating volatility updating into the historical
       simulation method for value-at-risk. Journal of Risk 1(1), 5-19.
    .. [2] Barone-Adesi, G., Giannopoulos, K. and Vosper, L. (1999). VaR without correlations for
       portfolios of derivative securities. Journal of Futures Markets 19(5), 583-602.
    """

    decay: float = 0.94
    warm_up: int = 21

    method: ClassVar[str] = "filtered historical"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_decay(self.decay, self.warm_up)

    @property
    def needed(self) -> int:
        """How many periods are needed: those of the warm-up are not read."""
        return max(self.min_observations, self._whole_tail()) + self.warm_up

    def estimate(self, sample: Sample) -> Estimate:
        """Scale the sample's returns and read both figures off them."""
        scaled = self._scaled(sample.returns)
        read = HistoricalRisk.estimate(
            self,
            Sample(returns=scaled, weights=sample.weights, portfolio=scaled @ sample.weights),
        )
        return Estimate(
            value_at_risk=read.value_at_risk,
            expected_shortfall=read.expected_shortfall,
            var_slopes=read.var_slopes,
            es_slopes=read.es_slopes,
            tail=read.tail,
            rule=(
                f"Returns scaled to the coming period's volatility (decay {self.decay:g}, "
                f"{self.warm_up} periods of warm-up). {read.rule}"
            ),
        )

    def _scaled(self, returns: FloatArray) -> FloatArray:
        import numpy as np

        known, coming = ewma_path(returns, self.decay, self.warm_up)
        used = returns[self.warm_up :]
        if ((known == 0) & (used != 0)).any():
            raise BadData(
                "a return after a time without any movement cannot be scaled",
                value=f"return {used[(known == 0) & (used != 0)][0]:g}, volatility 0 before it",
                remedy="begin the history where the symbol trades, or use HistoricalRisk",
            )
        # Where nothing has moved yet, 0 stays 0.
        return used * (coming / np.where(known == 0, 1.0, known))
