"""`nautilus-lab features compute`: features of bars, shown, or written to a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._shown import add_json, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import BadData, DataError, InputError

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars

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
        help="your own bars, .parquet or .csv: timestamp, symbol, open, high, low, close, volume",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="all values, .parquet or .csv")
    return add_json(parser)


def _compute(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    if chosen.out is not None:
        _require_form(chosen.out)
    lab = Lab(chosen.root)
    for spec in lab.features.registry.specs(chosen.features):
        if spec.as_usual and spec.feature.data != "bars":
            raise InputError(
                "this command computes features of bars",
                value=f"{spec.label} of {spec.feature.data}",
                remedy=f"lab.features.compute({spec.feature.data}, ...) in a notebook",
            )
    symbols = chosen.symbols.split(",") if chosen.symbols else None
    if chosen.bars is not None:
        bars = _of_file(chosen.bars, symbols, chosen.start, chosen.end)
    else:
        bars = lab.marketdata.bars(symbols, start=chosen.start, end=chosen.end)
    frame = lab.features.compute(bars, chosen.features).frame()
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


def _of_file(path: Path, symbols: list[str] | None, start: str | None, end: str | None) -> Bars:
    """Read bars; raises BadData where a file has others, DataError where it cannot be read."""
    import numpy as np
    import pandas as pd

    from nautilus_lab.frames import require_bars

    _require_form(path)
    try:
        read = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError("bars must be readable", value=f"{path}: {error}") from error
    read = read.reset_index() if read.index.names != [None] else read
    if lacking := [name for name in _INDEX if name not in read.columns]:
        raise BadData(f"bars need the column {lacking[0]}", value=path)
    try:
        times = pd.to_datetime(read["timestamp"])
    except (ValueError, TypeError) as error:
        raise BadData("a bar needs a time", value=f"{path}: {error}") from error
    bars = require_bars(read.assign(timestamp=times).set_index(_INDEX))
    wanted = np.ones(len(bars), bool)
    kept = pd.DatetimeIndex(bars.index.get_level_values("timestamp"))
    if symbols is not None:
        wanted &= bars.index.get_level_values("symbol").isin(symbols)
    if start:
        wanted &= kept >= _day(start)
    if end:
        wanted &= kept < _day(end) + pd.Timedelta(days=1)
    return bars[wanted]


def _day(text: str) -> pd.Timestamp:
    import pandas as pd

    try:
        return pd.Timestamp(text, tz="UTC")
    except ValueError as error:
        raise InputError("a day is written 2020-01-31", value=text) from error


def _require_form(path: Path) -> None:
    if path.suffix not in _FORMS:
        raise InputError("a file of frames is .parquet or .csv", value=path)


def _write(frame: pd.DataFrame, out: Path) -> None:
    """Write all of it or nothing: a reader never sees half a file."""
    part = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            frame.to_parquet(part)
        else:
            frame.to_csv(part)
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataError("the file must be writable", value=f"{out}: {error}") from error
