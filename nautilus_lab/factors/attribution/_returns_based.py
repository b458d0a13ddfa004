"""Returns attributed by regression: of a track record of which holdings are not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.attribution._factor import FactorAttribution
from nautilus_lab.factors.attribution._linking import Linking
from nautilus_lab.factors.risk_models import factor_regression, rolling_regression
from nautilus_lab.frames import require_returns, require_series
from nautilus_lab.provenance import provenance

if TYPE_CHECKING:
    from nautilus_lab._typing import Returns, ReturnSeries


def attribute_returns(
    returns: ReturnSeries,
    factors: Returns,
    *,
    risk_free: ReturnSeries | float = 0.0,
    window: int | None = None,
    method: Linking = "carino",
) -> FactorAttribution:
    """Split returns into betas times factor returns and the rest.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, of the portfolio.
    factors : DataFrame, shape (time, factor)
        Factor returns of the same times.
    risk_free : Series or float, default=0.0
        The rate of one period; an effect of its own where it is not 0.
    window : int, optional
        Without one the betas are those of the whole sample: effects are ``"alpha"`` and
        ``"residual"``, which sums to 0. With one, a period's betas are those of the `window`
        periods before it, which could have been known, and the rest is ``"selection"``.
    method : {"carino", "menchero"}, default="carino"
        How effects are linked; see `linked`.

    Returns
    -------
    FactorAttribution
        Each row of effects sums to the return.

    Raises
    ------
    InputError
        When times differ, or a factor has the name of an effect.
    NotEnoughData
        When there are too few periods.
    BadData
        When a value is NaN or infinite, times are unsorted, or factors are collinear.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=250, tz="UTC")
    >>> market = pd.DataFrame({"market": np.random.default_rng(0).normal(5e-4, 0.01, 250)}, days)
    >>> returns = 1.2 * market["market"] + 0.0002
    >>> found = attribute_returns(returns, market)
    >>> round(float(found.effects["alpha"].iloc[0]), 6)
    0.0002
    >>> bool(abs(found.linked.sum() - found.total) < 1e-9)
    True
    """
    import pandas as pd

    series = require_series(returns)
    require_returns(factors, name="factors")
    reserved = {"alpha", "residual", "selection", "risk_free"} & set(map(str, factors.columns))
    if reserved:
        raise InputError(
            "no factor may have the name of an effect",
            value=", ".join(sorted(reserved)),
            remedy="rename it",
        )
    effects = pd.DataFrame(index=series.index)
    free = isinstance(risk_free, pd.Series) or risk_free != 0
    if window is None:
        found = factor_regression(series, factors, risk_free=risk_free)
        exposures = pd.DataFrame([found.betas.iloc[0]] * len(series), series.index, factors.columns)
        effects = exposures * found.factors
        effects["alpha"] = float(found.alpha.iloc[0])
        effects["residual"] = found.residuals.iloc[:, 0]
    else:
        rolled = rolling_regression(series, factors, window=window, risk_free=risk_free)
        lines = {name: beta.iloc[:, 0] for name, beta in rolled.betas.items()}
        exposures = pd.DataFrame(lines).shift(1).iloc[window:]
        if exposures.empty:
            raise InputError(
                "window must leave a period after it",
                value=f"{window} of {len(series)} periods",
                remedy="pass a shorter window",
            )
        series = series.iloc[window:]
        exposures.columns = factors.columns
        effects = exposures * factors.loc[series.index]
        over = series - _rate(risk_free, series)
        effects["selection"] = over - effects.sum(axis=1)
    if free:
        effects["risk_free"] = _rate(risk_free, series)
    return FactorAttribution(
        basis="returns",
        effects=effects,
        exposures=exposures,
        portfolio=series,
        missing=pd.DataFrame(columns=["periods", "return"]).rename_axis("symbol"),
        method=method,
        provenance=provenance(returns, factors),
    )


def _rate(risk_free: ReturnSeries | float, series: ReturnSeries) -> ReturnSeries:
    import pandas as pd

    if isinstance(risk_free, pd.Series):
        return risk_free.loc[series.index]
    return pd.Series(float(risk_free), series.index)
