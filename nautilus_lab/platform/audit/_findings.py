"""What was found wrong with a trail: a line beside it, since its rows are not to be trusted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.audit._report import AuditReport


def note_finding(path: Path, report: AuditReport, *, by: str) -> None:
    """Add a line that says who verified a trail, when, and what was found.

    Parameters
    ----------
    path : Path
        The file, 0600; made if need be.
    report : AuditReport
        What was found.
    by : str
        Who looked.

    Raises
    ------
    StoreError
        When the line cannot be written.
    """
    found = {
        "ts_ns": time.time_ns(),
        "by": by,
        "trader": report.trader,
        "chains": [
            {
                "chain": one.chain,
                "first_bad": one.verdict.first_bad,
                "kind": one.verdict.kind,
                "detail": one.verdict.detail,
            }
            for one in report.chains
            if not one.verdict.ok
        ],
        "guards": [
            {"what": one.what, "name": one.name, "fault": one.fault, "found": one.found}
            for one in report.guards
        ],
        "troubles": report.troubles,
    }
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.write(handle, msgspec.json.encode(found) + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(
            f"what was found must be written down: {error.strerror}",
            value=str(path),
            remedy="give --no-note, and keep what it says yourself",
        ) from None
