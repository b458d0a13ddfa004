"""A report as CSV."""

from __future__ import annotations

import csv
import io
import unicodedata
from typing import TYPE_CHECKING

from nautilus_lab.reports._report import number_text

if TYPE_CHECKING:
    from nautilus_lab.reports._report import Cell, Report

# What makes a spreadsheet read text as a formula or call another programme, and the quote that
# keeps it from that. Other forms of these are read as they are, the full-width ones for instance.
_FORMULA = frozenset("=+-@|'\N{MINUS SIGN}")
_HEAD = ("section", "row", "column", "unit", "type", "value")


def to_csv(report: Report) -> bytes:
    """Return one line a cell, UTF-8; text that would be a formula begins with a quote.

    A quote at the beginning of the text itself is doubled, so that one can be taken off again.
    """
    written = io.StringIO(newline="")
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow(_HEAD)
    for section in report.parts:
        for number, row in enumerate(section.rows, start=1):
            for column, cell in zip(section.columns, row, strict=True):
                kind, text = _written(cell)
                names = map(_harmless, (section.name, column.name, column.unit))
                name, head, unit = names
                lines.writerow((name, number, head, unit, kind, text))
    return written.getvalue().encode()


def _written(cell: Cell) -> tuple[str, str]:
    if cell is None:
        return "none", ""
    if isinstance(cell, bool):
        return "bool", "true" if cell else "false"
    if isinstance(cell, str):
        return "text", _harmless(cell)
    return "number", number_text(cell)


def _harmless(text: str) -> str:
    # What cannot be seen, a tab or a mark of byte order for instance, is a blank in every report.
    begins = unicodedata.normalize("NFKC", text.lstrip()[:1])[:1]
    return f"'{text}" if begins in _FORMULA else text
