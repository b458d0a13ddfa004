"""Backtests as trials of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nautilus_lab.backtesting._limits import Limits
from nautilus_lab.backtesting._result import BacktestResult
from nautilus_lab.strategies import Costs, SignalStrategy, strategy
from nautilus_lab.trials import Batch, Outcome, Recipe, Study
from nautilus_lab.trials._code import found_at, place_of, source_digest
from nautilus_lab.trials._digest import canonical, digest_of, fingerprint, plain

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, FloatArray, Prices
    from nautilus_lab.backtesting._sweep import SweepResult

_FIGURES = ("total_return", "max_drawdown", "turnover")


def record_backtest(
    study: Study,
    found: BacktestResult,
    played: SignalStrategy | Any,
    data: Prices | Bars,
    limits: Limits | None,
) -> str:
    """Record a run; return the id of its trial."""
    settings: dict[str, Any] = {
        "mode": found.mode,
        "costs": dataclasses.asdict(found.costs),
        "starting_cash": found.starting_cash,
    }
    if limits is not None:
        settings["limits"] = list(limits.names)
    if isinstance(played, SignalStrategy):
        what = _identity(played)
        own = _plain(played.parameters)
        recipe = _recipe(played, settings) if limits is None else Recipe(missing="it had limits")
    else:
        what = (
            f"{type(played).__module__}:{type(played).__qualname__} {source_digest(type(played))}"
        )
        own = {"config": repr(getattr(played, "config", ""))}
        recipe = Recipe(missing="a Nautilus strategy is not made again from a ledger")
    stats = dataclasses.asdict(found.stats)
    run = study.add(
        Batch(
            kind="backtest",
            names=[found.strategy],
            hashes=_hashes(what, [own], fingerprint(data).digest, settings),
            outcome=_outcome(found.returns.to_frame(), [stats]),
            parameters={"strategy": what, **settings, **own},
            data={"data": data},
            recipe=recipe,
        )
    )[0]
    return run.id


def record_sweep(
    study: Study,
    found: SweepResult,
    equities: Sequence[FloatArray | None],
    combinations: Sequence[Mapping[str, Any]],
    data: Prices | Bars,
    times: pd.Index[Any],
    costs: Costs,
    cash: float,
) -> int:
    """Record every combination that was played; return the number of the entry."""
    import numpy as np
    import pandas as pd

    settings = {
        "mode": "vectorised",
        "costs": dataclasses.asdict(costs),
        "starting_cash": cash,
    }
    what = _identity(found.strategy)
    own = [_plain({**found.strategy.parameters, **one}) for one in combinations]
    rows = np.array([n for n, line in enumerate(equities) if line is not None], dtype=np.intp)
    figures = found.table.to_dict("records")
    lines = [line for line in equities if line is not None]
    if lines:
        worth = np.stack(lines, axis=1)
        returns = pd.DataFrame(worth[1:] / worth[:-1] - 1, times[1:])
        outcome = _outcome(returns, [figures[row] for row in rows])
    n = len(own)
    results = {}
    for name in outcome.results if lines else Outcome.of(pd.DataFrame([[0.0]])).results:
        results[name] = np.full(n, np.nan)
        if lines:
            results[name][rows] = outcome.results[name]
    for name in ("sharpe", *_FIGURES):
        results[name] = found.table[name].to_numpy(dtype=np.float64)
    results["n_observations"] = np.full(n, float(len(times) - 1))
    shown = [", ".join(f"{key}={value!r}" for key, value in one.items()) for one in combinations]
    return study.add_many(
        Batch(
            kind="backtest",
            names=[f"{found.strategy.name}({one})" for one in shown],
            hashes=_hashes(what, own, fingerprint(data).digest, settings),
            outcome=Outcome(returns=returns if lines else None, results=results),
            rows=rows,
            parameters={"strategy": what, **settings},
            varying={name: [one[name] for one in own] for name in own[0]},
            data={"data": data},
            recipe=Recipe(missing="it was one of a sweep: run it by itself"),
        )
    )


def backtest_again(
    data: Prices | Bars,
    *,
    strategy: str,
    parameters: Mapping[str, Any],
    costs: Mapping[str, float],
    starting_cash: float,
    mode: Any,
) -> Outcome:
    """Play a recorded strategy as it was played."""
    from nautilus_lab.backtesting._engine import BacktestingEngine

    found = BacktestingEngine().run(
        _strategy(strategy).with_parameters(**parameters),
        data,
        costs=Costs(**costs),
        starting_cash=starting_cash,
        mode=mode,
    )
    return _outcome(found.returns.to_frame(), [dataclasses.asdict(found.stats)])


def _outcome(returns: pd.DataFrame, figures: Sequence[Mapping[str, Any]]) -> Outcome:
    import numpy as np

    more = {name: np.array([float(one[name]) for one in figures]) for name in _FIGURES}
    return Outcome.of(returns, more=more)


def _identity(played: SignalStrategy) -> str:
    """Return what tells a strategy from others, and from what it was before it was rewritten."""
    place = place_of(played.function) or f"{played.function.__module__}:{played.name}"
    return f"{place} {source_digest(played.function)}"


def _hashes(
    what: str, own: Sequence[Mapping[str, Any]], data: str, settings: Mapping[str, Any]
) -> Any:
    import numpy as np

    told = canonical(plain(dict(settings)))
    hashes = [digest_of("backtest", what, data, told, canonical(dict(one))) for one in own]
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(own), -1)


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as they can be recorded; what is no plain data as it shows itself."""
    told = {}
    for name, value in parameters.items():
        try:
            told[name] = plain(value)
        except ValueError:
            told[name] = repr(value)
    return told


def _recipe(played: SignalStrategy, settings: Mapping[str, Any]) -> Recipe:
    place = place_of(played.function)
    if not place:
        return Recipe(missing=f"{played.name} is not importable: define it in a module")
    told = {"strategy": place, "parameters": dict(played.parameters), **settings}
    return Recipe.of(backtest_again, told, deciding=(played.function,))


def _strategy(place: str) -> SignalStrategy:
    found = found_at(place)
    return found if isinstance(found, SignalStrategy) else strategy(found)
