"""What a factor foretold: the answer of an evaluation."""

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
    bar_preview,
    format_value,
    line_preview,
    line_trace,
    style_figure,
)
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorStudy(HasTearSheet):
    """How well scores foretold returns.

    Attributes
    ----------
    ic : DataFrame, shape (time, horizon)
        Information coefficient: Spearman's rank correlation, over the symbols of a date, of the
        scores and the returns that followed. NaN where a horizon's future is not known.
    pearson_ic : DataFrame, shape (time, horizon)
        The same with Pearson's correlation of the values themselves.
    ic_summary : DataFrame, shape (horizon, 6)
        ``mean`` and ``std`` (divisor n - 1) of `ic`; ``icir``, their ratio, per date and not
        scaled to a year; ``t``, the mean's t statistic by Newey and West with ``horizon - 1``
        lags, for returns that overlap; ``positive_share``; ``n_dates``.
    quantile_returns : DataFrame, shape (quantile, horizon)
        Mean return of the names in each quantile, equally weighted, then over dates; fractions of
        the whole holding period. Quantile 1 has the lowest scores.
    spread : DataFrame, shape (time, horizon)
        Return of the top quantile less that of the bottom one, fractions per holding period.
    turnover : DataFrame, shape (time, quantile)
        Share of the names of a quantile that were not in it one date before.
    dropped : DataFrame, shape (reason, horizon)
        How many of the scores handed in were not used, and why; with ``used`` last, the rows sum
        to all of them.
    n_names : int
        Median number of names scored a date.
    delay : int
        Bars between signal and trade: 1 trades at the next close.
    provenance : Provenance
        Where scores and prices came from, and what weakens the study.
    trials : tuple of str
        Under which ids the ledger has it, one for each horizon; empty when it is in none.
    """

    ic: pd.DataFrame
    pearson_ic: pd.DataFrame
    ic_summary: pd.DataFrame
    quantile_returns: pd.DataFrame
    spread: pd.DataFrame
    turnover: pd.DataFrame
    dropped: pd.DataFrame
    n_names: int
    delay: int
    provenance: Provenance = field(default_factory=Provenance)
    trials: tuple[str, ...] = ()

    def __repr__(self) -> str:
        means = ", ".join(f"{bar}: {mean:.4f}" for bar, mean in self.ic_summary["mean"].items())
        return f"FactorStudy(ic={{{means}}}, {len(self.ic)} dates, {self.n_names} names)"

    @property
    def horizons(self) -> tuple[int, ...]:
        """The holding periods, in bars."""
        return tuple(int(bar) for bar in self.ic.columns)

    def tear_sheet(self) -> TearSheet:
        """Return the study as a tear sheet."""
        begin, end = self.ic.index[0], self.ic.index[-1]
        shortest = self.horizons[0]
        return TearSheet(
            title="Factor study",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(self.ic):,} dates, "
                f"{self.n_names} names · {self._trades}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(values=self._facts()),
                Chart(
                    title="Information coefficient",
                    figure=self._ic_figure,
                    preview=lambda: line_preview(self._smooth_ic(), ".2f"),
                ),
                Chart(
                    title="Return by quantile",
                    figure=self._quantile_figure,
                    preview=lambda: bar_preview(
                        {
                            f"Q{quantile}": float(value)
                            for quantile, value in self.quantile_returns[shortest].items()
                        },
                        ".3%",
                    ),
                ),
                Chart(
                    title="Top less bottom quantile",
                    figure=self._spread_figure,
                    preview=lambda: line_preview({"spread": self._cumulative_spread()}, ".0%"),
                ),
                Table(
                    title="Information coefficient by horizon",
                    rows=self.ic_summary.rename(columns={"n_dates": "dates"}).rename(
                        columns=lambda name: str(name).replace("_", " ")
                    ),
                    formats={
                        "mean": ".4f",
                        "std": ".3f",
                        "icir": ".3f",
                        "t": ".2f",
                        "positive share": ".1%",
                    },
                    note=(
                        "t by Newey and West with horizon - 1 lags. The chart shows means of "
                        f"{self._smoothing} dates."
                    ),
                ),
                Table(
                    title="Mean return by quantile and horizon",
                    rows=self._quantile_rows(),
                    formats={_bars(bar): ".3%" for bar in self.horizons} | {"turnover": ".1%"},
                    note="Of the whole holding period, equally weighted; turnover per date.",
                ),
                Table(
                    title="What became of the scores",
                    rows=self.dropped.rename(columns=_bars),
                    wide=True,
                ),
            ),
        )

    @property
    def _trades(self) -> str:
        if self.delay == 0:
            return "trades at the close of the signal"
        return "trades at the next close" if self.delay == 1 else f"trades {self.delay} bars later"

    @property
    def _smoothing(self) -> int:
        return max(1, min(252, len(self.ic) // 8))

    def _facts(self) -> dict[str, str]:
        facts = {}
        for bar, row in self.ic_summary.iterrows():
            facts[f"IC, {_bars(bar)}"] = format_value(float(row["mean"]), ".4f")
            facts[f"t, {_bars(bar)}"] = format_value(float(row["t"]), ".2f")
        top = self.turnover.columns[-1]
        facts["Turnover of the top"] = format_value(float(self.turnover[top].mean()), ".1%")
        return facts

    def _quantile_rows(self) -> pd.DataFrame:
        rows = self.quantile_returns.rename(columns=_bars)
        return rows.assign(turnover=self.turnover.mean())

    def _smooth_ic(self) -> dict[str, pd.Series[float]]:
        smooth = self.ic.rolling(self._smoothing).mean()
        return {_bars(bar): smooth[bar] for bar in self.horizons}

    def _cumulative_spread(self) -> pd.Series[float]:
        """Return the sum of the spread over holding periods that do not overlap."""
        shortest = self.horizons[0]
        return self.spread[shortest].dropna().iloc[::shortest].cumsum()

    def _ic_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure([line_trace(line, name) for name, line in self._smooth_ic().items()])
        figure.add_hline(y=0, line={"width": 1})
        figure.update_yaxes(title="IC, rolling mean", tickformat=".2f")
        return self._styled(figure, "Information coefficient", theme)

    def _quantile_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        names = [f"Q{quantile}" for quantile in self.quantile_returns.index]
        figure = go.Figure(
            [
                go.Bar(x=names, y=self.quantile_returns[bar], name=_bars(bar))
                for bar in self.horizons
            ]
        )
        figure.update_yaxes(title="mean return of the holding period", tickformat=".2%")
        figure.update_layout(barmode="group")
        return self._styled(figure, "Return by quantile", theme)

    def _spread_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure(line_trace(self._cumulative_spread(), "spread"))
        figure.update_yaxes(title="sum of spreads", tickformat=".0%")
        title = f"Top less bottom quantile, {_bars(self.horizons[0])}, before costs"
        return self._styled(figure, title, theme)

    def _styled(self, figure: go.Figure, title: str, theme: Theme) -> go.Figure:
        return style_figure(figure, title=title, caption=self.provenance.caption, theme=theme)


def _bars(count: object) -> str:
    return f"{count} bar" if count == 1 else f"{count} bars"
