"""How much price moves for what is traded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import over_windows, window_and_one, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

IMPACT = FeatureRegistry()

_FLOWS = ("price", "side", "size")
_WINDOW = {"window": Parameter(default=200, least=3)}


@IMPACT.define(
    title="Kyle's lambda",
    group="microstructure",
    data="trades",
    inputs=_FLOWS,
    parameters=_WINDOW,
    warm_up=window_of,
    history=window_and_one,
    reference="the slope of price changes on signed volume, with a constant: Kyle (1985), "
    "Econometrica 53, 1315-1335",
)
def kyle_lambda(
    price: FloatArray, side: FloatArray, size: FloatArray, window: int = 200
) -> FloatArray:
    """Return the change of price for one unit bought, of the last trades; NaN of equal flows."""
    import numpy as np

    return _slope(side * size, np.diff(price), window)


@IMPACT.define(
    title="Hasbrouck's lambda",
    group="microstructure",
    data="trades",
    inputs=_FLOWS,
    parameters=_WINDOW,
    warm_up=window_of,
    history=window_and_one,
    reference="the slope of log returns on the signed root of what was paid, with a constant: "
    "Hasbrouck (2009), J. of Finance 64, 1445-1477",
)
def hasbrouck_lambda(
    price: FloatArray, side: FloatArray, size: FloatArray, window: int = 200
) -> FloatArray:
    """Return the log return for the root of one unit of money paid by buyers."""
    import numpy as np

    return _slope(side * np.sqrt(price * size), np.diff(np.log(price)), window)


@IMPACT.define(
    title="Amihud illiquidity",
    group="microstructure",
    inputs=("close", "volume"),
    parameters={
        "window": Parameter(default=20),
        "scale": Parameter(default=1e6, least=1.0, most=1e12),
    },
    warm_up=window_of,
    history=window_and_one,
    reference="the mean of |return| / (close x volume), times `scale`: Amihud (2002), J. of "
    "Financial Markets 5, 31-56",
)
def amihud(
    close: FloatArray, volume: FloatArray, window: int = 20, scale: float = 1e6
) -> FloatArray:
    """Return the absolute return per `scale` units of money traded; NaN over bars without trade."""
    import numpy as np

    def reduce(terms: FloatArray) -> FloatArray:
        return np.asarray(terms.mean(axis=1))

    terms = np.full(len(close), np.nan)
    traded = np.where(volume > 0, close * volume, np.nan)
    terms[1:] = np.abs(close[1:] / close[:-1] - 1) / traded[1:] * scale
    return over_windows(reduce, window, terms)


def _slope(flow: FloatArray, moved: FloatArray, window: int) -> FloatArray:
    """Return the slope of each trade's move on its own flow; the first has none before it."""
    import numpy as np

    from nautilus_lab.features.microstructure._rolling_kernels import rolling_slope

    return np.concatenate([[np.nan][: len(flow)], rolling_slope(flow[1:], moved, window)])
