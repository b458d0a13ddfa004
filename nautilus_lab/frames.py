"""The one door for frames: what every engine refuses, refused in the same words.

Each function returns the checked frame, its index in UTC, or raises. Nothing is filled, dropped or
sorted on the way: what is wrong is named with its place, and the caller decides.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import (
        Bars,
        Book,
        FloatArray,
        Prices,
        Quotes,
        Returns,
        ReturnSeries,
        Scores,
        Trades,
    )

__all__ = [
    "BAR_COLUMNS",
    "require_bars",
    "require_book",
    "require_prices",
    "require_quotes",
    "require_returns",
    "require_scores",
    "require_series",
    "require_ticks",
    "require_trades",
]

BAR_COLUMNS = ("open", "high", "low", "close", "volume")

_BARS_SHAPE = "see lab.marketdata.bars() for the shape"
_TICKS_SHAPE = "frame.set_index(['timestamp', 'symbol'])"
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
        When index or columns are not those of bars, or a column is there twice.
    NotEnoughData
        When it has no rows.
    BadData
        When a time or symbol is missing, rows are unsorted or repeated, a price is NaN, infinite
        or not positive, a volume is negative, or a low or high does not enclose its bar.
    """
    import pandas as pd

    _require_long(
        frame,
        BAR_COLUMNS,
        name,
        shape=_BARS_SHAPE,
        rename="rename the columns, or pass closes only as a wide frame of prices",
    )
    times = frame.index.get_level_values("timestamp")
    _require_zone(times, name)
    assert isinstance(frame.index, pd.MultiIndex)
    if frame.index.codes[1].min() < 0:
        raise BadData(f"{name} must not have a missing symbol", remedy="drop those rows")
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


def require_quotes(frame: Quotes, *, name: str = "quotes") -> Quotes:
    """Check a long frame of best quotes.

    Rows that share a time and a symbol are several updates, and keep their order of arrival.

    Parameters
    ----------
    frame : DataFrame, shape ((timestamp, symbol), columns)
        Columns bid and ask, and bid_size and ask_size where they are known. Timestamps are
        tz-aware and never go back; rows that share one stand as they arrived.
    name : str, default="quotes"
        What the errors call the frame.

    Returns
    -------
    DataFrame
        `frame` itself.

    Raises
    ------
    InputError
        When index or columns are not those of quotes.
    NotEnoughData
        When it has no rows.
    BadData
        When time goes back, a number is NaN, infinite or not positive, or a bid is above its ask.
        A locked quote, bid and ask the same, passes.
    """
    _require_in_order(frame, ("bid", "ask"), name)
    _require_quoted(frame, name)
    return frame


def require_trades(frame: Trades, *, name: str = "trades") -> Trades:
    """Check a long frame of trades.

    Parameters
    ----------
    frame : DataFrame, shape ((timestamp, symbol), columns)
        Columns price and size, and side where it is known: 1 for a trade that a buyer began, -1
        for one that a seller did, 0 for neither. Times and order as in `require_quotes`.
    name : str, default="trades"
        What the errors call the frame.

    Returns
    -------
    DataFrame
        `frame` itself.

    Raises
    ------
    InputError
        When index or columns are not those of trades.
    NotEnoughData
        When it has no rows.
    BadData
        When time goes back, a price or size is NaN, infinite or not positive, or a side is not one
        of 1, 0 and -1.
    """
    _require_in_order(frame, ("price", "size"), name)
    _require_traded(frame, name)
    return frame


def require_ticks(frame: Trades, *, name: str = "ticks") -> Trades:
    """Check a long frame of trades, each with the quote that stood before it.

    Parameters
    ----------
    frame : DataFrame, shape ((timestamp, symbol), columns)
        What `require_trades` and `require_quotes` ask for, in one frame.
    name : str, default="ticks"
        What the errors call the frame.

    Returns
    -------
    DataFrame
        `frame` itself.

    Raises
    ------
    InputError
        When index or columns are not those of ticks.
    NotEnoughData
        When it has no rows.
    BadData
        As the two do; a trade before the first quote is one whose bid is NaN.
    """
    _require_in_order(frame, ("price", "size", "bid", "ask"), name)
    _require_traded(frame, name)
    _require_quoted(frame, name)
    return frame


def require_book(frame: Book, *, name: str = "book") -> Book:
    """Check a long frame of order books, a row for each state of one.

    Parameters
    ----------
    frame : DataFrame, shape ((timestamp, symbol), columns)
        Columns bid_price_0, bid_size_0, ask_price_0, ask_size_0, the best, then those of the
        levels behind it, as many on each side. Times and order as in `require_quotes`.
    name : str, default="book"
        What the errors call the frame.

    Returns
    -------
    DataFrame
        `frame` itself.

    Raises
    ------
    InputError
        When index or columns are not those of a book, or a level lacks one of its four.
    NotEnoughData
        When it has no rows.
    BadData
        When time goes back, a number is NaN, infinite or not positive, the best bid is above the
        best ask, or a level is not behind the one before it.
    """
    four = ("bid_price", "bid_size", "ask_price", "ask_size")
    _require_in_order(frame, tuple(f"{one}_0" for one in four), name)
    found = {one: {c for c in map(str, frame.columns) if c.startswith(f"{one}_")} for one in four}
    levels = max(map(len, found.values()))
    wanted = [f"{one}_{level}" for level in range(levels) for one in four]
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise InputError(
            f"{name} must have four columns for each of its {levels} levels",
            value=f"without {', '.join(missing[:4])}",
            remedy="keep as many levels as are whole: bid_price_0, bid_size_0, ask_price_0, ...",
        )
    _require_uncrossed(frame, "bid_price_0", "ask_price_0", name)
    _require_positive(frame, tuple(wanted), name)
    for side, behind in (("bid", -1.0), ("ask", 1.0)):
        columns = [f"{side}_price_{level}" for level in range(levels)]
        prices = _numbers(frame[columns], name)
        _require(
            (prices[:, 1:] - prices[:, :-1]) * behind > 0,
            prices[:, 1:],
            frame[columns[1:]],
            f"{name} must have each {side} behind the one before it",
            "sort the levels, the best first",
        )
    return frame


def _require_long(
    frame: pd.DataFrame, columns: tuple[str, ...], name: str, *, shape: str, rename: str
) -> None:
    """Check type, index and columns of a long frame, and that it has rows."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{name} must be a DataFrame", value=type(frame).__name__, remedy=shape)
    if list(frame.index.names) != ["timestamp", "symbol"]:
        raise InputError(
            f"{name} must be indexed by (timestamp, symbol)",
            value=list(frame.index.names),
            remedy=shape,
        )
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(
            f"{name} must have the columns {', '.join(columns)}",
            value=f"without {', '.join(missing)}",
            remedy=rename,
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InputError(f"{name} must have each column once", value=str(twice))
    if frame.empty:
        raise NotEnoughData(
            f"{name} must not be empty", value=frame.shape, remedy="widen the dates"
        )


def _require_in_order(frame: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    """Check ticks: a long frame in order of time, as they arrived within one."""
    import numpy as np
    import pandas as pd

    _require_long(frame, columns, name, shape=_TICKS_SHAPE, rename="rename the columns")
    assert isinstance(frame.index, pd.MultiIndex)
    # The index keeps each time once, and where it stands in each row: no time is looked up.
    level, places = frame.index.levels[0], frame.index.codes[0]
    _require_zone(level, name)
    if places.min() < 0:
        raise BadData(f"{name} must not have a missing time (NaT)", remedy="drop those rows")
    if frame.index.codes[1].min() < 0:
        raise BadData(f"{name} must not have a missing symbol", remedy="drop those rows")
    if level.is_monotonic_increasing and not (places[1:] < places[:-1]).any():
        return
    times = frame.index.get_level_values("timestamp")
    if not times.is_monotonic_increasing:
        back = int(np.argmax(times[1:] < times[:-1])) + 1
        when, symbol = frame.index[back]
        raise BadData(
            f"{name} must be in order of time",
            value=f"{symbol} at {_stamp(when)} after {_stamp(times[back - 1])}",
            remedy=f"{name}.sort_index(level='timestamp', sort_remaining=False, kind='stable')",
        )


def _require_traded(frame: pd.DataFrame, name: str) -> None:
    import numpy as np

    _require_positive(frame, ("price", "size"), name)
    if "side" in frame.columns:
        side = _numbers(frame[["side"]], name)
        _require(
            side == np.sign(side),
            side,
            frame[["side"]],
            f"{name} must have a side of 1, 0 or -1",
            "put 0 where it is not known",
        )


def _require_quoted(frame: pd.DataFrame, name: str) -> None:
    _require_uncrossed(frame, "bid", "ask", name)
    _require_positive(frame, ("bid", "ask", "bid_size", "ask_size"), name)


def _require_positive(frame: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    checked = frame[[column for column in columns if column in frame.columns]]
    # The rule in one look at each column; a NaN is no least number above 0.
    kept = [checked[column].to_numpy() for column in checked.columns]
    if all(one.dtype == "float64" and 0 < one.min() <= one.max() < inf for one in kept):
        return
    values = _numbers(checked, name)
    _require_finite(values, checked, name)
    _require(
        values > 0,
        values,
        checked,
        f"{name} must have positive prices and sizes",
        "drop those rows, or the levels that are empty",
    )


def _require_uncrossed(frame: pd.DataFrame, bid: str, ask: str, name: str) -> None:
    bids, asks = (_numbers(frame[side], name) for side in (bid, ask))
    # what is not known is told by the check of numbers
    crossed = bids > asks
    _require(
        ~crossed[:, None],
        bids[:, None],
        frame[[bid]],
        f"{name} must not be crossed, a bid above its ask",
        f"drop those rows: {name}[{name}.{bid} <= {name}.{ask}]",
    )


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
