"""From a report to a file: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.reports._csv import to_csv
from nautilus_lab.reports._html import to_html
from nautilus_lab.reports._json import to_json
from nautilus_lab.reports._pdf import to_pdf
from nautilus_lab.reports._xlsx import to_xlsx

if TYPE_CHECKING:
    from nautilus_lab.reports._report import Report

_FORMATS = {"html": to_html, "pdf": to_pdf, "xlsx": to_xlsx, "csv": to_csv, "json": to_json}


def render(report: Report, form: str) -> bytes:
    """Return the report in a format."""
    if form not in _FORMATS:
        raise InputError(
            f"a report is written as one of {', '.join(_FORMATS)}", value=form, remedy="daily.html"
        )
    return _FORMATS[form](report)


def write(report: Report, path: str | Path) -> Path:
    """Write the report in the format of the file's ending."""
    target = Path(path)
    content = render(report, target.suffix.removeprefix(".").lower())
    if not target.parent.is_dir():
        raise InputError(
            "a report is written into a folder that exists",
            value=str(target.parent),
            remedy="create it first, or name another",
        )
    try:
        _replace(target, content)
    except OSError as error:
        raise InputError(
            f"a report's file must be one that can be written: {error.strerror}", value=str(target)
        ) from None
    return target


def _replace(target: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".report-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # It stays private, as mkstemp made it: whom to show what a trader did is its owner's call.
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
