"""A report as a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nautilus_lab.display import escape, format_value
from nautilus_lab.reports._report import number_text, time_text

if TYPE_CHECKING:
    from nautilus_lab.reports._report import Cell, Column, Report, Section

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z")
_LONG = 64  # characters of a word that may be broken; a hash is not
_CSS = (
    "body{font:13px/1.45 'Segoe UI','Helvetica Neue',Arial,sans-serif;color:#1c2330;margin:0 auto;"
    "max-width:1240px;padding:28px 24px}h1{font-size:20px;margin:0}h2{font-size:14px;margin:22px "
    "0 6px}p{color:#667085;margin:2px 0}.marks{border-left:3px solid #d97706;padding:7px 12px;"
    "color:#9a5b0b}table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:"
    "3px 8px;border-bottom:1px solid #e6e9ef;text-align:left;vertical-align:top;overflow-wrap:"
    "break-word}td.w{overflow-wrap:anywhere}td.n{text-align:right}td.n,td.t{white-space:nowrap}"
    "@media print{h2{break-after:avoid}tr{break-inside:avoid}}"
)


def to_html(report: Report) -> bytes:
    """Return a page without scripts; a figure's ``data`` element has all its digits."""
    marks = report.provenance.caption
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="default-src &#x27;none&#x27;; '
        f'style-src &#x27;unsafe-inline&#x27;"><title>{escape(report.title)}</title>'
        f"<style>{_CSS}</style></head><body><h1>{escape(report.title)}</h1>"
        f"<p>{escape(report.subject)}, as of {time_text(report.as_of)}, "
        f"{report.complete_text} complete</p>"
        + (f'<p class="marks">{escape(marks)}</p>' if marks else "")
        + "".join(map(_table, report.parts))
        + "</body></html>\n"
    ).encode()


def _table(section: Section) -> str:
    heads = "".join(f'<th scope="col">{escape(one.heading)}</th>' for one in section.columns)
    body = "".join(
        "<tr>" + "".join(map(_cell, row, section.columns, section.numeric)) + "</tr>"
        for row in section.rows
    )
    told = "".join(f"<p>{escape(text)}</p>" for text in (section.note, section.source) if text)
    none = "" if section.rows else "<p>None.</p>"
    return (
        f"<h2>{escape(section.name)}</h2><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table>{none}{told}"
    )


def _cell(cell: Cell, column: Column, right: bool) -> str:
    if cell is None:
        return "<td></td>"
    if isinstance(cell, bool):
        return f"<td>{'true' if cell else 'false'}</td>"
    if isinstance(cell, str):
        kind = ' class="t"' if _TIME.fullmatch(cell) else ""
        if max(map(len, cell.split()), default=0) > _LONG:
            kind = ' class="w"'
        return f"<td{kind}>{escape(cell)}</td>"
    kind = ' class="n"' if right else ""
    return f'<td{kind}><data value="{number_text(cell)}">{shown(cell, column)}</data></td>'


def shown(value: float, column: Column) -> str:
    """Return a figure as people read it; one that could not be had by its name."""
    text = number_text(value)
    if not text[-1].isdigit():
        return text
    # Six digits of a million are no figure that people read.
    large = column.form == ",.6g" and 1e6 <= abs(value) < 1e15
    return escape(format_value(value, ",.0f" if large else column.form))
