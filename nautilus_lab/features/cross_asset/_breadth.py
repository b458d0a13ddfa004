"""How much instruments go together, and how far apart they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of
from nautilus_lab.features.cross_asset._returns import window_setting
from nautilus_lab.features.cross_asset._windows_of_all import (
    members,
    returns_of_all,
    standardised,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

BREADTH = FeatureRegistry()


@BREADTH.define(
    title="Average correlation",
    group="cross-asset",
    inputs=("close",),
    outputs=("own", "all"),
    scope="universe",
    symbols=lambda settings: 2,
    parameters=window_setting(),
    warm_up=window_of,
    history=window_and_one,
    reference="Pearson's, of simple returns: of an instrument with each of the others, and of all "
    "pairs, equally weighted: Pollet and Wilson (2010), Journal of Financial Economics 96, 364-380",
)
def average_correlation(close: FloatArray, window: int = 60) -> tuple[FloatArray, FloatArray]:
    """Return the average correlation of each instrument with the others, and that of all pairs."""
    import numpy as np

    returns = returns_of_all(close)
    own, whole = np.full(close.shape, np.nan), np.full(close.shape, np.nan)
    for at in range(window, len(close)):
        inside, apart, squares = members(returns[at - window : at])
        many = len(squares)
        if many < 2:
            continue
        scores = standardised(apart, squares)
        # the sum of a row of the correlation matrix, without the matrix
        rows = scores.T @ scores.sum(axis=1) / (window - 1)
        own[at, inside] = (rows - 1) / (many - 1)
        whole[at] = own[at, inside].mean()
    return own, whole


@BREADTH.define(
    title="Dispersion",
    group="cross-asset",
    inputs=("close",),
    scope="universe",
    symbols=lambda settings: 2,
    parameters={"window": Parameter(default=1, least=1)},
    warm_up=window_of,
    history=window_and_one,
    reference="the deviation of instruments' simple returns over the window about their mean, "
    "equally weighted, divisor n - 1: Solnik and Roulet (2000), Financial Analysts Journal 56",
)
def dispersion(close: FloatArray, window: int = 1) -> FloatArray:
    """Return how far the returns of a time are apart; one number for all."""
    import numpy as np

    out = np.full(close.shape, np.nan)
    for at in range(window, len(close)):
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = close[at] / close[at - window] - 1
        known = moved[np.isfinite(moved)]
        if len(known) > 1:
            out[at] = known.std(ddof=1)
    return out
