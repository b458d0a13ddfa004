"""Where a workspace is."""

from __future__ import annotations

import os
from pathlib import Path


def find_root(start: Path | None = None) -> Path:
    """Return the workspace: `NL_ROOT`, or the nearest parent with a `lab.toml`, or `start`."""
    if given := os.environ.get("NL_ROOT"):
        return Path(given).resolve()
    begin = (start or Path.cwd()).resolve()
    for folder in (begin, *begin.parents):
        if os.path.lexists(folder / "lab.toml"):
            return folder
    return begin
