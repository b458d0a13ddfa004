"""The risk of one portfolio, and whose it is."""

from __future__ import annotations

import math
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
from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.risk_models._aligned import labels_of, listed
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import Weights
    from nautilus_lab.factors.risk_models._model import FactorRiskModel

_MOST_BARS = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class PortfolioRisk(HasTearSheet):
    r"""The deviation of a portfolio's return of one period, split without a rest.

    Attributes
    ----------
    total : float
        :math:`\sigma = \sqrt{w' (B F B' + D) w}`; with a benchmark, of the difference (tracking
        error). Unit of the weights times returns.
    factor, specific : float
        The deviations of what factors explain and of what they do not; their squares sum to that
        of `total`.
    exposures : Series, shape (factor,)
        :math:`x = B' w`, what the portfolio holds of each factor.
    by_factor : Series, shape (factor + 1,)
        :math:`x_k (F x)_k / \sigma`, and last ``"specific"``: they sum to `total`.
    by_symbol : Series, shape (symbol,)
        Weight times `marginal`: they sum to `total`.
    marginal : Series, shape (symbol,)
        How `total` grows with one more unit of a symbol's weight.
    weights : Series, shape (symbol,)
        What was measured; the difference to the benchmark where there is one.
    active : bool
        Whether it was measured against a benchmark.
    model : str
        What the model is, in a few words.
    provenance : Provenance
        Where the model's data came from.
    """

    total: float
    factor: float
    specific: float
    exposures: pd.Series[float]
    by_factor: pd.Series[float]
    by_symbol: pd.Series[float]
    marginal: pd.Series[float]
    weights: Weights
    active: bool
    model: str
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        return (
            f"PortfolioRisk(total={self.total:.6f}, factor={self.factor:.6f}, "
            f"specific={self.specific:.6f}, {len(self.weights)} symbols)"
        )

    def by(self, groups: pd.Series[str] | Mapping[str, str]) -> pd.Series[float]:
        """Return the contributions of groups of symbols (classes, sectors, currencies).

        Parameters
        ----------
        groups : Series or mapping, symbol -> group
            Of every symbol held.

        Returns
        -------
        Series, shape (group,)
            They sum to `total`.

        Raises
        ------
        InputError
            When a symbol has no group: each is named.
        """
        labels = labels_of(groups, self.by_symbol.index, "groups")
        return self.by_symbol.groupby(labels.to_numpy()).sum().rename_axis("group")

    def tear_sheet(self) -> TearSheet:
        """Return the risk, the factors and the symbols it comes from."""
        import pandas as pd

        ranked = self.by_factor.reindex(self.by_factor.abs().sort_values(ascending=False).index)
        factors = pd.DataFrame({"exposure": self.exposures.reindex(ranked.index)})
        factors["contribution"] = ranked
        factors["share"] = ranked / self.total if self.total else math.nan
        held = self.by_symbol.reindex(self.by_symbol.abs().sort_values(ascending=False).index)
        symbols = pd.DataFrame({"weight": self.weights.reindex(held.index)})
        symbols["marginal"] = self.marginal.reindex(held.index)
        symbols["contribution"] = held
        share = (self.factor / self.total) ** 2 if self.total else math.nan
        what = "active risk" if self.active else "risk"
        return TearSheet(
            title="Portfolio risk",
            subtitle=f"{self.model} · {len(self.weights)} symbols · {what} of one period",
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Tracking error" if self.active else "Volatility": format_value(
                            self.total, ".3%"
                        ),
                        "From factors": format_value(self.factor, ".3%"),
                        "Specific": format_value(self.specific, ".3%"),
                        "Variance from factors": format_value(share, ".1%"),
                    }
                ),
                Chart(
                    title="Risk by factor",
                    figure=self._factor_figure,
                    preview=lambda: bar_preview(
                        {str(name): float(v) for name, v in ranked.head(_MOST_BARS).items()},
                        ".2%",
                    ),
                ),
                Table(
                    title="By factor",
                    rows=factors.rename_axis("factor"),
                    formats={"exposure": ".3f", "contribution": ".3%", "share": ".1%"},
                    note="Contributions sum to the volatility.",
                ),
                Table(
                    title="By symbol",
                    rows=symbols.rename_axis("symbol"),
                    formats={"weight": ".2%", "marginal": ".3%", "contribution": ".3%"},
                    most=20,
                    note="Weight times marginal; contributions sum to the volatility.",
                ),
            ),
        )

    def _factor_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        ranked = self.by_factor.sort_values(ascending=False)
        figure = go.Figure(go.Bar(x=[str(name) for name in ranked.index], y=ranked.to_numpy()))
        figure.update_yaxes(tickformat=".2%", title="contribution to the volatility")
        return style_figure(
            figure, title="Risk by factor", caption=self.provenance.caption, theme=theme
        )


def portfolio_risk(
    model: FactorRiskModel,
    weights: Weights | Mapping[str, float],
    benchmark: Weights | Mapping[str, float] | None,
) -> PortfolioRisk:
    """Measure a portfolio by a model; see `FactorRiskModel.risk`."""
    import numpy as np
    import pandas as pd

    held = known_weights(weights, model, "weights")
    if benchmark is not None:
        against = known_weights(benchmark, model, "benchmark")
        held = held.sub(against, fill_value=0.0)
    loads = np.asarray(model.exposures.reindex(held.index), dtype=np.float64)
    own = np.asarray(model.specific_variance.reindex(held.index), dtype=np.float64)
    amounts = np.asarray(held, dtype=np.float64)
    exposure = loads.T @ amounts
    pull = np.asarray(model.factor_covariance, dtype=np.float64) @ exposure
    common = max(float(exposure @ pull), 0.0)
    alone = float(amounts @ (own * amounts))
    total = math.sqrt(common + alone)
    slope = (loads @ pull + own * amounts) / total if total else np.zeros(len(amounts))
    parts = exposure * pull / total if total else np.zeros(len(exposure))
    rest = alone / total if total else 0.0
    names = [*model.exposures.columns, "specific"]
    return PortfolioRisk(
        total=total,
        factor=math.sqrt(common),
        specific=math.sqrt(alone),
        exposures=pd.Series(exposure, model.exposures.columns, name="exposure"),
        by_factor=pd.Series([*parts, rest], names, name="contribution"),
        by_symbol=pd.Series(slope * amounts, held.index, name="contribution"),
        marginal=pd.Series(slope, held.index, name="marginal"),
        weights=held,
        active=benchmark is not None,
        model=f"{model.kind} model as of {format_value(model.as_of)}",
        provenance=model.provenance,
    )


def known_weights(
    weights: Weights | Mapping[str, float], model: FactorRiskModel, name: str
) -> pd.Series[float]:
    """Return checked weights, each of a symbol that the model knows; zeros are left out."""
    import numpy as np
    import pandas as pd

    try:
        held = pd.Series(weights, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} must be numbers by symbol",
            value=weights,
            remedy=f"pass {name}={{symbol: fraction of capital, ...}}",
        ) from None
    if held.empty or not held.index.is_unique or not np.isfinite(held.to_numpy()).all():
        bad = held.index[held.index.duplicated() | ~np.isfinite(held.to_numpy())]
        raise InputError(
            f"{name} must be finite numbers, each symbol once",
            value=listed(bad) or "no weights",
            remedy="set what is not held to 0 or leave it out",
        )
    held = held[held != 0]
    unknown = held.index.difference(model.exposures.index, sort=False)
    if len(unknown):
        raise InputError(
            "every symbol held must have exposures in the model",
            value=listed(unknown),
            remedy="leave them out and say so, or build the model with their exposures",
        )
    return held.rename("weight")
