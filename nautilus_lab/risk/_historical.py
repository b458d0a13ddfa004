"""Historical-simulation risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk._model import Estimate, RiskModel
from nautilus_lab.risk._tail import (
    QuantileRule,
    order_statistics,
    share_of,
    tail_chances,
    tail_size,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.risk._sample import Sample


@dataclass(frozen=True, kw_only=True)
class HistoricalRisk(RiskModel):
    r"""Value at risk and expected shortfall, read off past returns.

    No distribution is assumed: the losses that happened are the sample [1]_. With :math:`n`
    losses sorted from the largest, :math:`L_{(1)} \ge L_{(2)} \ge \dots`, and a tail of
    :math:`t = n (1 - \alpha)` of them, :math:`k = \lfloor t \rfloor`:

    * value at risk is :math:`L_{(k+1)}`, a loss that did happen: nothing is interpolated. The
      rule ``"linear"`` interpolates between two losses as `numpy.quantile` does (type 7 of [3]_);
    * expected shortfall is the mean over the whole tail by either rule, the last loss counting
      with the fraction that is left [2]_:
      :math:`\frac{1}{t} \left( \sum_{i \le k} L_{(i)} + (t - k) L_{(k+1)} \right)`.

    A symbol's marginal is what it lost in the periods of the tail, and for the value at risk in
    the one period (or two, or those that tie) it was read off, which says little by itself.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk. It is read
        as the decimal number that it prints as: 0.9 leaves exactly a tenth.
    min_observations : int, default=100
        Refuse to estimate from fewer returns than this.
    quantile : {"higher", "linear"}, default="higher"
        How the value at risk is read off the sorted losses.

    Raises
    ------
    InputError
        When `confidence` is not in (0, 1), `min_observations` not at least 1 or `quantile`
        neither rule.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5, tz="UTC")
    >>> returns = pd.Series([-0.04, -0.02, 0.00, 0.01, 0.03], index=days)
    >>> report = HistoricalRisk(confidence=0.6, min_observations=5).measure(returns)
    >>> report.value_at_risk, report.expected_shortfall
    (0.0, 0.03)

    References
    ----------
    .. [1] Jorion, P. (2006). Value at Risk, 3rd ed., ch. 10. McGraw-Hill.
    .. [2] Acerbi, C. and Tasche, D. (2002). On the coherence of expected shortfall. Journal of
       Banking & Finance 26, 1487-1503.
    .. [3] Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. The
       American Statistician 50(4), 361-365.
    """

    quantile: QuantileRule = "higher"

    method: ClassVar[str] = "historical"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quantile not in ("higher", "linear"):
            raise InputError(
                "quantile must be one of the rules",
                value=self.quantile,
                remedy='pass "higher", a loss that happened, or "linear", numpy\'s',
            )

    @property
    def needed(self) -> int:
        """How many periods are needed: the tail must hold one of them."""
        return max(self.min_observations, self._whole_tail())

    def estimate(self, sample: Sample) -> Estimate:
        """Read both figures off the sample's losses."""
        losses = 0.0 - sample.portfolio
        n = len(losses)
        tail = tail_size(n, self.confidence)
        edge, shortfall = order_statistics(losses, tail)
        rows, chances = tail_chances(losses, edge, float(tail))
        es_slopes = -(chances @ sample.returns[rows])
        named = f"the {ordinal(int(tail) + 1)} largest loss"
        if self.quantile == "linear":
            edge, var_slopes = self._interpolated(sample, losses)
            named = "interpolated linearly between losses"
        else:
            var_slopes = -sample.returns[rows[losses[rows] == edge]].mean(axis=0)
        return Estimate(
            value_at_risk=edge,
            expected_shortfall=shortfall,
            var_slopes=var_slopes,
            es_slopes=es_slopes,
            tail=float(tail),
            rule=(
                f"Historical simulation on {n:,} periods: value at risk is {named}, expected "
                f"shortfall the mean of the {float(tail):,g} largest. Past losses bound nothing."
            ),
        )

    def _interpolated(self, sample: Sample, losses: FloatArray) -> tuple[float, FloatArray]:
        import numpy as np

        place = (len(losses) - 1) * share_of(self.confidence)
        below, part = int(place), float(place - int(place))
        ranks = (below, min(below + 1, len(losses) - 1))
        parted = np.partition(losses, ranks)
        slopes = [sample.returns[losses == parted[rank]].mean(axis=0) for rank in ranks]
        low, high = (float(parted[rank]) for rank in ranks)
        return low + part * (high - low), -((1 - part) * slopes[0] + part * slopes[1])


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th ..."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = 10 <= number % 100 <= 20
    return f"{number:,}{'th' if teen else endings.get(number % 10, 'th')}"
