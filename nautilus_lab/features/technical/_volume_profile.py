"""At which prices the volume of the last bars was traded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import before_window, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

VOLUME_PROFILE = FeatureRegistry()


@VOLUME_PROFILE.define(
    title="Volume profile",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    outputs=("point_of_control", "value_area_high", "value_area_low", "share_above"),
    parameters={
        "window": Parameter(default=60),
        "bins": Parameter(default=24, least=2, most=1_000),
        "share": Parameter(default=0.7, least=0.01, most=1),
    },
    warm_up=before_window,
    history=window_of,
    reference="Steidlmayer's market profile by volume (Dalton, 1990, Mind over Markets): the "
    "fullest of `bins` rows, grown to the fuller neighbour until it holds `share` of the volume; a "
    "bar's volume lies evenly over its range; share_above is what was traded above the close",
)
def volume_profile(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    window: int = 60,
    bins: int = 24,
    share: float = 0.7,
) -> tuple[FloatArray, ...]:
    """Return where most was traded, between which prices most of it, and how much above."""
    import numpy as np

    from nautilus_lab.features.technical._volume_profile_kernels import profile

    out = np.empty((4, len(close)))
    profile(high, low, close, volume, window, bins, share, out)
    return tuple(out)
