"""Regressions of returns on the returns of factors, in time."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    bar_preview,
    format_value,
    style_figure,
)
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed, require_count
from nautilus_lab.factors.scale._threads import one_blas_thread
from nautilus_lab.frames import require_returns, require_series
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries

# A factor this little of which the others leave unexplained cannot be told from them.
_LEAST_OWN = 1e-12
_BLOCK = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorRegression(HasTearSheet):
    """Returns over the risk-free rate, explained by factor returns.

    Attributes
    ----------
    alpha : Series, shape (symbol,)
        The intercept of one period, a fraction.
    betas : DataFrame, shape (symbol, factor)
        Return per unit of the factor's return.
    standard_errors, t, p : DataFrame, shape (symbol, 1 + factor)
        Of ``"alpha"`` and of each beta, by Newey and West with `lags`; p two-sided, of the normal
        distribution.
    r_squared, adjusted_r_squared : Series, shape (symbol,)
        The share of the variance explained.
    residuals : DataFrame, shape (time, symbol)
        What is left, of mean 0.
    factors : DataFrame, shape (time, factor)
        The factor returns that explain.
    lags : int
        Of the standard errors.
    periods_per_year : float or None
        What the yearly alpha of the tear sheet is scaled with; None leaves it out.
    provenance : Provenance
        Where returns and factors came from.
    """

    alpha: pd.Series[float]
    betas: pd.DataFrame
    standard_errors: pd.DataFrame
    t: pd.DataFrame
    p: pd.DataFrame
    r_squared: pd.Series[float]
    adjusted_r_squared: pd.Series[float]
    residuals: pd.DataFrame
    factors: pd.DataFrame
    lags: int
    periods_per_year: float | None = None
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        n, k = self.betas.shape
        return (
            f"FactorRegression({n} symbols, {k} factors, {len(self.residuals)} periods, "
            f"mean R²={float(self.r_squared.mean()):.4f})"
        )

    @property
    def summary(self) -> pd.DataFrame:
        """Alpha, its t, betas and R² by symbol."""
        table = self.betas.copy()
        table.insert(0, "alpha", self.alpha)
        table.insert(1, "t of alpha", self.t["alpha"])
        return table.assign(r_squared=self.r_squared)

    def coefficients(self, symbol: str) -> pd.DataFrame:
        """Return estimate, standard error, t and p of one symbol's regression.

        Raises
        ------
        InputError
            When the symbol was not regressed.
        """
        import pandas as pd

        if symbol not in self.alpha.index:
            raise InputError(
                "a symbol must have been regressed", value=symbol, remedy=listed(self.alpha.index)
            )
        return pd.DataFrame(
            {
                "estimate": [self.alpha.loc[symbol], *self.betas.loc[symbol]],
                "standard error": self.standard_errors.loc[symbol].to_numpy(),
                "t": self.t.loc[symbol].to_numpy(),
                "p": self.p.loc[symbol].to_numpy(),
            },
            index=self.t.columns.rename("coefficient"),
        )

    def tear_sheet(self) -> TearSheet:
        """Return alphas, betas and how much they explain."""
        begin, end = self.residuals.index[0], self.residuals.index[-1]
        n, k = self.betas.shape
        first = str(self.betas.index[0])
        rows = self.summary.rename(columns={"r_squared": "R²"})
        if self.periods_per_year is not None:
            rows.insert(1, "alpha a year", self.alpha * self.periods_per_year)
        rows = rows.rename_axis("symbol") if n > 1 else self.coefficients(self.betas.index[0])
        number = dict.fromkeys((*self.betas.columns, "R²", "t of alpha", "t"), ".2f")
        place = int(self.t["alpha"].abs().to_numpy().argmax())
        facts = {
            "Mean R²": format_value(float(self.r_squared.mean()), ".1%"),
            "Mean alpha, a period": format_value(float(self.alpha.mean()), ".4%"),
            "Greatest |t| of alpha": f"{self.t['alpha'].iloc[place]:.2f} ({self.t.index[place]})",
        }
        if self.periods_per_year is not None:
            yearly = float(self.alpha.mean()) * self.periods_per_year
            facts["Mean alpha, a year"] = format_value(yearly, ".1%")
        return TearSheet(
            title="Factor regression",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(self.residuals):,} periods, "
                f"{n} symbols, {k} factors · errors by Newey and West, {self.lags} lags"
            ),
            provenance=self.provenance,
            parts=(
                Facts(values=facts),
                Chart(
                    title="Mean beta" if n > 1 else f"Betas of {first}",
                    figure=self._beta_figure,
                    preview=lambda: bar_preview(
                        {str(name): float(b) for name, b in self.betas.mean().items()}, ".2f"
                    ),
                ),
                Table(
                    title="Coefficients",
                    rows=rows,
                    formats={
                        **number,
                        "alpha": ".4%",
                        "alpha a year": ".1%",
                        "estimate": ".5f",
                        "standard error": ".5f",
                        "p": ".4f",
                    },
                    note="Alpha of one period, a fraction; t by Newey and West.",
                    wide=n > 1,
                ),
            ),
        )

    def _beta_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        names = [str(name) for name in self.betas.columns]
        if len(self.betas) == 1:
            spread = 1.96 * self.standard_errors.iloc[0, 1:].to_numpy()
            bars = go.Bar(
                x=names,
                y=self.betas.iloc[0],
                error_y={"type": "data", "array": spread},
                name="beta",
            )
            figure = go.Figure(bars)
            figure.update_yaxes(title="beta, 95 % interval")
        else:
            figure = go.Figure(
                [go.Box(y=self.betas[name], name=str(name)) for name in self.betas.columns]
            )
            figure.update_yaxes(title="beta, over symbols")
            figure.update_layout(showlegend=False)
        return style_figure(figure, title="Betas", caption=self.provenance.caption, theme=theme)


def factor_regression(
    returns: Returns | ReturnSeries,
    factors: Returns,
    *,
    risk_free: ReturnSeries | float = 0.0,
    lags: int | None = None,
    periods_per_year: float | None = None,
) -> FactorRegression:
    r"""Fit :math:`r_t - f_t = \alpha + \beta' x_t + e_t` to each symbol by least squares [1]_.

    Parameters
    ----------
    returns : Series, shape (time,), or DataFrame, shape (time, symbol)
        Simple returns, fractions, per period.
    factors : DataFrame, shape (time, factor)
        Factor returns of the same times, already over the risk-free rate or long-short.
    risk_free : Series or float, default=0.0
        The rate of one period, a fraction, taken from `returns` only.
    lags : int, optional
        Of the standard errors by Newey and West; by default ``floor(4 (n / 100) ** (2 / 9))``
        [2]_. 0 corrects for unequal variances only (White). A factor of n / (n - k) corrects for
        small samples.
    periods_per_year : float, optional
        252 for trading days; adds a yearly alpha to the tear sheet and changes nothing else.

    Returns
    -------
    FactorRegression

    Raises
    ------
    InputError
        When times differ, or `lags` is negative.
    NotEnoughData
        When there are not at least two periods more than coefficients.
    BadData
        When a value is NaN or infinite, times are unsorted, or factors are collinear: the error
        names which.

    References
    ----------
    .. [1] Fama, E. F. and French, K. R. (1993). Common risk factors in the returns on stocks and
       bonds. Journal of Financial Economics 33(1), 3-56.
    .. [2] Newey, W. K. and West, K. D. (1994). Automatic Lag Selection in Covariance Matrix
       Estimation. Review of Economic Studies 61(4), 631-653.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=250, tz="UTC")
    >>> market = pd.DataFrame({"market": np.random.default_rng(0).normal(0, 0.01, 250)}, days)
    >>> noise = np.random.default_rng(1).normal(0, 0.002, 250)
    >>> found = factor_regression(1.5 * market["market"] + noise, market)
    >>> found
    FactorRegression(1 symbols, 1 factors, 250 periods, mean R²=0.9855)
    >>> found.betas.round(2).to_dict()
    {'market': {'portfolio': 1.48}}
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    target, explaining = together(returns, factors, risk_free)
    y = np.asarray(target, dtype=np.float64)
    x = np.asarray(explaining, dtype=np.float64)
    n, k = len(y), x.shape[1] + 1
    if n < k + 2:
        raise NotEnoughData(
            f"a regression on {k - 1} factors takes at least {k + 2} periods",
            value=n,
            remedy="pass a longer history, or fewer factors",
        )
    chosen = automatic_lags(n) if lags is None else require_count(lags, "lags", least=0, most=n - 1)
    require_independent(x, explaining.columns, intercept=True)
    design = np.column_stack([np.ones(n), x])
    with one_blas_thread():
        inverse = np.linalg.inv(design.T @ design)
        slopes = inverse @ (design.T @ y)
        errors = y - design @ slopes
        variances = newey_west_variances(design, errors, inverse, chosen)
    deviations = np.sqrt(variances * n / (n - k))
    off = y - y.mean(axis=0)
    varied = (off**2).sum(axis=0)
    flat = y.min(axis=0) == y.max(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r_squared = np.where(flat, np.nan, 1 - (errors**2).sum(axis=0) / varied)
        ratio = slopes / deviations
    symbols = target.columns
    names = ["alpha", *map(str, explaining.columns)]

    def table(values: FloatArray) -> pd.DataFrame:
        return pd.DataFrame(values.T, symbols, names)

    return FactorRegression(
        alpha=pd.Series(slopes[0], symbols, name="alpha"),
        betas=pd.DataFrame(slopes[1:].T, symbols, explaining.columns),
        standard_errors=table(deviations),
        t=table(ratio),
        p=table(2 * ndtr(-np.abs(ratio))),
        r_squared=pd.Series(r_squared, symbols, name="r_squared"),
        adjusted_r_squared=pd.Series(
            1 - (1 - r_squared) * (n - 1) / (n - k), symbols, name="adjusted_r_squared"
        ),
        residuals=pd.DataFrame(errors, target.index, symbols),
        factors=explaining,
        lags=chosen,
        periods_per_year=periods_per_year,
        provenance=provenance(returns, factors),
    )


def together(
    returns: Returns | ReturnSeries, factors: Returns, risk_free: ReturnSeries | float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return checked returns over the risk-free rate, and the factors, of the same times.

    Raises
    ------
    InputError
        When times differ, naming the first, or the rate is no number.
    """
    import pandas as pd

    if isinstance(returns, pd.Series):
        series = require_series(returns)
        require_returns(factors, name="factors")
        # A series made from a factor often still has its name.
        unnamed = series.name is None or series.name in factors.columns
        target = series.to_frame("portfolio" if unnamed else series.name)
    else:
        target = require_returns(returns)
    explaining = require_returns(factors, name="factors")
    require_times(explaining.index, target.index, "factors", "returns")
    if "alpha" in explaining.columns:
        raise InputError(
            "no factor may be named alpha: the intercept is",
            value="alpha",
            remedy='rename it: factors.rename(columns={"alpha": "other"})',
        )
    if isinstance(risk_free, pd.Series):
        rate = require_series(risk_free, name="risk_free")
        require_times(rate.index, target.index, "risk_free", "returns")
        return target.sub(rate, axis=0), explaining
    if not (isinstance(risk_free, numbers.Real) and math.isfinite(risk_free)):
        raise InputError(
            "risk_free must be the rate of one period", value=risk_free, remedy="pass 0.02 / 252"
        )
    return (target - risk_free if risk_free else target), explaining


def require_times(one: pd.Index[Any], other: pd.Index[Any], name: str, like: str) -> None:
    """Raise when two indices of times differ, naming the first that only one of them has."""
    if one.equals(other):
        return
    lacking, extra = other.difference(one), one.difference(other)
    found = (
        f"{len(lacking)} missing, the first {lacking[0]}"
        if len(lacking)
        else f"{len(extra)} too many, the first {extra[0]}"
    )
    raise InputError(
        f"{name} must have the times of {like}",
        value=found,
        remedy=f"keep what both have: {name}.loc[{like}.index.intersection({name}.index)]",
    )


def automatic_lags(n: int) -> int:
    """Return Newey and West's rule of thumb for n periods."""
    return int(4 * (n / 100) ** (2 / 9))


def newey_west_variances(
    design: FloatArray, errors: FloatArray, inverse: FloatArray, lags: int
) -> FloatArray:
    """Return the variance of each coefficient of each column of `errors`, shape (k, n_columns)."""
    import numpy as np

    n, k = design.shape
    upper = np.triu_indices(k)
    # The diagonal of A M A for each column, M symmetric: its upper half decides.
    spread = inverse[:, upper[0]] * inverse[:, upper[1]]
    found = np.zeros((k, errors.shape[1]))
    products = []
    for lag in range(lags + 1):
        late, early = design[lag:], design[: n - lag]
        pairs = late[:, upper[0]] * early[:, upper[1]] + late[:, upper[1]] * early[:, upper[0]]
        pairs *= np.where(upper[0] == upper[1], 0.5, 1.0) * (1 if lag else 0.5)
        products.append((2 * (1 - lag / (lags + 1)) * spread) @ pairs.T)
    # Columns together as long as their products stay in the second-level cache.
    for begin in range(0, errors.shape[1], _BLOCK):
        part = np.ascontiguousarray(errors[:, begin : begin + _BLOCK])
        for lag, weights in enumerate(products):
            found[:, begin : begin + _BLOCK] += weights @ (part[lag:] * part[: n - lag])
    return np.asarray(found.clip(min=0.0), dtype=np.float64)


def require_independent(values: FloatArray, names: pd.Index[Any], *, intercept: bool) -> None:
    """Raise when a column is a combination of others (or constant, beside an intercept).

    Raises
    ------
    BadData
        Naming the columns of the combination.
    """
    import numpy as np

    off = values - values.mean(axis=0) if intercept else values
    size = np.sqrt((off**2).sum(axis=0))
    scale = np.abs(values).max(axis=0)
    still = size <= 1e-12 * np.maximum(scale, np.finfo(float).tiny) * math.sqrt(len(values))
    if still.any():
        raise BadData(
            "every factor must vary",
            value=listed(names[still]),
            remedy="drop it: a constant is the intercept's",
        )
    unit = off / size
    roots, vectors = np.linalg.eigh(unit.T @ unit)
    if roots[0] > _LEAST_OWN * len(roots):
        return
    involved = np.abs(vectors[:, 0]) > 0.05
    raise BadData(
        "factors must not be combinations of each other",
        value=f"collinear: {listed(names[involved])}",
        remedy="drop one of them",
    )
