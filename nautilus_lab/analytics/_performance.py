"""The performance of one series of returns, on one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.analytics._drawdown import (
    Drawdown,
    drawdown_series,
    max_drawdown,
    worst_drawdowns,
)
from nautilus_lab.analytics._market import MarketModel, aligned, market_model
from nautilus_lab.analytics._ratios import calmar_ratio, sharpe_ratio, sortino_ratio
from nautilus_lab.analytics._returns import annual_return, annual_volatility, total_return
from nautilus_lab.display import (
    LOSS,
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
from nautilus_lab.frames import require_series
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import ReturnSeries

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True, eq=False)
class Performance(HasTearSheet):
    """How a series of returns did.

    Attributes
    ----------
    n_observations : int
        How many periods.
    periods_per_year : float
        What annual figures were scaled with.
    risk_free : float
        The yearly rate, a fraction, that Sharpe, Sortino and alpha are measured against.
    total_return : float
        Growth over the whole series, compounded, a fraction.
    annual_return : float
        The yearly growth rate, compounded, a fraction.
    annual_volatility : float
        Sample deviation (divisor n - 1) times the root of `periods_per_year`, a fraction.
    sharpe_ratio, sortino_ratio, calmar_ratio : float
        As the functions of these names define them; NaN where they have no value.
    max_drawdown : Drawdown
        The deepest loss from a peak and its dates.
    best, worst : float
        The best and the worst return of one period, fractions.
    positive_share : float
        The share of periods with a return above zero.
    market : MarketModel or None
        Alpha and beta; None without a benchmark.
    returns : Series, shape (time,)
        What was measured.
    benchmark : Series or None
        The benchmark's returns at the same times.
    provenance : Provenance
        Where the returns and the benchmark came from.
    """

    n_observations: int
    periods_per_year: float
    risk_free: float
    total_return: float
    annual_return: float
    annual_volatility: float
    sharpe_ratio: float
    sortino_ratio: float
    calmar_ratio: float
    max_drawdown: Drawdown
    best: float
    worst: float
    positive_share: float
    market: MarketModel | None = None
    returns: ReturnSeries = field(repr=False)
    benchmark: ReturnSeries | None = field(default=None, repr=False)
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    def __repr__(self) -> str:
        return (
            f"Performance(annual_return={self.annual_return:.4f}, "
            f"annual_volatility={self.annual_volatility:.4f}, "
            f"sharpe_ratio={self.sharpe_ratio:.3f}, max_drawdown={self.max_drawdown.depth:.4f}, "
            f"n_observations={self.n_observations})"
        )

    @property
    def growth(self) -> pd.DataFrame:
        """The value of one unit over time: column ``portfolio``, and ``benchmark`` if any."""
        import pandas as pd

        columns = {"portfolio": (1 + self.returns).cumprod()}
        if self.benchmark is not None:
            columns["benchmark"] = (1 + self.benchmark).cumprod()
        return pd.DataFrame(columns)

    @property
    def monthly_returns(self) -> pd.DataFrame:
        """Compounded returns, shape (year, month and ``Year``); NaN for months outside."""
        import pandas as pd

        growth = 1 + self.returns
        times = pd.DatetimeIndex(growth.index)
        by_month = growth.groupby([times.year, times.month]).prod() - 1
        table = by_month.unstack().reindex(columns=range(1, 13))
        table.columns = pd.Index(_MONTHS)
        table["Year"] = growth.groupby(times.year).prod() - 1
        return table.rename_axis("year")

    def tear_sheet(self) -> TearSheet:
        """Return the figures, growth and drawdown, the worst spells and the months."""
        begin, end = self.returns.index[0], self.returns.index[-1]
        return TearSheet(
            title="Performance",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {self.n_observations:,} periods, "
                f"{self.periods_per_year:g} a year · risk-free {self.risk_free:.2%} a year"
            ),
            provenance=self.provenance,
            parts=(
                Facts(values=self._facts()),
                Chart(
                    title="Growth of one unit",
                    figure=self._growth_figure,
                    preview=lambda: line_preview(self._lines(), ".2f", log=True),
                ),
                Chart(
                    title="Drawdown",
                    figure=self._drawdown_figure,
                    preview=lambda: line_preview(
                        {"drawdown": drawdown_series(self.returns)}, ".0%", area=True
                    ),
                ),
                Table(
                    title="Deepest drawdowns",
                    rows=self._spells(),
                    formats={"depth": ".1%"},
                    wide=True,
                    note="A peak without a date is the start; a dash under recovery: not yet.",
                ),
                Table(
                    title="Monthly returns",
                    rows=self.monthly_returns,
                    wide=True,
                    formats=dict.fromkeys((*_MONTHS, "Year"), ".1%"),
                ),
            ),
        )

    def _lines(self) -> dict[str, pd.Series[float]]:
        return {str(name): line for name, line in self.growth.items()}

    def _facts(self) -> dict[str, str]:
        facts = {
            "Annual return": format_value(self.annual_return, ".1%"),
            "Volatility": format_value(self.annual_volatility, ".1%"),
            "Sharpe ratio": format_value(self.sharpe_ratio, ".2f"),
            "Sortino ratio": format_value(self.sortino_ratio, ".2f"),
            "Max drawdown": format_value(self.max_drawdown.depth, ".1%"),
            "Calmar ratio": format_value(self.calmar_ratio, ".2f"),
            "Total return": format_value(self.total_return, ",.0%"),
            "Positive periods": format_value(self.positive_share, ".1%"),
        }
        if self.market is not None:
            facts["Alpha, a year"] = format_value(self.market.alpha, ".1%")
            facts["t of alpha"] = format_value(self.market.alpha_t, ".1f")
            facts["Beta"] = format_value(self.market.beta, ".2f")
            facts["R²"] = format_value(self.market.r_squared, ".2f")
        return facts

    def _spells(self) -> pd.DataFrame:
        import pandas as pd

        names = ("depth", "peak", "trough", "recovery")
        spells = worst_drawdowns(self.returns, count=5)
        return pd.DataFrame(
            [[getattr(spell, name) for name in names] for spell in spells], columns=list(names)
        )

    def _growth_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure([line_trace(line, name) for name, line in self._lines().items()])
        # On a logarithmic axis equal distances are equal growth.
        figure.update_yaxes(type="log", title="value of one unit, log scale")
        return style_figure(
            figure, title="Growth of one unit", caption=self.provenance.caption, theme=theme
        )

    def _drawdown_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure(line_trace(drawdown_series(self.returns), "drawdown"))
        figure.update_traces(fill="tozeroy", line={"color": LOSS, "width": 1})
        figure.update_yaxes(tickformat=".0%", title="loss from the peak")
        return style_figure(figure, title="Drawdown", caption=self.provenance.caption, theme=theme)


def performance(
    returns: ReturnSeries,
    *,
    periods_per_year: float,
    benchmark: ReturnSeries | None = None,
    risk_free: float = 0.0,
) -> Performance:
    """Measure how a series of returns did.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions, per period; at least 2, with a benchmark 3.
    periods_per_year : float
        252 for trading days, 12 for months; never guessed from the index.
    benchmark : Series, optional
        Returns of the same periods; times that `returns` has not are left out.
    risk_free : float, default=0.0
        A yearly rate, a fraction; compounded down to one period.

    Returns
    -------
    Performance

    Raises
    ------
    NotEnoughData
        When there are too few returns.
    BadData
        When a return is NaN, infinite or a loss of everything, times are unsorted, or the
        benchmark lacks some of them.
    InputError
        When `periods_per_year` is not positive, or `risk_free` not above -1.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> performance(pd.Series([0.02, -0.01, 0.02, -0.01], index=days), periods_per_year=252)
    Performance(annual_return=2.4171, annual_volatility=0.2750, sharpe_ratio=4.583, \
max_drawdown=-0.0100, n_observations=4)
    """
    series = require_series(returns, at_least=2)
    market, level = None, None
    marks = provenance(returns)
    if benchmark is not None:
        marks = provenance(returns, benchmark)
        level = aligned(benchmark, series)
        market = market_model(series, level, periods_per_year=periods_per_year, risk_free=risk_free)
    return Performance(
        n_observations=len(series),
        periods_per_year=periods_per_year,
        risk_free=risk_free,
        total_return=total_return(series),
        annual_return=annual_return(series, periods_per_year=periods_per_year),
        annual_volatility=annual_volatility(series, periods_per_year=periods_per_year),
        sharpe_ratio=sharpe_ratio(series, periods_per_year=periods_per_year, risk_free=risk_free),
        sortino_ratio=sortino_ratio(series, periods_per_year=periods_per_year, risk_free=risk_free),
        calmar_ratio=calmar_ratio(series, periods_per_year=periods_per_year),
        max_drawdown=max_drawdown(series),
        best=float(series.max()),
        worst=float(series.min()),
        positive_share=float((series > 0).mean()),
        market=market,
        returns=series,
        benchmark=level,
        provenance=marks,
    )
