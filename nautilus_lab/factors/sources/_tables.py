"""From the frames of a source to one input on the rows of a price frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from nautilus_lab.exceptions import BadData, InputError, LabError, NotEnoughData
from nautilus_lab.factors.point_in_time import Release, fiscal_values
from nautilus_lab.factors.point_in_time._knowledge import Knowledge, knowledge
from nautilus_lab.factors.point_in_time._moments import as_times
from nautilus_lab.factors.point_in_time._reindexed import on_rows
from nautilus_lab.factors.sources._definition import SourceInput
from nautilus_lab.factors.sources._figures import figures
from nautilus_lab.factors.sources._own_periods import over_own_periods

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import IntArray, Prices
    from nautilus_lab.factors.point_in_time._moments import Moments

_QUARTER_DAYS = 90  # by which the first day of a quarter lies before its last


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The rows that inputs are put on, and the frames they come from.

    Attributes
    ----------
    frames : mapping of str to DataFrame
        By the names of tables.
    like : DataFrame, shape (time, symbol)
        Prices.
    moments : ndarray
        When each row is decided.
    symbols : mapping of str to mapping
        Table -> name in the data -> symbol of the prices.
    """

    frames: Mapping[str, pd.DataFrame]
    like: Prices
    moments: Moments
    symbols: Mapping[str, Mapping[Any, str]]
    done: dict[SourceInputKey, pd.DataFrame] = field(default_factory=dict)
    # table -> series -> its rows
    places: dict[str, Mapping[str, IntArray]] = field(default_factory=dict)
    # table and concept -> its facts
    facts: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def of(self, one: SourceInput) -> pd.DataFrame:
        """Return an input on the rows; one column where it is everybody's.

        Raises
        ------
        InputError
            When its frame, or what it reads of the frame, is not there.
        NotEnoughData, BadData
            When the frame is empty or not in order.
        """
        key = (one.table.name, one.of, one.each, one.measure, one.ago)
        if key not in self.done:
            self.done[key] = self._made(one)
        return self.done[key]

    def _made(self, one: SourceInput) -> pd.DataFrame:
        import pandas as pd

        kind = one.table.kind
        if kind == "prices":
            return self.like
        if one.table.name not in self.frames:
            raise InputError(
                "the frame of the source must be given",
                value=f"{one.table.name!r} is not among {', '.join(self.frames) or 'none'}",
                remedy=f"pass frames={{{one.table.name!r}: ...}}",
            )
        frame = self.frames[one.table.name]
        if not isinstance(frame, pd.DataFrame):
            raise InputError(
                "what a source delivered must be a DataFrame", value=type(frame).__name__
            )
        if kind == "bars":
            return self._bars(one, frame)
        found = self.known(one, frame)
        everybody = self.like.iloc[:, :1]
        return on_rows(
            found,
            everybody if one.everybodys else self.like,
            self.moments,
            missing="skip",
            max_age=one.max_age or None,
        )

    def known(self, one: SourceInput, frame: pd.DataFrame) -> Knowledge:
        """Return an input with the moments from which its values are known."""
        if one.table.kind == "series" and not over_time(frame):
            frame = self._of_series(one, frame)
        if one.table.kind == "facts":
            key = (one.table.name, one.of)
            if key not in self.facts:
                self.facts[key] = _facts_of(one, frame)
            frame = self.facts[key]
        found = _READERS[one.table.kind](one, frame, self.symbols.get(one.table.name))
        if not one.each:
            return found
        return over_own_periods(found, one.each, one.release.frequency)

    def _of_series(self, one: SourceInput, frame: pd.DataFrame) -> pd.DataFrame:
        table = one.table.name
        if table not in self.places:
            self.places[table] = rows_by_series(frame, one.table.columns["series"])
        places = self.places[table]
        if one.of not in places:
            raise _unknown_series(one.of, places)
        return frame.iloc[places[one.of]]

    def _bars(self, one: SourceInput, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        named, _, column = one.of.rpartition(":")
        table = frame
        if not isinstance(frame.index, pd.MultiIndex):
            _require_columns(frame, ("timestamp", "symbol"))
            table = frame.set_index(["timestamp", "symbol"])
        _require_columns(table, (column,))
        if list(table.index.names) != ["timestamp", "symbol"]:
            raise InputError("bars must be indexed by (timestamp, symbol)", value=table.index.names)
        if not table.index.is_unique:
            time, symbol = table.index[table.index.duplicated()][0]
            raise BadData(
                "bars must have one row per (timestamp, symbol)", value=f"{symbol} at {time} twice"
            )
        times = table.index.levels[0]  # type: ignore[attr-defined]
        if not isinstance(times, pd.DatetimeIndex) or times.tz is None:
            raise InputError("bars must have tz-aware times", value=str(times.dtype))
        wide = figures(table[column], column).unstack("symbol")
        # A market index, which is not mapped, keeps its own name.
        wide = wide.rename(columns=dict(self.symbols.get(one.table.name, {})))
        wanted = [named] if named else list(self.like.columns)
        if not wide.columns.isin(wanted).any():
            raise NotEnoughData(
                "bars must be there of what is asked",
                value=f"none of {', '.join(map(str, wanted[:3]))}",
                remedy="pass its bars, or symbols={table: {name there: symbol of the prices}}",
            )
        # A bar is known at its close, so it belongs to the row of its own time and no other.
        found = wide.tz_convert("UTC").reindex(index=self.like.index, columns=wanted)
        if found.isna().all(axis=None):
            raise NotEnoughData(
                f"bars must know the {column} at some time of the prices",
                value=f"{times[0]} to {times[-1]}",
                remedy="stamp both alike: days at 00:00 UTC",
            )
        return found


# table, what of it, over its own periods, measure, years ago
SourceInputKey = tuple[str, str, str, str, int]
_Reader = Callable[["SourceInput", "pd.DataFrame", "Mapping[Any, str] | None"], Knowledge]


def _series(one: SourceInput, frame: pd.DataFrame, symbols: Mapping[Any, str] | None) -> Knowledge:
    if over_time(frame):
        if one.of not in frame.columns:
            raise _unknown_series(one.of, frame.columns)
        return knowledge(frame[one.of], release=one.release, name=one.of)
    columns = one.table.columns
    _require_columns(frame, (columns["period"], columns["value"]))
    told = columns["released"] in frame.columns
    values = figures(frame[columns["value"]], one.of)
    return knowledge(
        frame.assign(**{columns["value"]: values}).drop(columns="symbol", errors="ignore"),
        release=one.told if told else one.release,
        period=columns["period"],
        value=columns["value"],
        name=one.of,
    )


def _events(one: SourceInput, frame: pd.DataFrame, symbols: Mapping[Any, str] | None) -> Knowledge:
    import pandas as pd

    columns = one.table.columns
    parts = ("country", "event", "released", "actual", "forecast", "previous")
    _require_columns(frame, [columns[part] for part in parts])
    country, _, event = one.of.partition("|")
    chosen = frame[(frame[columns["country"]] == country) & (frame[columns["event"]] == event)]
    if not len(chosen):
        every = frame[columns["country"]].str.cat(frame[columns["event"]], sep="|")
        raise _unknown_series(one.of, every.unique())
    actual = figures(chosen[columns["actual"]], one.of)
    if one.measure == "surprise":
        actual = actual - figures(chosen[columns["forecast"]], one.of)
    elif one.measure == "revision":
        actual = actual - figures(chosen[columns["previous"]], one.of)
    times = zoned(chosen[columns["released"]], one)
    table = pd.DataFrame({columns["released"]: times, "value": actual}).dropna(subset="value")
    if not len(table):
        raise NotEnoughData("events must tell what is asked", value=f"{one.text}: none does")
    return knowledge(table, release=one.told, value="value", name=one.of)


def _facts(one: SourceInput, frame: pd.DataFrame, symbols: Mapping[Any, str] | None) -> Knowledge:
    return _fiscal(one, frame, _whose(frame), symbols)


def _whose(facts: pd.DataFrame) -> str:
    return "symbol" if "symbol" in facts.columns else "cik"


def _facts_of(one: SourceInput, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the facts of a concept."""
    symbol = _whose(frame)
    _require_columns(frame, (symbol, "tag", "unit", "start", "end", "val", "filed"))
    ranks = {tag: place for place, tag in enumerate(one.tags)}
    chosen = frame[frame["tag"].isin(ranks) & (frame["unit"] == one.unit)]
    if not len(chosen):
        raise InputError(
            "facts must have a tag of the concept",
            value=f"{one.of} is {' or '.join(one.tags)} in {one.unit}",
        )
    rank = chosen["tag"].map(ranks)
    if rank.nunique() > 1:  # of several tags for one thing the first that a filing used
        period = [chosen[column] for column in (symbol, "start", "end", "filed")]
        chosen = chosen[rank == rank.groupby(period, dropna=False).transform("min")]
    return chosen[[symbol, "start", "end", "val", "filed"]]


def _statements(
    one: SourceInput, frame: pd.DataFrame, symbols: Mapping[Any, str] | None
) -> Knowledge:
    import pandas as pd

    columns = one.table.columns
    _require_columns(frame, (columns["symbol"], columns["period"], one.of))
    ends = pd.Series(as_times(frame[columns["period"]], columns["period"]), frame.index)
    filed = ends + pd.Timedelta(days=one.release.days)
    if columns["released"] in frame.columns:
        reported = frame[columns["released"]].replace("None", None)
        said = reported.notna()
        if said.any():
            days = as_times(reported[said], columns["released"])
            filed[said] = days.tz_localize(None).normalize().as_unit(filed.dt.unit)
    table = pd.DataFrame(
        {
            "symbol": frame[columns["symbol"]],
            "start": ends - pd.Timedelta(days=_QUARTER_DAYS),
            "end": ends,
            "filed": filed,
            "val": figures(frame[one.of], one.of),
        }
    )
    if one.measure == "instant":
        table["start"] = pd.NaT
    return _fiscal(one, table, "symbol", symbols)


def _fiscal(
    one: SourceInput,
    facts: pd.DataFrame,
    symbol: str,
    symbols: Mapping[Any, str] | None,
) -> Knowledge:
    found = fiscal_values(
        facts,
        measure=one.measure,  # type: ignore[arg-type]
        ago=one.ago,
        symbol=symbol,
        name=one.of,
    )
    if not len(found):
        raise NotEnoughData(
            "facts must cover the periods of a measure",
            value=f"{one.text}: none of {facts[symbol].nunique()} companies does",
            remedy="pass more of their history",
        )
    release = Release(column="released", at=one.told.at, zone=one.told.zone)
    return knowledge(
        found, release=release, period="period", value="value", symbols=symbols, name=one.of
    )


def _snapshots(
    one: SourceInput, frame: pd.DataFrame, symbols: Mapping[Any, str] | None
) -> Knowledge:
    columns = one.table.columns
    _require_columns(frame, (columns["symbol"], columns["released"], one.of))
    table = frame[[columns["symbol"], columns["released"]]]
    return knowledge(
        table.assign(value=figures(frame[one.of], one.of)),
        release=one.told,
        symbol=columns["symbol"],
        value="value",
        symbols=symbols,
        name=one.of,
    )


_READERS: Mapping[str, _Reader] = {
    "series": _series,
    "events": _events,
    "facts": _facts,
    "statements": _statements,
    "snapshots": _snapshots,
}


def zoned(told: pd.Series[Any], one: SourceInput) -> pd.Series[Any]:
    """Read the times of events; without a zone they are of the table's."""
    import pandas as pd

    times = as_times(told, one.table.columns["released"])
    return pd.Series(times if times.tz else times.tz_localize(one.table.zone), told.index)


def over_time(frame: pd.DataFrame) -> bool:
    """Return whether a frame of series is wide: periods in rows, series in columns."""
    import pandas as pd

    return isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex)


def rows_by_series(frame: pd.DataFrame, column: str) -> Mapping[str, IntArray]:
    """Return which rows of a long frame are of which series.

    Parameters
    ----------
    frame : DataFrame
    column : str
        That names the series, or several, joined as it says: ``"Country|Category"``.
    """
    first, *others = re.split(r"([|/])", column)
    _require_columns(frame, (first, *others[1::2]))
    names = frame[first].astype(str)
    for sign, other in zip(others[::2], others[1::2], strict=True):
        names = names + sign + frame[other].astype(str)
    return cast("Mapping[str, IntArray]", names.groupby(names.to_numpy()).indices)


def place(error: LabError, factor: str, one: SourceInput | None) -> LabError:
    """Return an error that names the factor, its input and the frame, too."""
    where = "" if one is None else f", {one.name} = {one.of} of {one.table.name}"
    return type(error)(f"{factor}{where}: {error.rule}", value=error.value, remedy=error.remedy)


def _require_columns(frame: pd.DataFrame, wanted: Any) -> None:
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise InputError(
            "the frame must have the columns that are read",
            value=f"without {', '.join(map(str, missing))}; it has "
            f"{', '.join(map(str, frame.columns))}",
        )


def _unknown_series(name: str, every: Any) -> InputError:
    from difflib import get_close_matches

    names = [str(one) for one in every]
    near = get_close_matches(name, names, n=3) or names[:3]
    return InputError(
        "the frame must have the series",
        value=f"{name!r} is not among {len(names)} series",
        remedy=f"it has {', '.join(near)}" + (", ..." if len(names) > len(near) else ""),
    )
