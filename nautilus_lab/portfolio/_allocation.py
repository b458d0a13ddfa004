"""What an optimisation answers."""

from __future__ import annotations

import math
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
from nautilus_lab.portfolio._constraints import Constraint
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import Weights

# How many names the drawn preview has room for.
_MOST_BARS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation(HasTearSheet):
    """Weights, and what they would have meant over the returns they were fitted to.

    All figures are in sample: what follows is as a rule worse.

    Attributes
    ----------
    weights : Series, shape (symbol,)
        Fractions of capital; they sum to 1.
    objective : str
        What was sought, in words.
    status : str
        ``"optimal"``; ``"inaccurate"`` when the solver stopped short of its tolerance;
        ``"computed"`` where nothing is solved.
    expected_return : float
        Mean return of the portfolio per period, a fraction.
    volatility : float
        Sample deviation (divisor n - 1) of its returns per period, a fraction.
    periods_per_year : float or None
        What annual figures are scaled with; None leaves them out.
    risk_contributions : Series, shape (symbol,)
        Each symbol's share of the portfolio's variance; they sum to 1.
    n_observations : int
        How many periods it was fitted to.
    constraints : tuple of WeightBounds or GroupLimit
        What it keeps to.
    provenance : Provenance
        Where the returns came from.
    """

    weights: Weights
    objective: str
    status: str
    expected_return: float
    volatility: float
    periods_per_year: float | None = None
    risk_contributions: pd.Series[float]
    n_observations: int
    constraints: tuple[Constraint, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        held = int((self.weights != 0).sum())
        return (
            f"Allocation({self.objective}: {held} of {len(self.weights)} symbols, "
            f"expected_return={self.expected_return:.6f}, volatility={self.volatility:.6f}, "
            f"status={self.status!r})"
        )

    @property
    def annual_return(self) -> float | None:
        """Mean return times the periods of a year, a fraction; None when those are not known."""
        return (
            None if self.periods_per_year is None else self.expected_return * self.periods_per_year
        )

    @property
    def annual_volatility(self) -> float | None:
        """Volatility times the root of the periods of a year; None when those are not known."""
        if self.periods_per_year is None:
            return None
        return self.volatility * math.sqrt(self.periods_per_year)

    def tear_sheet(self) -> TearSheet:
        """Return the figures, the weights and who carries the risk."""
        held = self.weights[self.weights != 0]
        ranked = held.reindex(held.abs().sort_values(ascending=False).index)
        rows = ranked.rename("weight").rename_axis("symbol").to_frame()
        rows["share of variance"] = self.risk_contributions.reindex(rows.index)
        kept = "; ".join(map(str, self.constraints)) or "weights between 0 and 1"
        return TearSheet(
            title="Allocation",
            subtitle=f"{self.objective} · {self.n_observations:,} periods · {self.status}",
            provenance=self.provenance,
            parts=(
                Facts(values=self._facts()),
                Chart(
                    title="Weights",
                    figure=self._weights_figure,
                    preview=lambda: bar_preview(
                        {str(symbol): float(w) for symbol, w in ranked.head(_MOST_BARS).items()},
                        ".1%",
                    ),
                ),
                Table(
                    title="Weights and shares of variance",
                    rows=rows,
                    formats={"weight": ".2%", "share of variance": ".1%"},
                    note=f"In sample; symbols without a weight are left out. Constraints: {kept}.",
                ),
            ),
        )

    def _facts(self) -> dict[str, str]:
        squares = float((self.weights**2).sum())
        facts = {}
        if self.annual_return is not None and self.annual_volatility is not None:
            ratio = self.annual_return / self.annual_volatility if self.volatility else math.nan
            facts["Mean return, a year"] = format_value(self.annual_return, ".1%")
            facts["Volatility, a year"] = format_value(self.annual_volatility, ".1%")
            facts["Return per volatility"] = format_value(ratio, ".2f")
        else:
            facts["Mean return, a period"] = format_value(self.expected_return, ".4%")
            facts["Volatility, a period"] = format_value(self.volatility, ".3%")
        facts["Symbols held"] = f"{int((self.weights != 0).sum())} of {len(self.weights)}"
        facts["Largest weight"] = format_value(float(self.weights.abs().max()), ".1%")
        facts["Effective symbols"] = format_value(1 / squares, ".1f")
        return facts

    def _weights_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        order = self.weights.sort_values(ascending=False).index
        names = [str(symbol) for symbol in order]
        figure = go.Figure(
            [
                go.Bar(x=names, y=self.weights.reindex(order), name="weight"),
                go.Bar(x=names, y=self.risk_contributions.reindex(order), name="share of variance"),
            ]
        )
        figure.update_yaxes(tickformat=".0%")
        figure.update_layout(barmode="group")
        return style_figure(
            figure,
            title="Weights and shares of variance",
            caption=self.provenance.caption,
            theme=theme,
        )
