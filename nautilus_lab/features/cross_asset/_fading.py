"""How an instrument moves with another, the near past weighing more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features.cross_asset._returns import after, simple_returns

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

FADING = FeatureRegistry()

# What is older weighs less than this, all together.
_FORGOTTEN = 1e-13
_SETTINGS = {"span": Parameter(default=60, least=2)}
_SAID = "weights fall by 1 - 2 / (span + 1) a bar, as of pandas' ewm(span=...)"


def _warm_up(settings: Values) -> int:
    return int(settings["span"])


def _history(settings: Values) -> int:
    return math.ceil(math.log(_FORGOTTEN) / math.log(_keep(settings["span"]))) + 2


def _keep(span: float) -> float:
    return 1 - 2 / (span + 1)


@FADING.define(
    title="Correlation, exponentially weighted",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=_SETTINGS,
    warm_up=_warm_up,
    history=_history,
    reference=f"Pearson's, of simple returns; {_SAID}",
)
def ewm_correlation(close: FloatArray, against: FloatArray, span: int = 60) -> FloatArray:
    """Return the correlation of both series' returns."""
    import numpy as np

    xx, yy, xy = _moments(close, against, span)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _known(np.clip(xy / np.sqrt(xx * yy), -1, 1), span, len(close))


@FADING.define(
    title="Beta, exponentially weighted",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=_SETTINGS,
    warm_up=_warm_up,
    history=_history,
    reference=f"covariance of simple returns over the other's variance; {_SAID}",
)
def ewm_beta(close: FloatArray, against: FloatArray, span: int = 60) -> FloatArray:
    """Return how much the instrument moves with one unit of the other."""
    import numpy as np

    _, yy, xy = _moments(close, against, span)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _known(xy / yy, span, len(close))


def _moments(close: FloatArray, against: FloatArray, span: int) -> FloatArray:
    import numpy as np

    from nautilus_lab.features.cross_asset._comovement_kernels import faded_moments

    found: FloatArray = faded_moments(simple_returns(close), simple_returns(against), _keep(span))
    # after a long stand still what is left of a variance is rounding
    found[:, (found[0] < 1e-24) | (found[1] < 1e-24)] = np.nan
    return found


def _known(values: FloatArray, span: int, bars: int) -> FloatArray:
    return after(values[span - 1 :], bars)
