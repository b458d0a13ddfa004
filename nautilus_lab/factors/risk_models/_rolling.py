"""Betas through moving windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    format_value,
    line_preview,
    line_trace,
    style_figure,
)
from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.risk_models._aligned import require_count
from nautilus_lab.factors.risk_models._time_series import require_independent, together
from nautilus_lab.factors.scale._threads import one_blas_thread
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries

# A share of the squares below which what is left is computed from errors, not as a difference.
_CANCELLED = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class RollingRegression(HasTearSheet):
    """Regressions through moving windows; a row knows the window that ends with it.

    Attributes
    ----------
    alpha, r_squared : DataFrame, shape (time, symbol)
        NaN in the first ``window - 1`` rows.
    betas : mapping of str to DataFrame, shape (time, symbol)
        Factor -> the betas over time.
    t : mapping of str to DataFrame, shape (time, symbol)
        Factor, or ``"alpha"`` -> t under equal, uncorrelated errors.
    window : int
        Periods of a window.
    provenance : Provenance
        Where returns and factors came from.
    """

    alpha: pd.DataFrame
    betas: dict[str, pd.DataFrame]
    t: dict[str, pd.DataFrame]
    r_squared: pd.DataFrame
    window: int
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        n, m = self.alpha.shape
        return (
            f"RollingRegression({m} symbols, {len(self.betas)} factors, {n} periods, "
            f"window={self.window})"
        )

    def of(self, symbol: str) -> pd.DataFrame:
        """Return alpha and betas of one symbol over time.

        Raises
        ------
        InputError
            When the symbol was not regressed.
        """
        import pandas as pd

        if symbol not in self.alpha.columns:
            raise InputError(
                "a symbol must have been regressed",
                value=symbol,
                remedy=f"one of {len(self.alpha.columns)}: {self.alpha.columns[0]}, ...",
            )
        lines = {"alpha": self.alpha[symbol]}
        return pd.DataFrame(lines | {name: beta[symbol] for name, beta in self.betas.items()})

    def tear_sheet(self) -> TearSheet:
        """Return the median betas over time, and where they stand now."""
        import pandas as pd

        now = pd.DataFrame({name: beta.iloc[-1] for name, beta in self.betas.items()})
        now["R²"] = self.r_squared.iloc[-1]
        begin, end = self.alpha.index[0], self.alpha.index[-1]
        return TearSheet(
            title="Rolling regression",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · windows of {self.window} periods, "
                f"{len(now)} symbols"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        f"{name}, median now": format_value(float(now[name].median()), ".2f")
                        for name in now.columns
                    }
                ),
                Chart(
                    title="Median beta",
                    figure=self._figure,
                    preview=lambda: line_preview(self._medians(), ".2f"),
                ),
                Table(
                    title="Now",
                    rows=now.rename_axis("symbol"),
                    formats=dict.fromkeys(now.columns, ".2f"),
                    most=20,
                ),
            ),
        )

    def _medians(self) -> dict[str, pd.Series[float]]:
        return {name: beta.median(axis=1) for name, beta in self.betas.items()}

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure([line_trace(line, name) for name, line in self._medians().items()])
        figure.update_yaxes(title="beta, median of symbols", tickformat=".2f")
        return style_figure(figure, title="Betas", caption=self.provenance.caption, theme=theme)


def rolling_regression(
    returns: Returns | ReturnSeries,
    factors: Returns,
    *,
    window: int = 252,
    risk_free: ReturnSeries | float = 0.0,
) -> RollingRegression:
    r"""Fit :math:`r_t - f_t = \alpha + \beta' x_t + e_t` in every window of `window` periods.

    Each window is regressed anew, all symbols at once: nothing is added up and taken off again,
    so that no error builds up along the way.

    Parameters
    ----------
    returns : Series, shape (time,), or DataFrame, shape (time, symbol)
        Simple returns, fractions.
    factors : DataFrame, shape (time, factor)
        Factor returns of the same times.
    window : int, default=252
        Periods; at least two more than there are factors.
    risk_free : Series or float, default=0.0
        The rate of one period, taken from `returns` only.

    Returns
    -------
    RollingRegression
        A row depends on its own and the ``window - 1`` periods before it only.

    Raises
    ------
    InputError
        When times differ, or `window` is too short or longer than the data.
    BadData
        When a value is NaN or infinite, or factors are collinear, in all or in one window: the
        error names which, and when.
    """
    import numpy as np
    import pandas as pd

    target, explaining = together(returns, factors, risk_free)
    y = np.ascontiguousarray(target, dtype=np.float64)
    x = np.asarray(explaining, dtype=np.float64)
    n, k, m = len(y), x.shape[1] + 1, y.shape[1]
    window = require_count(window, "window", least=k + 1, most=n)
    require_independent(x, explaining.columns, intercept=True)
    design = np.column_stack([np.ones(n), x])
    slopes = np.full((k, n, m), np.nan)
    ratios = np.full((k, n, m), np.nan)
    explained = np.full((n, m), np.nan)
    with one_blas_thread():
        for end in range(window, n + 1):
            rows = slice(end - window, end)
            part, of = design[rows], y[rows]
            try:
                inverse = _inverse(part)
            except np.linalg.LinAlgError:
                raise _collinear(x[rows], explaining, end - 1) from None
            products = part.T @ of
            found = inverse @ products
            squares = np.einsum("tm,tm->m", of, of)
            varied = squares - products[0] ** 2 / window
            left = squares - np.einsum("km,km->m", found, products)
            # Where little is left the difference has lost its digits.
            near = left < _CANCELLED * squares
            if near.any():
                exact = of[:, near] - part @ found[:, near]
                left[near] = np.einsum("tm,tm->m", exact, exact)
                off = of[:, near] - of[:, near].mean(axis=0)
                varied[near] = np.einsum("tm,tm->m", off, off)
            row = end - 1
            slopes[:, row] = found
            with np.errstate(invalid="ignore", divide="ignore"):
                errors = np.sqrt(np.diag(inverse)[:, None] * (left / (window - k)))
                ratios[:, row] = found / errors
                explained[row] = np.where(varied > 0, 1 - left / varied, np.nan)
    names = ["alpha", *map(str, explaining.columns)]

    def over_time(values: FloatArray) -> pd.DataFrame:
        return pd.DataFrame(values, target.index, target.columns)

    return RollingRegression(
        alpha=over_time(slopes[0]),
        betas={name: over_time(slopes[i]) for i, name in enumerate(names) if i},
        t={name: over_time(ratios[i]) for i, name in enumerate(names)},
        r_squared=over_time(explained),
        window=window,
        provenance=provenance(returns, factors),
    )


def _inverse(design: FloatArray) -> FloatArray:
    """Return the inverse of the products of the columns, or raise where they are collinear."""
    import numpy as np

    size = np.sqrt(np.einsum("tk,tk->k", design, design))
    if not size.all():
        raise np.linalg.LinAlgError
    unit = design / size
    inverse = np.linalg.inv(unit.T @ unit)
    # What the others leave of a column is the inverse of its entry here.
    if not np.abs(np.diag(inverse)).max() < 1e11:
        raise np.linalg.LinAlgError
    return np.asarray(inverse / np.outer(size, size), dtype=np.float64)


def _collinear(values: FloatArray, factors: Returns, row: int) -> Exception:
    try:
        require_independent(values, factors.columns, intercept=True)
    except BadData as error:
        return BadData(
            error.rule,
            value=f"{error.value} in the window up to {factors.index[row].date()}",
            remedy="pass a longer window, or drop one of them",
        )
    return BadData(
        "factors must not be combinations of each other",
        value=f"in the window up to {factors.index[row].date()}",
        remedy="pass a longer window, or drop one of them",
    )
