"""A report as a workbook."""

from __future__ import annotations

import io
import math
from datetime import UTC
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.reports._report import number_text

if TYPE_CHECKING:
    from nautilus_lab.reports._report import Cell, Report, Section

_ROWS = 1_048_576  # of a sheet


def to_xlsx(report: Report) -> bytes:
    """Return a workbook, a sheet a section; text is text there, whatever it begins with."""
    from xlsxwriter import Workbook

    for section in report.parts:
        if len(section.rows) + 4 > _ROWS:
            raise InputError(
                f"a sheet holds {_ROWS - 4:,} rows",
                value=f"{len(section.rows):,} in {section.name}",
                remedy="write it as CSV or JSON",
            )
    made = io.BytesIO()
    # Nothing of what text says is turned into formulas, links or numbers.
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(made, {"in_memory": True, **plain}) as book:
        # The time of the report, not of its making: the same report gives the same bytes.
        created = report.as_of.astimezone(UTC).replace(tzinfo=None)
        book.set_properties({"title": report.title, "created": created})
        bold = book.add_format({"bold": True})
        for section in report.parts:
            _sheet(book.add_worksheet(section.name), section, bold)
    return made.getvalue()


def _sheet(sheet: Any, section: Section, bold: object) -> None:
    for place, column in enumerate(section.columns):
        sheet.write_string(0, place, column.heading, bold)
        sheet.set_column(place, place, 20)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(section.rows, start=1):
        for place, cell in enumerate(row):
            _write(sheet, number, place, cell)
    for below, text in enumerate(filter(None, (section.note, section.source)), start=2):
        sheet.write_string(len(section.rows) + below, 0, text)


def _write(sheet: Any, row: int, place: int, cell: Cell) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(row, place, cell)
    elif isinstance(cell, str):
        sheet.write_string(row, place, cell)
    elif math.isfinite(cell):
        sheet.write_number(row, place, cell)
    else:
        sheet.write_string(row, place, number_text(cell))
