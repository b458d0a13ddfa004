"""Settings of the catalog."""

from __future__ import annotations

from pathlib import Path

from nautilus_lab.config._section import Section


class DataSettings(Section):
    """Where the catalog is; a relative path starts at the workspace's root."""

    directory: Path = Path("data")
