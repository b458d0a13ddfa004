"""What an instrument owes to several series at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of
from nautilus_lab.features.cross_asset._returns import after, simple_returns

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

FACTORS = FeatureRegistry()

# A window must leave some degrees of freedom: it is at least twice as long, and more.
_MOST = 12
_WINDOW = Parameter(default=120, least=2 * _MOST + 6)


def _loadings(settings: Values, against: tuple[str, ...]) -> tuple[str, ...]:
    return (*against, "alpha", "r_squared", "specific_volatility")


@FACTORS.define(
    title="Factor loadings",
    group="cross-asset",
    inputs=("close",),
    outputs=("alpha", "r_squared", "specific_volatility"),
    outputs_of=_loadings,
    scope="relative",
    most_against=_MOST,
    parameters={
        "window": _WINDOW,
        "periods_per_year": Parameter(default=252.0, least=1, most=1e7),
    },
    warm_up=window_of,
    history=window_and_one,
    reference="least squares of its simple returns on those of all the others at once, with a "
    "constant: a loading on each, alpha of a bar, R squared, and the volatility that is left, "
    "annual, divisor n - k - 1: Fama and French (1993), Journal of Financial Economics 33, 3-56",
)
def factor_loading(
    close: FloatArray, *against: FloatArray, window: int = 120, periods_per_year: float = 252.0
) -> tuple[FloatArray, ...]:
    """Return the loading on each series, and what is not theirs."""
    import numpy as np

    found, count = _regression(close, against, window)
    specific = np.sqrt(found[-1] / (window - count - 1) * periods_per_year)
    rows = [*found[:count], found[2 * count], found[2 * count + 1], specific]
    return tuple(after(row, len(close)) for row in rows)


def _shares(settings: Values, against: tuple[str, ...]) -> tuple[str, ...]:
    return (*against, "specific")


@FACTORS.define(
    title="Risk exposures",
    group="cross-asset",
    inputs=("close",),
    outputs=("specific",),
    outputs_of=_shares,
    scope="relative",
    most_against=_MOST,
    parameters={"window": _WINDOW},
    warm_up=window_of,
    history=window_and_one,
    reference="the loading on each series times its covariance with the instrument, over the "
    "instrument's variance: Euler's shares, which add up to 1 with the specific one: Litterman "
    "(1996), Hot Spots and Hedges",
)
def factor_risk(
    close: FloatArray, *against: FloatArray, window: int = 120
) -> tuple[FloatArray, ...]:
    """Return the share of the instrument's variance that comes by each series."""
    found, count = _regression(close, against, window)
    rows = [*found[count : 2 * count], 1 - found[2 * count + 1]]
    return tuple(after(row, len(close)) for row in rows)


def _regression(
    close: FloatArray, against: tuple[FloatArray, ...], window: int
) -> tuple[FloatArray, int]:
    import numpy as np

    from nautilus_lab.features.cross_asset._regression_kernels import rolling_regression

    others = np.stack([simple_returns(one) for one in against])
    found: FloatArray = rolling_regression(simple_returns(close), others, window)
    return found, len(against)
