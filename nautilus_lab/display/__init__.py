"""What results look like: tear sheets, tables, charts of one style, tracebacks on request."""

from nautilus_lab.display._figure import GAIN, LOSS, PALETTE, Theme, house_template, style_figure
from nautilus_lab.display._format import Format, escape, format_value
from nautilus_lab.display._preview import bar_preview, histogram_preview, line_preview
from nautilus_lab.display._table import Rows, Table, html_table
from nautilus_lab.display._tearsheet import Chart, Facts, HasTearSheet, Part, TearSheet
from nautilus_lab.display._thin import line_trace
from nautilus_lab.display._traceback import traceback

__all__ = [
    "GAIN",
    "LOSS",
    "PALETTE",
    "Chart",
    "Facts",
    "Format",
    "HasTearSheet",
    "Part",
    "Rows",
    "Table",
    "TearSheet",
    "Theme",
    "bar_preview",
    "escape",
    "format_value",
    "histogram_preview",
    "house_template",
    "html_table",
    "line_preview",
    "line_trace",
    "style_figure",
    "traceback",
]
