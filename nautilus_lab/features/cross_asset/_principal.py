"""What moves all instruments: the principal components of their returns."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of
from nautilus_lab.features.cross_asset._blas import one_blas_thread
from nautilus_lab.features.cross_asset._windows_of_all import (
    members,
    returns_of_all,
    standardised,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray

PRINCIPAL = FeatureRegistry()

_MOST = 10
# a component with so small a share of the variance is rounding
_NOTHING = 1e-12
_CHUNK = 64  # windows that a thread takes at a time


def _outputs(settings: Values, against: tuple[str, ...]) -> tuple[str, ...]:
    numbers = range(1, int(settings["components"]) + 1)
    return (*(f"exposure_{n}" for n in numbers), *(f"share_{n}" for n in numbers))


def _warm_up(settings: Values) -> int:
    window, components = int(settings["window"]), int(settings["components"])
    if components >= window:
        raise InputError(
            "components are fewer than the returns of a window",
            value=f"components={components}, window={window}",
            remedy=f"pass window={10 * components}",
        )
    return window


@PRINCIPAL.define(
    title="Exposures to principal components",
    group="cross-asset",
    inputs=("close",),
    outputs=("exposure_1", "exposure_2", "exposure_3", "share_1", "share_2", "share_3"),
    outputs_of=_outputs,
    scope="universe",
    symbols=lambda settings: int(settings["components"]) + 1,
    parameters={
        "window": Parameter(default=120, least=3),
        "components": Parameter(default=3, least=1, most=_MOST),
    },
    warm_up=_warm_up,
    history=window_and_one,
    accumulate=lambda settings: Exposures(int(settings["window"]), int(settings["components"])),
    reference="eigenvectors of the correlation matrix of simple returns, each times the root of "
    "its eigenvalue: the correlation of an instrument with a component; and the components' shares "
    "of the variance: Jolliffe (2002), Principal Component Analysis, ch. 2",
)
def pca_exposure(
    close: FloatArray, window: int = 120, components: int = 3
) -> tuple[FloatArray, ...]:
    """Return the correlation of each instrument with each component, and the shares of these.

    The sign of an eigenvector is anybody's choice. Of the first window it is the one with which
    exposures add up to more than 0; after that the one nearer to the exposures before, so that a
    series of them does not flip. It therefore hangs on where the bars begin.

    The cost of a bar is an eigendecomposition of a matrix of as many rows as there are
    instruments, or returns in the window where these are fewer.
    """
    import numpy as np

    returns = returns_of_all(close)

    def some(first: int) -> list[tuple[BoolArray, FloatArray, FloatArray]]:
        last = min(first + _CHUNK, len(close))
        return [_components(returns[end - window : end], components) for end in range(first, last)]

    out = np.full((2 * components, *close.shape), np.nan)
    signs = _Signs(components, close.shape[1])
    with one_blas_thread(), ThreadPoolExecutor(2) as pool:
        found = pool.map(some, range(window, len(close), _CHUNK))
        for end, (inside, exposures, shares) in enumerate(chain.from_iterable(found), window):
            out[:components, end, inside] = signs.given(inside, exposures)
            out[components:, end, inside] = shares[:, None]
    return tuple(out)


class Exposures:
    """Exposures to the components of the last returns, bar by bar.

    Parameters
    ----------
    window : int
        Returns.
    components : int
        How many.
    """

    def __init__(self, window: int, components: int) -> None:
        self._window, self._components = window, components
        self._closes: list[FloatArray] = []
        self._signs: _Signs | None = None

    def update(self, close: FloatArray) -> tuple[FloatArray, ...]:
        """Take the closes of one time, NaN where there is none; return exposures and shares."""
        import numpy as np

        count, symbols = self._components, len(close)
        self._closes = [*self._closes[-self._window :], np.array(close, dtype=float)]
        out = np.full((2 * count, symbols), np.nan)
        if len(self._closes) > self._window:
            if self._signs is None:
                self._signs = _Signs(count, symbols)
            with one_blas_thread():
                returns = returns_of_all(np.array(self._closes))
                inside, exposures, shares = _components(returns, count)
            out[:count, inside] = self._signs.given(inside, exposures)
            out[count:, inside] = shares[:, None]
        return tuple(out)


class _Signs:
    """The signs of exposures, each nearer to the exposures before."""

    def __init__(self, components: int, symbols: int) -> None:
        import numpy as np

        # component, symbol: the exposures last known, 0 before any
        self._before = np.zeros((components, symbols))

    def given(self, inside: BoolArray, exposures: FloatArray) -> FloatArray:
        """Return exposures of the members with their signs."""
        import numpy as np

        known = np.nan_to_num(exposures)
        nearer = (known * self._before[:, inside]).sum(axis=1)
        # Opposite exposures add up to nothing: then those that are large decide.
        total, cubes = known.sum(axis=1), (known**3).sum(axis=1)
        clear = np.abs(total) > 1e-6 * np.abs(known).sum(axis=1)
        first = np.where(clear, total, cubes)
        signs = np.where(np.where(nearer != 0, nearer, first) < 0, -1.0, 1.0)
        exposures = exposures * signs[:, None]
        self._before[:, inside] = np.where(
            np.isfinite(exposures), exposures, self._before[:, inside]
        )
        return exposures


def _components(returns: FloatArray, count: int) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Return who is a member, exposures, shape (count, members), and shares, the largest first."""
    import numpy as np
    from scipy.linalg import eigh

    inside, apart, squares = members(returns)
    symbols = len(squares)
    exposures, shares = np.full((count, symbols), np.nan), np.full(count, np.nan)
    if symbols <= count:
        inside[:] = False
        return inside, exposures[:, :0], shares
    scores = standardised(apart, squares)
    size = len(scores)
    # The smaller of the two products has the same eigenvalues.
    wide = size < symbols
    matrix = (scores @ scores.T if wide else scores.T @ scores) / (size - 1)
    top = (max(0, len(matrix) - count), len(matrix) - 1)
    values, vectors = eigh(matrix, subset_by_index=top, check_finite=False, overwrite_a=True)
    values, vectors = values[::-1], vectors[:, ::-1]
    shares[:] = 0.0
    for row, value in enumerate(values):
        # One that takes so little is rounding: there are not so many components.
        if value <= _NOTHING * symbols:
            continue
        shares[row] = value / symbols
        if wide:
            exposures[row] = scores.T @ vectors[:, row] / math.sqrt(size - 1)
        else:
            exposures[row] = vectors[:, row] * math.sqrt(value)
    return inside, exposures, shares


@PRINCIPAL.define(
    title="Absorption ratio",
    group="cross-asset",
    inputs=("close",),
    scope="universe",
    symbols=lambda settings: 2,
    parameters={
        "window": Parameter(default=120, least=3),
        "part": Parameter(default=0.2, least=0.01, most=0.99),
    },
    warm_up=window_of,
    history=window_and_one,
    reference="the share of the total variance of simple returns in the first components, as many "
    "as `part` of the instruments: Kritzman, Li, Page and Rigobon (2011), Journal of Portfolio "
    "Management 37, 112-126",
)
def absorption_ratio(close: FloatArray, window: int = 120, part: float = 0.2) -> FloatArray:
    """Return how much of all variance a few components take up; one number for all."""
    import numpy as np
    from scipy.linalg import eigvalsh

    returns, out = returns_of_all(close), np.full(close.shape, np.nan)
    with one_blas_thread():
        for at in range(window, len(close)):
            _, apart, squares = members(returns[at - window : at])
            many = len(squares)
            if many < 2:
                continue
            matrix = apart @ apart.T if window < many else apart.T @ apart
            first = max(0, len(matrix) - max(1, round(part * many)))
            values = eigvalsh(matrix, subset_by_index=(first, len(matrix) - 1), check_finite=False)
            out[at] = values.sum() / squares.sum()
    return out
