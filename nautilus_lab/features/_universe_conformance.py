"""What a feature of all instruments must keep to, checked by running it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import FeatureSpec
from nautilus_lab.features._universe import evaluate_universe
from nautilus_lab.features.streaming import FeatureStream

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

Difference = Callable[["FloatArray", "FloatArray"], float]

_CUTS = 5
_SYMBOLS = 6


def drawn_universe(bars: int, symbols: int = _SYMBOLS, *, seed: int = 7) -> dict[str, FloatArray]:
    """Return columns of instruments that three drawn series move, shape (bars, symbols).

    The last instrument begins late, and the last but one has no bar in two places.
    """
    import numpy as np

    draw = np.random.default_rng(seed)
    number = np.arange(symbols)
    weights = np.stack([1 + 0.1 * number, np.cos(2.5 * number), np.sin(1.7 * number)])
    moves = draw.standard_normal((bars, 3)) * [0.01, 0.006, 0.003]
    own = draw.standard_normal((bars, symbols)) * 0.002
    close = (50 + 10 * number) * np.exp(np.cumsum(moves @ weights + own, axis=0))
    opened = np.vstack([close[:1], close[:-1]])
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    found = {"open": opened, "high": top * 1.002, "low": bottom * 0.998, "close": close}
    found["volume"] = draw.integers(1_000, 100_000, close.shape).astype(float)
    for column in found.values():
        column[: bars // 5, -1] = np.nan
        column[[bars // 2, 3 * bars // 4], -2] = np.nan
    return found


def universe_problems(
    spec: FeatureSpec, bars: int, difference: Difference, tolerance: float
) -> tuple[float, list[str]]:
    """Return how far batch and stream are apart, and what does not hold of a feature.

    Parameters
    ----------
    spec : FeatureSpec
        One of all instruments.
    bars : int
        How many bars of each are drawn.
    difference : callable
        Takes two arrays; how far they are apart.
    tolerance : float
        How far they may be.
    """
    import numpy as np

    least = spec.feature.symbols(spec.settings) if spec.feature.symbols else 1
    columns = drawn_universe(bars, max(_SYMBOLS, least + 2))
    before = {name: column.copy() for name, column in columns.items()}
    present = np.isfinite(columns[spec.inputs[0]])
    found = spec.evaluate(*[columns[name] for name in spec.inputs])
    wanted = (len(spec.columns), *present.shape)
    if (len(found), *np.shape(found[0])) != wanted:
        shape = (len(found), *np.shape(found[0]))
        return math.nan, [f"its outputs are {shape}, and should be {wanted}"]
    batch = evaluate_universe(spec, columns, present)
    problems = []
    if any(not np.array_equal(before[n], columns[n], equal_nan=True) for n in columns):
        problems.append("it changes its inputs")
    problems += _of_warm_up(spec, columns, batch)
    problems += _of_later_bars(spec, columns, batch, difference, tolerance)
    problems += _of_order(spec, columns, batch, difference, tolerance)
    still = {name: np.full_like(column, 100.0) for name, column in columns.items()}
    if np.isinf(np.array(spec.evaluate(*[still[name] for name in spec.inputs]))).any():
        problems.append("prices that stand still make it infinite")
    apart = difference(batch, _streamed(spec, columns))
    if not apart <= tolerance:
        problems.append(f"batch and stream differ by {apart:.1e}")
    return apart, problems


def _cut(columns: dict[str, FloatArray], bars: int) -> dict[str, FloatArray]:
    return {name: column[:bars].copy() for name, column in columns.items()}


def _of_warm_up(
    spec: FeatureSpec, columns: dict[str, FloatArray], batch: FloatArray
) -> Iterator[str]:
    import numpy as np

    known = np.isfinite(batch).any(axis=1)
    first = np.where(known.any(axis=1), known.argmax(axis=1), known.shape[1]).max()
    if first != spec.warm_up:
        yield f"its first value is of bar {first}, and its warm-up is {spec.warm_up}"
    short = [_cut(columns, spec.warm_up)[name] for name in spec.inputs]
    if spec.warm_up and np.isfinite(np.array(spec.evaluate(*short))).any():
        yield f"it has values of {spec.warm_up} bars"


def _of_later_bars(
    spec: FeatureSpec,
    columns: dict[str, FloatArray],
    batch: FloatArray,
    difference: Difference,
    tolerance: float,
) -> Iterator[str]:
    import numpy as np

    bars = batch.shape[2]
    for cut in np.linspace(min(spec.warm_up + 1, bars), bars - 1, _CUTS).astype(int).tolist():
        some = _cut(columns, cut)
        part = evaluate_universe(spec, some, np.isfinite(some[spec.inputs[0]]))
        if not difference(batch[:, :, :cut], part) <= tolerance:
            yield f"its values before bar {cut} change with what comes after"
            return


def _of_order(
    spec: FeatureSpec,
    columns: dict[str, FloatArray],
    batch: FloatArray,
    difference: Difference,
    tolerance: float,
) -> Iterator[str]:
    import numpy as np

    order = np.random.default_rng(0).permutation(batch.shape[1])
    mixed = {name: np.ascontiguousarray(column[:, order]) for name, column in columns.items()}
    found = evaluate_universe(spec, mixed, np.isfinite(mixed[spec.inputs[0]]))
    if not difference(batch[:, order], found) <= tolerance:
        yield "it changes with the order of the instruments"


def _streamed(spec: FeatureSpec, columns: dict[str, FloatArray]) -> FloatArray:
    import numpy as np

    bars, symbols = columns[spec.inputs[0]].shape
    names = [f"S{number}" for number in range(symbols)]
    stream = FeatureStream(names, [spec])
    out = np.empty((len(spec.columns), symbols, bars))
    for at in range(bars):
        told = {
            symbol: {name: float(columns[name][at, number]) for name in spec.inputs}
            for number, symbol in enumerate(names)
            if math.isfinite(columns[spec.inputs[0]][at, number])
        }
        out[:, :, at] = stream.update_all(told).T
    return out
