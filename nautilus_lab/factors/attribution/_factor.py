"""Returns by factor: the answer of both ways to attribute them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nautilus_lab.analytics import total_return
from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    bar_preview,
    format_value,
    line_preview,
    line_trace,
    style_figure,
)
from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.attribution._linking import Linking, linked
from nautilus_lab.factors.risk_models._aligned import labels_of
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import ReturnSeries

_MOST_BARS, _MOST_LINES = 7, 6


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorAttribution(HasTearSheet):
    """A portfolio's returns as the sum of what factors brought and of the rest.

    Attributes
    ----------
    basis : {"returns", "holdings"}
        Whether exposures were regressed or come from what was held.
    effects : DataFrame, shape (time, source)
        Fractions of one period; each row sums to the return, with a benchmark to the difference.
    exposures : DataFrame, shape (time, factor)
        What was held of each factor while the row's return was earned.
    portfolio : Series, shape (time,)
        Its returns.
    benchmark : Series or None
        The benchmark's, at the same times.
    by_symbol : DataFrame or None, shape (time, symbol)
        Weight (less the benchmark's) times return; None for a regression.
    missing : DataFrame, shape (symbol, 2)
        Names held while the model did not know them: ``periods``, and their ``return``, which is
        the effect ``"no exposures"``.
    method : {"carino", "menchero"}
        How effects are linked over time.
    provenance : Provenance
        Where the data came from.
    """

    basis: Literal["returns", "holdings"]
    effects: pd.DataFrame
    exposures: pd.DataFrame
    portfolio: ReturnSeries
    benchmark: ReturnSeries | None = None
    by_symbol: pd.DataFrame | None = None
    missing: pd.DataFrame
    method: Linking = "carino"
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        top = self.linked.reindex(self.linked.abs().sort_values(ascending=False).index)
        told = ", ".join(f"{name}={value:.4f}" for name, value in top.head(3).items())
        return f"FactorAttribution(total={self.total:.4f}: {told}, {len(self.effects)} periods)"

    @property
    def total(self) -> float:
        """The compounded return, less the benchmark's where there is one."""
        total = total_return(self.portfolio)
        return total if self.benchmark is None else total - total_return(self.benchmark)

    @property
    def linked(self) -> pd.Series[float]:
        """Each source's part of `total`; they sum to it."""
        found = linked(self.effects, self.portfolio, self.benchmark, method=self.method)
        return found.sum().rename("return")

    @property
    def risk(self) -> pd.Series[float]:
        """Each source's part of the deviation of one period's return; they sum to it.

        The covariance of the effect with the return, over the return's deviation.
        """
        import numpy as np
        import pandas as pd

        returns = self.effects.sum(axis=1)
        off = np.asarray(self.effects - self.effects.mean())
        around = np.asarray(returns - returns.mean())
        deviation = float(returns.std())
        parts = around @ off / (len(around) - 1) / deviation if deviation else 0.0 * off[0]
        return pd.Series(parts, self.effects.columns, name="risk")

    def by(self, groups: pd.Series[str] | Mapping[str, str]) -> pd.Series[float]:
        """Return the linked parts of groups of symbols (asset classes, sectors, currencies).

        Parameters
        ----------
        groups : Series or mapping, symbol -> group
            Of every symbol that was held.

        Returns
        -------
        Series, shape (group,)
            They sum to `total`.

        Raises
        ------
        InputError
            When a symbol has no group, or what was held is not known.
        """
        if self.by_symbol is None:
            raise InputError(
                "groups of symbols need what was held",
                value="an attribution by regression",
                remedy="use attribute_holdings",
            )
        labels = labels_of(groups, self.by_symbol.columns, "groups")
        effects = self.by_symbol.T.groupby(labels.to_numpy()).sum().T
        found = linked(effects, self.portfolio, self.benchmark, method=self.method)
        return found.sum().rename("return").rename_axis("group")

    def tear_sheet(self) -> TearSheet:
        """Return what each source brought, over time and in all."""
        import pandas as pd

        parts = self.linked
        order = parts.abs().sort_values(ascending=False).index
        rows = pd.DataFrame({"return": parts, "risk": self.risk}).reindex(order)
        rows["mean exposure"] = self.exposures.mean().reindex(order)
        ranked = parts.reindex(order).head(_MOST_BARS)
        begin, end = self.effects.index[0], self.effects.index[-1]
        against = "" if self.benchmark is None else " · less the benchmark"
        tables: list[Table] = []
        if len(self.missing):
            tables.append(
                Table(
                    title="Held without exposures",
                    rows=self.missing,
                    formats={"return": ".3%"},
                    note="Sum of weight times return of the periods.",
                )
            )
        return TearSheet(
            title="Factor attribution",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(self.effects):,} periods · "
                f"by {self.basis}{against} · linked after {self.method.title()}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Active return" if self.benchmark is not None else "Total return": (
                            format_value(self.total, ".2%")
                        ),
                        "From factors": format_value(
                            float(parts.reindex(self.exposures.columns).sum()), ".2%"
                        ),
                        "Rest": format_value(
                            float(parts.drop(self.exposures.columns, errors="ignore").sum()), ".2%"
                        ),
                    }
                ),
                Chart(
                    title="Return by source",
                    figure=self._bar_figure,
                    preview=lambda: bar_preview(
                        {str(name): float(value) for name, value in ranked.items()}, ".1%"
                    ),
                ),
                Chart(
                    title="Over time",
                    figure=self._line_figure,
                    preview=lambda: line_preview(self._lines(_MOST_LINES), ".1%"),
                ),
                Table(
                    title="By source",
                    rows=rows.rename_axis("source"),
                    formats={"return": ".3%", "risk": ".3%", "mean exposure": ".3f"},
                    note="Returns sum to the total, risks to the deviation of one period.",
                ),
                *tables,
            ),
        )

    def _lines(self, most: int) -> dict[str, pd.Series[float]]:
        found = linked(self.effects, self.portfolio, self.benchmark, method=self.method).cumsum()
        order = found.abs().max().sort_values(ascending=False).index[:most]
        return {str(name): found[name] for name in found.columns if name in order}

    def _bar_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        ranked = self.linked.sort_values(ascending=False)
        figure = go.Figure(go.Bar(x=[str(name) for name in ranked.index], y=ranked.to_numpy()))
        figure.update_yaxes(tickformat=".1%", title="part of the compounded return")
        return style_figure(
            figure, title="Return by source", caption=self.provenance.caption, theme=theme
        )

    def _line_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        lines = self._lines(self.effects.shape[1])
        figure = go.Figure([line_trace(line, name) for name, line in lines.items()])
        figure.update_yaxes(tickformat=".1%", title="linked effects, summed")
        return style_figure(
            figure, title="Return by source over time", caption=self.provenance.caption, theme=theme
        )
