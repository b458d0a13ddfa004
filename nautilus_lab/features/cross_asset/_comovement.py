"""How an instrument moves with another: correlation, beta, and what is left of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of
from nautilus_lab.features.cross_asset._returns import (
    after,
    of_moments,
    simple_returns,
    window_setting,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

COMOVEMENT = FeatureRegistry()


@COMOVEMENT.define(
    title="Correlation with another",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=window_setting(),
    warm_up=window_of,
    history=window_and_one,
    reference="Pearson's, of simple returns",
)
def correlation(close: FloatArray, against: FloatArray, window: int = 60) -> FloatArray:
    """Return the correlation of both series' returns."""
    import numpy as np

    def formula(xx: FloatArray, yy: FloatArray, xy: FloatArray) -> FloatArray:
        return np.asarray(np.clip(xy / np.sqrt(xx * yy), -1, 1))

    return of_moments(formula, close, against, window)


@COMOVEMENT.define(
    title="Beta",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=window_setting(),
    warm_up=window_of,
    history=window_and_one,
    reference="slope of the least-squares regression of its simple returns on the other's: "
    "Sharpe (1963), Management Science 9, 277-293",
)
def market_beta(close: FloatArray, against: FloatArray, window: int = 60) -> FloatArray:
    """Return how much the instrument moves with one unit of the other."""
    return of_moments(lambda xx, yy, xy: xy / yy, close, against, window)


@COMOVEMENT.define(
    title="Idiosyncratic volatility",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters={
        **window_setting(),
        "periods_per_year": Parameter(default=252.0, least=1, most=1e7),
    },
    warm_up=window_of,
    history=window_and_one,
    reference="deviation of what the regression on the other leaves, divisor n - 2, annual: "
    "Ang, Hodrick, Xing and Zhang (2006), Journal of Finance 61, 259-299",
)
def idiosyncratic_volatility(
    close: FloatArray, against: FloatArray, window: int = 60, periods_per_year: float = 252.0
) -> FloatArray:
    """Return the volatility that does not come from the other, a year's, a fraction."""
    import numpy as np

    def formula(xx: FloatArray, yy: FloatArray, xy: FloatArray) -> FloatArray:
        rest = xx - xy**2 / yy
        # of what the other explains whole, rounding leaves so much
        rest[rest < 1e-12 * xx] = 0.0
        return np.asarray(np.sqrt(rest / (window - 2) * periods_per_year))

    return of_moments(formula, close, against, window)


@COMOVEMENT.define(
    title="Co-skewness",
    group="cross-asset",
    inputs=("close",),
    scope="relative",
    most_against=1,
    parameters=window_setting(),
    warm_up=window_of,
    history=window_and_one,
    reference="E[x y^2] / (sd x var y), of returns about their means, divisor n: Harvey and "
    "Siddique (2000), Journal of Finance 55, 1263-1295; below 0 for what falls when the other "
    "moves far",
)
def coskewness(close: FloatArray, against: FloatArray, window: int = 60) -> FloatArray:
    """Return how the instrument moves with the other's squared moves."""
    import numpy as np

    from nautilus_lab.features.cross_asset._comovement_kernels import third_moments

    xyy = third_moments(simple_returns(close), simple_returns(against), window)

    def formula(xx: FloatArray, yy: FloatArray, xy: FloatArray) -> FloatArray:
        return np.asarray(xyy / window / (np.sqrt(xx / window) * yy / window))

    return of_moments(formula, close, against, window)


@COMOVEMENT.define(
    title="Downside and upside beta",
    group="cross-asset",
    inputs=("close",),
    outputs=("down", "up"),
    scope="relative",
    most_against=1,
    parameters=window_setting(120, 12),
    warm_up=window_of,
    history=window_and_one,
    reference="beta over the bars on which the other is below its mean of the window, and over "
    "the rest: Ang, Chen and Xing (2006), Review of Financial Studies 19, 1191-1239; NaN of "
    "fewer than three such bars",
)
def half_beta(
    close: FloatArray, against: FloatArray, window: int = 120
) -> tuple[FloatArray, FloatArray]:
    """Return beta in the bad bars of the other, and in its good ones."""
    from nautilus_lab.features.cross_asset._comovement_kernels import half_betas

    down, up = half_betas(simple_returns(close), simple_returns(against), window)
    return after(down, len(close)), after(up, len(close))
