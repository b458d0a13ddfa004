"""The statistical model: both exposures and factor returns are estimated from returns alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed
from nautilus_lab.factors.risk_models._model import FactorRiskModel
from nautilus_lab.frames import require_returns
from nautilus_lab.provenance import provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns

Criterion: TypeAlias = Literal["bai_ng", "marchenko_pastur"]


@dataclass(frozen=True, kw_only=True)
class StatisticalModel:
    r"""Principal components of returns: factors without a name.

    Returns, less their means and over their deviations unless `scale` is False, are decomposed by
    singular values: with more symbols than periods that is asymptotic principal components [1]_,
    the same numbers from the smaller matrix. Factors are uncorrelated and have variance 1, so
    that exposures are volatilities; each is signed so that its mean exposure is not negative.

    Parameters
    ----------
    n_factors : int or {"bai_ng", "marchenko_pastur"}, default="bai_ng"
        How many; by the criterion IC\ :sub:`p2` of Bai and Ng [2]_, or how many eigenvalues of
        the correlations exceed :math:`(1 + \sqrt{N / T})^2`, which pure noise does not [3]_.
    max_factors : int, optional
        The most that a criterion may choose; by default Bai and Ng's ``floor(8 (min(N, T) / 100)
        ** (1 / 4))``, since with as many factors as symbols nothing is left to be priced.
    scale : bool, default=True
        Decompose correlations; otherwise covariances, which volatile symbols lead.

    Raises
    ------
    InputError
        When a setting is out of its bounds.

    References
    ----------
    .. [1] Connor, G. and Korajczyk, R. A. (1986). Performance measurement with the arbitrage
       pricing theory. Journal of Financial Economics 15(3), 373-394.
    .. [2] Bai, J. and Ng, S. (2002). Determining the Number of Factors in Approximate Factor
       Models. Econometrica 70(1), 191-221.
    .. [3] Laloux, L., Cizeau, P., Bouchaud, J.-P. and Potters, M. (1999). Noise Dressing of
       Financial Correlation Matrices. Physical Review Letters 83, 1467.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> days = pd.date_range("2024-01-01", periods=400, tz="UTC")
    >>> common = rng.normal(0, 0.01, (400, 2)) @ rng.normal(1, 1, (2, 50))
    >>> returns = pd.DataFrame(common + rng.normal(0, 0.01, (400, 50)), days)
    >>> StatisticalModel().fit(returns)
    FactorRiskModel(statistical, 50 symbols, 2 factors, as of 2025-02-03)
    """

    n_factors: int | Criterion = "bai_ng"
    max_factors: int | None = None
    scale: bool = True

    def __post_init__(self) -> None:
        whole = isinstance(self.n_factors, int) and not isinstance(self.n_factors, bool)
        chosen = self.n_factors in ("bai_ng", "marchenko_pastur")
        if not (chosen or (whole and int(self.n_factors) >= 1)):
            raise InputError(
                "n_factors must be a count of at least 1 or a criterion",
                value=self.n_factors,
                remedy='pass n_factors=5, "bai_ng" or "marchenko_pastur"',
            )
        if self.max_factors is not None and not self.max_factors >= 1:
            raise InputError(
                "max_factors must be at least 1, or None",
                value=self.max_factors,
                remedy="pass max_factors=20",
            )

    def fit(self, returns: Returns) -> FactorRiskModel:
        """Estimate exposures, factors and specific variances.

        Parameters
        ----------
        returns : DataFrame, shape (time, symbol)
            Simple returns, fractions, finite.

        Returns
        -------
        FactorRiskModel
            As of the last row.

        Raises
        ------
        NotEnoughData
            When there are fewer than 2 symbols, or not enough periods for the factors.
        BadData
            When a return is NaN or infinite, or a symbol never moves.
        """
        import numpy as np
        import pandas as pd

        frame = require_returns(returns, at_least=3)
        values, deviations = _scaled(frame, scale=self.scale)
        t, n = values.shape
        left, sizes, right = np.linalg.svd(values, full_matrices=False)
        k = self._count(sizes, t, n)
        # Degrees of freedom that means, exposures and factor returns take.
        if t - k - 1 < 1 or k >= n:
            raise NotEnoughData(
                f"{k} factors take more than {k + 1} periods and more than {k} symbols",
                value=f"{t} periods, {n} symbols",
                remedy="pass a longer history, or fewer factors",
            )
        exposure = right[:k].T * sizes[:k] / math.sqrt(t - 1) * deviations[:, None]
        exposure *= np.where(exposure.sum(axis=0) < 0, -1.0, 1.0)
        explained = (left[:, :k] * sizes[:k]) @ right[:k]
        errors = (values - explained) * deviations
        names = [f"PC{place + 1}" for place in range(k)]
        return FactorRiskModel(
            kind="statistical",
            as_of=frame.index[-1],
            exposures=pd.DataFrame(exposure, frame.columns, names),
            factor_covariance=pd.DataFrame(np.eye(k), names, names),
            specific_variance=pd.Series(
                (errors**2).sum(axis=0) / (t - k - 1), frame.columns, name="specific variance"
            ),
            n_observations=t,
            provenance=provenance(returns),
        )

    def _count(self, sizes: FloatArray, t: int, n: int) -> int:
        import numpy as np

        usual = int(8 * (min(t, n) / 100) ** 0.25) if self.max_factors is None else self.max_factors
        most = min(usual, min(t, n) - 2)
        if isinstance(self.n_factors, int):
            return self.n_factors
        if most < 1:
            raise NotEnoughData(
                "a criterion takes at least 3 periods and 3 symbols",
                value=f"{t} periods, {n} symbols",
                remedy="pass n_factors=1",
            )
        if self.n_factors == "marchenko_pastur":
            roots = sizes**2 / (sizes**2).sum() * n
            above = int((roots > (1 + math.sqrt(n / t)) ** 2).sum())
            return max(1, min(most, above))
        return max(1, int(np.argmin(information_criteria(sizes, t, n, most))))


def information_criteria(sizes: FloatArray, t: int, n: int, most: int) -> FloatArray:
    """Return Bai and Ng's IC_p2 of 0 to `most` factors, from the singular values."""
    import numpy as np

    left = np.append(np.cumsum((sizes**2)[::-1])[::-1], 0.0)[: most + 1] / (n * t)
    price = (n + t) / (n * t) * math.log(min(n, t))
    tiny = np.finfo(float).tiny
    return np.asarray(np.log(np.maximum(left, tiny)) + price * np.arange(most + 1))


def _scaled(frame: pd.DataFrame, *, scale: bool) -> tuple[FloatArray, FloatArray]:
    """Return returns less their means, over their deviations (divisor n - 1) when `scale`."""
    import numpy as np

    values = np.asarray(frame, dtype=np.float64)
    still = values.min(axis=0) == values.max(axis=0)
    if still.any():
        raise BadData(
            "every symbol must move",
            value=listed(frame.columns[still]),
            remedy="drop it: what is constant has no components",
        )
    off = values - values.mean(axis=0)
    deviations = values.std(axis=0, ddof=1) if scale else np.ones(values.shape[1])
    return off / deviations, deviations
