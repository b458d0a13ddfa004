"""Features of a panel of bars, instrument by instrument, on a few threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features._feature import BAR_INPUTS, FeatureSpec
from nautilus_lab.features._panel import FeaturePanel
from nautilus_lab.frames import require_bars

if TYPE_CHECKING:
    from nautilus_lab._typing import Bars, FloatArray


def compute(
    bars: Bars,
    specs: Sequence[FeatureSpec],
    *,
    threads: int = 2,
    out: FloatArray | None = None,
) -> FeaturePanel:
    """Compute features of each instrument's own bars.

    A bar that is not there is not made up: a feature goes on from an instrument's last bar to its
    next one, and has no value in between.

    Parameters
    ----------
    bars : DataFrame, shape ((timestamp, symbol), columns)
        Open, high, low, close, volume, and whatever other columns the features read.
    specs : sequence of FeatureSpec
        What to compute; each once.
    threads : int, default=2
        The functions are C or compiled and let go of the interpreter.
    out : array of float64, shape (column, symbol, time), optional
        Where to write, such as the array of an earlier panel: a machine takes longer to find new
        memory for a large panel than many functions take to fill it. The panel shares it.

    Returns
    -------
    FeaturePanel

    Raises
    ------
    InputError
        When a feature reads a column that is not there, or is asked for twice, or `out` has another
        shape or kind.
    NotEnoughData
        When no instrument has more bars than a feature's warm-up.
    BadData
        When the bars are unsorted, doubled or have a value that cannot be; it names the place.
    """
    import numpy as np
    import pandas as pd

    bars = require_bars(bars)
    labels = [column for spec in specs for column in spec.columns]
    _require_once(specs, labels)
    names = list(dict.fromkeys(name for spec in specs for name in spec.inputs))
    columns = {name: _column(bars, name) for name in names}
    place, times = pd.factorize(bars.index.get_level_values("timestamp"), sort=True)
    whose, symbols = pd.factorize(bars.index.get_level_values("symbol"), sort=True)
    order = np.argsort(whose, kind="stable")
    ends = np.cumsum(np.bincount(whose, minlength=len(symbols)))
    _require_enough(specs, int(np.diff(ends, prepend=0).max()))
    # Nothing is written twice: the pages of a large panel are touched by the threads, once.
    values = _room(out, (len(labels), len(symbols), len(times)))
    asked = [(spec.bound, spec.inputs) for spec in specs]
    sorted_columns = {name: column[order] for name, column in columns.items()}
    at = place[order]

    def one(number: int) -> None:
        begin, end = (int(ends[number - 1]) if number else 0), int(ends[number])
        inputs = {name: column[begin:end] for name, column in sorted_columns.items()}
        _evaluate(asked, inputs, values[:, number], at[begin:end])

    if threads == 1:  # without a pool: the C library gives threads memory of their own, more slowly
        for number in range(len(symbols)):
            one(number)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(len(symbols))))
    return FeaturePanel(
        columns=tuple(labels),
        times=pd.DatetimeIndex(times).tz_convert("UTC"),
        symbols=tuple(map(str, symbols)),
        array=values,
    )


def _evaluate(
    asked: Sequence[tuple[Callable[..., tuple[FloatArray, ...]], tuple[str, ...]]],
    inputs: dict[str, FloatArray],
    out: FloatArray,
    at: Any,
) -> None:
    row, whole = 0, len(at) == out.shape[1]
    if not whole:
        out[:] = math.nan
    for function, names in asked:
        for found in function(*[inputs[name] for name in names]):
            if whole:
                out[row] = found
            else:
                out[row, at] = found
            row += 1


def _room(out: FloatArray | None, shape: tuple[int, ...]) -> FloatArray:
    import numpy as np

    if out is None:
        return np.empty(shape)
    if out.shape != shape or out.dtype != np.float64 or not out.flags.writeable:
        raise InputError(
            f"out must be writable, of float64 and shape {shape}",
            value=f"{out.dtype} of shape {out.shape}",
            remedy="leave it out: the panel then has memory of its own",
        )
    return out


def _column(bars: Bars, name: str) -> FloatArray:
    import numpy as np

    if name not in bars.columns:
        raise InputError(
            "a feature reads columns of the bars",
            value=f"{name!r} is not among {', '.join(map(str, bars.columns))}",
            remedy="add the column, or pass of= with one that is there",
        )
    column = np.ascontiguousarray(bars[name].to_numpy(dtype=float))
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
