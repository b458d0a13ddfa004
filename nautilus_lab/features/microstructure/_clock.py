"""What needs the clock: how long a quote stood, and how fast trades come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

CLOCK = FeatureRegistry()

_WINDOW = {"window": Parameter(default=50)}


@CLOCK.define(
    title="Time-weighted spread",
    group="microstructure",
    data="quotes",
    inputs=("time", "bid", "ask"),
    outputs=("spread", "relative"),
    parameters=_WINDOW,
    warm_up=window_of,
    history=window_and_one,
    reference="the mean quoted spread of the last quotes but this one, each by how long it stood: "
    "Holden and Jacobsen (2014), J. of Finance 69, 1747-1785",
)
def time_weighted_spread(
    time: FloatArray, bid: FloatArray, ask: FloatArray, window: int = 50
) -> tuple[FloatArray, ...]:
    """Return the spread in price and as a fraction of the mid; NaN where no time went by.

    How long a quote stood is known when the next one comes: the last one does not count yet.
    """
    import numpy as np

    from nautilus_lab.features.microstructure._rolling_kernels import rolling_sum

    stood, wide = np.diff(time), (ask - bid)[:-1]
    whole = rolling_sum(stood, window)
    whole[whole <= 0] = np.nan
    out = np.full((2, len(time)), np.nan)
    out[0, 1:] = rolling_sum(stood * wide, window) / whole
    out[1, 1:] = rolling_sum(stood * wide / ((bid + ask) / 2)[:-1], window) / whole
    return out[0], out[1]


@CLOCK.define(
    title="Trades per second",
    group="order flow",
    data="trades",
    inputs=("time",),
    parameters=_WINDOW,
    warm_up=window_of,
    history=window_and_one,
    reference="`window` / the seconds that the last so many trades took: the inverse of the mean "
    "duration of Engle and Russell (1998), Econometrica 66, 1127-1162",
)
def trade_rate(time: FloatArray, window: int = 50) -> FloatArray:
    """Return how many trades come in a second; NaN where all share a time."""
    import numpy as np

    out = np.full(len(time), np.nan)
    took = time[window:] - time[:-window]
    out[window:] = np.divide(window, took, out=np.full(len(took), np.nan), where=took > 0)
    return out
