"""VPIN: how one-sided trading is, in the clock of volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

VPIN = FeatureRegistry()

_PAPER = "Easley, Lopez de Prado and O'Hara (2012), Review of Financial Studies 25, 1457-1493"


class _Buckets:
    """The buckets of one instrument."""

    __slots__ = ("_bucket", "_state", "_step")

    def __init__(self, settings: Values) -> None:
        from nautilus_lab.features.microstructure._bucket_kernels import empty, step

        self._step, self._bucket = step, float(settings["bucket"])
        self._state = empty(int(settings["window"]))

    def update(self, side: float, size: float) -> tuple[float, ...]:
        """Take a trade."""
        return (self._step(self._state, self._bucket, side, size),)


@VPIN.define(
    title="VPIN",
    group="order flow",
    data="trades",
    clock="volume",
    inputs=("side", "size"),
    parameters={
        "bucket": Parameter(default=1_000.0, least=1e-9, most=1e15),
        "window": Parameter(default=50),
    },
    warm_up=0,
    history=1,
    accumulate=_Buckets,
    reference="the mean of |bought - sold| / bucket of the last full buckets of volume, trades "
    f"parted where one is full: {_PAPER}",
)
def vpin(
    side: FloatArray, size: FloatArray, bucket: float = 1_000.0, window: int = 50
) -> FloatArray:
    """Return the volume-synchronised probability of informed trading, from 0 to 1.

    `bucket` is in units of size; the authors take a fiftieth of a day's volume, and 50 of them. It
    is told anew when a bucket is full, and stands until the next one is.
    """
    from nautilus_lab.features.microstructure._bucket_kernels import run

    found: FloatArray = run(side, size, float(bucket), window)
    return found


def _deviation_of(settings: Values) -> int:
    return int(settings["deviation"])


def _both(settings: Values) -> int:
    return int(settings["deviation"]) + int(settings["window"])


@VPIN.define(
    title="Bulk buying",
    group="order flow",
    inputs=("close",),
    parameters={"deviation": Parameter(default=50, least=2)},
    warm_up=_deviation_of,
    history=lambda settings: _deviation_of(settings) + 1,
    reference="the normal law at the bar's change over the deviation of the last ones, this "
    f"included, divisor n - 1: {_PAPER}",
)
def bulk_buying(close: FloatArray, deviation: int = 50) -> FloatArray:
    """Return which share of a bar's volume buyers began, from 0 to 1; half where nothing moved."""
    import numpy as np
    from scipy.special import ndtr

    from nautilus_lab.features.microstructure._rolling_kernels import rolling_covariance

    share = np.full(len(close), np.nan)
    if len(close) > deviation:
        change = np.diff(close)
        spread = np.sqrt(np.maximum(rolling_covariance(change, change, deviation), 0.0))
        # a price that moves by the same each bar deviates from nothing
        still = spread <= 1e-12 * np.abs(change)
        deviations = np.divide(change, spread, out=np.zeros_like(change), where=~still)
        share[1:] = np.where(still, (np.sign(change) + 1) / 2, ndtr(deviations))
    return share


@VPIN.define(
    title="VPIN of bars",
    group="order flow",
    inputs=("close", "volume"),
    parameters={
        "window": Parameter(default=50),
        "deviation": Parameter(default=50, least=2),
    },
    warm_up=lambda settings: _both(settings) - 1,
    history=_both,
    reference=f"sum of |bought - sold| / sum of volume of the last bars, `bulk_buying`: {_PAPER}; "
    "of bars of equal volume it is theirs",
)
def bulk_vpin(
    close: FloatArray, volume: FloatArray, window: int = 50, deviation: int = 50
) -> FloatArray:
    """Return how one-sided the last bars were, from 0 to 1; NaN where nothing was traded."""
    import numpy as np

    from nautilus_lab.features.microstructure._rolling_kernels import rolling_sum

    out = np.full(len(close), np.nan)
    apart = np.abs(2 * bulk_buying(close, deviation) - 1) * volume
    if len(close) > deviation:
        traded = rolling_sum(volume[deviation:], window)
        traded[traded == 0] = np.nan
        out[deviation:] = rolling_sum(apart[deviation:], window) / traded
    return out
