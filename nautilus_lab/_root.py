"""Where a workspace is."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def find_root(start: Path | None = None) -> Path:
    """Return the workspace: `NL_ROOT`, or the nearest parent with a `lab.toml`, or `start`."""
    from pathlib import Path

    return Path(root_from(os.curdir if start is None else start))


def root_from(start: str | os.PathLike[str]) -> str:
    """Return the same as text, without what a kill would have to wait for."""
    if given := os.environ.get("NL_ROOT"):
        return os.path.realpath(given)
    begin = folder = os.path.realpath(start)
    while not os.path.lexists(os.path.join(folder, "lab.toml")):
        above = os.path.dirname(folder)
        if above == folder:
            return begin
        folder = above
    return folder
