"""The risk that no factor explains, symbol by symbol."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.risk_models._covariance import age_weights, require_half_life

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray


@dataclass(frozen=True, kw_only=True)
class SpecificRisk:
    r"""How the deviation of specific returns is estimated.

    A symbol's own estimate :math:`\hat\sigma` is weighted by age and corrected for
    autocorrelation, then moved towards :math:`\bar\sigma`, the cap-weighted mean of its size group,
    by :math:`v = q |\hat\sigma - \bar\sigma| / (\Delta + q |\hat\sigma - \bar\sigma|)` with
    :math:`\Delta` the root mean square distance within the group [1]_: the further off an estimate
    is, the less it is believed. A symbol with a short history takes the mean of its group.

    Parameters
    ----------
    half_life : float or None, default=84
        Periods after which an observation has half its weight; None weighs all alike.
    lags : int, default=5
        Of the correction by Newey and West; 0 corrects nothing.
    min_observations : int, default=60
        Specific returns below which a symbol has no estimate of its own; at least 2.
    shrinkage : float, default=1.0
        :math:`q`, at least 0; 0 does not shrink.
    size_groups : int, default=10
        Groups of equal number by capitalisation.

    Raises
    ------
    InputError
        When a setting is out of its bounds.

    References
    ----------
    .. [1] Menchero, J., Orr, D. J. and Wang, J. (2011). The Barra US Equity Model (USE4), section
       4. MSCI.
    """

    half_life: float | None = 84
    lags: int = 5
    min_observations: int = 60
    shrinkage: float = 1.0
    size_groups: int = 10

    def __post_init__(self) -> None:
        require_half_life(self.half_life, "half_life")
        for name, least in (("lags", 0), ("min_observations", 2), ("size_groups", 1)):
            if not getattr(self, name) >= least:
                raise InputError(
                    f"{name} must be at least {least}",
                    value=getattr(self, name),
                    remedy=f"pass {name}={least}",
                )
        if not 0 <= self.shrinkage < math.inf:
            raise InputError(
                "shrinkage must be at least 0", value=self.shrinkage, remedy="pass shrinkage=1.0"
            )

    def estimate(self, specific: FloatArray, caps: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return the variance of each symbol, and whether it comes from its own returns.

        Parameters
        ----------
        specific : ndarray, shape (time, symbol)
            Specific returns; NaN where not known.
        caps : ndarray, shape (symbol,)
            Capitalisations, positive.

        Raises
        ------
        NotEnoughData
            When no symbol has `min_observations` specific returns.
        """
        import numpy as np

        known = np.isfinite(specific)
        own = known.sum(axis=0) >= self.min_observations
        if not own.any():
            raise NotEnoughData(
                f"specific risk takes a symbol with {self.min_observations} specific returns",
                value=int(known.sum(axis=0).max(initial=0)),
                remedy="pass a longer history, or a smaller min_observations",
            )
        weights = age_weights(len(specific), self.half_life)
        z = np.where(known, specific, 0.0) * np.sqrt(weights)[:, None]
        variance = (z**2).sum(axis=0)
        for lag in range(1, min(self.lags, len(z) - 1) + 1):
            variance += 2 * (1 - lag / (self.lags + 1)) * (z[lag:] * z[:-lag]).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = np.sqrt(variance / (known * weights[:, None]).sum(axis=0))
        found = np.empty(len(caps))
        order = np.argsort(caps, kind="stable")
        everywhere = float(np.average(deviation[own], weights=caps[own]))
        for group in np.array_split(order, min(self.size_groups, len(order))):
            inside = group[own[group]]
            if not len(inside):
                found[group] = everywhere
                continue
            mean = float(np.average(deviation[inside], weights=caps[inside]))
            found[group] = mean
            off = self.shrinkage * np.abs(deviation[inside] - mean)
            spread = math.sqrt(float(np.mean((deviation[inside] - mean) ** 2)))
            moved = off / (spread + off) if spread else np.zeros(len(inside))
            found[inside] = moved * mean + (1 - moved) * deviation[inside]
        return found**2, np.asarray(own, dtype=np.bool_)
