"""Who knew what when: values with the moment from which they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.point_in_time._moments import HOUR, as_times, is_day, microseconds
from nautilus_lab.factors.point_in_time._release import Release

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray
    from nautilus_lab.factors.point_in_time._moments import Moments

Revision = Literal["latest", "first"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """Values in the order of symbol, moment and period.

    Attributes
    ----------
    symbols : Index
        Of whom; empty when the values are everybody's.
    codes : ndarray
        Which of them, 0 where they are everybody's.
    periods, known : ndarray of int
        What time a value is of and when it became known, microseconds since 1970 UTC.
    values : ndarray
    """

    symbols: pd.Index[Any]
    codes: IntArray
    periods: Moments
    known: Moments
    values: FloatArray

    def __len__(self) -> int:
        return len(self.codes)

    def where(self, chosen: BoolArray | IntArray) -> Knowledge:
        """Return some of the values, in their order."""
        return replace(
            self,
            codes=self.codes[chosen],
            periods=self.periods[chosen],
            known=self.known[chosen],
            values=self.values[chosen],
        )

    def ordered(self, name: str) -> Knowledge:
        """Return the values in order, what is there twice only once.

        Raises
        ------
        BadData
            When one value of a period became known as two at the same moment.
        """
        import numpy as np

        found = self.where(np.lexsort((self.periods, self.known, self.codes)))
        same = (
            (np.diff(found.codes) == 0)
            & (np.diff(found.known) == 0)
            & (np.diff(found.periods) == 0)
        )
        if not same.any():
            return found
        one, other = found.values[:-1], found.values[1:]
        equal = (one == other) | (np.isnan(one) & np.isnan(other))
        if (same & ~equal).any():
            place = int((same & ~equal).argmax())
            raise BadData(
                f"{name} must tell one value of a period at a moment",
                value=f"{found.place(place)}: {one[place]:g} and {other[place]:g}",
                remedy="keep one of them, or tell the moments apart",
            )
        return found.where(np.append(True, ~same))

    def place(self, row: int) -> str:
        """Return in words where a value stands."""
        whose = f"{self.symbols[self.codes[row]]} " if len(self.symbols) else ""
        return f"{whose}of {_written(self.periods[row])}, known {_written(self.known[row])}"

    def newest(self, revision: Revision) -> Knowledge:
        """Return the values that were the newest when they became known.

        What is learnt of an older period than is known already is left out; of the newest one
        every revision stays, or with ``"first"`` none.
        """
        import numpy as np

        if not len(self):
            return self
        ranks = np.unique(self.periods, return_inverse=True)[1].astype(np.int64)
        # Symbols follow one another, so one running maximum serves all of them.
        order = self.codes * (int(ranks.max()) + 1) + ranks
        highest = np.maximum.accumulate(order)
        if revision == "latest":
            return self.where(order == highest)
        before = np.concatenate(([-1], highest[:-1]))
        return self.where(order > before)

    def rows(self, moments: Moments, *, columns: int, carry: bool) -> NDArray[np.int32]:
        """Return which value each row knows, -1 where none.

        Parameters
        ----------
        moments : ndarray, shape (rows,)
            Rising.
        columns : int
            How many codes there are.
        carry : bool
            Whether a value is known in every later row, or in the first one only.

        Returns
        -------
        ndarray, shape (columns, rows)
        """
        import numpy as np

        found = np.full((columns, len(moments)), -1, dtype=np.int32)
        first = np.searchsorted(moments, self.known, side="left")
        seen = first < len(moments)
        # Of several that arrive in one row the last one assigned stays: the newest.
        found[self.codes[seen], first[seen]] = np.flatnonzero(seen)
        if carry:
            np.maximum.accumulate(found, axis=1, out=found)
        return found


def knowledge(
    data: pd.DataFrame | pd.Series[Any],
    *,
    release: Release,
    period: str = "",
    value: str = "",
    symbol: str = "",
    symbols: Mapping[Any, str] | None = None,
    name: str = "data",
) -> Knowledge:
    """Read a dataset; see `reindexed_like` for its forms."""
    import numpy as np
    import pandas as pd

    table = _long(data, release, period, value, symbol, name)
    if not len(table):
        raise NotEnoughData(f"{name} must not be empty", value="0 rows", remedy="widen the dates")
    moments = release.moments(table["released"], f"{name}[{release.column or 'period'!r}]")
    periods = _ordering(as_times(table["period"], f"{name}[{period or 'period'!r}]"))
    try:
        values = table["value"].to_numpy(dtype=float, na_value=float("nan"))
    except (TypeError, ValueError, OverflowError):
        raise BadData(
            f"{name} must be numbers",
            value=str(table["value"].dtype),
            remedy="convert: pd.to_numeric(frame[...], errors='coerce')",
        ) from None
    names: pd.Index[Any] = pd.Index([])
    codes = np.zeros(len(table), dtype=np.int64)
    if "symbol" in table:
        if table["symbol"].isna().any():
            raise BadData(
                f"{name} must not have a missing symbol",
                value=f"row {table.index[int(table['symbol'].isna().argmax())]!r}",
                remedy="drop those rows",
            )
        whose = table["symbol"] if symbols is None else table["symbol"].map(symbols)
        if whose.isna().all():
            raise NotEnoughData(
                f"{name} must name one of the symbols",
                value=", ".join(map(str, table["symbol"].unique()[:3])),
                remedy="map them: symbols={name in the data: symbol of the prices}",
            )
        codes, names = pd.factorize(whose)
        codes = codes.astype(np.int64)
    found = Knowledge(
        symbols=names,
        codes=codes,
        periods=periods,
        known=moments,
        values=values,
    ).where(codes >= 0)
    _require_finite(found, name)
    if not release.ahead:
        _require_past(found, name)
    return found.ordered(name)


def _ordering(periods: pd.DatetimeIndex) -> Moments:
    """Return what values are ordered by: dates as they are written, times in UTC."""
    import numpy as np

    written = periods.tz_localize(None).as_unit("us").asi8
    if periods.tz is None:
        return written
    return np.where(is_day(periods), written, microseconds(periods))


def _long(
    data: pd.DataFrame | pd.Series[Any],
    release: Release,
    period: str,
    value: str,
    symbol: str,
    name: str,
) -> pd.DataFrame:
    """Return columns released, period, value and, unless it is everybody's, symbol."""
    import pandas as pd

    if isinstance(data, pd.Series):
        value = value or "value"
        data = data.rename(value).to_frame()
        if not isinstance(data.index, pd.MultiIndex):
            return _over_time(data, release, name).drop(columns="symbol")
    if not isinstance(data, pd.DataFrame):
        raise InputError(f"{name} must be a DataFrame or a Series", value=type(data).__name__)
    if not data.columns.is_unique:
        twice = data.columns[data.columns.duplicated()][0]
        raise BadData(f"{name} must have each column once", value=str(twice))
    told = value or symbol or release.column or "symbol" in data.columns
    if isinstance(data.index, pd.DatetimeIndex | pd.PeriodIndex) and not told:
        return _over_time(data, release, name)
    if any(level is not None for level in data.index.names):
        data = data.reset_index()
    if not symbol and "symbol" in data.columns:
        symbol = "symbol"
    stamp = release.column or period or _only(data, _dates(data), "dates", "period", name)
    period = period or stamp
    roles = {"released": stamp, "period": period, "symbol": symbol}
    if not value:
        others = [c for c in _numbers(data) if c not in roles.values()]
        value = _only(data, others, "numbers", "value", name)
    roles["value"] = value
    if not symbol:
        del roles["symbol"]
    for role, column in roles.items():
        if column not in data.columns:
            raise InputError(
                f"{name} must have the column of its {role}",
                value=f"{column!r} is not among {', '.join(map(str, data.columns))}",
                remedy=f"name it: {role}=...",
            )
    return pd.DataFrame({role: data[column] for role, column in roles.items()})


def _over_time(data: pd.DataFrame, release: Release, name: str) -> pd.DataFrame:
    """Return a series, or a wide frame of symbols, as rows."""
    import pandas as pd

    if not isinstance(data.index, pd.DatetimeIndex | pd.PeriodIndex):
        raise InputError(f"{name} must be indexed by time", value=f"an index of {data.index.dtype}")
    if release.column:
        raise InputError(
            f"{name} has no column that tells its release",
            value=release.column,
            remedy="pass a long frame, or a lag: released=Release(days=1)",
        )
    times = data.index.to_series().reset_index(drop=True)
    parts = [
        pd.DataFrame({"released": times, "period": times, "symbol": c, "value": data[c].to_numpy()})
        for c in data.columns
    ]
    if not parts:
        raise NotEnoughData(f"{name} must not be empty", value=data.shape)
    return pd.concat(parts, ignore_index=True)


def _dates(data: pd.DataFrame) -> list[str]:
    import pandas as pd

    return [c for c in data.columns if pd.api.types.is_datetime64_any_dtype(data[c].dtype)]


def _numbers(data: pd.DataFrame) -> list[str]:
    import pandas as pd

    return [
        c
        for c in data.columns
        if pd.api.types.is_numeric_dtype(data[c].dtype)
        and not pd.api.types.is_bool_dtype(data[c].dtype)
    ]


def _only(data: pd.DataFrame, found: list[str], what: str, role: str, name: str) -> str:
    if len(found) != 1:
        raise InputError(
            f"{name} must have one column of {what}, or be told which is its {role}",
            value=", ".join(map(str, found or data.columns)),
            remedy=f"name it: {role}=...",
        )
    return found[0]


def _require_finite(found: Knowledge, name: str) -> None:
    import numpy as np

    infinite = np.isinf(found.values)
    if infinite.any():
        raise BadData(
            f"{name} must be finite or NaN",
            value=found.place(int(infinite.argmax())),
            remedy="mend the source",
        )


def _require_past(found: Knowledge, name: str) -> None:
    # A date begins up to 14 hours before it does in UTC.
    early = found.known < found.periods - 14 * HOUR
    if early.any():
        raise BadData(
            f"{name} must not be known before its period",
            value=found.place(int(early.argmax())),
            remedy="mend the source, or say that it is a forecast: Release(ahead=True)",
        )


def _written(moment: Any) -> str:
    import pandas as pd

    time = pd.Timestamp(int(moment), unit="us")
    return str(time.date()) if time == time.normalize() else f"{time.isoformat()}Z"
