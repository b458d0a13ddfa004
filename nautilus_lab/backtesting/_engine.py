"""The backtesting engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nautilus_lab.backtesting._limits import Limits
from nautilus_lab.backtesting._panel import Panel, panel_of
from nautilus_lab.backtesting._result import BacktestResult, Mode, result_of
from nautilus_lab.backtesting._stop_button import StopButton
from nautilus_lab.backtesting._sweep import SweepMethod, SweepResult, sweep
from nautilus_lab.backtesting._vectorised import run_vectorised
from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import InputError
from nautilus_lab.strategies import Costs, SignalStrategy
from nautilus_lab.trials import Ledger, Study, open_study

if TYPE_CHECKING:
    from nautilus_lab._typing import Bars, Prices
    from nautilus_lab.risk.limits import LimitBook

_MOST_CASH = 1e12


@dataclass(frozen=True, kw_only=True)
class BacktestingEngine:
    """Plays strategies over past data.

    Parameters
    ----------
    ledger : Ledger, optional
        Where a `study` that is given by name is recorded; that of the workspace when not given.

    Examples
    --------
    >>> import pandas as pd
    >>> from nautilus_lab.strategies import Costs, buy_and_hold
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> prices = pd.DataFrame({"A": [90.0, 100.0, 110.0]}, index=days)
    >>> free = Costs(commission_bps=0, half_spread_bps=0)
    >>> run = BacktestingEngine().run(
    ...     buy_and_hold, prices, costs=free, starting_cash=1_000, mode="vectorised"
    ... )
    >>> run.equity.tolist()
    [1000.0, 1000.0, 1100.0]
    """

    ledger: Ledger | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "backtesting"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def run(
        self,
        strategy: SignalStrategy | Any,
        data: Prices | Bars,
        *,
        costs: Costs | None = None,
        starting_cash: float = 1_000_000.0,
        mode: Mode = "event",
        limits: Limits | LimitBook | None = None,
        study: Study | str | None = None,
    ) -> BacktestResult:
        """Play one strategy over `data`.

        The weights of bar t are traded at the next open; of data that have closes only, at the
        next close. Both modes trade the same weights at the same prices and costs; events trade
        whole units on Nautilus' simulated exchange, arithmetic trades fractions.

        The stop button ends the run within a second; what was played until then is returned, with
        `complete` False.

        Parameters
        ----------
        strategy : SignalStrategy or Nautilus Strategy
            A Nautilus strategy runs in "event" mode only; it finds its bars under the type
            ``SYMBOL.PAPER-1-DAY-LAST-EXTERNAL``.
        data : DataFrame
            Wide closes, or (timestamp, symbol) bars with every symbol at every time.
        costs : Costs, optional
            1 bp commission and 2 bp half spread when not given.
        starting_cash : float, default=1_000_000
            In the currency of the prices.
        mode : {"event", "vectorised"}, default="event"
            Events on Nautilus' backtest engine, or arithmetic.
        limits : Limits or LimitBook, optional
            Has every order pass the gate that stands before a venue in a node; in "event" mode
            only. What it denies is in `orders`, with its reason. Without them nothing is asked.
        study : Study or str, optional
            Where the run is recorded as a trial, unless it was stopped: a name in the ledger, or
            ``ledger.study(name)``; see `nautilus_lab.trials`.

        Returns
        -------
        BacktestResult
            Headed by what it assumes.

        Raises
        ------
        InputError
            When an argument breaks a rule, or the strategy returns no proper weights.
        NotEnoughData
            When there are fewer than two rows, or no weights.
        BadData
            When the data are unusable, or equity is used up.
        RunFailed
            When a Nautilus strategy ends in an error of its own.
        """
        charged = _costs(costs)
        cash = _cash(starting_cash)
        recorded = None if study is None else open_study(study, self.ledger)
        if mode not in ("event", "vectorised"):
            raise InputError(
                "mode must be 'event' or 'vectorised'", value=mode, remedy="pass mode='event'"
            )
        limits = _limits(limits, mode)
        if isinstance(strategy, SignalStrategy):
            panel = panel_of(data)
            given = panel.frame if strategy.reads == "prices" else data
            weights = strategy.weights(given).to_numpy()
            with StopButton() as stop:
                if mode == "event":
                    from nautilus_lab.backtesting._event_driven import run_targets

                    ledger = run_targets(
                        panel, weights, charged, cash, lambda: stop.pressed, limits
                    )
                else:
                    ledger = run_vectorised(panel, weights, charged, cash, lambda: stop.pressed)
            assumed = _assumed(panel, charged, mode, limits, sized=True)
            name = str(strategy)
        else:
            _require_nautilus(strategy, mode)
            from nautilus_lab.backtesting._event_driven import run_nautilus_strategy

            panel = panel_of(data)
            with StopButton() as stop:
                ledger = run_nautilus_strategy(
                    strategy, panel, charged, cash, lambda: stop.pressed, limits
                )
            assumed = _assumed(panel, charged, mode, limits, sized=False)
            name = str(strategy.id)
        found = result_of(
            ledger,
            panel,
            strategy=name,
            mode=mode,
            assumptions=assumed,
            costs=charged,
            cash=cash,
        )
        if recorded is None or not found.complete:
            return found
        from nautilus_lab.backtesting._trials import record_backtest

        return replace(found, trial=record_backtest(recorded, found, strategy, data, limits))

    def sweep(
        self,
        strategy: SignalStrategy,
        data: Prices | Bars,
        grid: Mapping[str, Sequence[Any]],
        *,
        costs: Costs | None = None,
        starting_cash: float = 1_000_000.0,
        where: Callable[[Mapping[str, Any]], bool] | None = None,
        method: SweepMethod = "auto",
        executor: Executor | None = None,
        study: Study | str | None = None,
    ) -> SweepResult:
        """Play a strategy under every combination of parameters, vectorised.

        The stop button ends the sweep within a second; the combinations finished until then are
        returned, with `complete` False.

        Parameters
        ----------
        strategy : SignalStrategy
            What to play.
        data : DataFrame
            Wide closes, or bars.
        grid : mapping of str to sequence
            Parameter -> the values to try; every combination is played.
        costs : Costs, optional
            As in `run`.
        starting_cash : float, default=1_000_000
            As in `run`.
        where : callable, optional
            Parameters -> whether to play them: ``where=lambda p: p["fast"] < p["slow"]``.
        method : {"auto", "numpy", "vectorbt"}, default="auto"
            "vectorbt" plays `moving_average_cross` on one symbol only. "auto" takes it there for
            grids that are worth its start-up of many seconds, and "numpy" everywhere else.
            Results are equal.
        executor : concurrent.futures.Executor, optional
            Where combinations are played, some at a time; in this process when not given. Also
            ``dask_client.get_executor()``.
        study : Study or str, optional
            Where every combination that was played is recorded as a trial, as in `run`.

        Returns
        -------
        SweepResult
            A table with one row per combination.

        Raises
        ------
        InputError
            When the grid is empty or names no parameter of the strategy, a combination is one the
            strategy refuses, or vectorbt cannot play it.
        LabError
            When the data or the weights are unusable; see `run`.
        MissingExtra
            When method is "vectorbt" and it is not installed.
        """
        if not isinstance(strategy, SignalStrategy):
            raise InputError(
                "a sweep plays functions from data to weights",
                value=type(strategy).__name__,
                remedy="decorate the function: @nautilus_lab.strategy",
            )
        return sweep(
            strategy,
            data,
            grid,
            costs=_costs(costs),
            cash=_cash(starting_cash),
            where=where,
            method=method,
            executor=executor,
            study=None if study is None else open_study(study, self.ledger),
        )


def _costs(costs: Costs | None) -> Costs:
    if costs is None:
        return Costs()
    if not isinstance(costs, Costs):
        raise InputError(
            "costs must be a Costs", value=costs, remedy="pass Costs(commission_bps=1)"
        )
    return costs


def _cash(starting_cash: float) -> float:
    if not 0 < starting_cash <= _MOST_CASH:
        raise InputError(
            f"starting_cash must lie in (0, {_MOST_CASH:g}]",
            value=starting_cash,
            remedy="pass starting_cash=1_000_000",
        )
    return float(starting_cash)


def _limits(limits: object, mode: Mode) -> Limits | None:
    from nautilus_lab.risk.limits import LimitBook

    if limits is None:
        return None
    if isinstance(limits, LimitBook):
        limits = Limits(checks=limits)
    if not isinstance(limits, Limits):
        raise InputError(
            "limits must be Limits or a LimitBook",
            value=limits,
            remedy="pass LimitBook([...]), or Limits.of(lab.settings.trading)",
        )
    if mode != "event":
        raise InputError(
            "limits are asked about orders, which arithmetic has none of",
            value=f"mode={mode!r}",
            remedy="pass mode='event'",
        )
    return limits


def _require_nautilus(strategy: object, mode: Mode) -> None:
    if callable(strategy):
        raise InputError(
            "a function must be made a strategy before it is run",
            value=getattr(strategy, "__name__", type(strategy).__name__),
            remedy="decorate it: @nautilus_lab.strategy",
        )
    from nautilus_lab.backtesting._event_driven import is_nautilus_strategy

    if not is_nautilus_strategy(strategy):
        raise InputError(
            "a strategy must be a SignalStrategy or a Nautilus Strategy",
            value=type(strategy).__name__,
            remedy="decorate a function: @nautilus_lab.strategy",
        )
    if mode != "event":
        raise InputError(
            "a Nautilus Strategy runs on events", value=f"mode={mode!r}", remedy="pass mode='event'"
        )


def _assumed(
    panel: Panel, costs: Costs, mode: Mode, limits: Limits | None, *, sized: bool
) -> tuple[str, ...]:
    price = "open" if panel.has_opens else "close"
    said = [
        f"What is decided at the close of a bar fills at the next {price}"
        + ("." if panel.has_opens else ": the data have no opens."),
    ]
    if sized:
        units = "whole units" if mode == "event" else "fractions of units"
        said.append(
            f"Orders are sized, in {units}, at the price they fill at, for the equity that costs "
            "leave."
        )
    else:
        said.append("Stops and limits fill within a bar at their own price, without a spread.")
    said += [
        f"{costs.commission_bps:g} bp commission, {costs.half_spread_bps:g} bp half spread; any "
        "size fills, nothing moves the market.",
        "No interest on cash, none on loans.",
    ]
    if limits is not None:
        said.append(f"Orders pass a gate that asks: {', '.join(limits.names) or 'nothing'}.")
    return tuple(said)
