"""Features of quotes, trades and books, instrument by instrument, in order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features._feature import Data, FeatureSpec
from nautilus_lab.features._ticks import FeatureTicks, rows_of_each
from nautilus_lab.frames import require_book, require_quotes, require_ticks, require_trades

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, IntArray

_QUOTED, _TRADED = ("bid", "ask", "bid_size", "ask_size"), ("price", "size", "side")
# what the checks of frames look at; the levels of a book are looked at twice
_CHECKED: dict[Data, tuple[str, ...]] = {
    "quotes": _QUOTED,
    "trades": _TRADED,
    "ticks": (*_QUOTED, *_TRADED),
}

_IN_A_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_REQUIRE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "quotes": require_quotes,
    "trades": require_trades,
    "ticks": require_ticks,
    "book": require_book,
}


def data_of(specs: Sequence[FeatureSpec]) -> Data:
    """Return the kind of rows that features read together.

    One that is told other columns by `of` reads them of whatever rows there are.

    Raises
    ------
    InputError
        When two of them read different rows, or one that is of several instruments is to read
        ticks: these have no time in common.
    """
    kinds = {spec.feature.data: spec.label for spec in specs if spec.as_usual}
    if kinds.keys() == {"trades", "ticks"}:  # ticks are trades, too
        return "ticks"
    if len(kinds) > 1:
        raise InputError(
            "features that are computed together must read the same rows",
            value=", ".join(f"{label} of {kind}" for kind, label in kinds.items()),
            remedy="compute those of quotes, trades, ticks and books one after the other",
        )
    found = next(iter(kinds), specs[0].feature.data if specs else "bars")
    beside = [spec.label for spec in specs if spec.feature.scope != "instrument"]
    if found != "bars" and beside:
        raise InputError(
            "a feature of several instruments is of their bars",
            value=f"{beside[0]} of {found}",
            remedy="take what was known at the bars, computed.at(times), as a column of theirs",
        )
    return found


def compute_ticks(frame: pd.DataFrame, specs: Sequence[FeatureSpec], threads: int) -> FeatureTicks:
    """Compute features of each instrument's own ticks; see `nautilus_lab.features.compute`."""
    found = evaluate_ticks(frame, specs, threads)
    if any(spec.warm_up for spec in specs):
        most = max(map(len, rows_of_each(found.index)))
        _require_enough(specs, most, data_of(specs))
    return found


def evaluate_ticks(frame: pd.DataFrame, specs: Sequence[FeatureSpec], threads: int) -> FeatureTicks:
    """Compute features of ticks, however few there are: NaN then."""
    import numpy as np
    import pandas as pd

    data = data_of(specs)
    frame = _REQUIRE[data](frame)
    names = list(dict.fromkeys(name for spec in specs for name in spec.inputs))
    columns = {name: _column(frame, name, data) for name in names}
    assert isinstance(frame.index, pd.MultiIndex)
    each = rows_of_each(frame.index)
    ends = np.cumsum([len(rows) for rows in each])
    place = None
    if len(each) > 1:
        # Where a row goes when the instruments stand one after the other: read in order of arrival,
        # written to the end of each instrument's, memory is used as it lies.
        place = np.empty(len(frame), dtype=np.intp)
        place[np.concatenate(each)] = np.arange(len(frame))
        columns = {name: _moved(column, place) for name, column in columns.items()}
    labels = tuple(column for spec in specs for column in spec.columns)
    values = np.empty((len(labels), len(frame)))

    def one(number: int, some: Sequence[FeatureSpec]) -> None:
        own = slice(ends[number] - len(each[number]), ends[number])
        row = labels.index(some[0].columns[0])
        for spec in some:
            for found in spec.computed(*[columns[name][own] for name in spec.inputs]):
                values[row, own] = found
                row += 1

    # Of one instrument, threads take a feature each.
    parts = [specs] if len(each) >= threads else [[spec] for spec in specs]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, *zip(*product(range(len(each)), parts), strict=True)))
    if place is not None:
        for row in values:
            row[:] = row[place]
    return FeatureTicks(columns=labels, index=frame.index, array=values, specs=tuple(specs))


def seconds_of(stamps: pd.Index[Any]) -> FloatArray:
    """Return timestamps in seconds since 1970 UTC, whatever their unit."""
    import numpy as np
    import pandas as pd

    times = pd.DatetimeIndex(stamps)
    return np.asarray(times.asi8 / _IN_A_SECOND[times.unit])


def _moved(column: FloatArray, place: IntArray) -> FloatArray:
    import numpy as np

    out = np.empty_like(column)
    out[place] = column
    return out


def _column(frame: pd.DataFrame, name: str, data: Data) -> FloatArray:
    import numpy as np

    if name == "time":
        return seconds_of(frame.index.get_level_values("timestamp"))
    if name not in frame.columns:
        raise InputError(
            f"a feature reads columns of the {data}",
            value=f"{name!r} is not among {', '.join(map(str, frame.columns))}",
            remedy="add it: signed(trades)" if name == "side" else "add the column",
        )
    try:
        column = np.ascontiguousarray(frame[name].to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError):
        raise BadData(f"{name} must be numbers", value=str(frame[name].dtype)) from None
    if name not in _CHECKED.get(data, ()) and not np.isfinite(column).all():
        when, symbol = frame.index[int(np.argmin(np.isfinite(column)))]
        raise BadData(f"{name} must be finite", value=f"{symbol} at {when.isoformat()}")
    return column


def _require_enough(specs: Sequence[FeatureSpec], most: int, data: Data) -> None:
    rows = "books" if data == "book" else data
    for spec in specs:
        if spec.warm_up >= most:
            raise NotEnoughData(
                f"{spec.label} needs {spec.warm_up + 1} {rows} of an instrument",
                value=most,
                remedy="widen the dates, or shorten its window",
            )
