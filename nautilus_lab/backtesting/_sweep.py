"""One strategy under many parameters."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.backtesting._panel import Panel, panel_of
from nautilus_lab.backtesting._vectorised import trade_targets
from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    format_value,
    style_figure,
)
from nautilus_lab.exceptions import InputError, MissingExtra, NotEnoughData
from nautilus_lab.provenance import Provenance
from nautilus_lab.strategies import moving_average_cross

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import Bars, FloatArray, Prices
    from nautilus_lab.strategies import Costs, SignalStrategy
    from nautilus_lab.trials import Study

SweepMethod: TypeAlias = Literal["auto", "numpy", "vectorbt"]
Parameters: TypeAlias = Mapping[str, Any]

FIGURES = ("total_return", "volatility", "sharpe", "max_drawdown", "turnover")

# Fewer combinations are done before vectorbt is imported and compiled; once it is, few are enough.
_WORTH_VECTORBT, _WORTH_WARM = 5_000, 100
_CHUNK = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult(HasTearSheet):
    """How a strategy did under each combination of parameters.

    Attributes
    ----------
    strategy : SignalStrategy
        As it was given.
    table : DataFrame
        One row per combination, in the order of the grid: a column per parameter, then
        total_return, volatility and sharpe (both per period, not annual), max_drawdown,
        turnover (traded value in units of mean equity), and best: true in the row of the highest
        total return.
    best : SignalStrategy
        The strategy with the parameters of that row; chosen with hindsight.
    assumptions : tuple of str
        What must hold for the figures to mean anything.
    n_combinations : int
        How many there were to play; `table` has fewer rows when the sweep was stopped.
    method : {"numpy", "vectorbt"}
        What played them.
    complete : bool
        False when the sweep was stopped.
    provenance : Provenance
        The marks of the data, and of an incomplete sweep.
    """

    strategy: SignalStrategy
    table: pd.DataFrame = field(repr=False)
    best: SignalStrategy
    assumptions: tuple[str, ...] = field(repr=False)
    n_combinations: int
    method: Literal["numpy", "vectorbt"]
    complete: bool
    provenance: Provenance = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"SweepResult({self.strategy.name}, {len(self.table)} of {self.n_combinations} "
            f"combinations, best={self.best})"
        )

    @property
    def swept(self) -> tuple[str, ...]:
        """The parameters that the grid named."""
        return tuple(str(name) for name in self.table.columns if name not in (*FIGURES, "best"))

    def tear_sheet(self) -> TearSheet:
        """Return the best combination, a map of all of them, and the ten at the top."""
        top = self.table.sort_values("total_return", ascending=False, kind="stable").head(10)
        row = self.table[self.table["best"]].iloc[0]
        facts = {name: format_value(row[name]) for name in self.swept}
        facts |= {
            "Total return": format_value(row["total_return"], ",.1%"),
            "Max drawdown": format_value(row["max_drawdown"], ".1%"),
            "Median total return": format_value(self.table["total_return"].median(), ",.1%"),
        }
        return TearSheet(
            title=f"Sweep of {self.strategy.name}",
            subtitle=(
                f"{len(self.table):,} of {self.n_combinations:,} combinations. "
                f"{' '.join(self.assumptions)}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(values=facts),
                Chart(title="Total return by parameters", figure=self._figure),
                Table(
                    title="The ten best",
                    rows=top[[*self.swept, *FIGURES]].reset_index(drop=True),
                    formats={
                        "total_return": ",.1%",
                        "volatility": ".2%",
                        "sharpe": ".3f",
                        "max_drawdown": ".1%",
                        "turnover": ",.1f",
                    },
                    wide=True,
                    note="volatility and sharpe are per period",
                ),
            ),
        )

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        names = self.swept
        if len(names) == 2:
            # Combinations that were left out stay blank.
            level = self.table.pivot_table(index=names[0], columns=names[1], values="total_return")
            figure = go.Figure(
                go.Heatmap(
                    x=level.columns,
                    y=level.index,
                    z=level.to_numpy(),
                    colorbar={"tickformat": ".0%"},
                )
            )
            figure.update_xaxes(title=names[1])
            figure.update_yaxes(title=names[0])
        else:
            labels = [", ".join(map(str, row)) for row in self.table[list(names)].to_numpy()]
            figure = go.Figure(go.Bar(x=labels, y=self.table["total_return"]))
            figure.update_xaxes(title=", ".join(names), type="category")
            figure.update_yaxes(tickformat=".0%")
        return style_figure(
            figure,
            title="Total return by parameters",
            caption=self.provenance.caption,
            theme=theme,
        )


def sweep(
    strategy: SignalStrategy,
    data: Prices | Bars,
    grid: Mapping[str, Sequence[Any]],
    *,
    costs: Costs,
    cash: float,
    where: Callable[[Parameters], bool] | None,
    method: SweepMethod,
    executor: Executor | None,
    study: Study | None = None,
) -> SweepResult:
    """Play every combination of `grid`; see `BacktestingEngine.sweep`."""
    import pandas as pd

    combinations = _combinations(strategy, grid, where)
    panel = panel_of(data)
    keep = study is not None
    if keep and method == "auto" and len(combinations) < _WORTH_VECTORBT:
        method = "numpy"  # which tells how combinations resemble each other
    chosen = _method(method, strategy, panel, len(combinations), executor)
    rows: list[dict[str, Any]] = []
    complete = True
    try:
        if chosen == "vectorbt":
            from nautilus_lab.backtesting._vectorbt import play_crosses

            for figures in play_crosses(strategy, combinations, panel, costs, cash):
                rows.append(figures)
        elif executor is None:
            for combination in combinations:
                rows.append(_play(strategy, combination, data, panel, costs, cash, keep))
        else:
            _play_elsewhere(rows, executor, strategy, combinations, data, costs, cash, keep)
    except KeyboardInterrupt:
        if not rows:
            raise  # there is nothing to keep
        complete = False
    table = pd.DataFrame(rows, columns=[*grid, *FIGURES])
    at = int(table["total_return"].to_numpy().argmax())
    table["best"] = table.index == at
    made_by = panel.made_by
    if not complete:
        stopped = f"STOPPED after {len(rows)} of {len(combinations)} combinations."
        made_by = Provenance(
            source=made_by.source,
            notices=(stopped, *made_by.notices),
            simulated=made_by.simulated,
        )
    found = SweepResult(
        strategy=strategy,
        table=table,
        best=strategy.with_parameters(**combinations[at]),
        assumptions=_assumed(panel, costs, len(rows)),
        n_combinations=len(combinations),
        method=chosen,
        complete=complete,
        provenance=made_by,
    )
    if study is not None:
        from nautilus_lab.backtesting._trials import record_sweep

        equities = [one.get("equity") for one in rows]
        played = combinations[: len(rows)]
        record_sweep(study, found, equities, played, data, panel.times, costs, cash)
    return found


def figures_of(equity: FloatArray, traded_value: float) -> dict[str, float]:
    """Return the columns `FIGURES` of one combination from its equity at each time."""
    import numpy as np

    returns = equity[1:] / equity[:-1] - 1
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else float("nan")
    peaks = np.maximum.accumulate(equity)
    return {
        "total_return": float(equity[-1] / equity[0] - 1),
        "volatility": spread,
        "sharpe": float(returns.mean() / spread) if spread > 0 else float("nan"),
        "max_drawdown": float((equity / peaks - 1).min()),
        "turnover": traded_value / float(equity.mean()),
    }


def _combinations(
    strategy: SignalStrategy,
    grid: Mapping[str, Sequence[Any]],
    where: Callable[[Parameters], bool] | None,
) -> list[dict[str, Any]]:
    if not grid:
        raise InputError(
            "a grid must name at least one parameter",
            value=dict(grid),
            remedy=f"{strategy.name} has {', '.join(strategy.parameters) or 'none'}",
        )
    for name, values in grid.items():
        strategy.with_parameters(**{name: None})
        if isinstance(values, str) or not len(values):
            raise InputError(
                "a grid must have a sequence of values for each parameter",
                value=f"{name}={values!r}",
                remedy=f"pass {{{name!r}: [10, 20, 50]}}",
            )
    every = (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
    kept = [combination for combination in every if where is None or where(combination)]
    if not kept:
        raise InputError(
            "a grid must have at least one combination to play",
            value="none passes `where`",
            remedy="widen the grid or the condition",
        )
    return kept


def _method(
    method: SweepMethod,
    strategy: SignalStrategy,
    panel: Panel,
    n_combinations: int,
    executor: Executor | None,
) -> Literal["numpy", "vectorbt"]:
    import importlib.util

    suits = (
        strategy.function is moving_average_cross.function
        and len(panel.symbols) == 1
        and executor is None
    )
    installed = importlib.util.find_spec("vectorbt") is not None
    if method == "numpy":
        return "numpy"
    if method == "auto":
        least = _WORTH_WARM if "vectorbt" in sys.modules else _WORTH_VECTORBT
        return "vectorbt" if suits and installed and n_combinations >= least else "numpy"
    if method != "vectorbt":
        raise InputError(
            "method must be 'auto', 'numpy' or 'vectorbt'", value=method, remedy="leave it out"
        )
    if not suits:
        raise InputError(
            "vectorbt plays moving_average_cross, on one symbol, in this process",
            value=f"{strategy.name} on {len(panel.symbols)} symbols",
            remedy="pass method='numpy'",
        )
    if not installed:
        raise MissingExtra(
            "method='vectorbt' needs vectorbt",
            value="not installed",
            remedy="pip install vectorbt, or pass method='numpy'",
        )
    return "vectorbt"


def _play(
    strategy: SignalStrategy,
    combination: Parameters,
    data: Prices | Bars,
    panel: Panel,
    costs: Costs,
    cash: float,
    keep: bool,
) -> dict[str, Any]:
    import numpy as np

    try:
        given = panel.frame if strategy.reads == "prices" else data
        weights = strategy.with_parameters(**combination).weights(given).to_numpy()
        traded, paid, _ = trade_targets(weights, panel.fill_prices, costs, cash)
    except (InputError, NotEnoughData) as error:
        shown = ", ".join(f"{key}={value!r}" for key, value in combination.items())
        raise type(error)(
            f"{strategy.name}({shown}): {error.rule}",
            value=error.value,
            remedy="leave it out of the grid, or pass where=lambda p: ...",
        ) from None
    equity = cash - paid.cumsum() + (traded.cumsum(axis=0) * panel.closes).sum(axis=1)
    value = float((np.abs(traded) * panel.fill_prices).sum())
    kept = {"equity": equity} if keep else {}
    return {**combination, **figures_of(equity, value), **kept}


def _play_chunk(
    strategy: SignalStrategy,
    combinations: Sequence[Parameters],
    data: Prices | Bars,
    costs: Costs,
    cash: float,
    keep: bool,
) -> list[dict[str, Any]]:
    panel = panel_of(data)
    return [_play(strategy, one, data, panel, costs, cash, keep) for one in combinations]


def _play_elsewhere(
    rows: list[dict[str, Any]],
    executor: Executor,
    strategy: SignalStrategy,
    combinations: Sequence[Parameters],
    data: Prices | Bars,
    costs: Costs,
    cash: float,
    keep: bool,
) -> None:
    """Fill `rows` in the order of the grid; an interrupt leaves those that are in without a gap."""
    chunks = [combinations[at : at + _CHUNK] for at in range(0, len(combinations), _CHUNK)]
    waiting: list[Future[list[dict[str, Any]]]] = []
    try:
        for chunk in chunks:
            waiting.append(executor.submit(_play_chunk, strategy, chunk, data, costs, cash, keep))
        for future in waiting:
            # A wait without end would not let an interrupt through on every platform.
            while not wait([future], timeout=0.2).done:
                pass
            rows.extend(future.result())
    finally:
        for future in waiting:
            future.cancel()


def _assumed(panel: Panel, costs: Costs, n_played: int) -> tuple[str, ...]:
    price = "open" if panel.has_opens else "close"
    return (
        f"The best of {n_played:,} was chosen with hindsight: expect less of it.",
        f"What is decided at the close of a bar fills at the next {price}, in fractions of units.",
        f"{costs.commission_bps:g} bp commission, {costs.half_spread_bps:g} bp half spread.",
    )
