"""What a risk measurement answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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

    from nautilus_lab._typing import FloatArray, ReturnSeries


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskReport(HasTearSheet):
    """The risk of holding a portfolio for one period, as a model tells it.

    Losses are positive. They are fractions of the capital that the weights are fractions of, and
    money when the weights were money.

    Attributes
    ----------
    confidence : float
        Share of periods in which the loss stays within `value_at_risk`.
    method : str
        The model by name: ``"historical"``.
    value_at_risk : float
        The loss that is exceeded in at most 1 - `confidence` of the periods.
    expected_shortfall : float
        The mean of the worst 1 - `confidence` of the losses; never below `value_at_risk`.
    tail : float or None
        How many of the observations (or draws) make up that share; may have a fraction, which
        the expected shortfall gives to the mildest of them. None for a closed form.
    n_observations : int
        How many periods were read.
    rule : str
        How the figures were made, in words.
    symbols, times : Index
        What was held, and the periods that were read.
    held : array, shape (symbol,)
        How much of each symbol; see `weights`.
    var_slopes, es_slopes : array, shape (symbol,)
        How each figure grows with one more unit of a symbol's weight; see
        `marginal_value_at_risk` and `marginal_expected_shortfall`.
    portfolio : array, shape (time,)
        What the portfolio returned; see `returns`.
    notices : tuple of str
        What a reader must know of these figures: a model that did not apply, what was left out.
    standard_error : float or None
        That of `expected_shortfall` by the draws of a simulation alone; None for other models.
    uncovered_share : float
        The share of the gross weights that was left out for want of a history, a fraction.
    provenance : Provenance
        Where the returns came from.

    References
    ----------
    .. [1] Tasche, D. (1999). Risk contributions and performance measurement. TU Muenchen.
    """

    confidence: float
    method: str
    value_at_risk: float
    expected_shortfall: float
    tail: float | None
    n_observations: int
    rule: str = field(repr=False)
    symbols: pd.Index[Any] = field(repr=False)
    times: pd.Index[Any] = field(repr=False)
    held: FloatArray = field(repr=False)
    var_slopes: FloatArray = field(repr=False)
    es_slopes: FloatArray = field(repr=False)
    portfolio: FloatArray = field(repr=False)
    notices: tuple[str, ...] = field(default=(), repr=False)
    standard_error: float | None = field(default=None, repr=False)
    uncovered_share: float = field(default=0.0, repr=False)
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    @property
    def returns(self) -> ReturnSeries:
        """The portfolio's returns that were read."""
        import pandas as pd

        return pd.Series(self.portfolio, index=self.times, name="return")

    @property
    def weights(self) -> pd.Series[float]:
        """What was held of each symbol."""
        return self._by_symbol(self.held, "weight")

    @property
    def marginal_value_at_risk(self) -> pd.Series[float]:
        """How `value_at_risk` grows with one more unit of each symbol's weight: its derivative."""
        return self._by_symbol(self.var_slopes, "marginal value at risk")

    @property
    def marginal_expected_shortfall(self) -> pd.Series[float]:
        """How `expected_shortfall` grows with one more unit of each symbol's weight."""
        return self._by_symbol(self.es_slopes, "marginal expected shortfall")

    @property
    def contributions(self) -> pd.Series[float]:
        """Each symbol's part of `expected_shortfall`: weight times marginal; they sum to it [1]_.

        Negative where a position softens the bad periods.
        """
        return self._by_symbol(self.held * self.es_slopes, "expected_shortfall")

    @property
    def value_at_risk_contributions(self) -> pd.Series[float]:
        """Each symbol's part of `value_at_risk`: weight times marginal; they sum to it [1]_."""
        return self._by_symbol(self.held * self.var_slopes, "value_at_risk")

    def _by_symbol(self, values: FloatArray, name: str) -> pd.Series[float]:
        import pandas as pd

        return pd.Series(values, index=self.symbols, name=name)

    def tear_sheet(self) -> TearSheet:
        """Return the figures, the loss histogram and who contributes to the tail."""
        share = format(self.confidence * 100, "g") + "%"
        form = ".2%" if self.expected_shortfall < 10 else ",.0f"
        begin, end = self.returns.index[0], self.returns.index[-1]
        ranked = self.contributions.sort_values(ascending=False)
        shares = ranked / self.expected_shortfall if self.expected_shortfall else ranked * 0.0
        rows = ranked.rename("expected shortfall").rename_axis("symbol").to_frame()
        rows["share"] = shares
        rows["marginal"] = self.marginal_expected_shortfall
        facts = {
            f"Value at risk {share}": format_value(self.value_at_risk, form),
            f"Expected shortfall {share}": format_value(self.expected_shortfall, form),
            "Worst period": format_value(-float(self.returns.min()), form),
            "Periods": format_value(self.n_observations),
        }
        if self.uncovered_share:
            facts["Left out"] = format_value(self.uncovered_share, ".1%")
        return TearSheet(
            title=f"Risk at {share} confidence",
            subtitle=f"{format_value(begin)} to {format_value(end)} · one period ahead",
            provenance=self.provenance,
            parts=(
                Facts(values=facts),
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
                    formats={"expected shortfall": form, "share": ".1%", "marginal": ".4f"},
                    note=" ".join((*self.notices, self.rule)),
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
