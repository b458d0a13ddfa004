"""The covariance of factor returns: weighted by age, corrected for autocorrelation, shrunk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_returns

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns


@dataclass(frozen=True, kw_only=True)
class FactorCovariance:
    r"""How the covariance of factor returns is estimated.

    Volatilities and correlations are weighted by age, each with a half-life of its own, and
    corrected for autocorrelation [1]_. With :math:`z_t = \sqrt{w_t} (f_t - \bar f)` the estimate is
    :math:`\sum_t z_t z_t' + \sum_{l \le L} (1 - l / (L + 1)) \sum_t (z_t z_{t-l}' + z_{t-l} z_t')`:
    the weights go in as roots, so that no combination of factors gets a negative variance.

    Parameters
    ----------
    volatility_half_life : float or None, default=84
        Periods after which an observation has half its weight; None weighs all alike.
    correlation_half_life : float or None, default=252
        The same for correlations, which need more observations.
    volatility_lags : int, default=5
        :math:`L` for volatilities; 0 corrects nothing.
    correlation_lags : int, default=2
        :math:`L` for correlations.
    shrinkage : float or None, default=None
        How far correlations go to none at all, in [0, 1]; None takes the intensity of Ledoit and
        Wolf [2]_, 0 does not shrink.
    eigen_adjustment : bool, default=False
        Raise the volatility of the combinations that look too safe, by as much as samples drawn
        from the estimate understate it [3]_.
    regime_half_life : float or None, default=None
        Scale all volatilities by how far the latest factor returns exceeded their forecasts,
        weighted with this half-life [4]_; None does not.
    seed : int, default=0
        Of the draws of `eigen_adjustment`.

    Raises
    ------
    InputError
        When a setting is out of its bounds.

    References
    ----------
    .. [1] Newey, W. K. and West, K. D. (1987). A Simple, Positive Semi-Definite,
       Heteroskedasticity and Autocorrelation Consistent Covariance Matrix. Econometrica 55(3).
    .. [2] Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for large-dimensional
       covariance matrices. Journal of Multivariate Analysis 88(2), 365-411.
    .. [3] Menchero, J., Wang, J. and Orr, D. J. (2011). Eigen-Adjusted Covariance Matrices. MSCI.
    .. [4] Menchero, J., Orr, D. J. and Wang, J. (2011). The Barra US Equity Model (USE4). MSCI.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=300, tz="UTC")
    >>> noise = np.random.default_rng(0).normal(0, [0.01, 0.02], (300, 2))
    >>> returns = pd.DataFrame(noise, days, ["value", "size"])
    >>> found = FactorCovariance().estimate(returns)
    >>> (np.sqrt(np.diag(found)) / [0.01, 0.02]).round(1).tolist()
    [1.1, 0.9]
    """

    volatility_half_life: float | None = 84
    correlation_half_life: float | None = 252
    volatility_lags: int = 5
    correlation_lags: int = 2
    shrinkage: float | None = None
    eigen_adjustment: bool = False
    regime_half_life: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("volatility_half_life", "correlation_half_life", "regime_half_life"):
            require_half_life(getattr(self, name), name)
        for name in ("volatility_lags", "correlation_lags"):
            if not getattr(self, name) >= 0:
                raise InputError(
                    f"{name} must be at least 0", value=getattr(self, name), remedy=f"pass {name}=0"
                )
        if self.shrinkage is not None and not 0 <= self.shrinkage <= 1:
            raise InputError(
                "shrinkage must lie in [0, 1]", value=self.shrinkage, remedy="pass shrinkage=None"
            )

    @property
    def needed(self) -> int:
        """How many periods it takes at least."""
        return max(self.volatility_lags, self.correlation_lags) + 2

    def estimate(self, factor_returns: Returns) -> pd.DataFrame:
        """Return the covariance of one period's factor returns.

        Parameters
        ----------
        factor_returns : DataFrame, shape (time, factor)
            Simple returns, fractions, finite; the last row is the newest.

        Returns
        -------
        DataFrame, shape (factor, factor)
            Symmetric, without negative variances.

        Raises
        ------
        NotEnoughData
            When there are fewer rows than `needed`.
        BadData
            When a value is NaN or infinite, a factor never varies, or times are unsorted.
        """
        import numpy as np
        import pandas as pd

        frame = require_returns(factor_returns, at_least=self.needed, name="factor_returns")
        values = np.asarray(frame, dtype=np.float64)
        still = values.min(axis=0) == values.max(axis=0)
        if still.any():
            raise BadData(
                "every factor's returns must vary",
                value=str(frame.columns[still][0]),
                remedy="drop the factor: what is constant has no risk",
            )
        found = self.of(values)
        return pd.DataFrame(found, frame.columns, frame.columns)

    def of(self, values: FloatArray) -> FloatArray:
        """Return the covariance of checked factor returns, shape (time, factor)."""
        import numpy as np

        deviations = np.sqrt(
            np.diag(_long_run(values, self.volatility_half_life, self.volatility_lags))
        )
        related = _long_run(values, self.correlation_half_life, self.correlation_lags)
        own = np.sqrt(np.diag(related))
        correlation = related / np.outer(own, own)
        weight = self.shrinkage
        if weight is None:
            scaled = (values - values.mean(axis=0)) / values.std(axis=0)
            weight = shrinkage_intensity(
                scaled, age_weights(len(values), self.correlation_half_life)
            )
        correlation *= 1 - weight
        np.fill_diagonal(correlation, 1.0)
        if self.regime_half_life is not None:
            deviations = deviations * self._regime(values)
        found = correlation * np.outer(deviations, deviations)
        if self.eigen_adjustment:
            found = self._eigen_adjusted(found, len(values))
        return np.asarray(found, dtype=np.float64)

    def _regime(self, values: FloatArray) -> float:
        """Return the ratio of what factor returns lately were to what was forecast of them."""
        import numpy as np

        decay = 1.0 if self.volatility_half_life is None else 0.5 ** (1 / self.volatility_half_life)
        squares = values**2
        total, weight = np.zeros(values.shape[1]), 0.0
        judged = []
        for place, row in enumerate(squares):
            # Forecast by what came before; the first stand on too little to be judged by.
            if place >= 2 * self.needed and (total > 0).all():
                judged.append(float(np.mean(row * weight / total)))
            total = decay * total + row
            weight = decay * weight + 1
        if not judged:
            return 1.0
        return math.sqrt(float(age_weights(len(judged), self.regime_half_life) @ judged))

    def _eigen_adjusted(self, covariance: FloatArray, n: int, draws: int = 100) -> FloatArray:
        import numpy as np

        roots, vectors = np.linalg.eigh(covariance)
        roots = roots.clip(min=0.0)
        rng = np.random.default_rng(self.seed)
        understated = np.zeros(len(roots))
        scale = np.sqrt(roots)
        for _ in range(draws):
            drawn = rng.standard_normal((n, len(roots))) * scale
            sample, axes = np.linalg.eigh(drawn.T @ drawn / n)
            # In the coordinates of the estimate the truth is diagonal.
            true = np.einsum("ik,i,ik->k", axes, roots, axes)
            understated += true / np.maximum(sample, np.finfo(float).tiny)
        ratio = understated / draws
        # By 1.4 times as much: factor returns have heavier tails than what was drawn [3].
        grown = (1.4 * (np.sqrt(ratio) - 1) + 1) ** 2
        return np.asarray((vectors * (roots * grown)) @ vectors.T, dtype=np.float64)


def ledoit_wolf(returns: Returns) -> tuple[pd.DataFrame, float]:
    r"""Shrink a sample covariance to a multiple of the identity, as far as is best on average [1]_.

    :math:`\delta m I + (1 - \delta) S`, :math:`S` with divisor n and :math:`m` its mean variance.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions, finite; at least 2 rows.

    Returns
    -------
    covariance : DataFrame, shape (symbol, symbol)
    intensity : float
        :math:`\delta`, in [0, 1].

    Raises
    ------
    NotEnoughData
        When there are fewer than 2 rows.
    BadData
        When a return is NaN or infinite, or times are unsorted.

    References
    ----------
    .. [1] Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for large-dimensional
       covariance matrices. Journal of Multivariate Analysis 88(2), 365-411.
    """
    import numpy as np
    import pandas as pd

    frame = require_returns(returns, at_least=2)
    off = np.asarray(frame, dtype=np.float64)
    off = off - off.mean(axis=0)
    sample = off.T @ off / len(off)
    intensity = shrinkage_intensity(off, np.full(len(off), 1 / len(off)))
    mean = float(np.trace(sample)) / len(sample)
    found = (1 - intensity) * sample + intensity * mean * np.eye(len(sample))
    return pd.DataFrame(found, frame.columns, frame.columns), intensity


def shrinkage_intensity(off: FloatArray, weights: FloatArray) -> float:
    """Return Ledoit and Wolf's intensity for centred rows, weighted; 1 where nothing differs."""
    import numpy as np

    sample = (off * weights[:, None]).T @ off
    k = len(sample)
    mean = float(np.trace(sample)) / k
    apart = float((sample**2).sum()) - k * mean**2
    if apart <= 0:
        return 1.0
    # |x x' - S|^2 = (x'x)^2 - 2 x'S x + |S|^2: no row needs a matrix of its own.
    lengths = np.einsum("tk,tk->t", off, off) ** 2
    inner = np.einsum("tk,kj,tj->t", off, sample, off, optimize=True)
    noise = float((weights**2) @ (lengths - 2 * inner + float((sample**2).sum())))
    return max(0.0, min(1.0, noise / apart))


def age_weights(n: int, half_life: float | None) -> FloatArray:
    """Return weights that sum to 1, the last the greatest."""
    import numpy as np

    if half_life is None:
        return np.full(n, 1 / n)
    weights = 0.5 ** (np.arange(n - 1, -1, -1) / half_life)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def require_half_life(half_life: float | None, name: str) -> None:
    """Raise when a half-life is neither None nor a positive number of periods."""
    if half_life is not None and not 0 < half_life < math.inf:
        raise InputError(
            f"{name} must be a positive number of periods, or None",
            value=half_life,
            remedy=f"pass {name}=84, or None to weigh all periods alike",
        )


def _long_run(values: FloatArray, half_life: float | None, lags: int) -> FloatArray:
    import numpy as np

    weights = age_weights(len(values), half_life)
    z = (values - weights @ values) * np.sqrt(weights)[:, None]
    found = z.T @ z
    for lag in range(1, lags + 1):
        moved = z[lag:].T @ z[:-lag]
        found += (1 - lag / (lags + 1)) * (moved + moved.T)
    return np.asarray(found, dtype=np.float64)
