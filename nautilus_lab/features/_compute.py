"""Features of a panel of bars, instrument by instrument, on a few threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features._compute_ticks import compute_ticks, data_of, seconds_of
from nautilus_lab.features._feature import BAR_INPUTS, TIME_INPUT, FeatureSpec
from nautilus_lab.features._panel import FeaturePanel
from nautilus_lab.features._relative import (
    Levels,
    evaluate_relative,
    read_levels,
    require_common,
)
from nautilus_lab.features._ticks import FeatureTicks
from nautilus_lab.features._universe import write_universe
from nautilus_lab.frames import require_bars

if TYPE_CHECKING:
    from nautilus_lab._typing import Bars, FloatArray, Returns


def compute(
    bars: Bars,
    specs: Sequence[FeatureSpec],
    *,
    references: Returns | None = None,
    threads: int = 2,
    out: FloatArray | None = None,
) -> FeaturePanel | FeatureTicks:
    """Compute features of instruments' own bars, quotes, trades or books, or of all together.

    A bar that is not there is not made up: a feature goes on from an instrument's last bar to its
    next one, and has no value in between. Beside another series it goes from one bar that both
    have to the next. One of all instruments leaves out those with a gap in its window. Ticks that
    share a time keep their order of arrival.

    Parameters
    ----------
    bars : DataFrame, shape ((timestamp, symbol), columns)
        Open, high, low, close, volume, and whatever other columns the features read. For features
        of quotes, trades, ticks or books those, as `nautilus_lab.frames` says of each.
    specs : sequence of FeatureSpec
        What to compute; each once.
    references : DataFrame, shape (time, name), optional
        Series that are no instruments, for features to be ``against``: simple returns, each from
        the row before. They are compounded over the rows at whose times there are no bars.
    threads : int, default=2
        The functions are C or compiled and let go of the interpreter.
    out : array of float64, shape (column, symbol, time), optional
        Where to write, such as the array of an earlier panel: a machine takes longer to find new
        memory for a large panel than many functions take to fill it. The panel shares it.

    Returns
    -------
    FeaturePanel
        Of bars, shape (column, symbol, time).
    FeatureTicks
        Of anything else, shape (column, tick).

    Raises
    ------
    InputError
        When a feature reads a column that is not there, is against a series that is not, is asked
        for twice, two of them read different rows, one quotes and one trades, `threads` is none, or
        `out` has another shape or kind, or is given for ticks, as references are.
    NotEnoughData
        When no instrument has more bars than a feature's warm-up, alone or together with what it
        is against, or too few instruments have them.
    BadData
        When the bars or references are unsorted, doubled or have a value that cannot be, or a
        series that a feature is against never moves; it names the place.
    """
    import numpy as np
    import pandas as pd

    labels = [column for spec in specs for column in spec.columns]
    _require_once(specs, labels)
    if not _is_count(threads):
        raise InputError("threads must be a whole number from 1", value=threads)
    if data_of(specs) != "bars":
        if out is not None or references is not None:
            raise InputError(
                "out and references are of bars",
                value=f"features of {data_of(specs)}",
                remedy="leave them out",
            )
        return compute_ticks(bars, specs, threads)
    bars = require_bars(bars)
    names = list(dict.fromkeys(name for spec in specs for name in spec.inputs))
    columns = {name: _column(bars, name) for name in names}
    place, times = pd.factorize(bars.index.get_level_values("timestamp"), sort=True)
    whose, symbols = pd.factorize(bars.index.get_level_values("symbol"), sort=True)
    order = np.argsort(whose, kind="stable")
    ends = np.cumsum(np.bincount(whose, minlength=len(symbols)))
    _require_enough(specs, int(np.diff(ends, prepend=0).max()))
    # Nothing is written twice: the pages of a large panel are touched by the threads, once.
    values = _room(out, (len(labels), len(symbols), len(times)))
    asked = [(spec, spec.computed, spec.inputs) for spec in specs]
    sorted_columns = {name: column[order] for name, column in columns.items()}
    at = place[order]

    def wide(name: str) -> FloatArray:
        found = np.full((len(times), len(symbols)), np.nan)
        found[place, whose] = columns[name]
        return found

    def of_symbol(symbol: str, name: str) -> FloatArray:
        number = list(symbols).index(symbol)
        own = slice(int(ends[number - 1]) if number else 0, int(ends[number]))
        found = np.full(len(times), np.nan)
        found[at[own]] = sorted_columns[name][own]
        return found

    levels = read_levels(specs, references, pd.DatetimeIndex(times), list(symbols), of_symbol)
    require_common(specs, levels, at, ends)

    def one(number: int) -> None:
        begin, end = (int(ends[number - 1]) if number else 0), int(ends[number])
        inputs = {name: column[begin:end] for name, column in sorted_columns.items()}
        _evaluate(asked, inputs, values[:, number], at[begin:end], levels)

    if threads == 1:  # without a pool: the C library gives threads memory of their own, more slowly
        for number in range(len(symbols)):
            one(number)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(len(symbols))))
    write_universe(specs, wide, pd.DatetimeIndex(times), values)
    return FeaturePanel(
        columns=tuple(labels),
        times=pd.DatetimeIndex(times).tz_convert("UTC"),
        symbols=tuple(map(str, symbols)),
        array=values,
        specs=tuple(specs),
    )


def _evaluate(
    asked: Sequence[tuple[FeatureSpec, Callable[..., tuple[FloatArray, ...]], tuple[str, ...]]],
    inputs: dict[str, FloatArray],
    out: FloatArray,
    at: Any,
    levels: Levels,
) -> None:
    row, whole = 0, len(at) == out.shape[1]
    if not whole:
        out[:] = math.nan
    for spec, function, names in asked:
        if spec.feature.scope != "instrument":
            width = len(spec.outputs)
            if spec.feature.scope == "relative":
                own = [inputs[name] for name in names]
                evaluate_relative(spec, own, levels, at, out[row : row + width])
            row += width
            continue
        for found in function(*[inputs[name] for name in names]):
            if whole:
                out[row] = found
            else:
                out[row, at] = found
            row += 1


def _is_count(threads: object) -> bool:
    return isinstance(threads, int) and not isinstance(threads, bool) and threads > 0


def _room(out: FloatArray | None, shape: tuple[int, ...]) -> FloatArray:
    import numpy as np

    if out is None:
        return np.empty(shape)
    if not isinstance(out, np.ndarray):
        raise InputError("out must be an array", value=type(out).__name__)
    if out.shape != shape or out.dtype != np.float64 or not out.flags.writeable:
        raise InputError(
            f"out must be writable, of float64 and shape {shape}",
            value=f"{out.dtype} of shape {out.shape}",
            remedy="leave it out: the panel then has memory of its own",
        )
    return out


def _column(bars: Bars, name: str) -> FloatArray:
    import numpy as np

    if name == TIME_INPUT and name not in bars.columns:
        return seconds_of(bars.index.get_level_values("timestamp"))
    if name not in bars.columns:
        raise InputError(
            "a feature reads columns of the bars",
            value=f"{name!r} is not among {', '.join(map(str, bars.columns))}",
            remedy="add the column, or pass of= with one that is there",
        )
    try:
        column = np.ascontiguousarray(bars[name].to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError):
        raise BadData(f"{name} must be numbers", value=str(bars[name].dtype)) from None
    if name not in BAR_INPUTS and not np.isfinite(column).all():
        worst = int(np.argmin(np.isfinite(column)))
        when, symbol = bars.index[worst]
        raise BadData(
            f"{name} must be finite",
            value=f"{symbol} at {when.isoformat()}",
            remedy=f"drop the bars where {name} is not known",
        )
    return column


def _require_once(specs: Sequence[FeatureSpec], labels: list[str]) -> None:
    if not specs:
        raise InputError("ask for a feature", remedy='pass ["rsi"]')
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError("a feature is asked for once", value=", ".join(twice))


def _require_enough(specs: Sequence[FeatureSpec], most: int) -> None:
    for spec in specs:
        if spec.warm_up >= most:
            raise NotEnoughData(
                f"{spec.label} needs {spec.warm_up + 1} bars of an instrument",
                value=most,
                remedy="widen the dates, or shorten its window",
            )
