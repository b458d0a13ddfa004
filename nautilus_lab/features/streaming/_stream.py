"""Features bar by bar: the same values as in batch, without the past in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError, UnknownSymbol
from nautilus_lab.features._feature import Accumulator, FeatureSpec
from nautilus_lab.features.streaming._moving_set import MovingSet
from nautilus_lab.features.streaming._recent import RecentBars

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

    Attributes
    ----------
    columns : tuple of str
        The features' labels, in the order of `values`.
    inputs : tuple of str
        What is read of each bar.
    """

    def __init__(self, symbols: Sequence[str], specs: Sequence[FeatureSpec]) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise InputError("a stream is of symbols, each once", value=tuple(symbols))
        self.columns = tuple(column for spec in specs for column in spec.columns)
        if len(set(self.columns)) != len(self.columns) or not specs:
            raise InputError("ask for features, each once", value=", ".join(self.columns))
        self.inputs = tuple(dict.fromkeys(name for spec in specs for name in spec.inputs))
        self._of = {symbol: _One(specs, self.inputs) for symbol in symbols}

    def __repr__(self) -> str:
        return f"FeatureStream({len(self._of)} symbols, {len(self.columns)} features)"

    def update(self, symbol: str, bar: Mapping[str, float] | float) -> FloatArray:
        """Take the next bar of an instrument; return its features, shape (columns,).

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
        BadData
            When a value is missing, NaN or infinite; the stream stays as it was.
        """
        one = self._of.get(symbol)
        if one is None:
            raise UnknownSymbol("the stream is of no such symbol", value=symbol)
        try:
            if isinstance(bar, Mapping):
                values = [float(bar[name]) for name in self.inputs]
            else:
                values = [float(bar)]
        except KeyError as error:
            raise BadData(
                f"a bar must have {', '.join(self.inputs)}",
                value=f"{symbol} without {error.args[0]}",
            ) from None
        except (TypeError, ValueError):
            values = []  # refused below, with what is NaN
        if len(values) != len(self.inputs) or not all(map(math.isfinite, values)):
            raise BadData(
                f"a bar must have a number for {', '.join(self.inputs)}",
                value=f"{symbol}: {values or bar}",
            )
        return one.update(values)

    def values(self, symbol: str) -> FloatArray:
        """Return what the last bar of an instrument gave, a copy; all NaN before the first."""
        one = self._of.get(symbol)
        if one is None:
            raise UnknownSymbol("the stream is of no such symbol", value=symbol)
        return one.out.copy()


class _One:
    """One instrument."""

    __slots__ = ("_accumulators", "_moving", "_recent", "_windows", "out")

    def __init__(self, specs: Sequence[FeatureSpec], inputs: tuple[str, ...]) -> None:
        import numpy as np

        self.out = np.full(sum(len(spec.columns) for spec in specs), np.nan)
        moving: dict[int, list[tuple[FeatureSpec, int]]] = {}
        self._accumulators: list[tuple[Accumulator, tuple[int, ...], slice]] = []
        # feature, rows of its inputs, bars it needs, where its outputs go
        self._windows: list[tuple[FeatureSpec, tuple[int, ...], int, int]] = []
        place = 0
        for spec in specs:
            rows = tuple(inputs.index(name) for name in spec.inputs)
            if MovingSet.takes(spec):
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
                for at, output in enumerate(found, place):
                    out[at] = output[-1]
        return out
