"""What trades say by themselves: who pressed, and how much the price moved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import before_window, window_and_one, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

TRADES = FeatureRegistry()

ROLL = (
    "2 sqrt(-cov(change, change before)), and as he does -2 sqrt(cov) where that covariance is "
    "positive: Roll (1984), J. of Finance 39, 1127-1139"
)


def _settings(default: int, least: int = 1) -> dict[str, Parameter]:
    return {"window": Parameter(default=default, least=least)}


def window_and_two(settings: Values) -> int:
    """Return two rows more than the window: the history of pairs of changes."""
    return window_of(settings) + 2


@TRADES.define(
    title="Signed volume",
    group="order flow",
    data="trades",
    inputs=("side", "size"),
    warm_up=0,
    history=1,
    reference="side x size",
)
def signed_volume(side: FloatArray, size: FloatArray) -> FloatArray:
    """Return the size of a buyer's trade, less than nothing for a seller's."""
    return side * size


@TRADES.define(
    title="Trade imbalance",
    group="order flow",
    data="trades",
    inputs=("side", "size"),
    parameters=_settings(50),
    warm_up=before_window,
    history=window_of,
    reference="(bought - sold) / traded, of the last trades: Chordia, Roll and Subrahmanyam "
    "(2002), J. of Financial Economics 65, 111-130",
)
def trade_imbalance(side: FloatArray, size: FloatArray, window: int = 50) -> FloatArray:
    """Return how much more was bought than sold, from -1 to 1."""
    from nautilus_lab.features.microstructure._rolling_kernels import rolling_sum

    found: FloatArray = rolling_sum(side * size, window) / rolling_sum(size, window)
    return found


@TRADES.define(
    title="Realised variance",
    group="microstructure",
    data="trades",
    inputs=("price",),
    outputs=("variance", "bipower"),
    parameters=_settings(100, 2),
    warm_up=window_of,
    history=window_and_one,
    reference="the sum of squared log returns from trade to trade, and that of products of "
    "neighbours, which jumps leave alone: Barndorff-Nielsen and Shephard (2004), J. of Financial "
    "Econometrics 2, 1-37",
)
def realised_variance(price: FloatArray, window: int = 100) -> tuple[FloatArray, ...]:
    """Return the variance of the last `window` returns, and their bipower variation."""
    import numpy as np

    from nautilus_lab.features.microstructure._rolling_kernels import rolling_sum

    returns = np.diff(np.log(price))
    variance, bipower = np.full((2, len(price)), np.nan)
    if len(price) > window:
        variance[1:] = rolling_sum(returns**2, window)
        beside = np.abs(returns[1:]) * np.abs(returns[:-1])
        bipower[2:] = rolling_sum(beside, window - 1) * (math.pi / 2) * (window / (window - 1))
    return variance, bipower


@TRADES.define(
    title="Roll spread of trades",
    group="microstructure",
    data="trades",
    inputs=("price",),
    outputs=("spread", "relative"),
    parameters=_settings(200, 3),
    warm_up=lambda settings: window_of(settings) + 1,
    history=window_and_two,
    reference=ROLL,
)
def trade_roll_spread(price: FloatArray, window: int = 200) -> tuple[FloatArray, ...]:
    """Return the spread that bouncing between bid and ask tells, in price and as a fraction."""
    return roll(price, window)


def roll(price: FloatArray, window: int) -> tuple[FloatArray, ...]:
    """Return Roll's spread of the last pairs of changes, and as a fraction of the price."""
    import numpy as np

    from nautilus_lab.features.microstructure._rolling_kernels import rolling_covariance

    spread = np.full(len(price), np.nan)
    if len(price) > window + 1:
        change = np.diff(price)
        covariance = rolling_covariance(change[1:], change[:-1], window)
        spread[2:] = -2 * np.sign(covariance) * np.sqrt(np.abs(covariance))
    return spread, spread / price
