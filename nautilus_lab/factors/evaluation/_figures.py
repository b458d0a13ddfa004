"""The charts of a factor study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nautilus_lab.display import GAIN, LOSS, PALETTE, Theme, line_trace, style_figure
from nautilus_lab.factors.evaluation._summary import decay_ladder, has_book

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab.factors._study import FactorStudy
    from nautilus_lab.factors.evaluation._portfolio import FactorPortfolio

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def bars(count: object) -> str:
    """Return a horizon as a reader says it."""
    return f"{count} bar" if count == 1 else f"{count} bars"


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyFigures:
    """Draws a study; what several charts need is computed once.

    Parameters
    ----------
    study : FactorStudy
    """

    study: FactorStudy

    @property
    def first(self) -> int:
        """The shortest horizon, of which the charts of one horizon are."""
        return min(self.study.horizons)

    @property
    def smoothing(self) -> int:
        """Dates of the moving means: an eighth of all, a year at most."""
        return max(1, min(252, len(self.study.ic) // 8))

    @cached_property
    def book(self) -> FactorPortfolio | None:
        """The long-short book by score, if returns of one bar are there."""
        return self.study.portfolio() if has_book(self.study) else None

    @cached_property
    def decay(self) -> pd.DataFrame:
        """IC by horizon."""
        return self.study.decay(decay_ladder(self.study))

    @cached_property
    def months(self) -> pd.DataFrame:
        """Mean IC of the shortest horizon, shape (year, 12)."""
        table = self.study.ic_by_period("month")[self.first].unstack()
        return table.reindex(columns=range(1, 13))

    def smooth_ic(self) -> dict[str, pd.Series[float]]:
        """Return the moving mean of the IC by horizon."""
        smooth = self.study.ic.rolling(self.smoothing, min_periods=max(1, self.smoothing // 2))
        return {bars(bar): line for bar, line in smooth.mean().items()}

    def growth(self) -> dict[str, pd.Series[float]]:
        """Return the growth of one unit in each quantile, less that of all scored names."""
        if self.book is None:
            return {}
        over = (1 + self.book.universe.fillna(0.0)).cumprod()
        lines = (1 + self.book.quantile_returns.fillna(0.0)).cumprod()
        return {f"Q{quantile}": line / over for quantile, line in lines.items()}

    def book_growth(self) -> dict[str, pd.Series[float]]:
        """Return the growth of one unit in the long-short book, before costs and after."""
        if self.book is None:
            return {}
        dear = self.book.gross_returns - self.book.turnover * 5 / 1e4
        return {
            "before costs": (1 + self.book.gross_returns).cumprod(),
            "at 5 bps a trade": (1 + dear).cumprod(),
        }

    def turnover(self) -> dict[str, pd.Series[float]]:
        """Return the moving mean of the share of newcomers at both ends."""
        smooth = self.study.turnover.rolling(self.smoothing, min_periods=1).mean()
        return {f"Q{q}": smooth[q] for q in (smooth.columns[0], smooth.columns[-1])}

    def ic_figure(self, theme: Theme) -> go.Figure:
        """IC of each date, and its moving means."""
        import plotly.graph_objects as go

        # Single dates of a narrow universe reach from -1 to 1 and would flatten all else.
        months = self.months.stack().dropna()
        middles = [f"{year}-{month:02d}-15" for year, month in months.index]
        figure = go.Figure(
            go.Bar(
                x=middles,
                y=months.round(4),
                name=f"{bars(self.first)}, by month",
                marker={"color": PALETTE[-1], "line": {"width": 0}},
                opacity=0.55,
            )
        )
        for place, (name, line) in enumerate(self.smooth_ic().items()):
            trace = line_trace(line, f"{name}, mean of {self.smoothing}")
            trace.update(line={"width": 2, "color": PALETTE[place % len(PALETTE)]})
            figure.add_trace(trace)
        figure.update_yaxes(title="rank correlation", tickformat=".2f")
        return self._styled(figure, "Information coefficient", theme)

    def histogram_figure(self, theme: Theme) -> go.Figure:
        """How often the IC takes which value, beside a normal law of its mean and deviation."""
        import numpy as np
        import plotly.graph_objects as go
        from scipy.stats import norm

        values = self.study.ic[self.first].dropna().to_numpy(dtype=float)
        mean, deviation = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0
        figure = go.Figure(
            go.Histogram(x=values.astype(np.float32), histnorm="probability density", name="dates")
        )
        if deviation > 0:
            x = np.linspace(values.min(), values.max(), 120)
            figure.add_scatter(
                x=x, y=norm.pdf(x, mean, deviation), name="normal", line={"color": PALETTE[2]}
            )
        figure.add_vline(x=mean, line={"color": PALETTE[1], "width": 2})
        figure.update_xaxes(tickformat=".2f")
        figure.update_yaxes(title="density")
        said = f"{bars(self.first)}: mean {mean:.4f}, deviation {deviation:.3f}"
        return self._styled(figure, f"Distribution of the IC, {said}", theme)

    def quantile_quantile_figure(self, theme: Theme) -> go.Figure:
        """Ordered ICs against those of a normal law."""
        import numpy as np
        import plotly.graph_objects as go
        from scipy.stats import norm

        values = np.sort(self.study.ic[self.first].dropna().to_numpy(dtype=float))
        deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        theory = norm.ppf((np.arange(len(values)) + 0.5) / max(len(values), 1))
        seen = (values - values.mean()) / deviation if deviation else np.full(len(values), math.nan)
        kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), 600)).astype(int))
        figure = go.Figure(
            go.Scatter(
                x=theory[kept].astype(np.float32),
                y=seen[kept].astype(np.float32),
                mode="markers",
                marker={"size": 4},
                name="dates",
            )
        )
        ends = [float(theory[0]), float(theory[-1])]
        figure.add_scatter(x=ends, y=ends, name="normal", mode="lines", line={"color": PALETTE[2]})
        figure.update_yaxes(title="IC in deviations, by normal quantile")
        figure.update_layout(hovermode="closest")
        return self._styled(figure, "IC against a normal law", theme)

    def quantile_figure(self, theme: Theme) -> go.Figure:
        """Mean return by quantile with two standard errors, in basis points a bar."""
        import plotly.graph_objects as go

        table = self.study.quantile_summary()
        figure = go.Figure()
        for bar in self.study.horizons:
            part = table.loc[bar] * 1e4 / bar
            figure.add_bar(
                x=[f"Q{quantile}" for quantile in part.index],
                y=part["mean"],
                error_y={"array": 2 * part["error"], "thickness": 1, "width": 3},
                name=bars(bar),
            )
        figure.update_yaxes(title="mean return a bar, bps")
        figure.update_layout(barmode="group")
        return self._styled(figure, "Return by quantile, with 2 standard errors", theme)

    def spread_figure(self, theme: Theme) -> go.Figure:
        """Draw the moving mean of the top quantile less the bottom one, with its errors."""
        import plotly.graph_objects as go

        line = self.study.spread[self.first] * 1e4 / self.first
        window = line.rolling(self.smoothing, min_periods=max(1, self.smoothing // 2))
        # Holding periods overlap: as many of a window are independent as fit into it.
        error = window.std() / (window.count() / self.first).clip(lower=1) ** 0.5
        middle = window.mean()
        figure = go.Figure(line_trace(middle, f"mean of {self.smoothing}"))
        for name, edge in (
            ("2 standard errors", middle + 2 * error),
            ("below", middle - 2 * error),
        ):
            trace = line_trace(edge, name)
            trace.update(line={"width": 0}, showlegend=False, hoverinfo="skip")
            figure.add_trace(trace)
        figure.data[-1].update(fill="tonexty", fillcolor="rgba(66,105,208,0.18)")
        figure.update_yaxes(title="return a bar, bps")
        title = f"Top less bottom quantile, {bars(self.first)}, with 2 standard errors"
        return self._styled(figure, title, theme)

    def growth_figure(self, theme: Theme) -> go.Figure:
        """Growth of each quantile against all scored names."""
        import plotly.graph_objects as go

        lines = self.growth()
        figure = go.Figure()
        for place, (name, line) in enumerate(lines.items()):
            trace = line_trace(line, name)
            trace.update(line={"color": _shade(place, len(lines)), "width": 1.8})
            figure.add_trace(trace)
        figure.update_yaxes(
            type="log", tickformat=".3~g", title="value against all names, log scale"
        )
        return self._styled(figure, "Growth by quantile, against all scored names", theme)

    def book_figure(self, theme: Theme) -> go.Figure:
        """Growth of the long-short book."""
        import plotly.graph_objects as go

        figure = go.Figure([line_trace(line, name) for name, line in self.book_growth().items()])
        figure.update_yaxes(type="log", tickformat=".3~g", title="value of one unit, log scale")
        return self._styled(figure, "Long-short book, weighted by score", theme)

    def decay_figure(self, theme: Theme) -> go.Figure:
        """IC by holding period, and of its last bar."""
        import plotly.graph_objects as go

        places = [str(bar) for bar in self.decay.index]
        figure = go.Figure(
            go.Bar(x=places, y=self.decay["ic"], name="whole holding period", opacity=0.85)
        )
        if self.decay["bar_ic"].notna().sum() > 1:
            figure.add_scatter(
                x=places,
                y=self.decay["bar_ic"],
                name="its last bar alone",
                mode="lines+markers",
                line={"color": PALETTE[2]},
            )
        figure.update_xaxes(type="category")
        figure.update_yaxes(title="mean IC", tickformat=".3f")
        return self._styled(figure, "IC by bars held", theme)

    def turnover_figure(self, theme: Theme) -> go.Figure:
        """Draw moving means of turnover at both ends, and of the rank autocorrelation."""
        import plotly.graph_objects as go

        figure = go.Figure(
            [line_trace(line, f"newcomers in {name}") for name, line in self.turnover().items()]
        )
        ranks = self.study.rank_autocorrelation().rolling(self.smoothing, min_periods=1).mean()
        figure.add_trace(line_trace(ranks, "rank autocorrelation"))
        figure.update_yaxes(tickformat=".0%", title=f"mean of {self.smoothing} dates")
        return self._styled(figure, "Turnover", theme)

    def month_figure(self, theme: Theme) -> go.Figure:
        """Mean IC of each month."""
        import plotly.graph_objects as go

        table = self.months
        most = float(table.abs().max().max())
        text = [["" if math.isnan(v) else f"{v:.2f}" for v in row] for row in table.to_numpy()]
        middle = "#ffffff" if theme == "light" else "#12161e"
        figure = go.Figure(
            go.Heatmap(
                x=list(_MONTHS),
                y=[str(year) for year in table.index],
                z=table.to_numpy().round(4),
                text=text,
                texttemplate="%{text}" if len(table) <= 14 else None,
                zmin=-most,
                zmax=most,
                colorscale=[[0.0, LOSS], [0.5, middle], [1.0, PALETTE[0]]],
                colorbar={"thickness": 10, "tickformat": ".2f"},
                xgap=1,
                ygap=1 if len(table) <= 20 else 0,
                hoverongaps=False,
            )
        )
        figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
        figure.update_layout(hovermode="closest")
        return self._styled(figure, f"Mean IC by month, {bars(self.first)}", theme)

    def group_figure(self, theme: Theme) -> go.Figure:
        """Mean IC within each group."""
        import plotly.graph_objects as go

        table = self.study.ic_by_group()
        figure = go.Figure()
        for bar in self.study.horizons:
            part = table.xs(bar, level="horizon")["mean"]
            figure.add_bar(x=[str(name) for name in part.index], y=part, name=bars(bar))
        figure.update_yaxes(title="mean IC", tickformat=".3f")
        figure.update_layout(barmode="group")
        return self._styled(figure, "IC within each group", theme)

    def names_figure(self, theme: Theme) -> go.Figure:
        """How many names were scored and used."""
        import plotly.graph_objects as go

        names = self.study.names
        lines = [line_trace(names["scored"].astype(float), "scored")]
        lines.append(line_trace(names[self.first].astype(float), f"used, {bars(self.first)}"))
        figure = go.Figure(lines)
        figure.update_yaxes(title="names", rangemode="tozero")
        return self._styled(figure, "Names over time", theme)

    def _styled(self, figure: go.Figure, title: str, theme: Theme) -> go.Figure:
        caption = self.study.provenance.caption
        return style_figure(figure, title=title, caption=caption, theme=theme)


def _shade(place: int, count: int) -> str:
    """Return a colour from loss over grey to gain."""
    if count < 2:
        return PALETTE[0]
    share = place / (count - 1)
    low, middle, high = (_rgb(one) for one in (LOSS, PALETTE[-1], GAIN))
    begin, end, way = (low, middle, 2 * share) if share <= 0.5 else (middle, high, 2 * share - 1)
    mixed = (round(a + (b - a) * way) for a, b in zip(begin, end, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
