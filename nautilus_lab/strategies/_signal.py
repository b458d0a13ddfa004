"""Strategies as functions: data in, target weights out."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.frames import require_bars, require_prices

if TYPE_CHECKING:
    from nautilus_lab._typing import Bars, Prices, TargetWeights

Signal: TypeAlias = "Callable[..., TargetWeights]"
Reads: TypeAlias = Literal["prices", "bars"]


@dataclass(frozen=True, kw_only=True)
class SignalStrategy:
    """A function from data to target weights, with its parameters; made by `strategy`.

    One definition serves every runner. Row t of the weights may use data up to and including row t
    and nothing later: it is traded after t, at the next open, or the next close of data that have
    closes only. `find_lookahead` checks that.

    Attributes
    ----------
    name : str
        What tables and charts call it.
    function : callable
        ``function(data, **parameters)`` -> frame of weights, time x symbol: fractions of equity,
        negative for short positions. A row that is NaN throughout leaves the positions alone; a
        row that is NaN in part is refused.
    parameters : mapping of str to object
        What the function is called with beside the data.
    reads : {"prices", "bars"}
        What the function is given: wide closes, or (timestamp, symbol) bars.
    """

    name: str
    function: Signal = field(repr=False)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reads: Reads = "prices"

    def __post_init__(self) -> None:
        # help() and tab completion show the function's own words.
        object.__setattr__(self, "__doc__", self.function.__doc__)
        object.__setattr__(self, "__wrapped__", self.function)

    def with_parameters(self, **parameters: Any) -> SignalStrategy:
        """Return the same strategy with some parameters changed.

        Raises
        ------
        InputError
            When the function has no such parameter.
        """
        for key in parameters:
            if key not in self.parameters:
                raise InputError(
                    f"{self.name} must have the parameter",
                    value=key,
                    remedy=f"it has {', '.join(self.parameters) or 'none'}",
                )
        return SignalStrategy(
            name=self.name,
            function=self.function,
            parameters={**self.parameters, **parameters},
            reads=self.reads,
        )

    def weights(self, data: Prices | Bars) -> TargetWeights:
        """Compute the target weights for `data` and check them.

        Parameters
        ----------
        data : DataFrame
            Wide closes, or bars; a strategy that reads prices is given the closes of bars.

        Returns
        -------
        DataFrame, shape (time, symbol)
            Fractions of equity, a row for each time and a column for each symbol of `data`; rows
            are finite or NaN throughout.

        Raises
        ------
        InputError
            When the strategy reads bars and has prices, or returns a frame of another shape,
            partly NaN rows or infinite weights.
        NotEnoughData
            When it has no weights at all, as when its window is longer than the data.
        BadData
            When the data are unusable; see `nautilus_lab.frames`.
        """
        given = self._given(data)
        weights = self.function(given, **self.parameters)
        return _checked(self.name, weights, closes_of(given))

    def __call__(self, data: Prices | Bars, **parameters: Any) -> TargetWeights:
        """Compute checked weights, under changed parameters if any are given."""
        return self.with_parameters(**parameters).weights(data)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items())
        return f"{self.name}({shown})"

    def __reduce__(self) -> tuple[object, ...]:
        # The decorator put the strategy where pickle would look for its function.
        place = (self.function.__module__, self.function.__qualname__)
        return (_found, (*place, dict(self.parameters)))

    def _given(self, data: Prices | Bars) -> Prices | Bars:
        if self.reads == "prices":
            return closes_of(data)
        if data.index.nlevels == 1:
            raise InputError(
                f"{self.name} reads bars",
                value="wide prices",
                remedy="pass lab.marketdata.bars(...)",
            )
        return require_bars(data)


@overload
def strategy(function: Signal, /) -> SignalStrategy: ...
@overload
def strategy(*, name: str = "", reads: Reads = "prices") -> Callable[[Signal], SignalStrategy]: ...
def strategy(
    function: Signal | None = None, /, *, name: str = "", reads: Reads = "prices"
) -> SignalStrategy | Callable[[Signal], SignalStrategy]:
    """Make a strategy of a function from data to target weights; use it as a decorator.

    Parameters
    ----------
    function : callable
        Its first argument is the data; every other one is a parameter and has a default.
    name : str, optional
        The function's name when not given.
    reads : {"prices", "bars"}, default="prices"
        What the function is given: wide closes, or (timestamp, symbol) bars.

    Returns
    -------
    SignalStrategy
        Called like the function, or run by ``lab.backtesting.run``.

    Raises
    ------
    InputError
        When the function takes no data, or a parameter has no default.

    Examples
    --------
    >>> import pandas as pd
    >>> @strategy
    ... def tilt(prices, window=2):
    ...     gains = prices.pct_change(window)
    ...     return gains.gt(0).astype(float).where(gains.notna()) / prices.shape[1]
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> tilt(pd.DataFrame({"A": [1.0, 2.0, 3.0, 1.0]}, index=days))["A"].tolist()
    [nan, nan, 1.0, 0.0]
    >>> print(tilt.with_parameters(window=3))
    tilt(window=3)
    """

    def made(body: Signal) -> SignalStrategy:
        return SignalStrategy(
            name=name or getattr(body, "__name__", "strategy"),
            function=body,
            parameters=_defaults(body),
            reads=reads,
        )

    return made if function is None else made(function)


def closes_of(data: Prices | Bars) -> Prices:
    """Return wide closes: `data` itself, or the closes of bars.

    Raises
    ------
    LabError
        When the data are unusable, or bars do not have every symbol at every time.
    """
    if getattr(getattr(data, "index", None), "nlevels", 1) == 1:
        return require_prices(data)
    wide = require_bars(data)["close"].unstack("symbol")
    wide.columns.name = None
    wide.attrs = data.attrs
    if wide.isna().any(axis=None):
        lacking = wide.columns[wide.isna().any()][0]
        first = wide[lacking].dropna().index[0]
        raise InputError(
            "bars must have every symbol at every time",
            value=f"{lacking} lacks {int(wide[lacking].isna().sum())} bars",
            remedy=f"leave it out, or cut to the time they share: it begins on {first.date()}",
        )
    return wide


def _defaults(function: Signal) -> dict[str, Any]:
    declared = list(inspect.signature(function).parameters.values())
    named = getattr(function, "__name__", "strategy")
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if not declared or any(p.kind in free for p in declared):
        raise InputError(
            "a strategy must take data and named parameters only",
            value=f"{named}{inspect.signature(function)}",
            remedy="def tilt(prices, window=120): ...",
        )
    for parameter in declared[1:]:
        if parameter.default is inspect.Parameter.empty:
            raise InputError(
                "every parameter of a strategy must have a default",
                value=f"{parameter.name} of {named}",
                remedy=f"write {parameter.name}=...",
            )
    return {parameter.name: parameter.default for parameter in declared[1:]}


def _checked(name: str, weights: object, closes: Prices) -> TargetWeights:
    import numpy as np
    import pandas as pd

    if not isinstance(weights, pd.DataFrame):
        raise InputError(
            f"{name} must return a DataFrame of weights, time x symbol",
            value=type(weights).__name__,
            remedy="return weights in the shape of the prices it is given",
        )
    if not weights.index.equals(closes.index):
        raise InputError(
            f"{name} must return a row for each time of its data",
            value=f"{len(weights)} rows for {len(closes)} times",
            remedy="weights.reindex(prices.index); a row of NaN leaves positions alone",
        )
    if set(weights.columns) != set(closes.columns) or len(weights.columns) != len(closes.columns):
        odd = sorted(map(str, set(weights.columns) ^ set(closes.columns)))
        raise InputError(
            f"{name} must return a column for each symbol of its data",
            value=", ".join(odd) or "a symbol twice",
            remedy="give symbols it does not want the weight 0",
        )
    weights = weights[list(closes.columns)].astype(float)
    values = weights.to_numpy()
    missing = np.isnan(values)
    if missing.all():
        raise NotEnoughData(
            f"{name} must have weights at one time at least",
            value=f"{len(closes)} rows of data and no weight",
            remedy="shorten its window or widen the dates",
        )
    partly = missing.any(axis=1) & ~missing.all(axis=1)
    endless = np.isinf(values).any(axis=1)
    for bad, rule in ((partly, "be NaN in part of a row"), (endless, "be infinite")):
        if bad.any():
            row = int(bad.argmax())
            wrong = missing[row] if bad is partly else np.isinf(values[row])
            column = weights.columns[int(wrong.argmax())]
            raise InputError(
                f"weights of {name} must not {rule}",
                value=f"{column} at {weights.index[row].date()}",
                remedy="0 sells a symbol; NaN for all leaves every position alone",
            )
    weights.attrs = closes.attrs
    return weights


def _found(module: str, qualname: str, parameters: dict[str, Any]) -> SignalStrategy:
    place: Any = importlib.import_module(module)
    for part in qualname.split("."):
        place = getattr(place, part)
    made: SignalStrategy = place if isinstance(place, SignalStrategy) else strategy(place)
    return made.with_parameters(**parameters)
