"""Weighted regressions over the names of each date, with group returns that sum to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData
from nautilus_lab.factors.risk_models._aligned import listed
from nautilus_lab.factors.scale._threads import checked_threads, share_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray

# A factor whose estimate others blow up this much cannot be told from them.
_MOST_INFLATED = 1e10
# Dates that a thread takes at once.
_DATES = 64


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class CrossSection:
    """What the regressions of some dates are made from.

    Attributes
    ----------
    styles : ndarray, shape (style, time, symbol)
        Exposures, known before the returns; finite where `known`.
    groups : ndarray, shape (time, symbol)
        Number of the group of each name, below `n_groups`.
    n_groups : int
        0 when there are none.
    caps, weights, returns : ndarray, shape (time, symbol)
        Finite where `known`; weights and caps positive there.
    known : ndarray, shape (time, symbol)
        Which names take part.
    intercept : bool
        Whether there is a factor that every name has an exposure of 1 to.
    """

    styles: FloatArray
    groups: IntArray
    n_groups: int
    caps: FloatArray
    weights: FloatArray
    returns: FloatArray
    known: BoolArray
    intercept: bool

    @property
    def constrained(self) -> bool:
        """Whether group returns must sum to nothing for the intercept to be told from them."""
        return self.intercept and self.n_groups > 0


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class CrossSectionReturns:
    """Factor returns by date; NaN for a group without names on that date.

    Attributes
    ----------
    factor_returns, t : ndarray, shape (time, factor)
        In the order intercept, styles, groups.
    r_squared : ndarray, shape (time,)
        Weighted.
    specific : ndarray, shape (time, symbol)
        What is left; NaN where not known.
    """

    factor_returns: FloatArray
    t: FloatArray
    r_squared: FloatArray
    specific: FloatArray


def cross_section_returns(
    data: CrossSection, times: pd.Index[pd.Timestamp], names: Sequence[str]
) -> CrossSectionReturns:
    """Regress the returns of each date on its exposures.

    Raises
    ------
    BadData
        When exposures of a date are collinear: the date and the factors are named.
    """
    import numpy as np

    from nautilus_lab.factors.risk_models._cross_section_kernels import moments, residuals

    n_times, n_symbols = data.returns.shape
    n_styles = len(data.styles)
    k = int(data.intercept) + n_styles + data.n_groups
    weights = np.where(data.known, data.weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    caps = np.where(data.known, data.caps, 0.0)
    returns = np.where(data.known, data.returns, 0.0)
    products = np.zeros((n_times, k + 1, k + 1))
    targets = np.zeros((n_times, k))
    shares = np.zeros((n_times, data.n_groups))
    threads = checked_threads(None)

    def add_up(begin: int, end: int) -> None:
        moments(
            begin,
            end,
            data.styles,
            data.groups,
            weights,
            caps,
            returns,
            data.known,
            data.intercept,
            products,
            targets,
            shares,
        )

    share_out(add_up, n_times, _DATES, threads)
    absent = shares == 0
    first_group = int(data.intercept) + n_styles
    extra = slice(first_group, k)
    places = np.arange(first_group, k)
    # A group without names has neither products nor a share: 1 keeps the matrix invertible.
    products[:, places, places] += absent
    if data.constrained:
        shares /= shares.sum(axis=1, keepdims=True)
        products[:, extra, k] = shares
        products[:, k, extra] = shares
    else:
        products[:, k, k] = 1.0
    inverse = _inverses(products, k, times, names, data.constrained)
    found = (inverse @ targets[:, :, None])[:, :, 0]
    specific = np.full((n_times, n_symbols), np.nan)
    unexplained, varied = np.zeros(n_times), np.zeros(n_times)

    def take_off(begin: int, end: int) -> None:
        residuals(
            begin,
            end,
            data.styles,
            data.groups,
            weights,
            returns,
            data.known,
            data.intercept,
            found,
            specific,
            unexplained,
            varied,
        )

    share_out(take_off, n_times, _DATES, threads)
    free = k - absent.sum(axis=1) - int(data.constrained)
    noise = unexplained / (data.known.sum(axis=1) - free)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.einsum("tkk->tk", inverse) * noise[:, None]
        ratio = found / np.sqrt(own)
        r_squared = np.where(varied > 0, 1 - unexplained / varied, np.nan)
    r_squared[np.abs(r_squared) < 1e-14] = 0.0
    ratio[:, extra][absent] = np.nan
    found[:, extra][absent] = np.nan
    return CrossSectionReturns(
        factor_returns=found, t=ratio, r_squared=r_squared, specific=specific
    )


def _inverses(
    products: FloatArray,
    k: int,
    times: pd.Index[pd.Timestamp],
    names: Sequence[str],
    constrained: bool,
) -> FloatArray:
    """Return the inverses, bordered by the constraint, without the border.

    With the border the block of the factors is the covariance of estimates that keep to it.
    """
    import numpy as np

    try:
        inverse = np.linalg.inv(products)[:, :k, :k]
    except np.linalg.LinAlgError:
        inverse = None
    if inverse is not None:
        inflated = np.einsum("tkk->tk", products[:, :k, :k]) * np.einsum("tkk->tk", inverse)
        # Of what has no inverse rounding may leave one of any sign.
        if (np.abs(inflated) < _MOST_INFLATED).all():
            return np.asarray(inverse, dtype=np.float64)
    for place, matrix in enumerate(products):
        involved = _collinear(matrix, k, constrained)
        if involved is not None:
            raise BadData(
                "exposures of a date must not be combinations of each other",
                value=f"collinear at {times[place].date()}: {listed([names[i] for i in involved])}",
                remedy="drop one of them, or merge groups that say the same",
            )
    raise BadData(
        "exposures of every date must tell their factors apart",
        value=f"{len(products)} dates up to {times[-1].date()}",
        remedy="standardise exposures, and drop those that say the same",
    )


def _collinear(matrix: FloatArray, k: int, constrained: bool) -> list[int] | None:
    """Return the factors of the combination that has no variance, None when there is none."""
    import numpy as np

    size = np.sqrt(np.diag(matrix)[:k])
    if not size.all():
        return [int(place) for place in np.flatnonzero(size == 0)]
    unit = matrix[:k, :k] / np.outer(size, size)
    basis = np.eye(k)
    if constrained:
        border = matrix[:k, k] / size
        basis = np.linalg.svd(border[None, :])[2][1:].T
    roots, vectors = np.linalg.eigh(basis.T @ unit @ basis)
    if roots[0] > k / _MOST_INFLATED:
        return None
    direction = np.abs(basis @ vectors[:, 0])
    return [int(place) for place in np.flatnonzero(direction > 0.05 * direction.max())]
