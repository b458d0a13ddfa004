"""Risk by simulated returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk._model import Estimate, RiskModel
from nautilus_lab.risk._parametric import require_degrees
from nautilus_lab.risk._tail import order_statistics, tail_chances, tail_size

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray
    from nautilus_lab.risk._sample import Sample

_BLOCK = 20_000  # draws made at a time: 80 MB for 500 symbols


@dataclass(frozen=True, kw_only=True)
class MonteCarloRisk(RiskModel):
    r"""Value at risk and expected shortfall, read off returns drawn at random.

    Draws of all symbols at once, normal or Student t, with the sample's means and covariances
    (divisor n - 1) [1]_; the figures are read off them as `HistoricalRisk` reads them. The same
    seed gives the same figures. The standard error that the draws leave in the expected shortfall,
    :math:`\sqrt{(V + \alpha (ES - VaR)^2) / (n (1 - \alpha))}` with the variance :math:`V` of the
    tail [2]_, is reported; that of means and covariances is not known to it.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk.
    min_observations : int, default=100
        Refuse to estimate means and covariances from fewer returns than this.
    draws : int, default=100_000
        How many periods are simulated; 1 / (1 - `confidence`) at least.
    degrees_of_freedom : float, optional
        Above 2: a multivariate Student t, all symbols wild on the same days. Normal when not given.
    seed : int, default=0
        Of the random numbers (numpy's PCG64).

    Raises
    ------
    InputError
        When a setting is out of bounds.

    References
    ----------
    .. [1] Glasserman, P. (2003). Monte Carlo Methods in Financial Engineering, ch. 9. Springer.
    .. [2] Manistre, B. J. and Hancock, G. H. (2005). Variance of the CTE estimator. North American
       Actuarial Journal 9(2), 129-156.
    """

    draws: int = 100_000
    degrees_of_freedom: float | None = None
    seed: int = 0

    method: ClassVar[str] = "Monte Carlo"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_degrees(self.degrees_of_freedom)
        if not self.draws >= self._whole_tail():
            raise InputError(
                f"draws must be at least {self._whole_tail()}, so that one lies in the tail",
                value=self.draws,
                remedy="pass draws=100_000",
            )

    def estimate(self, sample: Sample) -> Estimate:
        """Draw returns like the sample's and read both figures off them."""
        import numpy as np

        centres = sample.returns.mean(axis=0)
        off = sample.returns - centres
        spread, directions = np.linalg.eigh(off.T @ off / (len(off) - 1))
        # Rounding makes eigenvalues of 0 a little negative.
        root = directions * np.sqrt(spread.clip(min=0))
        tail = tail_size(self.draws, self.confidence)
        losses, worst, rows = self._draw(root.T @ sample.weights, int(tail) + 1)
        edge, shortfall = order_statistics(losses, tail)
        # Of the draws only those of the tail were kept, the worst int(tail) + 1.
        places, chances = tail_chances(losses[rows], edge, float(tail))
        es_slopes = -((chances @ worst[places]) @ root.T)
        at_edge = worst[losses[rows] == edge].mean(axis=0)
        beyond = losses[rows]
        share = float(tail) / self.draws
        error = math.sqrt(
            (float(beyond.var()) + (1 - share) * (shortfall - edge) ** 2) / float(tail)
        )
        shift = float(centres @ sample.weights)
        shape = (
            "normal"
            if self.degrees_of_freedom is None
            else f"Student t ({self.degrees_of_freedom:g} degrees of freedom)"
        )
        return Estimate(
            value_at_risk=edge - shift,
            expected_shortfall=shortfall - shift,
            var_slopes=-centres - at_edge @ root.T,
            es_slopes=-centres + es_slopes,
            tail=float(tail),
            standard_error=error,
            rule=(
                f"{self.draws:,} {shape} draws with means and covariances of "
                f"{len(off):,} periods, seed {self.seed}; the draws leave a standard error of "
                f"{error:.2g} in the expected shortfall."
            ),
        )

    def _draw(self, exposure: FloatArray, n_worst: int) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return all losses, the draws behind the worst of them, and which ones those are."""
        import numpy as np

        random = np.random.default_rng(self.seed)
        losses = np.empty(self.draws)
        worst = np.empty((0, len(exposure)))
        rows = np.empty(0, dtype=np.intp)
        for begin in range(0, self.draws, _BLOCK):
            size = min(_BLOCK, self.draws - begin)
            drawn = random.standard_normal((size, len(exposure)))
            if self.degrees_of_freedom is not None:
                degrees = self.degrees_of_freedom
                drawn *= np.sqrt((degrees - 2) / random.chisquare(degrees, size))[:, None]
            losses[begin : begin + size] = -(drawn @ exposure)
            rows = np.concatenate((rows, np.arange(begin, begin + size)))
            worst = np.concatenate((worst, drawn))
            if len(rows) > n_worst:
                kept = np.argpartition(losses[rows], len(rows) - n_worst)[len(rows) - n_worst :]
                rows, worst = rows[kept], worst[kept]
        return losses, worst, rows
