"""A factor risk model: exposures, the covariance of factors, and what is each symbol's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.risk_models._aligned import listed, require_square
from nautilus_lab.factors.risk_models._risk import PortfolioRisk, portfolio_risk
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, Weights

# How many factors the drawn previews have room for.
_MOST_BARS = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorRiskModel(HasTearSheet):
    r"""What the returns of symbols have in common, and what they have not.

    The covariance of returns is :math:`B F B' + D`; every builder of this package answers with it.

    Attributes
    ----------
    kind : str
        ``"time series"``, ``"cross-sectional"`` or ``"statistical"``.
    as_of : Timestamp
        The last time that anything in it was made from.
    exposures : DataFrame, shape (symbol, factor)
        :math:`B`, return of a symbol per unit of the factor's return.
    factor_covariance : DataFrame, shape (factor, factor)
        :math:`F`, of one period's returns.
    specific_variance : Series, shape (symbol,)
        :math:`D`, the variance of one period's return that no factor explains.
    n_observations : int
        How many periods of factor returns it was made from.
    notices : tuple of str
        What a reader must know: symbols left out, variances borrowed from others.
    provenance : Provenance
        Where the data came from.

    Raises
    ------
    InputError
        When names do not agree.
    BadData
        When a number is not finite, a variance negative, or the covariance of factors is not
        positive semi-definite.
    """

    kind: str
    as_of: pd.Timestamp
    exposures: pd.DataFrame
    factor_covariance: pd.DataFrame
    specific_variance: pd.Series[float]
    n_observations: int
    notices: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        import numpy as np

        require_square(self.factor_covariance, "factor_covariance")
        if "specific" in self.factor_covariance.columns:
            raise InputError(
                "no factor may be named specific: that is what factors leave",
                value="specific",
                remedy="rename it",
            )
        if not self.exposures.columns.equals(self.factor_covariance.columns):
            raise InputError(
                "exposures and factor_covariance must have the same factors, in one order",
                value=f"{listed(self.exposures.columns)} against "
                f"{listed(self.factor_covariance.columns)}",
                remedy="reindex the covariance: covariance.loc[factors, factors]",
            )
        if not self.exposures.index.equals(self.specific_variance.index):
            raise InputError(
                "exposures and specific_variance must have the same symbols, in one order",
                value=listed(
                    self.exposures.index.symmetric_difference(self.specific_variance.index)
                )
                or "another order",
                remedy="reindex the variances: specific.reindex(exposures.index)",
            )
        if not self.exposures.index.is_unique:
            twice = self.exposures.index[self.exposures.index.duplicated()]
            raise InputError(
                "exposures must have each symbol once",
                value=listed(twice),
                remedy="drop the copies",
            )
        loads = np.asarray(self.exposures, dtype=np.float64)
        if not np.isfinite(loads).all():
            row, column = np.argwhere(~np.isfinite(loads))[0]
            raise BadData(
                "exposures must be finite",
                value=f"{self.exposures.columns[column]} of {self.exposures.index[row]}",
                remedy="leave the symbol out",
            )
        own = np.asarray(self.specific_variance, dtype=np.float64)
        if not (np.isfinite(own) & (own >= 0)).all():
            bad = self.specific_variance.index[~(np.isfinite(own) & (own >= 0))]
            raise BadData(
                "specific variances must be finite and not negative",
                value=listed(bad),
                remedy="leave the symbol out, or give it more history",
            )

    def __repr__(self) -> str:
        n, k = self.exposures.shape
        return (
            f"FactorRiskModel({self.kind}, {n} symbols, {k} factors, as of "
            f"{format_value(self.as_of)})"
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols it knows."""
        return tuple(map(str, self.exposures.index))

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors."""
        return tuple(map(str, self.exposures.columns))

    @property
    def factor_volatility(self) -> pd.Series[float]:
        """The deviation of each factor's return of one period."""
        import numpy as np
        import pandas as pd

        return pd.Series(
            np.sqrt(np.diag(self.factor_covariance)), self.exposures.columns, name="volatility"
        )

    @property
    def factor_correlation(self) -> pd.DataFrame:
        """The correlations of the factors; NaN for one without variance."""
        import numpy as np
        import pandas as pd

        deviation = np.asarray(self.factor_volatility)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.asarray(self.factor_covariance) / np.outer(deviation, deviation)
        return pd.DataFrame(values, self.exposures.columns, self.exposures.columns)

    def covariance(self) -> pd.DataFrame:
        """Return the covariance of one period's returns, shape (symbol, symbol)."""
        import pandas as pd

        return pd.DataFrame(self._covariance(), self.exposures.index, self.exposures.index)

    def risk(
        self,
        weights: Weights | Mapping[str, float],
        *,
        benchmark: Weights | Mapping[str, float] | None = None,
    ) -> PortfolioRisk:
        """Measure the risk of a portfolio, of its factors and of its symbols.

        Parameters
        ----------
        weights : Series or mapping, symbol -> fraction of capital
            What is held; need not sum to 1, shorts are negative.
        benchmark : Series or mapping, optional
            Weights of what it is measured against; the risk is then that of the difference.

        Returns
        -------
        PortfolioRisk
            Per period of the model, never scaled to another.

        Raises
        ------
        InputError
            When a weight is not a finite number, or its symbol has no exposures here: each is
            named, none is left out silently.
        """
        return portfolio_risk(self, weights, benchmark)

    def tear_sheet(self) -> TearSheet:
        """Return the volatilities and correlations of the factors, and the specific risk."""
        import numpy as np
        import pandas as pd

        volatility = self.factor_volatility
        own = np.sqrt(np.asarray(self.specific_variance))
        total = np.sqrt(np.diag(self._covariance()))
        share = 1 - (self.specific_variance / total**2)
        greatest = volatility.sort_values(ascending=False)
        notes = " ".join(self.notices)
        rows = pd.DataFrame({"volatility": volatility, "mean exposure": self.exposures.mean()})
        rows["deviation of exposures"] = self.exposures.std()
        return TearSheet(
            title="Factor risk model",
            subtitle=(
                f"{self.kind} · as of {format_value(self.as_of)} · {len(own):,} symbols, "
                f"{len(volatility)} factors, {self.n_observations:,} periods"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Median volatility": format_value(float(np.median(total)), ".3%"),
                        "Median specific": format_value(float(np.median(own)), ".3%"),
                        "Variance explained": format_value(float(share.mean()), ".1%"),
                        "Greatest factor": str(greatest.index[0]),
                    }
                ),
                Chart(
                    title="Volatility of factors",
                    figure=self._volatility_figure,
                    preview=lambda: bar_preview(
                        {str(name): float(v) for name, v in greatest.head(_MOST_BARS).items()},
                        ".2%",
                    ),
                ),
                Chart(title="Correlation of factors", figure=self._correlation_figure),
                Table(
                    title="Factors",
                    rows=rows.rename_axis("factor"),
                    formats={
                        "volatility": ".3%",
                        "mean exposure": ".3f",
                        "deviation of exposures": ".3f",
                    },
                    note=f"Volatility of one period. {notes}".strip(),
                ),
            ),
        )

    def _covariance(self) -> FloatArray:
        import numpy as np

        loads = np.asarray(self.exposures, dtype=np.float64)
        values = loads @ np.asarray(self.factor_covariance, dtype=np.float64) @ loads.T
        values = (values + values.T) / 2
        values[np.diag_indices_from(values)] += np.asarray(self.specific_variance)
        return np.asarray(values, dtype=np.float64)

    def _volatility_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        ranked = self.factor_volatility.sort_values(ascending=False)
        figure = go.Figure(go.Bar(x=[str(name) for name in ranked.index], y=ranked.to_numpy()))
        figure.update_yaxes(tickformat=".2%", title="volatility of one period")
        return style_figure(
            figure, title="Volatility of factors", caption=self.provenance.caption, theme=theme
        )

    def _correlation_figure(self, theme: Theme) -> go.Figure:
        return heat_map(
            self.factor_correlation,
            title="Correlation of factors",
            caption=self.provenance.caption,
            theme=theme,
        )


def heat_map(matrix: pd.DataFrame, *, title: str, caption: str, theme: Theme) -> go.Figure:
    """Return correlations as a map, from red at -1 to blue at 1."""
    import plotly.graph_objects as go

    names = [str(name) for name in matrix.columns]
    figure = go.Figure(
        go.Heatmap(
            z=matrix.to_numpy(),
            x=names,
            y=[str(name) for name in matrix.index],
            zmin=-1,
            zmax=1,
            coloraxis="coloraxis",
            hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
        )
    )
    figure.update_layout(
        coloraxis={"cmin": -1, "cmax": 1, "colorbar": {"thickness": 10, "outlinewidth": 0}},
        hovermode="closest",
    )
    figure.update_yaxes(autorange="reversed")
    height = int(min(900, max(380, 26 * len(names) + 130)))
    figure = style_figure(figure, title=title, caption=caption, theme=theme, height=height)
    figure.update_layout(coloraxis_colorscale=figure.layout.template.layout.colorscale.diverging)
    return figure
