"""What options and futures on volatility tell of fear: from columns that the caller joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import (
    before_window,
    over_windows,
    window_and_one,
    window_of,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

MARKET_SENTIMENT = FeatureRegistry()


@MARKET_SENTIMENT.define(
    title="Put/call ratio",
    group="sentiment",
    inputs=("put_volume", "call_volume"),
    parameters={"window": Parameter(default=5)},
    warm_up=before_window,
    history=window_of,
    reference="puts traded over calls traded in the window; NaN where no call was. Pan and "
    "Poteshman (2006), Review of Financial Studies 19, 871-908",
)
def put_call_ratio(put_volume: FloatArray, call_volume: FloatArray, window: int = 5) -> FloatArray:
    """Return how many puts were traded for each call."""
    return over_windows(
        lambda puts, calls: puts.sum(axis=1) / calls.sum(axis=1), window, put_volume, call_volume
    )


@MARKET_SENTIMENT.define(
    title="Volatility term structure",
    group="sentiment",
    inputs=("front", "back"),
    outputs=("slope", "percentile"),
    parameters={"window": Parameter(default=252, least=2)},
    warm_up=before_window,
    history=window_of,
    reference="back / front - 1, of VIX and VIX3M or two futures: below 0 when fear is of now; and "
    "the share of the window's slopes that are not above the last",
)
def volatility_term(
    front: FloatArray, back: FloatArray, window: int = 252
) -> tuple[FloatArray, ...]:
    """Return the slope from front to back, and where it stands among those of the window."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        slope = back / front - 1
    percentile = over_windows(_percentile, window, slope)
    known = np.where(np.isnan(percentile), np.nan, slope)
    return known, percentile


@MARKET_SENTIMENT.define(
    title="Rank of implied volatility",
    group="sentiment",
    inputs=("implied",),
    outputs=("rank", "percentile"),
    parameters={"window": Parameter(default=252, least=2)},
    warm_up=before_window,
    history=window_of,
    reference="rank: (last - least) / (most - least) of the window; percentile: the share of the "
    "window that is not above the last; rank is NaN where nothing moved",
)
def implied_volatility_rank(implied: FloatArray, window: int = 252) -> tuple[FloatArray, ...]:
    """Return how high an implied volatility, the VIX, is beside its own past."""

    def rank(values: FloatArray) -> FloatArray:
        least, most = values.min(axis=1), values.max(axis=1)
        found: FloatArray = (values[:, -1] - least) / (most - least)
        return found

    return over_windows(rank, window, implied), over_windows(_percentile, window, implied)


@MARKET_SENTIMENT.define(
    title="Volatility risk premium",
    group="sentiment",
    inputs=("implied", "close"),
    outputs=("premium", "ratio"),
    parameters={
        "window": Parameter(default=21, least=2),
        "periods_per_year": Parameter(default=252.0, least=1, most=1e7),
        "unit": Parameter(default=100.0, least=1, most=100),
    },
    warm_up=window_of,
    history=window_and_one,
    reference="Bollerslev, Tauchen and Zhou (2009), Review of Financial Studies 22, 4463-4492: "
    "implied variance less the realised one of the window, both a year's; and implied over "
    "realised volatility. unit=100 for an implied one that is quoted in percent, 1 for a fraction",
)
def volatility_risk_premium(
    implied: FloatArray,
    close: FloatArray,
    window: int = 21,
    periods_per_year: float = 252.0,
    unit: float = 100.0,
) -> tuple[FloatArray, ...]:
    """Return what is paid for options above what the price did lately."""
    import numpy as np

    def realised(closes: FloatArray) -> FloatArray:
        return np.asarray((np.diff(np.log(closes), axis=1) ** 2).mean(axis=1) * periods_per_year)

    variance = over_windows(realised, window + 1, close)
    paid = implied / unit
    with np.errstate(divide="ignore"):
        ratio = paid / np.sqrt(variance)
    return paid**2 - variance, np.where(np.isfinite(ratio), ratio, np.nan)


def _percentile(values: FloatArray) -> FloatArray:
    share: FloatArray = (values <= values[:, -1:]).mean(axis=1)
    return share
