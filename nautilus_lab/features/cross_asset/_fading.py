"""How an instrument moves with another, the near past weighing more."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features.cross_asset._returns import after, simple_returns

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

FADING = FeatureRegistry()

# What is older weighs less than this, all together.
_FORGOTTEN = 1e-13
# squared returns that are no more than what fading leaves of one after a very long stand still
_STILL = 1e-24
_SETTINGS = {"span": Parameter(default=60, least=2)}
_SAID = "weights fall by 1 - 2 / (span + 1) a bar, as of pandas' ewm(span=...)"


def _warm_up(settings: Values) -> int:
    return int(settings["span"])


def _history(settings: Values) -> int:
    return math.ceil(math.log(_FORGOTTEN) / math.log(_keep(settings["span"]))) + 2


def _keep(span: float) -> float:
    return 1 - 2 / (span + 1)


def _correlation(xx: Any, yy: Any, xy: Any) -> Any:
    import numpy as np

    return np.clip(xy / np.sqrt(xx * yy), -1, 1)


def _beta(xx: Any, yy: Any, xy: Any) -> Any:
    return xy / yy


class Fading:
    """A formula of weighted moments, bar by bar.

    All of the past decides it: after a long calm what came before is most of what there is.

    Parameters
    ----------
    formula : callable
        Takes xx, yy and xy.
    span : int
        Of the weights.
    """

    def __init__(self, formula: Callable[[Any, Any, Any], Any], span: int) -> None:
        import numpy as np

        self._formula, self._span, self._state = formula, span, np.zeros(7)
        self._before: tuple[float, float] | None = None

    def update(self, close: float, against: float) -> tuple[float, ...]:
        """Take a bar of both."""
        from nautilus_lab.features.cross_asset._comovement_kernels import fade

        before, self._before = self._before, (close, against)
        if before is None:
            return (math.nan,)
        known = before[0] != 0 and before[1] != 0
        returns = (close / before[0] - 1, against / before[1] - 1) if known else (math.nan,) * 2
        fade(self._state, *returns, _keep(self._span))
        xx, yy, xy = self._state[4:]
        if self._state[0] < self._span or xx < _STILL or yy < _STILL:
            return (math.nan,)
        return (float(self._formula(xx, yy, xy)),)


def _of_all(
    formula: Callable[[Any, Any, Any], Any], close: FloatArray, against: FloatArray, span: int
) -> FloatArray:
    import numpy as np

    from nautilus_lab.features.cross_asset._comovement_kernels import faded_moments

    returns = simple_returns(close), simple_returns(against)
    found = faded_moments(*returns, _keep(span), span)
    found[:, (found[0] < _STILL) | (found[1] < _STILL)] = np.nan
    return after(formula(*found), len(close))


@FADING.define(
    title="Correlation, exponentially weighted",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=_SETTINGS,
    warm_up=_warm_up,
    history=_history,
    accumulate=lambda settings: Fading(_correlation, int(settings["span"])),
    reference=f"Pearson's, of simple returns; {_SAID}",
)
def ewm_correlation(close: FloatArray, against: FloatArray, span: int = 60) -> FloatArray:
    """Return the correlation of both series' returns."""
    return _of_all(_correlation, close, against, span)


@FADING.define(
    title="Beta, exponentially weighted",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=_SETTINGS,
    warm_up=_warm_up,
    history=_history,
    accumulate=lambda settings: Fading(_beta, int(settings["span"])),
    reference=f"covariance of simple returns over the other's variance; {_SAID}",
)
def ewm_beta(close: FloatArray, against: FloatArray, span: int = 60) -> FloatArray:
    """Return how much the instrument moves with one unit of the other."""
    return _of_all(_beta, close, against, span)
