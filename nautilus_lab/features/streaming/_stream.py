"""Features bar by bar: the same values as in batch, without the past in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, UnknownSymbol
from nautilus_lab.features._compute_ticks import data_of
from nautilus_lab.features._feature import Accumulator, FeatureSpec
from nautilus_lab.features._relative import require_against
from nautilus_lab.features.streaming._moving_set import MovingSet
from nautilus_lab.features.streaming._recent import RecentBars
from nautilus_lab.features.streaming._tick_rules import TickRules
from nautilus_lab.features.streaming._together import RelativeFeature, UniverseFeature

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


class FeatureStream:
    """Features of some instruments, brought up to date with each bar or tick.

    Parameters
    ----------
    symbols : sequence of str
        The instruments.
    specs : sequence of FeatureSpec
        What is computed of each.
    references : sequence of str, optional
        Series that are no instruments, for features to be ``against``: `update_all` takes their
        returns.

    Attributes
    ----------
    symbols : tuple of str
        The instruments.
    columns : tuple of str
        The features' labels, in the order of `values`.
    inputs : tuple of str
        What is read of each bar or tick; ``time`` is in seconds.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        specs: Sequence[FeatureSpec],
        *,
        references: Sequence[str] = (),
    ) -> None:
        import numpy as np

        if isinstance(symbols, str) or not symbols or len(set(symbols)) != len(symbols):
            raise InputError("a stream is of symbols, each once", value=symbols)
        self.columns = tuple(column for spec in specs for column in spec.columns)
        if len(set(self.columns)) != len(self.columns) or not specs:
            raise InputError("ask for features, each once", value=", ".join(self.columns))
        self.inputs = tuple(dict.fromkeys(name for spec in specs for name in spec.inputs))
        data = data_of(specs)
        self._row = "bar" if data == "bars" else data.removesuffix("s")
        self._rules = TickRules(self.inputs) if data != "bars" else None
        require_against(specs, symbols, references)
        self.symbols = tuple(symbols)
        self._values = np.full((len(symbols), len(self.columns)), np.nan)
        outs = zip(symbols, self._values, strict=True)
        self._of = {symbol: _One(specs, self.inputs, out) for symbol, out in outs}
        # reference -> what one unit has grown to
        self._levels = dict.fromkeys(references, 1.0)
        self._universe: list[UniverseFeature] = []
        for spec in specs:
            if spec.feature.scope == "universe":
                least = spec.feature.symbols(spec.settings) if spec.feature.symbols else 1
                if len(symbols) < least:
                    raise NotEnoughData(f"{spec.label} needs {least} symbols", value=len(symbols))
                rows = tuple(self.inputs.index(name) for name in spec.inputs)
                place = self.columns.index(spec.columns[0])
                out = self._values[:, place : place + len(spec.columns)]
                self._universe.append(UniverseFeature(spec, rows, len(symbols), out))
        # those that may be updated one by one
        self._alone = self._of if all(s.feature.scope == "instrument" for s in specs) else {}

    def __repr__(self) -> str:
        return f"FeatureStream({len(self._of)} symbols, {len(self.columns)} features)"

    def update(self, symbol: str, bar: Mapping[str, float] | float) -> FloatArray:
        """Take the next bar or tick of an instrument; return its features, shape (columns,).

        Parameters
        ----------
        symbol : str
            Whose.
        bar : mapping of str to float, or float
            Every column of `inputs`; a number alone where one is read.

        Returns
        -------
        array, shape (columns,)
            The stream's own, written again by the next bar of the instrument: copy what is kept.

        Raises
        ------
        UnknownSymbol
            When the stream is of no such instrument.
        InputError
            When a feature is of several instruments: see `update_all`.
        BadData
            When a value is missing, NaN or infinite, or of a tick not what `nautilus_lab.frames`
            asks of its kind; the stream stays as it was.
        """
        one = self._alone.get(symbol)
        if one is None:
            self._one(symbol)
            raise InputError(
                "features of several instruments take the bars of a time together",
                value=f"a bar of {symbol} alone",
                remedy="stream.update_all({symbol: bar, ...})",
            )
        values = self._read(symbol, bar)
        if self._rules is not None:
            self._rules.took(symbol, values)
        return one.update(values)

    def update_all(
        self,
        bars: Mapping[str, Mapping[str, float] | float],
        references: Mapping[str, float] | None = None,
    ) -> FloatArray:
        """Take the bars of one time; return the features of all instruments.

        A time is told as a whole, for a stream that waited for the last instrument could not know
        whether it is late or has no bar.

        Parameters
        ----------
        bars : mapping of str to bar
            Symbol to bar, as in `update`. A symbol that is left out has no bar at this time.
        references : mapping of str to float, optional
            Reference to its simple return since the time before; one left out has none now.

        Returns
        -------
        array, shape (symbols, columns)
            A copy, in the order of `symbols`; NaN for those without a bar.

        Raises
        ------
        UnknownSymbol
            When the stream is of no such instrument.
        InputError
            When it has no such reference.
        BadData
            When a value is missing, NaN or infinite, or a return is not above -1; the stream
            stays as it was.
        """
        import numpy as np

        read: dict[str, list[float]] = {}
        for symbol, bar in bars.items():
            self._one(symbol)
            read[symbol] = self._read(symbol, bar)
        grown = {name: self._grown(name, change) for name, change in (references or {}).items()}
        self._levels.update(grown)
        beside: dict[str, list[float] | float] = {**read, **grown}
        for symbol, values in read.items():
            if self._rules is not None:
                self._rules.took(symbol, values)
            self._of[symbol].update(values)
            self._of[symbol].update_beside(values, beside)
        present = np.array([symbol in read for symbol in self.symbols])
        if read:
            nothing = [math.nan] * len(self.inputs)
            table = np.array([read.get(symbol, nothing) for symbol in self.symbols]).T
            for feature in self._universe:
                feature.update(table, present)
        return np.where(present[:, None], self._values, np.nan)

    def _grown(self, name: str, change: float) -> float:
        if name not in self._levels:
            raise InputError(
                "the stream has no such reference",
                value=name,
                remedy=f"it has {', '.join(self._levels) or 'none'}: pass references= to it",
            )
        if not -1 < change < math.inf:
            raise BadData("a reference must have a simple return", value=f"{name}: {change}")
        return self._levels[name] * (1 + float(change))

    def _one(self, symbol: str) -> _One:
        one = self._of.get(symbol)
        if one is None:
            raise UnknownSymbol("the stream is of no such symbol", value=symbol)
        return one

    def _read(self, symbol: str, bar: Mapping[str, float] | float) -> list[float]:
        try:
            if isinstance(bar, Mapping):
                values = [float(bar[name]) for name in self.inputs]
            else:
                values = [float(bar)]
        except KeyError as error:
            raise BadData(
                f"a {self._row} must have {', '.join(self.inputs)}",
                value=f"{symbol} without {error.args[0]}",
            ) from None
        except (TypeError, ValueError):
            values = []  # refused below, with what is NaN
        if len(values) != len(self.inputs) or not all(map(math.isfinite, values)):
            raise BadData(
                f"a {self._row} must have a number for {', '.join(self.inputs)}",
                value=f"{symbol}: {values or bar}",
            )
        if self._rules is not None:
            self._rules.require(symbol, values)
        return values

    def values(self, symbol: str) -> FloatArray:
        """Return what the last bar of an instrument gave, a copy; all NaN before the first."""
        return self._one(symbol).out.copy()


class _One:
    """One instrument."""

    __slots__ = ("_accumulators", "_moving", "_recent", "_relative", "_windows", "out")

    def __init__(
        self, specs: Sequence[FeatureSpec], inputs: tuple[str, ...], out: FloatArray
    ) -> None:
        self.out = out
        self._relative: list[RelativeFeature] = []
        moving: dict[int, list[tuple[FeatureSpec, int]]] = {}
        self._accumulators: list[tuple[Accumulator, tuple[int, ...], slice]] = []
        # feature, rows of its inputs, bars it needs, where its outputs go
        self._windows: list[tuple[FeatureSpec, tuple[int, ...], int, int]] = []
        place = 0
        for spec in specs:
            rows = tuple(inputs.index(name) for name in spec.inputs)
            if spec.feature.scope != "instrument":
                if spec.feature.scope == "relative":
                    where = slice(place, place + len(spec.columns))
                    self._relative.append(RelativeFeature(spec, rows, out[where]))
            elif MovingSet.takes(spec):
                moving.setdefault(rows[0], []).append((spec, place))
            elif spec.feature.accumulate is not None:
                accumulator = spec.feature.accumulate(spec.settings)
                where = slice(place, place + len(spec.columns))
                self._accumulators.append((accumulator, rows, where))
            else:
                self._windows.append((spec, rows, spec.history, place))
            place += len(spec.columns)
        self._moving = [(row, MovingSet(of, self.out)) for row, of in moving.items()]
        longest = max([bars for _, _, bars, _ in self._windows], default=0)
        self._recent = RecentBars(inputs, longest) if longest else None

    def update(self, bar: Sequence[float]) -> FloatArray:
        for row, averages in self._moving:
            averages.update(bar[row])
        for accumulator, rows, where in self._accumulators:
            self.out[where] = accumulator.update(*[bar[row] for row in rows])
        recent, out = self._recent, self.out
        if recent is not None:
            recent.add(bar)
            for spec, rows, bars, place in self._windows:
                found = spec.evaluate(*[recent.last(row, bars) for row in rows])
                spec.require_as_many(found)
                for at, output in enumerate(found, place):
                    out[at] = output[-1]
        return out

    def update_beside(
        self, bar: Sequence[float], beside: Mapping[str, Sequence[float] | float]
    ) -> None:
        for feature in self._relative:
            feature.update(bar, beside)
