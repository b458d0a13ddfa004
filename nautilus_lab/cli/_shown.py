"""How commands show what they found: as a table for people, as JSON for scripts."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence

import msgspec

from nautilus_lab.exceptions import LabError

_NS = 1_000_000_000


def add_json(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add ``--json``; returns the parser."""
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    return parser


def show_json(value: object) -> None:
    """Print `value`, structs and all, as JSON."""
    plain = msgspec.to_builtins(value)
    print(json.dumps(plain, indent=2, ensure_ascii=False, default=str))


def show_error(error: LabError) -> None:
    """Print what went wrong as JSON: its kind, the rule, what broke it and what to do."""
    value = None if error.value is None else str(error.value)
    told = {"kind": type(error).__name__, "rule": error.rule, "value": value}
    show_json({"ok": False, "error": told | {"remedy": error.remedy}})


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, none: str) -> None:
    """Print rows under their columns; where there are none, what there is `none` of, on a line."""
    found = [tuple(plain(cell) for cell in row) for row in rows]
    if not found:
        return print(f"no {none}")
    table = [tuple(columns), *found]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def show_fields(value: msgspec.Struct, **more: object) -> None:
    """Print a struct, a field a line, and what else is known; `since_ns` as the instant `since`."""
    rows = {name: getattr(value, name) for name in value.__struct_fields__} | more
    told = {name.removesuffix("_ns"): _field(name, cell) for name, cell in rows.items()}
    width = max(map(len, told))
    for name, text in told.items():
        print(f"{name:<{width}}  {text}")


def _field(name: str, cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    if name.endswith(("_ns", "_ts")) and (cell is None or isinstance(cell, int)):
        return at(cell)
    return plain(cell)


def at(ns: int | None) -> str:
    """Return UNIX nanoseconds as a time of day people read, UTC; a dash for none."""
    if not ns:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(ns // _NS))


def plain(cell: object) -> str:
    """Return text on one line that cannot steer the terminal, whoever wrote it."""
    text = "-" if cell is None or cell == "" else str(cell)
    return "".join(c if c.isprintable() else " " for c in text)
