"""A report as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from nautilus_lab.reports._report import number_text, time_text

if TYPE_CHECKING:
    from nautilus_lab.reports._report import Cell, Report


def to_json(report: Report) -> bytes:
    """Return one JSON document; NaN and infinity are text, as JSON has none."""
    said = {
        "title": report.title,
        "subject": report.subject,
        "as_of": time_text(report.as_of),
        "complete": report.complete,
        "simulated": report.provenance.simulated,
        "notices": list(report.provenance.notices),
        "sections": [
            {
                "name": section.name,
                "source": section.source,
                "note": section.note,
                "columns": [{"name": one.name, "unit": one.unit} for one in section.columns],
                "rows": [[_plain(cell) for cell in row] for row in section.rows],
            }
            for section in report.parts
        ],
    }
    text = json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _plain(cell: Cell) -> Cell:
    return number_text(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell
