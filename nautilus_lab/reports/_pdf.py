"""A report as PDF: pages of text in columns, in a font that every reader has."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from nautilus_lab.reports._html import shown
from nautilus_lab.reports._report import time_text

if TYPE_CHECKING:
    from nautilus_lab.reports._report import Cell, Column, Report, Section

# A4 lying, points; Courier is 0.6 of its size wide
_WIDE, _HIGH, _EDGE, _SIZE, _LEADING = 842, 595, 36, 7.0, 9.0
_ACROSS = int((_WIDE - 2 * _EDGE) / (_SIZE * 0.6))
_LINES = int((_HIGH - 2 * _EDGE) / _LEADING) - 1
_GAP = "  "
_NARROWEST = 6


def to_pdf(report: Report) -> bytes:
    r"""Return the pages; characters that the font lacks are written by number: \u2713."""
    pages = [_head(report)]
    for section in report.parts:
        _add(section, pages)
    foot = f"{report.title}, {report.subject}, as of {time_text(report.as_of)}"
    streams = [
        _stream(page, f"{foot}, page {number} of {len(pages)}")
        for number, page in enumerate(pages, start=1)
    ]
    return _document(streams, report)


def _add(section: Section, pages: list[list[str]]) -> None:
    """Add a section to the last page, and to new ones; each says what its columns are."""
    title, heads, rows = section.name.upper(), *_table(section)
    told = [
        line for text in (section.note, section.source) for line in textwrap.wrap(text, _ACROSS)
    ]
    least = 2 + len(heads) + sum(map(len, rows[:2])) + (len(told) if len(rows) <= 2 else 0)
    if len(pages[-1]) + least > _LINES and least <= _LINES:
        pages.append([])
    pages[-1] += [*([""] if pages[-1] else []), title, *heads]
    for row in rows:
        if len(pages[-1]) + len(row) > _LINES:
            pages.append([f"{title}, CONTINUED", *heads])
        pages[-1] += row
        while len(pages[-1]) > _LINES:  # a row that is longer than a page
            pages.append(pages[-1][_LINES:])
            del pages[-2][_LINES:]
    for line in told:
        if len(pages[-1]) >= _LINES:
            pages.append([])
        pages[-1].append(line)


def _head(report: Report) -> list[str]:
    said = f"{report.subject}, as of {time_text(report.as_of)}, {report.complete_text} complete"
    return [
        line
        for text in (report.title.upper(), said, report.provenance.caption)
        for line in textwrap.wrap(text, _ACROSS)
    ]


def _table(section: Section) -> tuple[list[str], list[list[str]]]:
    """Return the lines of the heads, and those of each row."""
    if not section.rows:
        return ["None."], []
    heads = [column.heading for column in section.columns]
    body = [list(map(_written, row, section.columns)) for row in section.rows]
    numbers = section.numeric
    widths = _widths([heads, *body])
    lines = _wrapped(heads, widths, numbers)
    lines.append(_GAP.join("-" * width for width in widths))
    return lines, [_wrapped(row, widths, numbers) for row in body]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths that columns get: what they need, the widest cut until all fit."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = _ACROSS - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return [max(width, 1) for width in widths]


def _wrapped(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    cells = [
        textwrap.wrap(text, width, break_on_hyphens=False) or [""]
        for text, width in zip(row, widths, strict=True)
    ]
    return [
        _GAP.join(
            (cell[line] if line < len(cell) else "").rjust(width)
            if to_right
            else (cell[line] if line < len(cell) else "").ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        ).rstrip()
        for line in range(max(map(len, cells)))
    ]


def _written(cell: Cell, column: Column) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return _latin(cell)
    return _latin(shown(cell, column))


def _latin(text: str) -> str:
    # The true minus sign, which the font has not, is the hyphen there.
    plain = text.replace("\N{MINUS SIGN}", "-")
    return plain.encode("cp1252", "backslashreplace").decode("cp1252")


def _stream(lines: Sequence[str], foot: str) -> bytes:
    shown_lines = "\n".join(f"{_string(line)} Tj T*" for line in lines)
    return (
        f"BT /F1 {_SIZE:g} Tf {_LEADING:g} TL {_EDGE} {_HIGH - _EDGE - _SIZE:g} Td\n"
        f"{shown_lines}\nET\nBT /F1 {_SIZE:g} Tf {_EDGE} {_EDGE / 2:g} Td {_string(foot)} Tj ET"
    ).encode("cp1252")


def _string(text: str) -> str:
    kept = _latin(text)
    for mark in ("\\", "(", ")"):
        kept = kept.replace(mark, "\\" + mark)
    return f"({kept})"


def _document(streams: Sequence[bytes], report: Report) -> bytes:
    made = f"(D:{report.as_of.astimezone(UTC):%Y%m%d%H%M%SZ})"
    pages = [4 + 2 * place for place in range(len(streams))]
    kids = " ".join(f"{page} 0 R" for page in pages)
    about = f"<< /Title {_string(report.title)} /CreationDate {made} >>"
    # object number -> what it is, from 1
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    ]
    for page, stream in zip(pages, streams, strict=True):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDE} {_HIGH}] /Contents {page + 1} "
            f"0 R /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    info = len(objects) + 1
    objects.append(about.encode("cp1252"))
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        info,
        table,
    )
    return bytes(written)
