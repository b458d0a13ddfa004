"""Prices, bars and macro series, read from the catalog."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import (
    InputError,
    LabError,
    NotEnoughData,
    UnknownSymbol,
)
from nautilus_lab.marketdata._catalog import CatalogEntry, read_dataset, read_manifest
from nautilus_lab.marketdata._datasets import BY_NAME
from nautilus_lab.provenance import Provenance, mark

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, Prices

    When: TypeAlias = str | date | pd.Timestamp | None  # a datetime is a date

# symbols and the sets they are taken from when none are named
_DEFAULT_PRICES, _DEFAULT_BARS = "us_stocks", "us_stock_bars"


@dataclass(frozen=True)
class MarketDataEngine:
    """The catalog, as frames.

    A symbol may stand in several sets. `prices` takes the sets of closes before those of bars, so
    AAPL is that of the 20 stocks, 1990 to 2022; `bars` takes those of bars, where AAPL runs from
    2000 to 2013. `symbols()` lists them all.

    Parameters
    ----------
    directory : path
        Where `build_catalog` put it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from nautilus_lab.marketdata import build_catalog
    >>> with TemporaryDirectory() as folder:
    ...     data = MarketDataEngine(build_catalog(folder).directory)
    ...     prices = data.prices(["JNJ", "KO"], start="2020-01-02", end="2020-01-03")
    ...     index = data.benchmark("SP500", start="2022-12-28")
    >>> prices["KO"].tolist()
    [49.308, 49.039]
    >>> index.tolist()
    [3783.22]
    """

    directory: Path
    name: str = field(default="marketdata", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "directory", Path(self.directory))

    def health(self) -> Health:
        """Report whether the catalog is there; reads the manifest only."""
        try:
            entries = read_manifest(self.directory)
        except LabError as error:
            return Health(state=State.DEGRADED, detail=str(error))
        since = (self.directory / "manifest.json").stat().st_mtime_ns
        return Health(state=State.READY, detail=f"{len(entries)} data sets", since_ns=since)

    def prices(
        self,
        symbols: Iterable[str] | str | None = None,
        *,
        start: When = None,
        end: When = None,
    ) -> Prices:
        """Read closes.

        Parameters
        ----------
        symbols : iterable of str, optional
            In the order wanted. The 20 US stocks when not given.
        start, end : str, date or Timestamp, optional
            Both inclusive. A string may name a year or a month: ``end="2010"`` is its last day.

        Returns
        -------
        DataFrame, shape (time, symbol)
            Adjusted closes in the unit of `symbols()`, on the days on which every symbol has one;
            where that cuts a symbol's history short, a notice of the frame says so. The index is
            UTC, sorted and unique; the frame carries its provenance.

        Raises
        ------
        CatalogMissing
            When the catalog was not built.
        UnknownSymbol
            When a symbol has no closes; names those that look like it.
        InputError
            When a date is not one, or `end` lies before `start`.
        NotEnoughData
            When no day of the span has a price of every symbol.
        BadData
            When a file of the catalog is damaged.
        """
        import pandas as pd

        entries = read_manifest(self.directory)
        wanted = _listed(symbols, default=list(entries[_DEFAULT_PRICES].series))
        begin, until = _bounds(start, end)
        homes = {s: _home(entries, s, ("closes", "bars"), "prices") for s in wanted}
        columns: dict[str, pd.Series[float]] = {}
        for entry in _distinct(homes.values()):
            frame = read_dataset(self.directory, entry.name)
            mine = [s for s in wanted if homes[s] is entry]
            if entry.kind == "bars":
                wide = frame["close"].unstack("symbol")
                columns |= {s: wide[s].dropna() for s in mine}
            else:
                columns |= {s: frame[s] for s in mine}
        columns = {s: columns[s].loc[begin:until] for s in wanted}
        for symbol, series in columns.items():
            _require_some(len(series), symbol, homes[symbol])
        joined = pd.concat(columns, axis=1, join="inner", sort=True).astype(float)
        joined.columns.name = None
        _require_some(len(joined), "every symbol of the list", *homes.values())
        notices = _shortened(columns, joined)
        return _marked(joined, homes.values(), notices)

    def benchmark(
        self, symbol: str = "SP500", *, start: When = None, end: When = None
    ) -> pd.Series[float]:
        """Read the closes of one symbol as a series.

        Parameters
        ----------
        symbol : str, default="SP500"
            An index or any other symbol with prices.
        start, end : str, date or Timestamp, optional
            Both inclusive, as in `prices`.

        Returns
        -------
        Series, shape (time,)
            Closes, named `symbol`, carrying their provenance.

        Raises
        ------
        LabError
            As `prices` does.
        """
        return self.prices([symbol], start=start, end=end)[symbol]

    def bars(
        self,
        symbols: Iterable[str] | str | None = None,
        *,
        start: When = None,
        end: When = None,
    ) -> Bars:
        """Read daily bars.

        Parameters
        ----------
        symbols : iterable of str, optional
            The five US stocks when not given.
        start, end : str, date or Timestamp, optional
            Both inclusive, as in `prices`.

        Returns
        -------
        DataFrame, shape ((timestamp, symbol), 5)
            Columns open, high, low, close and volume, sorted by (timestamp, symbol). Symbols may
            begin and end on different days. The frame carries its provenance.

        Raises
        ------
        CatalogMissing
            When the catalog was not built.
        UnknownSymbol
            When a symbol has no bars; says so if it has closes.
        InputError
            When a date is not one, or `end` lies before `start`.
        NotEnoughData
            When a symbol has no bar in the span.
        BadData
            When a file of the catalog is damaged.
        """
        import pandas as pd

        entries = read_manifest(self.directory)
        wanted = _listed(symbols, default=list(entries[_DEFAULT_BARS].series))
        begin, until = _bounds(start, end)
        homes = {s: _home(entries, s, ("bars",), "bars") for s in wanted}
        parts = []
        for entry in _distinct(homes.values()):
            frame = read_dataset(self.directory, entry.name)
            mine = [s for s in wanted if homes[s] is entry]
            part = frame[frame.index.get_level_values("symbol").isin(mine)]
            part = part.loc[begin:until]
            there = set(part.index.get_level_values("symbol"))
            for symbol in mine:
                _require_some(int(symbol in there), symbol, entry)
            parts.append(part)
        return _marked(pd.concat(parts).sort_index(), homes.values())

    def macro(
        self,
        names: Iterable[str] | str | None = None,
        *,
        start: When = None,
        end: When = None,
    ) -> pd.DataFrame:
        """Read volatility, oil, yields, factor returns, consumer prices and the like.

        Parameters
        ----------
        names : iterable of str, optional
            In the order wanted. Every series when not given.
        start, end : str, date or Timestamp, optional
            Both inclusive, as in `prices`.

        Returns
        -------
        DataFrame, shape (time, name)
            In the unit of `symbols()`; rates and returns are fractions. Rows are the days on
            which at least one series has a value, so series of different frequencies leave NaN
            between them. Monthly and quarterly values stand on the last day of their period.

        Raises
        ------
        CatalogMissing
            When the catalog was not built.
        UnknownSymbol
            When a name is none of the series; names those that look like it.
        InputError
            When a date is not one, or `end` lies before `start`.
        NotEnoughData
            When a series has no value in the span.
        BadData
            When a file of the catalog is damaged.
        """
        import pandas as pd

        entries = read_manifest(self.directory)
        every = [s for e in entries.values() if e.kind == "macro" for s in e.series]
        wanted = _listed(names, default=every)
        begin, until = _bounds(start, end)
        homes = {s: _home(entries, s, ("macro",), "macro series") for s in wanted}
        columns: dict[str, pd.Series[float]] = {}
        for entry in _distinct(homes.values()):
            frame = read_dataset(self.directory, entry.name).loc[begin:until]
            columns |= {s: frame[s] for s in wanted if homes[s] is entry}
        for symbol in wanted:
            # Of everything, what lies outside the span may be left out; of a list, nothing may.
            if names is None and columns[symbol].empty:
                del columns[symbol]
            else:
                _require_some(len(columns[symbol]), symbol, homes[symbol])
        _require_some(len(columns), "any macro series", *homes.values())
        kept = {s: columns[s] for s in wanted if s in columns}
        joined = pd.concat(kept, axis=1, sort=True)
        joined.columns.name = None
        return _marked(joined, [homes[s] for s in kept])

    def symbols(self, matching: str = "") -> pd.DataFrame:
        """List every series of the catalog.

        Parameters
        ----------
        matching : str, default=""
            Keep those whose symbol, description, data set or kind contains this, in any case.

        Returns
        -------
        DataFrame
            Columns symbol, kind, dataset, description, unit, first, last (dates, UTC) and rows;
            one row per symbol and data set. Empty when nothing matches.

        Raises
        ------
        CatalogMissing
            When the catalog was not built.
        """
        import pandas as pd

        rows = [
            {
                "symbol": symbol,
                "kind": entry.kind,
                "dataset": entry.name,
                "description": BY_NAME[entry.name].series[symbol],
                "unit": entry.unit,
                "first": pd.Timestamp(span.first, tz="UTC"),
                "last": pd.Timestamp(span.last, tz="UTC"),
                "rows": span.rows,
            }
            for entry in read_manifest(self.directory).values()
            for symbol, span in entry.series.items()
        ]
        sought = matching.casefold()
        searched = ("symbol", "description", "dataset", "kind")
        kept = [row for row in rows if any(sought in str(row[c]).casefold() for c in searched)]
        return pd.DataFrame(kept, columns=list(rows[0]))

    def datasets(self) -> pd.DataFrame:
        """List the data sets: what they hold, how much, from which package, under which licence.

        Returns
        -------
        DataFrame
            Indexed by name; columns kind, contents, series (how many), rows, first, last, package,
            version, licence and notices.

        Raises
        ------
        CatalogMissing
            When the catalog was not built.
        """
        import pandas as pd

        entries = read_manifest(self.directory)
        return pd.DataFrame(
            {
                "kind": [e.kind for e in entries.values()],
                "contents": [BY_NAME[name].contents for name in entries],
                "series": [len(e.series) for e in entries.values()],
                "rows": [e.rows for e in entries.values()],
                "first": [pd.Timestamp(e.first, tz="UTC") for e in entries.values()],
                "last": [pd.Timestamp(e.last, tz="UTC") for e in entries.values()],
                "package": [e.package for e in entries.values()],
                "version": [e.version for e in entries.values()],
                "licence": [e.licence for e in entries.values()],
                "notices": [" ".join(e.notices) for e in entries.values()],
            },
            index=pd.Index(list(entries), name="dataset"),
        )


def _listed(symbols: Iterable[str] | str | None, default: Sequence[str]) -> list[str]:
    if symbols is None:
        return list(default)
    listed = [symbols] if isinstance(symbols, str) else list(symbols)
    if not listed:
        raise InputError(
            "at least one symbol must be named", value=listed, remedy="leave it out for the default"
        )
    for symbol in listed:
        if not isinstance(symbol, str):
            raise InputError("symbols must be strings", value=symbol, remedy="pass ['AAPL', 'KO']")
    if len(set(listed)) < len(listed):
        twice = next(s for s in listed if listed.count(s) > 1)
        raise InputError("each symbol must be named once", value=twice, remedy="drop the copy")
    return listed


def _home(
    entries: dict[str, CatalogEntry], symbol: str, kinds: tuple[str, ...], what: str
) -> CatalogEntry:
    """Return the set `symbol` is read from: the first of the first kind that has it."""
    for kind in kinds:
        for entry in entries.values():
            if entry.kind == kind and symbol in entry.series:
                return entry
    elsewhere = [e for e in entries.values() if symbol in e.series]
    if elsewhere:
        reader = "macro" if elsewhere[0].kind == "macro" else "prices"
        raise UnknownSymbol(
            f"the catalog must have {what} of a symbol",
            value=f"{symbol}, which has {elsewhere[0].kind} only",
            remedy=f"read it by {reader}()",
        )
    known = {s.casefold(): s for e in entries.values() if e.kind in kinds for s in e.series}
    close = difflib.get_close_matches(symbol.casefold(), known, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(known[c] for c in close)}? " if close else ""
    raise UnknownSymbol(
        f"the catalog must have {what} of a symbol",
        value=symbol,
        remedy=f"{meant}symbols() lists what there is",
    )


def _bounds(start: When, end: When) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    begin, until = _moment(start, "start", at_end=False), _moment(end, "end", at_end=True)
    if begin is not None and until is not None and until < begin:
        raise InputError(
            "end must not lie before start",
            value=f"start={start}, end={end}",
            remedy="swap them",
        )
    return begin, until


def _moment(when: When, name: str, *, at_end: bool) -> pd.Timestamp | None:
    """Read a date; a string that names a year, a month or a day means all of it."""
    import pandas as pd

    if when is None:
        return None
    try:
        if isinstance(when, str):
            span = pd.Period(when)
            if not isinstance(span, pd.Period):  # NaT
                raise ValueError
            moment = span.end_time if at_end else span.start_time
        elif type(when) is date:
            moment = pd.Timestamp(when)
            if at_end:
                moment += pd.Timedelta(days=1) - pd.Timedelta(nanoseconds=1)
        elif isinstance(when, date | pd.Timestamp):
            moment = pd.Timestamp(when)
        else:
            raise TypeError
        if pd.isna(moment):
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise InputError(
            f"{name} must be a date", value=when, remedy="pass '2010', '2010-06-30' or a Timestamp"
        ) from None
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")


def _require_some(count: int, what: str, *homes: CatalogEntry) -> None:
    if count:
        return
    shown = _distinct(homes)[:3]
    spans = ", ".join(f"{e.name} has {e.first} to {e.last}" for e in shown)
    if what in shown[0].series:
        span = shown[0].series[what]
        spans = f"{shown[0].name} has it from {span.first} to {span.last}"
    raise NotEnoughData(
        "the span must hold at least one observation", value=what, remedy=f"change it: {spans}"
    )


def _shortened(columns: dict[str, pd.Series[float]], joined: pd.DataFrame) -> tuple[str, ...]:
    """Say it when days of some symbols were left out because others have no price then."""
    longest = max(columns.values(), key=len)
    if len(longest) == len(joined):
        return ()
    late = max(columns, key=lambda s: columns[s].index[0])
    early = min(columns, key=lambda s: columns[s].index[-1])
    span = f"{_day(joined.index[0])} to {_day(joined.index[-1])}"
    return (
        f"Only the {len(joined)} days on which every symbol has a price are used, {span}: "
        f"{late} starts on {_day(columns[late].index[0])}, "
        f"{early} ends on {_day(columns[early].index[-1])}.",
    )


def _day(time: pd.Timestamp) -> str:
    return str(time.date())


def _distinct(entries: Iterable[CatalogEntry]) -> list[CatalogEntry]:
    return list({entry.name: entry for entry in entries}.values())


def _marked(
    frame: pd.DataFrame, homes: Iterable[CatalogEntry], notices: tuple[str, ...] = ()
) -> pd.DataFrame:
    used = _distinct(homes)
    told = dict.fromkeys(n for entry in used for n in entry.notices)
    source = ", ".join(f"{e.package} {e.version} {e.name}" for e in used)
    return mark(frame, Provenance(source=source, notices=(*told, *notices)))
