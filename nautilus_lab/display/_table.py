"""Tables as HTML and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from nautilus_lab.display._format import Format, escape, format_value, is_missing, is_number
from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

# a frame, or one mapping of column -> value a row
Rows: TypeAlias = "pd.DataFrame | Sequence[Mapping[str, object]]"

_NO_FORMATS: Mapping[str, Format] = {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """A titled table, part of a tear sheet.

    Parameters
    ----------
    rows : DataFrame or sequence of mapping
        A frame shows its index as the first column, unless it is a plain count of rows.
    title : str, default=""
        The heading.
    formats : mapping of str to str or callable
        Column -> format specification (``".2%"``) or function; columns without one are written
        with four significant digits.
    note : str, default=""
        A line under the table: the convention or the unit.
    most : int, default=40
        Rows shown; of more, the first and last are, with the number left out between them.
    wide : bool, default=False
        Take the full width of the sheet.

    Examples
    --------
    >>> print(Table(rows=[{"symbol": "AAPL", "weight": 0.25}], formats={"weight": ".1%"}).text)
    symbol  weight
    AAPL     25.0%
    """

    rows: Rows
    title: str = ""
    formats: Mapping[str, Format] = field(default_factory=dict)
    note: str = ""
    most: int = 40
    wide: bool = False

    def __repr__(self) -> str:
        return f"Table({self.title!r}, {len(self.rows)} rows)"

    @property
    def html(self) -> str:
        """The table as an HTML fragment; all text in it is escaped."""
        head, body = self._cells()
        right = _right(head, body)
        columns = "".join(
            f'<th scope="col"{" class=nl-number" if to_right else ""}>{escape(name)}</th>'
            for name, to_right in zip(head, right, strict=True)
        )
        lines = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in body)
        title = f"<h4>{escape(self.title)}</h4>" if self.title else ""
        note = f'<p class="nl-note">{escape(self.note)}</p>' if self.note else ""
        kind = "nl-table nl-wide" if self.wide else "nl-table"
        return (
            f'<div class="{kind}">{title}<table><thead><tr>{columns}</tr></thead>'
            f"<tbody>{lines}</tbody></table>{note}</div>"
        )

    @property
    def text(self) -> str:
        """The table as lines of text in columns."""
        head, body = self._cells()
        texts = [[text for text, _ in row] for row in body]
        widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
        right = _right(head, body)
        lines = [_line(row, widths, right) for row in (head, *texts)]
        return "\n".join(
            ([self.title] if self.title else []) + lines + ([self.note] * bool(self.note))
        )

    def _cells(self) -> tuple[list[str], list[list[tuple[str, str]]]]:
        """Return the heads and, for each row, the text and the class of each cell."""
        head, rows, n_labels = _columns(self.rows)
        # Labels are not quantities: the year 2010 has no thousands separator.
        formats = [
            self.formats.get(name, _plain if place < n_labels else None)
            for place, name in enumerate(head)
        ]
        shown, left_out = rows, 0
        if len(rows) > self.most:
            half = self.most // 2
            left_out = len(rows) - 2 * half
            shown = [*rows[:half], *rows[len(rows) - half :]]
        body = [
            [_written(value, form) for value, form in zip(row, formats, strict=True)]
            for row in shown
        ]
        if left_out:
            gap = [("…", "")] * len(head)
            gap[0] = (f"… {left_out:,} more", "")
            body.insert(len(body) // 2, gap)
        return head, body


def html_table(rows: Rows, formats: Mapping[str, Format] = _NO_FORMATS, *, title: str = "") -> str:
    """Render a frame, or rows of mappings, as an HTML table; all text in it is escaped.

    Parameters
    ----------
    rows : DataFrame or sequence of mapping
        What to show.
    formats : mapping of str to str or callable, optional
        Column -> format specification or function.
    title : str, default=""
        The heading.

    Raises
    ------
    InputError
        When there is nothing to show columns of: an empty sequence.

    Examples
    --------
    >>> "&lt;script&gt;" in html_table([{"name": "<script>"}])
    True
    """
    return Table(rows=rows, formats=formats, title=title).html


def _columns(rows: Any) -> tuple[list[str], list[list[object]], int]:
    """Return the heads, the values by row, and how many columns are labels from an index."""
    if hasattr(rows, "itertuples"):
        named = rows
        # A frame without a meaningful index is numbered from 0: nobody wants to see that.
        counted = type(rows.index).__name__ == "RangeIndex" and rows.index.name is None
        if not counted:
            named = rows.reset_index(names=[str(name or "") for name in rows.index.names])
        head = [str(name) for name in named.columns]
        n_labels = 0 if counted else rows.index.nlevels
        return head, [list(row) for row in named.itertuples(index=False, name=None)], n_labels
    if not rows:
        raise InputError(
            "a table needs at least one row to know its columns",
            value=0,
            remedy="pass a DataFrame with columns to show an empty table",
        )
    head = list(dict.fromkeys(str(name) for row in rows for name in row))
    return head, [[row.get(name) for name in head] for row in rows], 0


def _plain(value: object) -> str:
    return str(value) if is_number(value) else format_value(value)


def _right(head: Sequence[str], body: Sequence[Sequence[tuple[str, str]]]) -> list[bool]:
    """Tell which columns hold numbers and align right."""
    return [any(row[place][1] for row in body) for place in range(len(head))]


def _written(value: object, form: Format | None) -> tuple[str, str]:
    """Return the text of a cell and its class."""
    text = format_value(value, form)
    if form is _plain or is_missing(value) or not is_number(value):
        return text, ""
    # By the text, not the value: what is written as 0.0% is not shown as a loss.
    negative = text.startswith("\N{MINUS SIGN}")
    return text, "nl-number nl-negative" if negative else "nl-number"


def _cell(cell: tuple[str, str]) -> str:
    text, kind = cell
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        text.rjust(width) if to_right else text.ljust(width)
        for text, width, to_right in zip(row, widths, right, strict=True)
    )
    return "  ".join(cells).rstrip()
