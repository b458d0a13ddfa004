"""Settings of notebook runs."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from nautilus_lab.config._section import Section


class JobSettings(Section):
    """Notebook runs: where they leave their output, and the longest a run or a cell may take."""

    directory: Path = Path("runs")
    run_timeout_s: int = Field(default=3_600, gt=0)
    cell_timeout_s: int = Field(default=600, gt=0)
    start_timeout_s: int = Field(default=60, gt=0)
