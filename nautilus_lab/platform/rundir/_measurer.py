"""What the process that measures for limits owns on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.platform.rundir._lock import Lock


@dataclass(frozen=True)
class MeasurerFiles:
    """The files of the one process of the lab at `home` that measures what limits need.

    What it measured stands in each trader's run directory, `RunDirectory.measured`.

    ==========  ==========================================================
    `record`    its process record
    `lock`      held by the one such process that may run
    `log`       its own log, which rotates
    `output`    what its process prints
    ==========  ==========================================================

    Parameters
    ----------
    home : Path
        The lab's home.
    """

    home: Path

    @property
    def record(self) -> Path:
        return self.home / "measurer.json"

    @property
    def lock(self) -> Lock:
        return Lock(self.home / "measurer.lock", "what measures for the limits of this lab")

    @property
    def log(self) -> Path:
        return self.home / "logs" / "measurer.log"

    @property
    def output(self) -> Path:
        return self.home / "logs" / "measurer.out"
