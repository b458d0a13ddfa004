"""What a risk measurement answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import (
    LOSS,
    PALETTE,
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    format_value,
    histogram_preview,
    style_figure,
)
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import ReturnSeries


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskReport(HasTearSheet):
    """The risk of holding a portfolio for one period, as past returns tell it.

    Losses are positive. They are fractions of the capital that the weights are fractions of, and
    money when the weights were money.

    Attributes
    ----------
    confidence : float
        Share of periods in which the loss stays within `value_at_risk`.
    value_at_risk : float
        The loss that is exceeded in at most 1 - `confidence` of the periods.
    expected_shortfall : float
        The mean of the worst 1 - `confidence` of the losses; never below `value_at_risk`.
    tail : float
        How many of the observations make up that share; may have a fraction, which the expected
        shortfall gives to the mildest of them.
    n_observations : int
        How many periods were read.
    contributions : Series, shape (symbol,)
        Each symbol's part of `expected_shortfall`; they sum to it. Negative where a position
        softens the bad periods.
    returns : Series, shape (time,)
        The portfolio's returns the losses were read off.
    provenance : Provenance
        Where the returns came from.
    """

    confidence: float
    value_at_risk: float
    expected_shortfall: float
    tail: float
    n_observations: int
    contributions: pd.Series[float] = field(repr=False)
    returns: ReturnSeries = field(repr=False)
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    @property
    def rule(self) -> str:
        """How value at risk and expected shortfall were read off the losses, in words."""
        rank = int(self.tail) + 1
        return (
            f"Historical simulation on {self.n_observations:,} periods: value at risk is the "
            f"{_ordinal(rank)} largest loss, expected shortfall the mean of the {self.tail:,g} "
            "largest. Past losses bound nothing."
        )

    def tear_sheet(self) -> TearSheet:
        """Return the figures, the loss histogram and who contributes to the tail."""
        share = format(self.confidence * 100, "g") + "%"
        form = ".2%" if self.expected_shortfall < 10 else ",.0f"
        begin, end = self.returns.index[0], self.returns.index[-1]
        ranked = self.contributions.sort_values(ascending=False)
        shares = ranked / self.expected_shortfall if self.expected_shortfall else ranked * 0.0
        rows = ranked.rename("expected shortfall").rename_axis("symbol").to_frame()
        rows["share"] = shares
        return TearSheet(
            title=f"Risk at {share} confidence",
            subtitle=f"{format_value(begin)} to {format_value(end)} · one period ahead",
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        f"Value at risk {share}": format_value(self.value_at_risk, form),
                        f"Expected shortfall {share}": format_value(self.expected_shortfall, form),
                        "Worst period": format_value(-float(self.returns.min()), form),
                        "Periods": format_value(self.n_observations),
                    }
                ),
                Chart(
                    title="Losses",
                    figure=self._losses_figure,
                    preview=lambda: histogram_preview(
                        -self.returns,
                        {"VaR": self.value_at_risk, "ES": self.expected_shortfall},
                        form,
                    ),
                ),
                Table(
                    title="Contributions to expected shortfall",
                    rows=rows,
                    formats={"expected shortfall": form, "share": ".1%"},
                    note=self.rule,
                ),
            ),
        )

    def _losses_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        losses = -self.returns.to_numpy()
        form = ".1%" if self.expected_shortfall < 10 else ",.0f"
        figure = go.Figure(
            go.Histogram(x=losses, nbinsx=80, name="periods", marker_color=PALETTE[0])
        )
        for name, loss, colour in (
            ("VaR", self.value_at_risk, PALETTE[1]),
            ("ES", self.expected_shortfall, LOSS),
        ):
            figure.add_vline(
                x=loss,
                line={"color": colour, "width": 2},
                annotation={"text": name, "font": {"color": colour}},
            )
        figure.update_xaxes(title="loss", tickformat=form)
        figure.update_yaxes(title="periods", type="log")
        figure.update_layout(showlegend=False, bargap=0.05)
        return style_figure(
            figure,
            title="Losses of one period",
            caption=self.provenance.caption,
            theme=theme,
        )


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = 10 <= number % 100 <= 20
    return f"{number:,}{'th' if teen else endings.get(number % 10, 'th')}"
