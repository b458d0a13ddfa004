"""Which of two series goes before the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of
from nautilus_lab.features.cross_asset._comovement import correlation
from nautilus_lab.features.cross_asset._returns import after, simple_returns, window_setting

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

LEAD_LAG = FeatureRegistry()


@LEAD_LAG.define(
    title="Lead and lag",
    group="cross-asset",
    inputs=("close",),
    outputs=("lag", "correlation"),
    scope="relative",
    most_against=1,
    parameters={**window_setting(120, 16), "most": Parameter(default=5, least=1, most=8)},
    warm_up=window_of,
    history=window_and_one,
    reference="the lag at which the correlation of returns is farthest from 0, and that "
    "correlation, over the bars of the window that the lag leaves; above 0 the instrument follows "
    "the other, below it goes before",
)
def lead_lag(
    close: FloatArray, against: FloatArray, window: int = 120, most: int = 5
) -> tuple[FloatArray, FloatArray]:
    """Return by how many bars the instrument follows the other, and how closely."""
    from nautilus_lab.features.cross_asset._comovement_kernels import best_lag

    lag, found = best_lag(simple_returns(close), simple_returns(against), window, most)
    return after(lag, len(close)), after(found, len(close))


def _with_lag(settings: Values) -> int:
    return int(settings["window"] + abs(settings["lag"]))


@LEAD_LAG.define(
    title="Correlation at a lag",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters={**window_setting(), "lag": Parameter(default=1, least=-1_000, most=1_000)},
    warm_up=_with_lag,
    history=lambda settings: _with_lag(settings) + 1,
    reference="of its returns with the other's `lag` bars before; of its own so many bars before "
    "with the other's where the lag is below 0",
)
def lagged_correlation(
    close: FloatArray, against: FloatArray, window: int = 60, lag: int = 1
) -> FloatArray:
    """Return how the instrument's returns go with earlier ones of the other."""
    import numpy as np

    shift = abs(lag)
    now, before = slice(shift, None), slice(None, len(close) - shift if shift else None)
    own, other = (now, before) if lag >= 0 else (before, now)
    if len(close) <= shift:
        return np.full(len(close), np.nan)
    return after(correlation(close[own], against[other], window), len(close))
