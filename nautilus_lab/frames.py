"""The one door for frames: what every engine refuses, refused in the same words.

Each function returns the checked frame, its index in UTC, or raises. Nothing is filled, dropped or
sorted on the way: what is wrong is named with its place, and the caller decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, FloatArray, Prices, Returns, ReturnSeries, Scores

__all__ = [
    "BAR_COLUMNS",
    "require_bars",
    "require_prices",
    "require_returns",
    "require_scores",
    "require_series",
]

BAR_COLUMNS = ("open", "high", "low", "close", "volume")

_BARS_SHAPE = "see lab.marketdata.bars() for the shape"
_LOCALISE = "say which zone it is in: frame.tz_localize('UTC')"


def require_prices(
    frame: Prices, *, at_least: int = 1, name: str = "prices", gaps: bool = False
) -> Prices:
    """Check a wide frame of prices.

    Parameters
    ----------
    frame : DataFrame, shape (time, symbol)
        Prices; finite and positive. The index is tz-aware, sorted and unique.
    at_least : int, default=1
        Refuse fewer rows than this.
    name : str, default="prices"
        What the errors call the frame.
    gaps : bool, default=False
        True lets NaN pass where a symbol was not traded; one without any price is still refused.

    Returns
    -------
    DataFrame
        `frame` itself, or, when its zone is not UTC, a copy whose index is.

    Raises
    ------
    InputError
        When it is not a frame with symbols in its columns and tz-aware times in its index.
    NotEnoughData
        When it has no columns or fewer than `at_least` rows.
    BadData
        When times are unsorted or repeated, or a price is NaN, infinite or not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    >>> gap = pd.DataFrame({"A": [10.0, float("nan")]}, index=days)
    >>> require_prices(gap)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.BadData: prices must not be NaN; got A at 2024-01-02; ...
    """
    import numpy as np

    frame = _require_wide(frame, at_least, name)
    values = _numbers(frame, name)
    if not gaps:
        _require_finite(values, frame, name)
        _require(values > 0, values, frame, f"{name} must be positive", "mend the source")
        return frame
    good = (values > 0) & np.isfinite(values)
    rule = f"{name} must be positive, finite or NaN"
    _require(good | np.isnan(values), values, frame, rule, "mend the source")
    if not good.any(axis=0).all():
        never = frame.columns[~good.any(axis=0)]
        raise BadData(
            f"{name} must hold a price of each symbol",
            value=", ".join(map(str, never[:3])),
            remedy="drop those columns: frame.dropna(axis=1, how='all')",
        )
    return frame


def require_returns(
    frame: Returns, *, at_least: int = 1, name: str = "returns", values: bool = True
) -> Returns:
    """Check a wide frame of returns; like `require_prices`, except that any finite number passes.

    Parameters
    ----------
    frame : DataFrame, shape (time, symbol)
        Simple returns, fractions.
    at_least : int, default=1
        Refuse fewer rows than this.
    name : str, default="returns"
        What the errors call the frame.
    values : bool, default=True
        False checks the shape only: for a caller whose own sums show NaN and infinity, and who
        calls again when they do.

    Returns
    -------
    DataFrame
        `frame` itself, or, when its zone is not UTC, a copy whose index is.

    Raises
    ------
    InputError
        When it is not a frame with symbols in its columns and tz-aware times in its index.
    NotEnoughData
        When it has no columns or fewer than `at_least` rows.
    BadData
        When times are unsorted or repeated, or a return is NaN or infinite.
    """
    frame = _require_wide(frame, at_least, name)
    if values:
        _require_finite(_numbers(frame, name), frame, name)
    return frame


def require_scores(frame: Scores, *, name: str = "scores") -> Scores:
    """Check a wide frame of scores; NaN means that a score is not known and passes.

    Parameters
    ----------
    frame : DataFrame, shape (time, symbol)
        Higher is better; NaN in the warm-up. At least one score is known.
    name : str, default="scores"
        What the errors call the frame.

    Returns
    -------
    DataFrame
        `frame` itself, or, when its zone is not UTC, a copy whose index is.

    Raises
    ------
    InputError
        When it is not a frame with symbols in its columns and tz-aware times in its index.
    NotEnoughData
        When it has no rows, no columns or no known score.
    BadData
        When times are unsorted or repeated, or a score is infinite.
    """
    import numpy as np

    frame = _require_wide(frame, 1, name)
    values = _numbers(frame, name)
    _require(~np.isinf(values), values, frame, f"{name} must be finite or NaN", "mend the score")
    if np.isnan(values).all():
        raise NotEnoughData(
            f"{name} must hold at least one number",
            value="NaN everywhere",
            remedy="shorten the warm-up, or pass a longer history",
        )
    return frame


def require_series(
    series: ReturnSeries, *, at_least: int = 1, name: str = "returns"
) -> ReturnSeries:
    """Check one series over time, of returns or of anything else that is finite.

    Parameters
    ----------
    series : Series, shape (time,)
        Numbers; the index is tz-aware, sorted and unique.
    at_least : int, default=1
        Refuse fewer observations than this.
    name : str, default="returns"
        What the errors call the series.

    Returns
    -------
    Series
        `series` itself, or, when its zone is not UTC, a copy whose index is.

    Raises
    ------
    InputError
        When it is not a series over tz-aware times.
    NotEnoughData
        When it has fewer than `at_least` observations.
    BadData
        When times are unsorted or repeated, or a value is NaN or infinite.
    """
    import pandas as pd

    if not isinstance(series, pd.Series):
        raise InputError(
            f"{name} must be a Series",
            value=type(series).__name__,
            remedy="take one column: frame['SYMBOL']",
        )
    _require_times(series.index, at_least, name)
    _require_finite(_numbers(series, name), series, name)
    return _in_utc(series)


def require_bars(frame: Bars, *, name: str = "bars") -> Bars:
    """Check a long frame of bars.

    Parameters
    ----------
    frame : DataFrame, shape ((timestamp, symbol), 5)
        Columns open, high, low, close and volume. Timestamps are tz-aware; rows are sorted by
        (timestamp, symbol) and unique.
    name : str, default="bars"
        What the errors call the frame.

    Returns
    -------
    DataFrame
        `frame` itself.

    Raises
    ------
    InputError
        When index or columns are not those of bars.
    NotEnoughData
        When it has no rows.
    BadData
        When rows are unsorted or repeated, a price is NaN, infinite or not positive, a volume is
        negative, or a low or high does not enclose its bar.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"{name} must be a DataFrame", value=type(frame).__name__, remedy=_BARS_SHAPE
        )
    if list(frame.index.names) != ["timestamp", "symbol"]:
        raise InputError(
            f"{name} must be indexed by (timestamp, symbol)",
            value=list(frame.index.names),
            remedy=_BARS_SHAPE,
        )
    missing = [column for column in BAR_COLUMNS if column not in frame.columns]
    if missing:
        raise InputError(
            f"{name} must have the columns {', '.join(BAR_COLUMNS)}",
            value=f"without {', '.join(missing)}",
            remedy="rename the columns, or pass closes only as a wide frame of prices",
        )
    if frame.empty:
        raise NotEnoughData(
            f"{name} must not be empty", value=frame.shape, remedy="widen the dates"
        )
    times = frame.index.get_level_values("timestamp")
    _require_zone(times, name)
    if not frame.index.is_monotonic_increasing:
        raise BadData(
            f"{name} must be sorted by (timestamp, symbol)", remedy="sort them: bars.sort_index()"
        )
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()][0]
        raise BadData(
            f"{name} must have one row per (timestamp, symbol)",
            value=f"{twice[1]} at {_stamp(twice[0])} twice",
            remedy="drop the copies: bars[~bars.index.duplicated()]",
        )
    checked = frame.loc[:, list(BAR_COLUMNS)]
    values = _numbers(checked, name)
    _require_finite(values, checked, name)
    prices, volume = values[:, :4], values[:, 4:]
    _require(prices > 0, prices, checked, f"{name} must have positive prices", "mend the source")
    _require(
        volume >= 0,
        volume,
        checked[["volume"]],
        f"{name} must not have negative volume",
        "mend the source",
    )
    _require(
        (prices <= prices[:, 1:2]) & (prices >= prices[:, 2:3]),
        prices,
        checked,
        f"{name} must have every price between low and high",
        "mend the source, or widen low and high to enclose open and close",
    )
    return frame


def _require_wide(frame: pd.DataFrame, at_least: int, name: str) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"{name} must be a DataFrame, time in rows and symbols in columns",
            value=type(frame).__name__,
            remedy="make a series a frame: series.to_frame('SYMBOL')",
        )
    if frame.shape[1] == 0 or frame.shape[0] == 0:
        raise NotEnoughData(
            f"{name} must not be empty",
            value=f"{frame.shape[0]} rows x {frame.shape[1]} columns",
            remedy="widen the dates or name symbols that have data",
        )
    if not frame.columns.is_unique:
        raise BadData(
            f"{name} must have each symbol once",
            value=str(frame.columns[frame.columns.duplicated()][0]),
            remedy="drop the copies: frame.loc[:, ~frame.columns.duplicated()]",
        )
    _require_times(frame.index, at_least, name)
    return _in_utc(frame)


def _require_times(index: pd.Index[Any], at_least: int, name: str) -> None:
    _require_zone(index, name)
    if len(index) < at_least:
        raise NotEnoughData(
            f"{name} must have at least {at_least} rows"
            if at_least > 1
            else f"{name} must not be empty",
            value=len(index),
            remedy="widen the dates",
        )
    if not index.is_monotonic_increasing:
        raise BadData(f"{name} must be sorted by time", remedy="sort them: frame.sort_index()")
    if not index.is_unique:
        raise BadData(
            f"{name} must have each time once",
            value=_stamp(index[index.duplicated()][0]),
            remedy="drop the copies: frame[~frame.index.duplicated()]",
        )


def _require_zone(index: pd.Index[Any], name: str) -> None:
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(
            f"{name} must be indexed by time",
            value=f"an index of {index.dtype}",
            remedy="set it: frame.set_index(pd.DatetimeIndex(times, tz='UTC'))",
        )
    if index.tz is None:
        raise InputError(f"{name} must have tz-aware times", value="tz-naive", remedy=_LOCALISE)
    if index.hasnans:
        raise BadData(f"{name} must not have a missing time (NaT)", remedy="drop those rows")


def _in_utc[Frame: (pd.DataFrame, pd.Series)](frame: Frame) -> Frame:
    if str(frame.index.tz) == "UTC":  # type: ignore[attr-defined]
        return frame
    return frame.tz_convert("UTC")


def _numbers(frame: pd.DataFrame | pd.Series[float], name: str) -> FloatArray:
    import numpy as np

    try:
        return np.asarray(frame.to_numpy(dtype=float, na_value=float("nan")), dtype=float)
    except (TypeError, ValueError):
        raise BadData(
            f"{name} must be numbers",
            value=str(frame.dtypes),
            remedy="convert: frame.astype(float)",
        ) from None


def _require_finite(values: FloatArray, frame: pd.DataFrame | pd.Series[float], name: str) -> None:
    import numpy as np

    if np.isfinite(values).all():
        return
    fill = f"drop or fill them: {name}.dropna()"
    _require(~np.isnan(values), values, frame, f"{name} must not be NaN", fill)
    _require(~np.isinf(values), values, frame, f"{name} must be finite", fill)


def _require(
    good: Any,
    values: FloatArray,
    frame: pd.DataFrame | pd.Series[float],
    rule: str,
    remedy: str,
) -> None:
    """Raise BadData when `good` is not all true, naming the first three places that break it."""
    import numpy as np

    if good.all():
        return
    places = np.argwhere(~good)
    named = ", ".join(_place(values, frame, tuple(place)) for place in places[:3])
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    raise BadData(rule, value=f"{named}{more}", remedy=remedy)


def _place(
    values: FloatArray, frame: pd.DataFrame | pd.Series[float], place: tuple[int, ...]
) -> str:
    import numpy as np

    label, number = frame.index[place[0]], values[place]
    parts = [] if np.isnan(number) else [f"= {number:g}"]
    if len(place) > 1:
        parts.insert(0, str(frame.columns[place[1]]))  # type: ignore[index]
    if isinstance(label, tuple):  # bars: (timestamp, symbol)
        return " ".join([str(label[1]), *parts, "at", _stamp(label[0])])
    return " ".join([*parts, "at", _stamp(label)])


def _stamp(time: Any) -> str:
    return str(time.date()) if time == time.normalize() else time.isoformat()
