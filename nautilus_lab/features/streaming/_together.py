"""Bar by bar, what is of several instruments: it takes the bars of one time together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Accumulator, FeatureSpec
from nautilus_lab.features.streaming._recent import RecentBars

if TYPE_CHECKING:
    from nautilus_lab._typing import BoolArray, FloatArray


class RelativeFeature:
    """One feature of one instrument beside other series.

    Parameters
    ----------
    spec : FeatureSpec
        Which.
    rows : tuple of int
        Where its inputs stand in a bar.
    out : array, shape (outputs,)
        Where values are written.
    """

    __slots__ = ("_accumulator", "_out", "_recent", "_rows", "_spec")

    def __init__(self, spec: FeatureSpec, rows: tuple[int, ...], out: FloatArray) -> None:
        self._spec, self._rows, self._out = spec, rows, out
        accumulate = spec.feature.accumulate
        self._accumulator: Accumulator | None = None
        self._recent: RecentBars | None = None
        if accumulate is not None:
            self._accumulator = accumulate(spec.settings)
        else:
            self._recent = RecentBars((*spec.inputs, *spec.against), spec.history)

    def update(self, bar: Sequence[float], levels: Mapping[str, Sequence[float] | float]) -> None:
        """Take a bar, and the bars or levels that others have at its time."""
        first, beside = self._rows[0], []
        for name in self._spec.against:
            level = levels.get(name, math.nan)
            beside.append(level if isinstance(level, float) else level[first])
        if not all(map(math.isfinite, beside)):
            self._out[:] = math.nan
            return
        values = [*[bar[row] for row in self._rows], *beside]
        if self._accumulator is not None:
            self._out[:] = self._accumulator.update(*values)
        elif self._recent is not None:
            self._recent.add(values)
            recent = [self._recent.last(row, self._spec.history) for row in range(len(values))]
            for at, found in enumerate(self._spec.evaluate(*recent)):
                self._out[at] = found[-1]


class UniverseFeature:
    """One feature of all instruments.

    Parameters
    ----------
    spec : FeatureSpec
        Which.
    rows : tuple of int
        Where its inputs stand in a bar.
    symbols : int
        How many instruments.
    out : array, shape (symbols, outputs)
        Where values are written.
    """

    __slots__ = ("_accumulator", "_out", "_recent", "_rows", "_spec", "_symbols")

    def __init__(
        self, spec: FeatureSpec, rows: tuple[int, ...], symbols: int, out: FloatArray
    ) -> None:
        self._spec, self._rows, self._symbols, self._out = spec, rows, symbols, out
        accumulate = spec.feature.accumulate
        self._accumulator: Accumulator | None = None
        self._recent: list[RecentBars] = []
        if accumulate is not None:
            self._accumulator = accumulate(spec.settings)
        else:
            kept = [str(number) for number in range(symbols)]
            self._recent = [RecentBars(kept, spec.history) for _ in rows]

    def update(self, bars: FloatArray, present: BoolArray) -> None:
        """Take the bars of one time, shape (columns, symbols), NaN where there is none."""
        import numpy as np

        if self._accumulator is not None:
            found = self._accumulator.update(*[bars[row] for row in self._rows])
        else:
            for recent, row in zip(self._recent, self._rows, strict=True):
                recent.add(bars[row])
            windows = [recent.table(self._spec.history) for recent in self._recent]
            found = tuple(one[-1] for one in self._spec.evaluate(*windows))
        self._out[present] = np.stack(np.broadcast_arrays(*found), axis=1)[present]
