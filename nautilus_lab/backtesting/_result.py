"""What a backtest found, headed by what it assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.analytics import drawdown_series
from nautilus_lab.backtesting._ledger import Ledger
from nautilus_lab.backtesting._panel import Panel
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
    style_figure,
)
from nautilus_lab.exceptions import BadData
from nautilus_lab.provenance import Provenance, mark

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, ReturnSeries
    from nautilus_lab.strategies import Costs

_DENIED = ("DENIED", "REJECTED")

Mode: TypeAlias = Literal["event", "vectorised"]


@dataclass(frozen=True, kw_only=True)
class BacktestStats:
    """A run in a few numbers; `nautilus_lab.analytics` has the rest.

    Attributes
    ----------
    total_return : float
        Growth from the starting cash to the last equity, a fraction.
    volatility : float
        Sample deviation of the returns, per period, a fraction; NaN for fewer than two.
    max_drawdown : float
        The deepest loss from a peak, a negative fraction; 0 when there was none.
    turnover : float
        Traded value over the whole run, in units of mean equity.
    commission : float
        Paid in all, in currency.
    slippage : float
        Paid in all, in currency, by filling away from the price of the data.
    n_orders, n_fills : int
        How many.
    n_denied : int
        Orders that the limits of the run, or its exchange, did not let through.
    """

    total_return: float
    volatility: float
    max_drawdown: float
    turnover: float
    commission: float
    slippage: float
    n_orders: int
    n_fills: int
    n_denied: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult(HasTearSheet):
    """What a strategy would have done, under `assumptions`.

    Attributes
    ----------
    strategy : str
        Its name and parameters.
    mode : {"event", "vectorised"}
        How it was run.
    assumptions : tuple of str
        What must hold for the figures to mean anything; they head every showing of the result.
    costs : Costs
        What trading cost.
    starting_cash : float
        In currency.
    equity : Series, shape (time,)
        Cash and positions at the closes, in currency.
    returns : Series, shape (time - 1,)
        Simple returns of `equity`, fractions, per period.
    positions : DataFrame, shape (time, symbol)
        Units held at the closes.
    orders : DataFrame
        Indexed by order_id; columns time, symbol, side, quantity, filled, price, status and
        reason: why a denied one was.
    fills : DataFrame
        Columns time, symbol, side, quantity, price, commission and order_id.
    stats : BacktestStats
        The run in a few numbers.
    digest : str
        SHA-256 over the fills: equal for runs that traded alike.
    complete : bool
        False when the run was stopped; then everything ends where it was.
    provenance : Provenance
        The marks of the data, and of an incomplete run.
    trial : str
        Under which id the ledger of trials has it; empty when it is in none.
    """

    strategy: str
    mode: Mode
    assumptions: tuple[str, ...]
    costs: Costs
    starting_cash: float
    equity: pd.Series[float] = field(repr=False)
    returns: ReturnSeries = field(repr=False)
    positions: pd.DataFrame = field(repr=False)
    orders: pd.DataFrame = field(repr=False)
    fills: pd.DataFrame = field(repr=False)
    stats: BacktestStats
    digest: str
    complete: bool
    provenance: Provenance = field(repr=False)
    trial: str = ""

    def __repr__(self) -> str:
        ended = "" if self.complete else ", complete=False"
        denied = f", denied={self.stats.n_denied}" if self.stats.n_denied else ""
        return (
            f"BacktestResult({self.strategy}, mode={self.mode!r}, "
            f"total_return={self.stats.total_return:.4f}, "
            f"max_drawdown={self.stats.max_drawdown:.4f}, orders={self.stats.n_orders}"
            f"{denied}{ended})"
        )

    @property
    def caption(self) -> str:
        """What must be said beside every chart of the result; empty when there is nothing."""
        return self.provenance.caption

    def tear_sheet(self) -> TearSheet:
        """Return assumptions, figures, equity and drawdown, and the last fills."""
        begin, end = self.equity.index[0], self.equity.index[-1]
        shown = self.fills.tail(10).drop(columns="order_id")
        return TearSheet(
            title=f"Backtest of {self.strategy}",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)}, {len(self.equity):,} periods. "
                f"{' '.join(self.assumptions)}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(values=self._facts()),
                Chart(
                    title="Equity",
                    figure=self._equity_figure,
                    preview=lambda: line_preview({"equity": self.equity}, ",.0f", log=True),
                ),
                Chart(
                    title="Drawdown",
                    figure=self._drawdown_figure,
                    preview=lambda: line_preview({"drawdown": self._losses()}, ".0%", area=True),
                ),
                Table(
                    title="Last fills",
                    rows=shown.reset_index(drop=True),
                    formats={"price": ",.4f", "commission": ",.2f", "quantity": ",.6g"},
                    wide=True,
                ),
            ),
        )

    def _facts(self) -> dict[str, str]:
        stats = self.stats
        return {
            "Total return": format_value(stats.total_return, ",.1%"),
            "Max drawdown": format_value(stats.max_drawdown, ".1%"),
            "Final equity": format_value(float(self.equity.iloc[-1]), ",.0f"),
            "Orders": format_value(stats.n_orders),
            **({"Denied": format_value(stats.n_denied)} if stats.n_denied else {}),
            "Turnover": format_value(stats.turnover, ",.1f") + " x",
            "Commission": format_value(stats.commission, ",.0f"),
            "Slippage": format_value(stats.slippage, ",.0f"),
        }

    def _losses(self) -> pd.Series[float]:
        return drawdown_series(self.returns)

    def _equity_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure(go.Scatter(x=self.equity.index, y=self.equity, name="equity"))
        # On a logarithmic axis equal distances are equal growth.
        figure.update_yaxes(type="log", title="equity, log scale")
        return style_figure(figure, title="Equity", caption=self.caption, theme=theme)

    def _drawdown_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        losses = self._losses()
        line = {"color": LOSS, "width": 1}
        figure = go.Figure(
            go.Scatter(x=losses.index, y=losses, name="drawdown", fill="tozeroy", line=line)
        )
        figure.update_yaxes(tickformat=".0%", title="loss from the peak")
        return style_figure(figure, title="Drawdown", caption=self.caption, theme=theme)


def result_of(
    ledger: Ledger,
    panel: Panel,
    *,
    strategy: str,
    mode: Mode,
    assumptions: tuple[str, ...],
    costs: Costs,
    cash: float,
) -> BacktestResult:
    """Work out equity, returns and figures from the trades.

    Raises
    ------
    BadData
        When equity was used up: returns have no meaning after that.
    """
    import pandas as pd

    held, worth = ledger.book(panel, cash)
    times = panel.times[: ledger.n_times]
    if not (worth > 0).all():
        when = times[int((~(worth > 0)).argmax())]
        raise BadData(
            "equity must stay positive",
            value=f"{worth.min():,.0f} after {when.date()}",
            remedy="lower the weights: the losses of borrowed money exceed the equity",
        )
    complete = ledger.n_times == len(panel.times)
    made_by = panel.made_by
    if not complete:
        ended = f"STOPPED before the end of its data, after {times[-1].date()}."
        made_by = Provenance(
            source=made_by.source,
            notices=(ended, *made_by.notices),
            simulated=made_by.simulated,
        )
    equity = pd.Series(worth, index=times, name="equity")
    returns = equity.pct_change().iloc[1:].rename("returns")
    return BacktestResult(
        strategy=strategy,
        mode=mode,
        assumptions=assumptions,
        costs=costs,
        starting_cash=cash,
        equity=mark(equity, made_by),
        returns=mark(returns, made_by),
        positions=mark(pd.DataFrame(held, index=times, columns=list(panel.symbols)), made_by),
        orders=ledger.orders,
        fills=ledger.fills,
        stats=_stats(ledger, panel, worth),
        digest=ledger.digest,
        complete=complete,
        provenance=made_by,
    )


def _stats(ledger: Ledger, panel: Panel, worth: FloatArray) -> BacktestStats:
    import numpy as np

    fills = ledger.fills
    rows, columns = panel.places(fills)
    units = fills["quantity"].to_numpy(dtype=float)
    signed = units * np.where(fills["side"] == "BUY", 1.0, -1.0)
    prices = panel.fill_prices[rows, columns]
    away = fills["price"].to_numpy(dtype=float) - prices
    peaks = np.maximum.accumulate(worth)
    steps = worth[1:] / worth[:-1] - 1
    return BacktestStats(
        total_return=float(worth[-1] / worth[0] - 1),
        volatility=float(steps.std(ddof=1)) if len(steps) > 1 else float("nan"),
        max_drawdown=float((worth / peaks - 1).min()),
        turnover=float((units * prices).sum() / worth.mean()),
        commission=float(fills["commission"].sum()),
        slippage=float((signed * away).sum()),
        n_orders=len(ledger.orders),
        n_fills=len(fills),
        n_denied=int(ledger.orders["status"].isin(_DENIED).sum()),
    )
