"""`nautilus-lab features compute`: features of bars or ticks, shown, or written to a file."""

from __future__ import annotations

import argparse
import contextlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._shown import add_json, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import BadData, DataError, InputError, UnknownSymbol

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.lab import Lab

_FORMS = (".parquet", ".csv")
_INDEX = ["timestamp", "symbol"]


def add_compute(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command; returns its parser."""
    parser = add_verb(verbs, "compute", _compute, "features of bars: the last ones, or all")
    parser.add_argument(
        "features", nargs="+", metavar="FEATURE", help="'rsi', 'bbands(timeperiod=20)'"
    )
    parser.add_argument("--symbols", help="AAPL,MSFT; all that have bars when not given")
    parser.add_argument("--start", help="the first day: 2020-01-31")
    parser.add_argument("--end", help="the last day")
    parser.add_argument(
        "--bars",
        type=Path,
        metavar="FILE",
        help="your own rows, .parquet or .csv: timestamp, symbol, open, high, low, close, volume; "
        "or the quotes, trades, ticks or books that the features are of",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="all values, .parquet or .csv")
    return add_json(parser)


def _compute(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    if chosen.out is not None:
        _require_form(chosen.out)
    lab = Lab(chosen.root)
    frame = lab.features.compute(_rows(lab, chosen), chosen.features).frame()
    if chosen.out is not None:
        _write(frame, chosen.out)
    last = frame.groupby(level="symbol", sort=True).tail(1).reset_index()
    if chosen.json:
        told = last.assign(timestamp=last["timestamp"].map(lambda when: when.isoformat()))
        return show_json(told.astype(object).where(told.notna(), None).to_dict(orient="records"))
    columns = ["symbol", "timestamp", *last.columns[2:]]
    show_table(columns, [_row(row) for row in last[columns].itertuples(index=False)], none="bars")
    if chosen.out is not None:
        print(f"{len(frame):,} rows of {frame.shape[1]} features in {chosen.out}")


def _row(row: tuple[object, ...]) -> tuple[object, ...]:
    symbol, when, *values = row
    return symbol, f"{when:%Y-%m-%d %H:%M}", *[f"{value:.6g}" for value in values]


def _rows(lab: Lab, chosen: argparse.Namespace) -> pd.DataFrame:
    specs = [lab.features.registry.spec(one) for one in chosen.features]
    symbols = None
    if chosen.symbols is not None:
        symbols = [one.strip() for one in chosen.symbols.split(",")]
        if not all(symbols):
            raise InputError("symbols are names with commas between", value=chosen.symbols)
    if chosen.bars is not None:
        return _of_file(chosen.bars, symbols, chosen.start, chosen.end)
    others = [spec for spec in specs if spec.as_usual and spec.feature.data != "bars"]
    if others:
        raise InputError(
            "the catalog has bars alone",
            value=f"{others[0].label} of {others[0].feature.data}",
            remedy="pass a file of them: --bars FILE",
        )
    return lab.marketdata.bars(symbols, start=chosen.start, end=chosen.end)


def _of_file(
    path: Path, symbols: list[str] | None, start: str | None, end: str | None
) -> pd.DataFrame:
    """Read rows; raises BadData where they have no time or symbol, DataError where none is read."""
    import numpy as np
    import pandas as pd

    rows = _read(path)
    if lacking := [name for name in _INDEX if name not in rows.columns]:
        raise BadData(f"bars need the column {lacking[0]}", value=path)
    unnamed = rows["symbol"].isna() | (rows["symbol"] == "")
    if unnamed.any():
        raise BadData("a bar needs a symbol", value=f"{path}: row {int(unnamed.argmax()) + 1}")
    rows = rows.assign(timestamp=_times(rows["timestamp"], path), symbol=rows["symbol"].map(str))
    wanted = np.ones(len(rows), bool)
    if symbols is not None:
        if strange := [one for one in symbols if not (rows["symbol"] == one).any()]:
            raise UnknownSymbol("the file must have rows of each symbol", value=strange[0])
        wanted &= rows["symbol"].isin(symbols).to_numpy()
    if start:
        wanted &= (rows["timestamp"] >= _day(start)).to_numpy()
    if end:
        wanted &= (rows["timestamp"] < _day(end) + pd.Timedelta(days=1)).to_numpy()
    return rows[wanted].set_index(_INDEX)


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    _require_form(path)
    try:
        if not path.is_file():  # nor a name of something on a network
            raise FileNotFoundError("there is no such file")
        read = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (OSError, ValueError, NotImplementedError) as error:
        raise DataError("bars must be readable", value=f"{path}: {error}") from error
    levels = [name for name in read.index.names if name is not None]
    if not levels:
        return read
    return read.reset_index(drop=any(name in read.columns for name in levels))


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a table in which a symbol is a text: one of them is NA, and one may be 007."""
    import pandas as pd

    columns = pd.read_csv(path, nrows=0).columns
    unknown = {name: ["", "NA", "NaN", "nan"] for name in columns if name != "symbol"}
    return pd.read_csv(path, dtype={"symbol": str}, keep_default_na=False, na_values=unknown)


def _times(told: pd.Series[pd.Timestamp], path: Path) -> pd.Series[pd.Timestamp]:
    """Return times in UTC: a zone has two offsets in a year."""
    import pandas as pd

    try:
        try:
            times = pd.to_datetime(told)
        except ValueError as error:
            if "Mixed timezones" not in str(error):
                raise
            times = pd.to_datetime(told, utc=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadData("a bar needs a time", value=f"{path}: {error}") from error
    if times.isna().any():
        missing = int(times.isna().argmax()) + 1
        raise BadData("a bar needs a time", value=f"{path}: row {missing} has none")
    if times.dt.tz is None:
        raise InputError(
            "times must say their zone",
            value=f"{path}: {told.iloc[0]}" if len(told) else path,
            remedy="write 2024-01-31T14:30:00Z",
        )
    return times


def _day(text: str) -> pd.Timestamp:
    import pandas as pd

    try:
        day = pd.Timestamp(text, tz="UTC")
    except (ValueError, OverflowError) as error:
        raise InputError("a day is written 2020-01-31", value=text) from error
    if pd.isna(day):
        raise InputError("a day is written 2020-01-31", value=text)
    return day


def _require_form(path: Path) -> None:
    if path.suffix not in _FORMS:
        raise InputError("a file of frames is .parquet or .csv", value=path)


def _write(frame: pd.DataFrame, out: Path) -> None:
    """Write all of it or nothing: a reader never sees half a file."""
    # a name that nobody can have put a link at, nor another run writes to
    part = out.with_name(f".features-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            if out.suffix == ".parquet":
                frame.to_parquet(file)
            else:
                frame.to_csv(file)
        part.replace(out)
    except (OSError, ValueError) as error:  # a null byte in a name is a ValueError
        with contextlib.suppress(OSError, ValueError):
            part.unlink(missing_ok=True)
        raise DataError("the file must be writable", value=f"{out}: {error}") from error
